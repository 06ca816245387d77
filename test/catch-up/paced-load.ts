import { delay } from '../support/server-process.ts';
import { WireClient } from '../support/wire-client.ts';
import { ok } from '../support/wire-connection.ts';

/** Times in milliseconds. */
export interface LatencySummary {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export class Latencies {
  #valuesMs: number[] = [];

  record(ms: number): void {
    this.#valuesMs.push(ms);
  }

  /** What was recorded since the last call. */
  takeSummary(): LatencySummary {
    const sorted = this.#valuesMs.sort((a, b) => a - b);
    this.#valuesMs = [];
    const at = (share: number): number => {
      const value = sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
      return Math.round(value * 100) / 100;
    };
    return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) };
  }
}

export interface PacedLoadOptions {
  readonly port: number;
  /** A znode that is there. */
  readonly path: string;
  readonly sessions: number;
  /** Writes a second, of all sessions together. */
  readonly rate: number;
}

const STEP_MS = 5;
const DATA = new Uint8Array(100);

/**
 * Writes at a given rate, whether those before are answered or not. A latency counts from the moment at which the write was to
 * be made, so that one answer that comes late is not hidden by requests which it has kept from being made.
 */
export class PacedLoad {
  latencies = new Latencies();
  readonly #clients: readonly WireClient[];
  readonly #options: PacedLoadOptions;
  readonly #running: Promise<void>;
  #isStopped = false;

  private constructor(clients: readonly WireClient[], options: PacedLoadOptions) {
    this.#clients = clients;
    this.#options = options;
    this.#running = this.#run();
    this.#running.catch(() => {});
  }

  static async start(options: PacedLoadOptions): Promise<PacedLoad> {
    const clients: WireClient[] = [];
    for (let i = 0; i < options.sessions; i++) {
      clients.push(await WireClient.connect({ port: options.port, timeoutMs: 10_000 }));
    }
    return new PacedLoad(clients, options);
  }

  async #run(): Promise<void> {
    const { rate } = this.#options;
    const startMs = performance.now();
    let answers = Promise.resolve();
    for (let made = 0; !this.#isStopped; await delay(STEP_MS)) {
      const due = Math.floor(((performance.now() - startMs) / 1000) * rate);
      for (; made < due; made++) {
        const write = this.#write(made, startMs + (made / rate) * 1000);
        write.catch(() => {});
        answers = answers.then(() => write);
        answers.catch(() => {});
      }
    }
    await answers;
  }

  async #write(number: number, dueMs: number): Promise<void> {
    ok(await this.#clients[number % this.#clients.length].setData(this.#options.path, DATA));
    this.latencies.record(performance.now() - dueMs);
  }

  /** Rejects when a write has failed. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
    await Promise.all(this.#clients.map((client) => client.leave()));
  }
}
