import { wordsOf } from '../../src/server/catch-up.ts';
import type { Database } from '../../src/server/database.ts';
import { rebuildDatabase } from '../../src/server/database-rebuild.ts';
import { DataDirectory, snapshotPaths } from '../../src/storage/data-directory.ts';
import { finishReplacement, replacementPath } from '../../src/storage/database-replacement.ts';
import { LOCK_FILE } from '../../src/storage/directory-lock.ts';
import { type FileSystem, readFully, writeFully } from '../../src/storage/file-system.ts';
import { type TruncationOutcome, truncateHistory } from '../../src/storage/history-truncation.ts';
import { type LogSearch, readLogRange, searchLog } from '../../src/storage/log-range.ts';
import { purge } from '../../src/storage/purge.ts';
import { type RecoveryResult, recover } from '../../src/storage/recovery.ts';
import { writeSnapshot } from '../../src/storage/snapshot-writer.ts';
import type { StorageLog } from '../../src/storage/storage-log.ts';
import { TxnLogWriter } from '../../src/storage/txn-log-writer.ts';
import { TxnHeader } from '../../src/txn/txn-layout.ts';
import { SimDisk } from './disk.ts';
import type { SimOptions } from './options.ts';
import { newDatabase } from './sim-database.ts';

/** A txn as recovery has read it. */
export interface RecoveredTxn {
  readonly epoch: number;
  readonly counter: number;
  readonly entry: Uint8Array;
}

export interface RecoveredState {
  readonly result: RecoveryResult<Database>;
  /** Those that were replayed, oldest first. */
  readonly txns: RecoveredTxn[];
}

const DATA_DIR = '/data';
export const ENTRY_BYTES_MAX = 64 * 1024;

/** The files of one simulated process, through the server's own storage code. */
export class SimStorage {
  readonly fileSystem: FileSystem;
  readonly directory: DataDirectory;
  readonly log: StorageLog;
  #writer: TxnLogWriter | null = null;
  readonly #options: SimOptions;

  constructor(fileSystem: FileSystem, options: SimOptions, log: StorageLog) {
    this.fileSystem = fileSystem;
    this.log = log;
    this.#options = options;
    const versionDirectory = `${DATA_DIR}/version-2`;
    const lock = `${versionDirectory}/${LOCK_FILE}`;
    // All simulated processes are this one, which runs: a lock that was left behind would be taken for a living one's.
    if (fileSystem.stat(versionDirectory) !== null && fileSystem.stat(lock) !== null) fileSystem.unlink(lock);
    fileSystem.makeDirectory(DATA_DIR);
    this.directory = DataDirectory.open({
      dataDir: DATA_DIR,
      dataLogDir: DATA_DIR,
      autocreate: true,
      fileSystem,
      log,
    });
  }

  /** Snapshot and logs into a new database. */
  recover(): RecoveredState {
    const txns: RecoveredTxn[] = [];
    const newTarget = (): Database => {
      txns.length = 0;
      return recording(newDatabase(), txns);
    };
    const result = recover({ ...this.#recoveryOptions, newTarget });
    delete (result.target as Partial<Database>).applyTxn;
    return { result, txns };
  }

  get #recoveryOptions() {
    return {
      directory: this.directory,
      log: this.log,
      entryBytesMax: ENTRY_BYTES_MAX,
      trustEmptySnapshot: false,
      digestEnabled: true,
      isEnsembleMember: true,
    } as const;
  }

  /** Appends go on behind this zxid. */
  openLog(lastEpoch: number, lastCounter: number): void {
    this.#writer?.close();
    this.#writer = new TxnLogWriter({
      fileSystem: this.fileSystem,
      directory: this.directory.logDirectory,
      log: this.log,
      preallocationBytes: this.#options.preallocationBytes,
      fileBytesMax: this.#options.logFileBytesMax,
      forceSync: true,
      syncWarningMs: Number.POSITIVE_INFINITY,
      lastZxidHigh: lastEpoch,
      lastZxidLow: lastCounter,
    });
  }

  append(epoch: number, counter: number, entry: Uint8Array): void {
    this.#writer?.append(entry, 0, entry.length, epoch, counter);
  }

  sync(): void {
    this.#writer?.sync();
  }

  /** What was appended is durable, and the log goes on in a new file. */
  roll(): void {
    this.#writer?.roll();
  }

  /** Whether the log leads from a learner's zxid to `upTo`. */
  searchLog(peer: bigint, upTo: bigint, bytesMax: number): LogSearch {
    return searchLog({ ...this.#logOptions, peer: wordsOf(peer), upTo: wordsOf(upTo), bytesMax });
  }

  /** The txns in (after, upTo] as the files have them. */
  readLog(after: bigint, upTo: bigint): RecoveredTxn[] {
    const range = readLogRange({ ...this.#logOptions, after: wordsOf(after), upTo: wordsOf(upTo) });
    const txns: RecoveredTxn[] = [];
    for (const { zxidHigh, zxidLow, bytes, entryStart, entryEnd } of range) {
      txns.push({ epoch: zxidHigh, counter: zxidLow, entry: bytes.slice(entryStart, entryEnd) });
    }
    return txns;
  }

  get #logOptions() {
    const { fileSystem, directory } = this;
    return { fileSystem, logDirectory: directory.logDirectory, entryBytesMax: ENTRY_BYTES_MAX };
  }

  closeLog(): void {
    this.#writer?.close();
    this.#writer = null;
  }

  /** The snapshot in place of everything that was there, on disk and in memory; gives RecoveryResult.isExact. */
  install(file: Uint8Array, zxidHigh: number, zxidLow: number, database: Database): boolean {
    this.closeLog();
    const { fileSystem, directory } = this;
    const { path, incompletePath } = snapshotPaths(directory.snapshotDirectory, zxidHigh, zxidLow);
    const fd = fileSystem.open(incompletePath, 'w');
    writeFully(fileSystem, fd, file, 0, file.length, 0);
    fileSystem.fsync(fd);
    fileSystem.close(fd);
    fileSystem.rename(incompletePath, replacementPath(path));
    finishReplacement(directory);
    return this.rebuild(database);
  }

  /** The database as a restart would make it of the disk; gives RecoveryResult.isExact. */
  rebuild(database: Database): boolean {
    return rebuildDatabase(database, NO_LOCK, this.#recoveryOptions).isExact;
  }

  /** Says also when that cannot be done: then nothing was changed. */
  truncate(zxidHigh: number, zxidLow: number): TruncationOutcome {
    this.closeLog();
    const { snapshotDirectory, logDirectory } = this.directory;
    return truncateHistory(
      {
        fileSystem: this.fileSystem,
        snapshotDirectory,
        logDirectory,
        entryBytesMax: ENTRY_BYTES_MAX,
        log: this.log,
      },
      zxidHigh,
      zxidLow,
    );
  }

  /** The replica as a file's bytes, for a learner. */
  static snapshotBytes(database: Database): Uint8Array {
    const fileSystem = new SimDisk().mount();
    fileSystem.makeDirectory('/snapshot');
    const { path, bytes } = writeSnapshot({ fileSystem, directory: '/snapshot', ...snapshotOf(database) });
    const file = new Uint8Array(bytes);
    readFully(fileSystem, fileSystem.open(path, 'r'), file, 0, bytes, 0);
    return file;
  }

  /** A snapshot of the replica as it stands, or was begun before; the log goes on in a new file. */
  takeSnapshot(database: Database, begun: SnapshotBegun = snapshotOf(database)): void {
    this.#writer?.roll();
    writeSnapshot({
      fileSystem: this.fileSystem,
      directory: this.directory.snapshotDirectory,
      ...begun,
    });
  }

  /** Removes what the newest snapshots, and learners that get the log behind `neededFrom`, do not need; gives how many files. */
  purge(retainCount: number, neededFrom: bigint | null = null): number {
    const { directory, fileSystem, log } = this;
    const { snapshots, logs } = purge({
      fileSystem,
      snapshotDirectory: directory.snapshotDirectory,
      logDirectory: directory.logDirectory,
      snapshots: directory.listSnapshots(),
      logs: directory.listLogs(),
      retainCount,
      neededFrom: neededFrom === null ? null : wordsOf(neededFrom),
      entryBytesMax: ENTRY_BYTES_MAX,
      log,
    });
    return snapshots.length + logs.length;
  }
}

type SnapshotBegun = ReturnType<typeof snapshotOf> & { readonly isAhead?: boolean };

const NO_LOCK = { acquire: () => {}, release: () => {} };

/** What the snapshot writer must know of a database: zxid and sessions of now, the tree as it is when it comes to it. */
export function snapshotOf(database: Database) {
  const sessions = [...database.sessions.values()];
  const { tree } = database;
  return {
    reader: tree,
    lock: NO_LOCK,
    zxidHigh: tree.lastZxidHigh,
    zxidLow: tree.lastZxidLow,
    generation: tree.generation,
    sessions: {
      idsHigh: Int32Array.from(sessions, ({ idHigh }) => idHigh),
      idsLow: Int32Array.from(sessions, ({ idLow }) => idLow),
      timeoutsMs: Int32Array.from(sessions, ({ timeoutMs }) => timeoutMs),
    },
    digestEnabled: true,
    lastProcessedZxidEnabled: true,
  } as const;
}

/** The database, which also notes what is replayed into it. */
function recording(database: Database, txns: RecoveredTxn[]): Database {
  const applyTxn = database.applyTxn.bind(database);
  database.applyTxn = (bytes, start, end) => {
    const entry = new Uint8Array(bytes.subarray(start, end));
    const view = new DataView(entry.buffer);
    txns.push({ epoch: view.getInt32(TxnHeader.zxid), counter: view.getInt32(TxnHeader.zxid + 4), entry });
    return applyTxn(bytes, start, end);
  };
  return database;
}
