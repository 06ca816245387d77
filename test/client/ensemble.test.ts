import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ConnectionLossError, ZooKeeper } from '../../src/client/index.ts';
import { Counter, Lock, Queue } from '../../src/client/recipes/index.ts';
import { ApacheEnsemble } from '../support/apache-ensemble.ts';
import { bytes, stateOf, text, until } from '../support/client-servers.ts';
import { apacheMissing } from '../support/server-process.ts';

const skip = apacheMissing() ?? false;

describe('client: three Apache servers', { skip, timeout: 300_000 }, () => {
  let ensemble: ApacheEnsemble;
  before(async () => {
    ensemble = await ApacheEnsemble.start();
  });
  after(async () => await ensemble?.dispose());

  test('each server in turn is killed: the session, its ephemeral, its watches and a cache go on', async () => {
    const zk = await ZooKeeper.connect(ensemble.address, { sessionTimeoutMs: 8000 });
    const path = await zk.create('/killed', bytes('0'));
    const own = await zk.create('/own', null, { mode: 'ephemeral' });
    const cache = await zk.cache(path);
    const id = zk.sessionId;
    for (let round = 1; round <= 3; round++) {
      const server = ensemble.serverOf(zk.remoteAddress);
      let fired = 0;
      await zk.getData(path, { watch: () => fired++ });
      await server.kill9();
      await stateOf(zk, 'suspended');
      await zk.connected({ timeoutMs: 30_000 });
      assert.notEqual(ensemble.serverOf(zk.remoteAddress), server);
      await retried(() => zk.setData(path, bytes(String(round))));
      await until('the watch has fired', () => fired === 1);
      await until(
        'the cache has the change',
        () => text(cache.get(path)?.data ?? null) === String(round),
        30_000,
      );
      await server.start();
      await until('there is a leader', async () => (await ensemble.leader()) !== null, 60_000);
    }
    assert.equal(zk.sessionId, id);
    assert.equal((await retried(() => zk.exists(own)))?.ephemeralOwner, id);
    await zk.close();
  });

  test('writes that were acknowledged are there after the leader was killed', async () => {
    const zk = await ZooKeeper.connect(ensemble.address, { sessionTimeoutMs: 8000 });
    const root = await retried(() => zk.createRecursive('/acked'));
    const acknowledged: string[] = [];
    const unknown: string[] = [];
    let isDone = false;
    const writing = (async () => {
      for (let i = 0; !isDone; i++) {
        const path = `${root}/${i}`;
        try {
          await zk.create(path);
          acknowledged.push(path);
        } catch (error) {
          if (!(error instanceof ConnectionLossError)) throw error;
          if (error.outcome === 'unknown') unknown.push(path);
        }
      }
    })();
    await until('some were written', () => acknowledged.length > 50);
    const leader = await ensemble.leader();
    assert.ok(leader);
    const before = acknowledged.length;
    await leader.kill9();
    await until('writing goes on', () => acknowledged.length > before + 50, 60_000);
    isDone = true;
    await writing;
    await leader.start();
    await retried(() => zk.sync(root));
    const there = new Set((await retried(() => zk.getChildren(root))).map((name) => `${root}/${name}`));
    for (const path of acknowledged) assert.ok(there.has(path), `${path} was acknowledged`);
    for (const path of there)
      assert.ok(acknowledged.includes(path) || unknown.includes(path), `${path} was told not to be sent`);
    await zk.close();
  });

  test('recipes keep their promises while servers are killed, the leader first', async () => {
    const clients = await Promise.all(
      Array.from({ length: 3 }, () => ZooKeeper.connect(ensemble.address, { sessionTimeoutMs: 8000 })),
    );
    let isDone = false;
    let [sums, holders] = [0, 0];
    const [put, taken, tokens]: [string[], string[], bigint[]] = [[], [], []];
    const work = async (zk: ZooKeeper, name: string) => {
      const [counter, lock, queue] = [
        new Counter(zk, '/r/counter'),
        new Lock(zk, '/r/lock'),
        new Queue(zk, '/r/queue'),
      ];
      for (let i = 0; !isDone; i++) {
        await counter.increment();
        sums++;
        await queue.put(bytes(`${name}${i}`));
        put.push(`${name}${i}`);
        await lock.using(async (hold) => {
          assert.equal(++holders, 1, 'one holder at a time');
          tokens.push(hold.token);
          taken.push(text(await queue.take()) ?? '');
          hold.assertHeld();
          holders--;
        });
      }
    };
    const working = Promise.all(clients.map((zk, i) => work(zk, 'abc'[i])));
    const killing = (async () => {
      for (let round = 0; round < 3; round++) {
        const goal = taken.length + 15;
        await until('work goes on', () => taken.length >= goal, 60_000);
        const leader = await ensemble.leader();
        const victim =
          round === 1
            ? ensemble.serverOf(clients.find((zk) => zk.remoteAddress !== null)?.remoteAddress ?? '')
            : leader;
        assert.ok(victim);
        await victim.kill9();
        await until('it goes on without that server', () => taken.length >= goal + 5, 60_000);
        await victim.start();
        await until('there is a leader', async () => (await ensemble.leader()) !== null, 60_000);
      }
      isDone = true;
    })();
    await Promise.all([working, killing]);
    assert.equal(await new Counter(clients[0], '/r/counter').value(), BigInt(sums));
    assert.deepEqual([...taken].sort(), [...put].sort(), 'what was put was taken once');
    assert.deepEqual(
      tokens,
      [...tokens].sort((a, b) => (a < b ? -1 : 1)),
      'tokens grow',
    );
    await Promise.all(clients.map((zk) => zk.close()));
  });
});

describe('client: an ensemble that loses its quorum', { skip, timeout: 300_000 }, () => {
  let ensemble: ApacheEnsemble;
  before(async () => {
    // Only local sessions can be opened without a quorum. The property has no prefix: it is not one of zoo.cfg.
    const config = ['localSessionsEnabled=true', 'localSessionsUpgradingEnabled=true'];
    ensemble = await ApacheEnsemble.start(3, config, { JAVA_TOOL_OPTIONS: '-Dreadonlymode.enabled=true' });
  });
  after(async () => await ensemble?.dispose());

  test('a server without a quorum serves reads, until one that takes writes is found', async () => {
    const writer = await ZooKeeper.connect(ensemble.address);
    await retried(() => writer.create('/read-only', bytes('x')));
    const [kept, ...others] = ensemble.servers;
    await writer.close();
    await Promise.all(others.map((server) => server.kill9()));
    const reader = await ZooKeeper.connect(ensemble.address, {
      canBeReadOnly: true,
      connectTimeoutMs: 60_000,
    });
    assert.equal(reader.state, 'readOnly');
    assert.equal(ensemble.serverOf(reader.remoteAddress), kept);
    assert.equal(text((await reader.getData('/read-only')).data), 'x');
    await assert.rejects(reader.create('/refused'), { name: 'NotReadOnlyError' });
    const unwilling = new ZooKeeper(ensemble.address);
    await assert.rejects(unwilling.connected({ timeoutMs: 1500 }), { name: 'ConnectError' });
    await unwilling.close();
    await Promise.all(others.map((server) => server.start()));
    await until('it has found a server that takes writes', () => reader.state === 'connected', 60_000);
    await retried(() => reader.setData('/read-only', bytes('y')));
    await reader.close();
  });
});

/** For operations that do no harm when they are done twice. */
async function retried<T>(call: () => Promise<T>): Promise<T> {
  for (let left = 20; ; left--) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof ConnectionLossError) || left === 0) throw error;
    }
  }
}
