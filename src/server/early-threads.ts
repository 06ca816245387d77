import { Worker } from 'node:worker_threads';
import { workerUrl } from './worker-url.ts';

/** The threads that live as long as the server, by the file in `workers` that they run. */
export type ThreadKind = 'connection' | 'log';

/**
 * Three times the size of a semi-space. What a server allocates lives for the length of a session or for a moment: a young
 * generation that stays within the processor's cache costs less time than V8's default of 48 MiB, and less memory (measured:
 * 5 % of the CPU of reads and writes, and 25 MiB).
 */
const YOUNG_GENERATION_MB = 6;

/** Starts a thread that loads its modules and then waits for its data: the first message that it is posted. */
export function startThread(kind: ThreadKind, name: string): Worker {
  return new Worker(workerUrl(kind), {
    name,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
  });
}

/**
 * Threads started before the server can use them: they load their modules (0.2 s of processor time each) while main
 * recovers the data, which keeps main from doing anything else.
 */
export class EarlyThreads {
  readonly #waiting = new Map<string, Worker>();

  constructor(connectionWorkers: number) {
    for (let index = 0; index < connectionWorkers; index++) this.#start('connection', `connection-${index}`);
    this.#start('log', 'log');
  }

  #start(kind: ThreadKind, name: string): void {
    this.#waiting.set(name, startThread(kind, name));
  }

  /** The waiting thread of this name, which is the caller's from here on; a fresh one if there is none (any more). */
  take(kind: ThreadKind, name: string): Worker {
    const waiting = this.#waiting.get(name);
    this.#waiting.delete(name);
    return waiting ?? startThread(kind, name);
  }

  /** Ends the threads that nobody took. */
  async end(): Promise<void> {
    const left = [...this.#waiting.values()];
    this.#waiting.clear();
    await Promise.all(left.map((thread) => thread.terminate()));
  }
}
