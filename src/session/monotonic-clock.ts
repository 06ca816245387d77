const hrtime = process.hrtime();
const offsetMs = hrtime[0] * 1000 + hrtime[1] / 1e6 - performance.now();

/** Milliseconds on the machine's monotonic clock: the same reading in every thread of the process, unlike performance.now. */
export function monotonicMs(): number {
  return performance.now() + offsetMs;
}
