import { PacketError } from '../quorum/packet-error.ts';
import type { QuorumConnection } from '../quorum/quorum-connection.ts';
import type { WriterLock } from '../replica/lock.ts';
import { DurableZxid } from '../ring/durable-zxid.ts';
import type { DataDirectory } from '../storage/data-directory.ts';
import { finishReplacement } from '../storage/database-replacement.ts';
import type { SnapshotSessions } from '../storage/snapshot-body.ts';
import { SnapshotError } from '../storage/snapshot-error.ts';
import { SnapshotStreamReader } from '../storage/snapshot-stream-reader.ts';
import { counterOf, epochOf, type Zxid, zxidOf } from '../zab/zxid.ts';
import type { CommitStage } from './commit-stage.ts';
import type { ServerConfig } from './config.ts';
import type { Database } from './database.ts';
import type { LogAppender } from './log-appender.ts';
import type { LogWorker } from './log-worker.ts';
import type { Logger } from './logging.ts';
import type { Snapshots } from './snapshots.ts';
import type { TxnCache } from './txn-cache.ts';

export interface HistoryReplacementParts {
  readonly config: ServerConfig;
  readonly directory: DataDirectory;
  readonly database: Database;
  readonly lock: WriterLock;
  readonly snapshots: Snapshots;
  readonly logWorker: LogWorker;
  readonly appender: LogAppender;
  readonly commits: CommitStage;
  readonly cache: TxnCache;
  readonly durableZxid: SharedArrayBuffer;
  /** Fills the database anew from disk; gives whether the tree is exactly that of its zxid (RecoveryResult.isExact). */
  readonly rebuild: () => boolean;
  /** The database was emptied and filled anew. */
  readonly onReplaced: () => void;
  /** Settles when nobody else takes files away. */
  readonly purgeIdle: () => Promise<void>;
  readonly logger: Logger;
}

/** How often the log worker's answer is looked for. */
const POLL_MS = 1;

/** What a leader's snapshot was and what came of it: the last zxid here, -1 for an invalid database. */
interface Receiving {
  readonly connection: QuorumConnection;
  readonly reader: SnapshotStreamReader;
  readonly settle: (isComplete: boolean) => void;
}

/**
 * Cuts or replaces what this server has, on disk and in memory, as a leader demands (TRUNC and SNAP, protocol/quorum.md
 * §4.3). Nobody is served meanwhile.
 */
export class HistoryReplacement {
  readonly #parts: HistoryReplacementParts;
  #receiving: Receiving | null = null;

  constructor(parts: HistoryReplacementParts) {
    this.#parts = parts;
  }

  /**
   * Takes everything behind `last`, a zxid of the own history or an epoch's start, off log and replica; `committed` is set back with them.
   * Gives the last zxid then. When the log cannot be cut there, all is made again what it was, and its last zxid is given;
   * -1 when the log turned out to be damaged, and only a leader's snapshot helps.
   */
  async truncate(last: bigint, committed: Zxid): Promise<bigint> {
    const { snapshots, commits, appender, logWorker, cache, database, logger } = this.#parts;
    await snapshots.whenIdle();
    await this.#parts.purgeIdle();
    const epoch = epochOf(last);
    const counter = counterOf(last);
    commits.cutAt(epoch, counter);
    appender.truncate(epoch, counter);
    const truncation = logWorker.truncation();
    appender.publish();
    const outcome = await truncation;
    if (outcome.kind === 'impossible') {
      logger.warn(`the log cannot be cut at 0x${last.toString(16)}: ${outcome.reason}; a snapshot is needed`);
      return outcome.isDamaged ? -1n : this.#takeBack(committed);
    }
    // Where `last` is no txn's (an epoch's start, protocol/quorum.md §1) the log ends with the one before.
    const end = zxidOf(outcome.zxidHigh, outcome.zxidLow);
    cache.truncate(end);
    const { lastZxidHigh, lastZxidLow } = database.tree;
    if (zxidOf(lastZxidHigh, lastZxidLow) > end) {
      commits.isExact = this.#parts.rebuild();
      this.#parts.onReplaced();
    }
    this.#setEnd(end, committed);
    return end;
  }

  /**
   * Takes the tree that follows SNAP in a connection's stream, in place of everything that is here. Gives its zxid; null when
   * nothing was changed, for the connection was gone. When the stream breaks off, the database is what is on disk once more,
   * and its last zxid is given: until the new one is stored whole, the old one is the valid one. But what was not valid before
   * (`wasValid`) is not afterwards: -1.
   */
  async receive(
    connection: QuorumConnection,
    zxid: bigint,
    committed: Zxid,
    wasValid: boolean,
  ): Promise<bigint | null> {
    const { directory, snapshots, database, lock, commits, logger } = this.#parts;
    await snapshots.whenIdle();
    if (connection.isClosed) return null;
    commits.cutAt(-1, 0);
    commits.isExact = false;
    lock.acquire();
    database.clear();
    lock.release();
    const isComplete = await this.#receiveTree(connection);
    if (!isComplete) {
      logger.warn('the snapshot of the leader broke off; the database is read from disk again');
      return wasValid ? this.#takeBack(committed) : -1n;
    }
    const { tree } = database;
    database.snapshotLoaded();
    tree.setLastZxid(epochOf(zxid), counterOf(zxid));
    this.#parts.onReplaced();
    await snapshots.storeReplacement(this.#sessions());
    await this.#continueAfter(zxid);
    await this.#parts.purgeIdle();
    finishReplacement(directory);
    this.#parts.cache.reset(zxid);
    this.#setEnd(zxid, committed);
    logger.info(`the leader's snapshot at 0x${zxid.toString(16)} is here: ${tree.znodeCount} znodes`);
    return zxid;
  }

  /** All is what it was, as the disk has it. */
  async #takeBack(committed: Zxid): Promise<bigint> {
    const { commits, database } = this.#parts;
    commits.isExact = this.#parts.rebuild();
    this.#parts.onReplaced();
    const last = zxidOf(database.tree.lastZxidHigh, database.tree.lastZxidLow);
    await this.#continueAfter(last);
    this.#setEnd(last, committed);
    return last;
  }

  /** The connection is gone: what it was sending will not come. */
  connectionClosed(connection: QuorumConnection): void {
    if (this.#receiving?.connection === connection) this.#receiving.settle(false);
  }

  #receiveTree(connection: QuorumConnection): Promise<boolean> {
    const { config, database } = this.#parts;
    const reader = new SnapshotStreamReader({
      tree: database.tree,
      onSession: (high, low, timeoutMs) => database.onSession(high, low, timeoutMs),
      onZnode: database.onZnode,
      computesDigests: config.digestEnabled,
      name: `the snapshot from ${connection.remote}`,
      entryBytesMax: config.juteBufferBytesMax + config.juteBufferExtraBytes,
    });
    return new Promise((resolve) => {
      const settle = (isComplete: boolean): void => {
        this.#receiving = null;
        if (!isComplete) reader.close();
        resolve(isComplete);
      };
      this.#receiving = { connection, reader, settle };
      connection.receiveTree({
        write: (bytes, start, end) => this.#write(reader, bytes, start, end),
        get isComplete() {
          return reader.isComplete;
        },
      });
    });
  }

  #write(reader: SnapshotStreamReader, bytes: Uint8Array, start: number, end: number): number {
    const { lock } = this.#parts;
    lock.acquire();
    try {
      const at = reader.write(bytes, start, end);
      if (reader.isComplete) this.#receiving?.settle(true);
      return at;
    } catch (error) {
      if (!(error instanceof SnapshotError)) throw error;
      throw new PacketError(error.message);
    } finally {
      lock.release();
    }
  }

  #sessions(): SnapshotSessions {
    const sessions = [...this.#parts.database.sessions.values()];
    return {
      idsHigh: Int32Array.from(sessions, ({ idHigh }) => idHigh),
      idsLow: Int32Array.from(sessions, ({ idLow }) => idLow),
      timeoutsMs: Int32Array.from(sessions, ({ timeoutMs }) => timeoutMs),
    };
  }

  /** The log worker goes on in a new file; settles when it does. */
  async #continueAfter(zxid: bigint): Promise<void> {
    const { appender, durableZxid } = this.#parts;
    const durable = new DurableZxid(durableZxid);
    const isThere = (): boolean => {
      durable.read();
      return zxidOf(durable.high, durable.low) === zxid;
    };
    // Before, the durable zxid may happen to be the same one.
    appender.continueAfter(epochOf(zxid), counterOf(zxid));
    appender.publish();
    while (!isThere() || this.#parts.commits.isCutting) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /** The history ends there; all of it that the replica holds counts as committed. */
  #setEnd(last: bigint, committed: Zxid): void {
    const { appender, database } = this.#parts;
    const epoch = epochOf(last);
    const counter = counterOf(last);
    appender.lastProposed.set(epoch, counter);
    appender.lastPublished.set(epoch, counter);
    const { lastZxidHigh, lastZxidLow } = database.tree;
    if (committed.compare(epoch, counter) > 0) committed.set(epoch, counter);
    if (committed.compare(lastZxidHigh, lastZxidLow) < 0) committed.set(lastZxidHigh, lastZxidLow);
  }
}
