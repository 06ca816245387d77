import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConnectionLossError, ZooKeeper } from '../../src/client/index.ts';
import { onBothEnsembles } from '../support/client-ensemble.ts';
import { bytes, stateOf, text, until } from '../support/client-servers.ts';

onBothEnsembles('client: three servers', {}, (current) => {
  test('each server in turn is killed: the session, its ephemeral, its watches and a cache go on', async (context) => {
    const ensemble = current();
    const zk = await ZooKeeper.connect(ensemble.address, { sessionTimeoutMs: 8000 });
    context.after(async () => await zk.close());
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
      await ensemble.restart(server);
    }
    assert.equal(zk.sessionId, id);
    assert.equal((await retried(() => zk.exists(own)))?.ephemeralOwner, id);
  });

  test('writes that were acknowledged are there after the leader was killed', async (context) => {
    const ensemble = current();
    const zk = await ZooKeeper.connect(ensemble.address, { sessionTimeoutMs: 8000 });
    context.after(async () => await zk.close());
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
    const before = acknowledged.length;
    await leader.kill9();
    await until('writing goes on', () => acknowledged.length > before + 50, 60_000);
    isDone = true;
    await writing;
    await ensemble.restart(leader);
    await retried(() => zk.sync(root));
    const there = new Set((await retried(() => zk.getChildren(root))).map((name) => `${root}/${name}`));
    for (const path of acknowledged) assert.ok(there.has(path), `${path} was acknowledged`);
    for (const path of there)
      assert.ok(acknowledged.includes(path) || unknown.includes(path), `${path} was told not to be sent`);
  });
});

// Only local sessions can be opened without a quorum of Apache's. Its property has no prefix: it is not one of zoo.cfg.
const readOnly = {
  config: ['localSessionsEnabled=true', 'localSessionsUpgradingEnabled=true', 'readonlymode.enabled=true'],
  env: { JAVA_TOOL_OPTIONS: '-Dreadonlymode.enabled=true' },
};

onBothEnsembles('client: an ensemble that loses its quorum', readOnly, (current) => {
  test('a server without a quorum serves reads, until one that takes writes is found', async () => {
    const ensemble = current();
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
    await ensemble.restart(...others);
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
