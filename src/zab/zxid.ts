import { compareLongs, longToHex } from '../protocol/long.ts';

/** The largest counter of an epoch; after it a new epoch must begin. */
const COUNTER_MAX = 0xffffffff;

/**
 * A zxid that moves on: epoch and counter as two 32-bit words. Mutable, so that the path of a request makes no object
 * of it.
 */
export class Zxid {
  epoch: number;
  counter: number;

  constructor(epoch = 0, counter = 0) {
    this.epoch = epoch | 0;
    this.counter = counter | 0;
  }

  set(epoch: number, counter: number): void {
    this.epoch = epoch | 0;
    this.counter = counter | 0;
  }

  /** Goes on to the next zxid of the epoch; false when the epoch has no more: only a new epoch can go on. */
  advance(): boolean {
    if (this.counter >>> 0 === COUNTER_MAX) return false;
    this.counter = (this.counter + 1) | 0;
    return true;
  }

  /** Negative, 0 or positive as this zxid is before, the same as or after the other. */
  compare(epoch: number, counter: number): number {
    return compareLongs(this.epoch, this.counter, epoch, counter);
  }

  toString(): string {
    return longToHex(this.epoch, this.counter);
  }
}

/** A zxid as one value, where no hot path needs two words: (epoch << 32) | counter, signed as in Java. */
export function zxidOf(epoch: number, counter: number): bigint {
  return BigInt.asIntN(64, (BigInt(epoch) << 32n) | BigInt(counter >>> 0));
}

/** The epoch of a zxid, as a signed 32-bit number. */
export function epochOf(zxid: bigint): number {
  return Number(BigInt.asIntN(32, zxid >> 32n));
}

/** The counter of a zxid, as a signed 32-bit number (a low word). */
export function counterOf(zxid: bigint): number {
  return Number(BigInt.asIntN(32, zxid));
}
