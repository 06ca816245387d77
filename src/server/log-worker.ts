import type { Worker } from 'node:worker_threads';
import { Doorbell } from '../ring/doorbell.ts';
import type { DataDirectory } from '../storage/data-directory.ts';
import type { TruncationOutcome } from '../storage/history-truncation.ts';
import { LogControl, LogStatistic, type LogWorkerData } from '../storage/log-worker-data.ts';
import type { ServerConfig } from './config.ts';
import type { SharedMemory } from './shared-memory.ts';

/** What the log worker is told of the configuration. */
export type LogWorkerConfig = Pick<
  ServerConfig,
  | 'preAllocSizeBytes'
  | 'txnLogSizeLimitBytes'
  | 'forceSync'
  | 'fsyncWarningThresholdMs'
  | 'flushDelayMs'
  | 'batchSizeMax'
  | 'logLevel'
  | 'logFormat'
  | 'juteBufferBytesMax'
  | 'juteBufferExtraBytes'
>;

/** What the log worker shares with main. */
export type LogWorkerMemory = Pick<
  SharedMemory,
  'log' | 'logDoorbell' | 'mainDoorbell' | 'durableZxid' | 'logControl' | 'logStatistics'
>;

/** Main's handle on the thread that writes the transaction log. */
export class LogWorker {
  readonly #shared: LogWorkerMemory;
  readonly #thread: Worker;
  readonly #exited: Promise<void>;
  readonly #statistics: Float64Array;
  #isStopping = false;
  #settleTruncation: ((outcome: TruncationOutcome) => void) | null = null;

  /**
   * `thread` waits for its data. `onFailure` is told once, when the thread ends unasked: nothing can be made durable any more.
   */
  constructor(
    thread: Worker,
    config: LogWorkerConfig,
    shared: LogWorkerMemory,
    directory: Pick<DataDirectory, 'logDirectory' | 'snapshotDirectory'>,
    lastZxidHigh: number,
    lastZxidLow: number,
    onFailure: (reason: string) => void,
  ) {
    this.#shared = shared;
    this.#statistics = new Float64Array(shared.logStatistics);
    const data: LogWorkerData = {
      ring: shared.log,
      doorbell: shared.logDoorbell,
      mainDoorbell: shared.mainDoorbell,
      durableZxid: shared.durableZxid,
      control: shared.logControl,
      statistics: shared.logStatistics,
      directory: directory.logDirectory,
      snapshotDirectory: directory.snapshotDirectory,
      entryBytesMax: config.juteBufferBytesMax + config.juteBufferExtraBytes,
      lastZxidHigh,
      lastZxidLow,
      preallocationBytes: config.preAllocSizeBytes,
      fileBytesMax: config.txnLogSizeLimitBytes,
      forceSync: config.forceSync,
      syncWarningMs: config.fsyncWarningThresholdMs,
      flushDelayMs: config.flushDelayMs,
      batchTxnsMax: config.batchSizeMax,
      logLevel: config.logLevel,
      logFormat: config.logFormat,
    };
    this.#thread = thread;
    thread.postMessage(data);
    this.#thread.on('message', (outcome: TruncationOutcome) => this.#truncated(outcome));
    let reason = 'the log worker ended';
    this.#thread.on('error', (error) => {
      reason = error.message;
    });
    this.#exited = new Promise((resolve) => {
      this.#thread.once('exit', () => {
        resolve();
        if (!this.#isStopping) onFailure(`the transaction log cannot be written: ${reason}`);
      });
    });
  }

  /** Mean, longest and total time of write and fdatasync so far, in milliseconds. */
  syncTimes(): { averageMs: number; maxMs: number; sumMs: number; count: number } {
    const count = this.#statistics[LogStatistic.syncs];
    const sumMs = this.#statistics[LogStatistic.syncMsSum];
    const maxMs = this.#statistics[LogStatistic.syncMsMax];
    return { averageMs: count === 0 ? 0 : sumMs / count, maxMs, sumMs, count };
  }

  /** srst. What is measured at this very moment may be lost, or kept. */
  resetSyncTimes(): void {
    this.#statistics[LogStatistic.syncs] = 0;
    this.#statistics[LogStatistic.syncMsSum] = 0;
    this.#statistics[LogStatistic.syncMsMax] = 0;
  }

  /**
   * Settles when the worker has come to the truncate record that is queued next ({@link LogAppender.truncate}; ask before).
   * One at a time. Never, when the worker fails at it: then the server ends.
   */
  truncation(): Promise<TruncationOutcome> {
    if (this.#settleTruncation !== null) throw new Error('the log is being truncated already');
    return new Promise((resolve) => {
      this.#settleTruncation = resolve;
    });
  }

  #truncated(outcome: TruncationOutcome): void {
    const settle = this.#settleTruncation;
    this.#settleTruncation = null;
    settle?.(outcome);
  }

  /** Has everything queued written, then ends the thread. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    Atomics.store(new Int32Array(this.#shared.logControl), LogControl.stop, 1);
    new Doorbell(this.#shared.logDoorbell).ring();
    await this.#exited;
  }
}
