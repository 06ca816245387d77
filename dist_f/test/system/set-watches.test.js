import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventType } from '../../src/protocol/opcode.js';
import { conformance } from '../support/conformance.js';
import { ok } from '../support/wire-connection.js';
import { text } from '../support/wire-records.js';
const { nodeCreated, nodeDeleted, nodeDataChanged, nodeChildrenChanged } = EventType;
const seen = (client, path) => client.notifications.map((event) => [event.type, event.path?.slice(path.length)]);
conformance('setWatches', {}, (subject) => {
    const change = (client, path) => client.setData(path, text('later'));
    const addChild = (client, path) => client.create(`${path}/later`);
    const make = (client, path) => client.create(path);
    const catchUp = [
        {
            name: 'data, missing',
            list: 'data',
            state: 'missing',
            event: nodeDeleted,
            later: make,
            laterEvent: null,
        },
        {
            name: 'data, changed since',
            list: 'data',
            state: 'changed',
            event: nodeDataChanged,
            later: change,
            laterEvent: null,
        },
        {
            name: 'data, unchanged',
            list: 'data',
            state: 'unchanged',
            event: null,
            later: change,
            laterEvent: nodeDataChanged,
        },
        {
            name: 'exist, missing',
            list: 'exist',
            state: 'missing',
            event: null,
            later: make,
            laterEvent: nodeCreated,
        },
        {
            name: 'exist, there',
            list: 'exist',
            state: 'unchanged',
            event: nodeCreated,
            later: change,
            laterEvent: null,
        },
        {
            name: 'child, missing',
            list: 'child',
            state: 'missing',
            event: nodeDeleted,
            later: make,
            laterEvent: null,
        },
        {
            name: 'child, changed since',
            list: 'child',
            state: 'changed',
            event: nodeChildrenChanged,
            later: addChild,
            laterEvent: null,
        },
        {
            name: 'child, unchanged',
            list: 'child',
            state: 'unchanged',
            event: null,
            later: addChild,
            laterEvent: nodeChildrenChanged,
        },
    ];
    for (const { name, list, state, event, later, laterEvent } of catchUp) {
        test(`${name}: ${event === null ? 'the watch is set' : `event ${event} at once`}`, async () => {
            const client = await subject.connect();
            const path = subject.freshPath();
            ok(await client.create(path));
            const { zxid } = await client.setACL(path, [{ perms: 31, scheme: 'world', id: 'anyone' }]);
            if (state === 'changed') {
                ok(await client.setData(path, text('x')));
                ok(await client.create(`${path}/child`));
            }
            if (state === 'missing')
                ok(await client.delete(path));
            client.log.length = 0;
            const last = (await client.ping()).zxid;
            client.log.length = 0;
            const reply = await client.setWatches(zxid, { [list]: [path] });
            assert.deepEqual([reply.xid, reply.err, reply.zxid, reply.rest], [-8, 0, last, 0]);
            const expected = event === null ? [] : [{ zxid: -1n, err: 0, type: event, state: 3, path }];
            assert.deepEqual(client.notifications.map(({ kind: _, ...rest }) => rest), expected);
            assert.equal(client.log.at(-1)?.kind, 'reply', 'events precede the reply');
            client.log.length = 0;
            await later(client, path);
            await client.sync('/');
            assert.deepEqual(client.notifications.map((one) => one.type), laterEvent === null ? [] : [laterEvent]);
        });
    }
    test('the lists are gone through in the order data, exist, child', async () => {
        const client = await subject.connect();
        const path = subject.freshPath();
        ok(await client.create(path));
        ok(await client.create(`${path}/a`));
        client.log.length = 0;
        await client.setWatches(0n, {
            child: [path, `${path}/gone`],
            exist: [`${path}/a`, path],
            data: [`${path}/gone`, path],
        });
        assert.deepEqual(seen(client, path), [
            [nodeDeleted, '/gone'],
            [nodeDataChanged, ''],
            [nodeCreated, '/a'],
            [nodeCreated, ''],
            [nodeChildrenChanged, ''],
            [nodeDeleted, '/gone'],
        ]);
    });
    test('a reconnect with thousands of watches: what changed is told, the rest is set', async () => {
        const [first, other] = [await subject.connect(), await subject.connect()];
        const parent = subject.freshPath();
        ok(await other.create(parent));
        const paths = Array.from({ length: 3000 }, (_, i) => `${parent}/node-${i}`);
        await Promise.all(other.batch(() => paths.map((path) => other.create(path))));
        const { zxid } = await first.sync('/');
        await first.disconnect();
        const changed = paths.filter((_, i) => i % 3 === 0);
        await Promise.all(other.batch(() => changed.map((path) => other.setData(path, text('x')))));
        const { sessionId, password } = first.session;
        const back = await subject.connect({ sessionId, password, lastZxidSeen: zxid });
        assert.equal((await back.setWatches(zxid, { data: paths })).err, 0);
        assert.deepEqual(back.notifications.map((event) => event.path), changed);
        await Promise.all(other.batch(() => paths.map((path) => other.setData(path, text('y')))));
        await back.waitForNotifications(paths.length);
        assert.deepEqual(back.notifications
            .slice(changed.length)
            .map((event) => event.path)
            .sort(), paths.filter((_, i) => i % 3 !== 0).sort());
    });
});
