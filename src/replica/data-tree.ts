// Hot path: no method that a transaction calls allocates, except views for copies of more than 48 bytes.

import { copyBytes, copyToShared } from '../jute/shared-copy.ts';
import { AclTable, aclBoundBytes } from './acl-table.ts';
import { Allocator, boundBytes, NO_BLOCK } from './allocator.ts';
import { DataTreeReader, NO_ZNODE, OPEN_ACL } from './data-tree-reader.ts';
import * as layout from './layout.ts';
import {
  createReplicaMemory,
  HEADER_BUCKET_COUNT,
  HEADER_DATA_BYTES_DOUBLE,
  HEADER_GENERATION,
  HEADER_LAST_ZXID_HIGH,
  HEADER_LAST_ZXID_LOW,
  HEADER_ROOT,
  HEADER_TREE_DIGEST_HIGH,
  HEADER_TREE_DIGEST_LOW,
  HEADER_ZNODE_COUNT,
  ReplicaFullError,
  type ReplicaMemory,
  type ReplicaOptions,
} from './memory.ts';
import { PathIndex } from './path-index.ts';
import { Quarantine } from './quarantine.ts';

export { ReplicaFullError };

const NO_DATA = new Uint8Array(0);
const SLASH = 0x2f;
/** A deleted znode's record is freed with each create and delete until what ended quarantines left over is gone. */
const RECLAIMED_PER_WRITE = 4;
/** Of this machine: how bytes make up the words of shared memory. */
const IS_LITTLE_ENDIAN = new Uint8Array(Int32Array.of(1).buffer)[0] === 1;
/** What endQuarantine frees at once: 1 ms of work. */
const RECLAIMED_AT_END = 1024;
/** Znodes that are entered into the index together: enough for their cache misses to overlap. */
const LOADED_MAX = 256;
/** Longer data is copied by native code. */
const COPIED_BY_WORDS_MAX = 512;

/** Use of a replica's memory, in bytes unless said otherwise. */
export interface ReplicaStatistics {
  /** The budget. */
  readonly memoryBytesMax: number;
  /** Blocks in use, and the path index as far as it is used. */
  readonly usedBytes: number;
  /** Blocks not in use. */
  readonly freeBytes: number;
  /** The largest free block (in heavily fragmented memory, one of the largest). */
  readonly largestFreeBytes: number;
  /** 0 when the free memory is in as few pieces as segments allow, towards 1 when it is scattered. */
  readonly fragmentation: number;
  /** Used bytes for each znode: names, data and ACL lists included. */
  readonly bytesPerZnode: number;
  /** Number of znodes, the root included. */
  readonly znodes: number;
  /** Number of ACL lists, the open one not included. */
  readonly aclLists: number;
  /** Part of usedBytes: records of deleted znodes that a snapshot's walk may still stand on. */
  readonly quarantinedBytes: number;
}

/**
 * The data tree with its writing side: main has the only one. It keeps the tree's shape and memory; what a transaction
 * means (versions, the parent's cversion and pzxid, digests) is the caller's. A caller that others read beside holds the
 * writer's lock (lock.ts) around changes. A method that throws {@link ReplicaFullError} has changed nothing.
 */
export class DataTree extends DataTreeReader {
  /** The shared memory, for the start messages of reading threads. */
  readonly memory: ReplicaMemory;
  protected readonly allocator: Allocator;
  readonly #acls: AclTable;
  readonly #index: PathIndex;
  readonly #quarantine: Quarantine;
  /** Loaded, and not yet in the index. */
  readonly #loaded = new Int32Array(LOADED_MAX);
  #loadedCount = 0;
  readonly #memoryBytesMax: number;

  /** A tree with the root only (zero stat, empty data, open ACL) in memory of its own. @throws RangeError for bad options. */
  static create(options: ReplicaOptions): DataTree {
    return new DataTree(createReplicaMemory(options), options.memoryBytesMax);
  }

  /** As {@link create}, in memory that is fresh from createReplicaMemory with the same `memoryBytesMax`. */
  constructor(memory: ReplicaMemory, memoryBytesMax: number) {
    super(memory);
    if (this.header[HEADER_BUCKET_COUNT] !== 0) throw new Error('replica: this memory holds a tree already');
    this.memory = memory;
    this.#memoryBytesMax = memoryBytesMax;
    this.allocator = new Allocator(this.views);
    this.#acls = new AclTable(this.views, this.allocator, memory.hashSeed);
    this.#index = new PathIndex(memory, this.views);
    this.#quarantine = new Quarantine(this.views, this.allocator);
    this.#makeRoot();
  }

  #makeRoot(): void {
    const root = this.#allocateRecord(NO_DATA, 0, 0, NO_DATA, 0, 0);
    this.header[HEADER_ROOT] = root;
    this.header[HEADER_ZNODE_COUNT] = 1;
    this.#addDataBytes(this.pathLength(root));
  }

  /**
   * Throws everything away: the tree is as {@link create} made it, all its memory free again. Under the writer's lock;
   * takes time in proportion to the ACL lists, not to the znodes. Who reads over several holds of the lock, as a
   * snapshot does, finds another {@link generation} and must give up; its quarantine stays open until it is ended.
   */
  clear(): void {
    this.header[HEADER_GENERATION]++;
    this.allocator.clear();
    this.#acls.clear();
    this.#index.clear();
    this.#quarantine.clear();
    this.#loadedCount = 0;
    this.headerDoubles[HEADER_DATA_BYTES_DOUBLE] = 0;
    this.setLastZxid(0, 0);
    this.setTreeDigest(0, 0);
    this.#makeRoot();
  }

  protected setWord(ref: number, word: number, value: number): void {
    this.words[ref >>> this.shift][((ref & this.mask) << 1) + word] = value;
  }

  #setLong(ref: number, word: number, high: number, low: number): void {
    this.setWord(ref, word, high);
    this.setWord(ref, word + 1, low);
  }

  #addDataBytes(bytes: number): void {
    this.headerDoubles[HEADER_DATA_BYTES_DOUBLE] += bytes;
  }

  /**
   * Makes a znode and gives its reference. Versions are 0, czxid, mzxid and pzxid the zxid, ctime and mtime the time. The
   * parent's child list and count change, its stat fields do not. Takes over one reference of `aclRef` (unless it throws).
   * The caller has made sure that the path does not exist.
   * @param pathHash - {@link hashPath} of the whole path
   * @param dataLength - -1 for null data
   * @throws ReplicaFullError when memory is out; RangeError for a name that is empty or holds a slash.
   */
  createZnode(
    parent: number,
    bytes: Uint8Array,
    nameStart: number,
    nameLength: number,
    pathHash: number,
    data: Uint8Array,
    dataStart: number,
    dataLength: number,
    aclRef: number,
    ownerHigh: number,
    ownerLow: number,
    zxidHigh: number,
    zxidLow: number,
    timeHigh: number,
    timeLow: number,
  ): number {
    checkName(bytes, nameStart, nameLength);
    const ref = this.#allocateRecord(bytes, nameStart, nameLength, data, dataStart, dataLength);
    const words = this.words[ref >>> this.shift];
    const base = (ref & this.mask) << 1;
    words[base + layout.ACL_REF] = aclRef;
    words[base + layout.EPHEMERAL_OWNER] = ownerHigh;
    words[base + layout.EPHEMERAL_OWNER + 1] = ownerLow;
    words[base + layout.CZXID] = words[base + layout.MZXID] = words[base + layout.PZXID] = zxidHigh;
    words[base + layout.CZXID + 1] =
      words[base + layout.MZXID + 1] =
      words[base + layout.PZXID + 1] =
        zxidLow;
    words[base + layout.CTIME] = words[base + layout.MTIME] = timeHigh;
    words[base + layout.CTIME + 1] = words[base + layout.MTIME + 1] = timeLow;
    words[base + layout.PATH_HASH] = pathHash;
    this.#link(parent, ref);
    const znodeCount = ++this.header[HEADER_ZNODE_COUNT];
    this.#index.insert(ref, znodeCount);
    this.#addDataBytes(this.pathLength(ref) + Math.max(0, dataLength));
    this.#quarantine.reclaim(RECLAIMED_PER_WRITE);
    return ref;
  }

  /** Makes the path index ready for so many znodes in all, for a caller that is about to {@link loadZnode} them. */
  reserveIndex(znodes: number): void {
    this.#index.reserve(znodes);
  }

  /**
   * As {@link createZnode}, with every field of the stat from the StatPersisted at `statAt` (protocol/disk.md §4), and not
   * found by its path before {@link indexLoaded}. For loading millions: name and data are in the same array as the stat,
   * and `view` is of it.
   */
  loadZnode(
    parent: number,
    bytes: Uint8Array,
    view: DataView,
    nameStart: number,
    nameLength: number,
    pathHash: number,
    dataStart: number,
    dataLength: number,
    aclRef: number,
    statAt: number,
    pathLength: number,
  ): number {
    if (nameLength < 1 || nameLength > layout.NAME_LENGTH_MASK)
      throw new RangeError(`replica: a name of ${nameLength} bytes`);
    if (this.mustIndexLoaded) throw new Error('replica: indexLoaded must be called first');
    const ref = this.allocator.allocate(recordBytes(nameLength));
    if (ref === NO_BLOCK)
      throw new ReplicaFullError(`no room for a znode with a name of ${nameLength} bytes`);
    const dataRef = this.#loadData(bytes, view, dataStart, dataLength);
    if (dataRef < 0) {
      this.allocator.free(ref);
      throw new ReplicaFullError(`no room for a znode with data of ${dataLength} bytes`);
    }
    const words = this.words[ref >>> this.shift];
    const base = (ref & this.mask) << 1;
    loadStat(words, base, view, statAt);
    words[base + layout.DATA_REF] = dataRef;
    words[base + layout.DATA_LENGTH] = dataLength;
    words[base + layout.ACL_REF] = aclRef;
    words[base + layout.DIGEST] = 0;
    words[base + layout.CONTENT_CRC] = 0;
    words[base + layout.FIRST_CHILD] = NO_ZNODE;
    words[base + layout.CHILD_COUNT] = 0;
    words[base + layout.DESCENDANT_COUNT] = 0;
    words[base + layout.PATH_HASH] = pathHash;
    words[base + layout.NAME_LENGTH] = nameLength;
    copyWords(bytes, view, nameStart, words, base + layout.NAME, nameLength);
    this.#link(parent, ref);
    this.header[HEADER_ZNODE_COUNT]++;
    this.#addDataBytes(pathLength + Math.max(0, dataLength));
    this.#loaded[this.#loadedCount++] = ref;
    return ref;
  }

  /** Whether {@link indexLoaded} must be called before the next {@link loadZnode}. */
  get mustIndexLoaded(): boolean {
    return this.#loadedCount === this.#loaded.length;
  }

  /** Enters into the path index what was loaded. Gives a znode whose path was there already, else {@link NO_ZNODE}. */
  indexLoaded(): number {
    const count = this.#loadedCount;
    this.#loadedCount = 0;
    const added = this.#index.insertAll(this.#loaded, count, this.znodeCount, this.#isSamePath);
    return added === count ? NO_ZNODE : this.#loaded[added];
  }

  readonly #isSamePath = (ref: number, other: number): boolean => {
    const length = this.nameLength(ref);
    if (this.parent(ref) !== this.parent(other) || length !== this.nameLength(other)) return false;
    const bytes = this.bytes[ref >>> this.shift];
    const otherBytes = this.bytes[other >>> this.shift];
    const at = (((ref & this.mask) << 1) + layout.NAME) << 2;
    const otherAt = (((other & this.mask) << 1) + layout.NAME) << 2;
    for (let i = 0; i < length; i++) if (bytes[at + i] !== otherBytes[otherAt + i]) return false;
    return true;
  };

  /** As {@link #storeData}; short data goes over in words, without the views that a long copy needs. */
  #loadData(bytes: Uint8Array, view: DataView, dataStart: number, dataLength: number): number {
    if (dataLength <= 0 || dataLength > COPIED_BY_WORDS_MAX) {
      return this.#storeData(bytes, dataStart, dataLength);
    }
    const block = this.allocator.allocate(dataLength);
    if (block === NO_BLOCK) return -1;
    const base = (block & this.mask) << 1;
    copyWords(bytes, view, dataStart, this.words[block >>> this.shift], base + layout.DATA, dataLength);
    return block;
  }

  /** A record with name and data, all other fields zero. */
  #allocateRecord(
    bytes: Uint8Array,
    nameStart: number,
    nameLength: number,
    data: Uint8Array,
    dataStart: number,
    dataLength: number,
  ): number {
    const ref = this.allocator.allocate(recordBytes(nameLength));
    if (ref === NO_BLOCK)
      throw new ReplicaFullError(`no room for a znode with a name of ${nameLength} bytes`);
    const dataRef = this.#storeData(data, dataStart, dataLength);
    if (dataRef < 0) {
      this.allocator.free(ref);
      throw new ReplicaFullError(`no room for a znode with data of ${dataLength} bytes`);
    }
    const words = this.words[ref >>> this.shift];
    const base = (ref & this.mask) << 1;
    for (let word = 1; word < layout.NAME_LENGTH; word++) words[base + word] = 0;
    words[base + layout.NAME_LENGTH] = nameLength;
    words[base + layout.DATA_REF] = dataRef;
    words[base + layout.DATA_LENGTH] = dataLength;
    copyBytes(bytes, nameStart, this.bytes[ref >>> this.shift], (base + layout.NAME) << 2, nameLength);
    return ref;
  }

  /** A block with a copy of the data: its reference, 0 if there is nothing to keep, -1 if there is no room. */
  #storeData(data: Uint8Array, dataStart: number, dataLength: number): number {
    if (dataLength <= 0) return NO_BLOCK;
    const block = this.allocator.allocate(dataLength);
    if (block === NO_BLOCK) return -1;
    this.#fillData(block, data, dataStart, dataLength);
    return block;
  }

  #fillData(block: number, data: Uint8Array, dataStart: number, dataLength: number): void {
    const at = ((block & this.mask) << 3) + layout.DATA * 4;
    copyToShared(data, dataStart, this.bytes[block >>> this.shift], at, dataLength);
  }

  /** Links at the head and nowhere else: TreeWalk relies on it. */
  #link(parent: number, ref: number): void {
    const words = this.words[ref >>> this.shift];
    const base = (ref & this.mask) << 1;
    const parentWords = this.words[parent >>> this.shift];
    const parentBase = (parent & this.mask) << 1;
    const head = parentWords[parentBase + layout.FIRST_CHILD];
    words[base + layout.PARENT] = parent;
    words[base + layout.NEXT_SIBLING] = head;
    words[base + layout.PREVIOUS_SIBLING] = NO_ZNODE;
    if (head !== NO_ZNODE) this.setWord(head, layout.PREVIOUS_SIBLING, ref);
    parentWords[parentBase + layout.FIRST_CHILD] = ref;
    parentWords[parentBase + layout.CHILD_COUNT]++;
    this.#countDescendant(parent, 1);
  }

  #unlink(ref: number): void {
    const parent = this.word(ref, layout.PARENT);
    const previous = this.word(ref, layout.PREVIOUS_SIBLING);
    const next = this.word(ref, layout.NEXT_SIBLING);
    if (previous === NO_ZNODE) this.setWord(parent, layout.FIRST_CHILD, next);
    else this.setWord(previous, layout.NEXT_SIBLING, next);
    if (next !== NO_ZNODE) this.setWord(next, layout.PREVIOUS_SIBLING, previous);
    this.setWord(parent, layout.CHILD_COUNT, this.word(parent, layout.CHILD_COUNT) - 1);
    this.#countDescendant(parent, -1);
  }

  /** The search for the path has just been along the same ancestors. */
  #countDescendant(parent: number, difference: number): void {
    for (let at = parent; at !== NO_ZNODE; at = this.word(at, layout.PARENT)) {
      const words = this.words[at >>> this.shift];
      words[((at & this.mask) << 1) + layout.DESCENDANT_COUNT] += difference;
    }
  }

  /** Replaces the data; no stat field changes. @param dataLength - -1 for null. @throws ReplicaFullError */
  setData(ref: number, data: Uint8Array, dataStart: number, dataLength: number): void {
    const oldLength = this.word(ref, layout.DATA_LENGTH);
    const oldBlock = this.word(ref, layout.DATA_REF);
    if (oldBlock !== NO_BLOCK && dataLength > 0 && this.allocator.fits(oldBlock, dataLength)) {
      this.#fillData(oldBlock, data, dataStart, dataLength);
    } else {
      const block = this.#storeData(data, dataStart, dataLength);
      if (block < 0) throw new ReplicaFullError(`no room for data of ${dataLength} bytes`);
      if (oldBlock !== NO_BLOCK) this.allocator.free(oldBlock);
      this.setWord(ref, layout.DATA_REF, block);
    }
    this.setWord(ref, layout.DATA_LENGTH, dataLength);
    this.#addDataBytes(Math.max(0, dataLength) - Math.max(0, oldLength));
  }

  /**
   * Deletes a znode that has no children; the parent's stat fields do not change. In a quarantine its record stays readable
   * ({@link isDeleted}, nextSibling, parent and stat; no data, no ACL list).
   * @throws Error if it has children, is the root or is deleted already.
   */
  deleteZnode(ref: number): void {
    if (ref === this.root) throw new Error('replica: the root cannot be deleted');
    if (this.isDeleted(ref)) throw new Error(`replica: znode ${ref} deleted twice`);
    if (this.childCount(ref) !== 0) throw new Error(`replica: znode ${ref} has children`);
    this.#addDataBytes(-this.pathLength(ref) - Math.max(0, this.dataLength(ref)));
    this.#index.remove(ref);
    this.#unlink(ref);
    this.header[HEADER_ZNODE_COUNT]--;
    const block = this.word(ref, layout.DATA_REF);
    if (block !== NO_BLOCK) this.allocator.free(block);
    this.#acls.release(this.word(ref, layout.ACL_REF));
    this.setWord(ref, layout.DATA_REF, NO_BLOCK);
    this.setWord(ref, layout.DATA_LENGTH, -1);
    this.setWord(ref, layout.ACL_REF, OPEN_ACL);
    this.setWord(ref, layout.NAME_LENGTH, this.word(ref, layout.NAME_LENGTH) | layout.DELETED_FLAG);
    if (this.#quarantine.isOpen) this.#quarantine.add(ref);
    else this.allocator.free(ref);
    this.#quarantine.reclaim(RECLAIMED_PER_WRITE);
  }

  setVersion(ref: number, version: number): void {
    this.setWord(ref, layout.VERSION, version);
  }

  /** Sets the stored cversion, see {@link cversion}. */
  setCversion(ref: number, cversion: number): void {
    this.setWord(ref, layout.CVERSION, cversion);
  }

  setAversion(ref: number, aversion: number): void {
    this.setWord(ref, layout.AVERSION, aversion);
  }

  setCzxid(ref: number, high: number, low: number): void {
    this.#setLong(ref, layout.CZXID, high, low);
  }

  setMzxid(ref: number, high: number, low: number): void {
    this.#setLong(ref, layout.MZXID, high, low);
  }

  setPzxid(ref: number, high: number, low: number): void {
    this.#setLong(ref, layout.PZXID, high, low);
  }

  setCtime(ref: number, high: number, low: number): void {
    this.#setLong(ref, layout.CTIME, high, low);
  }

  setMtime(ref: number, high: number, low: number): void {
    this.#setLong(ref, layout.MTIME, high, low);
  }

  /** Sets the stored owner, see {@link ephemeralOwnerHigh}. */
  setEphemeralOwner(ref: number, high: number, low: number): void {
    this.#setLong(ref, layout.EPHEMERAL_OWNER, high, low);
  }

  setDigest(ref: number, crc: number): void {
    this.setWord(ref, layout.DIGEST, crc);
  }

  /** {@link setContentCrc} and {@link setDigest}. */
  setDigests(ref: number, contentCrc: number, digest: number): void {
    const words = this.words[ref >>> this.shift];
    const base = (ref & this.mask) << 1;
    words[base + layout.CONTENT_CRC] = contentCrc;
    words[base + layout.DIGEST] = digest;
  }

  setContentCrc(ref: number, crc: number): void {
    this.setWord(ref, layout.CONTENT_CRC, crc);
  }

  /** Sets all stat fields from the 60 bytes of a StatPersisted (protocol/disk.md §4). */
  loadStatPersisted(ref: number, view: DataView, at: number): void {
    loadStat(this.words[ref >>> this.shift], (ref & this.mask) << 1, view, at);
  }

  /**
   * The ACL list whose serialised `vector<ACL>` is `bytes[start, start + length)`, with one more reference. Equal bytes give
   * the same list, the open list {@link OPEN_ACL}. @throws ReplicaFullError
   */
  internAcl(bytes: Uint8Array, start: number, length: number): number {
    return this.#acls.intern(bytes, start, length);
  }

  /** Gives back one reference from {@link internAcl} that no znode has taken over. */
  releaseAcl(aclRef: number): void {
    this.#acls.release(aclRef);
  }

  /** Gives the znode another ACL list: takes over one reference of it, releases that of the old. */
  setAcl(ref: number, aclRef: number): void {
    const old = this.word(ref, layout.ACL_REF);
    this.setWord(ref, layout.ACL_REF, aclRef);
    this.#acls.release(old);
  }

  setLastZxid(high: number, low: number): void {
    this.header[HEADER_LAST_ZXID_HIGH] = high;
    this.header[HEADER_LAST_ZXID_LOW] = low;
  }

  setTreeDigest(high: number, low: number): void {
    this.header[HEADER_TREE_DIGEST_HIGH] = high;
    this.header[HEADER_TREE_DIGEST_LOW] = low;
  }

  /** Upper bound of the memory that {@link createZnode} takes, its ACL list ({@link aclBytes}) not included. */
  znodeBytes(nameLength: number, dataLength: number): number {
    return boundBytes(recordBytes(nameLength)) + this.valueBytes(dataLength);
  }

  /** Upper bound of the memory that {@link setData} takes for the new data. */
  valueBytes(dataLength: number): number {
    return dataLength <= 0 ? 0 : boundBytes(dataLength);
  }

  /** Upper bound of the memory that {@link internAcl} takes. */
  aclBytes(length: number): number {
    return aclBoundBytes(length);
  }

  /**
   * What is certainly left: any series of writes whose bounds ({@link znodeBytes}, {@link valueBytes}, {@link aclBytes}) sum
   * to no more succeeds, in any order and with any frees in between. O(1).
   */
  get allocatableBytes(): number {
    return this.allocator.allocatableBytes;
  }

  /** From now on records of deleted znodes are kept for a walk (TreeWalk). Quarantines may overlap; each is ended. */
  beginQuarantine(): void {
    this.#quarantine.begin();
  }

  /**
   * Ends a quarantine. With the last one that is open, the kept records are freed: 1024 at once, the rest little by little
   * with the writes that follow and by {@link reclaim}.
   */
  endQuarantine(): void {
    this.#quarantine.end();
    this.#quarantine.reclaim(RECLAIMED_AT_END);
  }

  /** Frees up to `recordsMax` records (1 µs each) that ended quarantines have left over; gives how many it freed. */
  reclaim(recordsMax: number): number {
    return this.#quarantine.reclaim(recordsMax);
  }

  /** The use of memory now, for metrics. Allocates one object. */
  statistics(): ReplicaStatistics {
    const { freeBytes, largestFreeBytes, totalBytes } = this.allocator;
    const segmentBytes = this.memory.segments[0].byteLength;
    // The two granules at a segment's ends are never free.
    const largestPossible = Math.min(freeBytes, segmentBytes - 16);
    const usedBytes = totalBytes - freeBytes + this.#index.usedBytes;
    return {
      memoryBytesMax: this.#memoryBytesMax,
      usedBytes,
      freeBytes,
      largestFreeBytes,
      fragmentation: freeBytes === 0 ? 0 : Math.max(0, 1 - largestFreeBytes / largestPossible),
      bytesPerZnode: usedBytes / this.znodeCount,
      znodes: this.znodeCount,
      aclLists: this.#acls.count,
      quarantinedBytes: this.#quarantine.bytes,
    };
  }
}

/** All stat fields of the record at `words[base]`, from a StatPersisted. */
function loadStat(words: Int32Array, base: number, view: DataView, at: number): void {
  words[base + layout.CZXID] = view.getInt32(at);
  words[base + layout.CZXID + 1] = view.getInt32(at + 4);
  words[base + layout.MZXID] = view.getInt32(at + 8);
  words[base + layout.MZXID + 1] = view.getInt32(at + 12);
  words[base + layout.CTIME] = view.getInt32(at + 16);
  words[base + layout.CTIME + 1] = view.getInt32(at + 20);
  words[base + layout.MTIME] = view.getInt32(at + 24);
  words[base + layout.MTIME + 1] = view.getInt32(at + 28);
  words[base + layout.VERSION] = view.getInt32(at + 32);
  words[base + layout.CVERSION] = view.getInt32(at + 36);
  words[base + layout.AVERSION] = view.getInt32(at + 40);
  words[base + layout.EPHEMERAL_OWNER] = view.getInt32(at + 44);
  words[base + layout.EPHEMERAL_OWNER + 1] = view.getInt32(at + 48);
  words[base + layout.PZXID] = view.getInt32(at + 52);
  words[base + layout.PZXID + 1] = view.getInt32(at + 56);
}

/** Copies `length` bytes from `bytes[start]`, of which `view` is, into the bytes that begin with `words[at]`. */
function copyWords(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  words: Int32Array,
  at: number,
  length: number,
): void {
  const whole = length >>> 2;
  for (let i = 0; i < whole; i++) words[at + i] = view.getInt32(start + (i << 2), IS_LITTLE_ENDIAN);
  const rest = length & 3;
  if (rest === 0) return;
  let last = 0;
  for (let i = 0; i < rest; i++) {
    last |= bytes[start + (whole << 2) + i] << ((IS_LITTLE_ENDIAN ? i : 3 - i) << 3);
  }
  words[at + whole] = last;
}

/** Bytes that a znode's record needs from its word 1 on. */
function recordBytes(nameLength: number): number {
  return (layout.NAME - 1) * 4 + nameLength;
}

/** A name that a path could not lead to would stay in the tree for ever. */
function checkName(bytes: Uint8Array, start: number, length: number): void {
  if (length < 1 || length > layout.NAME_LENGTH_MASK)
    throw new RangeError(`replica: a name of ${length} bytes`);
  for (let i = start; i < start + length; i++)
    if (bytes[i] === SLASH) throw new RangeError('replica: a name with a slash');
}
