import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NoAuthError, Permission, TimeoutError, type ZooKeeper } from '../../src/client/index.ts';
import {
  Barrier,
  type Codec,
  ConfigValue,
  Counter,
  DoubleBarrier,
  Election,
  Group,
  Lock,
  Queue,
  ReadWriteLock,
  Semaphore,
  uniqueName,
} from '../../src/client/recipes/index.ts';
import { bytes, onBothServers, stateOf } from '../support/client-servers.ts';

const LIMIT_MS = 120;
/** More than that is not the limit's doing; a busy machine may be slow. */
const PATIENCE_MS = 10_000;
const codec: Codec<string> = { encode: bytes, decode: (data) => Buffer.from(data).toString() };

/** Every call that sends more than one request, or another than an ordinary one. */
async function calls(zk: ZooKeeper, path: string): Promise<Record<string, () => Promise<unknown>>> {
  const limits = { timeoutMs: LIMIT_MS };
  const group = await Group.open(zk, `${path}/group`);
  await group.join('member');
  const config = await ConfigValue.open(zk, `${path}/config`, codec);
  const hold = await new Lock(zk, `${path}/own`).acquire();
  const [barrier, counter, queue] = [
    new Barrier(zk, `${path}/barrier`),
    new Counter(zk, `${path}/counter`),
    new Queue(zk, `${path}/queue`),
  ];
  return {
    ensurePath: () => zk.ensurePath(`${path}/a/b`, limits),
    createRecursive: () => zk.createRecursive(`${path}/a/b`, null, limits),
    deleteRecursive: () => zk.deleteRecursive(`${path}/group`, limits),
    listRecursive: () => zk.listRecursive(path, limits),
    cache: () => zk.cache(path, limits),
    watch: () => zk.watch(path, limits),
    transaction: () => zk.transaction().create(`${path}/t`).commit(limits),
    'barrier raise': () => barrier.raise(limits),
    'barrier lift': () => barrier.lift(limits),
    'barrier wait': () => barrier.wait(limits),
    'config open': () => ConfigValue.open(zk, `${path}/other`, codec, limits),
    'config set': () => config.set('x', -1, limits),
    'counter value': () => counter.value(limits),
    'counter add': () => counter.add(1, limits),
    'double barrier enter': () => new DoubleBarrier(zk, `${path}/double`, 2).enter(limits),
    'election lead': () => new Election(zk, `${path}/election`).lead(limits),
    'election leader': () => new Election(zk, `${path}/election`).leader(limits),
    'group open': () => Group.open(zk, `${path}/group`, limits),
    'group join': () => group.join('other', undefined, limits),
    'group dataOf': () => group.dataOf('member', limits),
    'group leave': () => group.leave('member', limits),
    'lock acquire': () => new Lock(zk, `${path}/lock`).acquire(limits),
    'lock tryAcquire': () => new Lock(zk, `${path}/lock`).tryAcquire(limits),
    'hold release': () => hold.release(limits),
    'read-write lock': () => new ReadWriteLock(zk, `${path}/rw`).acquireRead(limits),
    semaphore: () => new Semaphore(zk, `${path}/semaphore`, 1).acquire(limits),
    'queue put': () => queue.put(bytes('x'), limits),
    'queue take': () => queue.take(limits),
    'queue poll': () => queue.poll(limits),
    'queue size': () => queue.size(limits),
    uniqueName: () => uniqueName(zk, `${path}/n-`, undefined, limits),
  };
}

onBothServers('client: limits', {}, (subject) => {
  for (const fault of ['refuse', 'stall'] as const) {
    test(`every call ends within its time limit: proxy mode ${fault}`, async () => {
      const proxy = await subject.proxy();
      const zk = await subject.connect({ address: proxy.address });
      const all = await calls(zk, await zk.create(subject.freshPath()));
      proxy[fault]();
      if (fault === 'refuse') await stateOf(zk, 'suspended');
      await Promise.all(
        Object.entries(all).map(async ([name, call]) => {
          const startedAt = performance.now();
          await assert.rejects(call(), TimeoutError, name);
          const tookMs = performance.now() - startedAt;
          assert.ok(tookMs >= LIMIT_MS - 5 && tookMs < PATIENCE_MS, `${name} took ${tookMs} ms`);
        }),
      );
      await assert.rejects(
        zk.ensurePath('/x', { signal: AbortSignal.abort() }),
        { name: 'AbortError' },
        'a signal that has fired',
      );
    });
  }

  test('authentication ends within its limit, and holds with the next connection', async () => {
    const proxy = await subject.proxy();
    const zk = await subject.connect({ address: proxy.address });
    proxy.stall();
    await assert.rejects(zk.addAuth('digest', 'a:b', { timeoutMs: LIMIT_MS }), TimeoutError);
    proxy.pass();
    proxy.cut();
    await zk.exists('/').catch(() => {});
    assert.ok((await zk.whoAmI()).some(({ scheme }) => scheme === 'digest'));
  });

  test('many calls under one signal are no leak', async () => {
    const zk = await subject.connect();
    const warnings: string[] = [];
    const onWarning = ({ message }: Error) => warnings.push(message);
    process.on('warning', onWarning);
    const { signal } = new AbortController();
    await Promise.all(Array.from({ length: 50 }, () => zk.exists('/', { signal })));
    await zk.listRecursive('/', { signal });
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', onWarning);
    assert.deepEqual(warnings, []);
  });

  test('a parent that may not be looked at is there all the same', async () => {
    const zk = await subject.connect();
    const acls = [{ permissions: Permission.create, scheme: 'world', id: 'anyone' }];
    const path = await zk.create(subject.freshPath(), null, { acls });
    await assert.rejects(zk.getData(path), NoAuthError);
    assert.equal(await zk.createRecursive(`${path}/a/b`), `${path}/a/b`);
  });

  test('a cache of more znodes than the client takes requests', async () => {
    const zk = await subject.connect();
    const path = await zk.create(subject.freshPath());
    await Promise.all(Array.from({ length: 300 }, (_, i) => zk.create(`${path}/${i}`)));
    const small = await subject.connect({ requestsInFlightMax: 8, requestsWaitingMax: 50 });
    const cache = await small.cache(path);
    assert.equal(cache.size, 301);
    await cache.close();
  });
});

onBothServers('client: a process that stands still', {}, (subject) => {
  test('answers that came meanwhile are not taken for late', async () => {
    const zk = await subject.connect();
    await zk.exists('/');
    const call = zk.exists('/', { timeoutMs: 300 });
    await new Promise((resolve) => setImmediate(resolve));
    standStill(500);
    assert.ok(await call);
    // Nor is a limit used up by what the program does before the call.
    const first = zk.exists('/');
    standStill(200);
    assert.ok(await zk.exists('/', { timeoutMs: 150 }));
    await first;
  });
});

function standStill(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end; );
}
