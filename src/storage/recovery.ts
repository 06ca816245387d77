import { compareLongs, longToHex } from '../protocol/long.ts';
import type { DataTree } from '../replica/data-tree.ts';
import type { DataDirectory, SnapshotFile } from './data-directory.ts';
import { settleReplacement } from './database-replacement.ts';
import { RecoveryError } from './recovery-error.ts';
import { SnapshotError } from './snapshot-error.ts';
import { DIGEST_VERSION } from './snapshot-format.ts';
import { type OnZnode, readSnapshot } from './snapshot-reader.ts';
import { looksComplete, type ZxidDigest } from './snapshot-scan.ts';
import type { StorageLog } from './storage-log.ts';
import { cutTornTails } from './torn-tail.ts';
import { type TornTail, TxnLogReader } from './txn-log-reader.ts';

/** Newest snapshots that are tried, as in Apache. */
const SNAPSHOTS_MAX = 100;
const PROGRESS_INTERVAL_MS = 1000;
const PROGRESS_TXNS = 256;

/** How the tree's digest compared with the one in a transaction's entry. */
type TxnDigestCheck = 'absent' | 'equal' | 'different';

/** What recovery fills: a database without content. Another one is asked for when a snapshot turns out damaged. */
export interface RecoveryTarget {
  readonly tree: DataTree;
  onSession(idHigh: number, idLow: number, timeoutMs: number): void;
  /** Keeps and sums up node digests, and ephemerals by owner and whatever else hangs on a znode. */
  readonly onZnode: OnZnode;
  /** There is no snapshot: makes the tree that every database begins with (client.md §9.3). */
  startEmpty(): void;
  /** All of a snapshot is in the tree (not called without one). Sets the tree digest. */
  snapshotLoaded(): void;
  /**
   * The tree is now exactly that of its last zxid: from here on each transaction must lead to the digest in its entry. Not
   * called when nothing tells up to where the snapshot saw later changes.
   */
  exact(): void;
  /** Applies the entry (TxnHeader, txn, TxnDigest) in `bytes[start, end)`, and says what its digest says of the tree. */
  applyTxn(bytes: Uint8Array, start: number, end: number): TxnDigestCheck;
}

export interface RecoveryOptions<Target extends RecoveryTarget> {
  readonly directory: DataDirectory;
  readonly newTarget: () => Target;
  readonly log: StorageLog;
  /** `jute.maxbuffer` + `jute.maxbuffer.extrasize` */
  readonly entryBytesMax: number;
  /** `zookeeper.snapshot.trust.empty`: replay logs without any snapshot. */
  readonly trustEmptySnapshot: boolean;
  /** `zookeeper.digest.enabled` */
  readonly digestEnabled: boolean;
  /**
   * A member of an ensemble may hold a snapshot with transactions that its own log never got; it gets them from the
   * leader. Elsewhere they would be lost.
   */
  readonly isEnsembleMember: boolean;
}

/** How the digest in the snapshot compared. */
export type DigestCheck = 'equal' | 'absent' | 'disabled' | 'not reached';

export interface RecoveryResult<Target extends RecoveryTarget> {
  readonly target: Target;
  /** Neither snapshot nor log was there: the server has to write snapshot.0 before it serves. */
  readonly isFresh: boolean;
  /**
   * Whether the tree is exactly that of the last zxid. If not, it may hold some of what came later and is in no log here:
   * what follows must be applied as in a replay, until all of it that a leader had committed is.
   */
  readonly isExact: boolean;
  readonly lastZxidHigh: number;
  readonly lastZxidLow: number;
  /** Null without a snapshot. */
  readonly snapshot: SnapshotFile | null;
  readonly txnsReplayed: number;
  readonly digestCheck: DigestCheck;
  /** What was cut off the logs. */
  readonly tornTails: readonly TornTail[];
  readonly durationMs: number;
}

/**
 * Brings a database back from disk (disk.md §6), on the calling thread: the newest snapshot that loads, then every log
 * record behind it. Stricter than Apache: zxids must go on without a gap, only what a crash explains is cut off, and a
 * digest that differs ends the start. Throws RecoveryError, CorruptLogError or an error of the target; each says what
 * to do. Files are changed (torn tails cut) only after everything was read and found good.
 */
export function recover<Target extends RecoveryTarget>(
  options: RecoveryOptions<Target>,
): RecoveryResult<Target> {
  return new Recovery(options).run();
}

class Recovery<Target extends RecoveryTarget> {
  readonly #options: RecoveryOptions<Target>;
  readonly #startedMs = performance.now();
  #target: Target;
  #snapshot: SnapshotFile | null = null;
  #skipped: SnapshotFile[] = [];
  /** The snapshot's digest until its zxid was reached. */
  #pendingDigest: ZxidDigest | null = null;
  /** How the tree differed from the snapshot's digest; forgiven when it is that of a later transaction. */
  #difference: string | null = null;
  #digestCheck: DigestCheck;
  #isExact = false;
  #txns = 0;
  #lastHigh = 0;
  #lastLow = 0;
  #reportedMs = performance.now();

  constructor(options: RecoveryOptions<Target>) {
    this.#options = options;
    this.#target = options.newTarget();
    this.#digestCheck = options.digestEnabled ? 'absent' : 'disabled';
  }

  run(): RecoveryResult<Target> {
    const { directory, log } = this.#options;
    settleReplacement(directory, this.#options.entryBytesMax, log);
    const logs = directory.listLogs();
    this.#loadSnapshot();
    if (this.#snapshot === null) this.#startEmpty(logs.length > 0);
    const tornTails = this.#replay();
    this.#checkReached();
    this.#checkDifference();
    cutTornTails(directory.fileSystem, directory.logDirectory, tornTails, log);
    this.#syncLogs();
    const durationMs = performance.now() - this.#startedMs;
    const isFresh = this.#snapshot === null && logs.length === 0;
    if (!isFresh) this.#logSummary(durationMs);
    return this.#result(isFresh, tornTails, durationMs);
  }

  #exact(): void {
    this.#isExact = true;
    this.#target.exact();
  }

  #result(isFresh: boolean, tornTails: readonly TornTail[], durationMs: number): RecoveryResult<Target> {
    return {
      target: this.#target,
      isFresh,
      isExact: this.#isExact,
      lastZxidHigh: this.#lastHigh,
      lastZxidLow: this.#lastLow,
      snapshot: this.#snapshot,
      txnsReplayed: this.#txns,
      digestCheck: this.#digestCheck,
      tornTails,
      durationMs,
    };
  }

  /** Loads the newest snapshot that is whole. None at all is fine here; files of which none loads are not. */
  #loadSnapshot(): void {
    const files = this.#options.directory.listSnapshots().reverse().slice(0, SNAPSHOTS_MAX);
    const reasons: string[] = [];
    for (const file of files) {
      const reason = this.#tryLoad(file);
      if (reason === null) {
        this.#snapshot = file;
        return;
      }
      this.#options.log.warn(`skipped a snapshot, trying an older one: ${reason}`);
      reasons.push(reason);
      this.#skipped.push(file);
    }
    if (files.length === 0) return;
    throw new RecoveryError(
      `none of ${files.length} snapshots can be loaded: ${reasons.slice(0, 5).join('; ')}. Restore one from a backup, ` +
        'or, on a member of an ensemble, move the version-2 directories away and let the server copy its data from the leader',
    );
  }

  /** Null when loaded, else why not. */
  #tryLoad(file: SnapshotFile): string | null {
    const { directory, newTarget, entryBytesMax, digestEnabled } = this.#options;
    const { fileSystem } = directory;
    if (!looksComplete(fileSystem, file)) return `${file.path}: not finished when its server stopped`;
    if (this.#skipped.length > 0) this.#target = newTarget();
    const target = this.#target;
    try {
      const loaded = readSnapshot({
        fileSystem,
        file,
        tree: target.tree,
        onSession: (idHigh, idLow, timeoutMs) => target.onSession(idHigh, idLow, timeoutMs),
        onZnode: target.onZnode,
        computesDigests: digestEnabled,
        onProgress: (done, total) => this.#logProgress(`loading ${file.name}`, done, total),
        entryBytesMax,
      });
      this.#snapshotLoaded(file, loaded.digest);
      return null;
    } catch (error) {
      if (error instanceof SnapshotError) return error.message;
      throw error;
    }
  }

  #snapshotLoaded(file: SnapshotFile, digest: ZxidDigest | null): void {
    this.#lastHigh = file.zxidHigh;
    this.#lastLow = file.zxidLow;
    this.#target.snapshotLoaded();
    this.#target.tree.setLastZxid(file.zxidHigh, file.zxidLow);
    if (digest === null || digest.version !== DIGEST_VERSION || !this.#options.digestEnabled) return;
    if (compareLongs(digest.zxidHigh, digest.zxidLow, file.zxidHigh, file.zxidLow) < 0) return;
    this.#pendingDigest = digest;
    this.#compareDigest();
  }

  #startEmpty(hasLogs: boolean): void {
    const { trustEmptySnapshot, directory } = this.#options;
    if (hasLogs && !trustEmptySnapshot) {
      throw new RecoveryError(
        `${directory.logDirectory} has transaction logs but ${directory.snapshotDirectory} has no snapshot: the data ` +
          'before the logs may be missing. Restore a snapshot or check dataDir in zoo.cfg; if the logs do begin with ' +
          'the first transaction, start once with snapshot.trust.empty=true',
      );
    }
    this.#target.startEmpty();
    this.#exact();
  }

  #replay(): TornTail[] {
    const { directory, entryBytesMax } = this.#options;
    const reader = new TxnLogReader({
      fileSystem: directory.fileSystem,
      files: directory.listLogs(),
      fromHigh: this.#lastLow === -1 ? this.#lastHigh + 1 : this.#lastHigh,
      fromLow: (this.#lastLow + 1) | 0,
      entryBytesMax,
    });
    try {
      while (reader.next()) {
        this.#apply(reader);
        if (++this.#txns % PROGRESS_TXNS === 0) {
          this.#logProgress(
            `replaying, ${this.#txns} transactions so far`,
            reader.bytesDone,
            reader.bytesTotal,
          );
        }
      }
      this.#sayRepeated(reader.recordsRepeated);
      return reader.tornTails;
    } finally {
      reader.close();
    }
  }

  #sayRepeated(count: number): void {
    if (count === 0) return;
    this.#options.log.info(
      `${count} transactions stand in the log twice, as Apache's server writes them when it synchronises anew: passed over`,
    );
  }

  /**
   * A server that was killed between a write and its sync has left records that are read here from the page cache, and are
   * on no disk yet. From now on they count as logged, so they must be. Files before the last two were synced when they ended.
   */
  #syncLogs(): void {
    const { fileSystem, logDirectory } = this.#options.directory;
    const newest = this.#options.directory.listLogs().slice(-2);
    for (const { path } of newest) {
      const fd = fileSystem.open(path, 'r+');
      try {
        fileSystem.fsync(fd);
      } finally {
        fileSystem.close(fd);
      }
    }
    if (newest.length > 0) fileSystem.fsyncDirectory(logDirectory);
  }

  #apply(reader: TxnLogReader): void {
    let digestCheck: TxnDigestCheck;
    try {
      digestCheck = this.#target.applyTxn(reader.bytes, reader.entryStart, reader.entryEnd);
    } catch (error) {
      throw new RecoveryError(
        `${reader.path}: transaction ${longToHex(reader.zxidHigh, reader.zxidLow)} cannot be replayed: ${(error as Error).message}`,
        { cause: error },
      );
    }
    this.#lastHigh = reader.zxidHigh;
    this.#lastLow = reader.zxidLow;
    if (this.#pendingDigest !== null) this.#compareDigest();
    if (digestCheck === 'equal' && !this.#isExact) this.#equal();
  }

  #equal(): void {
    this.#digestCheck = 'equal';
    this.#exact();
  }

  /**
   * Compares the tree with the snapshot's digest if its zxid is reached just now. Apache's server changes its tree before it
   * moves on its zxid, and another thread writes the snapshot. So of a snapshot that ends between the two, the digest is that
   * of zxid Z, while the znodes may show some of Z + 1 already. Such a tree differs at Z, and no more once Z + 1, which
   * was in the log before it was in the tree, is replayed: then it has the digest in that transaction's entry.
   */
  #compareDigest(): void {
    const digest = this.#pendingDigest;
    if (digest === null) return;
    if (compareLongs(digest.zxidHigh, digest.zxidLow, this.#lastHigh, this.#lastLow) !== 0) return;
    this.#pendingDigest = null;
    const { treeDigestHigh, treeDigestLow } = this.#target.tree;
    if (treeDigestHigh === digest.digestHigh && treeDigestLow === digest.digestLow) {
      if (!this.#isExact) this.#equal();
      return;
    }
    this.#difference =
      `tree digest ${longToHex(treeDigestHigh, treeDigestLow)} at zxid ${longToHex(this.#lastHigh, this.#lastLow)}, ` +
      `the snapshot says ${longToHex(digest.digestHigh, digest.digestLow)}`;
  }

  #checkDifference(): void {
    if (this.#difference === null) return;
    if (!this.#isExact) {
      throw new RecoveryError(
        `the data read from disk is not what was written: ${this.#difference}. ` +
          'Move the newest snapshot away to start from the one before; digest.enabled=false starts without this check',
      );
    }
    this.#options.log.info(
      `${this.#snapshot?.path} ended amid a transaction (${this.#difference}); the digests in the log are those of the tree`,
    );
  }

  /** The recovered history must not be shorter than what files on this disk prove to have existed. */
  #checkReached(): void {
    const last = longToHex(this.#lastHigh, this.#lastLow);
    for (const { path, zxidHigh, zxidLow } of this.#skipped) {
      if (compareLongs(zxidHigh, zxidLow, this.#lastHigh, this.#lastLow) <= 0) continue;
      throw new RecoveryError(
        `${path} cannot be loaded, and without it the data ends at zxid ${last}, before the snapshot's: transactions would ` +
          'be lost. Restore it from a backup; move it away only if losing them is acceptable',
      );
    }
    const pending = this.#pendingDigest;
    if (pending === null) return;
    this.#digestCheck = 'not reached';
    const reached = longToHex(pending.zxidHigh, pending.zxidLow);
    const message = `the snapshot ${this.#snapshot?.path} was written up to zxid ${reached}, but the log ends at ${last}`;
    if (this.#options.isEnsembleMember) {
      this.#options.log.warn(`${message}; the leader has the rest`);
      return;
    }
    throw new RecoveryError(
      `${message}: transactions are missing. Restore the missing log files; to go on without those transactions, move that ` +
        'snapshot away and start from the one before',
    );
  }

  #logProgress(what: string, done: number, total: number): void {
    const nowMs = performance.now();
    if (nowMs - this.#reportedMs < PROGRESS_INTERVAL_MS) return;
    this.#reportedMs = nowMs;
    this.#options.log.info(`${what}: ${mebibytes(done)} of ${mebibytes(total)} MiB`);
  }

  #logSummary(durationMs: number): void {
    const from = this.#snapshot === null ? 'no snapshot' : this.#snapshot.name;
    const { tree } = this.#target;
    this.#options.log.info(
      `recovered ${tree.znodeCount} znodes from ${from} and ${this.#txns} logged transactions, up to zxid ` +
        `${longToHex(this.#lastHigh, this.#lastLow)}, in ${Math.round(durationMs)} ms; digest: ${this.#digestCheck}`,
    );
  }
}

function mebibytes(bytes: number): string {
  return (bytes / 1048576).toFixed(0);
}
