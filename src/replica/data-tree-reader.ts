// Hot path: no method allocates, except that copies of more than 48 bytes make a view. Whoever calls a method holds the
// replica's lock (lock.ts), or is main.

import { copyBytes, copyFromShared } from '../jute/shared-copy.ts';
import { OPEN_ACL, OPEN_ACL_BYTES } from './acl-table.ts';
import { halfSipHash, secondKey } from './hash.ts';
import * as layout from './layout.ts';
import {
  HEADER_DATA_BYTES_DOUBLE,
  HEADER_GENERATION,
  HEADER_LAST_ZXID_HIGH,
  HEADER_LAST_ZXID_LOW,
  HEADER_ROOT,
  HEADER_TREE_DIGEST_HIGH,
  HEADER_TREE_DIGEST_LOW,
  HEADER_ZNODE_COUNT,
  type ReplicaMemory,
  SegmentViews,
} from './memory.ts';
import { bucketOf } from './path-index.ts';

export { OPEN_ACL };

/** No znode: what a search gives that finds none, and the parent of the root. */
export const NO_ZNODE = 0;

const SLASH = 0x2f;
const CONTAINER_OWNER_HIGH = 0x80000000 | 0;
const TTL_OWNER_TOP_BYTE = 0xff;

/** Bytes of the wire's Stat (protocol/client.md, "Data structures"). */
export const STAT_BYTES = 68;
/** Bytes of StatPersisted (protocol/disk.md §4). */
export const STAT_PERSISTED_BYTES = 60;

/**
 * Reads the data tree in shared memory. A znode is named by its reference, a positive int32, which stays valid as long as
 * the lock is held or a quarantine is open (DataTree.beginQuarantine).
 */
export class DataTreeReader {
  /** `zookeeper.extendedTypesEnabled`: whether owners with top byte 0xff are TTLs (protocol/client.md §11). */
  extendedTypes = false;
  protected readonly views: SegmentViews;
  protected readonly words: readonly Int32Array[];
  protected readonly bytes: readonly Uint8Array[];
  protected readonly shift: number;
  protected readonly mask: number;
  protected readonly header: Int32Array;
  protected readonly headerDoubles: Float64Array;
  readonly #buckets: Int32Array;
  readonly #key0: number;
  readonly #key1: number;

  constructor(memory: ReplicaMemory) {
    this.views = new SegmentViews(memory);
    this.words = this.views.words;
    this.bytes = this.views.bytes;
    this.shift = this.views.shift;
    this.mask = this.views.mask;
    this.header = new Int32Array(memory.header);
    this.headerDoubles = new Float64Array(memory.header);
    this.#buckets = new Int32Array(memory.buckets);
    this.#key0 = memory.hashSeed | 0;
    this.#key1 = secondKey(this.#key0);
  }

  protected word(ref: number, word: number): number {
    return this.words[ref >>> this.shift][((ref & this.mask) << 1) + word];
  }

  /** The hash of a path as a request holds it: 30 bits, keyed by the replica's seed. */
  hashPath(bytes: Uint8Array, start: number, length: number): number {
    return halfSipHash(bytes, start, length, this.#key0, this.#key1) >>> 2;
  }

  /**
   * The znode at a path, or {@link NO_ZNODE}. "/" and "" are the root; a path that is not exactly a stored one ("/a/",
   * "//a", no slash in front) finds nothing.
   */
  find(bytes: Uint8Array, start: number, length: number): number {
    if (length <= 1) return this.#findShort(bytes, start, length);
    return this.findHashed(this.hashPath(bytes, start, length), bytes, start, length);
  }

  /** As {@link find}, for a caller that has the path's hash from {@link hashPath}. */
  findHashed(hash: number, bytes: Uint8Array, start: number, length: number): number {
    if (length <= 1) return this.#findShort(bytes, start, length);
    let ref = this.#buckets[bucketOf(this.header, hash)];
    while (ref !== NO_ZNODE) {
      const words = this.words[ref >>> this.shift];
      const at = (ref & this.mask) << 1;
      if (words[at + layout.PATH_HASH] === hash && this.#isAt(ref, bytes, start, length)) return ref;
      ref = words[at + layout.CHAIN_NEXT];
    }
    return NO_ZNODE;
  }

  #findShort(bytes: Uint8Array, start: number, length: number): number {
    return length === 0 || bytes[start] === SLASH ? this.root : NO_ZNODE;
  }

  /** Whether a path is the znode's: its names, from the last to the first, against those of the znode and its parents. */
  #isAt(candidate: number, path: Uint8Array, start: number, length: number): boolean {
    const root = this.root;
    let ref = candidate;
    let end = start + length;
    while (ref !== root) {
      const words = this.words[ref >>> this.shift];
      const at = (ref & this.mask) << 1;
      const nameLength = words[at + layout.NAME_LENGTH] & layout.NAME_LENGTH_MASK;
      const nameStart = end - nameLength;
      if (nameStart <= start || path[nameStart - 1] !== SLASH) return false;
      const bytes = this.bytes[ref >>> this.shift];
      const nameAt = (at + layout.NAME) << 2;
      for (let i = 0; i < nameLength; i++) if (path[nameStart + i] !== bytes[nameAt + i]) return false;
      end = nameStart - 1;
      ref = words[at + layout.PARENT];
    }
    return end === start;
  }

  /** The root's reference. */
  get root(): number {
    return this.header[HEADER_ROOT];
  }

  /** The parent, {@link NO_ZNODE} for the root. */
  parent(ref: number): number {
    return this.word(ref, layout.PARENT);
  }

  /** The child that was made last, or {@link NO_ZNODE}. */
  firstChild(ref: number): number {
    return this.word(ref, layout.FIRST_CHILD);
  }

  /** The sibling that was made before this one, or {@link NO_ZNODE}. */
  nextSibling(ref: number): number {
    return this.word(ref, layout.NEXT_SIBLING);
  }

  /** How many children the znode has now. */
  childCount(ref: number): number {
    return this.word(ref, layout.CHILD_COUNT);
  }

  /** How many znodes are below this one, at any depth. */
  descendantCount(ref: number): number {
    return this.word(ref, layout.DESCENDANT_COUNT);
  }

  /** Whether the znode was deleted in a quarantine that is still open. */
  isDeleted(ref: number): boolean {
    return (this.word(ref, layout.NAME_LENGTH) & layout.DELETED_FLAG) !== 0;
  }

  /** Bytes of the last path element; 0 for the root. */
  nameLength(ref: number): number {
    return this.word(ref, layout.NAME_LENGTH) & layout.NAME_LENGTH_MASK;
  }

  /** Copies the last path element to `target[at…)`; gives its length. */
  copyName(ref: number, target: Uint8Array, at: number): number {
    const length = this.nameLength(ref);
    const start = ((ref & this.mask) << 3) + layout.NAME * 4;
    copyBytes(this.bytes[ref >>> this.shift], start, target, at, length);
    return length;
  }

  /** Bytes of the absolute path; 1 for the root, "/". */
  pathLength(ref: number): number {
    const root = this.root;
    if (ref === root) return 1;
    let length = 0;
    for (let at = ref; at !== root; at = this.parent(at)) length += 1 + this.nameLength(at);
    return length;
  }

  /** Copies the absolute path to `target[at…)`; gives its length. */
  copyPath(ref: number, target: Uint8Array, at: number): number {
    const root = this.root;
    const length = this.pathLength(ref);
    if (ref === root) target[at] = SLASH;
    let end = at + length;
    for (let node = ref; node !== root; node = this.parent(node)) {
      end -= this.nameLength(node);
      this.copyName(node, target, end);
      target[--end] = SLASH;
    }
    return length;
  }

  /** Bytes of the data; -1 for null. */
  dataLength(ref: number): number {
    return this.word(ref, layout.DATA_LENGTH);
  }

  /** Copies the data to `target[at…)`; gives its length, -1 for null. Fastest where `at` is 4 modulo 8. */
  copyData(ref: number, target: Uint8Array, at: number): number {
    const length = this.word(ref, layout.DATA_LENGTH);
    if (length <= 0) return length;
    const block = this.word(ref, layout.DATA_REF);
    const start = ((block & this.mask) << 3) + layout.DATA * 4;
    copyFromShared(this.bytes[block >>> this.shift], start, target, at, length);
    return length;
  }

  /** Number of changes of the data (may wrap; -1 is skipped by the caller). */
  version(ref: number): number {
    return this.word(ref, layout.VERSION);
  }

  /** The stored cversion, which counts creations of children only (protocol/client.md, "Stat computation"). */
  cversion(ref: number): number {
    return this.word(ref, layout.CVERSION);
  }

  /** Number of changes of the ACL list. */
  aversion(ref: number): number {
    return this.word(ref, layout.AVERSION);
  }

  czxidHigh(ref: number): number {
    return this.word(ref, layout.CZXID);
  }

  czxidLow(ref: number): number {
    return this.word(ref, layout.CZXID + 1);
  }

  mzxidHigh(ref: number): number {
    return this.word(ref, layout.MZXID);
  }

  mzxidLow(ref: number): number {
    return this.word(ref, layout.MZXID + 1);
  }

  pzxidHigh(ref: number): number {
    return this.word(ref, layout.PZXID);
  }

  pzxidLow(ref: number): number {
    return this.word(ref, layout.PZXID + 1);
  }

  ctimeHigh(ref: number): number {
    return this.word(ref, layout.CTIME);
  }

  ctimeLow(ref: number): number {
    return this.word(ref, layout.CTIME + 1);
  }

  mtimeHigh(ref: number): number {
    return this.word(ref, layout.MTIME);
  }

  mtimeLow(ref: number): number {
    return this.word(ref, layout.MTIME + 1);
  }

  /** High word of the stored owner: session id, or container or TTL code (protocol/client.md §11). */
  ephemeralOwnerHigh(ref: number): number {
    return this.word(ref, layout.EPHEMERAL_OWNER);
  }

  ephemeralOwnerLow(ref: number): number {
    return this.word(ref, layout.EPHEMERAL_OWNER + 1);
  }

  /** CRC32 of the node as the tree digest has it (protocol/disk.md §7), an int32; kept by the caller. */
  digest(ref: number): number {
    return this.word(ref, layout.DIGEST);
  }

  /** CRC32 over path and data, an int32; kept by the caller. */
  contentCrc(ref: number): number {
    return this.word(ref, layout.CONTENT_CRC);
  }

  /** The znode's ACL list. */
  aclRef(ref: number): number {
    return this.word(ref, layout.ACL_REF);
  }

  /** A number for an ACL list that no other ever has: 32 bits, unsigned; 0 for the open list. */
  aclId(aclRef: number): number {
    return aclRef === OPEN_ACL ? 0 : this.word(aclRef, layout.ACL_ID) >>> 0;
  }

  /** Bytes of the serialised `vector<ACL>`. */
  aclLength(aclRef: number): number {
    return aclRef === OPEN_ACL ? OPEN_ACL_BYTES.length : this.word(aclRef, layout.ACL_LENGTH);
  }

  /** Copies the serialised `vector<ACL>` to `target[at…)`; gives its length. */
  copyAcl(aclRef: number, target: Uint8Array, at: number): number {
    const length = this.aclLength(aclRef);
    if (aclRef === OPEN_ACL) {
      copyBytes(OPEN_ACL_BYTES, 0, target, at, length);
    } else {
      const start = ((aclRef & this.mask) << 3) + layout.ACL_BYTES * 4;
      copyBytes(this.bytes[aclRef >>> this.shift], start, target, at, length);
    }
    return length;
  }

  /**
   * Writes the 68 bytes of Stat that a client gets (protocol/client.md, "Stat computation"): cversion counts deletions too,
   * null data has length 0, and an owner that is a container or TTL code is shown as 0.
   */
  writeStat(ref: number, view: DataView, at: number): void {
    const words = this.words[ref >>> this.shift];
    const base = (ref & this.mask) << 1;
    this.#writeCommonStat(words, base, view, at);
    const children = words[base + layout.CHILD_COUNT];
    view.setInt32(at + 36, Math.imul(words[base + layout.CVERSION], 2) - children);
    const ownerHigh = words[base + layout.EPHEMERAL_OWNER];
    const ownerLow = words[base + layout.EPHEMERAL_OWNER + 1];
    const isCode = this.#isOwnerCode(ownerHigh, ownerLow);
    view.setInt32(at + 44, isCode ? 0 : ownerHigh);
    view.setInt32(at + 48, isCode ? 0 : ownerLow);
    view.setInt32(at + 52, Math.max(0, words[base + layout.DATA_LENGTH]));
    view.setInt32(at + 56, children);
    view.setInt32(at + 60, words[base + layout.PZXID]);
    view.setInt32(at + 64, words[base + layout.PZXID + 1]);
  }

  #isOwnerCode(high: number, low: number): boolean {
    if (high === CONTAINER_OWNER_HIGH && low === 0) return true;
    return this.extendedTypes && high >>> 24 === TTL_OWNER_TOP_BYTE;
  }

  /** Writes the 60 bytes of StatPersisted (protocol/disk.md §4): cversion and owner as stored. */
  writeStatPersisted(ref: number, view: DataView, at: number): void {
    const words = this.words[ref >>> this.shift];
    const base = (ref & this.mask) << 1;
    this.#writeCommonStat(words, base, view, at);
    view.setInt32(at + 36, words[base + layout.CVERSION]);
    view.setInt32(at + 44, words[base + layout.EPHEMERAL_OWNER]);
    view.setInt32(at + 48, words[base + layout.EPHEMERAL_OWNER + 1]);
    view.setInt32(at + 52, words[base + layout.PZXID]);
    view.setInt32(at + 56, words[base + layout.PZXID + 1]);
  }

  /** What {@link writeDigestStat} writes, as the words that those bytes are in big-endian order. */
  readDigestStat(ref: number, target: Int32Array): void {
    const words = this.words[ref >>> this.shift];
    const base = (ref & this.mask) << 1;
    for (let i = 0; i < 6; i++) target[i] = words[base + layout.CZXID + i];
    for (let i = 0; i < 4; i++) target[6 + i] = words[base + layout.CTIME + i];
    for (let i = 0; i < 3; i++) target[10 + i] = words[base + layout.VERSION + i];
    target[13] = words[base + layout.EPHEMERAL_OWNER];
    target[14] = words[base + layout.EPHEMERAL_OWNER + 1];
  }

  /** The 60 bytes of stat fields that a znode's digest covers (disk.md §7): pzxid stands third there. */
  writeDigestStat(ref: number, view: DataView): void {
    const words = this.words[ref >>> this.shift];
    const base = (ref & this.mask) << 1;
    view.setInt32(0, words[base + layout.CZXID]);
    view.setInt32(4, words[base + layout.CZXID + 1]);
    view.setInt32(8, words[base + layout.MZXID]);
    view.setInt32(12, words[base + layout.MZXID + 1]);
    view.setInt32(16, words[base + layout.PZXID]);
    view.setInt32(20, words[base + layout.PZXID + 1]);
    view.setInt32(24, words[base + layout.CTIME]);
    view.setInt32(28, words[base + layout.CTIME + 1]);
    view.setInt32(32, words[base + layout.MTIME]);
    view.setInt32(36, words[base + layout.MTIME + 1]);
    view.setInt32(40, words[base + layout.VERSION]);
    view.setInt32(44, words[base + layout.CVERSION]);
    view.setInt32(48, words[base + layout.AVERSION]);
    view.setInt32(52, words[base + layout.EPHEMERAL_OWNER]);
    view.setInt32(56, words[base + layout.EPHEMERAL_OWNER + 1]);
  }

  /** What both layouts have alike: czxid, mzxid, ctime, mtime, version and aversion. */
  #writeCommonStat(words: Int32Array, base: number, view: DataView, at: number): void {
    view.setInt32(at, words[base + layout.CZXID]);
    view.setInt32(at + 4, words[base + layout.CZXID + 1]);
    view.setInt32(at + 8, words[base + layout.MZXID]);
    view.setInt32(at + 12, words[base + layout.MZXID + 1]);
    view.setInt32(at + 16, words[base + layout.CTIME]);
    view.setInt32(at + 20, words[base + layout.CTIME + 1]);
    view.setInt32(at + 24, words[base + layout.MTIME]);
    view.setInt32(at + 28, words[base + layout.MTIME + 1]);
    view.setInt32(at + 32, words[base + layout.VERSION]);
    view.setInt32(at + 40, words[base + layout.AVERSION]);
  }

  /** The zxid that the replica has reached, as two words. */
  get lastZxidHigh(): number {
    return this.header[HEADER_LAST_ZXID_HIGH];
  }

  get lastZxidLow(): number {
    return this.header[HEADER_LAST_ZXID_LOW];
  }

  /** The tree's digest (protocol/disk.md §7) as two words; kept by the caller. */
  get treeDigestHigh(): number {
    return this.header[HEADER_TREE_DIGEST_HIGH];
  }

  get treeDigestLow(): number {
    return this.header[HEADER_TREE_DIGEST_LOW];
  }

  /**
   * Another number whenever the whole tree was replaced (DataTree.clear): references and names kept from before mean
   * nothing any more.
   */
  get generation(): number {
    return this.header[HEADER_GENERATION];
  }

  /** How many znodes there are, the root included. */
  get znodeCount(): number {
    return this.header[HEADER_ZNODE_COUNT];
  }

  /** Bytes of all paths and data: ZooKeeper's `approximate_data_size`. */
  get dataBytes(): number {
    return this.headerDoubles[HEADER_DATA_BYTES_DOUBLE];
  }
}
