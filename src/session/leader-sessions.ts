import { LongMap } from '../protocol/long-map.ts';
import type { PrepSession } from '../txn/prep-request.ts';
import type { Session, SessionTracker } from './session-tracker.ts';

/** No server is known to hold the session's connection; the first one heard of it is taken for its owner. */
export const NO_OWNER = -1;
const ENDED_MAX = 65_536;

/** What became of a client's wish to go on with a session. */
export const Revalidation = {
  /** There is no such session. */
  refused: 0,
  /** It was this server's before. */
  kept: 1,
  /** It is known no longer, or was not known yet, where its connection was. */
  moved: 2,
} as const;
export type Revalidation = (typeof Revalidation)[keyof typeof Revalidation];

/**
 * The leader's decisions about sessions of the whole ensemble (protocol/quorum.md §7): which server holds the connection of
 * each (its owner, by sid), which requests are refused, which sessions are still heard of. Expiry is the tracker's.
 */
export class LeaderSessions {
  readonly #tracker: SessionTracker;
  /** Whether another server may know a session that this one does not, and its own sid; null: there are no local sessions. */
  readonly #localTo: number | null;
  /** Sessions that ended of late: no other server's local ones, though they are not known here. In two parts, by age. */
  #ended = new LongMap<true>();
  #endedEarlier = new LongMap<true>();

  /** `localTo`: this server's sid where sessions may be local to one server (protocol/client.md §13); null where not. */
  constructor(tracker: SessionTracker, localTo: number | null = null) {
    this.#tracker = tracker;
    this.#localTo = localTo;
  }

  /** A createSession is made a txn of. Throws SessionLimitError. A session that is known already is given as it is. */
  created(idHigh: number, idLow: number, timeoutMs: number, owner: number, nowMs: number): Session {
    const session = this.#tracker.get(idHigh, idLow) ?? this.#tracker.add(idHigh, idLow, timeoutMs, nowMs);
    session.owner = owner;
    return session;
  }

  /** The session as prep must see it for a request that came through server `owner`. */
  requested(idHigh: number, idLow: number, owner: number): PrepSession {
    const session = this.#tracker.get(idHigh, idLow);
    if (session === undefined) return this.#unknown(idHigh, idLow);
    if (session.owner === NO_OWNER) session.owner = owner;
    // A close is done whoever asks for it: marking it on the tracker's object refuses what comes behind.
    if (session.owner === owner || session.isClosing) return session;
    return new MovedSession(session);
  }

  /** Its server vouches for a local session, unless that would be this one. */
  #unknown(idHigh: number, idLow: number): PrepSession {
    const hasEnded = this.#ended.get(idHigh, idLow) ?? this.#endedEarlier.get(idHigh, idLow) ?? false;
    const isElsewhere = this.#localTo !== null && idHigh >>> 24 !== this.#localTo && !hasEnded;
    return { idHigh, idLow, isClosing: !isElsewhere, isLocal: isElsewhere, isElsewhere };
  }

  /**
   * A session of the whole ensemble has ended. Requests that its server had sent before it knew must not pass as those of a
   * local one; so many sessions do not end in the time that takes.
   */
  ended(idHigh: number, idLow: number): void {
    if (this.#localTo === null) return;
    this.#ended.set(idHigh, idLow, true);
    if (this.#ended.size < ENDED_MAX / 2) return;
    this.#endedEarlier = this.#ended;
    this.#ended = new LongMap();
  }

  /**
   * REVALIDATE: a client of server `owner` shows the session's id. If it lives, that server owns it from then on. A session that
   * moves needs a txn in the history, an error txn with cxid 0 and SESSIONMOVED, before its client is answered: a later leader
   * takes the first server heard of for the owner, and a server with a left-over connection, which wakes up with requests in it,
   * must be known not to be that. It is at one with the history before it serves again, and so hears of the move.
   */
  revalidate(idHigh: number, idLow: number, timeoutMs: number, owner: number, nowMs: number): Revalidation {
    const session = this.#tracker.get(idHigh, idLow);
    if (session === undefined || session.isClosing || !session.isCommitted) return Revalidation.refused;
    const isMove = session.owner !== owner;
    session.owner = owner;
    session.connectionTimeoutMs = timeoutMs;
    this.#tracker.touch(session, nowMs);
    return isMove ? Revalidation.moved : Revalidation.kept;
  }

  /** A learner has heard of the session (the table in its PING). */
  heard(idHigh: number, idLow: number, timeoutMs: number, nowMs: number): void {
    const session = this.#tracker.get(idHigh, idLow);
    if (session === undefined) return;
    session.connectionTimeoutMs = timeoutMs;
    this.#tracker.touch(session, nowMs);
  }
}

/** A session that is connected to another server: what comes from this one is refused, but for the close. */
class MovedSession implements PrepSession {
  readonly idHigh: number;
  readonly idLow: number;
  readonly isMoved = true;
  readonly #session: Session;

  constructor(session: Session) {
    this.idHigh = session.idHigh;
    this.idLow = session.idLow;
    this.#session = session;
  }

  get isClosing(): boolean {
    return this.#session.isClosing;
  }

  set isClosing(isClosing: boolean) {
    this.#session.isClosing = isClosing;
  }
}
