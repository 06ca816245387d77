import type { History } from './history.ts';
import { counterOf, epochOf } from './zxid.ts';

/** How a learner is brought to the leader's history (protocol/quorum.md §4.2). */
export type SyncChoice =
  /** It lacks what comes after `after`, its own last txn or one that is worth the same. */
  | { readonly kind: 'diff'; readonly after: bigint }
  /** It drops what is beyond `to`, then lacks what comes after it. */
  | { readonly kind: 'trunc'; readonly to: bigint }
  /** It gets the whole tree. `why`: for the log. */
  | { readonly kind: 'snap'; readonly why: string }
  /** What is in memory begins too late; the log on disk may help. */
  | { readonly kind: 'searchDisk' };

/** What a search of the log on disk for a learner's zxid has found. */
export type DiskSearch =
  /**
   * `base`: the last committed txn on disk at or before the learner's zxid; from behind it up to History.floor the log can be
   * sent without a gap.
   */
  | { readonly kind: 'found'; readonly base: bigint }
  /** The log does not help. `why`: for the log, as in "it gets a snapshot: …". */
  | { readonly kind: 'none'; readonly why: string };

export interface SyncQuestion {
  /** The last zxid of the learner; -1: it has no valid database, or none that it can cut where the leader's goes on. */
  readonly peerZxid: bigint;
  readonly history: History;
  /** The leader's history up to here is, or is about to be, committed; what is beyond may yet vanish. */
  readonly settled: bigint;
  readonly forceSnapshot: boolean;
  /** null: the disk was not searched. */
  readonly disk: DiskSearch | null;
}

/**
 * A learner's history and the leader's share a prefix; the choice must find a point of it that both have. Within an epoch
 * zxids have no gaps and one author, so that two servers with txns of an epoch agree up to the shorter of both. Where
 * the learner has txns of an epoch of which the leader has none, that says nothing about where they parted (ZOOKEEPER-1154,
 * 1156): then, and in every other doubt, it gets a snapshot. Only settled txns are sent or spared (ZOOKEEPER-2846).
 */
export function chooseSync(question: SyncQuestion): SyncChoice {
  const { peerZxid, history, settled, forceSnapshot, disk } = question;
  if (forceSnapshot) return { kind: 'snap', why: 'forceSnapshotSync is set' };
  if (peerZxid < 0n) return { kind: 'snap', why: 'it has no database, or none that can be set back so far' };
  if (peerZxid === settled) return { kind: 'diff', after: settled };
  // What a leader held before its first txn need not have been empty (ZOOKEEPER-4352).
  if (peerZxid === 0n) return { kind: 'snap', why: 'it is empty' };
  if (peerZxid > settled) return beyond(peerZxid, settled);
  const base = history.preceding(peerZxid);
  if (base !== null) return parted(peerZxid, base);
  if (disk === null) return { kind: 'searchDisk' };
  if (disk.kind === 'none') return { kind: 'snap', why: disk.why };
  if (disk.base > peerZxid) return { kind: 'snap', why: 'the log does not reach back to it' };
  return parted(peerZxid, disk.base);
}

/**
 * How many bytes of the log on disk may be sent in place of a snapshot of so many, by `zookeeper.snapshotSizeFactor`: 0 for the
 * factor means any number; null: none at all, as the factor is negative.
 */
export function diskBytesMax(snapshotSizeFactor: number, snapshotBytes: number): number | null {
  if (snapshotSizeFactor < 0) return null;
  return snapshotSizeFactor === 0 ? Number.POSITIVE_INFINITY : snapshotSizeFactor * snapshotBytes;
}

/**
 * The learner goes on where the leader's settled history ends. If its last epoch is a later one than the leader's, that epoch
 * had a leader with a quorum behind it, whose history the elected leader therefore has: whole, and nothing after it.
 */
function beyond(peerZxid: bigint, settled: bigint): SyncChoice {
  if (counterOf(peerZxid) === 0) return { kind: 'diff', after: settled };
  if (settled === 0n) return { kind: 'snap', why: 'nothing of its history is settled' };
  return { kind: 'trunc', to: settled };
}

/** `base` is the leader's last txn at or before the learner's last. */
function parted(peerZxid: bigint, base: bigint): SyncChoice {
  // Counter 0: Apache's leaders hand out a snapshot under the zxid at which their epoch starts.
  if (base === peerZxid || counterOf(peerZxid) === 0) return { kind: 'diff', after: base };
  if (epochOf(base) === epochOf(peerZxid) && base !== 0n) return { kind: 'trunc', to: base };
  return { kind: 'snap', why: `its epoch ${epochOf(peerZxid)} has no txn here` };
}
