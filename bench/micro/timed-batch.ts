import type { Bench } from 'tinybench';

/** Operations in one timed batch: enough that reading the clock does not count. */
export const BATCH = 100;

/** Work around a batch that is not timed. */
export interface Untimed {
  readonly before?: () => void;
  readonly after?: () => void;
}

/**
 * Registers a benchmark whose `work` does {@link BATCH} operations a call; the result is the time of one. A clock read
 * costs about as much as one decoded request, so single operations cannot be timed.
 */
export function addBatch(bench: Bench, name: string, work: () => void, untimed: Untimed = {}): void {
  bench.add(name, () => {
    const startMs = bench.now();
    untimed.before?.();
    const workMs = bench.now();
    work();
    const doneMs = bench.now();
    untimed.after?.();
    return {
      overriddenDuration: (doneMs - workMs) / BATCH,
      overriddenIterationCost: bench.now() - startMs,
    };
  });
}
