import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SessionExpiredError, TimeoutError, type ZooKeeper } from '../../../src/client/index.ts';
import {
  Election,
  type Hold,
  Lock,
  LostError,
  ReadWriteLock,
  Semaphore,
} from '../../../src/client/recipes/index.ts';
import { bytes, expire, onBothServers, stateOf, text, until } from '../../support/client-servers.ts';
import { FaultSchedule } from '../../support/fault-schedule.ts';
import { fourLetterWord } from '../../support/four-letter-word.ts';
import { delay } from '../../support/server-process.ts';

const config = ['tickTime=200', 'minSessionTimeout=400', 'maxSessionTimeout=60000'];

async function packetsReceived(port: number): Promise<number> {
  return Number(/Received: (\d+)/.exec(await fourLetterWord(port, 'srvr', 5000))?.[1]);
}

/** Who holds what at this moment, by what the holders themselves can know. */
class Holders {
  readonly #holds = new Map<Hold, 'read' | 'write'>();

  enter(hold: Hold, kind: 'read' | 'write'): void {
    for (const [other, otherKind] of this.#holds) {
      if (kind === 'read' && otherKind === 'read') continue;
      assert.ok(!other.isHeld, `${other.path} (${otherKind}) is held while ${hold.path} (${kind}) is got`);
    }
    this.#holds.set(hold, kind);
  }

  get count(): number {
    return [...this.#holds.keys()].filter((hold) => hold.isHeld).length;
  }

  leave(hold: Hold): void {
    this.#holds.delete(hold);
  }
}

onBothServers('recipes: locks', { config }, (subject) => {
  test('one holder at a time, in the order of the queue, with growing tokens; cuts and a killed server', async () => {
    const faults = new FaultSchedule(subject);
    const path = `${subject.freshPath()}/lock`;
    const holders = new Holders();
    const tokens: bigint[] = [];
    const work = async () => {
      const { zk } = await faults.client();
      const lock = new Lock(zk, path);
      for (let i = 0; i < 8; i++) {
        await lock.using(async (hold) => {
          holders.enter(hold, 'write');
          tokens.push(hold.token);
          await delay(faults.draws.below(8));
          if (!hold.signal.aborted) assert.equal(holders.count, 1);
          holders.leave(hold);
        });
      }
    };
    await faults.during(Promise.all([work(), work(), work(), work()]));
    assert.equal(tokens.length, 32);
    assert.deepEqual(
      tokens,
      [...tokens].sort((a, b) => (a < b ? -1 : 1)),
    );
    const zk = await subject.connect();
    await until('no place is left behind', async () => (await zk.getChildren(path)).length === 0);
  });

  for (const end of ['goes on', 'is given up'] as const) {
    test(`a lost answer leaves no second place: the wait ${end}`, async () => {
      const proxy = await subject.proxy();
      const [zk, other] = [await subject.connect({ address: proxy.address }), await subject.connect()];
      const path = await other.create(subject.freshPath());
      const places = async () => (await other.getChildren(path)).length;
      const original = zk.createWithStat.bind(zk);
      let creates = 0;
      zk.createWithStat = (...args) => {
        if (creates++ === 0) proxy.swallowReplies();
        return original(...args);
      };
      const controller = new AbortController();
      const acquired = new Lock(zk, path).acquire({ timeoutMs: 20_000, signal: controller.signal });
      const settled = acquired.then(
        () => 'held',
        (error: Error) => error.name,
      );
      await until('the place is made', async () => (await places()) === 1);
      if (end === 'is given up') {
        controller.abort();
        assert.equal(await settled, 'AbortError');
      }
      proxy.pass();
      proxy.cut();
      if (end === 'goes on') {
        assert.equal(await settled, 'held');
        assert.deepEqual([await places(), creates], [1, 1]);
        await (await acquired).release();
      }
      await until('no place is left', async () => (await places()) === 0);
    });
  }

  test('a holder that is cut off is told before anybody else holds the lock', async () => {
    const proxy = await subject.proxy();
    const zk = await subject.connect({ address: proxy.address, sessionTimeoutMs: 4000 });
    const other = await subject.connect();
    const path = `${subject.freshPath()}/lock`;
    const hold = await new Lock(zk, path).acquire();
    assert.ok(hold.isHeld);
    let lostAt = Number.POSITIVE_INFINITY;
    hold.signal.addEventListener('abort', () => {
      lostAt = performance.now();
    });
    const second = new Lock(other, path).acquire();
    proxy.stall();
    await stateOf(zk, 'suspended');
    assert.ok(hold.isHeld, 'suspended, but the lease has not run out');
    const next = await second;
    const gotAt = performance.now();
    assert.ok(lostAt <= gotAt, `told at ${lostAt}, the other got it at ${gotAt}`);
    assert.ok(!hold.isHeld);
    assert.ok(hold.signal.reason instanceof LostError);
    assert.throws(() => hold.assertHeld(), LostError);
    assert.ok(next.token > hold.token);
    await next.release();
  });

  test('a short suspension keeps the lock', async () => {
    const proxy = await subject.proxy();
    const zk = await subject.connect({ address: proxy.address, sessionTimeoutMs: 10_000 });
    const hold = await new Lock(zk, `${subject.freshPath()}/lock`).acquire();
    proxy.cut();
    await stateOf(zk, 'suspended');
    await zk.connected();
    assert.ok(hold.isHeld && !hold.signal.aborted);
    await hold.release();
    assert.ok(!hold.isHeld && !hold.signal.aborted);
  });

  test('expired sessions: the holder is told, the waiting one rejected, the next goes on', async () => {
    const path = `${subject.freshPath()}/lock`;
    const [first, second, third] = [
      await subject.connect(),
      await subject.connect(),
      await subject.connect(),
    ];
    const held = await new Lock(first, path).acquire();
    const waiting = new Lock(second, path).acquire();
    await until('the second waits', async () => (await third.getChildren(path)).length === 2);
    const last = new Lock(third, path).acquire();
    await until('the third waits', async () => (await third.getChildren(path)).length === 3);
    const rejected = assert.rejects(waiting, SessionExpiredError);
    await expire(second, subject.address);
    await rejected;
    await expire(first, subject.address);
    const hold = await last;
    assert.ok(hold.isHeld);
    await until('the first is told', () => held.signal.aborted);
    await hold.release();
  });

  test('somebody deletes the holder\u2019s znode', async () => {
    const zk = await subject.connect();
    const hold = await new Lock(zk, `${subject.freshPath()}/lock`).acquire();
    await zk.setData(hold.path, bytes('no reason to give it up'));
    await zk.sync();
    assert.ok(hold.isHeld);
    await zk.delete(hold.path);
    await until('it is told', () => hold.signal.aborted);
    assert.match(String(hold.signal.reason), /somebody deleted its znode/);
  });

  test('tryAcquire, time limits and signals leave no place behind', async () => {
    const [one, two] = [await subject.connect(), await subject.connect()];
    const path = `${subject.freshPath()}/lock`;
    const hold = await new Lock(one, path).tryAcquire();
    assert.ok(hold);
    assert.equal(await new Lock(two, path).tryAcquire(), null);
    await assert.rejects(new Lock(two, path).acquire({ timeoutMs: 60 }), TimeoutError);
    const controller = new AbortController();
    const aborted = new Lock(two, path).acquire({ signal: controller.signal });
    await until('it waits', async () => (await one.getChildren(path)).length === 2);
    controller.abort();
    await assert.rejects(aborted, { name: 'AbortError' });
    await until('its place is free', async () => (await one.getChildren(path)).length === 1);
    assert.ok(hold.isHeld);
    await hold.release();
  });

  test('no herd: a release wakes one of many', async () => {
    const path = `${subject.freshPath()}/lock`;
    const clients = await Promise.all(
      Array.from({ length: 20 }, () => subject.connect({ sessionTimeoutMs: 40_000 })),
    );
    const first = await new Lock(clients[0], path).acquire();
    const got: Hold[] = [];
    for (const [i, zk] of clients.slice(1).entries()) {
      void new Lock(zk, path).acquire().then(
        (hold) => got.push(hold),
        () => {},
      );
      await until(
        'it stands in the queue',
        async () => (await clients[0].getChildren(path)).length === i + 2,
      );
    }
    const before = await packetsReceived(subject.server.port);
    await first.release();
    await until('the next has it', () => got.length === 1);
    const asked = (await packetsReceived(subject.server.port)) - before;
    // delete; getChildren of the next; exists of its own znode; a few for pings and the question itself.
    assert.ok(asked <= 10, `${asked} requests for one release`);
  });

  test('no watch is left behind on znodes that are gone', async () => {
    const clients = await Promise.all([subject.connect(), subject.connect(), subject.connect()]);
    const path = `${subject.freshPath()}/lock`;
    const watches = async () => {
      const answer = await fourLetterWord(subject.server.port, 'wchs', 5000);
      return Number(/Total watches:(\d+)/.exec(answer)?.[1]);
    };
    const before = await watches();
    const work = async (zk: ZooKeeper) => {
      for (let i = 0; i < 25; i++) await new Lock(zk, path).using(async () => {});
    };
    await Promise.all(clients.map(work));
    await Promise.all(clients.map((zk) => zk.sync()));
    assert.equal(await watches(), before);
  });

  test('election: one leader, followed by the next; its data', async () => {
    const path = `${subject.freshPath()}/election`;
    const clients = await Promise.all(
      ['a', 'b', 'c'].map(async (name) => ({ name, zk: await subject.connect() })),
    );
    const leaders: string[] = [];
    const candidates: { name: string; zk: ZooKeeper; election: Election }[] = [];
    for (const [i, { name, zk }] of clients.entries()) {
      const election = new Election(zk, path, bytes(name));
      candidates.push({ name, zk, election });
      if (i === 0) assert.equal(await election.leader(), null);
      void election.lead().then(
        () => leaders.push(name),
        () => {},
      );
      await until('the candidate stands', async () => (await zk.exists(path))?.numChildren === i + 1);
    }
    await until('a leads', () => leaders.length === 1);
    assert.equal(text(await candidates[2].election.leader()), 'a');
    await expire(clients[0].zk, subject.address);
    await until('b leads', () => leaders.length === 2);
    await clients[1].zk.close();
    await until('c leads', () => leaders.length === 3);
    assert.deepEqual(leaders, ['a', 'b', 'c']);
    assert.equal(text(await candidates[2].election.leader()), 'c');
  });

  test('read-write lock: readers together, writers alone, nobody overtakes; cuts and a killed server', async () => {
    const faults = new FaultSchedule(subject);
    const path = `${subject.freshPath()}/rw`;
    const holders = new Holders();
    const reader = async () => {
      const { zk } = await faults.client();
      const lock = new ReadWriteLock(zk, path);
      for (let i = 0; i < 6; i++) {
        const hold = await lock.acquireRead();
        holders.enter(hold, 'read');
        await delay(10);
        holders.leave(hold);
        await hold.release();
      }
    };
    const writer = async () => {
      const { zk } = await faults.client();
      const lock = new ReadWriteLock(zk, path);
      for (let i = 0; i < 6; i++) {
        const hold = await lock.acquireWrite();
        holders.enter(hold, 'write');
        await delay(4);
        holders.leave(hold);
        await hold.release();
      }
    };
    await faults.during(Promise.all([reader(), reader(), reader(), writer(), writer()]));
    const zk = await subject.connect();
    const lock = new ReadWriteLock(zk, path);
    const together = [await lock.acquireRead(), await lock.acquireRead()];
    assert.ok(together.every((hold) => hold.isHeld));
    await together[1].release();
    const read = together[0];
    assert.equal(await lock.tryAcquireWrite(), null);
    const waiting = lock.acquireWrite();
    await until('a writer waits', async () => (await zk.getChildren(path)).length === 2);
    assert.equal(await lock.tryAcquireRead(), null, 'a reader does not overtake a waiting writer');
    await read.release();
    await (await waiting).release();
  });

  test('semaphore: never more than its permits, cuts and a killed server', async () => {
    const faults = new FaultSchedule(subject);
    const path = `${subject.freshPath()}/semaphore`;
    const held = new Set<Hold>();
    const work = async () => {
      const { zk } = await faults.client();
      const semaphore = new Semaphore(zk, path, 2);
      for (let i = 0; i < 5; i++) {
        const hold = await semaphore.acquire();
        held.add(hold);
        const count = [...held].filter((each) => each.isHeld).length;
        assert.ok(count <= 2, `${count} hold it`);
        await delay(5 + faults.draws.below(10));
        held.delete(hold);
        await hold.release();
      }
    };
    await faults.during(Promise.all([work(), work(), work(), work()]));
    const zk = await subject.connect();
    const semaphore = new Semaphore(zk, path, 2);
    const both = [await semaphore.acquire(), await semaphore.acquire()];
    assert.ok(both.every((hold) => hold.isHeld));
    await assert.rejects(semaphore.acquire({ timeoutMs: 60 }), TimeoutError);
    const third = semaphore.acquire();
    await both[0].release();
    await (await third).release();
    await both[1].release();
  });
});
