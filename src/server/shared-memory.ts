import { ADDRESS_COUNTS_BYTES } from '../connection/address-counts.ts';
import { createDoorbellMemory, type DoorbellMemory } from '../ring/doorbell.ts';
import { DURABLE_ZXID_BYTES } from '../ring/durable-zxid.ts';
import { createRingMemory, type RingMemory } from '../ring/ring.ts';
import { touchTableBytes } from '../session/session-tracker.ts';
import { LogControl, LogStatistic } from '../storage/log-worker-data.ts';
import type { ServerConfig } from './config.ts';

/** Everything that threads share beside the replica. */
export interface SharedMemory {
  readonly mainDoorbell: DoorbellMemory;
  readonly logDoorbell: DoorbellMemory;
  readonly workerDoorbells: readonly DoorbellMemory[];
  readonly requests: RingMemory[];
  readonly log: RingMemory;
  readonly commits: RingMemory;
  readonly touchTable: SharedArrayBuffer;
  readonly watchCounts: SharedArrayBuffer;
  readonly addressCounts: SharedArrayBuffer;
  readonly durableZxid: SharedArrayBuffer;
  readonly logControl: SharedArrayBuffer;
  readonly logStatistics: SharedArrayBuffer;
}

/** Makes it, sized by the configuration. None of it grows. `sessionsMax`: words of the touch table. */
export function createSharedMemory(config: ServerConfig, sessionsMax: number): SharedMemory {
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
    durableZxid: new SharedArrayBuffer(DURABLE_ZXID_BYTES),
    logControl: new SharedArrayBuffer(LogControl.bytes),
    logStatistics: new SharedArrayBuffer(LogStatistic.bytes),
  };
}
