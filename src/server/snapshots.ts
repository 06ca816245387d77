import { randomInt } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import type { WriteSnapshotTask } from '../../workers/tasks/write-snapshot.ts';
import type { DataTree } from '../replica/data-tree.ts';
import type { SessionTracker } from '../session/session-tracker.ts';
import type { SnapshotSessions } from '../storage/snapshot-body.ts';
import type { SnapshotResult } from '../storage/snapshot-writer.ts';
import type { ServerConfig } from './config.ts';
import type { DiskGuard } from './disk-guard.ts';
import type { Logger } from './logging.ts';
import type { MainCounters } from './main-counters.ts';
import { workerUrl } from './worker-url.ts';

export interface SnapshotsParts {
  readonly config: ServerConfig;
  readonly tree: DataTree;
  readonly tracker: SessionTracker;
  readonly directory: string;
  /** The snapshot task's place in the replica's reader lock. */
  readonly readerIndex: number;
  readonly logger: Logger;
  readonly counters: MainCounters;
  /** Begins a new log file: the snapshot's zxid is behind everything in the old one. */
  readonly rollLog: () => void;
  readonly diskGuard: DiskGuard;
  /**
   * Whether the tree is that of its zxid. If not, a snapshot of it must not say so: a start would take its digest for that of the
   * zxid, and find what the tree showed too early in the way of the txns that come.
   */
  readonly isExact: () => boolean;
}

/** What a znode takes in a snapshot beside its path and data: lengths, ACL key and stat. */
const ZNODE_BYTES = 76;

/** Records of znodes deleted during a snapshot are freed so many at a time, 1 ms of main's time, with pauses for the rest. */
const RECLAIMED_AT_ONCE = 1024;
const RECLAIM_PAUSE_MS = 5;
/**
 * A server under load writes a snapshot every second or two: a thread started anew for each would spend more on loading and
 * compiling its modules than on the snapshot (3 % of all CPU at 50,000 writes a second).
 */
const TASK_IDLE_MS = 10_000;

/** Decides when a snapshot is due, and has it written by a task beside the running writes (protocol/disk.md §5). */
export class Snapshots {
  readonly #parts: SnapshotsParts;
  readonly #pool: Piscina<WriteSnapshotTask, SnapshotResult>;
  #dueTxns = 0;
  #dueBytes = 0;
  #running: Promise<void> | null = null;
  #isStopped = false;

  constructor(parts: SnapshotsParts) {
    this.#parts = parts;
    this.#pool = new Piscina({
      filename: fileURLToPath(workerUrl('tasks/write-snapshot')),
      minThreads: 0,
      maxThreads: 1,
      idleTimeout: TASK_IDLE_MS,
    });
    this.#draw();
  }

  /**
   * Half of the configured interval plus a random part of the other half, so that the servers of an ensemble do not all
   * write at once.
   */
  #draw(): void {
    const { snapCount, snapSizeLimitBytes } = this.#parts.config;
    this.#dueTxns = half(snapCount);
    this.#dueBytes = snapSizeLimitBytes > 0 ? half(snapSizeLimitBytes) : Number.POSITIVE_INFINITY;
  }

  /**
   * Whether so many txns and log bytes since the last snapshot make the next one due; never while one is written or
   * without room for it.
   */
  isDue(txns: number, bytes: number): boolean {
    return this.#running === null && (txns > this.#dueTxns || bytes > this.#dueBytes) && this.hasRoom();
  }

  /** About how long a snapshot of the tree as it is now is, uncompressed. */
  get bytes(): number {
    const { tree } = this.#parts;
    return tree.dataBytes + ZNODE_BYTES * tree.znodeCount;
  }

  /** Whether the disk has room for a snapshot of the tree as it is now. */
  hasRoom(): boolean {
    return this.#parts.diskGuard.hasRoomForSnapshot(this.bytes);
  }

  /**
   * Starts a snapshot at the zxid that the tree has now; the promise settles when it is whole and durable, and rejects
   * when it cannot be written. The server goes on in either case: the logs hold everything.
   */
  take(): Promise<void> {
    this.#draw();
    const { tree, logger } = this.#parts;
    this.#parts.rollLog();
    tree.beginQuarantine();
    const run = this.#write(this.sessions(), !this.#parts.isExact(), false).finally(() => {
      tree.endQuarantine();
      this.#running = null;
      this.#reclaim();
    });
    this.#running = run.then(
      () => {},
      (error: Error) => {
        this.#parts.counters.snapshotErrors++;
        logger.error(`snapshot failed, the logs are kept: ${error.message}`);
      },
    );
    return run.then(() => {});
  }

  /**
   * Settles when no snapshot is being written: none gets its name behind that. For whoever is about to cut or replace what
   * is on disk.
   */
  async whenIdle(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  /**
   * Writes the tree that came from a leader, at the zxid that it has, to take the place of what is on disk
   * (database-replacement.ts). Nobody may change the tree meanwhile, and no snapshot may be under way ({@link whenIdle}).
   * Rejects when it cannot be written.
   */
  async storeReplacement(sessions: SnapshotSessions): Promise<void> {
    if (this.#running !== null) throw new Error('a snapshot is being written already');
    this.#draw();
    const run = this.#write(sessions, true, true);
    this.#running = run.then(
      () => {},
      () => {},
    );
    try {
      await run;
    } finally {
      this.#running = null;
    }
  }

  /** Frees the records that the snapshot kept. */
  #reclaim(): void {
    if (this.#isStopped || this.#parts.tree.reclaim(RECLAIMED_AT_ONCE) < RECLAIMED_AT_ONCE) return;
    setTimeout(() => this.#reclaim(), RECLAIM_PAUSE_MS).unref();
  }

  /** `isAhead`: the tree may be ahead of its zxid; `replacesHistory`: it replaces what is on disk. */
  async #write(
    sessions: SnapshotSessions,
    isAhead: boolean,
    replacesHistory: boolean,
  ): Promise<SnapshotResult> {
    const { config, tree, directory, readerIndex, logger } = this.#parts;
    const result = await this.#pool.run({
      memory: tree.memory,
      readerIndex,
      directory,
      zxidHigh: tree.lastZxidHigh,
      zxidLow: tree.lastZxidLow,
      sessions,
      generation: tree.generation,
      isAhead,
      replacesHistory,
      digestEnabled: config.digestEnabled,
      lastProcessedZxidEnabled: config.serializeLastProcessedZxidEnabled,
      compression: config.snapshotCompression,
    });
    this.#parts.counters.snapshotTime.record(result.durationMs);
    const seconds = (result.durationMs / 1000).toFixed(1);
    logger.info(`snapshot ${result.path}: ${result.znodes} znodes, ${result.bytes} bytes in ${seconds} s`);
    return result;
  }

  /** The sessions of now, as they go into a snapshot. */
  sessions(): SnapshotSessions {
    const sessions = [...this.#parts.tracker.values()].filter((session) => session.isCommitted);
    return {
      idsHigh: Int32Array.from(sessions, (session) => session.idHigh),
      idsLow: Int32Array.from(sessions, (session) => session.idLow),
      timeoutsMs: Int32Array.from(sessions, (session) => session.timeoutMs),
    };
  }

  /** Gives up a snapshot that is being written; its file never got its name. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#pool.destroy();
    await this.#running;
  }
}

function half(interval: number): number {
  const floor = Math.floor(interval / 2);
  return floor + (floor > 1 ? randomInt(Math.min(floor, 2 ** 47)) : 0);
}
