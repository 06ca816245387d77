import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ErrorCode } from '../../src/protocol/error-code.js';
import { conformance } from '../support/conformance.js';
import { ok } from '../support/wire-connection.js';
import { Flag, text } from '../support/wire-records.js';
const { QUOTAEXCEEDED, BADVERSION, NODEEXISTS } = ErrorCode;
const quotaPath = (path) => `/zookeeper/quota${path}`;
/** Sets a quota as zkCli's setquota does: the limits, then the stats, which the server fills in. */
async function setQuota(client, path, limits) {
    const parts = path.split('/').slice(1);
    for (let depth = 1; depth <= parts.length; depth++) {
        const { err } = await client.create(quotaPath(`/${parts.slice(0, depth).join('/')}`));
        assert.ok(err === 0 || err === NODEEXISTS);
    }
    ok(await client.create(`${quotaPath(path)}/zookeeper_limits`, text(limits)));
    ok(await client.create(`${quotaPath(path)}/zookeeper_stats`, text('count=0,bytes=0')));
}
async function statsOf(client, path) {
    const { data } = ok(await client.getData(`${quotaPath(path)}/zookeeper_stats`));
    return Buffer.from(data ?? []).toString();
}
function declareUsage(subject) {
    test('the stats follow creates, deletes and changes of data, in memory alone', async () => {
        const client = await subject.connect();
        const path = subject.freshPath();
        ok(await client.create(path, text('12')));
        ok(await client.create(`${path}/a`, text('345')));
        ok(await client.create(`${path}/a/b`, null));
        await setQuota(client, path, 'count=-1,bytes=-1');
        const stats = `${quotaPath(path)}/zookeeper_stats`;
        const before = ok(await client.exists(stats));
        assert.equal(await statsOf(client, path), 'count=3,bytes=5');
        ok(await client.create(`${path}/c`, text('6789')));
        assert.equal(await statsOf(client, path), 'count=4,bytes=9');
        ok(await client.setData(`${path}/c`, text('x')));
        assert.equal(await statsOf(client, path), 'count=4,bytes=6');
        ok(await client.setData(path, null));
        assert.equal(await statsOf(client, path), 'count=4,bytes=4');
        ok(await client.setData(`${path}/a/b`, text('longer')));
        assert.equal(await statsOf(client, path), 'count=4,bytes=10');
        ok(await client.delete(`${path}/a/b`));
        assert.equal(await statsOf(client, path), 'count=3,bytes=4');
        ok(await client.multi([
            { type: 'create', path: `${path}/m`, data: text('12345') },
            { type: 'delete', path: `${path}/c` },
        ]));
        assert.equal(await statsOf(client, path), 'count=3,bytes=8');
        const { dataLength: _, ...was } = before;
        const { dataLength: __, ...is } = ok(await client.exists(stats));
        assert.deepEqual(is, was, 'no version, no zxid');
    });
    test('no watch fires for them', async () => {
        const client = await subject.connect();
        const path = subject.freshPath();
        ok(await client.create(path));
        await setQuota(client, path, 'count=-1,bytes=-1');
        ok(await client.getData(`${quotaPath(path)}/zookeeper_stats`, true));
        ok(await client.create(`${path}/c`));
        await client.sync('/');
        assert.deepEqual(client.notifications, []);
    });
    test('ephemerals count, and are taken away with their session', async () => {
        const [client, owner] = [await subject.connect(), await subject.connect()];
        const path = subject.freshPath();
        ok(await client.create(path));
        await setQuota(client, path, 'count=-1,bytes=-1');
        for (let i = 0; i < 3; i++)
            ok(await owner.create(`${path}/e`, text('xx'), Flag.ephemeralSequential));
        assert.equal(await statsOf(client, path), 'count=4,bytes=6');
        ok(await owner.closeSession());
        await client.sync('/');
        assert.equal(await statsOf(client, path), 'count=1,bytes=0');
    });
    test('what begins alike is not below; the nearest quota alone counts', async () => {
        const client = await subject.connect();
        const path = subject.freshPath();
        ok(await client.create(path));
        ok(await client.create(`${path}/a`));
        await setQuota(client, path, 'count=-1,bytes=-1');
        await setQuota(client, `${path}/a`, 'count=-1,bytes=-1');
        ok(await client.create(`${path}/a/x`, text('1')));
        ok(await client.create(`${path}/ab`, text('22')));
        assert.equal(await statsOf(client, `${path}/a`), 'count=2,bytes=1');
        assert.equal(await statsOf(client, path), 'count=3,bytes=2');
    });
    test('without its limits a quota counts no more', async () => {
        const client = await subject.connect();
        const path = subject.freshPath();
        ok(await client.create(path));
        await setQuota(client, path, 'count=-1,bytes=-1');
        ok(await client.delete(`${quotaPath(path)}/zookeeper_limits`));
        ok(await client.create(`${path}/c`));
        assert.equal(await statsOf(client, path), 'count=1,bytes=0');
        ok(await client.create(`${quotaPath(path)}/zookeeper_limits`, text('count=-1,bytes=-1')));
        ok(await client.create(`${path}/d`));
    });
    test('on a path that does not exist yet', async () => {
        const client = await subject.connect();
        const path = subject.freshPath();
        await setQuota(client, path, 'count=-1,bytes=-1');
        assert.equal(await statsOf(client, path), 'count=0,bytes=0');
        ok(await client.create(path, text('abc')));
        assert.equal(await statsOf(client, path), 'count=1,bytes=3');
    });
}
conformance('quotas, counted', {}, (subject) => {
    declareUsage(subject);
    test('limits refuse nothing while enforceQuota is false', async () => {
        const client = await subject.connect();
        const path = subject.freshPath();
        ok(await client.create(path));
        await setQuota(client, path, 'count=1,bytes=1=;byteHardLimit=1;countHardLimit=1');
        ok(await client.create(`${path}/c`, text('too long')));
        ok(await client.setData(path, text('too long')));
        assert.equal(await statsOf(client, path), 'count=2,bytes=16');
    });
    test('after a restart the usage is what it was', async () => {
        const client = await subject.connect();
        const path = subject.freshPath();
        ok(await client.create(path, text('12')));
        await setQuota(client, path, 'count=-1,bytes=-1');
        for (let i = 0; i < 5; i++)
            ok(await client.create(`${path}/${i}`, text('abc')));
        ok(await client.delete(`${path}/0`));
        assert.equal(await statsOf(client, path), 'count=5,bytes=14');
        await subject.server.stop();
        await subject.server.start();
        const back = await subject.connect();
        assert.equal(await statsOf(back, path), 'count=5,bytes=14');
        ok(await back.create(`${path}/6`, text('x')));
        assert.equal(await statsOf(back, path), 'count=6,bytes=15');
    });
});
conformance('quotas, enforced', { config: ['enforceQuota=true'] }, (subject) => {
    declareUsage(subject);
    const limits = [
        // The znode itself with 4 bytes is there; may a second one of 4 bytes be?
        ['no limit', 'count=-1,bytes=-1', true, true],
        ['soft limits', 'count=1,bytes=4', true, true],
        ['a hard count', 'count=-1,bytes=-1=;countHardLimit=1', false, true],
        ['a hard count that suffices', 'count=-1,bytes=-1=;countHardLimit=2', true, true],
        ['hard bytes', 'count=-1,bytes=-1=;byteHardLimit=7', false, false],
        ['hard bytes that suffice', 'count=-1,bytes=-1=;byteHardLimit=8', true, true],
        ['a soft count and hard bytes', 'count=1,bytes=-1=;byteHardLimit=7', false, false],
        ['a count of 0', 'count=-1,bytes=-1=;countHardLimit=0', false, true],
    ];
    for (const [name, limit, allowsCreate, allowsSetData] of limits) {
        test(`${name}: create ${allowsCreate ? 'fits' : 'does not fit'}`, async () => {
            const client = await subject.connect();
            const path = subject.freshPath();
            ok(await client.create(path, text('1234')));
            await setQuota(client, path, limit);
            const setData = await client.setData(path, text('12345678'));
            assert.equal(setData.err, allowsSetData ? 0 : QUOTAEXCEEDED);
            if (allowsSetData)
                ok(await client.setData(path, text('1234')));
            const err = allowsCreate ? 0 : QUOTAEXCEEDED;
            assert.equal((await client.create(`${path}/c`, text('5678'))).err, err);
            if (!allowsCreate) {
                const [result] = ok(await client.multi([{ type: 'create', path: `${path}/c`, data: text('5678') }]));
                assert.equal(result.err, QUOTAEXCEEDED);
                ok(await client.setData(path, text('4321')));
            }
        });
    }
    test('the quota is looked at before the version', async () => {
        const client = await subject.connect();
        const path = subject.freshPath();
        ok(await client.create(path));
        await setQuota(client, path, 'count=-1,bytes=-1=;byteHardLimit=3');
        assert.equal((await client.setData(path, text('1234'), 9)).err, QUOTAEXCEEDED);
        assert.equal((await client.setData(path, text('123'), 9)).err, BADVERSION);
    });
    test('a limit that is changed counts at once', async () => {
        const client = await subject.connect();
        const path = subject.freshPath();
        ok(await client.create(path));
        await setQuota(client, path, 'count=-1,bytes=-1=;countHardLimit=1');
        assert.equal((await client.create(`${path}/c`)).err, QUOTAEXCEEDED);
        ok(await client.setData(`${quotaPath(path)}/zookeeper_limits`, text('count=-1,bytes=-1=;countHardLimit=2')));
        ok(await client.create(`${path}/c`));
        assert.equal((await client.create(`${path}/d`)).err, QUOTAEXCEEDED);
    });
});
