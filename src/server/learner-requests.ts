// Hot path on a learner: a write of an own client is copied twice, once for the leader and once for the case that it must be
// sent again; one small record each until it is answered.

import { ByteSlab } from '../jute/byte-slab.ts';
import { GrowingJuteWriter } from '../jute/writer.ts';
import { type Identity, writeIdentities } from '../protocol/acl.ts';
import { ErrorCode } from '../protocol/error-code.ts';
import { OpCode } from '../protocol/opcode.ts';
import type { PacketBatch } from '../quorum/packet-batch.ts';
import { monotonicMs } from '../session/monotonic-clock.ts';
import type { Session } from '../session/session-tracker.ts';
import type { TxnApplier } from '../txn/apply.ts';
import { createsEphemeral } from '../txn/ephemeral-request.ts';
import type { ClientSessions, KnownConnection } from './client-sessions.ts';
import type { CommitPublisher } from './commit-publisher.ts';
import type { CommitStage, ForeignTxns } from './commit-stage.ts';
import { correctMultiReply, type LocalSessionRules } from './local-sessions.ts';
import type { LogAppender } from './log-appender.ts';
import type { RequestHandler } from './request-handler.ts';
import { AppliedTo, type SessionWrite, SessionWrites } from './session-writes.ts';

/** A request of a client of this server, and whom to answer. */
interface OwnRequest {
  readonly worker: number;
  readonly connection: number;
  readonly xid: number;
  /** What the client asked; the leader may be asked something else for it. */
  readonly opcode: number;
  readonly body: Uint8Array;
  /** Serialised vector<Id>. */
  readonly identities: Uint8Array;
  /** It creates an ephemeral, which the session cannot own. */
  readonly isRefused: boolean;
}

/** A client that comes back with its session, while the leader is asked for it. */
interface Attaching {
  readonly worker: number;
  readonly connection: number;
  readonly idHigh: number;
  readonly idLow: number;
  readonly timeoutMs: number;
  readonly identities: readonly Identity[];
}

export interface LearnerRequestsParts {
  readonly sessions: ClientSessions;
  readonly localSessions: LocalSessionRules;
  readonly publisher: CommitPublisher;
  readonly appender: LogAppender;
  /** Packets for the leader; null while there is none. */
  readonly toLeader: () => PacketBatch | null;
  /** Answers a mark at once, as it is answered when it is reached in the log ring (CommitStage.answerMark). */
  readonly answerMark: CommitStage['answerMark'];
  /** The last zxid in the own log, as epoch and counter. */
  readonly lastLogged: () => { readonly epoch: number; readonly counter: number };
}

const NO_IDENTITIES = Uint8Array.of(0, 0, 0, 0);
/** Requests under way to the leader, beyond which clients have to wait. */
const UNDER_WAY_MAX = 100_000;

/**
 * A learner's requests: writes, syncs and all that concerns sessions go to the leader (protocol/quorum.md §5, §7). The answer
 * to a write is its txn, when it is applied here; that to a sync comes behind all that was committed before it.
 */
export class LearnerRequests implements RequestHandler, ForeignTxns {
  readonly writes = new SessionWrites<OwnRequest>();
  readonly #parts: LearnerRequestsParts;
  #attaching: Attaching[] = [];
  /** The identities of a connection, as they go over the wire; made anew when they have changed. */
  readonly #encoded = new WeakMap<readonly Identity[], Uint8Array>();
  /** What was heard of when the last table went to the leader: by then told. */
  #toldMs = Number.NEGATIVE_INFINITY;
  #touches = new Int32Array(3 * 64);
  readonly #bodies = new ByteSlab({ slabBytes: 64 * 1024, sharedBytesMax: 8 * 1024 });

  constructor(parts: LearnerRequestsParts) {
    this.#parts = parts;
  }

  // ── RequestHandler ──

  beginTurn(): void {}

  hasRoom(): boolean {
    return this.writes.size < UNDER_WAY_MAX && this.#parts.toLeader() !== null;
  }

  taken(): void {}

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
    const { idHigh, idLow } = known.session;
    // Its connection was taken over by another one while the request was on its way.
    if (!this.writes.isAttached(idHigh, idLow)) return;
    const isLocal = known.session.isLocal;
    if (isLocal && opcode === OpCode.closeSession) {
      this.#closeLocal(known.session, worker, connection, xid);
      return;
    }
    const needsUpgrade = isLocal && createsEphemeral(opcode, bytes, start, end);
    const isRefused = needsUpgrade && !this.#parts.localSessions.isUpgradingEnabled;
    if (needsUpgrade && !isRefused) {
      known.session.isLocal = false;
      this.#create(known.session, worker, connection);
    }
    const body = this.#bodies.copy(bytes, start, end - start);
    const identities = this.#encode(known.identities);
    this.#write(idHigh, idLow, xid, { worker, connection, xid, opcode, body, identities, isRefused });
  }

  /** Nobody else knows the session, but its writes are to be answered before its close. */
  #closeLocal(session: Session, worker: number, connection: number, xid: number): void {
    const { idHigh, idLow } = session;
    const opcode = OpCode.closeSession;
    session.isClosing = true;
    if (this.writes.isIdle(idHigh, idLow)) {
      this.#parts.answerMark(worker, connection, xid, opcode, idHigh, idLow, NO_IDENTITIES, 0, 0);
      return;
    }
    const [body, identities] = [NO_IDENTITIES, NO_IDENTITIES];
    this.#write(
      idHigh,
      idLow,
      xid,
      { worker, connection, xid, opcode, body, identities, isRefused: false },
      true,
    );
  }

  openSession(worker: number, connection: number, timeoutMs: number, identities: readonly Identity[]): void {
    const { sessions, localSessions } = this.#parts;
    const session = sessions.open(worker, connection, timeoutMs, identities, monotonicMs());
    if (session === null) return;
    this.#held(session);
    session.isLocal = localSessions.isEnabled;
    if (session.isLocal) sessions.settle(session, worker, connection);
    else this.#create(session, worker, connection);
  }

  #create({ idHigh, idLow, timeoutMs }: Session, worker: number, connection: number): void {
    const body = new Uint8Array(4);
    new DataView(body.buffer).setInt32(0, timeoutMs);
    const opcode = OpCode.createSession;
    this.#write(idHigh, idLow, 0, {
      ...{ worker, connection, xid: 0, opcode, body },
      ...{ identities: NO_IDENTITIES, isRefused: false },
    });
  }

  attachSession(
    worker: number,
    connection: number,
    idHigh: number,
    idLow: number,
    timeoutMs: number,
    identities: readonly Identity[],
  ): void {
    const { sessions } = this.#parts;
    const session = sessions.tracker.get(idHigh, idLow);
    if (session !== undefined && sessions.isLocal(idHigh, idLow)) {
      this.#hold(session, worker, connection, timeoutMs, identities);
      sessions.settle(session, worker, connection);
      return;
    }
    this.#attaching.push({ worker, connection, idHigh, idLow, timeoutMs, identities });
    this.#parts.toLeader()?.revalidate(idHigh, idLow, timeoutMs);
  }

  #encode(identities: readonly Identity[]): Uint8Array {
    let encoded = this.#encoded.get(identities);
    if (encoded === undefined) {
      const writer = new GrowingJuteWriter();
      writeIdentities(writer, identities);
      encoded = writer.written().slice();
      this.#encoded.set(identities, encoded);
    }
    return encoded;
  }

  #hold(
    session: Session,
    worker: number,
    connection: number,
    timeoutMs: number,
    identities: readonly Identity[],
  ): void {
    this.#parts.sessions.hold(session, worker, connection, identities, timeoutMs, monotonicMs());
    this.#held(session);
  }

  /** The session's txns up to the last one that is known here did not come through the connection that holds it now. */
  #held({ idHigh, idLow }: Session): void {
    const { epoch, counter } = this.#parts.lastLogged();
    this.writes.attached(idHigh, idLow, epoch, counter);
  }

  #write(
    sessionHigh: number,
    sessionLow: number,
    cxid: number,
    request: OwnRequest,
    // What a session owns is answered here, but behind its earlier writes: as a sync tells.
    isSync = request.opcode === OpCode.sync || request.opcode === OpCode.getEphemerals,
  ): void {
    const write = { sessionHigh, sessionLow, cxid, isSync, request };
    this.writes.add(write);
    this.#forward(write);
  }

  #forward({ sessionHigh, sessionLow, cxid, isSync, request }: SessionWrite<OwnRequest>): void {
    const { body, identities } = request;
    const opcode = isSync ? OpCode.sync : request.opcode;
    this.#parts
      .toLeader()
      ?.request(
        sessionHigh,
        sessionLow,
        cxid,
        opcode,
        body,
        0,
        body.length,
        identities,
        0,
        identities.length,
      );
  }

  // ── the leader's answers ──

  /** SYNC: the oldest sync is done; its answer takes its place behind what was committed before. */
  synced(): void {
    const sync = this.writes.synced();
    if (sync === null) return;
    const { worker, connection, xid, opcode, body } = sync.request;
    const { sessionHigh, sessionLow } = sync;
    this.#parts.appender.mark(worker, connection, xid, opcode, sessionHigh, sessionLow, body, 0, body.length);
  }

  /** REVALIDATE: whether the session lives. */
  revalidated(idHigh: number, idLow: number, isValid: boolean): void {
    const at = this.#attaching.findIndex((one) => one.idHigh === idHigh && one.idLow === idLow);
    if (at < 0) return;
    const [attaching] = this.#attaching.splice(at, 1);
    this.attached(attaching, isValid);
  }

  /** A client that wants its session back gets its answer. */
  attached({ worker, connection, idHigh, idLow, timeoutMs, identities }: Attaching, isValid: boolean): void {
    const { sessions } = this.#parts;
    if (!isValid) {
      sessions.refuseAttach(worker, connection, idHigh, idLow);
      return;
    }
    // Its createSession may be on its way here still.
    const session =
      sessions.tracker.get(idHigh, idLow) ?? sessions.tracker.add(idHigh, idLow, timeoutMs, monotonicMs());
    this.#hold(session, worker, connection, timeoutMs, identities);
    sessions.settle(session, worker, connection);
  }

  // ── changes of the leader ──

  /** Hands over those that wait for the leader's word about their session. */
  takeAttaching(): Attaching[] {
    const attaching = this.#attaching;
    this.#attaching = [];
    return attaching;
  }

  /** Hands over what was sent to the leader and will never be answered, for this server leads itself now. */
  takeUnanswered(): SessionWrite<OwnRequest>[] {
    return this.#again(() => false);
  }

  /**
   * The server follows again: what the history does not hold will never be in it unless it is sent again. `isLogged`: whether
   * a txn of this session and cxid is in the log and not applied yet; null: this server observes, and cannot know what its leader
   * has proposed and not committed. Clients that wait for a write are disconnected then: it may be done, and must not be twice.
   */
  serveAgain(isLogged: ((sessionHigh: number, sessionLow: number, cxid: number) => boolean) | null): void {
    this.#toldMs = Number.NEGATIVE_INFINITY;
    if (isLogged === null) this.#abandonInDoubt();
    for (const write of this.#again(isLogged ?? (() => false))) this.#forward(write);
    for (const one of this.takeAttaching()) {
      this.attachSession(one.worker, one.connection, one.idHigh, one.idLow, one.timeoutMs, one.identities);
    }
  }

  #again(
    isLogged: (sessionHigh: number, sessionLow: number, cxid: number) => boolean,
  ): SessionWrite<OwnRequest>[] {
    return this.writes.again(({ sessionHigh, sessionLow, cxid }) => isLogged(sessionHigh, sessionLow, cxid));
  }

  /** Whether clients wait for answers that only a leader can give. */
  get isAwaited(): boolean {
    return this.writes.size > 0 || this.#attaching.length > 0;
  }

  /** All connections were closed. */
  forget(): void {
    this.writes.clear();
    this.#attaching = [];
  }

  // ── pings ──

  /** A PING's answer: the sessions that were heard of since the last one. */
  ping(batch: PacketBatch, zxid: bigint, touchTable: Int32Array): void {
    const nowMs = monotonicMs();
    let count = 0;
    for (const session of this.#parts.sessions.connected()) {
      if (session.isLocal) continue;
      const silentMs = (nowMs - Atomics.load(touchTable, session.slot)) | 0;
      if (nowMs - silentMs < this.#toldMs) continue;
      if (3 * count + 3 > this.#touches.length) {
        const more = new Int32Array(2 * this.#touches.length);
        more.set(this.#touches);
        this.#touches = more;
      }
      this.#touches[3 * count] = session.idHigh;
      this.#touches[3 * count + 1] = session.idLow;
      this.#touches[3 * count + 2] = session.connectionTimeoutMs;
      count++;
    }
    this.#toldMs = nowMs - 1;
    batch.pingWithTouches(zxid, this.#touches, count);
  }

  // ── ForeignTxns ──

  applied(
    applier: TxnApplier,
    cxid: number,
    zxidHigh: number,
    zxidLow: number,
    reply: Uint8Array,
    replyBytes: number,
  ): void {
    const { sessionHigh, sessionLow, error } = applier;
    switch (this.writes.applied(sessionHigh, sessionLow, cxid, zxidHigh, zxidLow, error)) {
      case AppliedTo.nobody:
        break;
      case AppliedTo.write:
        this.#answer(error, zxidHigh, zxidLow, reply, replyBytes);
        break;
      case AppliedTo.moved:
        this.#moved(sessionHigh, sessionLow);
        break;
    }
  }

  /** An observer cannot know which of these the history will still hold: their connections are given up. */
  #abandonInDoubt(): void {
    for (const [high, low] of this.writes.sessionsInDoubt()) this.#moved(high, low);
  }

  #answer(error: number, zxidHigh: number, zxidLow: number, reply: Uint8Array, replyBytes: number): void {
    const { answered, syncsBefore } = this.writes;
    if (answered === null) throw new Error('a write was answered, and nobody knows which');
    for (const sync of syncsBefore) this.#answerSync(sync);
    const { publisher, sessions } = this.#parts;
    const { worker, connection, xid, opcode, isRefused } = answered.request;
    if (opcode !== OpCode.createSession) {
      if (isRefused) correctMultiReply(reply, replyBytes);
      const told =
        isRefused && error === ErrorCode.SESSIONEXPIRED ? ErrorCode.EPHEMERALONLOCALSESSION : error;
      publisher.reply(worker, connection, xid, zxidHigh, zxidLow, told, reply, replyBytes);
      return;
    }
    const session = sessions.tracker.get(answered.sessionHigh, answered.sessionLow);
    if (session !== undefined && error === 0) sessions.settle(session, worker, connection);
    else publisher.closeConnection(worker, connection);
    if (session !== undefined && error !== 0) sessions.tracker.remove(session);
  }

  /** A sync whose time has come by what is applied, before the leader says so, who may be gone. */
  #answerSync({ sessionHigh, sessionLow, request }: SessionWrite<OwnRequest>): void {
    const { worker, connection, xid, opcode, body } = request;
    const { answerMark } = this.#parts;
    answerMark(worker, connection, xid, opcode, sessionHigh, sessionLow, body, 0, body.length);
  }

  /** The client has gone on at another server, or must: the connection here is a left-over. */
  #moved(sessionHigh: number, sessionLow: number): void {
    this.writes.detached(sessionHigh, sessionLow);
    const session = this.#parts.sessions.tracker.get(sessionHigh, sessionLow);
    if (session !== undefined) this.#parts.sessions.disconnect(session);
  }
}
