import { JuteReader } from '../../src/jute/reader.ts';
import { GrowingJuteWriter } from '../../src/jute/writer.ts';
import { ErrorCode, errorName } from '../../src/protocol/error-code.ts';
import { OpCode, opName, Xid } from '../../src/protocol/opcode.ts';
import { type ClientRequest, type MultiOp, OPEN, writeRequest } from '../txn/requests.ts';
import type { EventQueue, ScheduledEvent } from './event-queue.ts';
import { keyText, type Ledger, sessionText } from './ledger.ts';
import type { ClientMessage, ServerMessage } from './messages.ts';
import type { ConnectionEnd, Network, NetworkHost } from './network.ts';
import type { SimRandom } from './random.ts';
import { ReadChecks } from './read-checks.ts';
import type { Trace } from './trace.ts';
import { Violation } from './violation.ts';
import { WatchBook } from './watch-book.ts';

/** A request that waits for its answer. */
interface Pending {
  readonly xid: number;
  readonly opcode: number;
  readonly path: string;
  readonly watches: boolean;
  readonly sentMs: number;
}

export interface ClientOptions {
  readonly name: string;
  readonly timeoutMs: number;
  /** Requests under way at a time. */
  readonly pipeline: number;
  /** Mean pause between requests. */
  readonly pauseMs: number;
}

export interface ClientFigures {
  acknowledged: number;
  failed: number;
  lost: number;
  reads: number;
  watchEvents: number;
  expired: number;
  moves: number;
}

const PARENTS = ['/a', '/b', '/c'];

/**
 * A client as the libraries are: one session, moved from server to server as connections go, requests answered in order,
 * watches set again on each new server. It knows what it may see, and says {@link Violation} when it sees anything else.
 */
export class SimClient implements NetworkHost {
  readonly name: string;
  readonly isUp = true;
  readonly isPaused = false;
  readonly figures: ClientFigures;
  /** Requests that may still be made. */
  operationsLeft = 0;
  readonly #options: ClientOptions;
  readonly #queue: EventQueue;
  readonly #network: Network;
  readonly #random: SimRandom;
  readonly #ledger: Ledger;
  readonly #trace: Trace;
  readonly #servers: readonly NetworkHost[];
  readonly #reader = new JuteReader();
  readonly #reads: ReadChecks;
  readonly #watches: WatchBook;
  #end: ConnectionEnd | null = null;
  #dialing = 0;
  #idHigh = 0;
  #idLow = 0;
  #isSettled = false;
  #isDead = false;
  #lastZxidKey = 0;
  #nextXid = 1;
  #pending: Pending[] = [];
  #heardMs = 0;
  #sentMs = 0;
  #unique = 0;
  #timer: ScheduledEvent | null = null;
  #requestTimer: ScheduledEvent | null = null;

  constructor(
    options: ClientOptions,
    world: {
      queue: EventQueue;
      network: Network;
      random: SimRandom;
      ledger: Ledger;
      trace: Trace;
      servers: readonly NetworkHost[];
      figures: ClientFigures;
    },
  ) {
    this.name = options.name;
    this.#options = options;
    this.#queue = world.queue;
    this.#network = world.network;
    this.#random = world.random;
    this.#ledger = world.ledger;
    this.#trace = world.trace;
    this.#servers = world.servers;
    this.figures = world.figures;
    this.#reads = new ReadChecks(world.ledger.znodes);
    this.#watches = new WatchBook(options.name, world.ledger.znodes);
  }

  accept(): boolean {
    return false;
  }

  get isConnected(): boolean {
    return this.#isSettled;
  }

  get isIdle(): boolean {
    return this.#isDead || (this.operationsLeft === 0 && this.#pending.length === 0);
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  get sessionId(): string | null {
    return this.#idHigh === 0 && this.#idLow === 0 ? null : sessionText(this.#idHigh, this.#idLow);
  }

  /** Begins to connect, and to make requests as soon as it is connected. */
  start(): void {
    this.#connect();
    this.#tick();
    this.#scheduleRequest();
  }

  /** The client dies: nobody closes its session. */
  die(): void {
    this.#isDead = true;
    this.#trace.add(this.name, 'dies');
    this.#end?.close('client died');
    this.#end = null;
    this.#isSettled = false;
    this.#queue.cancel(this.#timer);
    this.#queue.cancel(this.#requestTimer);
  }

  /** Goes to another server of its own accord. */
  move(): void {
    if (this.#isDead || this.#end === null) return;
    this.figures.moves++;
    this.#trace.add(this.name, 'moves');
    this.#disconnect('moves');
    this.#connect();
  }

  /** Makes one more write and gives true when it is acknowledged; asked again and again while the cluster is being healed. */
  probe(): void {
    if (!this.#isDead && this.operationsLeft === 0 && this.#pending.length === 0) this.operationsLeft = 1;
  }

  #connect(): void {
    if (this.#isDead || this.#end !== null) return;
    const dial = ++this.#dialing;
    const server = this.#random.pick(this.#servers);
    this.#network.dial(this, server, 'client', (end) => {
      if (dial !== this.#dialing || this.#isDead) {
        end?.close('not wanted any more');
        return;
      }
      if (end === null) {
        this.#connectLater();
        return;
      }
      this.#connected(end, server);
    });
  }

  #connectLater(): void {
    this.#queue.after(this.#random.delayMs(20) + 1, () => this.#connect());
  }

  #connected(end: ConnectionEnd, server: NetworkHost): void {
    this.#end = end;
    this.#isSettled = false;
    this.#heardMs = this.#queue.nowMs;
    this.#trace.add(this.name, `connects to ${server.name} with session ${this.sessionId ?? 'new'}`);
    end.onMessage = (message) => this.#received(end, message as ServerMessage);
    end.onClose = (reason) => {
      if (this.#end !== end) return;
      this.#disconnect(reason);
      this.#connectLater();
    };
    const connect: ClientMessage = {
      kind: 'connect',
      idHigh: this.#idHigh,
      idLow: this.#idLow,
      timeoutMs: this.#options.timeoutMs,
      lastZxidKey: this.#lastZxidKey,
    };
    end.send(connect);
  }

  #disconnect(reason: string): void {
    this.#trace.add(this.name, `is disconnected: ${reason}; ${this.#pending.length} requests lost`);
    this.#end?.close(reason);
    this.#end = null;
    this.#dialing++;
    this.#isSettled = false;
    this.figures.lost += this.#pending.length;
    if (this.#pending.some(({ opcode }) => opcode === OpCode.closeSession)) this.#forgetSession();
    this.#pending = [];
  }

  #forgetSession(): void {
    this.#idHigh = 0;
    this.#idLow = 0;
    this.#lastZxidKey = 0;
    this.#watches.clear();
  }

  /** Heartbeats, and the end of a connection on which nothing is heard. */
  #tick(): void {
    if (this.#isDead) return;
    const { timeoutMs } = this.#options;
    const nowMs = this.#queue.nowMs;
    if (this.#end !== null && nowMs - this.#heardMs > (timeoutMs * 2) / 3) {
      this.#disconnect('nothing heard');
      this.#connect();
    } else if (this.#isSettled && nowMs - this.#sentMs > timeoutMs / 3) {
      this.#send({ kind: 'request', xid: Xid.ping, opcode: OpCode.ping, body: new Uint8Array(0) });
    }
    this.#timer = this.#queue.after(timeoutMs / 6, () => this.#tick());
  }

  #send(message: ClientMessage): void {
    this.#sentMs = this.#queue.nowMs;
    this.#end?.send(message);
  }

  #scheduleRequest(): void {
    this.#requestTimer = this.#queue.after(this.#random.delayMs(this.#options.pauseMs), () => {
      if (this.#isDead) return;
      if (this.#isSettled && this.operationsLeft > 0 && this.#pending.length < this.#options.pipeline) {
        this.operationsLeft--;
        this.#request();
      }
      this.#scheduleRequest();
    });
  }

  #request(): void {
    const path = this.#path();
    const kind = this.#random.weighted({
      create: 20,
      sequential: 6,
      ephemeral: 12,
      setData: 14,
      delete: 12,
      multi: 6,
      read: 30,
      sync: 4,
      close: 1,
    });
    switch (kind) {
      case 'read': {
        const opcode = this.#random.pick([OpCode.getData, OpCode.exists, OpCode.getChildren2]);
        this.#ask(opcode, path, this.#random.chance(0.5));
        break;
      }
      case 'sync':
        this.#ask(OpCode.sync, path, false);
        break;
      case 'close':
        this.#put(OpCode.closeSession, '', new Uint8Array(0));
        break;
      default:
        this.#write(this.#clientRequest(kind, path));
    }
  }

  #path(): string {
    const parent = this.#random.pick(PARENTS);
    return this.#random.chance(0.25) ? parent : `${parent}/${this.#random.below(4)}`;
  }

  /** What is written is found nowhere else. */
  #data(): Uint8Array {
    return Buffer.from(`${this.name}:${this.#unique++}`);
  }

  #clientRequest(
    kind: 'create' | 'sequential' | 'ephemeral' | 'setData' | 'delete' | 'multi',
    path: string,
  ): ClientRequest {
    const version = this.#random.chance(0.8) ? -1 : this.#random.below(4);
    switch (kind) {
      case 'create':
        return {
          type: this.#random.pick(['create', 'create2']),
          path,
          data: this.#data(),
          acl: OPEN,
          flags: 0,
        };
      case 'ephemeral':
        return { type: 'create', path, data: this.#data(), acl: OPEN, flags: this.#random.pick([1, 3]) };
      case 'sequential':
        return { type: 'create', path: `${path}-`, data: this.#data(), acl: OPEN, flags: 2 };
      case 'setData':
        return { type: 'setData', path, data: this.#data(), version };
      case 'delete':
        return { type: 'delete', path, version };
      case 'multi':
        return { type: 'multi', ops: this.#multiOps() };
    }
  }

  #multiOps(): MultiOp[] {
    return Array.from({ length: this.#random.between(1, 3) }, (): MultiOp => {
      const path = this.#path();
      switch (this.#random.below(4)) {
        case 0:
          return { type: 'create', path, data: this.#data(), acl: OPEN, flags: this.#random.pick([0, 1, 2]) };
        case 1:
          return { type: 'check', path, version: -1 };
        case 2:
          return { type: 'setData', path, data: this.#data(), version: -1 };
        default:
          return { type: 'delete', path, version: -1 };
      }
    });
  }

  #write(request: ClientRequest): void {
    const writer = new GrowingJuteWriter();
    writeRequest(writer, request);
    this.#put(OpCode[request.type], request.type === 'multi' ? '' : request.path, writer.written().slice());
  }

  #ask(opcode: number, path: string, watches: boolean): void {
    const writer = new GrowingJuteWriter();
    writer.writeString(path);
    if (opcode !== OpCode.sync) writer.writeBoolean(watches);
    this.#put(opcode, path, writer.written().slice(), watches);
  }

  #put(opcode: number, path: string, body: Uint8Array, watches = false): void {
    const xid = this.#nextXid++;
    this.#trace.add(this.name, `sends ${xid} ${opName(opcode)} ${path}${watches ? ' +watch' : ''}`);
    this.#pending.push({ xid, opcode, path, watches, sentMs: this.#queue.nowMs });
    this.#send({ kind: 'request', xid, opcode, body });
  }

  #received(end: ConnectionEnd, message: ServerMessage): void {
    if (this.#end !== end) return;
    this.#heardMs = this.#queue.nowMs;
    if (message.kind === 'connected') this.#settled(message);
    else this.#frames(end, message.bytes);
  }

  #settled(message: ServerMessage & { kind: 'connected' }): void {
    if (message.timeoutMs === 0) {
      this.#trace.add(this.name, `session ${this.sessionId} has expired`);
      this.figures.expired++;
      this.#forgetSession();
      this.#disconnect('session expired');
      this.#connectLater();
      return;
    }
    if (this.sessionId !== null && (message.idHigh !== this.#idHigh || message.idLow !== this.#idLow)) {
      throw new Violation('sessions', `${this.name} asked for ${this.sessionId} and got another session`);
    }
    this.#idHigh = message.idHigh;
    this.#idLow = message.idLow;
    this.#isSettled = true;
    this.#trace.add(this.name, `has session ${this.sessionId}`);
    const body = this.#watches.setWatchesBody(this.#lastZxidKey);
    if (body !== null) this.#send({ kind: 'request', xid: Xid.setWatches, opcode: OpCode.setWatches, body });
  }

  #frames(end: ConnectionEnd, bytes: Uint8Array): void {
    const reader = this.#reader;
    for (let at = 0; at < bytes.length && this.#end === end; ) {
      reader.reset(bytes, at, bytes.length);
      const length = reader.readInt();
      reader.end = at + 4 + length;
      at = reader.end;
      this.#frame(reader);
    }
  }

  #frame(reader: JuteReader): void {
    const xid = reader.readInt();
    const zxidHigh = reader.readInt();
    const zxidKey = zxidHigh * 4294967296 + (reader.readInt() >>> 0);
    const error = reader.readInt();
    if (xid === Xid.notification) {
      this.figures.watchEvents++;
      const eventType = reader.readInt();
      reader.skip(4);
      const path = reader.readString() ?? '';
      this.#trace.add(this.name, `event ${eventType} ${path} at ${keyText(Math.max(0, zxidKey))}`);
      this.#watches.fired(eventType, path, zxidKey);
      return;
    }
    this.#seen(zxidKey, xid);
    if (xid === Xid.ping) return;
    if (xid === Xid.setWatches) {
      this.#watches.registered(zxidKey);
      return;
    }
    this.#answered(reader, xid, zxidKey, error);
  }

  /** Time does not go back for a session, on whatever server. */
  #seen(zxidKey: number, xid: number): void {
    if (zxidKey < this.#lastZxidKey) {
      throw new Violation(
        'monotonic reads',
        `${this.name} has seen ${keyText(this.#lastZxidKey)}, the reply to ${xid} is of ${keyText(zxidKey)}`,
      );
    }
    this.#lastZxidKey = zxidKey;
    this.#watches.check(zxidKey);
  }

  #answered(reader: JuteReader, xid: number, zxidKey: number, error: number): void {
    const pending = this.#pending.shift();
    if (pending === undefined || pending.xid !== xid) {
      throw new Violation('FIFO', `${this.name} waits for ${pending?.xid ?? 'nothing'} and gets ${xid}`);
    }
    this.#trace.add(
      this.name,
      `gets ${xid} ${opName(pending.opcode)} ${pending.path}: ${errorName(error)} at ${keyText(zxidKey)}`,
    );
    switch (pending.opcode) {
      case OpCode.getData:
      case OpCode.exists:
      case OpCode.getChildren2:
        this.figures.reads++;
        this.#reads.check(this.name, pending.opcode, pending.path, zxidKey, error, reader);
        if (pending.watches) this.#watches.added(pending.opcode, pending.path, zxidKey, error);
        break;
      case OpCode.sync:
        break;
      default:
        this.#written(pending, zxidKey, error);
    }
  }

  #written(pending: Pending, zxidKey: number, error: number): void {
    if (error === ErrorCode.OK) this.figures.acknowledged++;
    else this.figures.failed++;
    this.#ledger.acknowledged(this.name, this.sessionId ?? '', pending.xid, zxidKey, error);
    if (pending.opcode !== OpCode.closeSession) return;
    this.#forgetSession();
    this.#disconnect('closed its session');
    this.#connectLater();
  }
}
