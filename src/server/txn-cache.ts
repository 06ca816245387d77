// Hot path: a txn's bytes are copied once into a ring of memory; no object per txn.

import { copyFromShared } from '../jute/shared-copy.ts';
import { compareLongs, longToHex } from '../protocol/long.ts';
import { counterOf, epochOf, zxidOf } from '../zab/zxid.ts';

/** Words of the index for each txn: epoch, counter, position, length. */
const WORDS = 4;

/** Sees one txn's entry, `bytes[start, start + length)`; valid during the call. */
export type SeeTxn = (
  epoch: number,
  counter: number,
  bytes: Uint8Array,
  start: number,
  length: number,
) => void;

export interface TxnCacheOptions {
  /** Memory for entries. What is not committed must always find room: not less than the log ring has. */
  readonly bytesMax: number;
  readonly txnsMax: number;
}

/**
 * The newest txns of the log with their bytes, committed or not: what learners are sent to get in step (Apache's
 * committedLog, protocol/quorum.md §4.2). The oldest go when room is needed.
 */
export class TxnCache {
  readonly #bytes: Uint8Array;
  readonly #index: Int32Array;
  readonly #txnsMax: number;
  /** Numbers that only grow: the oldest txn, and the next one; modulo txnsMax they are places in the index. */
  #first = 0;
  #next = 0;
  /** Where the next entry is written. */
  #at = 0;
  /** The zxid before the oldest txn. */
  #floor: bigint;

  /** The log ends with `last`; nothing is at hand. */
  constructor(options: TxnCacheOptions, last: bigint) {
    this.#bytes = new Uint8Array(options.bytesMax);
    this.#txnsMax = options.txnsMax;
    this.#index = new Int32Array(options.txnsMax * WORDS);
    this.#floor = last;
  }

  /** The zxid before the oldest txn at hand. */
  get floor(): bigint {
    return this.#floor;
  }

  get length(): number {
    return this.#next - this.#first;
  }

  /** Takes the entry `source[start, start + length)` of the txn that follows the last one. */
  add(epoch: number, counter: number, source: Uint8Array, start: number, length: number): void {
    if (length > this.#bytes.length) {
      throw new RangeError(`a txn of ${length} bytes, and all have room for ${this.#bytes.length}`);
    }
    if (this.length === this.#txnsMax) this.#dropOldest();
    if (this.#at + length > this.#bytes.length) {
      // The rest of the memory stays unused; whatever lies there or where the entry goes is dropped first.
      while (this.length > 0 && this.#oldestAt() >= this.#at) this.#dropOldest();
      this.#at = 0;
    }
    while (this.length > 0 && this.#isInTheWay(length)) this.#dropOldest();
    copyFromShared(source, start, this.#bytes, this.#at, length);
    const word = (this.#next % this.#txnsMax) * WORDS;
    this.#index[word] = epoch;
    this.#index[word + 1] = counter;
    this.#index[word + 2] = this.#at;
    this.#index[word + 3] = length;
    this.#next++;
    this.#at += length;
  }

  #oldestAt(): number {
    return this.#index[(this.#first % this.#txnsMax) * WORDS + 2];
  }

  #isInTheWay(length: number): boolean {
    const oldestAt = this.#oldestAt();
    return oldestAt >= this.#at && oldestAt < this.#at + length;
  }

  #dropOldest(): void {
    const word = (this.#first % this.#txnsMax) * WORDS;
    this.#floor = zxidOf(this.#index[word], this.#index[word + 1]);
    this.#first++;
  }

  /** Shows the txns in (after, upTo], in order. Throws when one that lies before {@link floor} would be among them. */
  forEach(after: bigint, upTo: bigint, see: SeeTxn): void {
    if (after < this.#floor) {
      throw new Error(
        `txns behind 0x${after.toString(16)} are not at hand any more, only those behind 0x${this.#floor.toString(16)}`,
      );
    }
    const upToEpoch = epochOf(upTo);
    const upToCounter = counterOf(upTo);
    for (let txn = this.#behind(epochOf(after), counterOf(after)); txn < this.#next; txn++) {
      const word = (txn % this.#txnsMax) * WORDS;
      const epoch = this.#index[word];
      const counter = this.#index[word + 1];
      if (compareLongs(epoch, counter, upToEpoch, upToCounter) > 0) return;
      see(epoch, counter, this.#bytes, this.#index[word + 2], this.#index[word + 3]);
    }
  }

  /**
   * As {@link forEach}, but only until `bytesMax` bytes of entries were shown; gives the last zxid shown, `after` for none.
   */
  forSome(after: bigint, upTo: bigint, bytesMax: number, see: SeeTxn): bigint {
    const first = this.#behind(epochOf(after), counterOf(after));
    let bytes = 0;
    let last = after;
    for (let txn = first; txn < this.#next && bytes < bytesMax; txn++) {
      const word = (txn % this.#txnsMax) * WORDS;
      const zxid = zxidOf(this.#index[word], this.#index[word + 1]);
      if (zxid > upTo) break;
      bytes += this.#index[word + 3];
      last = zxid;
    }
    this.forEach(after, last, see);
    return last;
  }

  /** The number of the first txn behind a zxid. */
  #behind(epoch: number, counter: number): number {
    let low = this.#first;
    let high = this.#next;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const word = (middle % this.#txnsMax) * WORDS;
      if (compareLongs(this.#index[word], this.#index[word + 1], epoch, counter) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Drops what is behind `zxid`; if that lies before what is at hand, all of it. */
  truncate(zxid: bigint): void {
    if (zxid < this.#floor) {
      this.reset(zxid);
      return;
    }
    this.#next = this.#behind(epochOf(zxid), counterOf(zxid));
    if (this.length === 0) return;
    const word = ((this.#next - 1) % this.#txnsMax) * WORDS;
    this.#at = this.#index[word + 2] + this.#index[word + 3];
  }

  /** The history was replaced by one that ends with `last`. */
  reset(last: bigint): void {
    this.#first = this.#next;
    this.#at = 0;
    this.#floor = last;
  }

  toString(): string {
    return `${this.length} txns behind ${longToHex(epochOf(this.#floor), counterOf(this.#floor))}`;
  }
}
