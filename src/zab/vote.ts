import type { PeerState } from './peer-state.ts';

/** A proposal of who shall lead: the server, the last zxid of its log, and its currentEpoch (protocol/quorum.md §2.4). */
export interface Vote {
  readonly leader: number;
  readonly zxid: bigint;
  readonly peerEpoch: number;
}

/**
 * What servers tell each other on the election port: a vote, the round that it belongs to, and what its sender is doing
 * (protocol/quorum.md §2.2).
 */
export interface Notification {
  /** null: the sender proposes nobody, being an observer (Long.MIN_VALUE in all three fields on the wire). */
  readonly vote: Vote | null;
  /** The sender's logical clock. */
  readonly round: number;
  readonly state: PeerState;
  /** Layout that the sender used: 0 (28 or 40 bytes), 1 or 2. */
  readonly version: number;
  /** The sender's committed configuration; empty when the layout has none. */
  readonly config: string;
}
