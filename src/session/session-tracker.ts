import { LongMap } from '../protocol/long-map.ts';

/** Where a session is connected. */
export interface SessionConnection {
  readonly worker: number;
  readonly connection: number;
}

/** A session as its tracker knows it. */
export interface Session {
  readonly idHigh: number;
  readonly idLow: number;
  /** What was negotiated when the session was made; written to snapshots. */
  readonly timeoutMs: number;
  /** Its word in the touch table. */
  readonly slot: number;
  /** What the connection that holds it negotiated last; expiry goes by this. */
  connectionTimeoutMs: number;
  /** A closeSession for it is under way. */
  isClosing: boolean;
  /** Its createSession was applied. */
  isCommitted: boolean;
  /** This server alone knows it: no txn has made it, and it can own no ephemerals (protocol/client.md §13). */
  isLocal: boolean;
  connection: SessionConnection | null;
  /** On a leader: the sid of the server that holds the session's connection; -1: not known (leader-sessions.ts). */
  owner: number;
  bucketMs: number;
}

/** There are as many sessions as there may be; the message names the key. */
export class SessionLimitError extends Error {
  override readonly name = 'SessionLimitError';
}

export interface SessionTrackerOptions {
  readonly tickTimeMs: number;
  readonly sessionsMax: number;
  /**
   * One word a session, shared with the connection workers: when its connection was last heard of, on the tracker's
   * clock. A worker stamps it with each packet; so heartbeats cost no message and cannot be held up by one.
   */
  readonly touchTable: Int32Array;
}

/** Bytes of a touch table for so many sessions. */
export function touchTableBytes(sessionsMax: number): number {
  return sessionsMax * 4;
}

/**
 * Knows the sessions and tells which have expired, in buckets of a tick as ZooKeeper does (protocol/client.md §2).
 * Times are milliseconds on one monotonic clock that all threads share, wrapped to 32 bits.
 */
export class SessionTracker {
  readonly #options: SessionTrackerOptions;
  readonly #sessions = new LongMap<Session>();
  readonly #buckets = new Map<number, Set<Session>>();
  readonly #freeSlots: number[] = [];
  #slotsUsed = 0;
  #checkedUntilMs: number;

  /** `nowMs`: the clock's present reading, unwrapped. */
  constructor(options: SessionTrackerOptions, nowMs: number) {
    this.#options = options;
    this.#checkedUntilMs = this.#roundUp(nowMs);
  }

  get size(): number {
    return this.#sessions.size;
  }

  get(idHigh: number, idLow: number): Session | undefined {
    return this.#sessions.get(idHigh, idLow);
  }

  values(): Generator<Session> {
    return this.#sessions.values();
  }

  /** Adds a session that was heard of just now. Throws SessionLimitError at the limit. */
  add(idHigh: number, idLow: number, timeoutMs: number, nowMs: number): Session {
    const slot = this.#freeSlots.pop() ?? this.#slotsUsed++;
    if (slot >= this.#options.sessionsMax) {
      this.#slotsUsed--;
      throw new SessionLimitError(`menagerie.sessionsMax=${this.#options.sessionsMax} sessions are open`);
    }
    const session: Session = {
      idHigh,
      idLow,
      timeoutMs,
      slot,
      connectionTimeoutMs: timeoutMs,
      isClosing: false,
      isCommitted: false,
      isLocal: false,
      connection: null,
      owner: -1,
      bucketMs: 0,
    };
    this.#sessions.set(idHigh, idLow, session);
    this.touch(session, nowMs);
    return session;
  }

  /** Takes note that the session was heard of. Also needed when its timeout changed: the end may be nearer now. */
  touch(session: Session, nowMs: number): void {
    Atomics.store(this.#options.touchTable, session.slot, nowMs | 0);
    this.#buckets.get(session.bucketMs)?.delete(session);
    this.#putInBucket(session, this.#expiryMs(session, nowMs));
  }

  remove(session: Session): void {
    if (!this.#sessions.delete(session.idHigh, session.idLow)) return;
    this.#buckets.get(session.bucketMs)?.delete(session);
    this.#freeSlots.push(session.slot);
  }

  /**
   * The sessions whose time is over, each given once: the caller closes them. A session that was touched since it was
   * put in its bucket moves on to a later one.
   */
  takeExpired(nowMs: number): Session[] {
    const { tickTimeMs } = this.#options;
    const expired: Session[] = [];
    for (; this.#checkedUntilMs <= nowMs; this.#checkedUntilMs += tickTimeMs) {
      const bucket = this.#buckets.get(this.#checkedUntilMs);
      if (bucket === undefined) continue;
      this.#buckets.delete(this.#checkedUntilMs);
      for (const session of bucket) {
        const expiryMs = this.#expiryMs(session, this.#heardMs(session, nowMs));
        if (expiryMs > this.#checkedUntilMs) this.#putInBucket(session, expiryMs);
        else expired.push(session);
      }
    }
    return expired;
  }

  /** When the session ends unless it is heard of before, on the tracker's clock: the end of its tick. */
  expiresMs(session: Session, nowMs: number): number {
    return this.#expiryMs(session, this.#heardMs(session, nowMs));
  }

  /** Gives every session a full timeout from now: after a start, or after the whole process stood still. */
  touchAll(nowMs: number): void {
    for (const session of this.#sessions.values()) this.touch(session, nowMs);
  }

  /** When the session was last heard of, unwrapped: at most 2^31 ms (24 days) ago. */
  #heardMs(session: Session, nowMs: number): number {
    const nowWholeMs = Math.floor(nowMs);
    const silentMs = (nowWholeMs - Atomics.load(this.#options.touchTable, session.slot)) | 0;
    return nowWholeMs - silentMs;
  }

  #expiryMs(session: Session, heardMs: number): number {
    return this.#roundUp(Math.floor(heardMs) + session.connectionTimeoutMs);
  }

  /** A bucket that was looked at already would never be again. */
  #putInBucket(session: Session, expiryMs: number): void {
    session.bucketMs = Math.max(expiryMs, this.#checkedUntilMs);
    let bucket = this.#buckets.get(session.bucketMs);
    if (bucket === undefined) {
      bucket = new Set();
      this.#buckets.set(session.bucketMs, bucket);
    }
    bucket.add(session);
  }

  #roundUp(timeMs: number): number {
    const { tickTimeMs } = this.#options;
    return (Math.floor(timeMs / tickTimeMs) + 1) * tickTimeMs;
  }
}
