import type { Socket } from 'node:net';
import { ChildrenCache } from '../../src/connection/children-cache.ts';
import { ClientConnection } from '../../src/connection/client-connection.ts';
import { ReadOperations } from '../../src/connection/read-operations.ts';
import { ReplyWriter } from '../../src/connection/reply-writer.ts';
import { SetWatches } from '../../src/connection/set-watches.ts';
import { type CommittedChange, WatchEvents } from '../../src/connection/watch-events.ts';
import { WatchTable } from '../../src/connection/watch-table.ts';
import { childWatchesField, dataWatchesField } from '../../src/connection/watched-paths.ts';
import { newCounters } from '../../src/connection/worker-counters.ts';
import { JuteReader } from '../../src/jute/reader.ts';
import { LongMap } from '../../src/protocol/long-map.ts';
import { OpCode, Xid } from '../../src/protocol/opcode.ts';
import type { ZnodeChange } from '../../src/ring/record-kind.ts';
import type { Database } from '../../src/server/database.ts';
import { AccessControl } from '../../src/txn/access-control.ts';
import { keyOf } from './ledger.ts';
import type { ClientMessage, ServerMessage } from './messages.ts';
import type { ConnectionEnd } from './network.ts';
import type { Sabotage } from './options.ts';
import { SIM_TXN_OPTIONS } from './sim-database.ts';

/** Requests that a server answers in the order of the leader's txns. */
const ORDERED: ReadonlySet<number> = new Set<number>([
  ...[OpCode.create, OpCode.create2, OpCode.delete, OpCode.setData, OpCode.multi, OpCode.sync],
  OpCode.closeSession,
]);

/** What the port wants from its server. */
export interface ClientPortOwner {
  /** Clients' requests are taken up. */
  readonly isServing: boolean;
  breaks(rule: Sabotage): boolean;
  openSession(connection: SimClientConnection, timeoutMs: number): void;
  attachSession(connection: SimClientConnection, idHigh: number, idLow: number, timeoutMs: number): void;
  /** A write, a sync or a close, in the session's order. */
  forward(connection: SimClientConnection, xid: number, opcode: number, body: Uint8Array): void;
  heard(connection: SimClientConnection): void;
  disconnected(connection: SimClientConnection): void;
}

/** A client's connection as its server knows it. */
export class SimClientConnection {
  readonly end: ConnectionEnd;
  readonly connection: ClientConnection;
  /** Behind a read that waits for earlier writes, or while nobody leads. */
  readonly waiting: (ClientMessage & { kind: 'request' })[] = [];
  outstanding = 0;
  isSettled = false;
  isClosed = false;
  timeoutMs = 0;
  connectMessage: (ClientMessage & { kind: 'connect' }) | null = null;

  constructor(id: number, end: ConnectionEnd) {
    this.end = end;
    const socket = {
      writableLength: 0,
      write: (bytes: Uint8Array): boolean => {
        const message: ServerMessage = { kind: 'frames', bytes: new Uint8Array(bytes) };
        end.send(message);
        return true;
      },
    };
    this.connection = new ClientConnection(
      id,
      socket as unknown as Socket,
      { address: 'sim', identities: [{ scheme: 'ip', id: 'sim' }] },
      0,
      0,
    );
    this.connection.state = 'open';
  }
}

/**
 * The client side of a simulated server: what a connection worker does, with the worker's own code for reads, watches and
 * replies, but in the same thread as the rest.
 */
export class ClientPort {
  readonly connections = new Set<SimClientConnection>();
  readonly bySession = new LongMap<SimClientConnection>();
  readonly #owner: ClientPortOwner;
  readonly #replies = new ReplyWriter(
    1 << 30,
    () => {},
    (connection) => this.#byId.get(connection.id)?.end.close('session closed'),
  );
  readonly #reader = new JuteReader();
  readonly #byId = new Map<number, SimClientConnection>();
  #database!: Database;
  #dataWatches!: WatchTable;
  #childWatches!: WatchTable;
  #reads!: ReadOperations;
  #events!: WatchEvents;
  #setWatches!: SetWatches;
  #nextId = 1;
  readonly #change: CommittedChange = {
    change: 1,
    zxidHigh: 0,
    zxidLow: 0,
    bytes: new Uint8Array(0),
    pathStart: 0,
    pathLength: 0,
    aclStart: 0,
    aclLength: 0,
    parentAclStart: 0,
    parentAclLength: 0,
  };

  constructor(owner: ClientPortOwner, database: Database) {
    this.#owner = owner;
    this.useDatabase(database);
  }

  /** The replica is this one from now on. All connections must be closed before: their watches are not kept. */
  useDatabase(database: Database): void {
    const { tree } = database;
    this.#database = database;
    this.#dataWatches = new WatchTable(dataWatchesField, () => {});
    this.#childWatches = new WatchTable(childWatchesField, () => {});
    const tables = [this.#dataWatches, this.#childWatches] as const;
    const access = new AccessControl(tree, SIM_TXN_OPTIONS.skipAcl);
    this.#reads = new ReadOperations(tree, access, this.#replies, ...tables, new ChildrenCache(tree, 0));
    this.#events = new WatchEvents(tree, this.#replies, ...tables, newCounters());
    this.#setWatches = new SetWatches(tree, ...tables, (connection, eventType, path, start, length) =>
      this.#events.notify(connection, eventType, path, start, length, -1, -1),
    );
  }

  accept(end: ConnectionEnd): void {
    const client = new SimClientConnection(this.#nextId++, end);
    this.connections.add(client);
    this.#byId.set(client.connection.id, client);
    end.onMessage = (message) => this.#received(client, message as ClientMessage);
    end.onClose = () => this.#forget(client);
  }

  close(client: SimClientConnection, reason: string): void {
    if (client.isClosed) return;
    this.#replies.flush();
    client.end.close(reason);
    this.#forget(client);
  }

  closeAll(reason: string): void {
    for (const client of [...this.connections]) this.close(client, reason);
  }

  #forget(client: SimClientConnection): void {
    if (client.isClosed) return;
    client.isClosed = true;
    const { connection } = client;
    connection.state = 'closed';
    this.connections.delete(client);
    this.#byId.delete(connection.id);
    this.#dataWatches.removeConnection(connection);
    this.#childWatches.removeConnection(connection);
    if (this.bySession.get(connection.sessionHigh, connection.sessionLow) === client) {
      this.bySession.delete(connection.sessionHigh, connection.sessionLow);
    }
    this.#owner.disconnected(client);
  }

  #received(client: SimClientConnection, message: ClientMessage): void {
    if (message.kind === 'connect') {
      client.connectMessage = message;
      if (this.#owner.isServing) this.#connect(client, message);
      return;
    }
    this.#owner.heard(client);
    client.waiting.push(message);
    this.#goOn(client);
    this.#replies.flush();
  }

  /** The server serves (again): what waited for that goes on. */
  resume(): void {
    for (const client of [...this.connections]) {
      const { connectMessage } = client;
      if (connectMessage !== null) this.#connect(client, connectMessage);
      else this.#goOn(client);
    }
    this.#replies.flush();
  }

  #connect(client: SimClientConnection, message: ClientMessage & { kind: 'connect' }): void {
    const { tree } = this.#database;
    const isBehind = message.lastZxidKey > keyOf(tree.lastZxidHigh, tree.lastZxidLow);
    if (isBehind && !this.#owner.breaks('takes clients back in time')) {
      this.close(client, 'the client has seen a later zxid');
      return;
    }
    client.connectMessage = null;
    if (message.idHigh === 0 && message.idLow === 0) this.#owner.openSession(client, message.timeoutMs);
    else this.#owner.attachSession(client, message.idHigh, message.idLow, message.timeoutMs);
  }

  /** A connection is now the session's; the one that was before is closed. */
  hold(client: SimClientConnection, idHigh: number, idLow: number, timeoutMs: number): void {
    const before = this.bySession.get(idHigh, idLow);
    if (before !== undefined && before !== client) this.close(before, 'the session has another connection');
    client.connection.sessionHigh = idHigh;
    client.connection.sessionLow = idLow;
    client.timeoutMs = timeoutMs;
    this.bySession.set(idHigh, idLow, client);
  }

  /** The answer to a connect. */
  settle(client: SimClientConnection, isValid: boolean): void {
    if (client.isClosed) return;
    const { sessionHigh: idHigh, sessionLow: idLow } = client.connection;
    const answer: ServerMessage = isValid
      ? { kind: 'connected', idHigh, idLow, timeoutMs: client.timeoutMs }
      : { kind: 'connected', idHigh: 0, idLow: 0, timeoutMs: 0 };
    client.end.send(answer);
    if (!isValid) {
      this.close(client, 'session expired');
      return;
    }
    client.isSettled = true;
    this.#goOn(client);
    this.#replies.flush();
  }

  /** The reply to a request that went to the leader. */
  reply(
    client: SimClientConnection,
    xid: number,
    zxidHigh: number,
    zxidLow: number,
    error: number,
    body: Uint8Array,
    closes: boolean,
  ): void {
    if (client.isClosed) return;
    client.outstanding--;
    const length = error === 0 ? body.length : 0;
    const reply = this.#replies.head(client.connection, xid, zxidHigh, zxidLow, error, length);
    reply.bytes.set(body.subarray(0, length), reply.position);
    reply.position += length;
    if (closes) {
      this.close(client, 'session closed');
      return;
    }
    this.#goOn(client);
  }

  /** Everything that was put together goes out: at the end of a turn. */
  flush(): void {
    this.#replies.flush();
  }

  /** Apply's change of a znode: watches fire before anything is read that shows it. */
  fire(
    change: ZnodeChange,
    bytes: Uint8Array,
    start: number,
    length: number,
    zxidHigh: number,
    zxidLow: number,
  ): void {
    Object.assign(this.#change, { change, bytes, pathStart: start, pathLength: length, zxidHigh, zxidLow });
    this.#events.fire(this.#change);
  }

  /** FIFO: writes follow each other without waiting, a read waits for them, and nothing overtakes a read that waits. */
  #goOn(client: SimClientConnection): void {
    while (client.isSettled && !client.isClosed && this.#owner.isServing) {
      const next = client.waiting[0];
      if (next === undefined) return;
      const waits = next.opcode !== OpCode.ping && !ORDERED.has(next.opcode) && client.outstanding > 0;
      if (waits && !this.#owner.breaks('answers reads before earlier writes')) return;
      client.waiting.shift();
      if (ORDERED.has(next.opcode)) {
        client.outstanding++;
        this.#owner.forward(client, next.xid, next.opcode, next.body);
      } else this.#read(client, next);
    }
  }

  #read(client: SimClientConnection, { xid, opcode, body }: ClientMessage & { kind: 'request' }): void {
    const { connection } = client;
    const { tree } = this.#database;
    this.#reader.reset(body, 0, body.length);
    switch (opcode) {
      case OpCode.ping:
        this.#replies.head(connection, Xid.ping, tree.lastZxidHigh, tree.lastZxidLow, 0, 0);
        break;
      case OpCode.setWatches:
        this.#setWatches.carryOut(connection, this.#reader, 3);
        this.#replies.head(connection, Xid.setWatches, tree.lastZxidHigh, tree.lastZxidLow, 0, 0);
        break;
      default:
        this.#reads.answer(connection, xid, opcode, this.#reader);
    }
  }
}
