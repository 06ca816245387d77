import { ADDRESS_COUNTS_BYTES } from '../connection/address-counts.js';
import { LARGE_REQUESTS_BYTES } from '../connection/large-requests.js';
import { requestCountsBytes } from '../connection/request-limits.js';
import { createDoorbellMemory } from '../ring/doorbell.js';
import { DURABLE_ZXID_BYTES } from '../ring/durable-zxid.js';
import { createRingMemory } from '../ring/ring.js';
import { touchTableBytes } from '../session/session-tracker.js';
import { LogControl, LogStatistic } from '../storage/log-worker-data.js';
/** Makes it, sized by the configuration. None of it grows. `sessionsMax`: words of the touch table. */
export function createSharedMemory(config, sessionsMax) {
    const workers = config.connectionWorkers;
    return {
        mainDoorbell: createDoorbellMemory(),
        logDoorbell: createDoorbellMemory(),
        workerDoorbells: Array.from({ length: workers }, createDoorbellMemory),
        requests: Array.from({ length: workers }, () => createRingMemory(config.requestRingBytes, 1)),
        log: createRingMemory(config.logRingBytes, 2),
        commits: createRingMemory(config.commitRingBytes, workers),
        touchTable: new SharedArrayBuffer(touchTableBytes(sessionsMax)),
        watchCounts: new SharedArrayBuffer(workers * 4),
        addressCounts: new SharedArrayBuffer(ADDRESS_COUNTS_BYTES),
        requestCounts: new SharedArrayBuffer(requestCountsBytes(workers)),
        largeRequests: new SharedArrayBuffer(LARGE_REQUESTS_BYTES),
        durableZxid: new SharedArrayBuffer(DURABLE_ZXID_BYTES),
        logControl: new SharedArrayBuffer(LogControl.bytes),
        logStatistics: new SharedArrayBuffer(LogStatistic.bytes),
    };
}
