// `npm run bench:client -- --native test/clients/npm-zookeeper`: requests per second and CPU per request of this client
// and of the two on npm, against one server in the same run: pipelined, not pipelined on one connection (depth 1) and on many.
// The bare socket shows how much of a round trip is the client's at all.

import { resolve } from 'node:path';
import { Command } from 'commander';
import { startApache, startMenagerie } from '../../test/support/server-process.ts';
import { BareSocket, getDataFrame, setDataFrame } from './bare-socket.ts';
import { type MeasuredClient, menagerie, nativeZooKeeper, nodeZooKeeperClient } from './clients.ts';

interface Arguments {
  readonly seconds: string;
  readonly rounds: string;
  readonly depths: string;
  readonly connections: string;
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
  .option(
    '--connections <n>',
    'callers that do not pipeline, each on a connection of its own; 1 for none',
    '32',
  )
  .option('--native <directory>', 'where npm zookeeper is installed, as test/clients/npm-zookeeper')
  .option('--apache', 'measure against Apache ZooKeeper instead of Menagerie')
  .parse()
  .opts<Arguments>();
const [seconds, rounds] = [Number(args.seconds), Number(args.rounds)];
const [depths, connections] = [args.depths.split(',').map(Number), Number(args.connections)];
if (!(seconds > 0 && rounds > 0 && connections > 0 && depths.every((depth) => depth > 0))) {
  process.stderr.write('--seconds, --rounds, --depths and --connections take numbers above 0\n');
  process.exit(2);
}

const PATH = '/bench-client';
const value = Buffer.alloc(100, 'x');
interface Operation {
  call(client: MeasuredClient): Promise<unknown>;
  /** The same as bytes, for the bare socket. */
  readonly frame: Uint8Array;
}
const operations: Record<string, Operation> = {
  getData: { call: (client) => client.getData(PATH), frame: getDataFrame(PATH) },
  setData: { call: (client) => client.setData(PATH, value), frame: setDataFrame(PATH, value) },
};

/** `callers`: each has one request under way at a time; more callers than clients share them. */
async function measure(
  clients: readonly MeasuredClient[],
  operation: Operation,
  callers: number,
): Promise<Figure> {
  return await timed(async () => {
    const end = performance.now() + seconds * 1000;
    let count = 0;
    const caller = async (client: MeasuredClient) => {
      while (performance.now() < end) {
        await operation.call(client);
        count++;
      }
    };
    await Promise.all(Array.from({ length: callers }, (_, i) => caller(clients[i % clients.length])));
    return count;
  });
}

async function timed(work: () => Promise<number>): Promise<Figure> {
  const [startedAt, cpu] = [performance.now(), process.cpuUsage()];
  const count = await work();
  const { user, system } = process.cpuUsage(cpu);
  return {
    perSecond: (count / (performance.now() - startedAt)) * 1000,
    cpuMicroseconds: (user + system) / count,
  };
}

type Opener = (address: string) => Promise<MeasuredClient | string>;

const openers: Opener[] = [
  menagerie,
  nodeZooKeeperClient,
  async (address) =>
    args.native === undefined
      ? 'npm zookeeper is not measured without --native'
      : await nativeZooKeeper(address, resolve(args.native)),
];

/** Opens so many connections with each client that can be had. */
async function openAll(address: string, connections: number): Promise<MeasuredClient[][]> {
  const groups: MeasuredClient[][] = [];
  for (const open of openers) {
    const group = await Promise.all(Array.from({ length: connections }, () => open(address)));
    const clients = group.filter((client) => typeof client !== 'string');
    if (clients.length === connections) groups.push(clients);
    else process.stderr.write(`${group[0]}\n`);
  }
  return groups;
}

function print(name: string, how: string, best: ReadonlyMap<string, Figure>): void {
  const own = [...best.values()][0].perSecond;
  for (const [client, { perSecond, cpuMicroseconds }] of best) {
    const columns = [name.padEnd(8), how.padEnd(16), client.padEnd(26)];
    const rate = Math.round(perSecond).toLocaleString('en').padStart(9);
    const ratio = (own / perSecond).toFixed(2);
    process.stdout.write(
      `${columns.join(' ')} ${rate}/s ${cpuMicroseconds.toFixed(1).padStart(6)} µs CPU  ours × ${ratio}\n`,
    );
  }
}

/** Measures all in turn, several times; the best of each counts. */
async function compare(contenders: ReadonlyMap<string, () => Promise<Figure>>): Promise<Map<string, Figure>> {
  const best = new Map<string, Figure>();
  for (let round = 0; round < rounds; round++) {
    for (const [name, run] of contenders) {
      const figure = await run();
      if (figure.perSecond > (best.get(name)?.perSecond ?? 0)) best.set(name, figure);
    }
  }
  return best;
}

const server = await (args.apache === true ? startApache : startMenagerie)();
try {
  const address = `127.0.0.1:${server.port}`;
  const bare = await BareSocket.open(server.port);
  const groups = await openAll(address, 1);
  await groups[0][0].create(PATH, value);
  for (const [name, operation] of Object.entries(operations)) {
    for (const depth of depths) {
      const contenders = new Map(
        groups.map((clients) => [clients[0].name, () => measure(clients, operation, depth)]),
      );
      contenders.set('(a bare socket)', () => timed(() => bare.run(operation.frame, depth, seconds)));
      print(name, `depth ${depth}`, await compare(contenders));
    }
  }
  bare.close();
  for (const [client] of groups) await client.close();
  if (connections > 1) {
    const many = await openAll(address, connections);
    for (const [name, operation] of Object.entries(operations)) {
      const contenders = new Map(
        many.map((clients) => [clients[0].name, () => measure(clients, operation, connections)]),
      );
      print(name, `${connections} connections`, await compare(contenders));
    }
    for (const client of many.flat()) await client.close();
  }
} finally {
  await server.dispose();
}
// The native client keeps threads of its own.
process.exit(0);
