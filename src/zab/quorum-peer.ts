import type { History } from './history.ts';
import type { ConnectionId, Role, ZabOutput } from './output.ts';
import type { ReceivedPacket } from './packet.ts';
import type { QuorumVerifier } from './quorum-verifier.ts';
import type { Notification } from './vote.ts';

export interface QuorumPeerOptions {
  readonly sid: number;
  /** Satisfied by src/zab/ensemble.ts. */
  readonly ensemble: {
    readonly voters: readonly number[];
    readonly observers: readonly number[];
    readonly verifier: QuorumVerifier;
    readonly text: string;
    readonly version: bigint;
  };
  readonly isObserver: boolean;
  readonly tickTimeMs: number;
  readonly initLimitTicks: number;
  readonly syncLimitTicks: number;
  /** 0: as initLimitTicks. */
  readonly connectToLearnerMasterLimitTicks: number;
  readonly minNotificationIntervalMs: number;
  readonly maxNotificationIntervalMs: number;
  /** Every learner gets a whole snapshot (zookeeper.forceSnapshotSync). */
  readonly forceSnapshotSync: boolean;
  readonly output: ZabOutput;
  /** Filled by the runtime with what it has kept of the log; `last` is the last logged zxid. */
  readonly history: History;
  /** As recovered; acceptedEpoch is not below currentEpoch. */
  readonly acceptedEpoch: number;
  readonly currentEpoch: number;
  /** False: the database on disk is marked as invalid (a snapshot broke off): the server neither votes nor leads until it has got another one. */
  readonly isDatabaseValid: boolean;
}

/** What a search of the log on disk for a learner's zxid has found. */
export interface DiskSearch {
  /**
   * The last committed txn on disk at or before the learner's zxid; from behind it up to History.floor the log can be sent
   * without a gap, and is not too long for it (snapshotSizeFactor).
   */
  readonly base: bigint;
}

/**
 * One server of an ensemble: election, leader, follower and observer as one synchronous state machine (ZAB;
 * protocol/quorum.md). Every input is a method, every effect goes through {@link ZabOutput}; no method calls back.
 *
 * - *Time.* The core knows the time of the last {@link advance} only: it is called at the start of each turn in which
 *   anything is handed in, and at {@link nextDeadlineMs}.
 * - *Connections.* Packets, runs and closings of a connection that the core has given up, or does not know, are ignored.
 *   A packet that is not legal closes its connection; no packet makes the core throw.
 * - *Invariants* of this server itself (zxids without gaps, epochs that only rise) are asserted: what throws must end the
 *   process.
 */
export class QuorumPeer {
  constructor(options: QuorumPeerOptions) {
    void options;
  }

  /** The server begins to look for a leader. Called once. */
  start(nowMs: number): void {
    throw unbuilt(nowMs);
  }

  /** What depends on time is done. `nowMs` never goes back. */
  advance(nowMs: number): void {
    throw unbuilt(nowMs);
  }

  /** When {@link advance} is wanted at the latest; Infinity: not at all. */
  get nextDeadlineMs(): number {
    throw unbuilt();
  }

  // ── election port ──

  notification(from: number, notification: Notification): void {
    throw unbuilt(from, notification);
  }

  /** An election connection to this server is there. */
  voterReachable(sid: number): void {
    throw unbuilt(sid);
  }

  /** The election connection to this server is gone, or an attempt at one has failed. */
  voterUnreachable(sid: number): void {
    throw unbuilt(sid);
  }

  // ── quorum port ──

  /** dialLeader has succeeded. A dial that the core no longer wants is closed in answer. */
  leaderConnected(connection: ConnectionId, leader: number): void {
    throw unbuilt(connection, leader);
  }

  /** dialLeader has failed, retries and all. */
  leaderUnreachable(leader: number, reason: string): void {
    throw unbuilt(leader, reason);
  }

  /** A learner has connected; legal in every role: who is not a leader (yet) closes it in time. */
  learnerConnected(connection: ConnectionId): void {
    throw unbuilt(connection);
  }

  /** The connection is gone, by whatever cause other than ZabOutput.close. */
  connectionClosed(connection: ConnectionId, reason: string): void {
    throw unbuilt(connection, reason);
  }

  received(connection: ConnectionId, packet: ReceivedPacket): void {
    throw unbuilt(connection, packet);
  }

  /** Hot path, learner: PROPOSAL. Its bytes are at hand: output.append in the same call takes them, or nothing does. */
  proposal(connection: ConnectionId, epoch: number, counter: number): void {
    throw unbuilt(connection, epoch, counter);
  }

  /** Hot path, learner: COMMIT. */
  committed(connection: ConnectionId, epoch: number, counter: number): void {
    throw unbuilt(connection, epoch, counter);
  }

  /** Hot path, observer: INFORM. As {@link proposal}. */
  informed(connection: ConnectionId, epoch: number, counter: number): void {
    throw unbuilt(connection, epoch, counter);
  }

  /** Hot path, leader: ACK of a txn (counter not 0); cumulative, so that of a run only the last need be handed in. */
  acknowledged(connection: ConnectionId, epoch: number, counter: number): void {
    throw unbuilt(connection, epoch, counter);
  }

  /** Anything arrived (once per chunk is enough), or a learner's socket has taken bytes: the peer is alive. */
  heard(connection: ConnectionId): void {
    throw unbuilt(connection);
  }

  // ── own disk ──

  /** The own log is durable up to there: cumulative; in every role. */
  durable(epoch: number, counter: number): void {
    throw unbuilt(epoch, counter);
  }

  acceptedEpochStored(epoch: number): void {
    throw unbuilt(epoch);
  }

  /** And with it everything that was given to the disk before it. */
  currentEpochStored(epoch: number): void {
    throw unbuilt(epoch);
  }

  /**
   * The answer to truncate and to receiveSnapshot, always given, even if the connection is gone. `lastZxid`: the last
   * zxid of log and replica as they are now: what was asked for; the one from before, if nothing was changed; or -1 if the database
   * is marked as invalid (a snapshot that broke off, a log that cannot be cut there).
   */
  historyReplaced(connection: ConnectionId, lastZxid: bigint): void {
    throw unbuilt(connection, lastZxid);
  }

  /** The answer to searchDisk; null: the log on disk cannot help. */
  diskSearched(connection: ConnectionId, found: DiskSearch | null): void {
    throw unbuilt(connection, found);
  }

  // ── the leader's proposals ──

  /** Hot path, leader that serves: everything of its epoch up to `counter` is in its log ring; cumulative. */
  proposed(epoch: number, counter: number): void {
    throw unbuilt(epoch, counter);
  }

  /** A leader gives up, e.g. because its epoch has no more zxids. */
  leaveLeading(reason: string): void {
    throw unbuilt(reason);
  }

  /**
   * The log ring is full of txns that a leader sends while it synchronises this learner, and that cannot be known as committed before UPTODATE.
   * Called while not serving, and after its clients were disconnected: from now on what
   * the leader marks as committed is given to ZabOutput.commit at once.
   */
  roomNeeded(): void {
    throw unbuilt();
  }

  // ── what it is ──

  get role(): Role {
    throw unbuilt();
  }

  /** Whether clients are served: between ZabOutput.serve and the next ZabOutput.become. */
  get isServing(): boolean {
    throw unbuilt();
  }

  get acceptedEpoch(): number {
    throw unbuilt();
  }

  get currentEpoch(): number {
    throw unbuilt();
  }

  /** The last zxid of the own log, durable or not; -1 while the database is invalid. */
  get lastLogged(): bigint {
    throw unbuilt();
  }

  /** The last zxid given to ZabOutput.commit, or recovered. */
  get lastCommitted(): bigint {
    throw unbuilt();
  }
}

function unbuilt(...inputs: readonly unknown[]): Error {
  return new Error(`QuorumPeer is not built yet (${inputs.length} inputs)`);
}
