import type { Ensemble } from './ensemble.ts';
import { FastLeaderElection } from './fast-leader-election.ts';
import type { History } from './history.ts';
import { Leader, type LeaderPhase } from './leader.ts';
import { Learner, type LearnerStage } from './learner.ts';
import { LocalState } from './local-state.ts';
import type { ConnectionId, Role, ZabOutput } from './output.ts';
import type { ReceivedPacket } from './packet.ts';
import { PeerState } from './peer-state.ts';
import type { DiskSearch } from './sync-choice.ts';
import type { Notification } from './vote.ts';

export interface QuorumPeerOptions {
  readonly sid: number;
  readonly ensemble: Ensemble;
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

/** How long a learner waits for this server to find out that it leads: five attempts of Apache's learners last as long. */
const EARLY_LEARNER_WAIT_MS = 500;
/** No ensemble has so many members; whoever fills this is none. */
const EARLY_LEARNERS_MAX = 256;
/**
 * A leader that has failed this server twice in a row is dialled again after this pause, doubled each time. It must not get
 * near initLimit: a leader whose followers all pause for longer gives up before any of them has come, for ever.
 */
const PAUSE_MS_MIN = 100;
const PAUSE_MS_MAX = 3200;
const PAUSE_INIT_LIMIT_SHARE = 1 / 4;

interface EarlyLearner {
  readonly deadlineMs: number;
  packet: ReceivedPacket | null;
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
  readonly #options: QuorumPeerOptions;
  readonly #output: ZabOutput;
  readonly #state: LocalState;
  readonly #election: FastLeaderElection;
  readonly #initLimitMs: number;
  readonly #syncLimitMs: number;
  readonly #unreachable = new Set<number>();
  /** Learners that came before this server knew that it leads. */
  readonly #early = new Map<ConnectionId, EarlyLearner>();
  #leader: Leader | null = null;
  #learner: Learner | null = null;
  #role: Role = { kind: 'looking' };
  #isServing = false;
  /** The election waits until the own disk says where the log ends. */
  #awaitsDisk = false;
  #nowMs = 0;
  /** Who was followed in vain last, and how often in a row. */
  #failedLeader = -1;
  #failures = 0;
  /** Who was followed last, if it could not be reached or said nothing. */
  #silent: number | null = null;

  constructor(options: QuorumPeerOptions) {
    const { sid, ensemble, isObserver, minNotificationIntervalMs, maxNotificationIntervalMs, output } =
      options;
    this.#options = options;
    this.#output = output;
    this.#state = new LocalState(options);
    this.#initLimitMs = options.initLimitTicks * options.tickTimeMs;
    this.#syncLimitMs = options.syncLimitTicks * options.tickTimeMs;
    this.#election = new FastLeaderElection({
      sid,
      ensemble,
      isObserver,
      minNotificationIntervalMs,
      maxNotificationIntervalMs,
      output,
    });
  }

  /** The server begins to look for a leader. Called once. */
  start(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#state.completeRecovery();
    this.#output.become(this.#role);
    this.#elect();
  }

  /** What depends on time is done. `nowMs` never goes back. */
  advance(nowMs: number): void {
    if (nowMs < this.#nowMs) throw new Error(`time went back from ${this.#nowMs} to ${nowMs} ms`);
    this.#nowMs = nowMs;
    if (!this.#awaitsDisk) this.#election.advance(nowMs);
    this.#decide();
    this.#learner?.advance(nowMs);
    this.#leader?.advance(nowMs);
    this.#dropEarly();
  }

  /** When {@link advance} is wanted at the latest; Infinity: not at all. */
  get nextDeadlineMs(): number {
    let deadlineMs = this.#awaitsDisk ? Number.POSITIVE_INFINITY : this.#election.nextDeadlineMs;
    if (this.#learner !== null) deadlineMs = Math.min(deadlineMs, this.#learner.nextDeadlineMs);
    if (this.#leader !== null) deadlineMs = Math.min(deadlineMs, this.#leader.nextDeadlineMs);
    for (const { deadlineMs: closeMs } of this.#early.values()) deadlineMs = Math.min(deadlineMs, closeMs);
    return deadlineMs;
  }

  // ── election port ──

  notification(from: number, notification: Notification): void {
    this.#election.notification(from, notification, this.#nowMs);
    this.#decide();
    if (notification.state === PeerState.looking && notification.round > this.#election.round) {
      this.#looksAgain(from);
    }
  }

  /** An election connection to this server is there. */
  voterReachable(sid: number): void {
    this.#unreachable.delete(sid);
    this.#election.voterReachable(sid, this.#nowMs);
    this.#decide();
  }

  /** The election connection to this server is gone, or an attempt at one has failed. */
  voterUnreachable(sid: number): void {
    this.#unreachable.add(sid);
    this.#election.voterUnreachable(sid, this.#nowMs);
    this.#decide();
    this.#leader?.voterUnreachable();
  }

  // ── quorum port ──

  /** dialLeader has succeeded. A dial that the core no longer wants is closed in answer. */
  leaderConnected(connection: ConnectionId, leader: number): void {
    if (this.#learner?.leader === leader) this.#learner.connected(connection, this.#nowMs);
    else this.#output.close(connection, `server ${leader} is not followed any more`);
  }

  /** dialLeader has failed, retries and all. */
  leaderUnreachable(leader: number, reason: string): void {
    if (this.#learner?.leader !== leader || this.#learner.stage !== 'connecting') return;
    this.#lookAgain(`leader ${leader} cannot be reached: ${reason}`);
  }

  /** A learner has connected; legal in every role: who is not a leader (yet) closes it in time. */
  learnerConnected(connection: ConnectionId): void {
    if (this.#leader !== null) this.#leader.learnerConnected(connection, this.#nowMs);
    else if (this.#learner !== null) this.#output.close(connection, 'this server does not lead');
    else if (this.#early.size >= EARLY_LEARNERS_MAX) this.#output.close(connection, 'too many learners');
    else this.#early.set(connection, { deadlineMs: this.#nowMs + EARLY_LEARNER_WAIT_MS, packet: null });
  }

  /** The connection is gone, by whatever cause other than ZabOutput.close. */
  connectionClosed(connection: ConnectionId, reason: string): void {
    this.#early.delete(connection);
    this.#leader?.learnerClosed(connection);
    if (this.#learner?.connection === connection) {
      this.#learner.disconnected();
      this.#lookAgain(`the connection to leader ${this.#learner.leader} is gone: ${reason}`);
    }
  }

  received(connection: ConnectionId, packet: ReceivedPacket): void {
    this.heard(connection);
    if (this.#learner?.connection === connection) this.#learner.received(packet, this.#nowMs);
    else if (this.#leader !== null) this.#leader.received(connection, packet, this.#nowMs);
    else this.#receivedEarly(connection, packet);
  }

  /** Hot path, learner: PROPOSAL. Its bytes are at hand: output.append in the same call takes them, or nothing does. */
  proposal(connection: ConnectionId, epoch: number, counter: number): void {
    if (this.#learner?.connection === connection) this.#learner.proposal(epoch, counter);
    else this.#refuseRun(connection, 'PROPOSAL');
  }

  /** Hot path, learner: COMMIT. */
  committed(connection: ConnectionId, epoch: number, counter: number): void {
    if (this.#learner?.connection === connection) this.#learner.committed(epoch, counter);
    else this.#refuseRun(connection, 'COMMIT');
  }

  /** Hot path, observer: INFORM. As {@link proposal}. */
  informed(connection: ConnectionId, epoch: number, counter: number): void {
    if (this.#learner?.connection === connection) this.#learner.informed(epoch, counter);
    else this.#refuseRun(connection, 'INFORM');
  }

  /** Hot path, leader: ACK of a txn (counter not 0); cumulative, so that of a run only the last need be handed in. */
  acknowledged(connection: ConnectionId, epoch: number, counter: number): void {
    if (this.#leader !== null) this.#leader.acknowledged(connection, epoch, counter);
    else if (this.#learner?.connection === connection) this.#learner.refuse('ACK');
    else this.#refuseRun(connection, 'ACK');
  }

  /** Anything arrived (once per chunk is enough), or a learner's socket has taken bytes: the peer is alive. */
  heard(connection: ConnectionId): void {
    if (this.#learner?.connection === connection) this.#learner.heard(this.#nowMs);
    else this.#leader?.heard(connection, this.#nowMs);
  }

  // ── own disk ──

  /** The own log is durable up to there: cumulative; in every role. */
  durable(epoch: number, counter: number): void {
    this.#leader?.durable(epoch, counter);
  }

  acceptedEpochStored(epoch: number): void {
    this.#leader?.acceptedEpochStored(epoch, this.#nowMs);
  }

  /** And with it everything that was given to the disk before it. */
  currentEpochStored(epoch: number): void {
    this.#leader?.currentEpochStored(epoch);
  }

  /**
   * The answer to truncate and to receiveSnapshot, always given, even if the connection is gone. `lastZxid`: the last
   * zxid of the log as it is now: what was asked for; the one from before, if log and replica are as they were (not begun, cannot
   * be cut there, or rebuilt from disk up to {@link lastCommitted}); or -1 if the database is invalid (a damaged log).
   */
  historyReplaced(connection: ConnectionId, lastZxid: bigint): void {
    const isAsAsked = this.#state.replaced(connection, lastZxid);
    if (this.#awaitsDisk) this.#elect();
    else this.#learner?.historyReplaced(isAsAsked, this.#nowMs);
  }

  /** The answer to searchDisk. */
  diskSearched(connection: ConnectionId, found: DiskSearch): void {
    this.#leader?.diskSearched(connection, found);
  }

  // ── the leader's proposals ──

  /** Hot path, leader that serves: everything of its epoch up to `counter` is in its log ring; cumulative. */
  proposed(epoch: number, counter: number): void {
    if (this.#leader === null)
      throw new Error(`a server that does not lead cannot propose in epoch ${epoch}`);
    this.#leader.proposed(epoch, counter);
  }

  /** A leader gives up, e.g. because its epoch has no more zxids. */
  leaveLeading(reason: string): void {
    if (this.#leader !== null) this.#lookAgain(reason);
  }

  /**
   * The log ring is full of txns that a leader sends while it synchronises this learner, and that cannot be known as
   * committed before UPTODATE. Called while not serving, and after its clients were disconnected: from now on what the
   * leader marks as committed is given to ZabOutput.commit at once.
   */
  roomNeeded(): void {
    this.#learner?.roomNeeded();
  }

  /**
   * The replica has turned out not to be that of the history, and nobody is to be served from it: whatever this server is
   * comes to its end, and it neither votes nor leads until a leader's snapshot is here.
   */
  databaseLost(reason: string): void {
    if (!this.#state.isDatabaseValid || this.#state.isReplacing) return;
    this.#lookAgain(reason, true);
  }

  // ── what it is ──

  get role(): Role {
    return this.#role;
  }

  /** Whether clients are served: between ZabOutput.serve and the next ZabOutput.become. */
  get isServing(): boolean {
    return this.#isServing;
  }

  /** Whether it leads, and serves: txns are made here. */
  get isLeading(): boolean {
    return this.#isServing && this.#role.kind === 'leading';
  }

  get acceptedEpoch(): number {
    return this.#state.acceptedEpoch;
  }

  get currentEpoch(): number {
    return this.#state.currentEpoch;
  }

  /** The last zxid of the own log, durable or not; -1 while the database is invalid. */
  get lastLogged(): bigint {
    return this.#state.lastLogged;
  }

  /** Whether the data here are a history's, whole, and not just being replaced. */
  get hasDatabase(): boolean {
    return this.#state.isDatabaseValid && !this.#state.isReplacing;
  }

  /** The last zxid given to ZabOutput.commit, or recovered; -1 while the database is invalid. */
  get lastCommitted(): bigint {
    return this.#state.lastCommitted;
  }

  /** For status words and traces: what the server is at, in one word. */
  get stage(): 'looking' | LeaderPhase | LearnerStage {
    return this.#leader?.phase ?? this.#learner?.stage ?? 'looking';
  }

  // ── changes of role ──

  #elect(): void {
    this.#awaitsDisk = this.#state.isReplacing;
    if (this.#awaitsDisk) return;
    const { sid } = this.#options;
    const vote = { leader: sid, zxid: this.#state.lastLogged, peerEpoch: this.#state.currentEpoch };
    this.#election.start(this.#nowMs, this.#options.isObserver ? null : vote, this.#silent);
    this.#decide();
  }

  /** Leads or follows, once the election has a result. */
  #decide(): void {
    if (this.#awaitsDisk || this.#leader !== null || this.#learner !== null) return;
    const { result } = this.#election;
    if (result === null) return;
    if (result.leader === this.#options.sid) this.#lead();
    else this.#follow(result.leader);
  }

  #lead(): void {
    const { sid, ensemble, tickTimeMs, forceSnapshotSync } = this.#options;
    const leader = new Leader(
      {
        sid,
        ensemble,
        state: this.#state,
        output: this.#output,
        tickTimeMs,
        initLimitMs: this.#initLimitMs,
        syncLimitMs: this.#syncLimitMs,
        forceSnapshotSync,
        isReachable: (voter) => !this.#unreachable.has(voter),
        leads: (role) => this.#become(role),
        established: (epoch) => this.#serve(epoch, PeerState.leading),
        giveUp: (reason) => this.#lookAgain(reason),
      },
      this.#nowMs,
    );
    this.#leader = leader;
    leader.start(this.#nowMs);
    const early = [...this.#early];
    this.#early.clear();
    for (const [connection, { packet }] of early) {
      this.learnerConnected(connection);
      if (packet !== null) this.received(connection, packet);
    }
  }

  #follow(leader: number): void {
    for (const connection of this.#early.keys()) {
      this.#output.close(connection, `server ${leader} is to lead, not this one`);
    }
    this.#early.clear();
    const { sid, isObserver, ensemble, tickTimeMs, connectToLearnerMasterLimitTicks } = this.#options;
    const isRepeated = this.#failedLeader === leader && this.#failures > 1;
    this.#learner = new Learner(
      {
        sid,
        isObserver,
        leader,
        configVersion: ensemble.version,
        state: this.#state,
        output: this.#output,
        pauseMs: isRepeated ? this.#pauseMs() : 0,
        connectLimitMs: connectToLearnerMasterLimitTicks * tickTimeMs || this.#initLimitMs,
        initLimitMs: this.#initLimitMs,
        syncLimitMs: this.#syncLimitMs,
        follows: (role) => this.#become(role),
        synchronised: (epoch) => this.#serve(epoch, isObserver ? PeerState.observing : PeerState.following),
        giveUp: (reason) => this.#lookAgain(reason),
      },
      this.#nowMs,
    );
  }

  #pauseMs(): number {
    const wantedMs = Math.min(PAUSE_MS_MIN * 2 ** (this.#failures - 2), PAUSE_MS_MAX);
    return Math.min(wantedMs, this.#initLimitMs * PAUSE_INIT_LIMIT_SHARE);
  }

  #become(role: Role): void {
    this.#isServing = false;
    this.#role = role;
    this.#output.become(role);
  }

  #serve(epoch: number, state: Exclude<PeerState, typeof PeerState.looking>): void {
    this.#failures = 0;
    const { result } = this.#election;
    if (result !== null) this.#election.setFinalVote({ ...result, peerEpoch: epoch }, result.round, state);
    this.#isServing = true;
    this.#output.serve();
  }

  /** Whatever this server was comes to its end; the next leader is looked for. */
  #lookAgain(reason: string, losesDatabase = false): void {
    if (this.#learner !== null) this.#countFailure(this.#learner);
    this.#silent = this.#learner?.hasHeardNothing(this.#nowMs) ? this.#learner.leader : null;
    const leader = this.#leader;
    const learner = this.#learner;
    this.#leader = null;
    this.#learner = null;
    // What closes a connection to a leader is said by that.
    if (learner === null || learner.connection === null) this.#output.report('warn', reason);
    leader?.stop('this server stops leading');
    learner?.stop(reason);
    if (this.#role.kind !== 'looking') this.#become({ kind: 'looking' });
    if (losesDatabase) this.#state.loseDatabase();
    this.#elect();
  }

  #countFailure({ leader, stage }: Learner): void {
    if (stage === 'serving' || stage === 'pausing') return;
    this.#failures = this.#failedLeader === leader ? this.#failures + 1 : 1;
    this.#failedLeader = leader;
  }

  /** A voter looks for a leader in a later round than the one that ended here. */
  #looksAgain(sid: number): void {
    this.#leader?.voterGone(sid);
    if (this.#learner?.leader === sid && this.#learner.stage !== 'serving') {
      this.#lookAgain(`server ${sid} does not lead any more: it looks for a leader itself`);
    }
  }

  // ── learners that came early ──

  #receivedEarly(connection: ConnectionId, packet: ReceivedPacket): void {
    const learner = this.#early.get(connection);
    if (learner === undefined) return;
    if (packet.type === 'learnerInfo' && learner.packet === null) learner.packet = packet;
    else this.#refuseRun(connection, packet.type);
  }

  #dropEarly(): void {
    for (const [connection, { deadlineMs }] of this.#early) {
      if (this.#nowMs < deadlineMs) continue;
      this.#early.delete(connection);
      this.#output.close(connection, 'this server does not lead');
    }
  }

  /** What only a leader or a learner of a later stage may send has come from somebody else. */
  #refuseRun(connection: ConnectionId, name: string): void {
    if (this.#leader !== null) {
      this.#leader.refuse(connection, name);
    } else if (this.#early.delete(connection)) {
      this.#output.close(connection, `a learner that was not answered yet sent ${name}`);
    }
  }
}
