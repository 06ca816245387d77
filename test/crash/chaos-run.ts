import type { EnsembleProcesses } from '../support/ensemble-processes.ts';
import type { Random } from '../support/random.ts';
import { delay } from '../support/server-process.ts';
import { ChaosLoad, type LoadCounts } from './chaos-load.ts';

const QUIET_MS_MAX = 700;
/** With all servers there, clients find one. */
const SILENCE_MS_MAX = 10_000;

/** Something that goes wrong for a time. */
export interface Fault {
  /** For the report; faults of one name are counted together. */
  readonly name: string;
  /** Whom it befalls. */
  readonly sids: readonly number[];
  /** From its begin until it is to end; rejects when servers do not do meanwhile what they must. */
  befall(): Promise<void>;
  /** All is as before; called whether or not befall has rejected. */
  end(): void;
}

export interface ChaosRunOptions {
  readonly seconds: number;
  /** At most so many rounds of faults; as many as there is time for if not given. */
  readonly rounds?: number | undefined;
  readonly sessions?: number | undefined;
  readonly progress?: ((line: string) => void) | undefined;
}

export interface ChaosReport extends LoadCounts {
  seed: number;
  faults: Record<string, number>;
  /** The longest time in which no client had an answer, by fault. */
  longestGapMs: Record<string, number>;
  /** The longest times in which no write was acknowledged, one for each time a fault befell, ascending. */
  writePausesMs: Record<string, number[]>;
  /** The longest time from the end of a fault until all servers served. */
  slowestReturnMs: number;
}

/**
 * Lets faults befall a real ensemble while clients write (3 of 10 requests) and read. Throws, naming the seed, where something
 * acknowledged is lost, an answer is out of order, a session ends, zxids go back, servers do not come back, or differ at the
 * end.
 *
 * @param round the faults of a round, each of which is told who leads when its turn has come.
 */
export async function runChaos(
  ensemble: EnsembleProcesses,
  draw: Random,
  options: ChaosRunOptions,
  round: () => readonly ((leader: number) => Fault)[],
): Promise<ChaosReport> {
  const chaos = new ChaosRun(ensemble, draw, options, round);
  try {
    await chaos.run();
    return chaos.report();
  } catch (error) {
    throw new Error(
      `seed ${draw.seed}, ${ensemble.sids.length} servers, faults ${JSON.stringify(chaos.report().faults)}: ` +
        `${(error as Error).message}\n${ensemble.outputs()}`,
      { cause: error },
    );
  } finally {
    await chaos.dispose();
  }
}

/** Reorders a list at random, and gives it back. */
export function shuffle<T>(list: T[], draw: Random): T[] {
  for (let i = list.length - 1; i > 0; i--) {
    const j = draw.below(i + 1);
    [list[i], list[j]] = [list[j], list[i]];
  }
  return list;
}

class ChaosRun {
  readonly #ensemble: EnsembleProcesses;
  readonly #draw: Random;
  readonly #options: ChaosRunOptions;
  readonly #round: () => readonly ((leader: number) => Fault)[];
  readonly #load: ChaosLoad;
  readonly #faults: Record<string, number> = {};
  readonly #longestGapMs: Record<string, number> = {};
  readonly #writePausesMs: Record<string, number[]> = {};
  #slowestReturnMs = 0;
  #answeredAtMs = Date.now();
  #writtenAtMs = Date.now();
  #writePauseMs = 0;
  #fault = 'none';

  constructor(
    ensemble: EnsembleProcesses,
    draw: Random,
    options: ChaosRunOptions,
    round: () => readonly ((leader: number) => Fault)[],
  ) {
    this.#ensemble = ensemble;
    this.#draw = draw;
    this.#options = options;
    this.#round = round;
    this.#load = new ChaosLoad(ensemble, draw, {
      sessions: options.sessions,
      onAnswers: () => this.#answered(),
      onAcknowledged: () => this.#acknowledged(),
    });
  }

  report(): ChaosReport {
    return {
      seed: this.#draw.seed,
      faults: this.#faults,
      ...this.#load.counts,
      longestGapMs: this.#longestGapMs,
      writePausesMs: this.#writePausesMs,
      slowestReturnMs: this.#slowestReturnMs,
    };
  }

  async run(): Promise<void> {
    const ms = this.#options.seconds * 1000;
    await this.#load.during((isOver) => this.#faultsUntil(Date.now() + ms, isOver));
  }

  async dispose(): Promise<void> {
    await this.#load.dispose();
  }

  #answered(): void {
    const nowMs = Date.now();
    const gapMs = nowMs - this.#answeredAtMs;
    this.#answeredAtMs = nowMs;
    if (gapMs > (this.#longestGapMs[this.#fault] ?? 0)) this.#longestGapMs[this.#fault] = gapMs;
  }

  #acknowledged(): void {
    const nowMs = Date.now();
    this.#writePauseMs = Math.max(this.#writePauseMs, nowMs - this.#writtenAtMs);
    this.#writtenAtMs = nowMs;
  }

  async #faultsUntil(endMs: number, isOver: () => boolean): Promise<void> {
    const { rounds = Number.POSITIVE_INFINITY } = this.#options;
    for (let round = 0; round < rounds; round++) {
      for (const fault of this.#round()) {
        if (Date.now() >= endMs || isOver()) return;
        await this.#befall(fault);
      }
    }
  }

  async #befall(faultUnder: (leader: number) => Fault): Promise<void> {
    const leader = await this.#ensemble.settled();
    await delay(this.#draw.below(QUIET_MS_MAX));
    const fault = faultUnder(leader);
    this.#fault = fault.name;
    this.#faults[this.#fault] = (this.#faults[this.#fault] ?? 0) + 1;
    this.#writePauseMs = 0;
    const beganAtMs = Date.now();
    try {
      await fault.befall();
    } catch (error) {
      throw new Error(`${fault.name} (server ${fault.sids.join(', ')}): ${(error as Error).message}`, {
        cause: error,
      });
    } finally {
      fault.end();
    }
    const backAtMs = Date.now();
    await this.#ensemble.settled();
    const backMs = Date.now() - backAtMs;
    this.#slowestReturnMs = Math.max(this.#slowestReturnMs, backMs);
    this.#notePause();
    this.#progress(fault, backAtMs - beganAtMs, backMs);
    const silenceMs = Date.now() - this.#answeredAtMs;
    if (silenceMs > SILENCE_MS_MAX)
      throw new Error(`all servers serve, and no client had an answer for ${silenceMs} ms`);
  }

  #notePause(): void {
    this.#writePausesMs[this.#fault] ??= [];
    const pauses = this.#writePausesMs[this.#fault];
    pauses.push(Math.max(this.#writePauseMs, Date.now() - this.#writtenAtMs));
    pauses.sort((a, b) => a - b);
  }

  #progress({ sids }: Fault, lastedMs: number, backMs: number): void {
    const { acknowledgedWrites, reads, doneUnacknowledged, moves } = this.report();
    this.#options.progress?.(
      `${this.#fault} (server ${sids.join(', ')}) for ${lastedMs} ms, back after ${backMs} ms, no write for ` +
        `${this.#writePauseMs} ms: ${acknowledgedWrites} writes acknowledged, ${doneUnacknowledged} more done, ${reads} reads, ` +
        `${moves} moves of sessions`,
    );
  }
}
