import { compareLongs, longToHex } from '../protocol/long.ts';
import { type DataFile, listLogs, listSnapshots } from './data-directory.ts';
import type { FileSystem } from './file-system.ts';
import { RECORD_OVERHEAD_BYTES } from './txn-log-format.ts';
import { TxnLogReader } from './txn-log-reader.ts';

/** A zxid as two words. */
export interface ZxidWords {
  readonly zxidHigh: number;
  readonly zxidLow: number;
}

export interface LogSearchOptions {
  readonly fileSystem: FileSystem;
  /** `DataDirectory.snapshotDirectory` and `logDirectory`. */
  readonly snapshotDirectory: string;
  readonly logDirectory: string;
  /** `jute.maxbuffer` + `jute.maxbuffer.extrasize` */
  readonly entryBytesMax: number;
  /** The last zxid of a learner. */
  readonly peer: ZxidWords;
  /** Up to here the log is wanted; all of it is committed. */
  readonly upTo: ZxidWords;
  /**
   * `zookeeper.snapshotSizeFactor`: how long the txns may be beside the newest snapshot. 0: as long as they like; negative:
   * the log is not to be used.
   */
  readonly snapshotSizeFactor: number;
}

/** `base`: the last txn at or before the learner's; or why the log does not help. */
export type LogSearch =
  | { readonly kind: 'found'; readonly base: ZxidWords; readonly bytes: number }
  | { readonly kind: 'none'; readonly reason: string };

/**
 * Finds out whether the log on disk leads from a learner's last zxid to `upTo` without a gap (protocol/quorum.md §4.2, row
 * 5), by reading all of it; the log may be written meanwhile behind `upTo`. Apache goes by the lengths of files,
 * which say nothing where they are preallocated; here what would be sent counts. Never throws: in doubt, there is
 * another way.
 */
export function searchLog(options: LogSearchOptions): LogSearch {
  const { peer, upTo, snapshotSizeFactor, fileSystem, snapshotDirectory } = options;
  if (snapshotSizeFactor < 0) return none('snapshotSizeFactor switches it off');
  try {
    const newest = listSnapshots(fileSystem, snapshotDirectory).at(-1);
    const snapshotBytes = newest === undefined ? 0 : (fileSystem.stat(newest.path)?.size ?? 0);
    const bytesMax = snapshotSizeFactor === 0 ? Number.POSITIVE_INFINITY : snapshotSizeFactor * snapshotBytes;
    return search(options, peer, upTo, bytesMax);
  } catch (error) {
    return none((error as Error).message);
  }
}

function none(reason: string): LogSearch {
  return { kind: 'none', reason };
}

function search(options: LogSearchOptions, peer: ZxidWords, upTo: ZxidWords, bytesMax: number): LogSearch {
  const reader = openAt(options, peer);
  if (reader === null) return none(`no log goes back to ${text(peer)}`);
  let base: ZxidWords | null = null;
  let bytes = 0;
  try {
    while (reader.next()) {
      if (isAfter(reader, upTo)) return none(`${text(upTo)} is not in the log`);
      if (isAfter(reader, peer)) {
        if (base === null) return none(`no log goes back to ${text(peer)}`);
        bytes += reader.entryEnd - reader.entryStart + RECORD_OVERHEAD_BYTES;
        if (bytes > bytesMax) return none('the log is too long beside the newest snapshot');
      } else base = wordsOf(reader);
      if (compareZxids(reader, upTo) === 0) {
        return base === null ? none(`no log goes back to ${text(peer)}`) : { kind: 'found', base, bytes };
      }
    }
    return none(`the log ends before ${text(upTo)}`);
  } finally {
    reader.close();
  }
}

export type LogRangeOptions = Pick<LogSearchOptions, 'fileSystem' | 'logDirectory' | 'entryBytesMax'> & {
  /** A txn that is in the log; what comes behind it is wanted. */
  readonly after: ZxidWords;
  /** The last txn that is wanted. */
  readonly upTo: ZxidWords;
};

/** How long a chunk is, about. */
const CHUNK_BYTES = 256 * 1024;

/**
 * The entries of the txns in (after, upTo], in chunks of memory of their own: `int length, entry` each. Throws when the
 * log does not have all of them, one after the other.
 */
export function* readLogRange(options: LogRangeOptions): Generator<Uint8Array<ArrayBuffer>, void, void> {
  const { after, upTo } = options;
  if (compareZxids(after, upTo) === 0) return;
  const reader = openAt(options, after);
  if (reader === null) throw new Error(`no log goes back to ${text(after)}`);
  let chunk = new Uint8Array(CHUNK_BYTES);
  let filled = 0;
  let isBehind = false;
  try {
    for (;;) {
      if (!reader.next()) throw new Error(`the log ends before ${text(upTo)}`);
      const order = compareZxids(reader, after);
      if (order <= 0) {
        isBehind = order === 0;
        continue;
      }
      if (!isBehind) throw new Error(`${text(after)} is not in the log`);
      if (isAfter(reader, upTo)) throw new Error(`${text(upTo)} is not in the log`);
      const length = reader.entryEnd - reader.entryStart;
      if (filled > 0 && filled + 4 + length > chunk.length) {
        yield chunk.slice(0, filled);
        filled = 0;
      }
      if (4 + length > chunk.length) chunk = new Uint8Array(4 + length);
      new DataView(chunk.buffer).setInt32(filled, length);
      chunk.set(reader.bytes.subarray(reader.entryStart, reader.entryEnd), filled + 4);
      filled += 4 + length;
      if (compareZxids(reader, upTo) === 0) break;
    }
    yield chunk.slice(0, filled);
  } finally {
    reader.close();
  }
}

/** Reads from the start of the file that holds the zxid, if one does; null when all logs begin later. */
function openAt(
  {
    fileSystem,
    logDirectory,
    entryBytesMax,
  }: Pick<LogSearchOptions, 'fileSystem' | 'logDirectory' | 'entryBytesMax'>,
  zxid: ZxidWords,
): TxnLogReader | null {
  const files = listLogs(fileSystem, logDirectory);
  const first = files.findLastIndex((file: DataFile) => !isAfter(file, zxid));
  if (first < 0) return null;
  const { zxidHigh, zxidLow } = files[first];
  return new TxnLogReader({
    fileSystem,
    files: files.slice(first),
    fromHigh: zxidHigh,
    fromLow: zxidLow,
    entryBytesMax,
  });
}

function compareZxids(a: ZxidWords, b: ZxidWords): number {
  return compareLongs(a.zxidHigh, a.zxidLow, b.zxidHigh, b.zxidLow);
}

function isAfter(zxid: ZxidWords, other: ZxidWords): boolean {
  return compareZxids(zxid, other) > 0;
}

function wordsOf({ zxidHigh, zxidLow }: ZxidWords): ZxidWords {
  return { zxidHigh, zxidLow };
}

function text({ zxidHigh, zxidLow }: ZxidWords): string {
  return longToHex(zxidHigh, zxidLow);
}
