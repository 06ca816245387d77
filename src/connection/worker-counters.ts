/** What a connection worker counts since it started or since srst; plain numbers, so that they can be sent to main. */
export interface CounterValues {
  bytesReceived: number;
  /** Connections closed at once: maxClientCnxns or maxCnxns. */
  connectionsRejected: number;
  sessionlessExpired: number;
  authFailed: number;
  largeRequestsRejected: number;
  /** Requests answered with THROTTLEDOP. */
  throttledOps: number;
  /** Times that a connection had to wait for request_throttle_max_requests. */
  throttleWaits: number;
  /** Watchers notified, by kind of event. */
  createdWatches: number;
  deletedWatches: number;
  changedWatches: number;
  childrenWatches: number;
}

const NONE: CounterValues = {
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
export function newCounters(): CounterValues {
  return { ...NONE };
}

/** Sets them all to 0. */
export function resetCounters(counters: CounterValues): void {
  Object.assign(counters, NONE);
}

/** The sum of the workers' counters. */
export function sumCounters(all: readonly CounterValues[]): CounterValues {
  const sum = newCounters();
  for (const counters of all) {
    for (const key of Object.keys(sum) as (keyof CounterValues)[]) sum[key] += counters[key];
  }
  return sum;
}
