import { compareLongs, longToHex } from '../protocol/long.ts';
import { CorruptLogError } from './corrupt-log-error.ts';
import { type DataFile, listLogs } from './data-directory.ts';
import type { FileSystem } from './file-system.ts';
import { RECORD_OVERHEAD_BYTES } from './txn-log-format.ts';
import { TxnLogReader } from './txn-log-reader.ts';

/** A zxid as two words. */
export interface ZxidWords {
  readonly zxidHigh: number;
  readonly zxidLow: number;
}

interface LogOptions {
  readonly fileSystem: FileSystem;
  /** `DataDirectory.logDirectory` */
  readonly logDirectory: string;
  /** `jute.maxbuffer` + `jute.maxbuffer.extrasize` */
  readonly entryBytesMax: number;
}

export interface LogSearchOptions extends LogOptions {
  /** The last zxid of a learner. */
  readonly peer: ZxidWords;
  /** Up to here the log is wanted; all of it is committed. */
  readonly upTo: ZxidWords;
  /** More than so much of the log is not wanted. */
  readonly bytesMax: number;
}

/** `base`: the last txn at or before the learner's; or why the log does not help. */
export type LogSearch =
  | { readonly kind: 'found'; readonly base: ZxidWords }
  | { readonly kind: 'none'; readonly why: string };

/**
 * Finds out whether the log on disk leads from a learner's last zxid to `upTo` without a gap (protocol/quorum.md §4.2, row
 * 5), by reading all of it; the log may be written meanwhile behind `upTo`. Apache goes by the lengths of files,
 * which say nothing where they are preallocated; here what would be sent counts. Damage and a file system's errors are no
 * reason to throw: there is another way.
 */
export function searchLog(options: LogSearchOptions): LogSearch {
  try {
    return search(options);
  } catch (error) {
    if (error instanceof CorruptLogError || 'syscall' in (error as Error))
      return none((error as Error).message);
    throw error;
  }
}

function none(why: string): LogSearch {
  return { kind: 'none', why };
}

function search({ peer, upTo, bytesMax, ...options }: LogSearchOptions): LogSearch {
  const reader = openAt(options, peer);
  if (reader === null) return none(noLog(peer));
  let base: ZxidWords | null = null;
  let bytes = 0;
  try {
    while (reader.next()) {
      if (isAfter(reader, upTo)) return none(notThere(upTo));
      if (isAfter(reader, peer)) {
        if (base === null) return none(noLog(peer));
        bytes += reader.entryEnd - reader.entryStart + RECORD_OVERHEAD_BYTES;
        if (bytes > bytesMax) {
          return none(`the log behind it has more than ${Math.floor(bytesMax)} bytes (snapshotSizeFactor)`);
        }
      } else base = { zxidHigh: reader.zxidHigh, zxidLow: reader.zxidLow };
      if (compareZxids(reader, upTo) !== 0) continue;
      return base === null ? none(noLog(peer)) : { kind: 'found', base };
    }
    return none(endsBefore(upTo));
  } finally {
    reader.close();
  }
}

export interface LogRangeOptions extends LogOptions {
  /** A txn that is in the log; what comes behind it is wanted. */
  readonly after: ZxidWords;
  /** The last txn that is wanted. */
  readonly upTo: ZxidWords;
}

/** The txn that was read last; the entry is in `bytes[entryStart, entryEnd)` until the next one is asked for. */
export type LoggedTxn = Pick<TxnLogReader, 'zxidHigh' | 'zxidLow' | 'bytes' | 'entryStart' | 'entryEnd'>;

/** The txns in (after, upTo], in order. Throws when the log does not have all of them, one after the other. */
export function* readLogRange({
  after,
  upTo,
  ...options
}: LogRangeOptions): Generator<LoggedTxn, void, void> {
  if (compareZxids(after, upTo) === 0) return;
  const reader = openAt(options, after);
  if (reader === null) throw new Error(noLog(after));
  let isBehind = false;
  try {
    for (;;) {
      if (!reader.next()) throw new Error(endsBefore(upTo));
      const order = compareZxids(reader, after);
      if (order <= 0) {
        isBehind = order === 0;
        continue;
      }
      if (!isBehind) throw new Error(notThere(after));
      if (isAfter(reader, upTo)) throw new Error(notThere(upTo));
      yield reader;
      if (compareZxids(reader, upTo) === 0) return;
    }
  } finally {
    reader.close();
  }
}

/** Reads from the start of the file that holds the zxid, if one does; null when all logs begin later. */
function openAt(options: LogOptions, zxid: ZxidWords): TxnLogReader | null {
  const files = listLogs(options.fileSystem, options.logDirectory);
  const first = files.findLastIndex((file: DataFile) => !isAfter(file, zxid));
  if (first < 0) return null;
  const { zxidHigh: fromHigh, zxidLow: fromLow } = files[first];
  return new TxnLogReader({ ...options, files: files.slice(first), fromHigh, fromLow });
}

function compareZxids(a: ZxidWords, b: ZxidWords): number {
  return compareLongs(a.zxidHigh, a.zxidLow, b.zxidHigh, b.zxidLow);
}

function isAfter(zxid: ZxidWords, other: ZxidWords): boolean {
  return compareZxids(zxid, other) > 0;
}

function noLog(zxid: ZxidWords): string {
  return `no log goes back to ${text(zxid)}`;
}

function notThere(zxid: ZxidWords): string {
  return `${text(zxid)} is not in the log`;
}

function endsBefore(zxid: ZxidWords): string {
  return `the log ends before ${text(zxid)}`;
}

function text({ zxidHigh, zxidLow }: ZxidWords): string {
  return longToHex(zxidHigh, zxidLow);
}
