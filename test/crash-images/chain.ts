import type { Database } from '../../src/server/database.ts';
import { digestText, keyOf, keyText, type ZxidKey } from '../sim/ledger.ts';

/** A txn of some history, with the tree's digest behind it. */
export interface ChainTxn {
  readonly epoch: number;
  readonly counter: number;
  readonly key: ZxidKey;
  /** None at the root. */
  readonly entry: Uint8Array;
  readonly digest: string;
  readonly previous: ChainTxn | null;
  readonly depth: number;
}

/** Histories from `low`, which must be there, up to `high`, which may be. */
export interface HistoryRange {
  readonly low: ChainTxn;
  readonly high: ChainTxn;
}

/** What a start must find, whenever the power fails now. */
export interface Promises {
  readonly histories: readonly HistoryRange[];
  readonly acceptedEpoch: number;
  readonly currentEpoch: number;
  /** The newest txn whose effects a snapshot on disk may show, if that is later than what the log holds. */
  readonly shown: ChainTxn;
}

/** The tree that every history begins with. */
export function rootOf(database: Database): ChainTxn {
  const { treeDigestHigh, treeDigestLow } = database.tree;
  const digest = digestText(treeDigestHigh, treeDigestLow);
  return { epoch: 0, counter: 0, key: 0, entry: new Uint8Array(0), digest, previous: null, depth: 0 };
}

/** Applies the entry to the database that holds `previous`. */
export function extend(
  previous: ChainTxn,
  database: Database,
  epoch: number,
  counter: number,
  entry: Uint8Array,
): ChainTxn {
  database.applyTxn(entry, 0, entry.length);
  const { treeDigestHigh, treeDigestLow } = database.tree;
  const digest = digestText(treeDigestHigh, treeDigestLow);
  return { epoch, counter, key: keyOf(epoch, counter), entry, digest, previous, depth: previous.depth + 1 };
}

/** The txns in (after, last], oldest first. Throws when `after` is no txn before `last`. */
export function between(after: ChainTxn, last: ChainTxn): ChainTxn[] {
  const txns: ChainTxn[] = [];
  let at: ChainTxn | null = last;
  for (; at !== null && at.depth > after.depth; at = at.previous) txns.push(at);
  if (at !== after) throw new Error(`${keyText(after.key)} does not come before ${keyText(last.key)}`);
  return txns.reverse();
}

/** The txn with this zxid in one of the histories; null when none allows it. */
export function findIn(histories: readonly HistoryRange[], key: ZxidKey): ChainTxn | null {
  for (const { low, high } of histories) {
    let at: ChainTxn | null = high;
    while (at !== null && at.key > key && at.depth > low.depth) at = at.previous;
    if (at !== null && at.key === key) return at;
  }
  return null;
}

/** Whether `txn` is `last` or comes before it. */
export function isBefore(txn: ChainTxn, last: ChainTxn): boolean {
  let at: ChainTxn | null = last;
  while (at !== null && at.depth > txn.depth) at = at.previous;
  return at === txn;
}

export function rangeText({ low, high }: HistoryRange): string {
  return low === high ? keyText(low.key) : `${keyText(low.key)} to ${keyText(high.key)}`;
}
