import { OpCode } from '../../src/protocol/opcode.ts';
import type { ZnodeChange } from '../../src/ring/record-kind.ts';
import { AppliedTo, type SessionWrite, SessionWrites } from '../../src/server/session-writes.ts';
import { Revalidation } from '../../src/session/leader-sessions.ts';
import { SessionIds } from '../../src/session/session-ids.ts';
import type { TxnApplier } from '../../src/txn/apply.ts';
import { TxnHeader } from '../../src/txn/txn-layout.ts';
import { counterOf, epochOf } from '../../src/zab/zxid.ts';
import { ClientPort, type ClientPortOwner, type SimClientConnection } from './client-port.ts';
import { LeaderRole } from './leader-role.ts';
import { keyOf } from './ledger.ts';
import type { ForwardedRequest, QuorumMessage, TouchedSession } from './messages.ts';
import type { ConnectionEnd } from './network.ts';
import type { Sabotage } from './options.ts';
import type { SimProcess } from './process.ts';
import type { QuorumConnection } from './quorum-connections.ts';
import type { LogTxn } from './sim-log.ts';

/** A client's request on this server, and whom to answer. */
interface OwnRequest {
  readonly client: SimClientConnection;
  readonly xid: number;
  readonly forwarded: ForwardedRequest;
}

/** The roles towards clients: on a learner requests go to the leader, on the leader they become txns. */
export class ClientService implements ClientPortOwner {
  leader: LeaderRole | null = null;
  readonly port: ClientPort;
  readonly #process: SimProcess;
  readonly #writes = new SessionWrites<OwnRequest>();
  readonly #sessionIds: SessionIds;
  /** Attaches that wait for the leader's word. */
  readonly #attaching = new Map<SimClientConnection, TouchedSession>();
  #touched = new Map<string, TouchedSession>();
  #suspendedSinceMs: number;

  constructor(process: SimProcess) {
    this.#process = process;
    this.port = new ClientPort(this, process.replica.database);
    this.#sessionIds = new SessionIds(process.sid, process.server.wallMs());
    for (const { idHigh, idLow } of process.replica.database.sessions.values()) {
      this.#sessionIds.seen(idHigh, idLow);
    }
    this.#suspendedSinceMs = process.nowMs();
  }

  get isServing(): boolean {
    return this.#process.isServing;
  }

  breaks(rule: Sabotage): boolean {
    return this.#process.server.world.breaks(rule);
  }

  start(): void {
    const { server } = this.#process;
    const { tickTimeMs } = server.world.options;
    server.world.queue.after(tickTimeMs / 4, () => {
      if (!this.#process.isAlive) return;
      this.#process.turn(() => this.#tick(tickTimeMs));
      this.start();
    });
  }

  accept(end: ConnectionEnd): void {
    this.port.accept(end);
  }

  flush(): void {
    this.port.flush();
  }

  #tick(tickTimeMs: number): void {
    const nowMs = this.#process.nowMs();
    if (this.leader !== null && this.isServing) {
      if (this.breaks('never expires sessions')) return;
      for (const { idHigh, idLow } of this.leader.expired(nowMs, tickTimeMs)) {
        this.#process.server.world.figures.sessionsExpired++;
        this.#propose(closeOf(idHigh, idLow), this.#process.sid);
      }
      return;
    }
    const { initLimitTicks } = this.#process.server.world.options;
    if (!this.isServing && nowMs - this.#suspendedSinceMs > initLimitTicks * tickTimeMs) {
      this.#suspendedSinceMs = nowMs;
      this.port.closeAll('no leader for too long');
    }
  }

  /** Nobody leads: clients wait. */
  suspended(): void {
    this.leader = null;
    this.#touched.clear();
    this.#suspendedSinceMs = this.#process.nowMs();
  }

  /** The tree is another one: watches, and what the old history would have told, are lost. */
  replicaReplaced(reason: string): void {
    this.#process.trace(`disconnects its clients: ${reason}`);
    this.port.closeAll(reason);
    this.#writes.clear();
    this.port.useDatabase(this.#process.replica.database);
  }

  /** The server serves, under this leader or another: what waits goes on. */
  served(): void {
    const { role, server, replica } = this.#process;
    if (role.kind === 'leading') {
      const { tickTimeMs } = server.world.options;
      this.leader = new LeaderRole(role.epoch, replica.database, tickTimeMs, this.#process.nowMs());
    }
    // First what was sent before, then what has come since.
    this.#forwardAgain();
    this.#process.isServing = true;
    for (const [client, session] of [...this.#attaching]) this.#askToAttach(client, session);
    this.port.resume();
  }

  /** Writes that the history does not hold: they will never be in it unless they are sent again. */
  #forwardAgain(): void {
    const { replica, role } = this.#process;
    if (role.kind === 'observing') {
      for (const [high, low] of this.#writes.sessionsInDoubt()) {
        const client = this.port.bySession.get(high, low);
        if (client !== undefined) this.port.close(client, 'whether its writes are done cannot be known');
        else this.#writes.detached(high, low);
      }
    }
    const logged = new Set(replica.log.between(replica.appliedKey, Number.MAX_SAFE_INTEGER).map(writeOf));
    const isLogged = (write: SessionWrite<OwnRequest>): boolean =>
      logged.has(`${write.sessionHigh}:${write.sessionLow}:${write.cxid}`);
    for (const write of this.#writes.again(isLogged)) this.#forward(write);
  }

  // ── ClientPortOwner ──

  openSession(client: SimClientConnection, timeoutMs: number): void {
    const { high, low } = this.#sessionIds.next();
    const body = new Uint8Array(4);
    new DataView(body.buffer).setInt32(0, timeoutMs);
    this.#attach(client, high, low, timeoutMs);
    client.outstanding++;
    const forwarded = { sessionHigh: high, sessionLow: low, cxid: 0, opcode: OpCode.createSession, body };
    this.#write({ client, xid: 0, forwarded });
  }

  attachSession(client: SimClientConnection, idHigh: number, idLow: number, timeoutMs: number): void {
    this.#askToAttach(client, { idHigh, idLow, timeoutMs });
  }

  #askToAttach(client: SimClientConnection, session: TouchedSession): void {
    const { idHigh, idLow, timeoutMs } = session;
    if (this.leader !== null) {
      const nowMs = this.#process.nowMs();
      const { sid } = this.#process;
      const outcome = this.leader.sessions.revalidate(idHigh, idLow, timeoutMs, sid, nowMs);
      if (outcome !== Revalidation.moved) {
        this.#attached(client, session, outcome === Revalidation.kept);
        return;
      }
      this.#attaching.set(client, session);
      this.#proposeMove(idHigh, idLow, sid);
      const answer = (): void => {
        if (this.#attaching.has(client)) this.#attached(client, session, true);
      };
      this.leader?.syncs.push({ counter: this.leader.counter, answer });
      return;
    }
    this.#attaching.set(client, session);
    this.#toLeader({ kind: 'revalidate', idHigh, idLow, timeoutMs });
  }

  /** It is to be history before the client hears of it. */
  #proposeMove(sessionHigh: number, sessionLow: number, owner: number): void {
    const body = new Uint8Array(0);
    this.#propose({ sessionHigh, sessionLow, cxid: 0, opcode: OpCode.error, body }, owner);
  }

  #attached(client: SimClientConnection, session: TouchedSession, isValid: boolean): void {
    this.#attaching.delete(client);
    if (isValid) this.#attach(client, session.idHigh, session.idLow, session.timeoutMs);
    this.port.settle(client, isValid);
  }

  /** The session's txns up to the last one that is known here did not come through this connection. */
  #attach(client: SimClientConnection, idHigh: number, idLow: number, timeoutMs: number): void {
    const { last } = this.#process.replica.history;
    this.port.hold(client, idHigh, idLow, timeoutMs);
    this.#writes.attached(idHigh, idLow, epochOf(last), counterOf(last));
    this.heardSession(idHigh, idLow, timeoutMs);
  }

  forward(client: SimClientConnection, xid: number, opcode: number, body: Uint8Array): void {
    const { sessionHigh, sessionLow } = client.connection;
    const own: OwnRequest = { client, xid, forwarded: { sessionHigh, sessionLow, cxid: xid, opcode, body } };
    this.#write(own);
  }

  heard(client: SimClientConnection): void {
    const { sessionHigh, sessionLow } = client.connection;
    if (client.isSettled) this.heardSession(sessionHigh, sessionLow, client.timeoutMs);
  }

  heardSession(idHigh: number, idLow: number, timeoutMs: number): void {
    if (this.leader !== null) this.leader.sessions.heard(idHigh, idLow, timeoutMs, this.#process.nowMs());
    else this.#touched.set(`${idHigh}:${idLow}`, { idHigh, idLow, timeoutMs });
  }

  disconnected(client: SimClientConnection): void {
    this.#attaching.delete(client);
    const { sessionHigh, sessionLow } = client.connection;
    if (sessionHigh === 0 && sessionLow === 0) return;
    // Another connection may have taken the session over.
    if (this.port.bySession.get(sessionHigh, sessionLow) === undefined) {
      this.#writes.detached(sessionHigh, sessionLow);
    }
  }

  #write(own: OwnRequest): void {
    const { sessionHigh, sessionLow, cxid, opcode } = own.forwarded;
    const write = { sessionHigh, sessionLow, cxid, isSync: opcode === OpCode.sync, request: own };
    this.#writes.add(write);
    const { random } = this.#process.server;
    if (!this.breaks('drops writes') || random.chance(0.99)) this.#forward(write);
    if (this.breaks('forwards writes twice') && random.chance(0.01)) this.#forward(write);
  }

  #forward({ request, isSync }: SessionWrite<OwnRequest>): void {
    if (this.leader === null) this.#toLeader({ kind: 'request', request: request.forwarded });
    else if (isSync) this.#markSync(() => this.#synced());
    else this.#propose(request.forwarded, this.#process.sid);
  }

  #toLeader(message: QuorumMessage): void {
    const { leader } = this.#process.connections;
    leader?.end.send(message);
  }

  /** The oldest sync is done. */
  #synced(): void {
    const sync = this.#writes.synced();
    if (sync === null) return;
    this.#answerSync(sync.request);
  }

  #answerSync({ client, xid, forwarded }: OwnRequest): void {
    const { tree } = this.#process.replica.database;
    this.port.reply(client, xid, tree.lastZxidHigh, tree.lastZxidLow, 0, forwarded.body, false);
  }

  // ── the leader's part ──

  #markSync(answer: () => void): void {
    const { leader } = this;
    if (leader === null) return;
    if (this.#isAllApplied(leader)) answer();
    else leader.syncs.push({ counter: leader.counter, answer });
  }

  /** With the history that it began with a leader has applied everything. */
  #isAllApplied({ epoch, counter }: LeaderRole): boolean {
    return counter === 0 || this.#process.replica.appliedKey >= keyOf(epoch, counter);
  }

  #propose(request: ForwardedRequest, owner: number): void {
    const { leader } = this;
    const { server, replica, ledger, sid, peer } = this.#process;
    if (leader === null) return;
    if (leader.counter >= server.world.options.counterMax) {
      // Nothing is made, and no sync answered, any more: whatever waits is forwarded again to the next leader.
      this.leader = null;
      peer.leaveLeading('the epoch has no more zxids');
      return;
    }
    const { last } = replica.history;
    const txn = leader.prepare(request, owner, this.#process.nowMs(), server.wallMs());
    ledger.proposed(sid, leader.epoch, txn.counter, Number(last), txn.entry);
    this.#process.proposed({ key: keyOf(leader.epoch, txn.counter), epoch: leader.epoch, ...txn });
  }

  /** What concerns sessions, over the quorum port. */
  received(connection: QuorumConnection, message: QuorumMessage): void {
    switch (message.kind) {
      case 'request':
        this.#requested(connection, message.request);
        break;
      case 'revalidate':
        this.#revalidate(connection, message);
        break;
      case 'revalidated':
        this.#revalidated(message.idHigh, message.idLow, message.isValid);
        break;
      case 'sync':
        this.#synced();
        break;
    }
  }

  #requested(connection: QuorumConnection, request: ForwardedRequest): void {
    const { leader } = this;
    if (request.opcode !== OpCode.sync) this.#propose(request, connection.sid);
    else if (leader !== null) {
      connection.answers.push({ counter: leader.counter, message: { kind: 'sync' } });
      if (this.#isAllApplied(leader)) {
        this.#process.connections.sendAnswers(connection.id, leader.counter);
      }
    }
  }

  #revalidate(
    connection: QuorumConnection,
    { idHigh, idLow, timeoutMs }: QuorumMessage & { kind: 'revalidate' },
  ): void {
    const { leader } = this;
    if (leader === null) return;
    const nowMs = this.#process.nowMs();
    const outcome = leader.sessions.revalidate(idHigh, idLow, timeoutMs, connection.sid, nowMs);
    const isValid = outcome !== Revalidation.refused;
    const message = { kind: 'revalidated', idHigh, idLow, isValid } as const;
    if (outcome !== Revalidation.moved) {
      this.#process.connections.send(connection.id, message);
      return;
    }
    this.#proposeMove(idHigh, idLow, connection.sid);
    connection.answers.push({ counter: leader.counter, message });
  }

  #revalidated(idHigh: number, idLow: number, isValid: boolean): void {
    for (const [client, session] of this.#attaching) {
      if (session.idHigh !== idHigh || session.idLow !== idLow) continue;
      this.#attached(client, session, isValid);
      return;
    }
  }

  /** The learner's table in its PING. */
  heardOf(touched: readonly TouchedSession[]): void {
    const { leader } = this;
    if (leader === null) return;
    const nowMs = this.#process.nowMs();
    for (const { idHigh, idLow, timeoutMs } of touched)
      leader.sessions.heard(idHigh, idLow, timeoutMs, nowMs);
  }

  takeTouched(): TouchedSession[] {
    if (this.leader !== null) return [];
    const touched = [...this.#touched.values()];
    this.#touched.clear();
    return touched;
  }

  // ── what was applied ──

  znodeChanged(
    change: ZnodeChange,
    bytes: Uint8Array,
    start: number,
    length: number,
    applier: TxnApplier,
  ): void {
    this.port.fire(change, bytes, start, length, applier.zxidHigh, applier.zxidLow);
  }

  sessionCreated(idHigh: number, idLow: number): void {
    this.leader?.sessionCreated(idHigh, idLow);
  }

  sessionClosed(idHigh: number, idLow: number): void {
    this.leader?.sessionClosed(idHigh, idLow);
  }

  applied(txn: LogTxn, applier: TxnApplier, reply: Uint8Array): void {
    const { sessionHigh, sessionLow, error, type } = applier;
    const { epoch, counter } = txn;
    const cxid = cxidOf(txn);
    const appliedTo = this.#writes.applied(sessionHigh, sessionLow, cxid, epoch, counter, error);
    const { answered, syncsBefore } = this.#writes;
    for (const sync of syncsBefore) this.#answerSync(sync.request);
    if (answered !== null) this.#answer(answered.request, txn, applier, reply);
    const client = this.port.bySession.get(sessionHigh, sessionLow);
    if (client !== undefined && type === OpCode.closeSession) this.port.close(client, 'session closed');
    else if (client !== undefined && appliedTo === AppliedTo.moved) {
      this.#process.server.world.figures.movedSessions++;
      this.port.close(client, 'the session has moved to another server');
    }
    if (type === OpCode.closeSession) this.#writes.detached(sessionHigh, sessionLow);
    if (this.leader === null || epoch !== this.leader.epoch) return;
    this.leader.applied(counter, txn.admittedBytes);
    for (const answer of this.leader.takeSyncs(counter)) answer();
  }

  #answer(
    { client, xid, forwarded }: OwnRequest,
    { epoch, counter }: LogTxn,
    applier: TxnApplier,
    reply: Uint8Array,
  ): void {
    if (forwarded.opcode === OpCode.createSession) {
      client.outstanding--;
      this.port.settle(client, true);
      return;
    }
    const closes = applier.type === OpCode.closeSession;
    this.port.reply(client, xid, epoch, counter, applier.error, closes ? new Uint8Array(0) : reply, closes);
  }
}

function closeOf(sessionHigh: number, sessionLow: number): ForwardedRequest {
  return { sessionHigh, sessionLow, cxid: 0, opcode: OpCode.closeSession, body: new Uint8Array(0) };
}

function cxidOf({ entry }: LogTxn): number {
  return new DataView(entry.buffer, entry.byteOffset).getInt32(TxnHeader.cxid);
}

/** Session and cxid, as one text. */
function writeOf(txn: LogTxn): string {
  const view = new DataView(txn.entry.buffer, txn.entry.byteOffset);
  return `${view.getInt32(TxnHeader.session)}:${view.getInt32(TxnHeader.session + 4)}:${cxidOf(txn)}`;
}
