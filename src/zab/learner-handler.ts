import type { ConnectionId } from './output.ts';
import type { ReceivedPacket } from './packet.ts';

/**
 * Where a leader stands with a learner (protocol/quorum.md §4.1):
 *
 * - *connected*: nothing came yet.
 * - *awaitingEpoch*: FOLLOWERINFO came; a quorum of them decides on the epoch.
 * - *awaitingPromise*: LEADERINFO is sent, ACKEPOCH not back.
 * - *awaitingQuorum*: ACKEPOCH came; a quorum of them makes the leader begin its epoch.
 * - *searchingDisk*: whether the log on disk can help is being found out.
 * - *synchronising*: what it lacks, and NEWLEADER, are on their way; proposals follow.
 * - *synchronised*: it has acknowledged NEWLEADER.
 */
export type LearnerHandlerStage =
  | 'connected'
  | 'awaitingEpoch'
  | 'awaitingPromise'
  | 'awaitingQuorum'
  | 'searchingDisk'
  | 'synchronising'
  | 'synchronised';

const UNKNOWN_SID = -1;

/** What a leader knows of one learner: fields, and what follows from them alone. */
export class LearnerHandler {
  readonly connection: ConnectionId;
  sid = UNKNOWN_SID;
  isObserver = false;
  /** It has a vote, and counts in quorums. */
  isVoter = false;
  acceptedEpoch = 0;
  /** Its last zxid as of ACKEPOCH. */
  peerZxid = 0n;
  stage: LearnerHandlerStage = 'connected';
  /** Of the leader's epoch, everything up to this counter is in its log. */
  acknowledged = 0;
  #heardMs: number;
  /** This counter was proposed at #probeMs at the latest, and is not acknowledged; 0: there is none such. */
  #probe = 0;
  #probeMs = 0;

  constructor(connection: ConnectionId, nowMs: number) {
    this.connection = connection;
    this.#heardMs = nowMs;
  }

  /** For log lines. */
  get name(): string {
    if (this.sid === UNKNOWN_SID) return `connection ${this.connection}`;
    return `${this.isObserver ? 'observer' : 'follower'} ${this.sid}`;
  }

  /** Whether it is sent what is proposed or committed. */
  get isForwardedTo(): boolean {
    return this.stage === 'synchronising' || this.stage === 'synchronised';
  }

  heard(nowMs: number): void {
    this.#heardMs = nowMs;
  }

  introduce(info: Extract<ReceivedPacket, { type: 'learnerInfo' }>, isVoter: boolean): void {
    this.sid = info.sid;
    this.isObserver = info.isObserver;
    this.isVoter = isVoter && !info.isObserver;
    this.acceptedEpoch = info.acceptedEpoch;
    this.stage = 'awaitingEpoch';
  }

  /** Why it must be given up, or null. `proposed`: the last counter that was sent to it. Called twice a tick. */
  complaint(nowMs: number, proposed: number, initLimitMs: number, syncLimitMs: number): string | null {
    const limitMs = this.stage === 'synchronised' ? syncLimitMs : initLimitMs + syncLimitMs;
    if (nowMs - this.#heardMs > limitMs) return `nothing was heard of it for ${nowMs - this.#heardMs} ms`;
    if (this.stage !== 'synchronised' || this.isObserver) return null;
    if (this.#probe !== 0 && this.acknowledged < this.#probe) {
      const waitMs = nowMs - this.#probeMs;
      return waitMs > syncLimitMs ? `it has not acknowledged a proposal for ${waitMs} ms` : null;
    }
    this.#probe = this.acknowledged < proposed ? proposed : 0;
    this.#probeMs = nowMs;
    return null;
  }
}
