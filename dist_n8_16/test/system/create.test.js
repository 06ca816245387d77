import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ErrorCode } from '../../src/protocol/error-code.js';
import { conformance } from '../support/conformance.js';
import { ok } from '../support/wire-connection.js';
import { Flag, openAcl, readOnlyAcl, text } from '../support/wire-records.js';
const { persistent, ephemeral, sequential, ephemeralSequential } = Flag;
conformance('create', {}, (subject) => {
    test('the tree at the start: reserved nodes, their Stats and ACLs', async () => {
        const client = await subject.connect();
        assert.ok(ok(await client.getChildren('/')).includes('zookeeper'));
        assert.deepEqual(ok(await client.getChildren('/zookeeper')).sort(), ['config', 'quota']);
        const zero = {
            czxid: 0n,
            mzxid: 0n,
            ctime: 0n,
            mtime: 0n,
            version: 0,
            ephemeralOwner: 0n,
            dataLength: 0,
        };
        const nodes = [
            {
                path: '/zookeeper',
                acl: openAcl,
                stat: { ...zero, cversion: -2, aversion: 0, numChildren: 2, pzxid: 0n },
            },
            {
                path: '/zookeeper/quota',
                acl: openAcl,
                stat: { ...zero, cversion: 0, aversion: 0, numChildren: 0, pzxid: 0n },
            },
            {
                path: '/zookeeper/config',
                acl: readOnlyAcl,
                stat: { ...zero, cversion: 0, aversion: -1, numChildren: 0, pzxid: 0n },
            },
        ];
        for (const { path, acl, stat } of nodes) {
            const read = ok(await client.getData(path));
            assert.equal(read.data?.length, 0, path);
            assert.deepEqual(read.stat, stat, path);
            assert.deepEqual(ok(await client.getACL(path)).acl, acl, path);
        }
        assert.deepEqual(ok(await client.getACL('/')).acl, openAcl);
        const root = ok(await client.exists('/'));
        assert.deepEqual([root.czxid, root.mzxid, root.ctime, root.version, root.aversion], [0n, 0n, 0n, 0, 0]);
    });
    test('create answers with the path, create2 with the Stat too, and the parent takes note', async () => {
        const client = await subject.connect();
        const parent = subject.freshPath();
        assert.equal(ok(await client.create(parent)), parent);
        const before = ok(await client.exists(parent));
        const sentAt = BigInt(Date.now());
        const reply = await client.create2(`${parent}/child`, text('hello'));
        const { path, stat } = ok(reply);
        assert.equal(path, `${parent}/child`);
        assert.equal(reply.rest, 0);
        assert.ok(stat.ctime >= sentAt - 1000n && stat.ctime <= BigInt(Date.now()) + 1000n, 'ctime is wall clock');
        const zxid = reply.zxid;
        const expected = {
            ...{ czxid: zxid, mzxid: zxid, pzxid: zxid, ctime: stat.ctime, mtime: stat.ctime },
            ...{ version: 0, cversion: 0, aversion: 0, ephemeralOwner: 0n, dataLength: 5, numChildren: 0 },
        };
        assert.deepEqual(stat, expected);
        const read = await client.getData(`${parent}/child`);
        assert.equal(Buffer.from(ok(read).data).toString(), 'hello');
        assert.deepEqual(ok(read).stat, expected);
        assert.equal(read.zxid, zxid);
        const after = ok(await client.exists(parent));
        assert.deepEqual(after, { ...before, cversion: 1, numChildren: 1, pzxid: zxid });
    });
    for (const [name, data, length] of [
        ['null', null, 0],
        ['empty', new Uint8Array(0), 0],
        ['of one byte', Uint8Array.of(0), 1],
        ['of 1,000,000 bytes', new Uint8Array(1_000_000).fill(7), 1_000_000],
    ]) {
        test(`data ${name} comes back as it went`, async () => {
            const client = await subject.connect();
            const path = subject.freshPath();
            assert.equal(ok(await client.create2(path, data)).stat.dataLength, length);
            const read = ok(await client.getData(path));
            if (data === null)
                assert.equal(read.data, null);
            else
                assert.ok(Buffer.from(data).equals(Buffer.from(read.data)));
            assert.equal(read.stat.dataLength, length);
        });
    }
    for (const name of [
        'plain',
        'with space',
        'ünïcödé',
        '日本語',
        '.hidden',
        '..x',
        '...',
        'a:b@c%$',
        '\u00a0',
        '~',
    ]) {
        test(`a node may be called ${JSON.stringify(name)}`, async () => {
            const client = await subject.connect();
            const parent = subject.freshPath();
            ok(await client.create(parent));
            assert.equal(ok(await client.create(`${parent}/${name}`)), `${parent}/${name}`);
            assert.deepEqual(ok(await client.getChildren(parent)), [name]);
            ok(await client.delete(`${parent}/${name}`));
        });
    }
    const badNames = ['', '.', '..', 'a/', 'a/.', 'a/..', '\u0001', '\u001f', '\u007f', '\u009f'];
    for (const name of [...badNames, '\ue000', '\uf8ff', '\ufff0', '\uffff', 'x\u0000y']) {
        test(`a node may not be called ${JSON.stringify(name)}`, async () => {
            const client = await subject.connect();
            const parent = subject.freshPath();
            ok(await client.create(parent));
            ok(await client.create(`${parent}/a`));
            const before = ok(await client.getChildren(parent)).sort();
            const reply = await client.create(`${parent}/${name}`);
            assert.equal(reply.err, ErrorCode.BADARGUMENTS);
            assert.deepEqual(ok(await client.getChildren(parent)).sort(), before);
        });
    }
    test('an ephemeral node carries its session, and takes no children', async () => {
        const client = await subject.connect();
        const path = subject.freshPath();
        const { stat } = ok(await client.create2(path, null, ephemeral));
        assert.equal(stat.ephemeralOwner, client.session.sessionId);
        assert.equal((await client.create(`${path}/child`)).err, ErrorCode.NOCHILDRENFOREPHEMERALS);
        assert.equal(ok(await client.exists(path)).cversion, 0);
    });
    test('sequence numbers count the creates under the parent, whatever became of them', async () => {
        const client = await subject.connect();
        const parent = subject.freshPath();
        ok(await client.create(parent));
        const made = async (name, flags) => ok(await client.create(`${parent}/${name}`, null, flags)).slice(parent.length + 1);
        assert.equal(await made('s-', sequential), 's-0000000000');
        assert.equal(await made('s-', sequential), 's-0000000001');
        assert.equal(await made('other', sequential), 'other0000000002', 'one counter per parent, not per name');
        assert.equal(await made('plain', persistent), 'plain', 'a create without a number');
        assert.equal(await made('e-', ephemeralSequential), 'e-0000000004', '... takes one all the same');
        assert.equal((await client.create(`${parent}/plain`)).err, ErrorCode.NODEEXISTS);
        assert.equal((await client.create(`${parent}/x-`, null, sequential, [])).err, ErrorCode.INVALIDACL);
        assert.equal(await made('s-', sequential), 's-0000000005', 'failed creates take none');
        ok(await client.delete(`${parent}/s-0000000005`));
        assert.equal(await made('s-', sequential), 's-0000000006', 'deletes give none back');
        ok(await client.setData(parent, text('x')));
        assert.equal(await made('', sequential), '0000000007', 'a bare number is a name');
        const stat = ok(await client.exists(parent));
        assert.equal(stat.numChildren, 7);
        assert.equal(stat.cversion, 8 * 2 - 7, 'Stat shows creates and deletes');
    });
    test('the number makes a name of a path that ends in a slash, under the root too', async () => {
        const client = await subject.connect();
        const name = subject.freshPath();
        const stored = async () => {
            const { cversion, numChildren } = ok(await client.exists('/'));
            return (cversion + numChildren) / 2;
        };
        const count = await stored();
        const path = ok(await client.create(name, null, ephemeralSequential));
        assert.equal(path, `${name}${String(count).padStart(10, '0')}`);
        assert.equal(ok(await client.create('/', null, ephemeralSequential)), `/${String(count + 1).padStart(10, '0')}`);
    });
    test('sequential creates of many sessions at once are all different, without gaps', async () => {
        const clients = await Promise.all(Array.from({ length: 4 }, () => subject.connect()));
        const parent = subject.freshPath();
        ok(await clients[0].create(parent));
        const replies = clients.flatMap((client) => client.batch(() => Array.from({ length: 100 }, () => client.create(`${parent}/n`, null, sequential))));
        const names = (await Promise.all(replies)).map((reply) => ok(reply));
        const expected = Array.from({ length: 400 }, (_, i) => `${parent}/n${String(i).padStart(10, '0')}`);
        assert.deepEqual(names.sort(), expected);
    });
    test('creating what exists fails, whatever its kind, and changes nothing', async () => {
        const client = await subject.connect();
        const path = subject.freshPath();
        ok(await client.create(path, text('first')));
        const before = ok(await client.exists(path));
        for (const flags of [persistent, ephemeral]) {
            assert.equal((await client.create(path, text('second'), flags)).err, ErrorCode.NODEEXISTS);
            assert.equal((await client.create2(path, text('second'), flags)).err, ErrorCode.NODEEXISTS);
        }
        assert.deepEqual(ok(await client.exists(path)), before);
        assert.equal((await client.create('/')).err, ErrorCode.NODEEXISTS);
    });
    test('getChildren and getChildren2 list 1,000 children', async () => {
        const client = await subject.connect();
        const parent = subject.freshPath();
        ok(await client.create(parent));
        const names = Array.from({ length: 1000 }, (_, i) => `child-${i}`).sort();
        await Promise.all(client.batch(() => names.map((name) => client.create(`${parent}/${name}`))));
        assert.deepEqual(ok(await client.getChildren(parent)).sort(), names);
        const { children, stat } = ok(await client.getChildren2(parent));
        assert.deepEqual(children.sort(), names);
        assert.deepEqual([stat.numChildren, stat.cversion], [1000, 1000]);
    });
});
