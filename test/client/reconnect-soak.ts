// node dist/test/client/reconnect-soak.js --minutes 10: a client whose connection is cut all the time, with watches, a cache and
// locks in use. Its memory must stay flat; the exit code tells.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Command } from 'commander';
import { ZooKeeper } from '../../src/client/index.ts';
import { Lock } from '../../src/client/recipes/index.ts';
import { CuttingProxy } from '../support/cutting-proxy.ts';
import { delay, startMenagerie } from '../support/server-process.ts';

const MEGABYTE = 1024 * 1024;
const GROWTH_MAX = 1.15;

const { minutes } = new Command('reconnect-soak')
  .option('--minutes <n>', 'how long it runs', '10')
  .parse()
  .opts<{ minutes: string }>();
const endsAt = performance.now() + Number(minutes) * 60_000;
if (!(Number(minutes) > 0)) {
  process.stderr.write(`--minutes ${minutes}: give a number above 0\n`);
  process.exit(2);
}
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const server = await startMenagerie();
const proxy = await CuttingProxy.start(server.port);
const zk = await ZooKeeper.connect(proxy.address);
let [reconnects, requests, failed] = [0, 0, 0];
zk.on('connected', () => {
  reconnects++;
});
await zk.createRecursive('/soak/cache', new Uint8Array(100));
const cache = await zk.cache('/soak/cache');

async function work(name: string): Promise<void> {
  const lock = new Lock(zk, '/soak/lock');
  while (performance.now() < endsAt) {
    requests++;
    try {
      await zk.ensurePath(`/soak/cache/${name}`);
      await zk.getData(`/soak/cache/${name}`, { watch() {} });
      await zk.setData(`/soak/cache/${name}`, new Uint8Array(200));
      await lock.using(async () => {});
    } catch {
      failed++;
    }
  }
}

const heaps: number[] = [];
async function sample(): Promise<void> {
  while (performance.now() < endsAt) {
    await delay(Math.min(5_000, Number(minutes) * 3_000));
    collectGarbage();
    const { heapUsed, rss, external } = process.memoryUsage();
    heaps.push(heapUsed + external);
    const megabytes = (bytes: number) => `${(bytes / MEGABYTE).toFixed(1)} MB`;
    process.stdout.write(
      `${reconnects} reconnects, ${requests} rounds, ${failed} failed, heap ${megabytes(heapUsed)}, external ${megabytes(external)}, rss ${megabytes(rss)}\n`,
    );
  }
}

async function cut(): Promise<void> {
  while (performance.now() < endsAt) {
    await delay(250);
    proxy.cut();
  }
}

await Promise.all([work('a'), work('b'), work('c'), sample(), cut()]);
await cache.close();
await zk.close();
await proxy.close();
await server.dispose();
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const quarter = Math.max(1, Math.floor(heaps.length / 4));
const growth = mean(heaps.slice(-quarter)) / mean(heaps.slice(quarter, 2 * quarter));
process.stdout.write(`memory of the last quarter is ${growth.toFixed(3)} times that of the second\n`);
process.exitCode = growth <= GROWTH_MAX ? 0 : 1;
