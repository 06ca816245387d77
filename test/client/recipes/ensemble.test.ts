import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ZooKeeper } from '../../../src/client/index.ts';
import {
  Barrier,
  type Codec,
  ConfigValue,
  Counter,
  DoubleBarrier,
  Election,
  Group,
  type Hold,
  Lock,
  PriorityQueue,
  Queue,
  ReadWriteLock,
  Semaphore,
  uniqueName,
} from '../../../src/client/recipes/index.ts';
import { type ClientEnsemble, onBothEnsembles } from '../../support/client-ensemble.ts';
import { bytes, text, until } from '../../support/client-servers.ts';

const MEMBERS = 3;
const codec: Codec<number> = {
  encode: (value) => bytes(String(value)),
  decode: (data) => Number(text(data)),
};

/** Who holds something exclusive, by what the holders can know. */
class Exclusive {
  readonly tokens: bigint[] = [];
  #holder: Hold | null = null;

  async hold(hold: Hold, work: () => Promise<void>): Promise<void> {
    assert.ok(
      this.#holder === null || !this.#holder.isHeld,
      `${this.#holder?.path} and ${hold.path} are held`,
    );
    this.#holder = hold;
    this.tokens.push(hold.token);
    await work();
    if (this.#holder === hold) this.#holder = null;
    await hold.release();
  }
}

/** What all members have seen together. */
class Record {
  rounds = 0;
  sums = 0;
  readonly put: string[] = [];
  readonly taken: string[] = [];
  readonly names: string[] = [];
  readonly lock = new Exclusive();
  readonly leadership = new Exclusive();
  readonly writing = new Exclusive();
  readonly permits = new Set<Hold>();
  readonly entered: number[] = [];
  isOver = false;
  readonly lastRounds: boolean[] = [];
}

/** One round of everything. */
async function takeRound(zk: ZooKeeper, name: string, round: number, seen: Record): Promise<void> {
  await new Counter(zk, '/r/counter').increment();
  seen.sums++;
  const [queue, urgent] = [new Queue(zk, '/r/queue'), new PriorityQueue(zk, '/r/urgent')];
  await queue.put(bytes(`${name}${round}`));
  await urgent.put(bytes(`${name}${round}!`), round % 7);
  seen.put.push(`${name}${round}`, `${name}${round}!`);
  const lock = await new Lock(zk, '/r/lock').acquire();
  await seen.lock.hold(lock, async () => {
    seen.taken.push(text(await queue.take()) ?? '', text(await urgent.take()) ?? '');
  });
  const lead = await new Election(zk, '/r/election', bytes(name)).lead();
  await seen.leadership.hold(lead, async () => {});
  const readWrite = new ReadWriteLock(zk, '/r/rw');
  await seen.writing.hold(await readWrite.acquireWrite(), async () => {});
  await (await readWrite.acquireRead()).release();
  const permit = await new Semaphore(zk, '/r/semaphore', 2).acquire();
  seen.permits.add(permit);
  assert.ok([...seen.permits].filter(({ isHeld }) => isHeld).length <= 2, 'at most two permits are held');
  seen.permits.delete(permit);
  await permit.release();
  seen.names.push(await uniqueName(zk, '/r/names/n-'));
}

/** Works until it is over; all members go through each round together. */
async function member(zk: ZooKeeper, name: string, seen: Record): Promise<void> {
  const barrier = new DoubleBarrier(zk, '/r/rounds', MEMBERS, name);
  for (let round = 0; ; round++) {
    seen.entered[round] = (seen.entered[round] ?? 0) + 1;
    await barrier.enter();
    assert.equal(seen.entered[round], MEMBERS, `round ${round} began before all were here`);
    // Whoever is the first inside decides for all: they leave after the same round.
    seen.lastRounds[round] ??= seen.isOver;
    const isOver = seen.lastRounds[round];
    if (!isOver) await takeRound(zk, name, round, seen);
    await barrier.leave();
    seen.rounds = round;
    if (isOver) return;
  }
}

/** Kills the leader, the server of a client, and the leader again, while work goes on. */
async function killServers(ensemble: ClientEnsemble, zk: ZooKeeper, seen: Record): Promise<void> {
  for (const whose of ['leader', 'client', 'leader'] as const) {
    const rounds = seen.rounds;
    await until('work goes on', () => seen.rounds > rounds, 60_000);
    const isClients = whose === 'client' && zk.remoteAddress !== null;
    const victim = isClients ? ensemble.serverOf(zk.remoteAddress) : await ensemble.leader();
    await victim.kill9();
    const after = seen.rounds;
    await until('it goes on without that server', () => seen.rounds > after + 1, 60_000);
    await ensemble.restart(victim);
  }
}

onBothEnsembles('recipes: three servers', {}, (current) => {
  test('every recipe keeps its promise while servers are killed, the leader first', async (context) => {
    const ensemble = current();
    const connect = () => ZooKeeper.connect(ensemble.address, { sessionTimeoutMs: 8000 });
    const clients = await Promise.all(Array.from({ length: MEMBERS }, connect));
    context.after(async () => await Promise.all(clients.map((zk) => zk.close())));
    const seen = new Record();
    const groups = await Promise.all(clients.map((zk) => Group.open(zk, '/r/group')));
    await Promise.all(groups.map((group, i) => group.join('abc'[i])));
    const barrier = new Barrier(clients[0], '/r/barrier');
    await barrier.raise();
    let isThrough = false;
    const through = new Barrier(clients[1], '/r/barrier').wait().then(() => {
      isThrough = true;
    });
    const config = await ConfigValue.open(clients[2], '/r/config', codec);
    const values: number[] = [];
    config.on('changed', (value) => values.push(value ?? -1));
    const killing = killServers(ensemble, clients[0], seen).finally(() => {
      seen.isOver = true;
    });
    const setting = (async () => {
      const writer = await ConfigValue.open(clients[1], '/r/config', codec);
      for (let value = 1; !seen.isOver; value++) {
        await writer.set(value).catch(() => {});
        await until('it is followed, or cannot be', () => config.value === value || seen.isOver, 2000).catch(
          () => {},
        );
      }
    })();
    await Promise.all([...clients.map((zk, i) => member(zk, 'abc'[i], seen)), killing, setting]);
    assert.equal(await new Counter(clients[0], '/r/counter').value(), BigInt(seen.sums));
    assert.deepEqual([...seen.taken].sort(), [...seen.put].sort(), 'what was put was taken once');
    assert.equal(new Set(seen.names).size, seen.names.length, 'no name is given twice');
    for (const { tokens } of [seen.lock, seen.leadership, seen.writing]) {
      const grown = [...tokens].sort((a, b) => (a < b ? -1 : 1));
      assert.deepEqual(tokens, grown, 'tokens grow');
    }
    assert.deepEqual(
      values,
      [...values].sort((a, b) => a - b),
      'the configuration never goes back',
    );
    await until('all have seen all members', () => groups.every(({ members }) => members.join() === 'a,b,c'));
    assert.equal(isThrough, false, 'the barrier is up');
    await barrier.lift();
    await through;
  });
});
