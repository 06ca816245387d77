import { keyOf, type ZxidKey } from './ledger.ts';

/** A txn in a server's memory: what the log ring and the cache of committed txns hold in earnest. */
export interface LogTxn {
  readonly key: ZxidKey;
  readonly epoch: number;
  readonly counter: number;
  readonly entry: Uint8Array;
  /** Replica memory that prep has set aside for it, on the leader that made it. */
  readonly admittedBytes: number;
}

/** The newest part of a server's log, with bytes. */
export class SimLog {
  #txns: LogTxn[] = [];

  get length(): number {
    return this.#txns.length;
  }

  get last(): LogTxn | undefined {
    return this.#txns.at(-1);
  }

  append(epoch: number, counter: number, entry: Uint8Array, admittedBytes = 0): void {
    this.#txns.push({ key: keyOf(epoch, counter), epoch, counter, entry, admittedBytes });
  }

  /** Those in (after, upTo]. */
  between(after: ZxidKey, upTo: ZxidKey): LogTxn[] {
    return this.#txns.slice(this.#firstAfter(after), this.#firstAfter(upTo));
  }

  /** Cuts off what is behind. */
  truncate(last: ZxidKey): void {
    this.#txns.length = this.#firstAfter(last);
  }

  /** Forgets all but the newest `count` of those up to `upTo`; gives the last one forgotten, if any. */
  forget(count: number, upTo: ZxidKey): LogTxn | null {
    const forgotten = this.#firstAfter(upTo) - count;
    return forgotten <= 0 ? null : this.#txns.splice(0, forgotten)[forgotten - 1];
  }

  clear(): void {
    this.#txns = [];
  }

  #firstAfter(key: ZxidKey): number {
    let low = 0;
    let high = this.#txns.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#txns[middle].key <= key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
