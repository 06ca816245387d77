import { connect, type Socket } from 'node:net';
import { JuteReader } from '../jute/reader.ts';
import { GrowingJuteWriter } from '../jute/writer.ts';
import { ProtocolError } from './errors.ts';
import { FrameReader } from './frame-reader.ts';

/** No ConnectResponse is longer: with a bound as small as this, what is not ZooKeeper is told by its first bytes. */
const CONNECT_RESPONSE_BYTES_MAX = 1024;
const INPUT_BYTES = 64 * 1024;

/** What a client asks for when it connects (protocol/client.md §2). */
export interface ConnectRequest {
  readonly lastZxidSeen: bigint;
  readonly timeoutMs: number;
  /** 0n for a new session. */
  readonly sessionId: bigint;
  readonly password: Uint8Array;
  readonly canBeReadOnly: boolean;
}

export interface ConnectResponse {
  /** 0 or less: the session has expired. */
  readonly timeoutMs: number;
  readonly sessionId: bigint;
  readonly password: Uint8Array;
  readonly isReadOnly: boolean;
}

export interface ConnectionHandlers {
  /** Once per read of the socket, before its frames. */
  onInput(): void;
  /** A frame at `bytes[start, end)`, which is overwritten after the call. May throw: the connection ends with it. */
  onFrame(bytes: Buffer, start: number, end: number): void;
  /** The socket takes more. */
  onDrain(): void;
  /** Once, whoever ended it, after the handshake succeeded. */
  onEnd(reason: Error): void;
}

/** Where to connect, and for how long to try. */
export interface ConnectTarget {
  readonly address: string;
  readonly port: number;
  readonly timeoutMs: number;
  readonly replyBytesMax: number;
}

/** One TCP connection with an accepted ConnectRequest. */
export class Connection {
  readonly #socket: Socket;
  readonly #frames: FrameReader;
  #handlers: ConnectionHandlers | null = null;
  #onFirstFrame: ((bytes: Buffer, start: number, end: number) => void) | null;
  #onFailure: ((reason: Error) => void) | null;
  #reason: Error | null = null;

  private constructor(
    target: ConnectTarget,
    onConnect: () => void,
    onFirstFrame: (bytes: Buffer, start: number, end: number) => void,
    onFailure: (reason: Error) => void,
  ) {
    this.#onFirstFrame = onFirstFrame;
    this.#onFailure = onFailure;
    this.#frames = new FrameReader(CONNECT_RESPONSE_BYTES_MAX, (bytes, start, end) =>
      this.#onFrame(bytes, start, end),
    );
    const input = Buffer.allocUnsafeSlow(INPUT_BYTES);
    this.#socket = connect({
      host: target.address,
      port: target.port,
      noDelay: true,
      onread: {
        buffer: input,
        callback: (length) => {
          this.#onInput(input, length);
          return true;
        },
      },
    });
    this.#socket.once('connect', onConnect);
    this.#socket.on('drain', () => this.#handlers?.onDrain());
    this.#socket.once('error', (error) => this.end(error));
    this.#socket.once('end', () => this.end(new Error('the server closed the connection')));
    this.#socket.once('close', () => this.end(new Error('the connection was closed')));
  }

  /**
   * Connects and asks for a session. Resolves with the connection and the server's answer, an expired session included; rejects
   * when the server cannot be reached, does not answer within the time limit, or is none.
   */
  static open(
    target: ConnectTarget,
    request: ConnectRequest,
    signal: AbortSignal,
  ): Promise<{ connection: Connection; response: ConnectResponse }> {
    return new Promise((resolve, reject) => {
      let stage = 'connect';
      const settle = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
      };
      const connection = new Connection(
        target,
        () => {
          stage = 'answer the ConnectRequest';
          connection.write(encodeConnectRequest(request));
        },
        (bytes, start, end) => {
          const response = decodeConnectResponse(bytes, start, end);
          connection.#frames.frameBytesMax = target.replyBytesMax;
          settle();
          resolve({ connection, response });
        },
        (reason) => {
          settle();
          reject(reason);
        },
      );
      const timer = setTimeout(
        () => connection.end(new Error(`did not ${stage} within ${target.timeoutMs} ms`)),
        target.timeoutMs,
      );
      const onAbort = () => connection.end(new Error('given up'));
      signal.addEventListener('abort', onAbort);
    });
  }

  /** Begins to hand out frames. Call it in the tick in which {@link open} resolves, lest frames are lost. */
  attach(handlers: ConnectionHandlers): void {
    this.#handlers = handlers;
    const reason = this.#reason;
    if (reason !== null) process.nextTick(() => handlers.onEnd(reason));
  }

  /** The server's address, as in `127.0.0.1:2181`. */
  get remoteAddress(): string {
    return `${this.#socket.remoteAddress}:${this.#socket.remotePort}`;
  }

  /** Sends bytes. Gives whether the kernel has taken them all: else they must stay as they are. */
  write(bytes: Uint8Array): boolean {
    this.#socket.write(bytes);
    return this.#socket.writableLength === 0;
  }

  get isWritable(): boolean {
    return !this.#socket.writableNeedDrain;
  }

  /** Ends it at once. */
  end(reason: Error): void {
    if (this.#reason !== null) return;
    this.#reason = reason;
    this.#socket.destroy();
    this.#onFailure?.(reason);
    this.#onFailure = null;
    this.#handlers?.onEnd(reason);
  }

  #onInput(input: Buffer, length: number): void {
    if (this.#reason !== null) return;
    try {
      this.#handlers?.onInput();
      this.#frames.push(input, length);
    } catch (error) {
      this.end(error as Error);
    }
  }

  #onFrame(bytes: Buffer, start: number, end: number): void {
    if (this.#reason !== null) return;
    const first = this.#onFirstFrame;
    if (first !== null) {
      this.#onFirstFrame = null;
      first(bytes, start, end);
      this.#onFailure = null;
      return;
    }
    if (this.#handlers === null) throw new ProtocolError('the server sends before it was asked');
    this.#handlers.onFrame(bytes, start, end);
  }
}

function encodeConnectRequest(request: ConnectRequest): Uint8Array {
  const writer = new GrowingJuteWriter();
  writer.writeInt(0);
  writer.writeInt(0);
  writer.writeLong(request.lastZxidSeen);
  writer.writeInt(request.timeoutMs);
  writer.writeLong(request.sessionId);
  writer.writeBuffer(request.password);
  writer.writeBoolean(request.canBeReadOnly);
  writer.view.setInt32(0, writer.position - 4);
  return writer.written();
}

function decodeConnectResponse(bytes: Uint8Array, start: number, end: number): ConnectResponse {
  const reader = new JuteReader(bytes);
  reader.reset(bytes, start, end);
  // A read-only server that cannot open a session answers with a bare ReplyHeader (protocol/client.md §14).
  if (reader.remaining === 16) throw new ProtocolError('refuses new sessions: it is read-only');
  if (reader.remaining < 36)
    throw new ProtocolError('answers the ConnectRequest with a frame that is too short');
  const version = reader.readInt();
  const timeoutMs = reader.readInt();
  const sessionId = reader.readLong();
  const password = reader.readBuffer();
  if (version !== 0 || password === null || password.length !== 16)
    throw new ProtocolError('answers the ConnectRequest with something else');
  const isReadOnly = reader.remaining > 0 && reader.readBoolean();
  return { timeoutMs, sessionId, password, isReadOnly };
}
