import { compareLongs, longToHex } from '../protocol/long.ts';
import { CorruptLogError } from './corrupt-log-error.ts';
import { type DataFile, listLogs, listSnapshots, type SnapshotFile } from './data-directory.ts';
import type { FileSystem } from './file-system.ts';
import { snapshotDamage } from './snapshot-damage.ts';
import type { StorageLog } from './storage-log.ts';
import { truncateFile } from './torn-tail.ts';
import { TxnLogReader } from './txn-log-reader.ts';

export interface TruncationOptions {
  readonly fileSystem: FileSystem;
  /** `DataDirectory.snapshotDirectory` and `logDirectory`. */
  readonly snapshotDirectory: string;
  readonly logDirectory: string;
  /** `jute.maxbuffer` + `jute.maxbuffer.extrasize` */
  readonly entryBytesMax: number;
  readonly log: StorageLog;
}

export type TruncationOutcome =
  /** The history on disk ends with this zxid: the one asked for, or the last before it if that has counter 0. */
  | { readonly kind: 'done'; readonly zxidHigh: number; readonly zxidLow: number }
  /**
   * Nothing was changed, as what would be left is not a history that ends with the zxid; another way must be found (SNAP).
   * `isDamaged`: nor is what is there, as it cannot be read.
   */
  | { readonly kind: 'impossible'; readonly reason: string; readonly isDamaged: boolean };

/** Where the log is to end: what lies behind `keepBytes` of `file` goes, and all later files. */
interface Cut {
  /** Null when no file has to be cut, only whole files go. */
  readonly file: DataFile | null;
  readonly keepBytes: number;
  /** The last zxid that is left. */
  readonly zxidHigh: number;
  readonly zxidLow: number;
}

/**
 * Takes everything behind a zxid off the history on disk (TRUNC, disk.md §3.4). Nobody may write logs or snapshots
 * there meanwhile. Throws the file system's errors: then the server must end, as what is on disk is not known
 * (ZOOKEEPER-3701).
 *
 * It needs no note on disk to be safe, whenever the power fails. First everything that is to stay is read and found to be
 * whole. Then snapshots later than the zxid go, durably, before any log does (Apache leaves them, and a restart brings the
 * cut txns back: ZOOKEEPER-1489, -4837): what is left still gives the old history. Then the logs from their end, each file
 * durably before the one before it: what is left at any moment is the old history up to some later zxid. A server that
 * starts on that has lost only what no quorum had, and is told to truncate again.
 *
 * A zxid with counter 0 is no txn's: Apache's leaders name by it where their epoch starts. What comes before it stays.
 *
 * A snapshot named by an earlier zxid holds nothing later than this one either: beside a snapshot only committed txns
 * are applied, and a leader never asks to cut those.
 */
export function truncateHistory(
  options: TruncationOptions,
  zxidHigh: number,
  zxidLow: number,
): TruncationOutcome {
  const { fileSystem, snapshotDirectory, logDirectory } = options;
  const isLater = (file: DataFile): boolean =>
    compareLongs(file.zxidHigh, file.zxidLow, zxidHigh, zxidLow) > 0;
  const snapshots = listSnapshots(fileSystem, snapshotDirectory);
  const laterSnapshots = snapshots.filter(isLater);
  const earlier = snapshots.filter((file) => !isLater(file)).reverse();
  // Without a later one the newest stays the newest, and the server has been started from it, or has written it.
  const base =
    laterSnapshots.length === 0 ? earlier[0] : earlier.find((file) => snapshotDamage(options, file) === null);
  if (base === undefined)
    return impossible(`there is no whole snapshot up to ${longToHex(zxidHigh, zxidLow)}`);
  const logs = listLogs(fileSystem, logDirectory);
  const cut = findCut(options, logs, base, zxidHigh, zxidLow);
  if (cut instanceof CorruptLogError) return { kind: 'impossible', reason: cut.message, isDamaged: true };
  if (typeof cut === 'string') return impossible(cut);

  for (const { path } of laterSnapshots) fileSystem.unlink(path);
  if (laterSnapshots.length > 0) fileSystem.fsyncDirectory(snapshotDirectory);
  // Behind the cut stands what is later, whatever a file is called: Apache may begin one with txns that stand before already.
  const cutAt = cut.file === null ? -1 : logs.indexOf(cut.file);
  const laterLogs = cutAt < 0 ? logs.filter(isLater) : logs.slice(cutAt + 1);
  for (const { path } of laterLogs.reverse()) {
    fileSystem.unlink(path);
    fileSystem.fsyncDirectory(logDirectory);
  }
  if (cut.file !== null) truncateFile(fileSystem, cut.file.path, cut.keepBytes);
  report(options, cut, [...laterSnapshots, ...laterLogs]);
  return { kind: 'done', zxidHigh: cut.zxidHigh, zxidLow: cut.zxidLow };
}

function impossible(reason: string): TruncationOutcome {
  return { kind: 'impossible', reason, isDamaged: false };
}

/** Reads the log from the snapshot on to the zxid. A text says why it does not lead there, an error that it is damaged. */
function findCut(
  { fileSystem, entryBytesMax }: TruncationOptions,
  files: readonly DataFile[],
  base: SnapshotFile,
  zxidHigh: number,
  zxidLow: number,
): Cut | CorruptLogError | string {
  const reader = new TxnLogReader({ fileSystem, files, ...nextZxid(base), entryBytesMax });
  const wanted = longToHex(zxidHigh, zxidLow);
  const fileOf = (path: string): DataFile | null => files.find((file) => file.path === path) ?? null;
  // The last zxid of those read that stays: the snapshot's first.
  let last = { zxidHigh: base.zxidHigh, zxidLow: base.zxidLow };
  const isReached = (): boolean =>
    zxidLow === 0 || compareLongs(last.zxidHigh, last.zxidLow, zxidHigh, zxidLow) === 0;
  try {
    while (reader.next()) {
      const { path } = reader;
      if (compareLongs(reader.zxidHigh, reader.zxidLow, zxidHigh, zxidLow) > 0) {
        if (!isReached())
          return `the log goes on with ${longToHex(reader.zxidHigh, reader.zxidLow)} before ${wanted}`;
        return { file: reader.isFirstInFile ? null : fileOf(path), keepBytes: reader.recordStart, ...last };
      }
      last = { zxidHigh: reader.zxidHigh, zxidLow: reader.zxidLow };
      if (zxidLow !== 0 && isReached()) return { file: fileOf(path), keepBytes: reader.recordEnd, ...last };
    }
    return isReached() ? { file: null, keepBytes: 0, ...last } : `the log ends before ${wanted}`;
  } catch (error) {
    if (error instanceof CorruptLogError) return error;
    throw error;
  } finally {
    reader.close();
  }
}

function nextZxid({ zxidHigh, zxidLow }: DataFile): { fromHigh: number; fromLow: number } {
  return { fromHigh: zxidLow === -1 ? zxidHigh + 1 : zxidHigh, fromLow: (zxidLow + 1) | 0 };
}

function report({ log }: TruncationOptions, { zxidHigh, zxidLow }: Cut, removed: readonly DataFile[]): void {
  const names = removed.length === 0 ? '' : `; removed ${removed.map((file) => file.name).join(', ')}`;
  log.info(
    `the leader's history goes on from ${longToHex(zxidHigh, zxidLow)}: cut off what was logged behind it${names}`,
  );
}
