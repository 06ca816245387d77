import type { DoorbellMemory } from '../ring/doorbell.ts';
import type { RingMemory } from '../ring/ring.ts';

/** Places of the log worker among the consumers of the `log` ring, and of main, which applies from there. */
export const LogConsumer = { writer: 0, apply: 1 } as const;

/** What main gives the log worker when it starts it. */
export interface LogWorkerData {
  readonly ring: RingMemory;
  readonly doorbell: DoorbellMemory;
  readonly mainDoorbell: DoorbellMemory;
  readonly durableZxid: SharedArrayBuffer;
  /** Words of {@link LogControl}. */
  readonly control: SharedArrayBuffer;
  /** Doubles of {@link LogStatistic}. */
  readonly statistics: SharedArrayBuffer;
  /** `DataDirectory.logDirectory` and `snapshotDirectory`. */
  readonly directory: string;
  readonly snapshotDirectory: string;
  /** `jute.maxbuffer` + `jute.maxbuffer.extrasize` */
  readonly entryBytesMax: number;
  readonly lastZxidHigh: number;
  readonly lastZxidLow: number;
  readonly preallocationBytes: number;
  readonly fileBytesMax: number;
  readonly forceSync: boolean;
  readonly syncWarningMs: number;
  readonly flushDelayMs: number;
  /** 0 for no limit. */
  readonly batchTxnsMax: number;
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';
  readonly logFormat: 'pretty' | 'json';
}

/** Words through which main speaks to the log worker, which has no event loop to receive messages. */
export const LogControl = { stop: 0, bytes: 64 } as const;

/** What the log worker tells of itself. */
export const LogStatistic = { syncs: 0, syncMsSum: 1, syncMsMax: 2, bytesWritten: 3, bytes: 64 } as const;
