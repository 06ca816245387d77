const TRIES = 8;
/**
 * How far clock `b` is ahead of clock `a`, in milliseconds. A thread may be interrupted for many milliseconds between two
 * readings, so the tightest of several tries counts.
 */
export function clockOffsetMs(a, b) {
    let offsetMs = 0;
    let tightestMs = Number.POSITIVE_INFINITY;
    for (let i = 0; i < TRIES; i++) {
        const beforeMs = a();
        const betweenMs = b();
        const afterMs = a();
        if (afterMs - beforeMs >= tightestMs)
            continue;
        tightestMs = afterMs - beforeMs;
        offsetMs = betweenMs - (beforeMs + afterMs) / 2;
    }
    return offsetMs;
}
function hrtimeMs() {
    const [seconds, nanoseconds] = process.hrtime();
    return seconds * 1000 + nanoseconds / 1e6;
}
const offsetMs = clockOffsetMs(() => performance.now(), hrtimeMs);
/** Milliseconds on the machine's monotonic clock: the same reading in every thread of the process, unlike performance.now. */
export function monotonicMs() {
    return performance.now() + offsetMs;
}
