// Hot path: each committed txn is copied here once; nothing is allocated.

import { copyFromShared } from '../jute/shared-copy.ts';
import { compareLongs, longToHex } from '../protocol/long.ts';

/** Told of a txn; `bytes[start, start + length)` is its entry (TxnHeader, txn, digest), valid during the call. */
export type OnEntry = (
  bytes: Uint8Array,
  start: number,
  length: number,
  zxidHigh: number,
  zxidLow: number,
) => void;

const WORDS = 4;
const HIGH = 0;
const LOW = 1;
const START = 2;
const LENGTH = 3;

/**
 * The entries of the newest committed txns, oldest first, for learners that are not far behind (`zookeeper.commitLogCount`;
 * protocol/quorum.md §4.2): bounded in number and in bytes. Never has a hole: what does not fit empties it.
 */
export class CommittedLog {
  readonly #txnsMax: number;
  /** A circle; an entry never runs over the end. */
  readonly #bytes: Uint8Array;
  /** A circle of {@link WORDS} words for each txn. */
  readonly #index: Int32Array;
  #first = 0;
  #count = 0;
  #floorHigh: number;
  #floorLow: number;
  #lastHigh: number;
  #lastLow: number;

  /** Empty, behind the zxid given: the next txn to be appended is the one after it. Memory is only used as it fills. */
  constructor(txnsMax: number, bytesMax: number, zxidHigh: number, zxidLow: number) {
    this.#txnsMax = Math.max(1, txnsMax);
    this.#bytes = new Uint8Array(bytesMax);
    this.#index = new Int32Array(this.#txnsMax * WORDS);
    this.#floorHigh = this.#lastHigh = zxidHigh;
    this.#floorLow = this.#lastLow = zxidLow;
  }

  /** How many txns are kept. */
  get length(): number {
    return this.#count;
  }

  /** The last txn that is not kept any more: what comes behind it, up to the last one, is all here. */
  get floorHigh(): number {
    return this.#floorHigh;
  }

  get floorLow(): number {
    return this.#floorLow;
  }

  get lastHigh(): number {
    return this.#lastHigh;
  }

  get lastLow(): number {
    return this.#lastLow;
  }

  /** Forgets everything; the next txn is the one behind this zxid. */
  reset(zxidHigh: number, zxidLow: number): void {
    this.#first = 0;
    this.#count = 0;
    this.#floorHigh = this.#lastHigh = zxidHigh;
    this.#floorLow = this.#lastLow = zxidLow;
  }

  /** The txn with the entry `bytes[start, start + length)`, in ordinary or shared memory, is committed, next after the last. */
  append(bytes: Uint8Array, start: number, length: number, zxidHigh: number, zxidLow: number): void {
    if (compareLongs(zxidHigh, zxidLow, this.#lastHigh, this.#lastLow) <= 0) {
      throw new Error(
        `txn ${longToHex(zxidHigh, zxidLow)} is committed after ${longToHex(this.#lastHigh, this.#lastLow)}`,
      );
    }
    if (length > this.#bytes.length) {
      this.reset(zxidHigh, zxidLow);
      return;
    }
    if (this.#count === this.#txnsMax) this.#dropFirst();
    const at = this.#makeRoom(length);
    copyFromShared(bytes, start, this.#bytes, at, length);
    const word = this.#word(this.#count++);
    this.#index[word + HIGH] = this.#lastHigh = zxidHigh;
    this.#index[word + LOW] = this.#lastLow = zxidLow;
    this.#index[word + START] = at;
    this.#index[word + LENGTH] = length;
  }

  /**
   * Hands out the txns in (after, upTo], oldest first. Throws when they are not all here: `after` and `upTo` must be the
   * floor or one of the txns.
   */
  forEach(afterHigh: number, afterLow: number, upToHigh: number, upToLow: number, visit: OnEntry): void {
    const from = this.#positionBehind(afterHigh, afterLow);
    const end = this.#positionBehind(upToHigh, upToLow);
    for (let i = from; i < end; i++) {
      const word = this.#word(i);
      const index = this.#index;
      visit(this.#bytes, index[word + START], index[word + LENGTH], index[word + HIGH], index[word + LOW]);
    }
  }

  /** The place, counted from the oldest, of the txn behind the one given. */
  #positionBehind(zxidHigh: number, zxidLow: number): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const word = this.#word(middle);
      if (compareLongs(this.#index[word + HIGH], this.#index[word + LOW], zxidHigh, zxidLow) <= 0)
        low = middle + 1;
      else high = middle;
    }
    const word = this.#word(low - 1);
    const isKnown =
      low === 0
        ? zxidHigh === this.#floorHigh && zxidLow === this.#floorLow
        : this.#index[word + HIGH] === zxidHigh && this.#index[word + LOW] === zxidLow;
    if (!isKnown) {
      throw new Error(
        `txn ${longToHex(zxidHigh, zxidLow)} is not among those kept, which begin behind ` +
          `${longToHex(this.#floorHigh, this.#floorLow)} and end with ${longToHex(this.#lastHigh, this.#lastLow)}`,
      );
    }
    return low;
  }

  #word(position: number): number {
    return ((this.#first + position) % this.#txnsMax) * WORDS;
  }

  #dropFirst(): void {
    const word = this.#word(0);
    this.#floorHigh = this.#index[word + HIGH];
    this.#floorLow = this.#index[word + LOW];
    this.#first = (this.#first + 1) % this.#txnsMax;
    this.#count--;
  }

  /** Where `length` bytes go: behind the newest entry, or at the start when the end is too near. Drops what is in the way. */
  #makeRoom(length: number): number {
    while (this.#count > 0) {
      const newest = this.#word(this.#count - 1);
      const end = this.#index[newest + START] + this.#index[newest + LENGTH];
      const oldest = this.#index[this.#word(0) + START];
      if (end > oldest) {
        if (end + length <= this.#bytes.length) return end;
        if (length <= oldest) return 0;
      } else if (end + length <= oldest) return end;
      this.#dropFirst();
    }
    return 0;
  }
}
