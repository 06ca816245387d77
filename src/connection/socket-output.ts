// Hot path, and the other place (with native-listener.ts) that leans on an internal of Node: a write straight to the
// socket's handle. A stream's `write` makes a request object, a state machine's turn and a callback on the next tick for
// each write, though nearly every write is taken by the kernel at once (about 1.5 µs of the 6 that a 1 KiB read costs
// outside the kernel). Where these internals are not there any more, the stream is used.

import type { Socket } from 'node:net';

/** What a connection writes through. */
export interface SocketOutput {
  /** Bytes given to {@link write} that the kernel has not taken yet. */
  readonly unsentBytes: number;
  /**
   * Sends bytes behind all earlier ones. True if the kernel took them at once: the memory may be used again. Otherwise
   * it must stay as it is until {@link unsentBytes} is 0.
   */
  write(bytes: Uint8Array): boolean;
}

/** Writes through the stream: for sockets of every kind. */
export class StreamOutput implements SocketOutput {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  get unsentBytes(): number {
    return this.#socket.writableLength;
  }

  write(bytes: Uint8Array): boolean {
    this.#socket.write(bytes);
    return this.#socket.writableLength === 0;
  }
}

/** A request object of Node's stream handles. */
interface WriteRequest {
  oncomplete: (status: number) => void;
  buffer?: Uint8Array;
}

interface StreamHandle {
  writeBuffer(request: WriteRequest, bytes: Uint8Array): number;
}

interface StreamInternals {
  readonly WriteWrap: new () => WriteRequest;
  readonly streamBaseState: Int32Array;
  readonly kLastWriteWasAsync: number;
}

const internals = findInternals();

/** The internals if they are what this file knows, else null. */
function findInternals(): StreamInternals | null {
  const binding: unknown = Reflect.get(process, 'binding');
  if (typeof binding !== 'function') return null;
  try {
    const found: Partial<StreamInternals> = Reflect.apply(binding, process, ['stream_wrap']);
    const { WriteWrap, streamBaseState, kLastWriteWasAsync } = found;
    if (typeof WriteWrap !== 'function' || typeof kLastWriteWasAsync !== 'number') return null;
    if (!ArrayBuffer.isView(streamBaseState) || kLastWriteWasAsync >= streamBaseState.length) return null;
    return { WriteWrap, streamBaseState, kLastWriteWasAsync };
  } catch {
    return null;
  }
}

/** Writes to the handle. The stream must not be written to, but may be ended or destroyed as ever. */
class HandleOutput implements SocketOutput {
  unsentBytes = 0;
  readonly #socket: Socket;
  readonly #handle: StreamHandle;
  readonly #internals: StreamInternals;
  readonly #onDrain: () => void;
  /** Serves again as long as writes are taken at once: nobody keeps it then. */
  #request: WriteRequest | null = null;

  constructor(socket: Socket, handle: StreamHandle, found: StreamInternals, onDrain: () => void) {
    this.#socket = socket;
    this.#handle = handle;
    this.#internals = found;
    this.#onDrain = onDrain;
  }

  write(bytes: Uint8Array): boolean {
    if (this.#socket.destroyed) return true;
    const { streamBaseState, kLastWriteWasAsync, WriteWrap } = this.#internals;
    const request = this.#request ?? new WriteWrap();
    this.#request = null;
    const error = this.#handle.writeBuffer(request, bytes);
    if (error !== 0) {
      // The peer is gone: what it would have read does not matter, the socket's close event tells the worker.
      this.#socket.destroy();
      return true;
    }
    if (streamBaseState[kLastWriteWasAsync] === 0) {
      this.#request = request;
      return true;
    }
    this.#keepUntilSent(request, bytes);
    return false;
  }

  #keepUntilSent(request: WriteRequest, bytes: Uint8Array): void {
    this.unsentBytes += bytes.length;
    request.buffer = bytes;
    request.oncomplete = (status) => {
      this.unsentBytes -= bytes.length;
      if (status < 0) this.#socket.destroy();
      else if (this.unsentBytes === 0) this.#onDrain();
    };
  }
}

/** The best way to write to a socket; `onDrain` is called whenever everything unsent has been sent. */
export function openOutput(socket: Socket, onDrain: () => void): SocketOutput {
  const handle: unknown = Reflect.get(socket, '_handle');
  if (internals !== null && isStreamHandle(handle))
    return new HandleOutput(socket, handle, internals, onDrain);
  socket.on('drain', onDrain);
  return new StreamOutput(socket);
}

function isStreamHandle(handle: unknown): handle is StreamHandle {
  return (
    typeof handle === 'object' && handle !== null && typeof Reflect.get(handle, 'writeBuffer') === 'function'
  );
}
