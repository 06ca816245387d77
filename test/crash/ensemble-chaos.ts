import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { assertLevel } from '../support/ensemble-level.ts';
import { EnsembleProcesses, TICK_MS } from '../support/ensemble-processes.ts';
import { type Random, random } from '../support/random.ts';
import { delay, type ServerKind } from '../support/server-process.ts';
import { WireClient } from '../support/wire-client.ts';
import { ChaosSession } from './chaos-session.ts';

/** As many as a session may have: it must outlive the longest time without a leader. */
const SESSION_TICKS = 20;
const DOWN_MS_MIN = 200;
const DOWN_MS_MAX = 2500;
const QUIET_MS_MAX = 700;
/** With all servers there, clients find one. */
const SILENCE_MS_MAX = 10_000;

/** The faults of the ZooKeeper paper's figure 8, by whom they befall. */
const FAULTS = ['follower', 'follower', 'leader', 'two followers', 'leader'] as const;
type Fault = (typeof FAULTS)[number];

export interface ChaosOptions {
  servers: number;
  /** Whose server each is; all are ours if not given. */
  kind?: (sid: number) => ServerKind;
  seconds: number;
  sessions?: number;
  seed?: number;
  progress?: (line: string) => void;
}

export interface ChaosReport {
  seed: number;
  faults: Record<string, number>;
  acknowledgedWrites: number;
  reads: number;
  /** Writes that were never answered and were done. */
  doneUnacknowledged: number;
  /** How often a client took its session to another server. */
  moves: number;
  /** The longest time in which no client had an answer, by fault. */
  longestGapMs: Record<string, number>;
  /** The longest time from the end of a fault until all servers served. */
  slowestReturnMs: number;
}

/**
 * Kills (SIGKILL) and stops (SIGSTOP) servers of a real ensemble in random order while clients write (3 of 10 requests) and
 * read. Throws, naming the seed, where something acknowledged is lost, an answer is out of order, a session ends, zxids go
 * back, servers do not come back, or differ at the end.
 */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const draw = random(options.seed);
  const ensemble = await EnsembleProcesses.start({
    voters: options.servers,
    ...(options.kind === undefined ? {} : { kind: options.kind }),
    // Small limits, so that snapshots, log rolls and synchronisation by snapshot fall into the time of the faults.
    config: ['snapCount=3000', 'preAllocSize=1024', 'menagerie.committedLogMb=1'],
  });
  const chaos = new Chaos(ensemble, draw, options);
  try {
    await chaos.run();
    return chaos.report();
  } catch (error) {
    throw new Error(
      `seed ${draw.seed}, ${options.servers} servers, faults ${JSON.stringify(chaos.report().faults)}: ` +
        `${(error as Error).message}\n${ensemble.outputs()}`,
      { cause: error },
    );
  } finally {
    await chaos.dispose();
    await ensemble.dispose();
  }
}

class Chaos {
  readonly #ensemble: EnsembleProcesses;
  readonly #draw: Random;
  readonly #options: ChaosOptions;
  readonly #sessions: ChaosSession[];
  readonly #faults: Record<string, number> = {};
  readonly #longestGapMs: Record<string, number> = {};
  #slowestReturnMs = 0;
  #answeredAtMs = Date.now();
  #fault = 'none';

  constructor(ensemble: EnsembleProcesses, draw: Random, options: ChaosOptions) {
    this.#ensemble = ensemble;
    this.#draw = draw;
    this.#options = options;
    const ports = ensemble.sids.map((sid) => ensemble.port(sid));
    this.#sessions = Array.from(
      { length: options.sessions ?? 6 },
      (_, i) =>
        new ChaosSession(`/writer-${i}`, draw, ports, SESSION_TICKS * TICK_MS, () => this.#answered()),
    );
  }

  report(): ChaosReport {
    const sum = (of: (session: ChaosSession) => number): number =>
      this.#sessions.reduce((total, session) => total + of(session), 0);
    return {
      seed: this.#draw.seed,
      faults: this.#faults,
      acknowledgedWrites: sum(({ subtree }) => subtree.acknowledgedWrites),
      reads: sum(({ subtree }) => subtree.reads),
      doneUnacknowledged: sum(({ subtree }) => subtree.doneUnacknowledged),
      moves: sum(({ moves }) => moves),
      longestGapMs: this.#longestGapMs,
      slowestReturnMs: this.#slowestReturnMs,
    };
  }

  async run(): Promise<void> {
    await Promise.all(this.#sessions.map((session) => session.open()));
    const work = Promise.all(this.#sessions.map((session) => session.run()));
    work.catch(() => {});
    let isOver = false;
    const faults = this.#faultsUntil(Date.now() + this.#options.seconds * 1000, () => isOver);
    faults.catch(() => {});
    try {
      await Promise.race([faults, work]);
      for (const session of this.#sessions) session.stop();
      await work;
    } finally {
      // A fault under way ends first: nobody is left stopped, or started behind our back.
      isOver = true;
      await faults.catch(() => {});
    }
    await this.#compare();
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#sessions.map((session) => session.dispose()));
  }

  #answered(): void {
    const nowMs = Date.now();
    const gapMs = nowMs - this.#answeredAtMs;
    this.#answeredAtMs = nowMs;
    if (gapMs > (this.#longestGapMs[this.#fault] ?? 0)) this.#longestGapMs[this.#fault] = gapMs;
  }

  async #faultsUntil(endMs: number, isOver: () => boolean): Promise<void> {
    while (Date.now() < endMs && !isOver()) {
      for (const fault of this.#shuffled()) {
        if (Date.now() >= endMs || isOver()) return;
        await this.#befall(fault);
      }
    }
  }

  #shuffled(): Fault[] {
    const faults: Fault[] = FAULTS.filter((fault) => fault !== 'two followers' || this.#options.servers >= 5);
    for (let i = faults.length - 1; i > 0; i--) {
      const j = this.#draw.below(i + 1);
      [faults[i], faults[j]] = [faults[j], faults[i]];
    }
    return faults;
  }

  async #befall(fault: Fault): Promise<void> {
    const leader = await this.#ensemble.settled();
    await delay(this.#draw.below(QUIET_MS_MAX));
    const followers = this.#ensemble.sids.filter((sid) => sid !== leader);
    const first = this.#draw.below(followers.length);
    const sids =
      fault === 'leader'
        ? [leader]
        : fault === 'follower'
          ? [followers[first]]
          : [followers[first], followers[(first + 1) % followers.length]];
    const isKill = this.#draw.below(2) === 0;
    const kinds = this.#options.kind === undefined ? '' : ` (${sids.map(this.#options.kind).join(', ')})`;
    this.#fault = `${fault}${kinds} ${isKill ? 'killed' : 'stopped'}`;
    this.#faults[this.#fault] = (this.#faults[this.#fault] ?? 0) + 1;
    const downMs = DOWN_MS_MIN + this.#draw.below(DOWN_MS_MAX - DOWN_MS_MIN);
    if (isKill) await this.#ensemble.kill9(...sids);
    else this.#ensemble.pause(...sids);
    await delay(downMs);
    const backAtMs = Date.now();
    if (isKill) this.#ensemble.launch(...sids);
    else this.#ensemble.resume(...sids);
    await this.#ensemble.settled();
    this.#slowestReturnMs = Math.max(this.#slowestReturnMs, Date.now() - backAtMs);
    this.#progress(sids, downMs, Date.now() - backAtMs);
    const silenceMs = Date.now() - this.#answeredAtMs;
    if (silenceMs > SILENCE_MS_MAX)
      throw new Error(`all servers serve, and no client had an answer for ${silenceMs} ms`);
  }

  #progress(sids: readonly number[], downMs: number, backMs: number): void {
    const { acknowledgedWrites, reads, doneUnacknowledged, moves } = this.report();
    this.#options.progress?.(
      `${this.#fault} (server ${sids.join(', ')}) for ${downMs} ms, back after ${backMs} ms: ${acknowledgedWrites} writes ` +
        `acknowledged, ${doneUnacknowledged} more done, ${reads} reads, ${moves} moves of sessions`,
    );
  }

  /** Nothing runs any more: sessions end, their ephemerals with them, and all servers have the same tree. */
  async #compare(): Promise<void> {
    await this.#ensemble.settled();
    await Promise.all(this.#sessions.map((session) => session.close()));
    await assertLevel(this.#ensemble);
    const observer = await WireClient.connect({ port: this.#ensemble.port(1) });
    try {
      for (const { subtree } of this.#sessions) {
        for (const name of subtree.ephemerals) {
          const { err } = await observer.exists(`${subtree.base}/${name}`);
          if (err !== ErrorCode.NONODE) throw new Error(`${subtree.base}/${name} outlives its session`);
        }
      }
    } finally {
      await observer.leave();
    }
  }
}

const HELP = `Kills and stops servers of an ensemble while it is written to and read from, and checks that nothing acknowledged is lost.

  npm run chaos -- [--seconds N] [--seed N] [--servers 3|5] [--sessions N] [--apache N]

  --seconds N   how long (120)
  --seed N      the seed of the faults that are to be repeated (a new one)
  --servers N   how many servers vote (3)
  --sessions N  clients (6)
  --apache N    so many of the servers are Apache's, those with the lowest numbers (0)
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '120' },
      servers: { type: 'string', default: '3' },
      sessions: { type: 'string', default: '6' },
      apache: { type: 'string', default: '0' },
      seed: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const apache = Number(values.apache);
  const report = await runChaos({
    ...(apache === 0 ? {} : { kind: (sid) => (sid <= apache ? 'apache' : 'menagerie') }),
    seconds: Number(values.seconds),
    servers: Number(values.servers),
    sessions: Number(values.sessions),
    progress: (line) => console.log(line),
    ...(values.seed === undefined ? {} : { seed: Number(values.seed) }),
  });
  console.log(report);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
