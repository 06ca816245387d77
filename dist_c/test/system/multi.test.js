import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ErrorCode } from '../../src/protocol/error-code.js';
import { EventType, OpCode } from '../../src/protocol/opcode.js';
import { conformance } from '../support/conformance.js';
import { nothing, ok } from '../support/wire-connection.js';
import { Flag, openAcl, text, writeCreate, writeMultiHeader } from '../support/wire-records.js';
const { BADARGUMENTS, BADVERSION, MARSHALLINGERROR, NODEEXISTS, NONODE, NOTEMPTY, RUNTIMEINCONSISTENCY } = ErrorCode;
conformance('multi', {}, (subject) => {
    test('each kind of result, all under one zxid', async () => {
        const client = await subject.connect();
        const base = subject.freshPath();
        ok(await client.create(base, text('old')));
        ok(await client.create(`${base}/gone`));
        const reply = await client.multi([
            { type: 'create', path: `${base}/a`, data: text('a') },
            { type: 'create2', path: `${base}/b`, data: text('bb'), flags: Flag.ephemeral },
            { type: 'setData', path: base, data: text('newer'), version: 0 },
            { type: 'check', path: base, version: 1 },
            { type: 'delete', path: `${base}/gone`, version: 0 },
        ]);
        const results = ok(reply);
        assert.equal(reply.rest, 0);
        assert.deepEqual(results.map((result) => [result.type, result.err]), [
            [OpCode.create, 0],
            [subject.since39(OpCode.create2, OpCode.create), 0],
            [OpCode.setData, 0],
            [OpCode.check, 0],
            [OpCode.delete, 0],
        ]);
        assert.deepEqual([results[0].path, results[1].path], [`${base}/a`, `${base}/b`]);
        const created = subject.since39(results[1].stat, ok(await client.exists(`${base}/b`)));
        assert.deepEqual([created?.ephemeralOwner, created?.dataLength], [client.session.sessionId, 2]);
        assert.deepEqual([results[2].stat?.version, results[2].stat?.dataLength], [1, 5]);
        const { zxid } = reply;
        assert.deepEqual([created?.czxid, results[2].stat?.mzxid], [zxid, zxid]);
        const stat = ok(await client.exists(base));
        assert.deepEqual([stat.mzxid, stat.pzxid, stat.numChildren, stat.cversion], [zxid, zxid, 2, 4]);
        const [a, b] = [ok(await client.exists(`${base}/a`)), ok(await client.exists(`${base}/b`))];
        assert.deepEqual([a.czxid, a.ctime], [zxid, b.ctime]);
        assert.equal(a.ctime, stat.mtime, 'one time for all');
    });
    /** Operations that succeed only if each sees those before it; `p` is an existing node. */
    const dependent = [
        {
            name: 'a parent, its child, its grandchild',
            operations: (p) => ['/a', '/a/b', '/a/b/c'].map((path) => ({ type: 'create', path: p + path })),
        },
        {
            name: 'create, setData by version, check, delete by version',
            operations: (p) => [
                { type: 'create', path: `${p}/a` },
                { type: 'setData', path: `${p}/a`, data: null, version: 0 },
                { type: 'setData', path: `${p}/a`, data: null, version: 1 },
                { type: 'check', path: `${p}/a`, version: 2 },
                { type: 'delete', path: `${p}/a`, version: 2 },
            ],
        },
        {
            name: 'delete the child, then its parent, then make it again',
            operations: (p) => [
                { type: 'create', path: `${p}/a` },
                { type: 'delete', path: `${p}/a` },
                { type: 'delete', path: p },
                { type: 'create', path: p },
                { type: 'check', path: p, version: 0 },
            ],
        },
        {
            name: 'sequential creates count on',
            operations: (p) => [
                { type: 'create', path: `${p}/s`, flags: Flag.sequential },
                { type: 'create', path: `${p}/plain` },
                { type: 'create', path: `${p}/s`, flags: Flag.ephemeralSequential },
                { type: 'delete', path: `${p}/s0000000002` },
                { type: 'create', path: `${p}/s`, flags: Flag.sequential },
            ],
            paths: (p) => [`${p}/s0000000000`, `${p}/plain`, `${p}/s0000000002`, `${p}/s0000000003`],
        },
    ];
    for (const { name, operations, paths } of dependent) {
        test(`later operations see earlier ones: ${name}`, async () => {
            const client = await subject.connect();
            const path = subject.freshPath();
            ok(await client.create(path));
            const results = ok(await client.multi(operations(path)));
            assert.ok(results.every((result) => result.err === 0 && result.type !== -1));
            if (paths)
                assert.deepEqual(results.flatMap((result) => result.path ?? []), paths(path));
        });
    }
    const failing = [
        { name: 'create of what exists', err: NODEEXISTS, operation: (path) => ({ type: 'create', path }) },
        { name: 'create under nothing', err: NONODE, operation: (p) => ({ type: 'create2', path: `${p}/x/y` }) },
        {
            name: 'create of what the multi made',
            err: NODEEXISTS,
            operation: (p) => ({ type: 'create', path: `${p}/new` }),
        },
        {
            name: 'setData of another version',
            err: BADVERSION,
            operation: (path) => ({ type: 'setData', path, data: null, version: 0 }),
        },
        {
            name: 'check of another version',
            err: BADVERSION,
            operation: (path) => ({ type: 'check', path, version: 0 }),
        },
        {
            name: 'delete of what has a child by now',
            err: NOTEMPTY,
            operation: (path) => ({ type: 'delete', path }),
        },
        { name: 'delete of nothing', err: NONODE, operation: (p) => ({ type: 'delete', path: `${p}/x` }) },
    ];
    for (const { name, err, operation } of failing) {
        test(`nothing happens when one fails: ${name}`, async () => {
            const client = await subject.connect();
            const path = subject.freshPath();
            ok(await client.create(path, text('kept')));
            const before = await client.getData(path);
            const reply = await client.multi([
                { type: 'setData', path, data: text('lost') },
                { type: 'create', path: `${path}/new` },
                operation(path),
                { type: 'delete', path: `${path}/never/looked/at` },
                { type: 'create', path: `${path}/new2` },
            ]);
            assert.equal(reply.err, 0, 'the reply itself is no error');
            assert.deepEqual(ok(reply).map((result) => [result.type, result.err]), [
                [-1, 0],
                [-1, 0],
                [-1, err],
                [-1, RUNTIMEINCONSISTENCY],
                [-1, RUNTIMEINCONSISTENCY],
            ]);
            assert.equal(reply.zxid, before.zxid + 1n, 'it takes a zxid all the same');
            assert.deepEqual(ok(await client.getData(path)), ok(before));
            assert.deepEqual(ok(await client.getChildren(path)), []);
            assert.equal(ok(await client.create(`${path}/s`, null, Flag.sequential)), `${path}/s0000000000`, 'nor is the counter moved');
        });
    }
    test('a request pipelined behind a failed multi sees nothing of it', async () => {
        const client = await subject.connect();
        const path = subject.freshPath();
        ok(await client.create(path));
        const [failed, created, child] = client.batch(() => [
            client.multi([
                { type: 'create', path: `${path}/a`, flags: Flag.ephemeral },
                { type: 'setData', path, data: null },
                { type: 'check', path: `${path}/missing` },
            ]),
            client.create(`${path}/a`),
            client.create(`${path}/a/b`),
        ]);
        assert.equal(ok(await failed)[2].err, NONODE);
        ok(await created);
        ok(await child);
        assert.equal(ok(await client.exists(path)).version, 0);
    });
    test('an empty multi succeeds', async () => {
        const client = await subject.connect();
        const { zxid } = await client.ping();
        const reply = await client.multi([]);
        assert.deepEqual(ok(reply), []);
        assert.equal(reply.zxid, zxid + 1n);
    });
    test('500 operations in one', async () => {
        const client = await subject.connect();
        const path = subject.freshPath();
        const operations = Array.from({ length: 500 }, (_, i) => ({ type: 'create', path: `${path}/${i}` }));
        const results = ok(await client.multi([{ type: 'create', path }, ...operations]));
        assert.equal(results.length, 501);
        const { children, stat } = ok(await client.getChildren2(path));
        assert.equal(children.length, 500);
        assert.equal(stat.cversion, 500);
    });
    test('watch events come in the order of the operations, before the reply', async () => {
        const client = await subject.connect();
        const path = subject.freshPath();
        ok(await client.create(path));
        ok(await client.create(`${path}/gone`));
        assert.equal((await client.exists(`${path}/new`, true)).err, NONODE);
        ok(await client.getData(path, true));
        ok(await client.getData(`${path}/gone`, true));
        client.log.length = 0;
        const reply = await client.multi([
            { type: 'setData', path, data: text('x') },
            { type: 'create', path: `${path}/new` },
            { type: 'delete', path: `${path}/gone` },
        ]);
        assert.deepEqual(client.log.map((event) => (event.kind === 'reply' ? event.xid : `${event.type} ${event.path}`)), [
            `${EventType.nodeDataChanged} ${path}`,
            `${EventType.nodeCreated} ${path}/new`,
            `${EventType.nodeDeleted} ${path}/gone`,
            reply.xid,
        ]);
    });
    test('a failed multi fires no watch', async () => {
        const client = await subject.connect();
        const path = subject.freshPath();
        ok(await client.create(path));
        ok(await client.getData(path, true));
        ok(await client.multi([
            { type: 'setData', path, data: null },
            { type: 'check', path, version: 7 },
        ]));
        assert.deepEqual(client.notifications, []);
        ok(await client.setData(path, text('x')));
        assert.equal(client.notifications.length, 1);
    });
    for (const type of ['getData', 'getChildren', 'setACL', 'sync', 'exists', 'closeSession']) {
        test(`a multi with ${type} in it is not understood as a whole`, async () => {
            const client = await subject.connect();
            const path = subject.freshPath();
            ok(await client.create(path));
            const reply = await client.request(OpCode.multi, (writer) => {
                writeMultiHeader(writer, OpCode.create, false);
                writeCreate(writer, `${path}/a`, null, openAcl, 0);
                writeMultiHeader(writer, OpCode[type], false);
                writer.writeString(path);
                writer.writeBoolean(false);
                writeMultiHeader(writer, -1, true);
            }, nothing);
            assert.deepEqual([reply.err, reply.rest], [MARSHALLINGERROR, 0]);
            assert.deepEqual(ok(await client.getChildren(path)), []);
        });
    }
    test('a create with impossible flags makes the multi as a whole not understood', async () => {
        const client = await subject.connect();
        const path = subject.freshPath();
        const reply = await client.multi([
            { type: 'create', path },
            { type: 'create', path: `${path}/x`, flags: 9 },
        ]);
        const codes = reply.body?.map((result) => result.err) ?? reply.err;
        assert.deepEqual(codes, subject.since39(MARSHALLINGERROR, [0, BADARGUMENTS]));
        assert.equal((await client.exists(path)).err, NONODE);
    });
});
