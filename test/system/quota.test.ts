import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { conformance, type Subject } from '../support/conformance.ts';
import { fourLetterWord } from '../support/four-letter-word.ts';
import type { WireClient } from '../support/wire-client.ts';
import { ok } from '../support/wire-connection.ts';
import { Flag, text } from '../support/wire-records.ts';

const { QUOTAEXCEEDED, BADVERSION, NODEEXISTS } = ErrorCode;

const quotaPath = (path: string) => `/zookeeper/quota${path}`;

/** Sets a quota as zkCli's setquota does: the limits, then the stats, which the server fills in. */
async function setQuota(client: WireClient, path: string, limits: string): Promise<void> {
  const parts = path.split('/').slice(1);
  for (let depth = 1; depth <= parts.length; depth++) {
    const { err } = await client.create(quotaPath(`/${parts.slice(0, depth).join('/')}`));
    assert.ok(err === 0 || err === NODEEXISTS);
  }
  ok(await client.create(`${quotaPath(path)}/zookeeper_limits`, text(limits)));
  ok(await client.create(`${quotaPath(path)}/zookeeper_stats`, text('count=0,bytes=0')));
}

async function statsOf(client: WireClient, path: string): Promise<string> {
  const { data } = ok(await client.getData(`${quotaPath(path)}/zookeeper_stats`));
  return Buffer.from(data ?? []).toString();
}

function declareUsage(subject: Subject): void {
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
    ok(
      await client.multi([
        { type: 'create', path: `${path}/m`, data: text('12345') },
        { type: 'delete', path: `${path}/c` },
      ]),
    );
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
    for (let i = 0; i < 3; i++) ok(await owner.create(`${path}/e`, text('xx'), Flag.ephemeralSequential));
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

/** mntr's figures of quotas for one namespace; without what it does not say. */
async function figures(subject: Subject, namespace: string): Promise<Record<string, number>> {
  const lines = (await fourLetterWord(subject.port, 'mntr')).split('\n');
  const start = `zk_${namespace}_quota_`;
  const own = lines
    .filter((line) => line.startsWith(start))
    .map((line) => line.slice(start.length).split('\t'));
  return Object.fromEntries(own.map(([name, value]) => [name.replace('_per_namespace', ''), Number(value)]));
}

function declareFigures(subject: Subject): void {
  test('mntr adds up limits and usage by the first name of the path', async () => {
    const client = await subject.connect();
    const path = subject.freshPath();
    const namespace = path.slice(1);
    ok(await client.create(path, text('12')));
    ok(await client.create(`${path}/a`, text('345')));
    ok(await client.create(`${path}/b`, text('6')));
    assert.deepEqual(await figures(subject, namespace), {});
    await setQuota(client, `${path}/a`, 'count=10,bytes=200');
    const first = { count_limit: 10, bytes_limit: 200, count_usage: 1, bytes_usage: 3 };
    assert.deepEqual(await figures(subject, namespace), first);
    await setQuota(client, `${path}/b`, 'count=-1,bytes=1000=;byteHardLimit=30;countHardLimit=5');
    const both = { count_limit: 15, bytes_limit: 230, count_usage: 2, bytes_usage: 4 };
    assert.deepEqual(await figures(subject, namespace), both);
    ok(await client.create(`${path}/b/c`, text('7890')));
    assert.deepEqual(await figures(subject, namespace), { ...both, count_usage: 3, bytes_usage: 8 });
    ok(await client.delete(`${quotaPath(`${path}/b`)}/zookeeper_limits`));
    assert.deepEqual(await figures(subject, namespace), { ...first, count_usage: 3, bytes_usage: 8 });
    ok(await client.delete(`${quotaPath(`${path}/b`)}/zookeeper_stats`));
    assert.deepEqual(await figures(subject, namespace), first);
    // No limit is -1 in the sum, too.
    await setQuota(client, `${path}/c`, 'count=-1,bytes=-1');
    assert.deepEqual(await figures(subject, namespace), { ...first, count_limit: 9, bytes_limit: 199 });
  });
}

conformance('quotas, counted', {}, (subject) => {
  declareUsage(subject);
  declareFigures(subject);

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
    for (let i = 0; i < 5; i++) ok(await client.create(`${path}/${i}`, text('abc')));
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

  const limits: [string, string, boolean, boolean][] = [
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
      if (allowsSetData) ok(await client.setData(path, text('1234')));
      const err = allowsCreate ? 0 : QUOTAEXCEEDED;
      assert.equal((await client.create(`${path}/c`, text('5678'))).err, err);
      if (!allowsCreate) {
        const [result] = ok(await client.multi([{ type: 'create', path: `${path}/c`, data: text('5678') }]));
        assert.equal(result.err, QUOTAEXCEEDED);
        ok(await client.setData(path, text('4321')));
      }
    });
  }

  test('mntr counts what hard limits have refused', async () => {
    const client = await subject.connect();
    const path = subject.freshPath();
    ok(await client.create(path));
    await setQuota(client, path, 'count=1,bytes=3');
    ok(await client.create(`${path}/a`));
    ok(await client.setData(path, text('1234')));
    assert.equal(
      (await figures(subject, path.slice(1))).exceeded_error,
      undefined,
      'soft limits refuse nothing',
    );
    const limits = text('count=-1,bytes=-1=;byteHardLimit=3;countHardLimit=2');
    ok(await client.setData(`${quotaPath(path)}/zookeeper_limits`, limits));
    assert.equal((await client.create(`${path}/b`)).err, QUOTAEXCEEDED);
    assert.equal((await client.setData(`${path}/a`, text('1'))).err, QUOTAEXCEEDED);
    assert.equal((await figures(subject, path.slice(1))).exceeded_error, 2);
    await fourLetterWord(subject.port, 'srst');
    assert.equal((await figures(subject, path.slice(1))).exceeded_error, 0);
  });

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
    ok(
      await client.setData(
        `${quotaPath(path)}/zookeeper_limits`,
        text('count=-1,bytes=-1=;countHardLimit=2'),
      ),
    );
    ok(await client.create(`${path}/c`));
    assert.equal((await client.create(`${path}/d`)).err, QUOTAEXCEEDED);
  });
});
