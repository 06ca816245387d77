import { Acknowledgements } from './acknowledgements.ts';
import { LearnerHandler } from './learner-handler.ts';
import type { LocalState } from './local-state.ts';
import type { ConnectionId, Role, ZabOutput } from './output.ts';
import type { ReceivedPacket } from './packet.ts';
import type { QuorumVerifier } from './quorum-verifier.ts';
import { chooseSync, type DiskSearch } from './sync-choice.ts';
import { epochOf, zxidOf } from './zxid.ts';

/**
 * - *discovery*: acceptedEpochs of a quorum are collected; the new epoch is higher than all of them.
 * - *epochAcks*: a quorum promises to follow no earlier leader, and shows that none of them is ahead of this server.
 * - *newLeaderAcks*: a quorum takes over the history that this server was elected with.
 * - *serving*: that history is committed, new txns are proposed.
 */
export type LeaderPhase = 'discovery' | 'epochAcks' | 'newLeaderAcks' | 'serving';

export interface LeaderOptions {
  readonly sid: number;
  readonly ensemble: { readonly verifier: QuorumVerifier; readonly text: string; readonly version: bigint };
  readonly state: LocalState;
  readonly output: ZabOutput;
  readonly tickTimeMs: number;
  readonly initLimitMs: number;
  readonly syncLimitMs: number;
  readonly forceSnapshotSync: boolean;
  /** Whether the election port can reach this voter. */
  readonly isReachable: (sid: number) => boolean;
  /** The epoch is decided: the role begins. */
  readonly leads: (role: Role) => void;
  /** A quorum has taken over the history: clients can be served. */
  readonly established: (epoch: number) => void;
  /** This server cannot lead any more. */
  readonly giveUp: (reason: string) => void;
}

const EPOCH_MAX = 0x7fffffff;
/** LearnerInfo of ZooKeeper 3.4 and later. */
const PROTOCOL_VERSION_MIN = 0x10000;
/**
 * A voter whose acceptedEpoch is so little ahead took part in elections that came to nothing, and can only be taken in
 * by a new epoch; one that is further ahead belongs to another ensemble.
 */
const EPOCHS_AHEAD_MAX = 16;

/** A leader, from its election on (protocol/quorum.md §4.1, §5, §6). What learners send is not trusted. */
export class Leader {
  readonly #options: LeaderOptions;
  readonly #state: LocalState;
  readonly #output: ZabOutput;
  readonly #verifier: QuorumVerifier;
  readonly #learners = new Map<ConnectionId, LearnerHandler>();
  /** The last zxid that this server was elected with. */
  readonly #elected: bigint;
  readonly #electedCurrentEpoch: number;
  /** Voters whose ACKEPOCH counts. */
  readonly #promised = new Set<number>();
  /** Voters that look for a leader again, or whose promise was lost: for now they cannot help. */
  readonly #gone = new Set<number>();
  #acknowledgements: Acknowledgements | null = null;
  #phase: LeaderPhase = 'discovery';
  #epoch = 0;
  /** Counters of the epoch: the last one proposed, the last one committed. */
  #proposed = 0;
  #committed = 0;
  #isEpochStored = false;
  #isOver = false;
  #phaseDeadlineMs: number;
  #pingMs: number;

  constructor(options: LeaderOptions, nowMs: number) {
    this.#options = options;
    this.#state = options.state;
    this.#output = options.output;
    this.#verifier = options.ensemble.verifier;
    this.#elected = options.state.lastLogged;
    this.#electedCurrentEpoch = options.state.currentEpoch;
    this.#phaseDeadlineMs = nowMs + options.initLimitMs;
    this.#pingMs = nowMs + options.tickTimeMs / 2;
  }

  get phase(): LeaderPhase {
    return this.#phase;
  }

  get nextDeadlineMs(): number {
    return this.#phase === 'serving' ? this.#pingMs : Math.min(this.#pingMs, this.#phaseDeadlineMs);
  }

  /** Begins; a server that is a quorum by itself needs nobody else. */
  start(nowMs: number): void {
    this.#decideEpoch(nowMs);
  }

  advance(nowMs: number): void {
    if (this.#phase !== 'serving' && nowMs >= this.#phaseDeadlineMs) {
      this.#giveUp(`no quorum of learners in ${this.#options.initLimitMs} ms (${this.#phase})`);
      return;
    }
    if (nowMs < this.#pingMs) return;
    this.#pingMs = nowMs + this.#options.tickTimeMs / 2;
    this.#dropSilent(nowMs);
    if (this.#isOver) return;
    const zxid = zxidOf(this.#epoch, this.#proposed);
    for (const learner of this.#learners.values()) {
      if (learner.isForwardedTo) this.#output.send(learner.connection, { type: 'ping', zxid });
    }
  }

  /** This server stops leading. */
  stop(reason: string): void {
    this.#isOver = true;
    for (const { connection } of this.#learners.values()) this.#output.close(connection, reason);
    this.#learners.clear();
  }

  // ── learners ──

  learnerConnected(connection: ConnectionId, nowMs: number): void {
    this.#learners.set(connection, new LearnerHandler(connection, nowMs));
  }

  learnerClosed(connection: ConnectionId): void {
    const learner = this.#learners.get(connection);
    if (learner !== undefined) this.#forget(learner);
  }

  heard(connection: ConnectionId, nowMs: number): void {
    this.#learners.get(connection)?.heard(nowMs);
  }

  received(connection: ConnectionId, packet: ReceivedPacket, nowMs: number): void {
    const learner = this.#learners.get(connection);
    if (learner === undefined) return;
    switch (packet.type) {
      case 'learnerInfo':
        this.#introduced(learner, packet, nowMs);
        break;
      case 'ackEpoch':
        this.#promisedEpoch(learner, packet.lastZxid, packet.currentEpoch, nowMs);
        break;
      case 'newLeaderAck':
        this.#newLeaderAcknowledged(learner, packet.epoch);
        break;
      case 'ping':
        break;
      case 'leaderInfo':
      case 'diff':
      case 'trunc':
      case 'snap':
      case 'newLeader':
      case 'upToDate':
        this.refuse(connection, packet.type);
        break;
      default:
        throw new Error(`unknown packet ${packet satisfies never}`);
    }
  }

  /** Hot path: ACK of everything of this epoch up to `counter`. */
  acknowledged(connection: ConnectionId, epoch: number, counter: number): void {
    const learner = this.#learners.get(connection);
    if (learner === undefined) return;
    const low = counter >>> 0;
    if (!learner.isForwardedTo || epoch > this.#epoch || (epoch === this.#epoch && low > this.#proposed)) {
      this.#drop(learner, `it sent ACK of 0x${zxidOf(epoch, low).toString(16)}, which it was never sent`);
      return;
    }
    if (epoch < this.#epoch || low <= learner.acknowledged) return;
    learner.acknowledged = low;
    if (learner.stage === 'synchronised') this.#count(learner);
  }

  diskSearched(connection: ConnectionId, found: DiskSearch): void {
    const learner = this.#learners.get(connection);
    if (learner?.stage === 'searchingDisk') this.#synchronise(learner, found);
  }

  /** It sent what no learner sends. */
  refuse(connection: ConnectionId, name: string): void {
    const learner = this.#learners.get(connection);
    if (learner !== undefined) this.#drop(learner, `it sent ${name}, which only leaders send`);
  }

  /** This voter looks for a leader in a newer round: if too many do, nothing comes of this epoch. */
  voterGone(sid: number): void {
    this.#gone.add(sid);
    this.#checkHope();
  }

  /** A voter can no longer be reached. */
  voterUnreachable(): void {
    this.#checkHope();
  }

  // ── own disk and log ──

  acceptedEpochStored(epoch: number, nowMs: number): void {
    if (epoch !== this.#epoch) return;
    this.#promised.add(this.#options.sid);
    this.#beginEpoch(nowMs);
  }

  currentEpochStored(epoch: number): void {
    if (epoch !== this.#epoch) return;
    this.#isEpochStored = true;
    this.#establish();
  }

  /** Hot path: everything up to `counter` is in this server's log ring. */
  proposed(epoch: number, counter: number): void {
    if (this.#phase !== 'serving' || epoch !== this.#epoch) {
      throw new Error(`nothing can be proposed in epoch ${epoch}: ${this.#phase} of epoch ${this.#epoch}`);
    }
    const first = this.#proposed + 1;
    const last = counter >>> 0;
    this.#state.proposed(epoch, first, last);
    this.#proposed = last;
    for (const learner of this.#learners.values()) {
      if (learner.isForwardedTo && !learner.isObserver) {
        this.#output.forwardProposals(learner.connection, first, last);
      }
    }
  }

  /** Hot path: this server's log is durable up to there. */
  durable(epoch: number, counter: number): void {
    if (this.#acknowledgements === null || epoch !== this.#epoch) return;
    if (counter >>> 0 > this.#proposed)
      throw new Error(`txn ${counter >>> 0} is durable before it was proposed`);
    this.#commit(this.#acknowledgements.acknowledge(this.#options.sid, epoch, counter));
  }

  // ── discovery ──

  #introduced(
    learner: LearnerHandler,
    info: Extract<ReceivedPacket, { type: 'learnerInfo' }>,
    nowMs: number,
  ): void {
    const complaint = this.#complaintAbout(learner, info);
    if (complaint !== null) {
      this.#drop(learner, complaint);
      return;
    }
    for (const other of [...this.#learners.values()]) {
      if (other !== learner && other.sid === info.sid)
        this.#drop(other, `server ${info.sid} has connected anew`);
    }
    if (this.#isOver) return;
    learner.introduce(info, this.#verifier.voters.includes(info.sid));
    this.#gone.delete(info.sid);
    if (this.#phase === 'discovery') this.#decideEpoch(nowMs);
    else this.#announceEpoch(learner);
  }

  #complaintAbout(
    learner: LearnerHandler,
    info: Extract<ReceivedPacket, { type: 'learnerInfo' }>,
  ): string | null {
    const { sid, ensemble } = this.#options;
    if (learner.stage !== 'connected') return 'it introduced itself twice';
    if (info.sid === sid) return `it calls itself server ${sid}, as this server is called`;
    if (info.protocolVersion < PROTOCOL_VERSION_MIN) return 'it speaks a protocol from before ZooKeeper 3.4';
    if (info.configVersion > ensemble.version) {
      return `its configuration has version 0x${info.configVersion.toString(16)}, newer than 0x${ensemble.version.toString(16)}`;
    }
    if (info.acceptedEpoch < -1 || info.acceptedEpoch >= EPOCH_MAX)
      return `its acceptedEpoch is ${info.acceptedEpoch}`;
    return null;
  }

  #decideEpoch(nowMs: number): void {
    const supporters = new Set([this.#options.sid]);
    let epoch = this.#state.acceptedEpoch;
    for (const learner of this.#learners.values()) {
      if (learner.stage !== 'awaitingEpoch') continue;
      if (learner.isVoter) supporters.add(learner.sid);
      epoch = Math.max(epoch, learner.acceptedEpoch);
    }
    if (!this.#verifier.containsQuorum(supporters)) return;
    if (epoch >= EPOCH_MAX) throw new Error(`there is no epoch after ${epoch}`);
    this.#epoch = epoch + 1;
    this.#enter('epochAcks', nowMs);
    this.#state.acceptEpoch(this.#epoch);
    this.#options.leads({ kind: 'leading', epoch: this.#epoch });
    for (const learner of [...this.#learners.values()]) {
      if (learner.stage === 'awaitingEpoch') this.#announceEpoch(learner);
    }
  }

  /** Observers decide for themselves: their promises bind nobody. */
  #announceEpoch(learner: LearnerHandler): void {
    const ahead = learner.acceptedEpoch - this.#epoch;
    if (ahead > 0 && !learner.isObserver) {
      const text = `it has accepted epoch ${learner.acceptedEpoch}, newer than this leader's ${this.#epoch}`;
      if (learner.isVoter && ahead <= EPOCHS_AHEAD_MAX) this.#giveUp(`${learner.name}: ${text}`);
      else this.#drop(learner, `${text}: the data of another ensemble?`);
      return;
    }
    learner.stage = 'awaitingPromise';
    this.#output.sendAfterSync(learner.connection, { type: 'leaderInfo', epoch: this.#epoch });
  }

  #promisedEpoch(learner: LearnerHandler, lastZxid: bigint, currentEpoch: number, nowMs: number): void {
    if (learner.stage !== 'awaitingPromise') {
      this.#drop(learner, `it sent ACKEPOCH, which cannot come now (${learner.stage})`);
      return;
    }
    if (currentEpoch >= this.#epoch || epochOf(lastZxid) > this.#epoch) {
      this.#drop(
        learner,
        `it is at epoch ${currentEpoch}, zxid 0x${lastZxid.toString(16)}, ahead of this leader's epoch ${this.#epoch}: the data of another ensemble?`,
      );
      return;
    }
    learner.peerZxid = lastZxid;
    learner.stage = 'awaitingQuorum';
    if (this.#phase !== 'epochAcks') {
      this.#synchronise(learner, null);
      return;
    }
    if (this.#isAhead(currentEpoch, lastZxid)) {
      this.#drop(
        learner,
        `it is ahead of this leader: epoch ${currentEpoch}, zxid 0x${lastZxid.toString(16)}; here epoch ${this.#electedCurrentEpoch}, zxid 0x${this.#elected.toString(16)}`,
      );
      return;
    }
    if (!learner.isVoter) return;
    if (currentEpoch >= 0 && lastZxid >= 0n) this.#promised.add(learner.sid);
    else if (!this.#promised.has(learner.sid)) this.#gone.add(learner.sid);
    this.#beginEpoch(nowMs);
    if (this.#phase === 'epochAcks') this.#checkHope();
  }

  #isAhead(currentEpoch: number, lastZxid: bigint): boolean {
    if (currentEpoch < 0) return false;
    if (currentEpoch !== this.#electedCurrentEpoch) return currentEpoch > this.#electedCurrentEpoch;
    return lastZxid > this.#elected;
  }

  // ── synchronisation ──

  #beginEpoch(nowMs: number): void {
    if (this.#phase !== 'epochAcks' || !this.#verifier.containsQuorum(this.#promised)) return;
    if (!this.#promised.has(this.#options.sid)) return;
    this.#enter('newLeaderAcks', nowMs);
    this.#gone.clear();
    this.#state.enterEpoch(this.#epoch);
    for (const learner of [...this.#learners.values()]) {
      if (learner.stage === 'awaitingQuorum') this.#synchronise(learner, null);
    }
  }

  /** What is committed or, before there is a quorum for it, what this server was elected with. */
  get #settled(): bigint {
    return this.#phase === 'serving' ? this.#state.lastCommitted : this.#elected;
  }

  #synchronise(learner: LearnerHandler, disk: DiskSearch | null): void {
    const settled = this.#settled;
    const { history } = this.#state;
    const { peerZxid, connection } = learner;
    const { forceSnapshotSync } = this.#options;
    const choice = chooseSync({ peerZxid, history, settled, forceSnapshot: forceSnapshotSync, disk });
    switch (choice.kind) {
      case 'searchDisk':
        learner.stage = 'searchingDisk';
        this.#output.searchDisk(connection, peerZxid);
        return;
      case 'diff':
        this.#reportDisk(learner, choice.after);
        this.#output.send(connection, { type: 'diff', zxid: settled });
        this.#sendHistory(learner, choice.after, settled);
        break;
      case 'trunc':
        this.#reportDisk(learner, choice.to);
        this.#output.send(connection, { type: 'trunc', zxid: choice.to });
        this.#sendHistory(learner, choice.to, settled);
        break;
      case 'snap':
        this.#output.report('info', `${learner.name} gets a snapshot: ${choice.why}`);
        this.#output.sendSnapshot(connection);
        this.#sendHistory(learner, this.#state.lastCommitted, settled);
        break;
      default:
        throw new Error(`unknown choice ${choice satisfies never}`);
    }
    learner.stage = 'synchronising';
    const config = this.#options.ensemble.text;
    this.#output.sendAfterSync(connection, { type: 'newLeader', epoch: this.#epoch, config });
  }

  #reportDisk({ name }: LearnerHandler, after: bigint): void {
    if (after >= this.#state.history.floor) return;
    this.#output.report('info', `${name} gets the log behind 0x${after.toString(16)}, from disk on`);
  }

  #sendHistory(learner: LearnerHandler, after: bigint, settled: bigint): void {
    const { connection, isObserver } = learner;
    if (after < settled) this.#output.sendHistory(connection, after, settled, true);
    const last = this.#state.history.last;
    if (settled < last && !isObserver) this.#output.sendHistory(connection, settled, last, false);
  }

  #newLeaderAcknowledged(learner: LearnerHandler, epoch: number): void {
    if (learner.stage === 'synchronised') return;
    if (learner.stage !== 'synchronising' || !this.#isEpochStored || epoch !== this.#epoch) {
      this.#drop(learner, `it sent ACK of NEWLEADER ${epoch} in epoch ${this.#epoch} (${learner.stage})`);
      return;
    }
    learner.stage = 'synchronised';
    if (this.#phase !== 'serving') {
      this.#establish();
      return;
    }
    this.#output.send(learner.connection, { type: 'upToDate' });
    if (learner.acknowledged > 0) this.#count(learner);
  }

  #establish(): void {
    if (this.#phase !== 'newLeaderAcks' || !this.#hasQuorum()) return;
    this.#phase = 'serving';
    this.#acknowledgements = new Acknowledgements(this.#verifier, this.#epoch, 0);
    const { lastEpoch, lastCounter } = this.#state.history;
    this.#state.commit(lastEpoch, lastCounter);
    for (const learner of this.#learners.values()) {
      if (learner.stage === 'synchronised') this.#output.send(learner.connection, { type: 'upToDate' });
    }
    this.#options.established(this.#epoch);
  }

  // ── broadcast ──

  #count(learner: LearnerHandler): void {
    if (!learner.isVoter || this.#acknowledgements === null) return;
    this.#commit(this.#acknowledgements.acknowledge(learner.sid, this.#epoch, learner.acknowledged));
  }

  #commit(isMore: boolean): void {
    if (!isMore || this.#acknowledgements === null) return;
    const first = this.#committed + 1;
    const last = this.#acknowledgements.committed.counter >>> 0;
    this.#committed = last;
    for (const { isForwardedTo, isObserver, connection } of this.#learners.values()) {
      if (!isForwardedTo) continue;
      if (isObserver) this.#output.forwardInforms(connection, first, last);
      else this.#output.forwardCommits(connection, first, last);
    }
    this.#state.commit(this.#epoch, last);
  }

  // ── liveness ──

  #enter(phase: LeaderPhase, nowMs: number): void {
    this.#phase = phase;
    this.#phaseDeadlineMs = nowMs + this.#options.initLimitMs;
  }

  #dropSilent(nowMs: number): void {
    const { initLimitMs, syncLimitMs } = this.#options;
    for (const learner of [...this.#learners.values()]) {
      const complaint = learner.complaint(nowMs, this.#proposed, initLimitMs, syncLimitMs);
      if (complaint !== null) this.#drop(learner, complaint);
      if (this.#isOver) return;
    }
  }

  #drop(learner: LearnerHandler, reason: string): void {
    this.#output.close(learner.connection, `${learner.name}: ${reason}`);
    this.#forget(learner);
  }

  /** Its acknowledgements go with it: when it comes back it may be told to cut what it acknowledged. */
  #forget(learner: LearnerHandler): void {
    this.#learners.delete(learner.connection);
    if (learner.isVoter && learner.stage === 'synchronised') this.#acknowledgements?.forget(learner.sid);
    if (this.#phase !== 'serving') this.#checkHope();
    else if (!this.#hasQuorum()) this.#giveUp(`a quorum is lost with ${learner.name}`);
  }

  #hasQuorum(): boolean {
    const live = new Set([this.#options.sid]);
    for (const { stage, isVoter, sid } of this.#learners.values()) {
      if (stage === 'synchronised' && isVoter) live.add(sid);
    }
    return this.#verifier.containsQuorum(live);
  }

  /** Before a quorum stands: gives up as soon as none can come, rather than after initLimit. */
  #checkHope(): void {
    if (this.#phase === 'serving' || this.#isOver) return;
    const connected = new Set<number>();
    for (const learner of this.#learners.values()) if (learner.isVoter) connected.add(learner.sid);
    const { sid: own, isReachable } = this.#options;
    const hopeful = this.#verifier.voters.filter(
      (sid) => sid === own || (!this.#gone.has(sid) && (connected.has(sid) || isReachable(sid))),
    );
    if (!this.#verifier.containsQuorum(new Set(hopeful))) {
      this.#giveUp(`no quorum of voters is left to lead (${this.#phase})`);
    }
  }

  #giveUp(reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#options.giveUp(reason);
  }
}
