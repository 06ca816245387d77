import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ChaosLoad } from '../crash/chaos-load.ts';
import { assertDigests } from '../support/ensemble-level.ts';
import { EnsembleProcesses } from '../support/ensemble-processes.ts';
import { type Random, random } from '../support/random.ts';
import { delay, type ServerKind } from '../support/server-process.ts';

const VOTERS = 3;
const SESSIONS = 6;
/** The load goes on for so long between two exchanges. */
const QUIET_MS = 500;

export interface TakeOverOptions {
  /** From Apache's servers to ours and back is one round. */
  rounds: number;
  sessions?: number;
  seed?: number;
  /** Told of every exchange. */
  progress?: (line: string) => void;
}

/** One server's replacement by one of the other kind. */
export interface Exchange {
  sid: number;
  to: ServerKind;
  wasLeader: boolean;
  /** From the order to stop until the new one serves. */
  downMs: number;
  /** The longest time in which no client's write was acknowledged. */
  writesPausedMs: number;
  /** The longest time that one client had to wait for a write of its own. */
  slowestClientMs: number;
}

export interface TakeOverReport {
  seed: number;
  exchanges: Exchange[];
  acknowledgedWrites: number;
  reads: number;
  /** How often a client took its session to another server. */
  moves: number;
}

/**
 * A live ensemble of three of Apache's servers is exchanged server by server for ours, each on its predecessor's data directory and
 * zoo.cfg, followers first, and then back again, while clients write and read. Throws, naming the seed, where something
 * acknowledged is lost, a session or an ephemeral is, zxids go back, digests differ, or the trees do at the end.
 */
export async function takeOver(options: TakeOverOptions): Promise<TakeOverReport> {
  const draw = random(options.seed);
  const ensemble = await EnsembleProcesses.start({ voters: VOTERS, kind: () => 'apache' });
  const run = new TakeOver(ensemble, draw, options);
  try {
    await run.run();
    return run.report();
  } catch (error) {
    const done = run.report().exchanges.length;
    throw new Error(
      `seed ${draw.seed}, after ${done} exchanges: ${(error as Error).message}\n${ensemble.outputs()}`,
      { cause: error },
    );
  } finally {
    await run.dispose();
    await ensemble.dispose();
  }
}

class TakeOver {
  readonly #ensemble: EnsembleProcesses;
  readonly #draw: Random;
  readonly #options: TakeOverOptions;
  readonly #load: ChaosLoad;
  readonly #gaps: WriteGaps;
  readonly #exchanges: Exchange[] = [];

  constructor(ensemble: EnsembleProcesses, draw: Random, options: TakeOverOptions) {
    this.#ensemble = ensemble;
    this.#draw = draw;
    this.#options = options;
    this.#gaps = new WriteGaps(options.sessions ?? SESSIONS);
    this.#load = new ChaosLoad(ensemble, draw, {
      sessions: options.sessions ?? SESSIONS,
      onAcknowledged: (client) => this.#gaps.acknowledged(client),
    });
  }

  report(): TakeOverReport {
    const { acknowledgedWrites, reads, moves } = this.#load.counts;
    return { seed: this.#draw.seed, exchanges: this.#exchanges, acknowledgedWrites, reads, moves };
  }

  async run(): Promise<void> {
    await this.#load.during((isOver) => this.#exchangeAll(isOver));
  }

  async dispose(): Promise<void> {
    await this.#load.dispose();
  }

  async #exchangeAll(isOver: () => boolean): Promise<void> {
    for (let round = 0; round < this.#options.rounds; round++) {
      for (const to of ['menagerie', 'apache'] as const) {
        const left = new Set(this.#ensemble.sids);
        while (left.size > 0 && !isOver()) {
          await delay(QUIET_MS);
          const sid = await this.#next(left);
          left.delete(sid);
          await this.#exchange(sid, to);
          await assertDigests(this.#ensemble);
        }
      }
    }
  }

  /** Followers first: then there is one election in a whole take-over, or two. */
  async #next(left: ReadonlySet<number>): Promise<number> {
    const leader = await this.#ensemble.settled();
    return [...left].find((sid) => sid !== leader) ?? leader;
  }

  async #exchange(sid: number, to: ServerKind): Promise<void> {
    const ensemble = this.#ensemble;
    const wasLeader = (await ensemble.mode(sid)) === 'leader';
    this.#gaps.begin();
    const startedMs = performance.now();
    await ensemble.server(sid).stop();
    ensemble.server(sid).exchange(to);
    await ensemble.restart(sid);
    const downMs = performance.now() - startedMs;
    await delay(QUIET_MS);
    const exchange = { sid, to, wasLeader, downMs: Math.round(downMs), ...this.#gaps.end() };
    this.#exchanges.push(exchange);
    this.#options.progress?.(
      `server ${sid}, which ${wasLeader ? 'led' : 'followed'}, is ${to} now: down for ${exchange.downMs} ms; no write was ` +
        `acknowledged for ${exchange.writesPausedMs} ms at most, to one client for ${exchange.slowestClientMs} ms; ` +
        `${this.report().acknowledgedWrites} writes in all, ${this.report().moves} moves of sessions`,
    );
  }
}

/** For how long writes were not acknowledged, to all clients and to each. */
class WriteGaps {
  readonly #lastMs: number[];
  #anyLastMs = performance.now();
  #anyMax = 0;
  #oneMax = 0;

  constructor(clients: number) {
    this.#lastMs = new Array<number>(clients).fill(performance.now());
  }

  acknowledged(client: number): void {
    const nowMs = performance.now();
    this.#oneMax = Math.max(this.#oneMax, nowMs - this.#lastMs[client]);
    this.#anyMax = Math.max(this.#anyMax, nowMs - this.#anyLastMs);
    this.#lastMs[client] = nowMs;
    this.#anyLastMs = nowMs;
  }

  begin(): void {
    this.#anyMax = 0;
    this.#oneMax = 0;
  }

  /** A gap that is open still counts up to now. */
  end(): { writesPausedMs: number; slowestClientMs: number } {
    const nowMs = performance.now();
    const open = nowMs - Math.min(...this.#lastMs);
    return {
      writesPausedMs: Math.round(Math.max(this.#anyMax, nowMs - this.#anyLastMs)),
      slowestClientMs: Math.round(Math.max(this.#oneMax, open)),
    };
  }
}

const HELP = `Exchanges the servers of a live Apache ensemble for ours, one by one, and back, under load, and checks that nothing is lost.

  npm run takeover -- [--rounds N] [--seed N] [--sessions N]

  --rounds N    how often there and back: six exchanges each (5)
  --seed N      the seed of the load that is to be repeated (a new one)
  --sessions N  clients (6)
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '5' },
      sessions: { type: 'string', default: '6' },
      seed: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const { exchanges, ...report } = await takeOver({
    rounds: Number(values.rounds),
    sessions: Number(values.sessions),
    progress: (line) => console.log(line),
    ...(values.seed === undefined ? {} : { seed: Number(values.seed) }),
  });
  for (const wasLeader of [false, true]) {
    const some = exchanges.filter((one) => one.wasLeader === wasLeader);
    const longestMs = Math.max(...some.map(({ writesPausedMs }) => writesPausedMs));
    const meanMs = some.reduce((total, { writesPausedMs }) => total + writesPausedMs, 0) / some.length;
    console.log(
      `${some.length} exchanges of a ${wasLeader ? 'leader' : 'follower'}: writes paused for ${Math.round(meanMs)} ms on the ` +
        `average, ${longestMs} ms at most`,
    );
  }
  console.log(report);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
