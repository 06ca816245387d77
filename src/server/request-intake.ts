// Hot path: requests are prepared in place, from the requests ring into the log ring, with one reused request object.

import { JuteReader } from '../jute/reader.ts';
import { type Identity, readIdentities } from '../protocol/acl.ts';
import { ErrorCode } from '../protocol/error-code.ts';
import { highWord, lowWord } from '../protocol/long.ts';
import { OpCode } from '../protocol/opcode.ts';
import { AlignedBuffer } from '../ring/aligned-buffer.ts';
import { RequestHead } from '../ring/generated/records.ts';
import { RequestKind } from '../ring/record-kind.ts';
import { RingConsumer, type RingMemory } from '../ring/ring.ts';
import { monotonicMs } from '../session/monotonic-clock.ts';
import type { SessionIds } from '../session/session-ids.ts';
import { type Session, SessionLimitError } from '../session/session-tracker.ts';
import type { PrepRequest, PrepSession } from '../txn/prep.ts';
import type { ClientSessions } from './client-sessions.ts';
import type { CommitPublisher } from './commit-publisher.ts';
import type { ConnectionThrottle } from './connection-throttle.ts';
import type { LogAppender } from './log-appender.ts';
import type { MainCounters } from './main-counters.ts';

/** Requests taken from one worker before the next one has its turn. */
const REQUESTS_PER_TURN = 1024;

/** The log worker begins with so many, so that the disk works while the rest of the turn is prepared. */
const FIRST_PUBLISH_AT_REQUESTS = 16;

/** Requests whose txns lasting data comes of: refused when the disk is nearly full, deletes and sessions are not. */
const STORING_OPCODES: ReadonlySet<number> = new Set<number>([
  ...[OpCode.create, OpCode.create2, OpCode.createContainer, OpCode.createTTL, OpCode.setData, OpCode.setACL],
  ...[OpCode.multi, OpCode.reconfig],
]);

const NO_IDENTITIES: readonly Identity[] = [];
const NO_SESSION: PrepSession = { idHigh: 0, idLow: 0, isClosing: false };

export interface RequestIntakeParts {
  readonly requests: readonly RingMemory[];
  readonly appender: LogAppender;
  readonly publisher: CommitPublisher;
  readonly sessions: ClientSessions;
  readonly sessionIds: SessionIds;
  readonly counters: MainCounters;
  readonly throttle: ConnectionThrottle;
  /** One line for the log, rate-limited by the receiver. */
  readonly complain: (problem: string) => void;
}

/** Takes the workers' requests and makes proposals of them, or answers what needs none. */
export class RequestIntake {
  /** Set by the {@link DiskGuard}: what stores anything is answered with QUOTAEXCEEDED. */
  refusesWrites = false;
  readonly #parts: RequestIntakeParts;
  readonly #rings: RingConsumer[];
  readonly #buffers: AlignedBuffer[];
  readonly #head = new RequestHead();
  readonly #reader = new JuteReader();
  /** Sessions to close, of the server's own accord. */
  readonly #toClose: PrepSession[] = [];
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

  constructor(parts: RequestIntakeParts) {
    this.#parts = parts;
    this.#rings = parts.requests.map((memory) => new RingConsumer(memory, 0));
    this.#buffers = this.#rings.map((ring) => new AlignedBuffer(ring.bytes));
  }

  hasWork(): boolean {
    return this.#toClose.length > 0 || this.#rings.some((ring) => ring.hasMore());
  }

  /** Queues a closeSession of the server's own: the session expired, or its ephemerals have no session. */
  closeSession(session: PrepSession): void {
    this.#toClose.push(session);
  }

  /** Takes a turn of requests from every worker; true when more could be taken at once. */
  takeTurn(): boolean {
    const { appender } = this.#parts;
    const nowMs = Date.now();
    this.#request.timeHigh = highWord(nowMs);
    this.#request.timeLow = lowWord(nowMs);
    let taken = 0;
    while (this.#toClose.length > 0 && appender.hasRoom()) {
      const session = this.#toClose.shift();
      if (session !== undefined && !session.isClosing) this.#proposeClose(session);
      taken++;
    }
    for (let worker = 0; worker < this.#rings.length; worker++) taken += this.#takeFrom(worker);
    appender.publish();
    this.#parts.publisher.publish();
    this.#parts.publisher.ring();
    return taken > 0 && this.hasWork();
  }

  /** A worker died and is started again with a fresh ring. */
  replaceRing(worker: number, memory: RingMemory): void {
    this.#rings[worker] = new RingConsumer(memory, 0);
    this.#buffers[worker] = new AlignedBuffer(this.#rings[worker].bytes);
  }

  #takeFrom(worker: number): number {
    const ring = this.#rings[worker];
    let taken = 0;
    while (taken < REQUESTS_PER_TURN && this.#parts.appender.hasRoom() && ring.next()) {
      this.#take(worker, this.#head.__init(ring.start, this.#buffers[worker]), ring);
      taken++;
      if (taken === FIRST_PUBLISH_AT_REQUESTS) this.#parts.appender.publish();
    }
    if (taken > 0) ring.release();
    return taken;
  }

  #take(worker: number, head: RequestHead, ring: RingConsumer): void {
    const start = ring.start + head.payloadOffset();
    const end = start + head.payloadLength();
    const kind = head.kind();
    switch (kind) {
      case RequestKind.clientRequest:
        this.#takeRequest(worker, head, ring.bytes, start, end);
        break;
      case RequestKind.openSession:
        this.#openSession(worker, head, this.#identities(ring.bytes, start, end));
        break;
      case RequestKind.attachSession:
        this.#attachSession(worker, head, this.#identities(ring.bytes, start, end));
        break;
      case RequestKind.refuseAttach:
        this.#refuseAttach(worker, head);
        break;
      case RequestKind.connectionClosed:
        this.#parts.sessions.connectionClosed(worker, head.connection());
        break;
      case RequestKind.identities: {
        const known = this.#parts.sessions.find(worker, head.connection());
        if (known !== undefined) known.identities = this.#identities(ring.bytes, start, end);
        break;
      }
      default:
        throw new Error(`unknown kind ${kind} in the requests ring of worker ${worker}`);
    }
  }

  #identities(bytes: Uint8Array, start: number, end: number): readonly Identity[] {
    this.#reader.reset(bytes, start, end);
    return readIdentities(this.#reader);
  }

  #takeRequest(worker: number, head: RequestHead, bytes: Uint8Array, start: number, end: number): void {
    const { sessions, appender } = this.#parts;
    const connection = head.connection();
    // The connection was closed from here (its session expired or moved) while the request was on its way.
    const known = sessions.find(worker, connection);
    if (known === undefined) return;
    const opcode = head.opcode();
    if (opcode === OpCode.sync) {
      this.#sync(worker, head, bytes, start, end);
      return;
    }
    if (this.refusesWrites && STORING_OPCODES.has(opcode)) {
      // Not even an error txn is logged: clients that try again and again would use up the reserve.
      appender.mark(worker, connection, head.xid(), opcode, bytes, start, 0);
      return;
    }
    const request = this.#request;
    request.opcode = opcode;
    request.cxid = head.xid();
    request.session = known.session;
    request.identities = known.identities;
    request.bytes = bytes;
    request.start = start;
    request.end = end;
    this.#parts.counters.proposals++;
    appender.propose(request, worker, connection);
  }

  /** Takes its place behind all proposals; the reply echoes the path. */
  #sync(worker: number, head: RequestHead, bytes: Uint8Array, start: number, end: number): void {
    const { appender, publisher } = this.#parts;
    const pathFits = end - start >= 4;
    const length = pathFits ? new DataView(bytes.buffer, bytes.byteOffset + start).getInt32(0) : -2;
    if (length < -1 || length > end - start - 4) {
      const { epoch, counter } = appender.lastProposed;
      publisher.reply(
        worker,
        head.connection(),
        head.xid(),
        epoch,
        counter,
        ErrorCode.MARSHALLINGERROR,
        bytes,
        0,
      );
      return;
    }
    const bodyBytes = 4 + Math.max(length, 0);
    appender.mark(worker, head.connection(), head.xid(), OpCode.sync, bytes, start, bodyBytes);
  }

  #openSession(worker: number, head: RequestHead, identities: readonly Identity[]): void {
    const { sessions, sessionIds, complain } = this.#parts;
    const timeoutMs = head.timeoutMs();
    const nowMs = monotonicMs();
    if (this.#isThrottled(worker, head, true, nowMs)) return;
    const id = sessionIds.next();
    let session: Session;
    try {
      session = sessions.tracker.add(id.high, id.low, timeoutMs, nowMs);
    } catch (error) {
      if (!(error instanceof SessionLimitError)) throw error;
      complain(`a new session was refused: ${error.message}`);
      this.#parts.publisher.closeConnection(worker, head.connection());
      return;
    }
    sessions.hold(session, worker, head.connection(), identities, timeoutMs, nowMs);
    this.#timeoutView.setInt32(0, timeoutMs);
    this.#proposeOwn(OpCode.createSession, session, worker, head.connection(), 4);
  }

  /** Whether too many clients come at once: this one is disconnected. */
  #isThrottled(worker: number, head: RequestHead, isNew: boolean, nowMs: number): boolean {
    const { throttle, counters, publisher, complain } = this.#parts;
    counters.connectionRequests++;
    const isAdmitted = throttle.admits(isNew, nowMs);
    counters.connectionTokenDeficit.record(throttle.deficit);
    if (isAdmitted) return false;
    counters.connectionsThrottled++;
    complain('a client was turned away: connection_throttle_tokens are used up');
    publisher.closeConnection(worker, head.connection());
    return true;
  }

  #attachSession(worker: number, head: RequestHead, identities: readonly Identity[]): void {
    const { sessions } = this.#parts;
    if (this.#isThrottled(worker, head, false, monotonicMs())) return;
    const session = sessions.tracker.get(head.sessionHigh(), head.sessionLow());
    if (session === undefined || session.isClosing || !session.isCommitted) {
      this.#refuseAttach(worker, head);
      return;
    }
    sessions.hold(session, worker, head.connection(), identities, head.timeoutMs(), monotonicMs());
    sessions.settle(session, worker, head.connection());
  }

  /** Even an attempt that fails ends the connection that holds the session, as in ZooKeeper. */
  #refuseAttach(worker: number, head: RequestHead): void {
    const { sessions } = this.#parts;
    const session = sessions.tracker.get(head.sessionHigh(), head.sessionLow());
    if (session !== undefined) sessions.disconnect(session);
    sessions.refuse(worker, head.connection());
  }

  #proposeClose(session: PrepSession): void {
    this.#proposeOwn(OpCode.closeSession, session, -1, 0, 0);
  }

  /** A txn of the session's life; cxid 0, body from the scratch. */
  #proposeOwn(
    opcode: number,
    session: PrepSession,
    worker: number,
    connection: number,
    bodyBytes: number,
  ): void {
    const request = this.#request;
    request.opcode = opcode;
    request.cxid = 0;
    request.session = session;
    request.identities = NO_IDENTITIES;
    request.bytes = this.#timeoutBody;
    request.start = 0;
    request.end = bodyBytes;
    this.#parts.counters.proposals++;
    this.#parts.appender.propose(request, worker, connection);
  }
}
