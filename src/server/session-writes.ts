// Hot path on a follower: one map look-up per applied txn, and a small record per write of an own client.

import { ErrorCode } from '../protocol/error-code.ts';
import { compareLongs } from '../protocol/long.ts';
import { LongMap } from '../protocol/long-map.ts';

/** What the txn that was just applied means to this server's clients. */
export const AppliedTo = {
  /** The session is not connected here, or the txn is older than its connection. */
  nobody: 0,
  /** It answers the session's oldest write, {@link SessionWrites.answered}, and the syncs before it. */
  write: 1,
  /** The session has sent it through another server: the connection here is a left-over, to be closed. */
  moved: 2,
} as const;
export type AppliedTo = (typeof AppliedTo)[keyof typeof AppliedTo];

/** A request of a client of this server that the leader is to make a txn of, or a sync. */
export interface SessionWrite<Request> {
  readonly sessionHigh: number;
  readonly sessionLow: number;
  readonly cxid: number;
  /** No txn comes of it: {@link SessionWrites.synced} answers it. */
  readonly isSync: boolean;
  /** Whatever is needed to answer it, and to forward it again. */
  readonly request: Request;
}

interface ConnectedSession<Request> {
  /** What was proposed up to here was not sent through this connection. */
  readonly sinceEpoch: number;
  readonly sinceCounter: number;
  /** Sent to the leader, oldest first. */
  readonly writes: SessionWrite<Request>[];
}

/**
 * The writes and syncs of the sessions that are connected to this server, from the moment they are forwarded until they are
 * answered (protocol/quorum.md §5: a learner knows its own txns by session and cxid, and SYNCs by their order). A session's
 * txns are applied in the order in which its writes were sent, so only the oldest is compared.
 *
 * Connections outlive a change of the leader here, which Apache's do not. What keeps that safe:
 * - When the server follows again its history is the new leader's. A write whose txn is not in it can never be in it, for
 *   the leader that had it has lost the right to propose, or, being the same, forgets what came through an older connection.
 *   It is forwarded again ({@link again}), and done once. An observer does not see what its leader has proposed and not yet
 *   committed, so it cannot know: it gives up the connections of {@link sessionsInDoubt} instead.
 * - A client may have moved away unseen (its connection here is half open) and gone on elsewhere; what it had sent before
 *   must not be done behind what it has done since, or has seen. It is known by its txns, of which each move is one
 *   (LeaderSessions.revalidate): one that did not come through this connection, and is younger than it, says
 *   {@link AppliedTo}.moved.
 * - A snapshot in place of the txns hides both. All connections are given up then ({@link clear}).
 */
export class SessionWrites<Request> {
  /** The write that the last {@link applied} answers. */
  answered: SessionWrite<Request> | null = null;
  /**
   * Syncs that were sent before that write, to be answered before it. All that they wait for was proposed before the write, and
   * is applied: when the leader that was asked is gone, nobody else says so.
   */
  readonly syncsBefore: SessionWrite<Request>[] = [];
  /** Writes and syncs under way. */
  size = 0;
  readonly #sessions = new LongMap<ConnectedSession<Request>>();
  /** Syncs that the leader has been sent, oldest first; also those for which nobody waits any more. */
  #syncs: SessionWrite<Request>[] = [];

  /**
   * The session is connected here from now on, for the leader knows of it: its txns up to this zxid, the last proposed or
   * received, are not this connection's.
   */
  attached(sessionHigh: number, sessionLow: number, sinceEpoch: number, sinceCounter: number): void {
    this.detached(sessionHigh, sessionLow);
    this.#sessions.set(sessionHigh, sessionLow, { sinceEpoch, sinceCounter, writes: [] });
  }

  /** The session's connection is gone: nobody waits for its writes any more, done or not. */
  detached(sessionHigh: number, sessionLow: number): void {
    const session = this.#sessions.get(sessionHigh, sessionLow);
    if (session === undefined) return;
    this.size -= session.writes.length;
    this.#sessions.delete(sessionHigh, sessionLow);
  }

  isAttached(sessionHigh: number, sessionLow: number): boolean {
    return this.#sessions.get(sessionHigh, sessionLow) !== undefined;
  }

  /** Whether nothing of the session is under way. */
  isIdle(sessionHigh: number, sessionLow: number): boolean {
    return (this.#sessions.get(sessionHigh, sessionLow)?.writes.length ?? 0) === 0;
  }

  /** A write or a sync goes to the leader. Throws when the session is not attached. */
  add(write: SessionWrite<Request>): void {
    const session = this.#sessions.get(write.sessionHigh, write.sessionLow);
    if (session === undefined) throw new Error('a write of a session that is not connected');
    session.writes.push(write);
    this.size++;
    if (write.isSync) this.#syncs.push(write);
  }

  /** The leader has answered the oldest sync (SYNC): gives it, or null when nobody waits for it any more. */
  synced(): SessionWrite<Request> | null {
    const sync = this.#syncs.shift();
    if (sync === undefined) return null;
    const writes = this.#sessions.get(sync.sessionHigh, sync.sessionLow)?.writes;
    const at = writes?.indexOf(sync) ?? -1;
    if (at < 0) return null;
    writes?.splice(at, 1);
    this.size--;
    return sync;
  }

  /** A txn was applied: its header's session, cxid and zxid, and the error if it is an error txn. */
  applied(
    sessionHigh: number,
    sessionLow: number,
    cxid: number,
    epoch: number,
    counter: number,
    error: number,
  ): AppliedTo {
    this.answered = null;
    if (this.syncsBefore.length > 0) this.syncsBefore.length = 0;
    const session = this.#sessions.get(sessionHigh, sessionLow);
    if (session === undefined) return AppliedTo.nobody;
    if (compareLongs(epoch, counter, session.sinceEpoch, session.sinceCounter) <= 0) return AppliedTo.nobody;
    const { writes } = session;
    const at = writes.length > 0 && writes[0].isSync ? writes.findIndex(({ isSync }) => !isSync) : 0;
    const first = writes[at];
    if (first !== undefined && first.cxid === cxid) {
      // The leader takes the session for another server's: whoever is right, the client finds out by connecting again.
      if (error === ErrorCode.SESSIONMOVED) return AppliedTo.moved;
      this.answered = first;
      for (let i = 0; i < at; i++) this.syncsBefore.push(writes[i]);
      if (at === 0) writes.shift();
      else writes.splice(0, at + 1);
      this.size -= at + 1;
      return AppliedTo.write;
    }
    // Refused because the session is here: what a left-over connection elsewhere had sent. A move itself has no cxid.
    return error === ErrorCode.SESSIONMOVED && cxid !== 0 ? AppliedTo.nobody : AppliedTo.moved;
  }

  /**
   * The server serves again, under this leader or another: gives what is to be sent to it, in each session's order, for nothing
   * of what was sent before will be answered, except writes whose txns are in the log already (`isLogged`).
   */
  again(isLogged: (write: SessionWrite<Request>) => boolean): SessionWrite<Request>[] {
    const again: SessionWrite<Request>[] = [];
    for (const session of this.#sessions.values()) {
      for (const write of session.writes) if (write.isSync || !isLogged(write)) again.push(write);
    }
    this.#syncs = again.filter(({ isSync }) => isSync);
    return again;
  }

  /** The sessions with a write that is not answered, as high and low words. */
  sessionsInDoubt(): [number, number][] {
    const sessions: [number, number][] = [];
    this.#sessions.forEach(({ writes }, high, low) => {
      if (writes.some(({ isSync }) => !isSync)) sessions.push([high, low]);
    });
    return sessions;
  }

  /** Forgets everything, connections included. */
  clear(): void {
    const sessions: [number, number][] = [];
    this.#sessions.forEach((_session, high, low) => {
      sessions.push([high, low]);
    });
    for (const [high, low] of sessions) this.detached(high, low);
    this.#syncs = [];
  }
}
