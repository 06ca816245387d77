import type { PrepSession } from '../txn/prep.ts';
import type { Session, SessionTracker } from './session-tracker.ts';

/** No server is known to hold the session's connection; the first one heard of it is taken for its owner. */
export const NO_OWNER = -1;

/**
 * The leader's decisions about sessions of the whole ensemble (protocol/quorum.md §7): which server holds the connection of
 * each (its owner, by sid), which requests are refused, which sessions are still heard of. Expiry is the tracker's.
 */
export class LeaderSessions {
  readonly #tracker: SessionTracker;

  constructor(tracker: SessionTracker) {
    this.#tracker = tracker;
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
    if (session === undefined) return { idHigh, idLow, isClosing: true };
    if (session.owner === NO_OWNER) session.owner = owner;
    // A close is done whoever asks for it: marking it on the tracker's object refuses what comes behind.
    if (session.owner === owner || session.isClosing) return session;
    return new MovedSession(session);
  }

  /** REVALIDATE: a client of server `owner` shows the session's id. True when it lives; that server owns it from then on. */
  revalidate(idHigh: number, idLow: number, timeoutMs: number, owner: number, nowMs: number): boolean {
    const session = this.#tracker.get(idHigh, idLow);
    if (session === undefined || session.isClosing || !session.isCommitted) return false;
    session.owner = owner;
    session.connectionTimeoutMs = timeoutMs;
    this.#tracker.touch(session, nowMs);
    return true;
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
