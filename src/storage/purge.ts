import { compareLongs } from '../protocol/long.ts';
import type { DataFile, SnapshotFile } from './data-directory.ts';
import type { FileSystem } from './file-system.ts';
import type { ZxidWords } from './log-range.ts';
import { snapshotDamage } from './snapshot-damage.ts';
import type { StorageLog } from './storage-log.ts';

export interface PurgeOptions {
  readonly fileSystem: FileSystem;
  /** `DataDirectory.snapshotDirectory` and `logDirectory`. */
  readonly snapshotDirectory: string;
  readonly logDirectory: string;
  /** Oldest first, as DataDirectory lists them. */
  readonly snapshots: readonly SnapshotFile[];
  readonly logs: readonly DataFile[];
  /** `autopurge.snapRetainCount`: valid snapshots that stay, with all that is needed to start from any of them. */
  readonly retainCount: number;
  /** `jute.maxbuffer` + `jute.maxbuffer.extrasize` */
  readonly entryBytesMax: number;
  /** Called at least each second while a snapshot is read, with its bytes read and in all. */
  readonly onProgress?: (bytesDone: number, bytesTotal: number) => void;
  /** Logs that hold what comes behind this zxid stay, too: a learner is being sent them. null: none is. */
  readonly neededFrom: ZxidWords | null;
  readonly log: StorageLog;
}

export interface PurgeResult {
  /** The names of the files removed. */
  readonly snapshots: readonly string[];
  readonly logs: readonly string[];
  readonly bytesFreed: number;
}

const NOTHING: PurgeResult = { snapshots: [], logs: [], bytesFreed: 0 };

/**
 * Removes snapshots that are older than the `retainCount` newest valid ones, and logs that none of those needs (disk.md
 * §10). Valid means read whole, seals and compression included: a snapshot that a crash or a full disk left half written
 * counts for nothing, and with fewer valid ones nothing is removed (ZOOKEEPER-2574, -3231). Safe beside a running server,
 * which only adds files with higher zxids. Throws the file system's errors.
 */
export function purge(options: PurgeOptions): PurgeResult {
  const oldestKept = oldestToKeep(options);
  if (oldestKept === null) return NOTHING;
  const { snapshots, logs } = filesBefore(options, oldestKept);
  // The snapshots first, and durably: whatever a crash leaves is an older snapshot with all its logs, or none. Of the
  // logs the oldest first, so that those left never have a gap.
  const bytesFreed =
    remove(options, options.snapshotDirectory, snapshots) + remove(options, options.logDirectory, logs);
  report(options, oldestKept, snapshots, logs, bytesFreed);
  return {
    snapshots: snapshots.map((file) => file.name),
    logs: logs.map((file) => file.name),
    bytesFreed,
  };
}

/** Null when nothing is to go: there is nothing older, or there are not that many valid snapshots. */
function oldestToKeep(options: PurgeOptions): SnapshotFile | null {
  const { snapshots, retainCount, log } = options;
  if (snapshots.length < retainCount) return null;
  const whenAllAreValid = filesBefore(options, snapshots[snapshots.length - retainCount]);
  // Damaged ones only make it less: no need to read gigabytes.
  if (whenAllAreValid.snapshots.length + whenAllAreValid.logs.length === 0) return null;
  let valid = 0;
  for (const file of [...snapshots].reverse()) {
    const damage = snapshotDamage(options, file);
    if (damage === null) {
      if (++valid === retainCount) return file;
    } else {
      log.warn(`purge: ${damage}; it does not count as a snapshot to keep`);
    }
  }
  log.warn(
    `purge: nothing removed, only ${valid} of ${snapshots.length} snapshots are whole and ${retainCount} are to be kept`,
  );
  return null;
}

/** What is not needed to start from `oldestKept` or a later snapshot. */
function filesBefore(
  { snapshots, logs, neededFrom }: PurgeOptions,
  oldestKept: SnapshotFile,
): { snapshots: SnapshotFile[]; logs: DataFile[] } {
  return {
    snapshots: snapshots.filter((file) => compareFiles(file, oldestKept) < 0),
    logs: unneededLogs(
      logs,
      neededFrom === null || compareFiles(neededFrom, oldestKept) > 0 ? oldestKept : neededFrom,
    ),
  };
}

/** The newest log that begins at or before a zxid may hold transactions behind it. */
function unneededLogs(logs: readonly DataFile[], oldest: ZxidWords): DataFile[] {
  const firstLater = logs.findIndex((file) => compareFiles(file, oldest) > 0);
  const before = firstLater < 0 ? logs.length : firstLater;
  return logs.slice(0, Math.max(0, before - 1));
}

function compareFiles(a: ZxidWords, b: ZxidWords): number {
  return compareLongs(a.zxidHigh, a.zxidLow, b.zxidHigh, b.zxidLow);
}

/** Removes files in their order, durably; gives the bytes freed. */
function remove({ fileSystem }: PurgeOptions, directory: string, files: readonly DataFile[]): number {
  let bytes = 0;
  for (const { path } of files) {
    bytes += fileSystem.stat(path)?.size ?? 0;
    fileSystem.unlink(path);
  }
  if (files.length > 0) fileSystem.fsyncDirectory(directory);
  return bytes;
}

function report(
  { log, retainCount }: PurgeOptions,
  oldestKept: SnapshotFile,
  snapshots: readonly DataFile[],
  logs: readonly DataFile[],
  bytes: number,
): void {
  if (snapshots.length + logs.length === 0) return;
  const names = [...snapshots, ...logs].map((file) => file.name).join(', ');
  log.info(
    `purge: removed ${snapshots.length} snapshots and ${logs.length} logs, ${Math.round(bytes / 1048576)} MiB, which the ` +
      `${retainCount} newest whole snapshots, from ${oldestKept.name} on, do not need: ${names}`,
  );
}
