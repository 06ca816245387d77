/**
 * The transaction log's layout (disk.md §2, §3):
 *
 *     FileHeader   int magic "ZKLG", int version 2, long dbid 0
 *     record*      long adler32(entry), int entry length, entry, byte 'B'
 *     zero padding
 *
 * An entry is a TxnHeader (32 bytes), the transaction's record and, when there is a digest, a TxnDigest (12 bytes).
 */
import { copyFromShared } from '../jute/shared-copy.ts';
import { adler32 } from './adler32.ts';

/** "ZKLG" */
export const LOG_MAGIC = 0x5a4b4c47;
export const LOG_VERSION = 2;
export const FILE_HEADER_BYTES = 16;
/** Checksum and length before an entry. */
export const RECORD_HEAD_BYTES = 12;
/** Head and end marker. */
export const RECORD_OVERHEAD_BYTES = 13;
/** 'B' */
export const RECORD_END = 0x42;
/** long clientId, int cxid, long zxid, long time, int type */
export const TXN_HEADER_BYTES = 32;
/** Where the zxid begins in an entry. */
export const TXN_HEADER_ZXID = 12;
/** Where the type begins in an entry. */
export const TXN_HEADER_TYPE = 28;
/** How near to the known end of the file a write may come before more is preallocated. */
const PREALLOCATION_MARGIN_BYTES = 4096;

/** Writes a FileHeader at `at`; `dbid` is 0 for logs and -1 for snapshots. */
export function encodeFileHeader(view: DataView, at: number, magic: number, dbid: number): void {
  view.setInt32(at, magic);
  view.setInt32(at + 4, LOG_VERSION);
  view.setInt32(at + 8, dbid);
  view.setInt32(at + 12, dbid);
}

/**
 * Writes the record of `entry[start, start + length)` at `at` and gives the index behind it. The target must have
 * room for `length + RECORD_OVERHEAD_BYTES`.
 */
export function encodeRecord(
  target: Uint8Array,
  view: DataView,
  at: number,
  entry: Uint8Array,
  start: number,
  length: number,
): number {
  const body = at + RECORD_HEAD_BYTES;
  copyFromShared(entry, start, target, body, length);
  view.setInt32(at, 0);
  view.setUint32(at + 4, adler32(target, body, body + length));
  view.setInt32(at + 8, length);
  target[body + length] = RECORD_END;
  return body + length + 1;
}

/**
 * The length that a log file must have before a write at `position` (disk.md §3.2): `knownBytes`, or more when the
 * write comes within 4 KiB of it. `stepBytes` 0 switches preallocation off.
 */
export function preallocatedBytes(position: number, knownBytes: number, stepBytes: number): number {
  if (stepBytes <= 0 || position + PREALLOCATION_MARGIN_BYTES < knownBytes) return knownBytes;
  if (position <= knownBytes) return knownBytes + stepBytes;
  const grown = position + stepBytes;
  return grown - (grown % stepBytes);
}
