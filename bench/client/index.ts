// `npm run bench:client -- --native test/clients/npm-zookeeper`: requests per second and CPU per request of this client
// and of the two on npm, against one server in the same run, pipelined and not.

import { resolve } from 'node:path';
import { Command } from 'commander';
import { startApache, startMenagerie } from '../../test/support/server-process.ts';
import { type MeasuredClient, menagerie, nativeZooKeeper, nodeZooKeeperClient } from './clients.ts';

interface Arguments {
  readonly seconds: string;
  readonly rounds: string;
  readonly depths: string;
  readonly native?: string;
  readonly apache?: boolean;
}

interface Figure {
  readonly perSecond: number;
  readonly cpuMicroseconds: number;
}

const args = new Command('bench:client')
  .description('Measures this client beside those of npm.')
  .option('--seconds <n>', 'how long each measurement runs', '1.5')
  .option('--rounds <n>', 'how often all are measured in turn; the best counts', '3')
  .option('--depths <list>', 'how many requests are under way', '1,10,100')
  .option('--native <directory>', 'where npm zookeeper is installed, as test/clients/npm-zookeeper')
  .option('--apache', 'measure against Apache ZooKeeper instead of Menagerie')
  .parse()
  .opts<Arguments>();
const [seconds, rounds] = [Number(args.seconds), Number(args.rounds)];
const depths = args.depths.split(',').map(Number);
if (!(seconds > 0 && rounds > 0 && depths.every((depth) => depth > 0))) {
  process.stderr.write('--seconds, --rounds and --depths take numbers above 0\n');
  process.exit(2);
}

const PATH = '/bench-client';
const value = Buffer.alloc(100, 'x');
const operations: Record<string, (client: MeasuredClient) => Promise<unknown>> = {
  getData: (client) => client.getData(PATH),
  setData: (client) => client.setData(PATH, value),
};

async function measure(call: () => Promise<unknown>, depth: number): Promise<Figure> {
  const startedAt = performance.now();
  const end = startedAt + seconds * 1000;
  const cpu = process.cpuUsage();
  let count = 0;
  const lane = async () => {
    while (performance.now() < end) {
      await call();
      count++;
    }
  };
  await Promise.all(Array.from({ length: depth }, lane));
  const { user, system } = process.cpuUsage(cpu);
  return {
    perSecond: (count / (performance.now() - startedAt)) * 1000,
    cpuMicroseconds: (user + system) / count,
  };
}

const server = await (args.apache === true ? startApache : startMenagerie)();
try {
  const address = `127.0.0.1:${server.port}`;
  const clients: MeasuredClient[] = [];
  for (const client of [
    await menagerie(address),
    await nodeZooKeeperClient(address),
    args.native === undefined
      ? 'npm zookeeper is not measured without --native'
      : await nativeZooKeeper(address, resolve(args.native)),
  ]) {
    if (typeof client === 'string') process.stderr.write(`${client}\n`);
    else clients.push(client);
  }
  await clients[0].create(PATH, value);
  for (const [name, operation] of Object.entries(operations)) {
    for (const depth of depths) {
      const best = new Map<string, Figure>();
      for (let round = 0; round < rounds; round++) {
        for (const client of clients) {
          const figure = await measure(() => operation(client), depth);
          if (figure.perSecond > (best.get(client.name)?.perSecond ?? 0)) best.set(client.name, figure);
        }
      }
      const own = best.get(clients[0].name)?.perSecond ?? 0;
      for (const [client, { perSecond, cpuMicroseconds }] of best) {
        const columns = [name.padEnd(8), `depth ${depth}`.padEnd(10), client.padEnd(26)];
        const rate = Math.round(perSecond).toLocaleString('en').padStart(9);
        const ratio = (own / perSecond).toFixed(2);
        process.stdout.write(
          `${columns.join(' ')} ${rate}/s ${cpuMicroseconds.toFixed(1).padStart(6)} µs CPU  ours × ${ratio}\n`,
        );
      }
    }
  }
  for (const client of clients) await client.close();
} finally {
  await server.dispose();
}
// The native client keeps threads of its own.
process.exit(0);
