import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ErrorCode } from '../../src/protocol/error-code.js';
import { EventType, STATE_SYNC_CONNECTED } from '../../src/protocol/opcode.js';
import { conformance } from '../support/conformance.js';
import { ok } from '../support/wire-connection.js';
import { Flag, text } from '../support/wire-records.js';
const { nodeCreated, nodeDeleted, nodeDataChanged, nodeChildrenChanged } = EventType;
const create = (client, path) => client.create(`${path}/n`);
const remove = (client, path) => client.delete(`${path}/n`);
const setData = (client, path) => client.setData(`${path}/n`, text('x'));
const setACL = (client, path) => client.setACL(`${path}/n`, [{ perms: 31, scheme: 'world', id: 'anyone' }]);
const rows = [
    {
        name: 'create, exists on the node',
        nodes: [''],
        watches: [['exists', '/n']],
        change: create,
        events: [[nodeCreated, '/n']],
    },
    {
        name: 'create, getChildren of the parent',
        nodes: [''],
        watches: [['getChildren', '']],
        change: create,
        events: [[nodeChildrenChanged, '']],
    },
    {
        name: 'create, getChildren2 of the parent',
        nodes: [''],
        watches: [['getChildren2', '']],
        change: create,
        events: [[nodeChildrenChanged, '']],
    },
    {
        name: 'create, both: the node before its parent',
        nodes: [''],
        watches: [
            ['getChildren', ''],
            ['exists', '/n'],
        ],
        change: create,
        events: [
            [nodeCreated, '/n'],
            [nodeChildrenChanged, ''],
        ],
    },
    {
        name: 'create, data of the parent: nothing',
        nodes: [''],
        watches: [['getData', '']],
        change: create,
        events: [],
    },
    {
        name: 'setData, getData',
        nodes: ['', '/n'],
        watches: [['getData', '/n']],
        change: setData,
        events: [[nodeDataChanged, '/n']],
    },
    {
        name: 'setData, exists',
        nodes: ['', '/n'],
        watches: [['exists', '/n']],
        change: setData,
        events: [[nodeDataChanged, '/n']],
    },
    {
        name: 'setData, getData and exists: one event, they share a table',
        nodes: ['', '/n'],
        watches: [
            ['getData', '/n'],
            ['exists', '/n'],
            ['exists', '/n'],
        ],
        change: setData,
        events: [[nodeDataChanged, '/n']],
    },
    {
        name: 'setData, children of the node and of its parent: nothing',
        nodes: ['', '/n'],
        watches: [
            ['getChildren', '/n'],
            ['getChildren', ''],
        ],
        change: setData,
        events: [],
    },
    {
        name: 'setACL: nothing',
        nodes: ['', '/n'],
        watches: [
            ['getData', '/n'],
            ['exists', '/n'],
            ['getChildren', '/n'],
            ['getChildren', ''],
        ],
        change: setACL,
        events: [],
    },
    {
        name: 'delete, getData',
        nodes: ['', '/n'],
        watches: [['getData', '/n']],
        change: remove,
        events: [[nodeDeleted, '/n']],
    },
    {
        name: 'delete, exists',
        nodes: ['', '/n'],
        watches: [['exists', '/n']],
        change: remove,
        events: [[nodeDeleted, '/n']],
    },
    {
        name: 'delete, children of the node',
        nodes: ['', '/n'],
        watches: [['getChildren', '/n']],
        change: remove,
        events: [[nodeDeleted, '/n']],
    },
    {
        name: 'delete, children of the parent',
        nodes: ['', '/n'],
        watches: [['getChildren2', '']],
        change: remove,
        events: [[nodeChildrenChanged, '']],
    },
    {
        name: 'delete, all of them: one NodeDeleted, then the parent',
        nodes: ['', '/n'],
        watches: [
            ['getChildren', ''],
            ['getChildren', '/n'],
            ['getData', '/n'],
            ['exists', '/n'],
        ],
        change: remove,
        events: [
            [nodeDeleted, '/n'],
            [nodeChildrenChanged, ''],
        ],
    },
    {
        name: 'a grandchild: nothing above its parent',
        nodes: ['', '/n'],
        watches: [
            ['getChildren', ''],
            ['getData', '/n'],
            ['getData', ''],
        ],
        change: (client, path) => client.create(`${path}/n/deep`),
        events: [],
    },
    {
        name: 'sequential create: the name that it got',
        nodes: [''],
        watches: [['exists', '/n0000000000']],
        change: (client, path) => client.create(`${path}/n`, null, Flag.sequential),
        events: [[nodeCreated, '/n0000000000']],
    },
    {
        name: 'failed writes: nothing',
        nodes: ['', '/n', '/n/deep'],
        watches: [
            ['getData', '/n'],
            ['getChildren', ''],
            ['getChildren', '/n'],
        ],
        change: async (client, path) => {
            await client.setData(`${path}/n`, null, 9);
            await client.delete(`${path}/n`);
            return client.create(`${path}/n`);
        },
        events: [],
    },
];
async function watch(client, kind, path) {
    const reply = await client[kind](path, true);
    if (reply.err !== 0 && kind !== 'exists')
        throw new Error(`cannot watch ${path}: ${reply.err}`);
}
const seen = (client, path) => client.notifications.map((event) => [event.type, event.path?.slice(path.length)]);
conformance('one-shot watches', {}, (subject) => {
    for (const { name, nodes, watches, change, events } of rows) {
        for (const who of ['oneself', 'another']) {
            test(`${name} (changed by ${who})`, async () => {
                const watcher = await subject.connect();
                const changer = who === 'oneself' ? watcher : await subject.connect();
                const path = subject.freshPath();
                for (const node of nodes)
                    ok(await changer.create(path + node));
                for (const [kind, below] of watches)
                    await watch(watcher, kind, path + below);
                const { zxid } = await change(changer, path);
                await watcher.waitForNotifications(events.length);
                // What has not come before a later reply does not come: events go before replies.
                await watcher.sync('/');
                assert.deepEqual(seen(watcher, path), events);
                for (const event of watcher.notifications) {
                    assert.equal(event.err, 0);
                    assert.equal(event.state, STATE_SYNC_CONNECTED);
                    assert.equal(event.zxid, subject.since39(zxid, -1n), 'zxid of the change (3.9)');
                }
                watcher.log.length = 0;
                await changer.setData(path, text('again'));
                await changer.create(`${path}/later`);
                await watcher.sync('/');
                const fired = new Set(events.map(([, below]) => below));
                for (const [, below] of seen(watcher, path))
                    assert.ok(!fired.has(below), 'a watch fires once');
            });
        }
    }
    test('the event comes before the reply to the write that caused it', async () => {
        const client = await subject.connect();
        const path = subject.freshPath();
        ok(await client.create(path));
        ok(await client.getData(path, true));
        client.log.length = 0;
        await Promise.all(client.batch(() => [client.ping(), client.setData(path, text('x')), client.exists(path)]));
        const order = client.log.map((event) => (event.kind === 'reply' ? event.xid : 'event'));
        assert.deepEqual(order.filter((entry) => entry !== -2), ['event', client.lastXid - 1, client.lastXid]);
    });
    test('a reader has the event before it can read what another wrote', async () => {
        const [reader, writer] = [await subject.connect(), await subject.connect()];
        const path = subject.freshPath();
        ok(await writer.create(path, text('0')));
        for (let round = 1; round <= 30; round++) {
            ok(await reader.getData(path, true));
            reader.log.length = 0;
            const written = writer.setData(path, text(String(round)));
            let version = round - 1;
            while (version < round) {
                version = ok(await reader.getData(path)).stat.version;
                if (version === round)
                    assert.equal(reader.notifications.length, 1, `round ${round}`);
            }
            const at = reader.log.findIndex((event) => event.kind === 'notification');
            assert.ok(at >= 0 && at < reader.log.length - 1, 'the event stands before the last reply');
            ok(await written);
        }
    });
    test('failed reads leave no watch, a failed exists does', async () => {
        const client = await subject.connect();
        const path = subject.freshPath();
        ok(await client.create(path));
        for (const kind of ['getData', 'getChildren', 'getChildren2']) {
            assert.equal((await client[kind](`${path}/no`, true)).err, ErrorCode.NONODE);
        }
        ok(await client.create(`${path}/no`));
        ok(await client.create(`${path}/no/child`));
        ok(await client.delete(`${path}/no/child`));
        ok(await client.delete(`${path}/no`));
        assert.deepEqual(client.notifications, []);
        assert.equal((await client.exists(`${path}/no`, true)).err, ErrorCode.NONODE);
        ok(await client.create(`${path}/no`));
        assert.deepEqual(seen(client, path), [[nodeCreated, '/no']]);
    });
    test('each of several clients is told, each once', async () => {
        const clients = await Promise.all(Array.from({ length: 8 }, () => subject.connect()));
        const path = subject.freshPath();
        ok(await clients[0].create(path));
        await Promise.all(clients.map((client) => client.getData(path, true)));
        await Promise.all(clients.map((client) => client.getData(path, true)));
        ok(await clients[0].setData(path, text('x')));
        await Promise.all(clients.map((client) => client.waitForNotifications(1)));
        ok(await clients[0].setData(path, text('y')));
        await Promise.all(clients.map((client) => client.sync(path)));
        for (const client of clients)
            assert.deepEqual(seen(client, path), [[nodeDataChanged, '']]);
    });
    test('a watch that fired can be set again by the next read', async () => {
        const client = await subject.connect();
        const path = subject.freshPath();
        ok(await client.create(path));
        for (let round = 1; round <= 5; round++) {
            ok(await client.getData(path, true));
            ok(await client.setData(path, text('x')));
            assert.equal(client.notifications.length, round);
        }
    });
    test('children of the root', async () => {
        const client = await subject.connect();
        ok(await client.getChildren('/', true));
        const path = subject.freshPath();
        ok(await client.create(path));
        assert.deepEqual(client.notifications.map((event) => [event.type, event.path]), [[nodeChildrenChanged, '/']]);
    });
    test('a read without the watch flag does not take a watch away', async () => {
        const client = await subject.connect();
        const path = subject.freshPath();
        ok(await client.create(path));
        ok(await client.getData(path, true));
        ok(await client.getData(path, false));
        ok(await client.setData(path, text('x')));
        assert.deepEqual(seen(client, path), [[nodeDataChanged, '']]);
    });
    test('watches end with their connection, although the session goes on', async () => {
        const first = await subject.connect();
        const path = subject.freshPath();
        ok(await first.create(path));
        ok(await first.getData(path, true));
        await first.disconnect();
        const { sessionId, password } = first.session;
        const second = await subject.connect({ sessionId, password });
        ok(await second.setData(path, text('x')));
        await second.sync('/');
        assert.deepEqual(second.notifications, []);
    });
    test('an event is held back from who may not read the node, and the watch is spent', async () => {
        const [watcher, owner] = [await subject.connect(), await subject.connect()];
        assert.equal((await owner.auth('digest', text('owner:secret'))).err, 0);
        const path = subject.freshPath();
        ok(await owner.create(path));
        ok(await watcher.getData(path, true));
        ok(await watcher.getChildren(path, true));
        ok(await owner.setACL(path, [{ perms: 31, scheme: 'auth', id: '' }]));
        ok(await owner.setData(path, text('secret')));
        ok(await owner.create(`${path}/secret`));
        await watcher.sync('/');
        assert.deepEqual(watcher.notifications, []);
        ok(await owner.setACL(path, [{ perms: 31, scheme: 'world', id: 'anyone' }]));
        watcher.log.length = 0;
        ok(await owner.setData(path, text('public')));
        await watcher.sync('/');
        assert.deepEqual(watcher.notifications, [], 'held back is not put off');
    });
});
