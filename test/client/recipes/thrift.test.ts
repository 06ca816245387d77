import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ReadOptions, TimeoutError, type ZooKeeper } from '../../../src/client/index.ts';
import { Counter, Group, Lock, Queue, Semaphore } from '../../../src/client/recipes/index.ts';
import { entriesInOrder } from '../../../src/client/recipes/queue-place.ts';
import { bytes, onBothServers, until } from '../../support/client-servers.ts';

/** Notes the watches that are set through a client from now on, and whether they were taken back. */
function noteWatches(zk: ZooKeeper): ReadOptions[] {
  const noted: ReadOptions[] = [];
  for (const name of ['getData', 'getChildren'] as const) {
    const original = zk[name].bind(zk) as (path: string, options?: ReadOptions) => Promise<never>;
    zk[name] = (path: string, options: ReadOptions = {}) => {
      if (options.watch !== undefined) noted.push(options);
      return original(path, options);
    };
  }
  return noted;
}

onBothServers('recipes: nothing is left behind', {}, (subject) => {
  test('waits that give up take their watches back', async () => {
    const [zk, other] = [await subject.connect(), await subject.connect()];
    const path = await zk.create(subject.freshPath());
    const hold = await new Lock(other, `${path}/lock`).acquire();
    const noted = noteWatches(zk);
    for (let i = 0; i < 5; i++) {
      await assert.rejects(new Queue(zk, `${path}/queue`).take({ timeoutMs: 30 }), TimeoutError);
      await assert.rejects(new Lock(zk, `${path}/lock`).acquire({ timeoutMs: 30 }), TimeoutError);
    }
    assert.ok(noted.length >= 5);
    for (const { watchSignal } of noted) assert.equal(watchSignal?.aborted, true);
    await hold.release();
  });

  test('counters and queues of one client keep one book, however many objects there are', async () => {
    const zk = await subject.connect();
    const path = await zk.create(subject.freshPath());
    const add = () => new Counter(zk, `${path}/counter`).increment();
    await Promise.all(Array.from({ length: 20 }, add));
    assert.equal(await new Counter(zk, `${path}/counter`).value(), 20n);
    for (let i = 0; i < 5; i++) await new Queue(zk, `${path}/queue`).put(bytes('x'));
    assert.equal((await zk.getEphemerals(path)).length, 2);
  });

  test('a client that has too much to do gives its lock up all the same', async () => {
    const proxy = await subject.proxy();
    const zk = await subject.connect({
      address: proxy.address,
      requestsInFlightMax: 1,
      requestsWaitingMax: 3,
    });
    const other = await subject.connect();
    const path = await other.create(subject.freshPath());
    const hold = await new Lock(zk, path).acquire();
    await zk.sync();
    proxy.stall();
    const calls = Array.from({ length: 8 }, () => zk.exists('/').catch((error: Error) => error.name));
    const released = hold.release();
    proxy.pass();
    assert.ok((await Promise.all(calls)).includes('OverloadedError'), 'there was too much to do');
    await released;
    assert.deepEqual(await other.getChildren(path), []);
  });

  test('a permit is had though the place in the queue cannot be given back yet', async () => {
    const zk = await subject.connect();
    const path = `${subject.freshPath()}/semaphore`;
    const original = zk.delete.bind(zk);
    let letGo = () => {};
    const gate = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    zk.delete = async (at, ...rest) => {
      if (at.includes('/queue/')) await gate;
      await original(at, ...rest);
    };
    const hold = await new Semaphore(zk, path, 1).acquire();
    assert.equal((await zk.getChildren(`${path}/queue`)).length, 1);
    letGo();
    await until('the place is given back', async () => (await zk.getChildren(`${path}/queue`)).length === 0);
    await hold.release();
  });

  test('who leaves a group does not take another along', async () => {
    const [zk, other] = [await subject.connect(), await subject.connect()];
    const path = subject.freshPath();
    const [group, theirs] = [await Group.open(zk, path), await Group.open(other, path)];
    await theirs.join('a');
    await group.leave('a');
    assert.deepEqual(await zk.getChildren(path), ['a']);
    await group.close();
    await theirs.close();
  });

  test('a group is opened over a cut', async () => {
    const proxy = await subject.proxy();
    const zk = await subject.connect({ address: proxy.address });
    const path = await zk.create(subject.freshPath());
    const original = zk.getChildren.bind(zk);
    let isCut = false;
    zk.getChildren = (at, options) => {
      const names = original(at, options);
      if (!isCut) {
        isCut = true;
        proxy.cut();
      }
      return names;
    };
    const group = await Group.open(zk, path);
    assert.ok(isCut);
    await group.close();
  });
});

test('the numbers of places go on over the end of 32 bits', () => {
  const names = [
    'x-lock--2147483648',
    'x-lock-2147483646',
    'x-lock--2147483647',
    'x-lock-2147483647',
    'other',
  ];
  assert.deepEqual(
    entriesInOrder(names).map(({ sequence }) => sequence),
    [2147483646, 2147483647, -2147483648, -2147483647],
  );
});
