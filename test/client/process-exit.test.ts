import assert from 'node:assert/strict';
import { test } from 'node:test';
import { onBothServers } from '../support/client-servers.ts';
import { runCommand } from '../support/command.ts';
import { freePort } from '../support/server-process.ts';

const modules = { client: '../../src/client/index.js', recipes: '../../src/client/recipes/index.js' };
const imports = Object.entries(modules)
  .map(([name, file]) => `import * as ${name} from ${JSON.stringify(new URL(file, import.meta.url).href)};`)
  .join('\n');

/** Runs a program that must end by itself, with nothing on stderr: no timer, socket or unhandled rejection is left. */
async function endsByItself(body: string): Promise<void> {
  const program = `${imports}\nconst { ZooKeeper } = client;\n${body}\nconsole.log('last line');`;
  const startedAt = performance.now();
  const { code, output } = await runCommand(process.execPath, ['--input-type=module', '-e', program], {
    timeoutMs: 30_000,
  });
  assert.equal(output, 'last line\n');
  assert.equal(code, 0);
  assert.ok(performance.now() - startedAt < 15_000);
}

onBothServers('client: a process ends by itself after close', {}, (subject) => {
  test('with requests, watches, a cache and recipes in use', async () => {
    await endsByItself(`
      const zk = await ZooKeeper.connect(${JSON.stringify(subject.address)});
      const path = await zk.create(${JSON.stringify(subject.freshPath())});
      await zk.getData(path, { watch() {} });
      await zk.watch(path, { mode: 'recursive' });
      const cache = await zk.cache(path);
      const hold = await new recipes.Lock(zk, path + '/lock').acquire();
      const waiting = new recipes.Lock(zk, path + '/lock').acquire().catch((error) => error.name);
      const group = await recipes.Group.open(zk, path + '/group');
      await group.join('a');
      void zk.getData(path).catch(() => {});
      await zk.close();
      if ((await waiting) !== 'ClosedError') throw new Error(await waiting);
      if (hold.isHeld) throw new Error('still held');`);
  });

  test('never connected, and twice closed', async () => {
    await endsByItself(`
      const zk = new ZooKeeper('127.0.0.1:${await freePort()}');
      const call = zk.exists('/').catch((error) => error.name);
      await new Promise((resolve) => zk.once('attemptFailed', resolve));
      await Promise.all([zk.close(), zk.close()]);
      if ((await call) !== 'ClosedError') throw new Error(await call);`);
  });

  test('connect that fails', async () => {
    await endsByItself(`
      const error = await ZooKeeper.connect('127.0.0.1:${await freePort()}', { connectTimeoutMs: 300 }).catch((e) => e);
      if (error.name !== 'ConnectError') throw error;`);
  });

  test('an expired session', async () => {
    await endsByItself(`
      const one = await ZooKeeper.connect(${JSON.stringify(subject.address)});
      const session = { id: one.sessionId, password: one.sessionPassword };
      const expired = new Promise((resolve) => one.once('expired', resolve));
      const two = await ZooKeeper.connect(${JSON.stringify(subject.address)}, { session });
      await two.close();
      await expired;`);
  });
});
