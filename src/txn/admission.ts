// Hot path: asked for each write; nothing is allocated, and without a quota no path is looked at.

import type { DataTree } from '../replica/data-tree.ts';
import { NO_ZNODE } from '../replica/data-tree-reader.ts';
import type { QuotaExcess, Quotas } from './quotas.ts';

/** Quotas whose hard limits refuse requests. */
export interface EnforcedQuotas {
  readonly quotas: Quotas;
  /** A limit is exceeded, be it hard or soft. */
  readonly onExceeded: (excess: QuotaExcess) => void;
}

/**
 * Whether there is room for what a txn stores: in the replica's memory, of which every txn under way has its part set aside, and
 * within the quotas.
 */
export class Admission {
  /** Memory that the txn being made will need at most; goes back through {@link release} when it is applied. */
  bytes = 0;
  readonly #tree: DataTree;
  readonly #quotas: EnforcedQuotas | null;
  /** Of the txns that are made and not applied. */
  #total = 0;

  /** `quotas`: checks limits, and says so in the log; null when they are not enforced. */
  constructor(tree: DataTree, quotas: EnforcedQuotas | null) {
    this.#tree = tree;
    this.#quotas = quotas;
  }

  /** Sets aside memory of the replica for the txn being made, or says that there is none. */
  admit(bytes: number): boolean {
    const total = this.#total + this.bytes + bytes;
    if (total > this.#tree.allocatableBytes) return false;
    this.bytes += bytes;
    return true;
  }

  /** The txn is made; {@link bytes} are set aside until it is applied. */
  keep(): void {
    this.#total += this.bytes;
  }

  /** A txn for which so much was set aside is applied. */
  release(bytes: number): void {
    this.#total -= bytes;
  }

  /** No txn is under way any more. */
  reset(): void {
    this.#total = 0;
  }

  /** Whether so many more znodes and bytes at the path are within the quotas. */
  fitsQuota(path: Uint8Array, start: number, length: number, count: number, bytes: number): boolean {
    if (this.#quotas === null) return true;
    const excess = this.#quotas.quotas.exceeded(path, start, length, count, bytes);
    if (excess === null) return true;
    this.#quotas.onExceeded(excess);
    return !excess.isHard;
  }

  /**
   * Whether the znode at the path may have so much data. What that replaces is taken from the tree: what is under way is not looked
   * at, as with the quota itself.
   */
  fitsQuotaWithData(path: Uint8Array, start: number, length: number, dataLength: number): boolean {
    if (this.#quotas === null || this.#quotas.quotas.size === 0) return true;
    const ref = this.#tree.find(path, start, length);
    const before = ref === NO_ZNODE ? 0 : Math.max(0, this.#tree.dataLength(ref));
    return this.fitsQuota(path, start, length, 0, Math.max(0, dataLength) - before);
  }
}
