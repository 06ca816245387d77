import { PeerState } from './peer-state.ts';
import type { QuorumVerifier } from './quorum-verifier.ts';
import type { Vote } from './vote.ts';

/** A vote as it was received: of which round, and what its sender was doing. */
export interface CastVote extends Vote {
  readonly round: number;
  readonly state: PeerState;
  /** Layout of the notification: 0 had no peerEpoch that means anything. */
  readonly version: number;
}

/**
 * Whether vote `a` is the better proposal: the higher currentEpoch, then the longer history, then the higher sid. Who
 * weighs nothing never wins, and loses to everybody else; null proposes nobody. (In Apache a server without weight
 * holds on to its own vote; nobody counts it there or here, but giving it up lets the election end early.)
 */
export function isBetterVote(a: Vote | null, b: Vote | null, verifier: QuorumVerifier): boolean {
  if (a === null || verifier.weightOf(a.leader) === 0) return false;
  if (b === null || verifier.weightOf(b.leader) === 0) return true;
  if (a.peerEpoch !== b.peerEpoch) return a.peerEpoch > b.peerEpoch;
  if (a.zxid !== b.zxid) return a.zxid > b.zxid;
  return a.leader > b.leader;
}

/** Whether two votes propose the same server for the same reason. */
export function isSameProposal(a: Vote | null, b: Vote | null): boolean {
  if (a === null || b === null) return a === b;
  return a.leader === b.leader && a.zxid === b.zxid && a.peerEpoch === b.peerEpoch;
}

/**
 * Whether two votes count for the same leader (Vote.equals, protocol/quorum.md §2.4). While one of them is of a server
 * that still looks, all fields must agree. Servers that have decided must agree on leader and epoch alone: rounds of
 * those that joined later differ.
 */
export function countsForSameLeader(a: CastVote, b: CastVote): boolean {
  if (a.state === PeerState.looking || b.state === PeerState.looking)
    return isSameProposal(a, b) && a.round === b.round;
  return a.leader === b.leader && (a.version === 0 || b.version === 0 || a.peerEpoch === b.peerEpoch);
}
