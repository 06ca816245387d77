const NONE = {
    bytesReceived: 0,
    connectionsRejected: 0,
    sessionlessExpired: 0,
    authFailed: 0,
    largeRequestsRejected: 0,
    throttledOps: 0,
    throttleWaits: 0,
    createdWatches: 0,
    deletedWatches: 0,
    changedWatches: 0,
    childrenWatches: 0,
};
/** Counters that stand at 0. */
export function newCounters() {
    return { ...NONE };
}
/** Sets them all to 0. */
export function resetCounters(counters) {
    Object.assign(counters, NONE);
}
/** The sum of the workers' counters. */
export function sumCounters(all) {
    const sum = newCounters();
    for (const counters of all) {
        for (const key of Object.keys(sum))
            sum[key] += counters[key];
    }
    return sum;
}
