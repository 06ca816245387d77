import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventType } from '../../src/protocol/opcode.js';
import { conformance } from '../support/conformance.js';
import { delay } from '../support/server-process.js';
import { ok } from '../support/wire-connection.js';
import { Flag } from '../support/wire-records.js';
/** Short ticks, so that sessions expire while a test waits; not so short that a busy machine lets them expire early. */
const TICK_MS = 200;
const SHORT_MS = 5 * TICK_MS;
const LONG_MS = 20 * TICK_MS;
conformance('the life of sessions', { config: [`tickTime=${TICK_MS}`] }, (subject) => {
    test('a session that is not heard of expires: its ephemerals go and watches tell', async () => {
        const watcher = await subject.connect({ timeoutMs: LONG_MS });
        const parent = subject.freshPath();
        ok(await watcher.create(parent));
        const client = await subject.connect({ timeoutMs: SHORT_MS });
        ok(await client.create(`${parent}/a`, null, Flag.ephemeral));
        ok(await client.create(`${parent}/b`, null, Flag.ephemeralSequential));
        const touchedAt = Date.now();
        ok(await client.create(`${parent}/kept`));
        const { zxid } = await watcher.exists(`${parent}/a`, true);
        ok(await watcher.getChildren(parent, true));
        await client.disconnect();
        const events = await watcher.waitForNotifications(2);
        const tookMs = Date.now() - touchedAt;
        assert.ok(tookMs >= SHORT_MS, `expired after ${tookMs} ms`);
        assert.ok(tookMs <= SHORT_MS + 10 * TICK_MS, `expired after ${tookMs} ms`);
        assert.deepEqual(new Set(events.map((event) => `${event.type} ${event.path}`)), new Set([`${EventType.nodeDeleted} ${parent}/a`, `${EventType.nodeChildrenChanged} ${parent}`]));
        const children = await watcher.getChildren(parent);
        assert.deepEqual(ok(children), ['kept']);
        assert.equal(children.zxid, zxid + 1n, 'expiry is one transaction');
        const back = await subject.connect({
            sessionId: client.session.sessionId,
            password: client.session.password,
        });
        assert.equal(back.session.timeoutMs, 0, 'an expired session does not come back');
    });
    test('a connected client that says nothing expires, and its connection is closed', async () => {
        const client = await subject.connect({ timeoutMs: SHORT_MS });
        await client.waitForClose();
        const { sessionId, password } = client.session;
        assert.equal((await subject.connect({ sessionId, password })).session.timeoutMs, 0);
    });
    for (const [name, touch] of [
        ['pings', (client) => client.ping()],
        ['reads', (client) => client.exists('/')],
    ]) {
        test(`${name} keep a session alive over several timeouts`, async () => {
            const client = await subject.connect({ timeoutMs: SHORT_MS });
            const path = subject.freshPath();
            ok(await client.create(path, null, Flag.ephemeral));
            for (let i = 0; i < 22; i++) {
                await delay(TICK_MS / 2);
                assert.equal((await touch(client)).err, 0);
            }
            assert.equal(ok(await client.exists(path)).ephemeralOwner, client.session.sessionId);
        });
    }
    test('a client that comes back in time keeps its ephemerals; the timeout of the new connection counts', async () => {
        const client = await subject.connect({ timeoutMs: SHORT_MS });
        const path = subject.freshPath();
        ok(await client.create(path, null, Flag.ephemeral));
        await client.disconnect();
        const { sessionId, password } = client.session;
        const back = await subject.connect({ sessionId, password, timeoutMs: LONG_MS });
        assert.equal(back.session.timeoutMs, LONG_MS);
        await delay(SHORT_MS + 2 * TICK_MS);
        assert.equal(ok(await back.exists(path)).ephemeralOwner, sessionId);
    });
    test('closing a session deletes its ephemerals under one zxid', async () => {
        const watcher = await subject.connect({ timeoutMs: LONG_MS });
        const client = await subject.connect({ timeoutMs: LONG_MS });
        const parent = subject.freshPath();
        ok(await client.create(parent));
        const paths = Array.from({ length: 5 }, (_, i) => `${parent}/e${i}`);
        for (const path of paths)
            ok(await client.create(path, null, Flag.ephemeral));
        for (const path of paths)
            ok(await watcher.getData(path, true));
        const { zxid } = await client.closeSession();
        const events = await watcher.waitForNotifications(paths.length);
        assert.deepEqual(new Set(events.map((event) => event.path)), new Set(paths));
        for (const event of events) {
            assert.equal(event.type, EventType.nodeDeleted);
            assert.equal(event.zxid, subject.since39(zxid, -1n));
        }
        const { children, stat } = ok(await watcher.getChildren2(parent));
        assert.deepEqual(children, []);
        assert.equal(stat.pzxid, zxid);
    });
    test('an ephemeral outlives the connection, not the session, that made it: deleted and made again', async () => {
        const first = await subject.connect({ timeoutMs: LONG_MS });
        const second = await subject.connect({ timeoutMs: LONG_MS });
        const path = subject.freshPath();
        ok(await first.create(path, null, Flag.ephemeral));
        assert.equal((await second.create(path, null, Flag.ephemeral)).err, -110);
        ok(await second.delete(path));
        ok(await second.create(path, null, Flag.ephemeral));
        ok(await first.closeSession());
        assert.equal(ok(await second.exists(path)).ephemeralOwner, second.session.sessionId);
    });
    for (const how of ['stop', 'kill9']) {
        test(`sessions, timeouts, ephemerals and data survive a ${how} and a start`, async () => {
            const kept = await subject.connect({ timeoutMs: LONG_MS });
            // Long enough for this client to be back before it expires.
            const leaving = await subject.connect({ timeoutMs: LONG_MS / 2 });
            const parent = subject.freshPath();
            ok(await kept.create(parent));
            ok(await kept.create(`${parent}/kept`, null, Flag.ephemeral));
            ok(await leaving.create(`${parent}/leaving`, null, Flag.ephemeral));
            const before = ok(await kept.getChildren2(parent));
            const { zxid } = await kept.ping();
            await subject.server[how]();
            await Promise.all([kept.waitForClose(), leaving.waitForClose()]);
            await subject.server.start();
            const { sessionId, password } = kept.session;
            const back = await subject.connect({ sessionId, password, timeoutMs: LONG_MS, lastZxidSeen: zxid });
            assert.equal(back.session.sessionId, sessionId);
            ok(await back.exists(`${parent}/leaving`, true));
            const after = ok(await back.getChildren2(parent));
            assert.deepEqual(after.stat, before.stat);
            assert.deepEqual(after.children.sort(), before.children.sort());
            const [event] = await back.waitForNotifications(1);
            assert.deepEqual([event.type, event.path], [EventType.nodeDeleted, `${parent}/leaving`]);
            assert.equal(ok(await back.exists(`${parent}/kept`)).ephemeralOwner, sessionId);
            assert.ok((await back.create(`${parent}/new`)).zxid > zxid);
        });
    }
});
