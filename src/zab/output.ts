import type { DurablePacket, ImmediatePacket } from './packet.ts';
import type { Notification } from './vote.ts';

/** A connection of the quorum port, numbered by whoever owns the sockets; a number is never used twice. */
export type ConnectionId = number;

/** What the server is to its clients. `epoch`: of the leader under which it serves. */
export type Role =
  | { readonly kind: 'looking' }
  | { readonly kind: 'leading'; readonly epoch: number }
  | { readonly kind: 'following'; readonly leader: number; readonly epoch: number }
  | { readonly kind: 'observing'; readonly leader: number; readonly epoch: number };

/**
 * What the core wants done. The core calls these while it handles an input, in the order that counts; whoever
 * implements them (the server, or the simulator) carries them out later, in the same order, and never calls the core
 * back from within. Three kinds:
 *
 * - *durable* acts change the disk. They take effect one after another in the order given; each is complete (data and
 *   directory entries fsynced) before the next one that is not an append begins.
 * - *after-sync* sends leave when every durable act given before them is complete, and not at all if the connection is
 *   gone by then. A packet that promises durability has no other way out.
 * - everything else happens at once.
 *
 * A crash may come between any two of them.
 */
export interface ZabOutput {
  // Election port (protocol/quorum.md §2). A newer notification to a server replaces one that has not left yet.
  notify(sid: number, notification: Notification): void;
  /** Connections to these voters are to be tried (again) now: nothing was heard for a whole interval. */
  reconnectElection(sids: readonly number[]): void;

  // Roles
  /**
   * What the server is from now on: looking until it has found a leader and knows its epoch; clients are served only
   * from {@link serve} on, up to the next call of this.
   */
  become(role: Role): void;
  /** From now on clients are served, in the current role. */
  serve(): void;
  /**
   * The quorum port of `leader` is to be dialled; QuorumPeer.leaderConnected or leaderUnreachable follows. Another call
   * of this makes an older one void.
   */
  dialLeader(leader: number): void;
  /** What happened, for the operator's log. */
  report(level: 'info' | 'warn', text: string): void;

  // Quorum port, at once
  send(connection: ConnectionId, packet: ImmediatePacket): void;
  /** Behind what was sent so far the connection is closed; `reason` is for the log. */
  close(connection: ConnectionId, reason: string): void;
  /**
   * The txns of the history in (after, upTo], each as PROPOSAL and COMMIT (`committed`), or as PROPOSAL alone.
   * The first kind may come from the log on disk; packets given to this connection later leave behind them.
   */
  sendHistory(connection: ConnectionId, after: bigint, upTo: bigint, committed: boolean): void;
  /** SNAP with the replica as it stands at this point of the outputs, i.e. at the last zxid given to {@link commit}. */
  sendSnapshot(connection: ConnectionId): void;
  /** Whether the log on disk can serve a DIFF from `peerZxid` is to be found out; answered by QuorumPeer.diskSearched. */
  searchDisk(connection: ConnectionId, peerZxid: bigint): void;
  /** Hot path, leader: proposals of the current epoch, counters [first, last], as PROPOSAL. */
  forwardProposals(connection: ConnectionId, first: number, last: number): void;
  /** Hot path, leader: COMMIT of counters [first, last] of the current epoch. */
  forwardCommits(connection: ConnectionId, first: number, last: number): void;
  /** Hot path, leader: the txns [first, last] of the current epoch as INFORM, to an observer. */
  forwardInforms(connection: ConnectionId, first: number, last: number): void;

  // Quorum port, after sync. They leave behind everything given to the same connection before; what is given to it at
  // once may overtake them.
  sendAfterSync(connection: ConnectionId, packet: DurablePacket): void;
  /** Hot path, follower: ACK of everything of this epoch up to `counter` that was not acknowledged yet, one packet each. */
  acknowledgeAfterSync(connection: ConnectionId, first: number, last: number): void;

  // Durable
  storeAcceptedEpoch(epoch: number): void;
  storeCurrentEpoch(epoch: number): void;
  /** Hot path, learner: the txn that is being handed in (QuorumPeer.proposal or inform) is appended to the log. */
  append(epoch: number, counter: number): void;
  /** Log and replica lose everything beyond `zxid`. The connection's packets wait until {@link QuorumPeer.historyReplaced}. */
  truncate(connection: ConnectionId, zxid: bigint): void;
  /**
   * The tree that follows in the connection's stream replaces log and replica. The database is marked as invalid on disk before the first byte is taken, and
   * valid again when the snapshot at `zxid` is stored. The connection's packets wait until {@link QuorumPeer.historyReplaced}.
   */
  receiveSnapshot(connection: ConnectionId, zxid: bigint): void;

  // Replica
  /**
   * Hot path: everything up to this zxid is committed, by a quorum, and is to be applied, in order. Clients may see it
   * (when they are served). After QuorumPeer.roomNeeded the leader's word alone may stand behind it, until serve.
   */
  commit(epoch: number, counter: number): void;
}
