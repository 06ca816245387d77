import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ErrorCode } from '../../src/protocol/error-code.js';
import { AddWatchMode, EventType, OpCode, WatcherType } from '../../src/protocol/opcode.js';
import { conformance } from '../support/conformance.js';
import { ok } from '../support/wire-connection.js';
import { encode, text } from '../support/wire-records.js';
const { nodeCreated, nodeDeleted, nodeDataChanged, nodeChildrenChanged } = EventType;
const { persistent, persistentRecursive } = AddWatchMode;
/** Each leaves the tree as it was, so that it can be made again. */
const createAndDelete = (below) => async (client, path) => {
    ok(await client.create(path + below));
    return client.delete(path + below);
};
const setData = (below) => (client, path) => client.setData(path + below, text('x'));
const rows = [
    {
        name: 'persistent: the node itself comes and goes',
        nodes: [''],
        mode: persistent,
        watched: '/n',
        change: createAndDelete('/n'),
        events: [
            [nodeCreated, '/n'],
            [nodeDeleted, '/n'],
        ],
    },
    {
        name: 'persistent: data',
        nodes: ['', '/n'],
        mode: persistent,
        watched: '/n',
        change: setData('/n'),
        events: [[nodeDataChanged, '/n']],
    },
    {
        name: 'persistent: children, told as changes of the parent',
        nodes: ['', '/n'],
        mode: persistent,
        watched: '/n',
        change: createAndDelete('/n/c'),
        events: [
            [nodeChildrenChanged, '/n'],
            [nodeChildrenChanged, '/n'],
        ],
    },
    {
        name: "persistent: a child's data and a grandchild are nothing",
        nodes: ['', '/n', '/n/c'],
        mode: persistent,
        watched: '/n',
        change: async (client, path) => {
            ok(await client.setData(`${path}/n/c`, text('x')));
            return createAndDelete('/n/c/g')(client, path);
        },
        events: [],
    },
    {
        name: 'recursive: the node itself',
        nodes: [''],
        mode: persistentRecursive,
        watched: '/n',
        change: createAndDelete('/n'),
        events: [
            [nodeCreated, '/n'],
            [nodeDeleted, '/n'],
        ],
    },
    {
        name: 'recursive: the whole subtree, with paths of its own and no change of children',
        nodes: ['', '/n', '/n/c'],
        mode: persistentRecursive,
        watched: '/n',
        change: async (client, path) => {
            ok(await client.setData(`${path}/n`, text('x')));
            ok(await client.setData(`${path}/n/c`, text('x')));
            ok(await client.create(`${path}/n/c/g`));
            ok(await client.setData(`${path}/n/c/g`, text('x')));
            return client.delete(`${path}/n/c/g`);
        },
        events: [
            [nodeDataChanged, '/n'],
            [nodeDataChanged, '/n/c'],
            [nodeCreated, '/n/c/g'],
            [nodeDataChanged, '/n/c/g'],
            [nodeDeleted, '/n/c/g'],
        ],
    },
    {
        name: 'recursive: a sibling whose name begins alike is nothing',
        nodes: ['', '/n', '/nn'],
        mode: persistentRecursive,
        watched: '/n',
        change: async (client, path) => {
            ok(await client.setData(`${path}/nn`, text('x')));
            ok(await client.setData(path, text('x')));
            return createAndDelete('/nn/n')(client, path);
        },
        events: [],
    },
    {
        name: 'recursive on a path that does not exist',
        nodes: [''],
        mode: persistentRecursive,
        watched: '/no/such',
        change: async (client, path) => {
            ok(await client.create(`${path}/no`));
            ok(await client.create(`${path}/no/such`));
            ok(await client.create(`${path}/no/such/x`));
            ok(await client.delete(`${path}/no/such/x`));
            ok(await client.delete(`${path}/no/such`));
            return client.delete(`${path}/no`);
        },
        events: [
            [nodeCreated, '/no/such'],
            [nodeCreated, '/no/such/x'],
            [nodeDeleted, '/no/such/x'],
            [nodeDeleted, '/no/such'],
        ],
    },
];
const seen = (client, path) => client.notifications.map((event) => [event.type, event.path?.slice(path.length)]);
conformance('persistent watches', {}, (subject) => {
    for (const { name, nodes, mode, watched, change, events } of rows) {
        test(name, async () => {
            const [watcher, changer] = [await subject.connect(), await subject.connect()];
            const path = subject.freshPath();
            for (const node of nodes)
                ok(await changer.create(path + node));
            const reply = await watcher.addWatch(path + watched, mode);
            assert.deepEqual({ err: reply.err, body: reply.body, rest: reply.rest }, { err: 0, body: 0, rest: 0 }, 'an ErrorResponse that says 0');
            for (let round = 1; round <= 2; round++) {
                watcher.log.length = 0;
                ok(await change(changer, path));
                await watcher.sync('/');
                assert.deepEqual(seen(watcher, path), events, `round ${round}`);
            }
        });
    }
    test('recursive on the root', async () => {
        const client = await subject.connect();
        ok(await client.addWatch('/', persistentRecursive));
        const path = subject.freshPath();
        ok(await client.create(path));
        ok(await client.create(`${path}/c`));
        ok(await client.setData('/', text('x')));
        assert.deepEqual(client.notifications.map((event) => [event.type, event.path]), [
            [nodeCreated, path],
            [nodeCreated, `${path}/c`],
            [nodeDataChanged, '/'],
        ]);
    });
    test('one event for a connection, however many of its watches match', async () => {
        const client = await subject.connect();
        const path = subject.freshPath();
        ok(await client.create(path));
        ok(await client.create(`${path}/n`));
        ok(await client.addWatch('/', persistentRecursive));
        ok(await client.addWatch(path, persistentRecursive));
        ok(await client.addWatch(`${path}/n`, persistentRecursive));
        ok(await client.getData(`${path}/n`, true));
        ok(await client.getChildren(`${path}/n`, true));
        ok(await client.setData(`${path}/n`, text('x')));
        ok(await client.delete(`${path}/n`));
        assert.deepEqual(seen(client, path), [
            [nodeDataChanged, '/n'],
            [nodeDeleted, '/n'],
        ]);
    });
    test('a standard watch beside a persistent one is spent, the other stays (3.9)', async () => {
        const client = await subject.connect();
        const path = subject.freshPath();
        ok(await client.create(path));
        ok(await client.addWatch(path, persistent));
        ok(await client.getData(path, true));
        ok(await client.setData(path, text('x')));
        const data = await client.checkWatches(path, WatcherType.data);
        assert.equal(data.err, ErrorCode.NOWATCHER);
        ok(await client.setData(path, text('y')));
        // 3.8 keeps one mode a path: the read made a standard watch of the persistent one.
        const one = [[nodeDataChanged, '']];
        assert.deepEqual(seen(client, path), subject.since39([...one, ...one], one));
    });
    test('events of a connection that may not read the node are held back, and the watch stays', async () => {
        const [watcher, owner] = [await subject.connect(), await subject.connect()];
        assert.equal((await owner.auth('digest', text('owner:secret'))).err, 0);
        const path = subject.freshPath();
        ok(await owner.create(path));
        ok(await watcher.addWatch(path, persistentRecursive));
        ok(await owner.setACL(path, [{ perms: 31, scheme: 'auth', id: '' }]));
        ok(await owner.setData(path, text('secret')));
        await watcher.sync('/');
        assert.deepEqual(watcher.notifications, []);
        ok(await owner.setACL(path, [{ perms: 31, scheme: 'world', id: 'anyone' }]));
        ok(await owner.setData(path, text('public')));
        await watcher.sync('/');
        assert.deepEqual(seen(watcher, path), [[nodeDataChanged, '']]);
    });
    test('watches end with their connection', async () => {
        const first = await subject.connect();
        const path = subject.freshPath();
        ok(await first.create(path));
        ok(await first.addWatch(path, persistent));
        ok(await first.addWatch(path, persistentRecursive));
        await first.disconnect();
        const { sessionId, password } = first.session;
        const second = await subject.connect({ sessionId, password });
        ok(await second.setData(path, text('x')));
        await second.sync('/');
        assert.deepEqual(second.notifications, []);
        assert.equal((await second.checkWatches(path, WatcherType.any)).err, ErrorCode.NOWATCHER);
    });
    for (const mode of [-1, 2, 3, 2_147_483_647]) {
        test(`addWatch with mode ${mode} is a marshalling error`, async () => {
            const client = await subject.connect();
            assert.equal((await client.addWatch('/', mode)).err, ErrorCode.MARSHALLINGERROR);
            ok(await client.exists('/'));
        });
    }
});
async function setWatch(client, path, setter) {
    switch (setter) {
        case 'data':
            ok(await client.getData(path, true));
            break;
        case 'exist':
            ok(await client.exists(path, true));
            break;
        case 'child':
            ok(await client.getChildren(path, true));
            break;
        case 'persistent':
            ok(await client.addWatch(path, persistent));
            break;
        case 'persistentRecursive':
            ok(await client.addWatch(path, persistentRecursive));
            break;
    }
}
/** Which types find a watch that was set in this way. */
const findings = [
    ['data', [WatcherType.data, WatcherType.any]],
    ['exist', [WatcherType.data, WatcherType.any]],
    ['child', [WatcherType.children, WatcherType.any]],
    ['persistent', [WatcherType.persistent, WatcherType.any]],
    ['persistentRecursive', [WatcherType.persistentRecursive, WatcherType.any]],
];
conformance('checkWatches and removeWatches', {}, (subject) => {
    for (const [setter, types] of findings) {
        for (const [typeName, type] of Object.entries(WatcherType)) {
            test(`${typeName} and a watch by ${setter}`, async (context) => {
                // 3.8 asks only whether there is any watch in the table, whatever its mode.
                const isKnownTo38 = types.includes(type) && type < WatcherType.persistent;
                if (subject.since39(false, !isKnownTo38))
                    return context.skip('3.8 knows no modes here');
                const [client, other] = [await subject.connect(), await subject.connect()];
                const path = subject.freshPath();
                ok(await client.create(path));
                await setWatch(client, path, setter);
                const err = types.includes(type) ? ErrorCode.OK : ErrorCode.NOWATCHER;
                // 3.8 finds the watch of any connection.
                const othersErr = subject.since39(ErrorCode.NOWATCHER, err);
                assert.equal((await other.checkWatches(path, type)).err, othersErr, "another's watch");
                const check = await client.checkWatches(path, type);
                assert.deepEqual({ err: check.err, rest: check.rest }, { err, rest: 0 });
                assert.equal((await client.checkWatches(path, type)).err, err, 'a check takes nothing away');
                assert.equal((await other.removeWatches(path, type)).err, ErrorCode.NOWATCHER);
                const removal = await client.removeWatches(path, type);
                assert.deepEqual({ err: removal.err, rest: removal.rest }, { err, rest: 0 });
                assert.equal((await client.removeWatches(path, type)).err, ErrorCode.NOWATCHER);
                ok(await other.create(`${path}/c`));
                ok(await other.setData(path, text('x')));
                await client.sync('/');
                if (err === ErrorCode.OK)
                    assert.deepEqual(seen(client, path), []);
                else
                    assert.ok(client.notifications.length > 0, 'the watch is still there');
            });
        }
    }
    test('any removes all modes in both tables', async () => {
        const client = await subject.connect();
        const path = subject.freshPath();
        ok(await client.create(path));
        for (const [setter] of findings)
            await setWatch(client, path, setter);
        ok(await client.removeWatches(path, WatcherType.any));
        ok(await client.create(`${path}/c`));
        ok(await client.setData(path, text('x')));
        assert.deepEqual(client.notifications, []);
        assert.equal((await client.checkWatches(path, WatcherType.any)).err, ErrorCode.NOWATCHER);
    });
    test('a path that does not exist, or is none, has no watcher', async () => {
        const client = await subject.connect();
        for (const path of subject.since39(['/no/such', '', 'x', '//'], ['/no/such'])) {
            assert.equal((await client.checkWatches(path, WatcherType.any)).err, ErrorCode.NOWATCHER);
            assert.equal((await client.removeWatches(path, WatcherType.any)).err, ErrorCode.NOWATCHER);
        }
    });
    for (const type of [0, -1, 6, 99]) {
        test(`type ${type} is a marshalling error`, async () => {
            const client = await subject.connect();
            assert.equal((await client.checkWatches('/', type)).err, ErrorCode.MARSHALLINGERROR);
            assert.equal((await client.removeWatches('/', type)).err, ErrorCode.MARSHALLINGERROR);
            ok(await client.exists('/'));
        });
    }
    for (const opcode of [OpCode.addWatch, OpCode.checkWatches, OpCode.removeWatches, OpCode.setWatches2]) {
        test(`opcode ${opcode} cut short is a marshalling error`, async () => {
            const client = await subject.connect();
            const body = encode((writer) => {
                writer.writeString('/some/path');
                writer.writeInt(1);
            });
            for (const length of [0, 3, 4, 10, body.length - 1]) {
                const reply = await client.requestBytes(opcode, body.subarray(0, length));
                assert.equal(reply.err, ErrorCode.MARSHALLINGERROR, `${length} bytes`);
            }
            ok(await client.exists('/'));
            assert.equal((await client.checkWatches('/some/path', WatcherType.any)).err, ErrorCode.NOWATCHER);
        });
    }
});
conformance('setWatches2', {}, (subject) => {
    test('all five lists, in their order, then the reply with xid -8', async () => {
        const client = await subject.connect();
        const path = subject.freshPath();
        ok(await client.create(path));
        ok(await client.create(`${path}/n`));
        client.log.length = 0;
        const reply = await client.setWatches2(0n, {
            persistentRecursive: [`${path}/gone`],
            persistent: [`${path}/gone`],
            child: [path, `${path}/gone`],
            exist: [`${path}/n`, path],
            data: [`${path}/gone`],
        });
        assert.deepEqual({ xid: reply.xid, err: reply.err, rest: reply.rest }, { xid: -8, err: 0, rest: 0 });
        assert.deepEqual(seen(client, path), [
            [nodeDeleted, '/gone'],
            [nodeCreated, '/n'],
            [nodeCreated, ''],
            [nodeChildrenChanged, ''],
            [nodeDeleted, '/gone'],
        ]);
        assert.equal(client.log.at(-1)?.kind, 'reply');
    });
    test('lasting watches are set without a catch-up event, on what is there and what is not', async () => {
        const [client, other] = [await subject.connect(), await subject.connect()];
        const path = subject.freshPath();
        ok(await other.create(path));
        ok(await other.create(`${path}/p`));
        ok(await other.create(`${path}/r`));
        ok(await client.setWatches2(0n, {
            persistent: [`${path}/p`, `${path}/later`],
            persistentRecursive: [`${path}/r`, `${path}/laterR`],
        }));
        assert.deepEqual(client.notifications, []);
        for (let round = 0; round < 2; round++) {
            client.log.length = 0;
            for (const node of ['/p/c', '/r/c', '/later', '/laterR', '/laterR/c'])
                ok(await other.create(path + node));
            for (const node of ['/laterR/c', '/laterR', '/later', '/r/c', '/p/c'])
                ok(await other.delete(path + node));
            await client.sync('/');
            assert.deepEqual(seen(client, path), [
                [nodeChildrenChanged, '/p'],
                [nodeCreated, '/r/c'],
                [nodeCreated, '/later'],
                [nodeCreated, '/laterR'],
                [nodeCreated, '/laterR/c'],
                [nodeDeleted, '/laterR/c'],
                [nodeDeleted, '/laterR'],
                [nodeDeleted, '/later'],
                [nodeDeleted, '/r/c'],
                [nodeChildrenChanged, '/p'],
            ]);
        }
    });
});
