import type { Identity } from '../protocol/acl.ts';
import { ErrorCode } from '../protocol/error-code.ts';
import { OpCode } from '../protocol/opcode.ts';
import { monotonicMs } from '../session/monotonic-clock.ts';
import type { Session } from '../session/session-tracker.ts';
import type { ClientSessions, KnownConnection } from './client-sessions.ts';
import type { CommitPublisher } from './commit-publisher.ts';
import type { CommitStage } from './commit-stage.ts';
import type { RequestHandler } from './request-handler.ts';

export interface ReadOnlyRequestsParts {
  readonly sessions: ClientSessions;
  readonly publisher: CommitPublisher;
  /** Answers in the name of what is applied (CommitStage.answerMark). */
  readonly answerMark: CommitStage['answerMark'];
}

/**
 * What becomes of requests while a member has no leader and serves clients that are content to read (protocol/client.md
 * §14). Reads never come here. Sessions are this server's alone and end with the state; Apache gives none unless
 * localSessionsEnabled is set, too, so that nobody can connect.
 */
export class ReadOnlyRequests implements RequestHandler {
  readonly #parts: ReadOnlyRequestsParts;
  readonly #made = new WeakSet<Session>();

  constructor(parts: ReadOnlyRequestsParts) {
    this.#parts = parts;
  }

  beginTurn(): void {}

  hasRoom(): boolean {
    return true;
  }

  taken(): void {}

  /** The workers refuse all that writes. */
  request(
    { session }: KnownConnection,
    worker: number,
    connection: number,
    xid: number,
    opcode: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    const { idHigh, idLow } = session;
    const { answerMark } = this.#parts;
    switch (opcode) {
      case OpCode.getEphemerals:
      case OpCode.closeSession:
        answerMark(worker, connection, xid, opcode, idHigh, idLow, bytes, start, end - start);
        break;
      default:
        this.#parts.publisher.reply(worker, connection, xid, 0, 0, ErrorCode.NOTREADONLY, bytes, 0);
    }
  }

  openSession(worker: number, connection: number, timeoutMs: number, identities: readonly Identity[]): void {
    const { sessions } = this.#parts;
    const session = sessions.open(worker, connection, timeoutMs, identities, monotonicMs());
    if (session === null) return;
    session.isLocal = true;
    this.#made.add(session);
    sessions.settle(session, worker, connection);
  }

  /**
   * A session that only the ensemble can know of is not given here, but nor is it called expired, as Apache does of those that
   * it has never heard of: it may live.
   */
  attachSession(
    worker: number,
    connection: number,
    idHigh: number,
    idLow: number,
    timeoutMs: number,
    identities: readonly Identity[],
  ): void {
    const { sessions, publisher } = this.#parts;
    const session = sessions.tracker.get(idHigh, idLow);
    if (session === undefined || !sessions.isLocal(idHigh, idLow)) {
      publisher.closeConnection(worker, connection);
      return;
    }
    sessions.hold(session, worker, connection, identities, timeoutMs, monotonicMs());
    sessions.settle(session, worker, connection);
  }

  /** There is a leader: sessions that were made without one are forgotten. Their connections are closed already. */
  end(): void {
    const { tracker } = this.#parts.sessions;
    for (const session of [...tracker.values()]) if (this.#made.has(session)) tracker.remove(session);
  }
}
