// Hot path: requests are prepared in place, from the requests rings into the log ring, with one reused request object.

import { JuteReader } from '../jute/reader.ts';
import { GrowingJuteWriter } from '../jute/writer.ts';
import type { Identity } from '../protocol/acl.ts';
import { highWord, lowWord } from '../protocol/long.ts';
import { OpCode } from '../protocol/opcode.ts';
import { type LeaderSessions, Revalidation } from '../session/leader-sessions.ts';
import { monotonicMs } from '../session/monotonic-clock.ts';
import { type Session, SessionLimitError } from '../session/session-tracker.ts';
import { createsEphemeral } from '../txn/ephemeral-request.ts';
import type { PrepRequest, PrepSession } from '../txn/prep-request.ts';
import type { ClientSessions, KnownConnection } from './client-sessions.ts';
import type { CommitPublisher } from './commit-publisher.ts';
import type { LocalSessionRules } from './local-sessions.ts';
import type { LogAppender } from './log-appender.ts';
import type { MainCounters } from './main-counters.ts';
import type { RequestHandler } from './request-handler.ts';

/** The log worker begins with so many, so that the disk works while the rest of the turn is prepared. */
const FIRST_PUBLISH_AT_REQUESTS = 32;

/** Requests whose txns lasting data comes of: refused when the disk is nearly full, deletes and sessions are not. */
const STORING_OPCODES: ReadonlySet<number> = new Set<number>([
  ...[OpCode.create, OpCode.create2, OpCode.createContainer, OpCode.createTTL, OpCode.setData, OpCode.setACL],
  ...[OpCode.multi, OpCode.reconfig],
]);

const NO_IDENTITIES: readonly Identity[] = [];
/** Whom no ACL holds back. */
const SERVER_IDENTITIES: readonly Identity[] = [{ scheme: 'super', id: '' }];
const NO_SESSION: PrepSession = { idHigh: 0, idLow: 0, isClosing: false };

export interface LeaderRequestsParts {
  readonly sid: number;
  /** Sessions can be connected to other servers. */
  readonly isMember: boolean;
  readonly appender: LogAppender;
  readonly publisher: CommitPublisher;
  readonly sessions: ClientSessions;
  readonly owners: LeaderSessions;
  readonly counters: MainCounters;
  readonly localSessions: LocalSessionRules;
  /** One line for the log, rate-limited by the receiver. */
  readonly complain: (problem: string) => void;
  /** What is queued for the log is shown to it, and to the learners. */
  readonly publish: () => void;
}

/** A leader's requests, its own clients' and its learners': each becomes a proposal, or is answered in its place among them. */
export class LeaderRequests implements RequestHandler {
  /** Set by the {@link DiskGuard}: what stores anything is answered with QUOTAEXCEEDED. */
  refusesWrites = false;
  readonly #parts: LeaderRequestsParts;
  readonly #reader = new JuteReader();
  /** Sessions to close, of the server's own accord. */
  readonly #toClose: PrepSession[] = [];
  /** Bodies of deleteContainer requests of the server's own. */
  readonly #toDelete: Uint8Array[] = [];
  readonly #timeoutBody = new Uint8Array(4);
  readonly #timeoutView = new DataView(this.#timeoutBody.buffer);
  readonly #request: PrepRequest = {
    opcode: 0,
    cxid: 0,
    session: NO_SESSION,
    identities: NO_IDENTITIES,
    bytes: this.#timeoutBody,
    start: 0,
    end: 0,
    zxidHigh: 0,
    zxidLow: 0,
    timeHigh: 0,
    timeLow: 0,
  };

  constructor(parts: LeaderRequestsParts) {
    this.#parts = parts;
  }

  /** Whether there is something of the server's own to propose. */
  hasOwnWork(): boolean {
    return this.#toClose.length > 0 || this.#toDelete.length > 0;
  }

  /** Queues a closeSession of the server's own: the session expired, or its ephemerals have no session. */
  closeSession(session: PrepSession): void {
    this.#toClose.push(session);
  }

  /** Queues a deleteContainer of the server's own: a container is empty, or the time of a TTL znode is over. */
  deleteContainer(path: Uint8Array): void {
    const writer = new GrowingJuteWriter(0x7fffffff, 4 + path.length);
    writer.writeBuffer(path);
    this.#toDelete.push(writer.written());
  }

  /** What was queued for an epoch that is over is not done: the next leader looks for itself. */
  forgetOwnWork(): void {
    this.#toClose.length = 0;
    this.#toDelete.length = 0;
  }

  /** Everything that is made from now on bears the present time; the server's own work comes first. */
  beginTurn(): void {
    this.#setTime();
    const { appender } = this.#parts;
    while (this.#toClose.length > 0 && appender.hasRoom()) {
      const session = this.#toClose.shift();
      if (session !== undefined && !session.isClosing) this.#proposeClose(session);
    }
    while (this.#toDelete.length > 0 && appender.hasRoom()) {
      const body = this.#toDelete.shift();
      if (body === undefined) break;
      this.#proposeOwn(OpCode.deleteContainer, NO_SESSION, -1, 0, body, body.length, SERVER_IDENTITIES);
    }
  }

  hasRoom(): boolean {
    return this.#parts.appender.hasRoom();
  }

  taken(taken: number): void {
    if (taken === FIRST_PUBLISH_AT_REQUESTS || taken === -1) this.#parts.publish();
  }

  #setTime(): void {
    const nowMs = Date.now();
    this.#request.timeHigh = highWord(nowMs);
    this.#request.timeLow = lowWord(nowMs);
  }

  // ── own clients ──

  request(
    known: KnownConnection,
    worker: number,
    connection: number,
    xid: number,
    opcode: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    const { appender, owners, sid } = this.#parts;
    const { session } = known;
    if (session.isLocal && this.#isLocalRequest(known, worker, connection, xid, opcode, bytes, start, end)) {
      return;
    }
    if (opcode === OpCode.sync || opcode === OpCode.getEphemerals) {
      this.#mark(known, worker, connection, xid, opcode, bytes, start, end);
      return;
    }
    if (this.refusesWrites && STORING_OPCODES.has(opcode)) {
      // Not even an error txn is logged: clients that try again and again would use up the reserve.
      appender.mark(worker, connection, xid, opcode, session.idHigh, session.idLow, bytes, start, 0);
      return;
    }
    const request = this.#request;
    request.opcode = opcode;
    request.cxid = xid;
    request.session = session.owner === sid ? session : owners.requested(session.idHigh, session.idLow, sid);
    request.identities = known.identities;
    request.bytes = bytes;
    request.start = start;
    request.end = end;
    this.#parts.counters.proposals++;
    appender.propose(request, worker, connection);
  }

  /** A request of a session that nobody else knows; false: it goes the way of all others. */
  #isLocalRequest(
    { session }: KnownConnection,
    worker: number,
    connection: number,
    xid: number,
    opcode: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): boolean {
    const { appender, localSessions } = this.#parts;
    if (opcode === OpCode.closeSession) {
      session.isClosing = true;
      appender.mark(worker, connection, xid, opcode, session.idHigh, session.idLow, bytes, start, 0);
      return true;
    }
    if (localSessions.isUpgradingEnabled && createsEphemeral(opcode, bytes, start, end)) {
      session.isLocal = false;
      this.#create(session, worker, connection);
    }
    return false;
  }

  /** Takes its place behind all proposals, to be answered there; the body is a path, as the worker has made sure. */
  #mark(
    { session }: KnownConnection,
    worker: number,
    connection: number,
    xid: number,
    opcode: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    this.#reader.reset(bytes, start, end);
    this.#reader.readSpan();
    const bodyBytes = this.#reader.position - start;
    const { appender } = this.#parts;
    appender.mark(worker, connection, xid, opcode, session.idHigh, session.idLow, bytes, start, bodyBytes);
  }

  openSession(worker: number, connection: number, timeoutMs: number, identities: readonly Identity[]): void {
    const { sid, sessions, localSessions } = this.#parts;
    const session = sessions.open(worker, connection, timeoutMs, identities, monotonicMs());
    if (session === null) return;
    session.owner = sid;
    session.isLocal = localSessions.isEnabled;
    if (session.isLocal) sessions.settle(session, worker, connection);
    else this.#create(session, worker, connection);
  }

  #create(session: Session, worker: number, connection: number): void {
    this.#timeoutView.setInt32(0, session.timeoutMs);
    this.#proposeOwn(OpCode.createSession, session, worker, connection, this.#timeoutBody, 4);
  }

  /** A request that went to an earlier leader and came to nothing; of whatever kind it is. */
  again(
    known: KnownConnection,
    worker: number,
    connection: number,
    xid: number,
    opcode: number,
    body: Uint8Array,
    idHigh: number,
    idLow: number,
  ): void {
    if (opcode !== OpCode.createSession) {
      this.request(known, worker, connection, xid, opcode, body, 0, body.length);
      return;
    }
    const session = this.#parts.owners.created(
      idHigh,
      idLow,
      known.session.timeoutMs,
      this.#parts.sid,
      monotonicMs(),
    );
    this.#proposeOwn(OpCode.createSession, session, worker, connection, body, body.length);
  }

  attachSession(
    worker: number,
    connection: number,
    idHigh: number,
    idLow: number,
    timeoutMs: number,
    identities: readonly Identity[],
  ): void {
    const { sid, owners, sessions, isMember } = this.#parts;
    const nowMs = monotonicMs();
    const outcome = sessions.isLocal(idHigh, idLow)
      ? Revalidation.kept
      : owners.revalidate(idHigh, idLow, timeoutMs, sid, nowMs);
    if (outcome === Revalidation.refused) {
      sessions.refuseAttach(worker, connection, idHigh, idLow);
      return;
    }
    const session = sessions.tracker.get(idHigh, idLow);
    if (session === undefined) throw new Error('a session that lives is not tracked');
    sessions.hold(session, worker, connection, identities, timeoutMs, nowMs);
    if (outcome === Revalidation.moved && isMember) this.proposeMove(session, worker, connection);
    else sessions.settle(session, worker, connection);
  }

  /**
   * The session goes on through another server than before: that is to be history before its client hears of it. The client of
   * an own connection is answered when the txn is applied. Ask {@link hasRoom} before.
   */
  proposeMove(session: PrepSession, worker = -1, connection = 0): void {
    this.#setTime();
    this.#proposeOwn(OpCode.error, session, worker, connection, this.#timeoutBody, 0);
  }

  // ── learners ──

  /**
   * REQUEST: a write of a client of server `owner`; its answer is the txn. The body is `bytes[start, end)`. Ask
   * {@link hasRoom} before.
   */
  forwarded(
    owner: number,
    idHigh: number,
    idLow: number,
    cxid: number,
    opcode: number,
    identities: readonly Identity[],
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    const { owners, counters, appender } = this.#parts;
    this.#setTime();
    const request = this.#request;
    request.opcode = opcode;
    request.cxid = cxid;
    request.session =
      opcode === OpCode.createSession
        ? this.#createdElsewhere(idHigh, idLow, owner, bytes, start, end)
        : owners.requested(idHigh, idLow, owner);
    request.identities = identities;
    request.bytes = bytes;
    request.start = start;
    request.end = end;
    counters.proposals++;
    appender.propose(request, -1, 0);
  }

  #createdElsewhere(
    idHigh: number,
    idLow: number,
    owner: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): PrepSession {
    this.#reader.reset(bytes, start, end);
    const timeoutMs = this.#reader.readInt();
    try {
      return this.#parts.owners.created(idHigh, idLow, timeoutMs, owner, monotonicMs());
    } catch (error) {
      if (!(error instanceof SessionLimitError)) throw error;
      this.#parts.complain(`a new session of server ${owner} was refused: ${error.message}`);
      return { idHigh, idLow, isClosing: true };
    }
  }

  // ── the server's own ──

  #proposeClose(session: PrepSession): void {
    this.#proposeOwn(OpCode.closeSession, session, -1, 0, this.#timeoutBody, 0);
  }

  /** A txn of the session's life, or of the server's own; cxid 0. */
  #proposeOwn(
    opcode: number,
    session: PrepSession,
    worker: number,
    connection: number,
    body: Uint8Array,
    bodyBytes: number,
    identities = NO_IDENTITIES,
  ): void {
    const request = this.#request;
    request.opcode = opcode;
    request.cxid = 0;
    request.session = session;
    request.identities = identities;
    request.bytes = body;
    request.start = 0;
    request.end = bodyBytes;
    this.#parts.counters.proposals++;
    this.#parts.appender.propose(request, worker, connection);
  }
}
