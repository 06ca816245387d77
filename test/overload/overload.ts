import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { fourLetterWord } from '../support/four-letter-word.ts';
import { delay, type ServerProcess, startMenagerie } from '../support/server-process.ts';
import { WireClient } from '../support/wire-client.ts';
import { ok } from '../support/wire-connection.ts';
import type { LoadCounts, LoadKind, LoadOptions } from './load-generator.ts';

const TICK_MS = 1000;
/** The least that the server allows: two ticks. */
const TIMEOUT_MS = 2 * TICK_MS;
/** What a slow reader takes off the kernel comes to the server's ears in steps of megabytes: it may seem silent meanwhile. */
const SLOW_TIMEOUT_MS = 5000;
const WARM_UP_MS = 1000;
const PATH = '/load';
const LARGE_PATH = '/large';
const LARGE_BYTES = 100_000;

export interface OverloadOptions {
  /** Peak and overload are measured in turns, so often. */
  readonly rounds: number;
  /** Of each measurement. */
  readonly seconds: number;
  readonly idleSessions?: number;
  readonly overloadConnections?: number;
  /** Further lines of the zoo.cfg. */
  readonly config?: readonly string[];
  /** Loads of which the best is the peak; {@link MODEST} if not given. */
  readonly modest?: readonly Modest[];
  readonly warmUpMs?: number;
  /** Of the idle and of the asking sessions; the least that the server allows if not given. */
  readonly sessionTimeoutMs?: number;
  readonly progress?: (line: string) => void;
}

/** What one round found. */
interface Round {
  /** Answered requests a second: with modest pipelines, and under overload. */
  readonly peak: number;
  readonly goodput: number;
  /** How long a new client took for its session and one read, at most. */
  readonly newClientMsMax: number;
  readonly sessionsExpired: number;
  readonly connectionsLost: number;
  readonly residentMbMax: number;
}

/** Medians over the rounds, but for what says otherwise. */
export interface OverloadReport extends Round {
  readonly kind: LoadKind;
  /** Goodput as part of the same round's peak, one a round. */
  readonly ratios: readonly number[];
  readonly ratio: number;
  readonly heartbeatMsMax: number;
  readonly heartbeatMsMedian: number;
}

/** Connections and requests under way of each. */
type Modest = readonly [connections: number, depth: number];

/** Sensible clients; the best of them is the peak. */
const MODEST: readonly Modest[] = [
  [8, 16],
  [32, 16],
  [32, 64],
  [100, 32],
];

class Load {
  readonly #worker: Worker;
  readonly #connections: number;

  constructor(options: LoadOptions) {
    this.#connections = options.connections;
    this.#worker = new Worker(new URL('./load-generator.js', import.meta.url), { workerData: options });
  }

  async counts(): Promise<LoadCounts> {
    this.#worker.postMessage(null);
    const [counts] = (await once(this.#worker, 'message')) as [LoadCounts];
    return counts;
  }

  async whenConnected(): Promise<void> {
    for (const deadline = Date.now() + 30_000; ; await delay(20)) {
      const { connected, closed } = await this.counts();
      if (connected === this.#connections) return;
      if (closed > 0 || Date.now() > deadline) {
        throw new Error(`${connected} of ${this.#connections} have a session, ${closed} are closed`);
      }
    }
  }

  /** Requests answered without an error, a second. */
  async measure(ms: number): Promise<number> {
    const startedMs = performance.now();
    const before = await this.counts();
    await delay(ms);
    const after = await this.counts();
    const seconds = (performance.now() - startedMs) / 1000;
    return Math.round((after.answered - after.errors - before.answered + before.errors) / seconds);
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }
}

/** Sessions that do nothing but send heartbeats, as those of clients do that hold a lock. */
class IdleSessions {
  readonly #clients: WireClient[];
  readonly latenciesMs: number[] = [];
  readonly #timeoutMs: number;
  #isStopped = false;
  #failure: Error | null = null;
  readonly #running: Promise<unknown>;

  constructor(clients: WireClient[], timeoutMs: number) {
    this.#clients = clients;
    this.#timeoutMs = timeoutMs;
    this.#running = Promise.all(clients.map((client, i) => this.#beat(client, i)));
  }

  async #beat(client: WireClient, place: number): Promise<void> {
    try {
      await delay((this.#timeoutMs / 3 / this.#clients.length) * place);
      while (!this.#isStopped) {
        const startedMs = performance.now();
        await client.ping();
        this.latenciesMs.push(performance.now() - startedMs);
        await delay(this.#timeoutMs / 3);
      }
    } catch (error) {
      this.#failure ??= error as Error;
    }
  }

  /** Rejects when a session was lost on the way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
    if (this.#failure !== null) throw new Error(`an idle session was lost: ${this.#failure.message}`);
    for (const client of this.#clients) ok(await client.exists(PATH));
  }
}

/**
 * Asks far more of a server than it can do. In turns, sensible clients find out what that is, and many connections send as
 * much as their sockets take, some of which never read in time; idle sessions must go on living beside them all the
 * time. Throws when one does not.
 */
export async function runOverload(kind: 'write' | 'read', options: OverloadOptions): Promise<OverloadReport> {
  const progress = options.progress ?? (() => {});
  const server = await startMenagerie({ config: [`tickTime=${TICK_MS}`, ...(options.config ?? [])] });
  try {
    const timeoutMs = options.sessionTimeoutMs ?? TIMEOUT_MS;
    const clients: WireClient[] = [];
    for (let i = 0; i < (options.idleSessions ?? 50); i++) {
      clients.push(await WireClient.connect({ port: server.port, timeoutMs }));
    }
    ok(await clients[0].create(PATH, new Uint8Array(100)));
    ok(await clients[0].create(LARGE_PATH, new Uint8Array(LARGE_BYTES)));
    const idle = new IdleSessions(clients, timeoutMs);
    const base = { port: server.port, kind, path: PATH, sessionTimeoutMs: timeoutMs };
    const warmUpMs = options.warmUpMs ?? WARM_UP_MS;
    const modest = await bestOf(options.modest ?? MODEST, base, warmUpMs, progress);
    const rounds: Round[] = [];
    for (let number = 1; number <= options.rounds; number++) {
      await expiredWhenOpen(server, clients.length);
      const peak = await measurePeak(base, modest, warmUpMs, options.seconds);
      // Those of the first part have ended without a word.
      const expiredBefore = await expiredWhenOpen(server, clients.length);
      const round = { peak, ...(await measureOverload(server, base, options, expiredBefore)) };
      rounds.push(round);
      progress(`${kind}, round ${number} of ${options.rounds}: ${JSON.stringify(round)}`);
    }
    await idle.stop();
    return summary(kind, rounds, idle.latenciesMs);
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${server.output.slice(-4000)}`, { cause: error });
  } finally {
    await server.dispose();
  }
}

type LoadBase = Omit<LoadOptions, 'connections' | 'depth'>;

/** Which of the loads gets the most out of the server. */
async function bestOf(
  loads: readonly Modest[],
  base: LoadBase,
  warmUpMs: number,
  progress: (line: string) => void,
): Promise<Modest> {
  let best = loads[0];
  let most = 0;
  if (loads.length === 1) return best;
  for (const modest of loads) {
    const rate = await measurePeak(base, modest, warmUpMs, 1);
    progress(`${base.kind}: ${modest[0]} clients with ${modest[1]} requests under way: ${rate}/s`);
    if (rate > most) best = modest;
    most = Math.max(most, rate);
  }
  return best;
}

async function measurePeak(base: LoadBase, [connections, depth]: Modest, warmUpMs: number, seconds: number) {
  const load = new Load({ ...base, connections, depth });
  try {
    await load.whenConnected();
    await delay(warmUpMs);
    return await load.measure(seconds * 1000);
  } finally {
    await load.stop();
  }
}

async function measureOverload(
  server: ServerProcess,
  base: LoadBase,
  options: OverloadOptions,
  expiredBefore: number,
): Promise<Omit<Round, 'peak'>> {
  const load = new Load({ ...base, connections: options.overloadConnections ?? 100, depth: 0 });
  const slow = new Load({
    ...base,
    kind: 'slow',
    path: LARGE_PATH,
    connections: 5,
    depth: 0,
    sessionTimeoutMs: SLOW_TIMEOUT_MS,
  });
  try {
    await Promise.all([load.whenConnected(), slow.whenConnected()]);
    const watched = await watchOverload(server, load, options);
    const connectionsLost = (await load.counts()).closed + (await slow.counts()).closed;
    const sessionsExpired = (await metric(server, 'stale_sessions_expired')) - expiredBefore;
    return { ...watched, connectionsLost, sessionsExpired };
  } finally {
    await Promise.all([load.stop(), slow.stop()]);
  }
}

function summary(kind: LoadKind, rounds: readonly Round[], latenciesMs: number[]): OverloadReport {
  const of = (name: keyof Round) => rounds.map((round) => round[name]);
  const ratios = rounds.map(({ goodput, peak }) => Math.round((100 * goodput) / peak) / 100);
  const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
  return {
    kind,
    peak: median(of('peak')),
    goodput: median(of('goodput')),
    ratios,
    ratio: median(ratios),
    newClientMsMax: Math.max(...of('newClientMsMax')),
    residentMbMax: Math.max(...of('residentMbMax')),
    heartbeatMsMax: Math.round(Math.max(...latenciesMs)),
    heartbeatMsMedian: Math.round(median(latenciesMs)),
    sessionsExpired: sum(of('sessionsExpired')),
    connectionsLost: sum(of('connectionsLost')),
  };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

async function watchOverload(
  server: ServerProcess,
  load: Load,
  { seconds, warmUpMs = WARM_UP_MS }: OverloadOptions,
): Promise<Pick<Round, 'goodput' | 'newClientMsMax' | 'residentMbMax'>> {
  await delay(warmUpMs);
  const goodput = load.measure(seconds * 1000);
  let newClientMsMax = 0;
  let residentMbMax = 0;
  for (let second = 1; second <= seconds; second++) {
    const startedMs = performance.now();
    newClientMsMax = Math.max(newClientMsMax, Math.round(await newClientMs(server.port)));
    residentMbMax = Math.max(residentMbMax, await residentMb(server.pid));
    await delay(Math.max(0, startedMs + 1000 - performance.now()));
  }
  return { goodput: await goodput, newClientMsMax, residentMbMax };
}

async function newClientMs(port: number): Promise<number> {
  const startedMs = performance.now();
  const client = await WireClient.connect({ port, timeoutMs: TIMEOUT_MS });
  ok(await client.exists(PATH));
  const tookMs = performance.now() - startedMs;
  await client.leave();
  return tookMs;
}

async function metric(server: ServerProcess, name: string): Promise<number> {
  return Number(new RegExp(`^zk_${name}\t(\\d+)$`, 'm').exec(await fourLetterWord(server.port, 'mntr'))?.[1]);
}

/** Waits until only so many sessions are left, and gives how many had to expire for it. */
async function expiredWhenOpen(server: ServerProcess, sessions: number): Promise<number> {
  for (
    const deadline = Date.now() + 20_000;
    (await metric(server, 'global_sessions')) > sessions;
    await delay(50)
  ) {
    if (Date.now() > deadline) throw new Error('sessions of clients that are gone do not expire');
  }
  return await metric(server, 'stale_sessions_expired');
}

async function residentMb(pid: number): Promise<number> {
  const { readFile } = await import('node:fs/promises');
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024);
}

const HELP = `Asks far more of a server than it can do, and watches its sessions, its goodput and its memory. What it can do is
measured in the same run, in turns with the overload. Give it a machine that does nothing else.

  node dist/test/overload/overload.js [--kind KIND] [--rounds N] [--seconds N] [--connections N] [--idle N] [--config LINE]

  --kind KIND      write or read (both, one after the other)
  --rounds N       peak and overload in turns, so often (3)
  --seconds N      of each measurement (3)
  --connections N  that send as much as their sockets take (100)
  --config LINE    a line for the zoo.cfg; may be repeated
  --idle N         sessions that only send heartbeats (50)
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      kind: { type: 'string' },
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '3' },
      connections: { type: 'string', default: '100' },
      idle: { type: 'string', default: '50' },
      config: { type: 'string', multiple: true, default: [] as string[] },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  for (const kind of ['write', 'read'] as const) {
    if (values.kind !== undefined && values.kind !== kind) continue;
    const report = await runOverload(kind, {
      rounds: Number(values.rounds),
      seconds: Number(values.seconds),
      overloadConnections: Number(values.connections),
      idleSessions: Number(values.idle),
      config: values.config,
      progress: (line) => console.log(line),
    });
    console.log(report);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
