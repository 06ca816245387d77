import { counterOf, epochOf, zxidOf } from './zxid.ts';

/** Txns of one epoch without a gap: counters first to last. */
interface Run {
  readonly epoch: number;
  first: number;
  last: number;
}

/**
 * Which txns are at hand in memory, without their bytes: the newest part of the log, from behind {@link floor} up to
 * {@link last}, committed or not. The core adds at the new end and cuts it; the runtime fills it when it has
 * recovered, and takes from the old end what it no longer keeps ({@link dropUpTo}). A run per epoch: small.
 */
export class History {
  readonly #runs: Run[] = [];
  #floor: bigint;
  #floorEpoch: number;
  #floorCounter: number;

  /** Nothing in memory; the log ends with `last`. */
  constructor(last: bigint) {
    this.#floor = last;
    this.#floorEpoch = epochOf(last);
    this.#floorCounter = counterOf(last) >>> 0;
  }

  /** The zxid before the first txn at hand: who has everything up to there lacks nothing that is not here. */
  get floor(): bigint {
    return this.#floor;
  }

  /** The last txn of the log; {@link floor} when none is at hand. */
  get last(): bigint {
    return zxidOf(this.lastEpoch, this.lastCounter);
  }

  get lastEpoch(): number {
    return this.#runs.at(-1)?.epoch ?? this.#floorEpoch;
  }

  /** Counters are unsigned here. */
  get lastCounter(): number {
    return this.#runs.at(-1)?.last ?? this.#floorCounter;
  }

  /** How many txns are at hand. */
  get length(): number {
    let length = 0;
    for (const run of this.#runs) length += run.last - run.first + 1;
    return length;
  }

  /** Hot path. Whether this zxid may follow the last one: the next of its epoch, or the first of a later one. */
  follows(epoch: number, counter: number): boolean {
    const low = counter >>> 0;
    const lastEpoch = this.lastEpoch;
    return epoch === lastEpoch ? low === this.lastCounter + 1 : epoch > lastEpoch && low === 1;
  }

  /** Hot path. The log goes on with this txn. Throws when it does not follow the last one. */
  append(epoch: number, counter: number): void {
    this.extend(epoch, counter, counter);
  }

  /** Hot path. The log goes on with these txns of one epoch. Throws when the first does not follow the last one. */
  extend(epoch: number, first: number, last: number): void {
    if (!this.follows(epoch, first) || last >>> 0 < first >>> 0) {
      throw new Error(
        `txns 0x${hex(epoch, first)} to 0x${hex(epoch, last)} do not follow 0x${this.last.toString(16)}`,
      );
    }
    const run = this.#runs.at(-1);
    if (run !== undefined && run.epoch === epoch) run.last = last >>> 0;
    else this.#runs.push({ epoch, first: first >>> 0, last: last >>> 0 });
  }

  /** Whether the log holds exactly this txn; only of what is at hand, or {@link floor} itself, is that known. */
  contains(zxid: bigint): boolean {
    return zxid >= this.#floor && this.preceding(zxid) === zxid;
  }

  /** The last txn at or before `zxid`, {@link floor} included; null when that lies before what is at hand. */
  preceding(zxid: bigint): bigint | null {
    const epoch = epochOf(zxid);
    const counter = counterOf(zxid) >>> 0;
    for (let index = this.#runs.length - 1; index >= 0; index--) {
      const run = this.#runs[index]!;
      if (run.epoch < epoch) return zxidOf(run.epoch, run.last);
      if (run.epoch === epoch && run.first <= counter) return zxidOf(epoch, Math.min(counter, run.last));
    }
    return zxid >= this.#floor ? this.#floor : null;
  }

  /** The first txn after `zxid`; null when there is none, or `zxid` lies before {@link floor}. */
  next(zxid: bigint): bigint | null {
    if (zxid < this.#floor) return null;
    const epoch = epochOf(zxid);
    const counter = counterOf(zxid) >>> 0;
    for (const run of this.#runs) {
      if (run.epoch > epoch) return zxidOf(run.epoch, run.first);
      if (run.epoch === epoch && run.last > counter) return zxidOf(epoch, Math.max(run.first, counter + 1));
    }
    return null;
  }

  /** Cuts off what is behind `zxid`, which must be at or before {@link last}; it need not be at hand. */
  truncate(zxid: bigint): void {
    if (zxid > this.last) throw new Error(`cannot cut at 0x${zxid.toString(16)}: the log ends before`);
    const last = this.preceding(zxid);
    if (last === null) {
      this.reset(zxid);
      return;
    }
    while (this.#runs.length > 0) {
      const run = this.#runs.at(-1)!;
      if (zxidOf(run.epoch, run.first) <= last) {
        run.last = counterOf(last) >>> 0;
        return;
      }
      this.#runs.pop();
    }
  }

  /** Log and replica were replaced: nothing is at hand, and the log ends with `last`. */
  reset(last: bigint): void {
    this.#runs.length = 0;
    this.#setFloor(last);
  }

  /** The runtime no longer keeps the txns up to `zxid`, one of them; what is not committed must be kept. */
  dropUpTo(zxid: bigint): void {
    if (zxid <= this.#floor) return;
    if (!this.contains(zxid))
      throw new Error(`no txn 0x${zxid.toString(16)} is at hand that could be dropped`);
    while (this.#runs.length > 0) {
      const run = this.#runs[0]!;
      if (zxidOf(run.epoch, run.last) > zxid) {
        if (run.epoch === epochOf(zxid)) run.first = (counterOf(zxid) >>> 0) + 1;
        break;
      }
      this.#runs.shift();
    }
    this.#setFloor(zxid);
  }

  #setFloor(zxid: bigint): void {
    this.#floor = zxid;
    this.#floorEpoch = epochOf(zxid);
    this.#floorCounter = counterOf(zxid) >>> 0;
  }
}

function hex(epoch: number, counter: number): string {
  return zxidOf(epoch, counter).toString(16);
}
