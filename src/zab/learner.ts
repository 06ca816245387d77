import { type LocalState, NO_DATABASE } from './local-state.ts';
import type { ConnectionId, Role, ZabOutput } from './output.ts';
import type { ReceivedPacket } from './packet.ts';
import { epochOf, zxidOf } from './zxid.ts';

/**
 * Where a learner stands with its leader (protocol/quorum.md §4.3):
 *
 * - *pausing*: the same leader has failed it more than once; it is dialled again in a moment.
 * - *connecting*: the leader is being dialled.
 * - *discovery*: FOLLOWERINFO is sent; the leader collects such from a quorum and answers with its epoch.
 * - *awaitingSync*: the epoch is promised (ACKEPOCH); DIFF, TRUNC or SNAP follows.
 * - *replacing*: log and replica are being cut or replaced; the connection's packets wait.
 * - *synchronising*: the leader's history arrives, up to NEWLEADER.
 * - *awaitingUpToDate*: history and epoch are acknowledged; the leader waits for its quorum.
 * - *serving*: UPTODATE came.
 */
export type LearnerStage =
  | 'pausing'
  | 'connecting'
  | 'discovery'
  | 'awaitingSync'
  | 'replacing'
  | 'synchronising'
  | 'awaitingUpToDate'
  | 'serving';

export interface LearnerOptions {
  readonly sid: number;
  readonly isObserver: boolean;
  readonly leader: number;
  readonly configVersion: bigint;
  readonly state: LocalState;
  readonly output: ZabOutput;
  readonly pauseMs: number;
  readonly connectLimitMs: number;
  readonly initLimitMs: number;
  readonly syncLimitMs: number;
  /** The leader's epoch is known: the role begins. */
  readonly follows: (role: Role) => void;
  /** In step with the leader: clients can be served. */
  readonly synchronised: (epoch: number) => void;
  /** Nothing can come of this leader any more. */
  readonly giveUp: (reason: string) => void;
}

/**
 * A follower or an observer, from the dialling of its leader on. What the leader sends is not trusted: whatever is not
 * legal in the stage ends the relation.
 */
export class Learner {
  readonly leader: number;
  readonly #options: LearnerOptions;
  readonly #state: LocalState;
  readonly #output: ZabOutput;
  #stage: LearnerStage;
  #connection: ConnectionId | null = null;
  #epoch = 0;
  /** Everything up to there the leader holds for committed. Once it is known to have a quorum, so does this server. */
  #settledEpoch = 0;
  #settledCounter = 0;
  #commitsEarly = false;
  /** Log and replica are being cut, not replaced. */
  #isCutting = false;
  /** The log cannot be cut where this leader has asked: a snapshot is asked for. */
  #needsSnapshot = false;
  #deadlineMs: number;

  constructor(options: LearnerOptions, nowMs: number) {
    this.#options = options;
    this.leader = options.leader;
    this.#state = options.state;
    this.#output = options.output;
    this.#stage = 'pausing';
    this.#deadlineMs = nowMs + options.pauseMs;
    if (options.pauseMs === 0) this.#dial(nowMs);
  }

  get stage(): LearnerStage {
    return this.#stage;
  }

  get connection(): ConnectionId | null {
    return this.#connection;
  }

  /** Whether the leader could not be reached, or has not said a word for as long as is borne. */
  hasHeardNothing(nowMs: number): boolean {
    return this.#stage === 'connecting' || (this.#stage === 'discovery' && nowMs >= this.#deadlineMs);
  }

  /** When {@link advance} is wanted. */
  get nextDeadlineMs(): number {
    return this.#deadlineMs;
  }

  advance(nowMs: number): void {
    if (nowMs < this.#deadlineMs) return;
    switch (this.#stage) {
      case 'pausing':
        this.#dial(nowMs);
        break;
      case 'connecting':
        this.#options.giveUp(
          `leader ${this.leader} could not be reached in ${this.#options.connectLimitMs} ms`,
        );
        break;
      default:
        this.#options.giveUp(
          `nothing was heard of leader ${this.leader} for ${this.#silenceLimitMs} ms (${this.#stage})`,
        );
    }
  }

  connected(connection: ConnectionId, nowMs: number): void {
    if (this.#stage !== 'connecting') {
      this.#output.close(connection, `leader ${this.leader} is connected already`);
      return;
    }
    this.#connection = connection;
    this.#enter('discovery', nowMs);
    const { isObserver, sid, configVersion } = this.#options;
    const { acceptedEpoch } = this.#state;
    this.#output.send(connection, { type: 'learnerInfo', isObserver, acceptedEpoch, sid, configVersion });
  }

  /** The connection is gone. */
  disconnected(): void {
    this.#connection = null;
  }

  /** Ends the relation from this side. */
  stop(reason: string): void {
    if (this.#connection !== null) this.#output.close(this.#connection, reason);
    this.#connection = null;
  }

  heard(nowMs: number): void {
    this.#deadlineMs = nowMs + this.#silenceLimitMs;
  }

  received(packet: ReceivedPacket, nowMs: number): void {
    switch (packet.type) {
      case 'leaderInfo':
        this.#discovered(packet.epoch, nowMs);
        break;
      case 'diff':
        this.#keep(nowMs);
        break;
      case 'trunc':
        this.#truncate(packet.zxid, nowMs);
        break;
      case 'snap':
        this.#replace(packet.zxid, nowMs);
        break;
      case 'newLeader':
        this.#acknowledgeLeader(packet.epoch, nowMs);
        break;
      case 'upToDate':
        this.#serve(nowMs);
        break;
      case 'ping':
        // Apache's leaders take any answer before the ACK of NEWLEADER for that ACK, and learners of theirs give none.
        if (this.#stage === 'serving') this.#output.send(this.#connection!, packet);
        break;
      case 'learnerInfo':
      case 'ackEpoch':
      case 'newLeaderAck':
        this.refuse(packet.type);
        break;
      default:
        throw new Error(`unknown packet ${packet satisfies never}`);
    }
  }

  /** The answer to truncate or receiveSnapshot. */
  historyReplaced(isAsAsked: boolean, nowMs: number): void {
    if (!isAsAsked && this.#isCutting && this.#state.isDatabaseValid && !this.#needsSnapshot) {
      this.#askForSnapshot(nowMs);
      return;
    }
    if (!isAsAsked) {
      this.#options.giveUp(`log and replica could not be made what leader ${this.leader} asked for`);
      return;
    }
    this.#beginSync(nowMs);
    this.#state.enterEpochOfLog(this.#state.history.lastEpoch);
  }

  /** Hot path: PROPOSAL. */
  proposal(epoch: number, counter: number): void {
    if (!this.#isLogging) {
      this.refuse('PROPOSAL');
      return;
    }
    if (this.#options.isObserver && this.#stage !== 'synchronising') return;
    if (!this.#append(epoch, counter, 'PROPOSAL')) return;
    if (this.#stage !== 'synchronising')
      this.#output.acknowledgeAfterSync(this.#connection!, counter, counter);
  }

  /** Hot path: COMMIT. */
  committed(epoch: number, counter: number): void {
    if (!this.#isLogging) {
      this.refuse('COMMIT');
      return;
    }
    if (this.#options.isObserver && this.#stage !== 'synchronising') return;
    if (!this.#isNextToSettle(epoch, counter >>> 0)) {
      this.#illegal(
        `COMMIT of ${hex(epoch, counter)} behind ${hex(this.#settledEpoch, this.#settledCounter)}`,
      );
      return;
    }
    this.#settle(epoch, counter);
  }

  /** Hot path: INFORM, a PROPOSAL and its COMMIT in one. */
  informed(epoch: number, counter: number): void {
    if (!this.#isLogging || !this.#options.isObserver) {
      this.refuse('INFORM');
      return;
    }
    const { lastEpoch, lastCounter } = this.#state.history;
    if (this.#settledEpoch !== lastEpoch || this.#settledCounter !== lastCounter) {
      this.#illegal(
        `INFORM of ${hex(epoch, counter)} while the commit of ${hex(lastEpoch, lastCounter)} is missing`,
      );
      return;
    }
    if (this.#append(epoch, counter, 'INFORM')) this.#settle(epoch, counter);
  }

  /** The log ring is full: what the leader holds for committed has to be applied, quorum or not. */
  roomNeeded(): void {
    if (this.#stage !== 'synchronising' && this.#stage !== 'awaitingUpToDate') return;
    this.#commitsEarly = true;
    this.#state.commit(this.#settledEpoch, this.#settledCounter);
  }

  get #isLogging(): boolean {
    return this.#stage === 'synchronising' || this.#stage === 'awaitingUpToDate' || this.#stage === 'serving';
  }

  get #silenceLimitMs(): number {
    return this.#stage === 'serving' ? this.#options.syncLimitMs : this.#options.initLimitMs;
  }

  #dial(nowMs: number): void {
    this.#stage = 'connecting';
    this.#deadlineMs = nowMs + this.#options.connectLimitMs;
    this.#output.dialLeader(this.leader);
  }

  #enter(stage: LearnerStage, nowMs: number): void {
    this.#stage = stage;
    this.heard(nowMs);
  }

  /**
   * What the leader's history goes on from is older than all that this server could be set back to, and everything is as it was:
   * it is still worth this server's vote. The same leader is dialled anew. A promise counts once, so that a
   * second one for the same epoch tells nothing that the leader would compare with its own history: it can say that
   * there is no database, which gets a snapshot of leaders of all kinds. Until that is stored whole, the old history stays. In an
   * election in between, or to the leader of a later epoch, this server would show what it has.
   */
  #askForSnapshot(nowMs: number): void {
    this.#needsSnapshot = true;
    if (this.#connection !== null)
      this.#output.close(
        this.#connection,
        'the log cannot be cut where the leader asks for it: a snapshot is needed',
      );
    this.#connection = null;
    this.#dial(nowMs);
  }

  #discovered(epoch: number, nowMs: number): void {
    if (this.#stage !== 'discovery') {
      this.refuse('LEADERINFO');
      return;
    }
    const state = this.#state;
    // An observer's promise binds nobody, so that it may follow a leader from before it; what it has entered does bind it.
    const epochMin = this.#options.isObserver ? state.currentEpoch : state.acceptedEpoch;
    if (epoch < epochMin) {
      this.#illegal(`its epoch ${epoch} is older than epoch ${epochMin}, which this server has accepted`);
      return;
    }
    this.#epoch = epoch;
    // -1: the leader must not count a promise twice.
    const isRepeated = epoch <= state.acceptedEpoch;
    const currentEpoch = isRepeated ? -1 : state.currentEpoch;
    if (epoch > state.acceptedEpoch) state.acceptEpoch(epoch);
    this.#enter('awaitingSync', nowMs);
    const { isObserver, follows } = this.#options;
    follows({ kind: isObserver ? 'observing' : 'following', leader: this.leader, epoch });
    const lastZxid = isRepeated && this.#needsSnapshot ? NO_DATABASE : state.lastLogged;
    this.#output.sendAfterSync(this.#connection!, { type: 'ackEpoch', lastZxid, currentEpoch });
  }

  #keep(nowMs: number): void {
    if (this.#stage !== 'awaitingSync' || !this.#state.isDatabaseValid) {
      this.refuse('DIFF');
      return;
    }
    this.#beginSync(nowMs);
  }

  #truncate(zxid: bigint, nowMs: number): void {
    const { isDatabaseValid, lastLogged } = this.#state;
    if (this.#stage !== 'awaitingSync' || !isDatabaseValid) {
      this.refuse('TRUNC');
      return;
    }
    if (zxid < 0n || zxid > lastLogged) {
      this.#illegal(`TRUNC to 0x${zxid.toString(16)}, but the log ends at 0x${lastLogged.toString(16)}`);
      return;
    }
    this.#enter('replacing', nowMs);
    this.#isCutting = true;
    this.#state.truncate(this.#connection!, zxid);
  }

  #replace(zxid: bigint, nowMs: number): void {
    if (this.#stage !== 'awaitingSync') {
      this.refuse('SNAP');
      return;
    }
    if (zxid < 0n || epochOf(zxid) > this.#epoch) {
      this.#illegal(`SNAP at 0x${zxid.toString(16)} in epoch ${this.#epoch}`);
      return;
    }
    this.#enter('replacing', nowMs);
    this.#isCutting = false;
    this.#state.receiveSnapshot(this.#connection!, zxid);
  }

  /** What this server holds now is a prefix of the leader's history. */
  #beginSync(nowMs: number): void {
    this.#enter('synchronising', nowMs);
    this.#settledEpoch = this.#state.history.lastEpoch;
    this.#settledCounter = this.#state.history.lastCounter;
  }

  /** False, and the end of the relation, if the txn at hand cannot be the next one of the log. */
  #append(epoch: number, counter: number, name: string): boolean {
    const { history } = this.#state;
    const isOfEpoch = epoch === this.#epoch || (epoch < this.#epoch && this.#stage === 'synchronising');
    if (!isOfEpoch || !history.follows(epoch, counter)) {
      this.#illegal(
        `${name} of ${hex(epoch, counter)} behind 0x${history.last.toString(16)} (${this.#stage})`,
      );
      return false;
    }
    this.#state.enterEpochOfLog(epoch);
    this.#state.append(epoch, counter);
    return true;
  }

  #isNextToSettle(epoch: number, counter: number): boolean {
    const { lastEpoch, lastCounter } = this.#state.history;
    if (epoch === this.#settledEpoch) {
      return counter === this.#settledCounter + 1 && (epoch < lastEpoch || counter <= lastCounter);
    }
    const zxid = zxidOf(epoch, counter);
    return this.#state.history.next(zxidOf(this.#settledEpoch, this.#settledCounter)) === zxid;
  }

  /**
   * A leader marks what it was elected with as committed before it has a quorum for it. Clients must not see that before
   * UPTODATE, or a txn of the leader's own epoch, says that it has (ZOOKEEPER-2845).
   */
  #settle(epoch: number, counter: number): void {
    this.#settledEpoch = epoch;
    this.#settledCounter = counter >>> 0;
    if (epoch === this.#epoch || this.#commitsEarly) this.#state.commit(epoch, counter);
  }

  /** History, then epoch, then the ACK (ZOOKEEPER-3911, 4643, 4646), then the ACKs of proposals (ZOOKEEPER-4685). */
  #acknowledgeLeader(epoch: number, nowMs: number): void {
    if (this.#stage === 'discovery') {
      this.#illegal(
        'it begins with NEWLEADER, as leaders older than ZooKeeper 3.4 do: they cannot be followed',
      );
      return;
    }
    if (this.#stage !== 'synchronising') {
      this.refuse('NEWLEADER');
      return;
    }
    if (epoch !== this.#epoch) {
      this.#illegal(`NEWLEADER of epoch ${epoch} after LEADERINFO of epoch ${this.#epoch}`);
      return;
    }
    const connection = this.#connection!;
    this.#state.enterEpoch(epoch);
    this.#enter('awaitingUpToDate', nowMs);
    this.#output.sendAfterSync(connection, { type: 'newLeaderAck', epoch });
    if (this.#options.isObserver || this.#state.history.lastEpoch !== epoch) return;
    const first = this.#settledEpoch === epoch ? this.#settledCounter + 1 : 1;
    const last = this.#state.history.lastCounter;
    if (first <= last) this.#output.acknowledgeAfterSync(connection, first, last);
  }

  #serve(nowMs: number): void {
    if (this.#stage !== 'awaitingUpToDate') {
      this.refuse('UPTODATE');
      return;
    }
    this.#output.sendAfterSync(this.#connection!, { type: 'newLeaderAck', epoch: this.#epoch });
    this.#state.commit(this.#settledEpoch, this.#settledCounter);
    this.#commitsEarly = false;
    this.#enter('serving', nowMs);
    this.#options.synchronised(this.#epoch);
  }

  /** It sent what it must not send now. */
  refuse(name: string): void {
    this.#illegal(`${name} cannot come now (${this.#stage})`);
  }

  #illegal(text: string): void {
    this.#options.giveUp(`leader ${this.leader}: ${text}`);
  }
}

function hex(epoch: number, counter: number): string {
  return `0x${zxidOf(epoch, counter).toString(16)}`;
}
