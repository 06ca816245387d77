import type { WriterLock } from '../replica/lock.ts';
import type { DataDirectory } from '../storage/data-directory.ts';
import { beginReplacement, finishReplacement } from '../storage/database-replacement.ts';
import type { SnapshotSessions } from '../storage/snapshot-body.ts';
import { SnapshotStreamReader } from '../storage/snapshot-stream-reader.ts';
import type { Database } from './database.ts';
import type { Snapshots } from './snapshots.ts';

export interface SnapshotReceiverParts {
  readonly database: Database;
  readonly lock: Pick<WriterLock, 'acquire' | 'release'>;
  readonly directory: DataDirectory;
  readonly snapshots: Pick<Snapshots, 'whenIdle' | 'store'>;
  readonly entryBytesMax: number;
  readonly digestEnabled: boolean;
}

/**
 * One SNAP at a learner: the leader's tree takes the place of log and replica. Order: {@link begin}, {@link write} until
 * {@link isComplete}, {@link store}; then the log goes on behind the zxid (LogAppender.continueAfter). The log worker must
 * have nothing to write meanwhile, and nobody may read the replica and believe it.
 *
 * The tree is not exact: until UPTODATE it may hold some of the txns that follow (see snapshotStream), which must be
 * applied as in a replay.
 */
export class SnapshotReceiver {
  readonly #parts: SnapshotReceiverParts;
  readonly #zxidHigh: number;
  readonly #zxidLow: number;
  readonly #reader: SnapshotStreamReader;

  /** `leader` names the sender in errors; the zxid is the one in the SNAP packet. */
  constructor(parts: SnapshotReceiverParts, leader: string, zxidHigh: number, zxidLow: number) {
    this.#parts = parts;
    this.#zxidHigh = zxidHigh;
    this.#zxidLow = zxidLow;
    const { database, entryBytesMax, digestEnabled } = parts;
    this.#reader = new SnapshotStreamReader({
      name: leader,
      entryBytesMax,
      tree: database.tree,
      onSession: (idHigh, idLow, timeoutMs) => database.onSession(idHigh, idLow, timeoutMs),
      onZnode: database.onZnode,
      computesDigests: digestEnabled,
    });
  }

  /**
   * Declares the database on disk invalid, durably, and empties the replica. Before anything else a snapshot that is being
   * written comes to its end, so that it cannot appear among the files later. Rejects when the disk fails: the server must end.
   */
  async begin(): Promise<void> {
    const { snapshots, directory } = this.#parts;
    await snapshots.whenIdle();
    beginReplacement(directory);
    this.#clear();
  }

  /**
   * Takes `bytes[start, end)` of the stream; gives the index of the first byte that is not the tree's: `end` unless the
   * tree is complete. Throws SnapshotError for what is no tree, and ReplicaFullError; then {@link abandon} it.
   */
  write(bytes: Uint8Array, start: number, end: number): number {
    const { lock } = this.#parts;
    lock.acquire();
    try {
      return this.#reader.write(bytes, start, end);
    } finally {
      lock.release();
    }
  }

  get isComplete(): boolean {
    return this.#reader.isComplete;
  }

  /** What was received, for the log. */
  get received(): { readonly znodes: number; readonly bytes: number } {
    return { znodes: this.#reader.znodes, bytes: this.#reader.bytes };
  }

  /**
   * Makes the tree the database, on disk too: when it resolves, the snapshot is the only history there, and valid. Rejects
   * when it cannot be stored: the server must end.
   */
  async store(): Promise<void> {
    if (!this.isComplete) throw new Error('the tree is not complete');
    const { database, lock, snapshots, directory } = this.#parts;
    lock.acquire();
    try {
      database.snapshotLoaded();
      database.tree.setLastZxid(this.#zxidHigh, this.#zxidLow);
    } finally {
      lock.release();
    }
    finishReplacement(directory, await snapshots.store(sessionsOf(database)));
  }

  /**
   * The rest will not come. The replica is empty then, and the database on disk stays invalid: the server has no vote, and no
   * history, until a leader's tree is stored.
   */
  abandon(): void {
    this.#reader.close();
    this.#clear();
  }

  #clear(): void {
    const { database, lock } = this.#parts;
    lock.acquire();
    try {
      database.clear();
    } finally {
      lock.release();
    }
  }
}

function sessionsOf({ sessions }: Database): SnapshotSessions {
  const all = [...sessions.values()];
  return {
    idsHigh: Int32Array.from(all, ({ idHigh }) => idHigh),
    idsLow: Int32Array.from(all, ({ idLow }) => idLow),
    timeoutsMs: Int32Array.from(all, ({ timeoutMs }) => timeoutMs),
  };
}
