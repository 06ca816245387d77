import type { Socket } from 'node:net';
import type { JuteReader } from '../../src/jute/reader.ts';
import type { JuteWriter } from '../../src/jute/writer.ts';
import { errorName } from '../../src/protocol/error-code.ts';
import { opName, Xid } from '../../src/protocol/opcode.ts';
import { encode, readerOf } from './wire-records.ts';

/** How long a request, an event or a close may take before the test fails. */
const PATIENCE_MS = 15_000;

export interface ConnectOptions {
  port: number;
  sessionId?: bigint;
  password?: Uint8Array;
  timeoutMs?: number;
  lastZxidSeen?: bigint;
  protocolVersion?: number;
  /** 'absent' is what clients up to 3.3 do: the byte is not there at all. */
  readOnly?: boolean | 'absent';
}

/** ConnectResponse; `bytes` is the whole frame without its length. */
export interface Session {
  protocolVersion: number;
  timeoutMs: number;
  sessionId: bigint;
  password: Uint8Array;
  bytes: Uint8Array;
}

/** A reply; `body` is null where the error says that there is none. `rest` counts bytes after the decoded body. */
export interface Reply<T> {
  xid: number;
  zxid: bigint;
  err: number;
  body: T | null;
  rest: number;
}

export interface Notification {
  kind: 'notification';
  zxid: bigint;
  err: number;
  type: number;
  state: number;
  path: string | null;
}

/** What came from the server, in the order in which it came. */
export type WireEvent = Notification | { kind: 'reply'; xid: number; zxid: bigint; err: number };

interface Pending {
  xid: number;
  op: string;
  settle: (xid: number, zxid: bigint, err: number, body: Uint8Array) => void;
  reject: (error: Error) => void;
}

interface Waiter {
  met: () => boolean;
  resolve: () => void;
  reject: (error: Error) => void;
}

/** A reply's body; throws where the request failed. */
export function ok<T>(reply: Reply<T>): T {
  if (reply.err !== 0) throw new Error(`request ${reply.xid} failed: ${errorName(reply.err)}`);
  return reply.body as T;
}

/**
 * A connection to a ZooKeeper server that hides nothing: it sends what it is told to send, at once, and keeps replies
 * and watch notifications in one ordered {@link log}. It fails (rejecting all that waits) when a reply comes out of
 * order.
 */
export class WireConnection {
  readonly log: WireEvent[] = [];
  /** Settles when the connection is closed, by whichever side. Never rejects. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  #session: Session | null = null;
  #buffered: Buffer[] = [];
  #bufferedBytes = 0;
  #pending: Pending[] = [];
  #pendingAside: Pending[] = [];
  #waiters: Waiter[] = [];
  #connectSettled: ((session: Session) => void) | null = null;
  #connectFailed: ((error: Error) => void) | null = null;
  #xid = 0;
  #failure: Error | null = null;
  #isClosed = false;

  protected constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('data', (chunk) => this.#received(chunk));
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => {
      this.#isClosed = true;
      this.#fail(new Error('connection closed'));
    });
    socket.setTimeout(PATIENCE_MS, () => {
      if (this.#pending.length + this.#waiters.length > 0)
        this.#fail(new Error(`silence for ${PATIENCE_MS} ms`));
    });
  }

  /** Sends a ConnectRequest; the response is also {@link session} from then on. */
  establish(options: Omit<ConnectOptions, 'port'>): Promise<Session> {
    const response = this.awaitSession();
    this.sendFrame(
      encode((writer) => {
        writer.writeInt(options.protocolVersion ?? 0);
        writer.writeLong(options.lastZxidSeen ?? 0n);
        writer.writeInt(options.timeoutMs ?? 30_000);
        writer.writeLong(options.sessionId ?? 0n);
        writer.writeBuffer(options.password ?? new Uint8Array(16));
        if (options.readOnly !== 'absent') writer.writeBoolean(options.readOnly ?? false);
      }),
    );
    return response;
  }

  /** The ConnectResponse to a ConnectRequest that is sent by hand. */
  awaitSession(): Promise<Session> {
    const response = new Promise<Session>((resolve, reject) => {
      this.#connectSettled = resolve;
      this.#connectFailed = reject;
      if (this.#failure) reject(this.#failure);
    });
    response.catch(nothing);
    return response;
  }

  get session(): Session {
    if (this.#session === null) throw new Error('no session on this connection');
    return this.#session;
  }

  /** Whether the server has given this connection a session. */
  get hasSession(): boolean {
    return this.#session !== null && this.#session.timeoutMs > 0;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** `address:port` of this end, as servers log it. */
  get localAddress(): string {
    return `${this.#socket.localAddress}:${this.#socket.localPort}`;
  }

  get notifications(): Notification[] {
    return this.log.filter((event): event is Notification => event.kind === 'notification');
  }

  /** The xid of the request sent last. */
  get lastXid(): number {
    return this.#xid;
  }

  // --- raw bytes ---

  /** Sends bytes as they are. */
  sendRaw(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** Sends a frame: its length, then its bytes. */
  sendFrame(payload: Uint8Array): void {
    const frame = Buffer.allocUnsafe(4 + payload.length);
    frame.writeInt32BE(payload.length, 0);
    frame.set(payload, 4);
    this.#socket.write(frame);
  }

  /** Everything that `send` sends goes out in one write. */
  batch<T>(send: () => T): T {
    this.#socket.cork();
    try {
      return send();
    } finally {
      this.#socket.uncork();
    }
  }

  /** Stops taking bytes from the socket, as a client does that hangs. */
  pauseReading(): void {
    this.#socket.pause();
    this.#socket.setTimeout(0);
  }

  resumeReading(): void {
    this.#socket.resume();
  }

  /** From now on whatever comes is dropped unread, as by a client that sends garbage and expects none better. */
  ignoreReplies(): void {
    this.#socket.removeAllListeners('data');
    this.#socket.resume();
  }

  /** Closes the connection by RST. */
  async reset(): Promise<void> {
    this.#socket.resetAndDestroy();
    await this.closed;
  }

  /** Ends only the sending side: the server sees end of file. */
  endSending(): void {
    this.#socket.end();
  }

  /** Closes the connection without a word: the session lives on. */
  async disconnect(): Promise<void> {
    this.#socket.destroy();
    await this.closed;
  }

  /** Waits until the server has closed the connection; rejects when it does not. */
  async waitForClose(): Promise<void> {
    this.resumeReading();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`not closed in ${PATIENCE_MS} ms`)), PATIENCE_MS);
    });
    await Promise.race([this.closed, late]).finally(() => clearTimeout(timer));
  }

  /** Waits until `count` notifications have come in all, and gives them. */
  async waitForNotifications(count: number): Promise<Notification[]> {
    await this.#until(() => this.notifications.length >= count);
    return this.notifications;
  }

  // --- requests ---

  /** Sends a request; `decode` reads the reply's body where err is 0. */
  request<T>(
    type: number,
    write: (writer: JuteWriter) => void,
    decode: (reader: JuteReader) => T,
    xid: number = ++this.#xid,
  ): Promise<Reply<T>> {
    const reply = this.expectReply(xid, opName(type), decode);
    this.sendFrame(
      encode((writer) => {
        writer.writeInt(xid);
        writer.writeInt(type);
        write(writer);
      }),
    );
    return reply;
  }

  /** The reply to a request that is sent by hand: the next one, and it must have this xid. */
  expectReply(xid: number): Promise<Reply<void>>;
  expectReply<T>(xid: number, op: string, decode: (reader: JuteReader) => T): Promise<Reply<T>>;
  expectReply<T>(
    xid: number,
    op = 'request',
    decode?: (reader: JuteReader) => T,
  ): Promise<Reply<T | undefined>> {
    const reply = new Promise<Reply<T | undefined>>((resolve, reject) => {
      if (this.#failure) {
        reject(this.#failure);
        return;
      }
      const settle: Pending['settle'] = (replyXid, zxid, err, bytes) => {
        const reader = readerOf(bytes);
        const body = err === 0 ? decode?.(reader) : null;
        resolve({ xid: replyXid, zxid, err, body: body as T | null, rest: reader.remaining });
      };
      // A client matches ping and auth replies by xid alone: they may overtake (protocol/client.md §3).
      const queue = xid === Xid.ping || xid === Xid.auth ? this.#pendingAside : this.#pending;
      queue.push({ xid, op, settle, reject });
    });
    // Not every test waits for every reply; those that do still see the rejection.
    reply.catch(nothing);
    return reply;
  }

  /** A request whose reply has no body, from body bytes given as they are. */
  requestBytes(type: number, body: Uint8Array, xid?: number): Promise<Reply<void>> {
    return this.request(type, (writer) => writer.writeBytes(body, 0, body.length), nothing, xid);
  }

  // --- receiving ---

  #received(chunk: Buffer): void {
    this.#buffered.push(chunk);
    this.#bufferedBytes += chunk.length;
    if (this.#bufferedBytes < 4) return;
    let bytes = this.#buffered.length === 1 ? this.#buffered[0] : Buffer.concat(this.#buffered);
    while (bytes.length >= 4 && bytes.length >= 4 + bytes.readInt32BE(0)) {
      const end = 4 + bytes.readInt32BE(0);
      try {
        // Not a Buffer: their slices share memory, and compare unequal to plain arrays.
        this.#frame(new Uint8Array(bytes.buffer, bytes.byteOffset + 4, end - 4));
      } catch (error) {
        this.#fail(error as Error);
      }
      bytes = bytes.subarray(end);
    }
    this.#buffered = [bytes];
    this.#bufferedBytes = bytes.length;
    this.#checkWaiters();
  }

  #frame(bytes: Uint8Array): void {
    const reader = readerOf(bytes);
    if (this.#session === null) {
      this.#connectResponse(reader, bytes);
      return;
    }
    const xid = reader.readInt();
    const zxid = reader.readLong();
    const err = reader.readInt();
    if (xid === Xid.notification) {
      const [type, state, path] = [reader.readInt(), reader.readInt(), reader.readString()];
      this.log.push({ kind: 'notification', zxid, err, type, state, path });
      return;
    }
    this.log.push({ kind: 'reply', xid, zxid, err });
    const queue = xid === Xid.ping || xid === Xid.auth ? this.#pendingAside : this.#pending;
    const at = queue === this.#pendingAside ? queue.findIndex((one) => one.xid === xid) : 0;
    const pending = queue[at];
    if (pending === undefined || pending.xid !== xid) {
      throw new Error(
        `reply with xid ${xid}, awaited ${pending ? `${pending.xid} (${pending.op})` : 'none'}`,
      );
    }
    queue.splice(at, 1);
    pending.settle(xid, zxid, err, bytes.subarray(reader.position));
  }

  #connectResponse(reader: JuteReader, bytes: Uint8Array): void {
    this.#session = {
      protocolVersion: reader.readInt(),
      timeoutMs: reader.readInt(),
      sessionId: reader.readLong(),
      password: reader.readBuffer() ?? new Uint8Array(0),
      bytes: bytes.slice(),
    };
    this.#connectSettled?.(this.#session);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#connectFailed?.(error);
    for (const pending of [...this.#pending, ...this.#pendingAside]) {
      pending.reject(new Error(`${pending.op} with xid ${pending.xid}: ${error.message}`));
    }
    this.#pending = [];
    this.#pendingAside = [];
    this.#checkWaiters();
    for (const waiter of this.#waiters) waiter.reject(error);
    this.#waiters = [];
    if (error.message !== 'connection closed') this.#socket.destroy();
  }

  #until(met: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      if (met()) return resolve();
      if (this.#failure) return reject(this.#failure);
      this.#waiters.push({ met, resolve, reject });
    });
  }

  #checkWaiters(): void {
    this.#waiters = this.#waiters.filter((waiter) => {
      if (!waiter.met()) return true;
      waiter.resolve();
      return false;
    });
  }
}

/** Writes or reads an empty body. */
export function nothing(): void {}
