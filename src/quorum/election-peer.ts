import type { Socket } from 'node:net';
import type { Notification } from '../zab/vote.ts';
import { codeOf, dial } from './dial.ts';
import { ElectionFrames } from './election-frames.ts';
import type { HostAddress } from './host-address.ts';
import type { NameLookup } from './name-lookup.ts';
import { decodeNotification, encodeNotification } from './notification-codec.ts';
import { PacketError } from './packet-error.ts';
import type { QuorumLog } from './quorum-log.ts';

/** What all peers of an election port share. */
export interface ElectionPeerContext {
  readonly sid: number;
  /** The own initial message. */
  readonly initialMessage: Uint8Array;
  readonly connectTimeoutMs: number;
  readonly reconnectMinMs: number;
  readonly reconnectMaxMs: number;
  readonly names: NameLookup;
  readonly log: QuorumLog;
  readonly onNotification: (from: number, notification: Notification) => void;
  /** There is a new connection: what was sent on an earlier one may be lost. */
  readonly onReachable: (sid: number) => void;
  /** There is no connection any more, or none could be had; told once. */
  readonly onUnreachable: (sid: number, problem: string) => void;
  /** A peer that is not configured has gone. */
  readonly onGone: (sid: number) => void;
}

/** A call from the lower of two servers is no reason to give up a connection as young as this: they have called each other at the same time. */
const YOUNG_MS = 1000;

/** A connection of ours that has ended so soon, without a message, was refused; it is borne that often in a row. */
const REFUSED_MS = 1000;
const REFUSALS_BORNE = 2;
const REFUSAL =
  'it closes each connection without a word, as one does that demands SASL (quorum.auth.serverRequireSasl) or TLS (sslQuorum) ' +
  'of the other servers: neither is built yet, both must be off on all of them';

/**
 * The election port's side of one other server: at most one connection, one message waiting, one attempt to connect
 * (protocol/quorum.md §2.1). A server keeps only connections that the one with the higher sid has dialled; the other
 * dials to say that it wants to be called.
 *
 * Otherwise than in Apache the last message is not repeated on a new connection, only one that has not left: it may tell
 * of a vote that is long out of date, and one that has just started would count it. Whoever still looks tells its vote
 * anew when it hears of the connection, and is answered.
 */
export class ElectionPeer {
  readonly sid: number;
  /** Whether it is kept connected: the configured voters are. */
  isKept: boolean;
  readonly #context: ElectionPeerContext;
  #addresses: readonly HostAddress[];
  /** Where it has said itself that it is. */
  #toldAddresses: readonly HostAddress[] = [];
  #socket: Socket | null = null;
  /** Where the connected one has said that it is, if it was the one to call. */
  #toldByConnected: readonly HostAddress[] = [];
  #connectedMs = 0;
  /** The message that waits, and that which is being written. */
  #waiting: Buffer | null = null;
  #written: Buffer | null = null;
  #cancelDial: (() => void) | null = null;
  #timer: NodeJS.Timeout | null = null;
  #retryMs: number;
  #attemptedMs = Number.NEGATIVE_INFINITY;
  /** It was dialled and has been told to call back. */
  #awaitsCall = false;
  #isUnreachable = false;
  /** The present connection was dialled here and has brought no message yet. */
  #mayBeRefused = false;
  #refusals = 0;
  #isClosed = false;

  constructor(context: ElectionPeerContext, sid: number, addresses: readonly HostAddress[], isKept: boolean) {
    this.#context = context;
    this.sid = sid;
    this.#addresses = addresses;
    this.isKept = isKept;
    this.#retryMs = context.reconnectMinMs;
  }

  get isConnected(): boolean {
    return this.#socket !== null;
  }

  set addresses(addresses: readonly HostAddress[]) {
    this.#addresses = addresses;
  }

  /** Sends the message as soon as it can be; one that has not left yet is replaced. */
  notify(notification: Notification): void {
    this.#waiting = encodeNotification(notification);
    if (this.#socket === null) this.connectSoon();
    else this.#flush();
  }

  /** An attempt to connect is made now, unless one is under way or was made a moment ago. */
  connectSoon(): void {
    if (this.#isClosed || this.#socket !== null || this.#cancelDial !== null || this.#awaitsCall) return;
    if (this.#isRefused && this.#timer !== null) return;
    this.#retryMs = this.#context.reconnectMinMs;
    const sinceMs = performance.now() - this.#attemptedMs;
    this.#dialIn(Math.max(0, this.#context.reconnectMinMs - sinceMs));
  }

  /** The peer, whose sid is lower, has called and wants to be called back. */
  calledBy(addresses: readonly HostAddress[]): void {
    if (addresses.length > 0) this.#toldAddresses = addresses;
    if (this.#socket !== null && performance.now() - this.#connectedMs < YOUNG_MS) return;
    this.#dropSocket();
    this.#stopDialling();
    this.#dialIn(0);
  }

  /**
   * Whether a call comes from another server of the same number: one that is connected is on the same machine, at other ports
   * than the caller says it has. On other machines that cannot be told from one that has a new address.
   */
  isAnother(caller: Socket, told: readonly HostAddress[]): boolean {
    if (this.#socket === null || this.#socket.remoteAddress !== caller.remoteAddress) return false;
    const known = new Set([...this.#addresses, ...this.#toldByConnected].map(({ port }) => port));
    return known.size > 0 && told.length > 0 && !told.some(({ port }) => known.has(port));
  }

  /** Takes a connection that the peer has dialled and whose initial messages are through; `rest` has come behind it. */
  attach(socket: Socket, rest: Buffer, told: readonly HostAddress[] = []): void {
    this.#refusals = 0;
    this.#take(socket, rest, told);
  }

  #take(socket: Socket, rest: Buffer, told: readonly HostAddress[] = []): void {
    this.#stopDialling();
    this.#dropSocket();
    this.#socket = socket;
    this.#toldByConnected = told;
    this.#connectedMs = performance.now();
    const receive = this.#read(socket);
    if (!this.#isRefused) this.#setReachable();
    this.#flush();
    if (rest.length > 0) receive(rest);
  }

  /** Whether it closes whatever is dialled: pauses grow, whoever asks for another attempt, and nobody is told of each. */
  get #isRefused(): boolean {
    return this.#refusals > REFUSALS_BORNE;
  }

  #setReachable(): void {
    this.#isUnreachable = false;
    if (this.#refusals === 0) this.#retryMs = this.#context.reconnectMinMs;
    this.#context.onReachable(this.sid);
  }

  /** It has said something, or has kept the connection for a time. */
  #accepted(): void {
    this.#mayBeRefused = false;
    const wasRefused = this.#isRefused;
    this.#refusals = 0;
    if (wasRefused) this.#setReachable();
  }

  close(): void {
    this.#isClosed = true;
    this.#stopDialling();
    this.#dropSocket();
  }

  /** Gives the function that takes what comes. */
  #read(socket: Socket): (chunk: Buffer) => void {
    const frames = new ElectionFrames((frame) => this.#onFrame(socket, frame));
    const onData = (chunk: Buffer) => {
      try {
        frames.read(chunk);
      } catch (error) {
        if (!(error instanceof PacketError)) throw error;
        this.#context.log.warn(
          'election message',
          `election connection of server ${this.sid} is closed: it has sent ${error.message}`,
        );
        socket.destroy();
      }
    };
    let problem = 'closed by the other side';
    socket.on('error', (error) => {
      problem = codeOf(error);
    });
    socket.once('close', () => this.#onClose(socket, problem));
    socket.on('data', onData);
    // Both sides go at once; nothing is left to be said.
    socket.once('end', () => socket.destroy());
    return onData;
  }

  #onFrame(socket: Socket, frame: Buffer): void {
    // What is left of a connection that has been replaced is out of date.
    if (this.#socket !== socket) return;
    this.#accepted();
    const notification = decodeNotification(frame);
    if (typeof notification === 'string') {
      this.#context.log.warn(
        'election message',
        `a message of server ${this.sid} is ignored: ${notification}`,
      );
    } else {
      this.#context.onNotification(this.sid, notification);
    }
  }

  #onClose(socket: Socket, problem: string): void {
    if (this.#socket !== socket) return;
    this.#dropSocket();
    const isRefusal = this.#mayBeRefused && performance.now() - this.#connectedMs < REFUSED_MS;
    this.#refusals = isRefusal ? this.#refusals + 1 : 0;
    this.#setUnreachable(this.#isRefused ? REFUSAL : problem);
    this.#afterFailure();
  }

  #flush(): void {
    const socket = this.#socket;
    if (socket === null || this.#written !== null || this.#waiting === null) return;
    this.#written = this.#waiting;
    this.#waiting = null;
    socket.write(this.#written, () => {
      if (this.#socket !== socket) return;
      this.#written = null;
      this.#flush();
    });
  }

  #dialIn(delayMs: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#dial();
    }, delayMs);
  }

  #dial(): void {
    this.#attemptedMs = performance.now();
    const told = this.#toldAddresses.filter(
      ({ host, port }) => !this.#addresses.some((known) => known.host === host && known.port === port),
    );
    this.#cancelDial = dial(
      {
        addresses: [...this.#addresses, ...told],
        timeoutMs: this.#context.connectTimeoutMs,
        names: this.#context.names,
      },
      (result) => {
        this.#cancelDial = null;
        if (result.kind === 'failed') this.#dialFailed(result.reason);
        else this.#dialled(result.socket);
      },
    );
  }

  #dialled(socket: Socket): void {
    socket.on('error', () => {});
    if (this.sid < this.#context.sid) {
      socket.write(this.#context.initialMessage);
      this.#take(socket, Buffer.alloc(0));
      this.#mayBeRefused = true;
      if (!this.#isRefused) return;
      this.#timer = setTimeout(() => {
        this.#timer = null;
        this.#accepted();
      }, REFUSED_MS);
      return;
    }
    socket.end(this.#context.initialMessage);
    // It is up to the other to call back now; what it may still say here is of no interest.
    socket.resume();
    socket.setTimeout(this.#context.connectTimeoutMs, () => socket.destroy());
    this.#awaitsCall = true;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#awaitsCall = false;
      this.#dialFailed(
        `it does not call back within ${this.#context.connectTimeoutMs} ms, as one does not that demands SASL or TLS`,
      );
    }, this.#context.connectTimeoutMs);
  }

  #dialFailed(reason: string): void {
    this.#setUnreachable(reason);
    this.#afterFailure();
  }

  #afterFailure(): void {
    if (this.#isClosed) return;
    if (!this.isKept) {
      this.#context.onGone(this.sid);
      return;
    }
    this.#dialIn(this.#retryMs);
    this.#retryMs = Math.min(2 * this.#retryMs, this.#context.reconnectMaxMs);
  }

  #setUnreachable(problem: string): void {
    if (this.#isUnreachable) return;
    this.#isUnreachable = true;
    this.#context.onUnreachable(this.sid, problem);
  }

  #stopDialling(): void {
    this.#cancelDial?.();
    this.#cancelDial = null;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#awaitsCall = false;
  }

  #dropSocket(): void {
    const socket = this.#socket;
    this.#socket = null;
    // What has not left goes over the next connection.
    this.#waiting ??= this.#written;
    this.#written = null;
    socket?.destroy();
  }
}
