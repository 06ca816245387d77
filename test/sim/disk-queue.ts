import type { EventQueue, ScheduledEvent } from './event-queue.ts';
import type { SimRandom } from './random.ts';

/**
 * A process's disk thread: it does one thing at a time, and each takes its time. Appends that have gathered are done in one
 * go, as the log worker does them.
 */
export class DiskQueue {
  readonly #queue: EventQueue;
  readonly #random: SimRandom;
  readonly #delayMeanMs: number;
  /** Runs an act when the process can run, or never. */
  readonly #run: (act: () => void) => void;
  readonly #acts: (() => void)[] = [];
  #append: (() => void) | null = null;
  #timer: ScheduledEvent | null = null;

  constructor(queue: EventQueue, random: SimRandom, delayMeanMs: number, run: (act: () => void) => void) {
    this.#queue = queue;
    this.#random = random;
    this.#delayMeanMs = delayMeanMs;
    this.#run = run;
  }

  /** Something to do behind everything else. */
  add(act: () => void): void {
    this.#acts.push(act);
    this.#schedule();
  }

  /** Appends wait; `flush` takes all that have come by then. */
  appendsWait(flush: () => void): void {
    if (this.#append !== null) return;
    this.#append = flush;
    this.add(() => {
      this.#append = null;
      flush();
    });
  }

  stop(): void {
    this.#queue.cancel(this.#timer);
    this.#acts.length = 0;
  }

  #schedule(): void {
    if (this.#timer?.run != null || this.#acts.length === 0) return;
    this.#timer = this.#queue.after(this.#random.delayMs(this.#delayMeanMs), () => {
      this.#run(() => {
        this.#acts.shift()?.();
        this.#schedule();
      });
    });
  }
}
