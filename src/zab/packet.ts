/**
 * The quorum port's packets as the core sees them (protocol/quorum.md §3). PROPOSAL, COMMIT, INFORM and the
 * acknowledgements of txns are not among them: they are many, go in runs, and pass as zxids through methods and outputs
 * of their own, so that the core never holds a txn's bytes. REQUEST, REVALIDATE and SYNC are not either: they
 * concern sessions, not agreement, and never reach the core.
 */

/** Packets that promise nothing about a disk. */
export type ImmediatePacket =
  | {
      readonly type: 'learnerInfo';
      /** OBSERVERINFO instead of FOLLOWERINFO. */
      readonly isObserver: boolean;
      readonly acceptedEpoch: number;
      readonly sid: number;
      readonly configVersion: bigint;
    }
  /** DIFF: what follows are the txns that the learner lacks; `zxid` is the last of them. */
  | { readonly type: 'diff'; readonly zxid: bigint }
  /** TRUNC: the learner drops what it has beyond `zxid`. */
  | { readonly type: 'trunc'; readonly zxid: bigint }
  /** UPTODATE: the learner may serve clients. */
  | { readonly type: 'upToDate' }
  /** PING, both ways; whoever sends it adds the sessions that were heard of. */
  | { readonly type: 'ping'; readonly zxid: bigint };

/** Packets whose sender has made something durable first: they can only be sent after the sync. */
export type DurablePacket =
  /** LEADERINFO: the leader has stored this acceptedEpoch. */
  | { readonly type: 'leaderInfo'; readonly epoch: number }
  /** ACKEPOCH: the learner has stored the leader's epoch as its acceptedEpoch. `currentEpoch` -1: it had done so before. */
  | { readonly type: 'ackEpoch'; readonly lastZxid: bigint; readonly currentEpoch: number }
  /** NEWLEADER: the leader has stored the epoch as its currentEpoch. `config`: its last-seen configuration's text. */
  | { readonly type: 'newLeader'; readonly epoch: number; readonly config: string }
  /** ACK of NEWLEADER, and of UPTODATE: the learner's history up to there, and currentEpoch, are stored. */
  | { readonly type: 'newLeaderAck'; readonly epoch: number };

/** What arrives on a quorum connection, apart from the runs of txns. */
export type ReceivedPacket =
  | Exclude<ImmediatePacket, { type: 'learnerInfo' }>
  | {
      readonly type: 'learnerInfo';
      readonly isObserver: boolean;
      readonly acceptedEpoch: number;
      readonly sid: number;
      readonly protocolVersion: number;
      readonly configVersion: bigint;
    }
  | DurablePacket
  /** SNAP; the tree follows in the stream. */
  | { readonly type: 'snap'; readonly zxid: bigint };
