/** Operations in one timed batch: enough that reading the clock does not count. */
export const BATCH = 100;
/**
 * Registers a benchmark whose `work` does {@link BATCH} operations a call; the result is the time of one. A clock read
 * costs about as much as one decoded request, so single operations cannot be timed.
 */
export function addBatch(bench, name, work, untimed = {}) {
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
