// Hot path: a request is written into the output buffer in the call that makes it, all of a tick leave with one write, and
// replies are decoded where they arrived. Per request: the Request, its promise, and what the caller gets.

import { JuteError, JuteReader } from '../jute/reader.ts';
import { ErrorCode } from '../protocol/error-code.ts';
import { Xid } from '../protocol/opcode.ts';
import type { Connection } from './connection.ts';
import {
  AbortError,
  ConnectionLossError,
  OverloadedError,
  ProtocolError,
  serverError,
  TimeoutError,
  TooLargeError,
  ZooKeeperError,
} from './errors.ts';
import { OutputBuffer } from './output-buffer.ts';
import { type CallOptions, type Operation, Request } from './request.ts';
import { RequestQueue } from './request-queue.ts';
import type { WatchListener } from './watch-event.ts';
import type { WatchRegistry } from './watch-registry.ts';

const FLUSH_BYTES = 256 * 1024;
const XID_MAX = 0x7fffffff;
/** A timer that is later than that is taken for the sign of a process that stood still. */
const STALL_MS = 20;

export interface ChannelLimits {
  /** For calls that name none; 0: no limit. */
  readonly requestTimeoutMs: number;
  readonly requestsInFlightMax: number;
  readonly requestsWaitingMax: number;
  /** The largest frame that the servers take. */
  readonly requestBytesMax: number;
}

/** What the session wants to know of the frames that answer no request. */
export interface ChannelEvents {
  onNotification(reader: JuteReader, zxid: bigint): void;
  onAuthReply(errorCode: number): void;
  /** Added to the errors of requests that waited in vain. */
  waitCause(): unknown;
}

/** Requests on their way: those that wait for a connection or for room, and those that wait for their reply. */
export class RequestChannel {
  readonly #limits: ChannelLimits;
  readonly #watches: WatchRegistry;
  readonly #events: ChannelEvents;
  readonly #output = new OutputBuffer();
  readonly #reader = new JuteReader();
  readonly #waiting = new RequestQueue();
  readonly #pending = new RequestQueue();
  #connection: Connection | null = null;
  #isOpen = false;
  /** How many of the newest pending ones are still in the output buffer. */
  #unflushed = 0;
  #lastXid = 0;
  #isFlushScheduled = false;
  #nowMs = 0;
  #sweepTimer: NodeJS.Timeout | null = null;
  #sweepAtMs = Number.POSITIVE_INFINITY;
  #final: ((request: Request) => ZooKeeperError) | null = null;
  #zxidHigh = 0;
  #zxidLow = 0;
  /** When something last came from the server, by the monotonic clock. */
  receivedAtMs = 0;
  /** When something last went to the server. */
  sentAtMs = 0;
  /** When the newest request that the server is known to have received was sent: the session lives from then on. */
  answeredSentAtMs = 0;
  /** When the pings were sent that are not answered yet, oldest first. */
  #pingsSentAtMs: number[] = [];

  constructor(limits: ChannelLimits, watches: WatchRegistry, events: ChannelEvents) {
    this.#limits = limits;
    this.#watches = watches;
    this.#events = events;
  }

  /** The newest zxid that a reply told. */
  get lastZxid(): bigint {
    return (BigInt(this.#zxidHigh) << 32n) | BigInt(this.#zxidLow >>> 0);
  }

  get inFlight(): number {
    return this.#pending.length;
  }

  get isIdle(): boolean {
    return this.#pending.length === 0 && this.#waiting.length === 0;
  }

  /** Sends a request, now or when there is a connection and room, and gives its result. */
  submit<T>(request: Request, options: CallOptions): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      request.setWaiter(resolve as (value: unknown) => void, reject);
      this.#enter(request, options);
    });
  }

  #enter(request: Request, options: CallOptions): void {
    const refusal = request.refusal ?? this.#final?.(request) ?? null;
    if (refusal !== null) {
      request.reject(refusal);
      return;
    }
    const signal = options.signal;
    if (signal !== undefined) {
      if (signal.aborted) {
        this.#abort(request, signal);
        return;
      }
      request.listenTo(signal, () => this.#abort(request, signal));
    }
    this.#scheduleFlush();
    const timeoutMs = options.timeoutMs ?? this.#limits.requestTimeoutMs;
    if (timeoutMs > 0) {
      // A short limit must not be used up by what the program does in this tick.
      const now = options.timeoutMs === undefined ? this.#nowMs : performance.now();
      request.deadlineMs = now + timeoutMs;
      if (request.deadlineMs < this.#sweepAtMs) this.#armSweep(request.deadlineMs);
    }
    if (this.#waiting.length === 0 && this.#hasRoom()) {
      this.#send(request);
    } else if (this.#waiting.length < this.#limits.requestsWaitingMax) {
      this.#waiting.push(request);
    } else {
      const reason = `${this.#waiting.length} requests wait to be sent: no more are taken`;
      request.reject(
        new OverloadedError(ErrorCode.THROTTLEDOP, reason, { ...describe(request), outcome: 'not-sent' }),
      );
    }
  }

  #hasRoom(): boolean {
    return (
      this.#isOpen &&
      this.#pending.length < this.#limits.requestsInFlightMax &&
      this.#output.position < FLUSH_BYTES &&
      this.#connection?.isWritable === true
    );
  }

  #send(request: Request): void {
    const xid = this.#lastXid === XID_MAX ? 1 : this.#lastXid + 1;
    if (!this.#encode(request, xid)) return;
    this.#lastXid = xid;
  }

  #encode(request: Request, xid: number): boolean {
    const output = this.#output;
    const mark = output.beginFrame();
    let length: number;
    try {
      output.writeInt(xid);
      output.writeInt(request.operation.type);
      request.operation.write(output, request);
      length = output.endFrame(mark);
    } catch (error) {
      output.dropFrame(mark);
      request.reject(error);
      return false;
    }
    if (length > this.#limits.requestBytesMax) {
      output.dropFrame(mark);
      const reason = `the request takes ${length} bytes, servers take ${this.#limits.requestBytesMax} (jute.maxbuffer)`;
      request.reject(
        new TooLargeError(ErrorCode.BADARGUMENTS, reason, { ...describe(request), outcome: 'not-sent' }),
      );
      return false;
    }
    request.xid = xid;
    request.state = 'sent';
    request.sentAtMs = this.#nowMs;
    this.#pending.push(request);
    this.#unflushed++;
    return true;
  }

  #scheduleFlush(): void {
    if (this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    this.#nowMs = performance.now();
    process.nextTick(this.#flush);
  }

  readonly #flush = (): void => {
    this.#isFlushScheduled = false;
    const connection = this.#connection;
    if (connection === null) return;
    for (;;) {
      while (this.#waiting.length > 0 && this.#hasRoom()) {
        const request = this.#waiting.shift();
        if (request !== null && request.state === 'waiting') this.#send(request);
      }
      if (this.#output.position === 0) return;
      this.#unflushed = 0;
      this.sentAtMs = this.#nowMs;
      this.#output.settle(connection.write(this.#output.written()));
      if (this.#waiting.length === 0 || !this.#hasRoom()) return;
    }
  };

  /** Takes a connection; nothing but what {@link sendFirst} sends goes out before {@link open}. */
  attach(connection: Connection, handshakeSentAtMs: number): void {
    this.#connection = connection;
    this.#isOpen = false;
    this.#output.clear();
    this.#unflushed = 0;
    this.#lastXid = 0;
    this.#pingsSentAtMs = [];
    this.answeredSentAtMs = handshakeSentAtMs;
    this.receivedAtMs = performance.now();
    this.sentAtMs = this.receivedAtMs;
  }

  /** Sends requests again. */
  open(): void {
    this.#isOpen = true;
    this.#scheduleFlush();
  }

  /** Sends a frame without a reply of its own (auth, ping). */
  sendFrame(xid: number, type: number, write: (output: OutputBuffer) => void): void {
    this.#scheduleFlush();
    if (xid === Xid.ping) this.#pingsSentAtMs.push(this.#nowMs);
    const mark = this.#output.beginFrame();
    this.#output.writeInt(xid);
    this.#output.writeInt(type);
    write(this.#output);
    this.#output.endFrame(mark);
  }

  /** Sends a request ahead of those that wait, under an xid of its kind (setWatches). */
  sendFirst(operation: Operation<unknown>, xid: number): Promise<unknown> {
    const request = new Request(operation, undefined, '', '');
    return new Promise((resolve, reject) => {
      request.setWaiter(resolve, reject);
      this.#scheduleFlush();
      this.#encode(request, xid);
    });
  }

  onDrain(): void {
    if (this.#waiting.length > 0) this.#scheduleFlush();
  }

  /** Reads a frame. Throws {@link ProtocolError} for what cannot be one; the connection must then be given up. */
  onFrame(bytes: Uint8Array, start: number, end: number): void {
    const reader = this.#reader;
    reader.reset(bytes, start, end);
    if (end - start < 16) throw new ProtocolError(`sends a reply of ${end - start} bytes`);
    const xid = reader.readInt();
    const zxidHigh = reader.readInt();
    const zxidLow = reader.readInt();
    const errorCode = reader.readInt();
    if (xid === Xid.notification) {
      this.#events.onNotification(reader, (BigInt(zxidHigh) << 32n) | BigInt(zxidLow >>> 0));
      return;
    }
    if (xid === Xid.ping) {
      this.#answered(this.#pingsSentAtMs.shift() ?? 0);
      return;
    }
    if (xid === Xid.auth) {
      this.#events.onAuthReply(errorCode);
      return;
    }
    const request = this.#pending.peek();
    if (request === null || request.xid !== xid)
      throw new ProtocolError(`answers request ${xid} where ${request?.xid ?? 'none'} is due`);
    this.#pending.shift();
    this.#answered(request.sentAtMs);
    if (zxidHigh > 0 || (zxidHigh === 0 && zxidLow !== 0)) {
      this.#zxidHigh = zxidHigh;
      this.#zxidLow = zxidLow;
    }
    if (this.#waiting.length > 0) this.#scheduleFlush();
    if (request.state === 'sent') this.#answer(request, errorCode, reader);
  }

  /** A ping may overtake requests: the newest of what was answered counts. */
  #answered(sentAtMs: number): void {
    if (sentAtMs > this.answeredSentAtMs) this.answeredSentAtMs = sentAtMs;
  }

  #answer(request: Request, errorCode: number, reader: JuteReader): void {
    const operation = request.operation;
    if (errorCode === 0) {
      let value: unknown;
      try {
        value = operation.read(reader, request);
      } catch (error) {
        if (error instanceof ZooKeeperError) {
          request.reject(error);
          return;
        }
        const reason = error instanceof JuteError ? `the reply is cut: ${error.message}` : String(error);
        const cause = new ProtocolError(`answers ${operation.name} with what cannot be read: ${reason}`);
        const details = { ...describe(request), outcome: 'unknown', cause } as const;
        request.reject(new ZooKeeperError(ErrorCode.MARSHALLINGERROR, 'the reply cannot be read', details));
        throw cause;
      }
      this.#keepWatch(request, true);
      request.resolve(value);
    } else if (errorCode === ErrorCode.NONODE && operation.missingIsNull === true) {
      this.#keepWatch(request, false);
      request.resolve(null);
    } else {
      request.reject(serverError(errorCode, describe(request)));
    }
  }

  #keepWatch(request: Request, found: boolean): void {
    const kind = request.operation.watchKind;
    const { listener, watchSignal, serverPath } = request;
    if (listener === null || kind === undefined || watchSignal?.aborted === true) return;
    if (watchSignal === null) {
      this.#watches.addOneShot(kind, serverPath, found, listener);
      return;
    }
    // What hangs on the signal, which may live long, goes with the event.
    const withdraw = () => this.#watches.withdraw(serverPath, heard);
    const heard: WatchListener = (event) => {
      watchSignal.removeEventListener('abort', withdraw);
      listener(event);
    };
    this.#watches.addOneShot(kind, serverPath, found, heard);
    watchSignal.addEventListener('abort', withdraw, { once: true });
  }

  /** Whether a read that is to leave a watch at the path is not answered yet. */
  isAskedToWatch(serverPath: string): boolean {
    let isAsked = false;
    const visit = (request: Request) => {
      if (request.listener !== null && request.serverPath === serverPath) isAsked = true;
    };
    this.#pending.forEach(visit);
    this.#waiting.forEach(visit);
    return isAsked;
  }

  /** The connection is gone: all that was asked before fails, and is told whether it was sent. */
  detach(reason: Error): void {
    const neverSent = this.#unflushed;
    this.#connection = null;
    this.#isOpen = false;
    this.#output.clear();
    this.#unflushed = 0;
    const pending = this.#pending.drain();
    const waiting = this.#waiting.drain();
    for (const [i, request] of pending.entries()) {
      request.reject(connectionLoss(request, i < pending.length - neverSent, reason));
    }
    for (const request of waiting) request.reject(connectionLoss(request, false, reason));
  }

  /** The session is over: everything fails with what `toError` makes, now and from now on. */
  finish(toError: (request: Request) => ZooKeeperError): void {
    this.refuse(toError);
    this.#connection = null;
    this.#isOpen = false;
    for (const request of this.#pending.drain()) request.reject(toError(request));
    for (const request of this.#waiting.drain()) request.reject(toError(request));
    if (this.#sweepTimer !== null) clearTimeout(this.#sweepTimer);
    this.#sweepTimer = null;
    this.#output.clear();
  }

  /** Takes no new requests; those under way go on. */
  refuse(toError: (request: Request) => ZooKeeperError): void {
    this.#final = toError;
  }

  #abort(request: Request, signal: AbortSignal): void {
    const outcome = request.state === 'sent' ? 'unknown' : 'not-sent';
    const details = { ...describe(request), outcome, cause: signal.reason } as const;
    request.reject(new AbortError(0, 'aborted', details));
  }

  #armSweep(atMs: number): void {
    if (this.#sweepTimer !== null) clearTimeout(this.#sweepTimer);
    this.#sweepAtMs = atMs;
    this.#sweepTimer = setTimeout(() => this.#sweep(), Math.max(1, Math.ceil(atMs - performance.now())));
  }

  /** One timer serves all requests: it is set for the earliest deadline that was known when it was set. */
  #sweep(): void {
    this.#sweepTimer = null;
    const now = performance.now();
    if (now - this.#sweepAtMs > STALL_MS) {
      // After a stall of this process the answers may be here, unread: sockets are read before the next look.
      this.#armSweep(now + 1);
      return;
    }
    this.#sweepAtMs = Number.POSITIVE_INFINITY;
    const late: Request[] = [];
    let next = Number.POSITIVE_INFINITY;
    const visit = (request: Request) => {
      if (request.state === 'settled') return;
      if (request.deadlineMs <= now) late.push(request);
      else if (request.deadlineMs < next) next = request.deadlineMs;
    };
    this.#pending.forEach(visit);
    this.#waiting.forEach(visit);
    if (next !== Number.POSITIVE_INFINITY) this.#armSweep(next);
    for (const request of late) {
      const outcome = request.state === 'sent' ? 'unknown' : 'not-sent';
      const reason =
        outcome === 'unknown' ? 'the server did not answer in time' : 'could not be sent in time';
      const details = { ...describe(request), outcome, cause: this.#events.waitCause() } as const;
      request.reject(new TimeoutError(ErrorCode.OPERATIONTIMEOUT, reason, details));
    }
  }
}

/** What every error tells of its request. */
export function describe(request: Request): { operation: string; path: string | undefined } {
  return { operation: request.operation.name, path: request.path };
}

function connectionLoss(request: Request, wasSent: boolean, reason: Error): ConnectionLossError {
  const text = wasSent
    ? 'the connection broke before the answer came: whether it was carried out is unknown'
    : 'the connection broke before it was sent';
  return new ConnectionLossError(ErrorCode.CONNECTIONLOSS, text, {
    ...describe(request),
    outcome: wasSent ? 'unknown' : 'not-sent',
    cause: reason,
  });
}
