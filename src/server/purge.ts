import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import type { PurgeReport, PurgeTask } from '../../workers/tasks/purge.ts';
import { counterOf, epochOf } from '../zab/zxid.ts';
import type { ServerConfig } from './config.ts';
import type { Logger } from './logging.ts';
import { workerUrl } from './worker-url.ts';

const HOUR_MS = 3_600_000;

/**
 * Removes old snapshots and logs at start and every `autopurge.purgeInterval` hours (protocol/features.md §1), in a task
 * of its own. A purge that fails is logged and tried again the next time: the server does not depend on it.
 */
export class Autopurge {
  readonly #task: Omit<PurgeTask, 'neededFrom'>;
  readonly #neededFrom: () => bigint | null;
  readonly #intervalHours: number;
  readonly #logger: Logger;
  #idle: Promise<unknown> = Promise.resolve();
  #pool: Piscina<PurgeTask, PurgeReport> | null = null;
  #timer: NodeJS.Timeout | null = null;

  /**
   * The directories as DataDirectory has them. `neededFrom`: the log behind this zxid is being sent to a learner; null while
   * none is.
   */
  constructor(
    config: ServerConfig,
    directory: { readonly snapshotDirectory: string; readonly logDirectory: string },
    logger: Logger,
    neededFrom: () => bigint | null,
  ) {
    this.#neededFrom = neededFrom;
    this.#task = {
      snapshotDirectory: directory.snapshotDirectory,
      logDirectory: directory.logDirectory,
      retainCount: config.purgeRetainCount,
      entryBytesMax: config.juteBufferBytesMax + config.juteBufferExtraBytes,
    };
    this.#intervalHours = config.purgeIntervalHours;
    this.#logger = logger;
  }

  /** Purges once `ready` has settled (the first snapshot), and then at the interval; does nothing where purging is off. */
  start(ready: Promise<unknown>): void {
    if (this.#intervalHours <= 0) {
      this.#logger.info('autopurge.purgeInterval=0: old snapshots and logs stay');
      return;
    }
    this.#pool = new Piscina({
      filename: fileURLToPath(workerUrl('tasks/purge')),
      minThreads: 0,
      maxThreads: 1,
      idleTimeout: 1000,
    });
    // Hour by hour: a timer holds 24 days at most.
    let hours = 0;
    this.#timer = setInterval(() => {
      if (++hours % this.#intervalHours === 0) void this.run();
    }, HOUR_MS);
    this.#timer.unref();
    const run = (): void => void this.run();
    ready.then(run, run);
  }

  /** Purges now; does nothing where purging is off. */
  run(): Promise<void> {
    const pool = this.#pool;
    if (pool === null) return Promise.resolve();
    const run = this.#run(pool);
    this.#idle = Promise.all([this.#idle, run]);
    return run;
  }

  /** Settles when no purge is under way: files that it looks at are taken away by nobody else. */
  async whenIdle(): Promise<void> {
    await this.#idle;
  }

  async #run(pool: Piscina<PurgeTask, PurgeReport>): Promise<void> {
    try {
      const needed = this.#neededFrom();
      const neededFrom = needed === null ? null : { zxidHigh: epochOf(needed), zxidLow: counterOf(needed) };
      const report = await pool.run({ ...this.#task, neededFrom });
      for (const { level, message } of report.lines) this.#logger[level](message);
    } catch (error) {
      if (this.#pool !== null) this.#logger.error(`purge failed: ${(error as Error).message}`);
    }
  }

  /** Ends a purge that is under way; it left nothing that a start could not do with. */
  async stop(): Promise<void> {
    const pool = this.#pool;
    this.#pool = null;
    if (this.#timer !== null) clearInterval(this.#timer);
    await pool?.destroy();
  }
}
