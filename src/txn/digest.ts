// Hot path: the digest of every znode that a txn touches is computed here, twice a txn (prep and apply).

import type { DataTreeReader } from '../replica/data-tree-reader.ts';
import { crc32, crc32OfWords } from './crc32.ts';

/** Version of the digest's definition that is written beside it (protocol/disk.md §7). */
export const DIGEST_VERSION = 2;

/** Offsets of the stat fields in the digest's input: pzxid stands third there, unlike in StatPersisted. */
export const DigestStat = {
  czxid: 0,
  mzxid: 8,
  pzxid: 16,
  ctime: 24,
  mtime: 32,
  version: 40,
  cversion: 44,
  aversion: 48,
  ephemeralOwner: 52,
  bytes: 60,
} as const;

/** A 64-bit sum of znode digests, as two 32-bit words: the digest of a tree. */
export class TreeDigest {
  high = 0;
  low = 0;

  set(high: number, low: number): void {
    this.high = high;
    this.low = low;
  }

  add(nodeDigest: number): void {
    const sum = (this.low >>> 0) + (nodeDigest >>> 0);
    this.low = sum | 0;
    if (sum > 0xffffffff) this.high = (this.high + 1) | 0;
  }

  subtract(nodeDigest: number): void {
    const difference = (this.low >>> 0) - (nodeDigest >>> 0);
    this.low = difference | 0;
    if (difference < 0) this.high = (this.high - 1) | 0;
  }
}

const ZOOKEEPER_PREFIX = Buffer.from('/zookeeper/');

/** Whether the znode with this path counts: everything but what lies below `/zookeeper` does. */
export function countsInDigest(path: Uint8Array, start: number, length: number): boolean {
  const prefix = ZOOKEEPER_PREFIX;
  if (length < prefix.length) return true;
  for (let i = 0; i < prefix.length; i++) if (path[start + i] !== prefix[i]) return true;
  return false;
}

/** CRC over path and data, the part of a znode's digest that a change of its stat leaves alone. `dataLength` -1: null. */
export function contentCrc(
  path: Uint8Array,
  pathStart: number,
  pathLength: number,
  data: Uint8Array,
  dataStart: number,
  dataLength: number,
): number {
  const isRoot = pathLength === 1;
  const crc = isRoot ? 0 : crc32(path, pathStart, pathStart + pathLength, 0);
  return dataLength > 0 ? crc32(data, dataStart, dataStart + dataLength, crc) : crc;
}

const statWords = new Int32Array(DigestStat.bytes / 4);

/** Digest of a znode as it stands in the tree, from its stat and its content CRC. An int32. */
export function znodeDigest(tree: DataTreeReader, ref: number): number {
  tree.readDigestStat(ref, statWords);
  return crc32OfWords(statWords, tree.contentCrc(ref));
}
