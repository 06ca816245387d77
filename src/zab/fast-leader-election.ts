import type { Ensemble } from './ensemble.ts';
import type { ZabOutput } from './output.ts';
import { PeerState } from './peer-state.ts';
import type { Notification, Vote } from './vote.ts';
import { type CastVote, countsForSameLeader, isBetterVote, isSameProposal } from './vote-order.ts';

export interface FastLeaderElectionOptions {
  readonly sid: number;
  readonly ensemble: Pick<Ensemble, 'voters' | 'verifier' | 'text'>;
  readonly isObserver: boolean;
  /** fastleader.minNotificationInterval: the first wait before votes are sent again; doubled from then on. */
  readonly minNotificationIntervalMs: number;
  readonly maxNotificationIntervalMs: number;
  readonly output: Pick<ZabOutput, 'notify' | 'reconnectElection' | 'report'>;
}

/** How long a quorum of equal votes waits for a better one, unless every voter that can be reached has voted. */
const FINALIZE_WAIT_MS = 200;
/** While voters cannot be reached their connections are tried at least so often, however rare notifications became. */
const RECONNECT_INTERVAL_MS_MAX = 1000;
/** For so long nobody votes by hearsay for a server that was followed in vain. */
const AVOIDED_MS = 1000;
/** An election that lasts longer is worth a line in the log, at each further doubling. */
const REPORT_INTERVAL_MS_MIN = 3200;
/** No ensemble comes so far by itself; a higher one would end in numbers that are not exact. */
const ROUND_MAX = 2 ** 48;
/** Servers beyond the list that wait for an answer; more are not remembered. */
const ASKERS_MAX = 256;
/** The zxid in the vote of a server whose database may not vote (db.autocreate=false and no data). */
const NO_ZXID = -1n;

type Connectivity = 'unknown' | 'reachable' | 'unreachable';

/**
 * Finds a leader: everybody votes for itself, tells the others, and goes over to a better vote when it hears of one,
 * until a quorum votes the same (FastLeaderElection, protocol/quorum.md §2.3 and §2.4). Who looks while others have a leader
 * learns of it from their answers.
 *
 * Otherwise than in Apache: the election ends as soon as every voter that can be reached has voted the same, instead of
 * 200 ms later; who looked while this server had no answer is told when there is one, and who comes to a round late is
 * told where it stands, both instead of when they ask again; so is who has voted for another one; a server that has just got a
 * connection is told at once, and so learns of a leader without asking; a dead voter's vote is forgotten; hearsay does not elect a server that was silent when it
 * was followed.
 */
export class FastLeaderElection {
  readonly #options: FastLeaderElectionOptions;
  /** Whether this server's vote counts; others only ask. */
  readonly #isVoter: boolean;
  readonly #voters: ReadonlySet<number>;
  /** The voters but for this server. */
  readonly #others: readonly number[];
  readonly #connectivity = new Map<number, Connectivity>();
  /** Votes of this round. */
  readonly #votes = new Map<number, CastVote>();
  /** Votes of servers that have a leader, of whatever round. */
  readonly #decided = new Map<number, CastVote>();
  /** Voters whose database may not vote: there is nothing to wait for. */
  readonly #mute = new Set<number>();
  /** Those whose question came while there was no answer. */
  readonly #askers = new Set<number>();
  /** It was followed in vain: it gets no vote before it is heard of in the present round, see {@link start}. */
  #avoided: number | null = null;
  #round = 0;
  #state: PeerState = PeerState.looking;
  #isLooking = false;
  #ownVote: Vote | null = null;
  /** What this server votes for; once it has decided, what it tells those who ask. */
  #proposal: Vote | null = null;
  /** The round that goes with #proposal once it is decided. */
  #decidedRound = 0;
  #result: (Vote & { readonly round: number }) | null = null;
  /** The latest time that was told. */
  #nowMs = 0;
  #startedMs = 0;
  #intervalMs = 0;
  #resendAtMs = Number.POSITIVE_INFINITY;
  #reconnectAtMs = Number.POSITIVE_INFINITY;
  #finishAtMs = Number.POSITIVE_INFINITY;

  constructor(options: FastLeaderElectionOptions) {
    this.#options = options;
    const { sid, ensemble, isObserver } = options;
    this.#voters = new Set(ensemble.voters);
    this.#isVoter = !isObserver && this.#voters.has(sid);
    this.#others = ensemble.voters.filter((voter) => voter !== sid);
  }

  /** The logical clock: it goes up with each election, and follows that of the others. */
  get round(): number {
    return this.#round;
  }

  /** Who was found, in which round; null while looking. */
  get result(): (Vote & { readonly round: number }) | null {
    return this.#result;
  }

  /** When {@link advance} is wanted; Infinity when there is nothing to wait for. */
  get nextDeadlineMs(): number {
    return Math.min(this.#resendAtMs, this.#reconnectAtMs, this.#finishAtMs);
  }

  /**
   * Begins to look for a leader, in a new round. `vote`: for this server itself, with its last logged zxid (-1 if it
   * may not vote) and its currentEpoch; of no account for an observer.
   *
   * `avoided`: a server that was elected last and then could not be reached, or was silent. Others that reach it may still tell of
   * its vote, which may be the best of all: elected by hearsay, it would be followed in vain again, for ever, as long as the
   * links are cut in this way. When it says in the new round what it votes for, it has heard of that round, and counts again;
   * also when nothing comes of the election otherwise, as those who need this vote may wait for a server that is dead.
   */
  start(nowMs: number, vote: Vote | null, avoided: number | null = null): void {
    this.#nowMs = nowMs;
    this.#avoided = avoided;
    this.#round++;
    this.#state = PeerState.looking;
    this.#isLooking = true;
    this.#result = null;
    this.#ownVote = this.#isVoter ? vote : null;
    this.#proposal = this.#ownVote;
    this.#votes.clear();
    this.#decided.clear();
    this.#mute.clear();
    this.#finishAtMs = Number.POSITIVE_INFINITY;
    this.#startedMs = nowMs;
    this.#intervalMs = this.#options.minNotificationIntervalMs;
    this.#resendAtMs = nowMs + this.#intervalMs;
    this.#planReconnect(nowMs);
    this.#broadcast();
    this.#decide(nowMs);
  }

  /** A connection to this server of the ensemble is there. `nowMs`: by default what was told last. */
  voterReachable(sid: number, nowMs = this.#nowMs): void {
    this.#nowMs = nowMs;
    this.#connectivity.set(sid, 'reachable');
    // Also what has waited for the connection since this server looked is void then.
    if (!this.#isLooking && this.#isVoter && this.#proposal !== null) this.#tell(sid);
    if (!this.#isLooking || !this.#others.includes(sid)) return;
    this.#tell(sid);
    // The world has changed: what is lost now shall not wait for as long as what nobody could receive.
    this.#intervalMs = this.#options.minNotificationIntervalMs;
    this.#resendAtMs = Math.min(this.#resendAtMs, nowMs + this.#intervalMs);
    this.#planReconnect(nowMs);
    this.#decide(nowMs);
  }

  /** The connection to this server is gone, or an attempt to get one has failed. */
  voterUnreachable(sid: number, nowMs = this.#nowMs): void {
    this.#nowMs = nowMs;
    this.#connectivity.set(sid, 'unreachable');
    if (!this.#isLooking || !this.#others.includes(sid)) return;
    this.#votes.delete(sid);
    this.#decided.delete(sid);
    this.#mute.delete(sid);
    this.#planReconnect(nowMs);
    this.#decide(nowMs);
  }

  /** `from` has sent this. */
  notification(from: number, notification: Notification, nowMs: number): void {
    this.#nowMs = nowMs;
    const { round, state } = notification;
    if (from === this.#options.sid) return;
    if (!Number.isSafeInteger(round) || round < 0 || round > ROUND_MAX) {
      this.#options.output.report('warn', `ignored a vote of server ${from}: election round ${round}`);
      return;
    }
    if (!this.#voters.has(from)) this.#answerStranger(from, notification);
    else if (this.#isLooking) this.#count(from, notification, nowMs);
    // What those without a vote say counts for nobody, so they answer nobody.
    else if (state === PeerState.looking && this.#isVoter) this.#answer(from);
  }

  /** Does what is due. */
  advance(nowMs: number): void {
    this.#nowMs = nowMs;
    if (!this.#isLooking) return;
    if (nowMs >= this.#finishAtMs && this.#proposal !== null) {
      this.#finish(this.#proposal, this.#round);
      return;
    }
    const isResend = nowMs >= this.#resendAtMs;
    if (isResend) this.#resend(nowMs);
    if (!this.#isLooking) return;
    if (isResend || nowMs >= this.#reconnectAtMs) this.#reconnect(nowMs);
  }

  /**
   * What those who look are told from now on: the vote that was decided, and, when a leader has synchronised this
   * server, the same with the leader's epoch as peerEpoch.
   */
  setFinalVote(vote: Vote, round: number, state: Exclude<PeerState, typeof PeerState.looking>): void {
    this.#isLooking = false;
    this.#proposal = vote;
    this.#decidedRound = round;
    this.#state = state;
    this.#resendAtMs = Number.POSITIVE_INFINITY;
    this.#reconnectAtMs = Number.POSITIVE_INFINITY;
    this.#finishAtMs = Number.POSITIVE_INFINITY;
    for (const sid of this.#askers) this.#tell(sid);
    this.#askers.clear();
  }

  /**
   * Servers without a vote are answered by those who have one. One that is a round ahead is answered when there is a
   * leader: Apache's observers reply to votes of earlier rounds, and would be answered again, without end.
   */
  #answerStranger(from: number, { state, round }: Notification): void {
    if (!this.#isVoter || state !== PeerState.looking) return;
    if (!this.#isLooking) {
      this.#answer(from);
      return;
    }
    this.#remember(from);
    if (round <= this.#round) this.#tell(from);
  }

  /** Tells who leads; before the first election there is nothing to tell yet. */
  #answer(sid: number): void {
    if (this.#proposal === null) this.#remember(sid);
    else this.#tell(sid);
  }

  #remember(sid: number): void {
    if (this.#askers.size < ASKERS_MAX) this.#askers.add(sid);
  }

  #count(from: number, { vote, round, state, version }: Notification, nowMs: number): void {
    if (state === PeerState.observing || vote === null) return;
    if (!this.#voters.has(vote.leader)) return;
    const cast: CastVote = { ...vote, round, state, version };
    if (state === PeerState.looking) this.#countLooking(from, cast, nowMs);
    else this.#countDecided(from, cast, nowMs);
  }

  #countLooking(from: number, cast: CastVote, nowMs: number): void {
    this.#decided.delete(from);
    if (cast.round < this.#round && this.#isVoter) this.#tell(from);
    if (cast.zxid === NO_ZXID) {
      this.#remember(from);
      this.#mute.add(from);
      this.#votes.delete(from);
      this.#decide(nowMs);
      return;
    }
    this.#mute.delete(from);
    if (this.#ownVote?.zxid === NO_ZXID) return;
    if (cast.round < this.#round) {
      // It has begun anew and knows nothing any more of what it said in this round.
      this.#votes.delete(from);
      this.#decide(nowMs);
      return;
    }
    if (from === this.#avoided) this.#avoided = null;
    if (cast.round > this.#round) {
      this.#round = cast.round;
      this.#votes.clear();
      this.#propose(this.#isBetter(cast, this.#ownVote) ? proposalOf(cast) : this.#ownVote);
    } else if (this.#isBetter(cast, this.#proposal)) {
      this.#propose(proposalOf(cast));
    } else if (!this.#votes.has(from) && this.#isVoter) {
      // It may have begun to look only now, and have dropped what this server said before.
      this.#tell(from);
    }
    this.#votes.set(from, cast);
    this.#decide(nowMs);
  }

  #isBetter(cast: CastVote, than: Vote | null): boolean {
    return cast.leader !== this.#avoided && isBetterVote(cast, than, this.#options.ensemble.verifier);
  }

  #countDecided(from: number, cast: CastVote, nowMs: number): void {
    // A vote that it cast while it looked is void.
    this.#votes.delete(from);
    if (cast.round === this.#round) {
      this.#votes.set(from, cast);
      // Apache's votes of the same round count by their leader alone, whether or not their senders are synchronised.
      if (this.#isDecidedBy(this.#votes, { ...cast, version: 0 })) {
        this.#finish(proposalOf(cast), cast.round);
        return;
      }
    }
    this.#decided.set(from, cast);
    if (this.#isDecidedBy(this.#decided, cast)) {
      this.#round = cast.round;
      this.#finish(proposalOf(cast), cast.round);
      return;
    }
    this.#decide(nowMs);
  }

  /** Whether a quorum of these votes is for the same leader as `cast`, and that leader itself says that it leads. */
  #isDecidedBy(votes: ReadonlyMap<number, CastVote>, cast: CastVote): boolean {
    const { sid, ensemble } = this.#options;
    if (cast.leader === sid) {
      // They follow what this server is now only if they have voted for what it has now: they may be following
      // its past, which ended when it last stopped, and have not noticed yet.
      if (cast.round !== this.#round || !isSameProposal(cast, this.#ownVote)) return false;
    } else if (votes.get(cast.leader)?.state !== PeerState.leading) return false;
    const agreeing = new Set<number>();
    for (const [voter, vote] of votes) if (countsForSameLeader(vote, cast)) agreeing.add(voter);
    return ensemble.verifier.containsQuorum(agreeing);
  }

  /** Ends the election if all who can be reached agree; waits for better votes if only a quorum does. */
  #decide(nowMs: number): void {
    const proposal = this.#proposal;
    if (proposal === null || proposal.zxid === NO_ZXID || !this.#hasQuorum(proposal)) {
      this.#finishAtMs = Number.POSITIVE_INFINITY;
    } else if (this.#isUnanimous(proposal)) {
      this.#finish(proposal, this.#round);
    } else {
      this.#finishAtMs = Math.min(this.#finishAtMs, nowMs + FINALIZE_WAIT_MS);
    }
  }

  /** Goes over to this vote. */
  #propose(vote: Vote | null): void {
    this.#proposal = vote;
    this.#finishAtMs = Number.POSITIVE_INFINITY;
    this.#broadcast();
  }

  #hasQuorum(proposal: Vote): boolean {
    const agreeing = new Set<number>();
    for (const [voter, vote] of this.#votes) if (isSameProposal(vote, proposal)) agreeing.add(voter);
    return this.#options.ensemble.verifier.containsQuorum(agreeing);
  }

  /** Nobody who could still send a better vote is left, and the leader has not gone away meanwhile. */
  #isUnanimous(proposal: Vote): boolean {
    return this.#others.every((sid) => {
      if (this.#connectivity.get(sid) === 'unreachable') return sid !== proposal.leader;
      if (this.#mute.has(sid)) return true;
      return isSameProposal(this.#votes.get(sid) ?? null, proposal);
    });
  }

  #finish(vote: Vote, round: number): void {
    const { sid } = this.#options;
    this.#result = Object.freeze({ ...proposalOf(vote), round });
    // Who votes for another one would go on, and ask again only when its patience is over.
    for (const [voter, cast] of this.#votes) {
      const isLooking = voter !== sid && cast.state === PeerState.looking;
      if (isLooking && cast.leader !== vote.leader) this.#remember(voter);
    }
    const role = this.#isVoter ? PeerState.following : PeerState.observing;
    this.setFinalVote(this.#result, round, vote.leader === sid ? PeerState.leading : role);
  }

  /** As hearsay is all that there is, it counts. */
  #avoidNobody(): void {
    this.#avoided = null;
    let best = this.#proposal;
    for (const cast of this.#votes.values()) {
      if (cast.state === PeerState.looking && this.#isBetter(cast, best)) best = proposalOf(cast);
    }
    if (best !== this.#proposal) this.#propose(best);
  }

  #resend(nowMs: number): void {
    if (this.#avoided !== null && nowMs - this.#startedMs >= AVOIDED_MS) {
      this.#avoidNobody();
      this.#decide(nowMs);
      if (this.#result !== null) return;
    }
    if (this.#intervalMs >= REPORT_INTERVAL_MS_MIN) this.#reportLongSearch(nowMs);
    this.#intervalMs = Math.min(2 * this.#intervalMs, this.#options.maxNotificationIntervalMs);
    this.#resendAtMs = nowMs + this.#intervalMs;
    this.#broadcast();
  }

  #reconnect(nowMs: number): void {
    const missing = this.#unreachable();
    if (missing.length > 0) this.#options.output.reconnectElection(missing);
    this.#planReconnect(nowMs);
  }

  #planReconnect(nowMs: number): void {
    const waitMs = Math.min(this.#intervalMs, RECONNECT_INTERVAL_MS_MAX);
    this.#reconnectAtMs = this.#unreachable().length > 0 ? nowMs + waitMs : Number.POSITIVE_INFINITY;
  }

  #unreachable(): number[] {
    return this.#others.filter((sid) => this.#connectivity.get(sid) !== 'reachable');
  }

  #reportLongSearch(nowMs: number): void {
    const heard = this.#others.filter((sid) => this.#votes.has(sid) || this.#decided.has(sid));
    const list = (sids: readonly number[]) => (sids.length === 0 ? 'none' : sids.join(', '));
    const seconds = Math.round((nowMs - this.#startedMs) / 1000);
    this.#options.output.report(
      'warn',
      `no leader after ${seconds} s (round ${this.#round}): heard of servers: ${list(heard)}; ` +
        `not connected: ${list(this.#unreachable())}`,
    );
  }

  /** Tells all voters what this server proposes, and counts its own vote. */
  #broadcast(): void {
    if (this.#proposal !== null && this.#isVoter) {
      const own = { ...this.#proposal, round: this.#round, state: PeerState.looking, version: 2 };
      this.#votes.set(this.#options.sid, own);
    }
    for (const voter of this.#others) this.#tell(voter);
  }

  #tell(sid: number): void {
    const round = this.#isLooking ? this.#round : this.#decidedRound;
    this.#options.output.notify(sid, {
      vote: this.#isVoter || !this.#isLooking ? this.#proposal : null,
      round,
      state: this.#state,
      version: 2,
      config: this.#options.ensemble.text,
    });
  }
}

function proposalOf({ leader, zxid, peerEpoch }: Vote): Vote {
  return Object.freeze({ leader, zxid, peerEpoch });
}
