// Hot path: allocates nothing.

import { CHAIN_NEXT, PATH_HASH } from './layout.ts';
import { HEADER_BUCKET_COUNT, HEADER_BUCKET_MASK, type ReplicaMemory, type SegmentViews } from './memory.ts';

const BUCKETS_AT_START = 64;
/** Two, as a wrong znode in a chain costs a lookup a cache miss, and a bucket takes only four bytes. */
const BUCKETS_PER_ZNODE = 2;

/**
 * The writing side of the path index: a hash table whose chains run through the znode records, grown by linear hashing,
 * two buckets with each znode, so that no write ever pays for a rehash of the whole. It does not shrink. The reading side is {@link bucketOf} and DataTreeReader.findHashed. Main alone has one.
 */
export class PathIndex {
  readonly #header: Int32Array;
  readonly #buckets: Int32Array;
  readonly #views: SegmentViews;
  /** Of no meaning: keeps the reads that fill the cache. */
  #touched = 0;

  constructor(memory: ReplicaMemory, views: SegmentViews) {
    this.#header = new Int32Array(memory.header);
    this.#buckets = new Int32Array(memory.buckets);
    this.#views = views;
    this.clear();
  }

  /** As it begins: few buckets, all empty. Those behind them are written before they are read. */
  clear(): void {
    this.#header[HEADER_BUCKET_COUNT] = BUCKETS_AT_START;
    this.#header[HEADER_BUCKET_MASK] = BUCKETS_AT_START - 1;
    this.#buckets.fill(0, 0, BUCKETS_AT_START);
  }

  /** Bytes of the buckets in use. */
  get usedBytes(): number {
    return this.#header[HEADER_BUCKET_COUNT] * 4;
  }

  #word(ref: number, word: number): number {
    const { words, shift, mask } = this.#views;
    return words[ref >>> shift][((ref & mask) << 1) + word];
  }

  #setWord(ref: number, word: number, value: number): void {
    const { words, shift, mask } = this.#views;
    words[ref >>> shift][((ref & mask) << 1) + word] = value;
  }

  /** Adds a znode, whose record holds its hash. `znodeCount` is the number of znodes with it. */
  insert(ref: number, znodeCount: number): void {
    for (let added = 0; added < BUCKETS_PER_ZNODE && this.#isCrowded(znodeCount); added++) this.#addBucket();
    const bucket = bucketOf(this.#header, this.#word(ref, PATH_HASH));
    this.#setWord(ref, CHAIN_NEXT, this.#buckets[bucket]);
    this.#buckets[bucket] = ref;
  }

  /** Opens buckets for so many znodes at once: cheaper than two with each znode, as few chains are there to be split. */
  reserve(znodes: number): void {
    while (this.#isCrowded(znodes)) this.#addBucket();
  }

  /**
   * Adds the first `count` of `refs`, whose records hold their hashes, with buckets for `znodeCount` znodes. For loading
   * millions: each bucket and record is a cache miss or two, and taken in turn like this, they overlap. Gives the
   * number of the first that `isSame` says is there already (it and those behind are not added), else `count`.
   */
  insertAll(
    refs: Int32Array,
    count: number,
    znodeCount: number,
    isSame: (ref: number, other: number) => boolean,
  ): number {
    this.reserve(znodeCount);
    for (let i = 0; i < count; i++) {
      const head = this.#buckets[bucketOf(this.#header, this.#word(refs[i], PATH_HASH))];
      if (head !== 0) this.#touched ^= this.#word(head, PATH_HASH);
    }
    for (let i = 0; i < count; i++) {
      const ref = refs[i];
      const hash = this.#word(ref, PATH_HASH);
      const bucket = bucketOf(this.#header, hash);
      const head = this.#buckets[bucket];
      for (let other = head; other !== 0; other = this.#word(other, CHAIN_NEXT)) {
        if (this.#word(other, PATH_HASH) === hash && isSame(ref, other)) return i;
      }
      this.#setWord(ref, CHAIN_NEXT, head);
      this.#buckets[bucket] = ref;
    }
    return count;
  }

  /** Takes a znode out. */
  remove(ref: number): void {
    const bucket = bucketOf(this.#header, this.#word(ref, PATH_HASH));
    const next = this.#word(ref, CHAIN_NEXT);
    let before = this.#buckets[bucket];
    if (before === ref) {
      this.#buckets[bucket] = next;
      return;
    }
    while (this.#word(before, CHAIN_NEXT) !== ref) before = this.#word(before, CHAIN_NEXT);
    this.#setWord(before, CHAIN_NEXT, next);
  }

  #isCrowded(znodeCount: number): boolean {
    const count = this.#header[HEADER_BUCKET_COUNT];
    return znodeCount * BUCKETS_PER_ZNODE > count && count < this.#buckets.length;
  }

  /** Opens one more bucket and moves there what belongs to it from the one bucket that stood for both. */
  #addBucket(): void {
    const fresh = this.#header[HEADER_BUCKET_COUNT];
    if (fresh > this.#header[HEADER_BUCKET_MASK]) this.#header[HEADER_BUCKET_MASK] = 2 * fresh - 1;
    const mask = this.#header[HEADER_BUCKET_MASK];
    const old = fresh & (mask >>> 1);
    let staying = 0;
    let moving = 0;
    let ref = this.#buckets[old];
    while (ref !== 0) {
      const next = this.#word(ref, CHAIN_NEXT);
      if ((this.#word(ref, PATH_HASH) & mask) === fresh) {
        this.#setWord(ref, CHAIN_NEXT, moving);
        moving = ref;
      } else {
        this.#setWord(ref, CHAIN_NEXT, staying);
        staying = ref;
      }
      ref = next;
    }
    this.#buckets[old] = staying;
    this.#buckets[fresh] = moving;
    this.#header[HEADER_BUCKET_COUNT] = fresh + 1;
  }
}

/** The bucket of a hash: the low bits under the mask, or one bit less where that bucket does not exist yet. */
export function bucketOf(header: Int32Array, hash: number): number {
  const mask = header[HEADER_BUCKET_MASK];
  const bucket = hash & mask;
  return bucket < header[HEADER_BUCKET_COUNT] ? bucket : bucket & (mask >>> 1);
}
