import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ErrorCode } from '../../src/protocol/error-code.js';
import { conformance } from '../support/conformance.js';
import { ok } from '../support/wire-connection.js';
import { openAcl, text } from '../support/wire-records.js';
conformance('setData, delete, setACL, sync', {}, (subject) => {
    test('setData moves mzxid, mtime, version and dataLength, and nothing else', async () => {
        const client = await subject.connect();
        const path = subject.freshPath();
        const created = ok(await client.create2(path, text('one'))).stat;
        const reply = await client.setData(path, text('three'), 0);
        const stat = ok(reply);
        assert.ok(stat.mtime >= created.mtime);
        assert.deepEqual(stat, { ...created, mzxid: reply.zxid, mtime: stat.mtime, version: 1, dataLength: 5 });
        assert.equal(reply.zxid, created.czxid + 1n);
        assert.deepEqual(ok(await client.getData(path)), { data: Uint8Array.from(text('three')), stat });
        const root = ok(await client.exists('/'));
        assert.ok(root.mzxid < created.czxid && root.pzxid === created.czxid, 'the parent does not notice');
    });
    test('setData to null, to empty, to the same bytes: each is a new version', async () => {
        const client = await subject.connect();
        const path = subject.freshPath();
        ok(await client.create(path, text('x')));
        assert.deepEqual([ok(await client.setData(path, null)).version, ok(await client.getData(path)).data], [1, null]);
        assert.equal(ok(await client.setData(path, new Uint8Array(0))).version, 2);
        assert.equal(ok(await client.getData(path)).data?.length, 0);
        assert.equal(ok(await client.setData(path, new Uint8Array(0))).version, 3);
    });
    const versions = [
        { asked: -1, err: 0 },
        { asked: 2, err: 0 },
        { asked: 1, err: ErrorCode.BADVERSION },
        { asked: 3, err: ErrorCode.BADVERSION },
        { asked: 0, err: ErrorCode.BADVERSION },
        { asked: -2, err: ErrorCode.BADVERSION },
        { asked: -2_147_483_648, err: ErrorCode.BADVERSION },
    ];
    for (const { asked, err } of versions) {
        test(`version ${asked} against version 2 gives ${err}: setData, setACL, delete`, async () => {
            const client = await subject.connect();
            const path = subject.freshPath();
            ok(await client.create(path));
            for (let i = 0; i < 2; i++) {
                ok(await client.setData(path, text('x')));
                ok(await client.setACL(path, openAcl));
            }
            const before = ok(await client.exists(path));
            assert.deepEqual([before.version, before.aversion], [2, 2]);
            assert.equal((await client.setACL(path, openAcl, asked)).err, err);
            if (err !== 0)
                assert.deepEqual(ok(await client.exists(path)), before);
            const result = await client.setData(path, text('changed'), asked);
            assert.equal(result.err, err);
            if (err !== 0)
                assert.deepEqual(ok(await client.exists(path)), before);
            const deleted = await client.delete(path, asked === 2 ? 3 : asked);
            assert.equal(deleted.err, asked === 3 ? ErrorCode.BADVERSION : err);
        });
    }
    test('setACL moves aversion and nothing else', async () => {
        const client = await subject.connect();
        const path = subject.freshPath();
        const created = ok(await client.create2(path, text('data'))).stat;
        const acl = [
            { perms: 31, scheme: 'ip', id: '127.0.0.1' },
            { perms: 1, scheme: 'world', id: 'anyone' },
        ];
        const stat = ok(await client.setACL(path, acl, 0));
        assert.deepEqual(stat, { ...created, aversion: 1 });
        assert.deepEqual(ok(await client.getACL(path)), { acl, stat });
        assert.deepEqual(ok(await client.exists(path)), stat);
    });
    test('delete moves pzxid of the parent, counts in its cversion, and leaves no trace', async () => {
        const client = await subject.connect();
        const parent = subject.freshPath();
        ok(await client.create(parent));
        ok(await client.create(`${parent}/a`));
        ok(await client.create(`${parent}/b`));
        const before = ok(await client.exists(parent));
        assert.deepEqual([before.cversion, before.numChildren], [2, 2]);
        assert.equal((await client.delete(parent)).err, ErrorCode.NOTEMPTY);
        const reply = await client.delete(`${parent}/a`);
        assert.equal(reply.rest, 0);
        assert.deepEqual(ok(await client.exists(parent)), {
            ...before,
            cversion: 3,
            numChildren: 1,
            pzxid: reply.zxid,
        });
        assert.equal((await client.exists(`${parent}/a`)).err, ErrorCode.NONODE);
        assert.equal((await client.delete(`${parent}/a`)).err, ErrorCode.NONODE);
        ok(await client.delete(`${parent}/b`));
        ok(await client.delete(parent));
        const again = ok(await client.create2(parent)).stat;
        assert.deepEqual([again.version, again.cversion, again.numChildren], [0, 0, 0]);
    });
    test('every failed write takes a zxid, and its reply and the next read show it', async () => {
        const client = await subject.connect();
        const path = subject.freshPath();
        const { zxid } = await client.create(path);
        const failures = [
            await client.create(path),
            await client.create(`${path}/x/y`),
            await client.setData(`${path}/x`, null),
            await client.delete(path, 7),
            await client.setACL(path, []),
            await client.multi([{ type: 'check', path, version: 9 }]),
        ];
        failures.forEach((reply, i) => {
            assert.equal(reply.zxid, zxid + BigInt(i + 1));
        });
        for (const reply of failures.slice(0, -1)) {
            assert.notEqual(reply.err, 0);
            assert.equal(reply.rest, 0, 'no body beside an error');
        }
        const last = zxid + BigInt(failures.length);
        assert.equal((await client.exists(path)).zxid, last);
        assert.equal((await client.exists('/missing')).zxid, last, 'a failed read takes none');
        assert.equal((await client.sync('/')).zxid, last, 'nor does sync');
    });
    for (const path of ['/', '/missing', '/a//b', '', 'no slash', '/\u0000']) {
        test(`sync of ${JSON.stringify(path)} echoes the path`, async () => {
            const client = await subject.connect();
            assert.equal(ok(await client.sync(path)), path);
        });
    }
});
