// Hot path, and the other place (with native-listener.ts) that leans on an internal of Node: a write straight to the
// socket's handle. A stream's `write` makes a request object, a state machine's turn and a callback on the next tick for
// each write, though nearly every write is taken by the kernel at once (about 1.5 µs of the 6 that a 1 KiB read costs
// outside the kernel). Where these internals are not there any more, the stream is used.
// One output serves all connections of a worker: an idle session is kept small.

import type { Socket } from 'node:net';

/** A connection as its output knows it. */
export interface OutputOwner {
  readonly socket: Socket;
  /** Bytes given to the handle that the kernel has not taken yet. The output's own. */
  unsentInHandle: number;
}

/** What connections write through. */
export interface SocketOutput {
  /** Bytes given to {@link write} that the kernel has not taken yet. */
  unsentBytes(owner: OutputOwner): number;
  /**
   * Sends bytes behind all earlier ones. True if the kernel took them at once: the memory may be used again. Otherwise
   * it must stay as it is until {@link unsentBytes} is 0.
   */
  write(owner: OutputOwner, bytes: Uint8Array): boolean;
}

/** Writes through the stream: for sockets of every kind. */
export const streamOutput: SocketOutput = {
  unsentBytes: (owner) => owner.socket.writableLength,
  write: ({ socket }, bytes) => {
    socket.write(bytes);
    return socket.writableLength === 0;
  },
};

/** A request object of Node's stream handles. */
interface WriteRequest {
  oncomplete: (status: number) => void;
  buffer?: Uint8Array;
}

interface StreamHandle {
  writeBuffer(request: WriteRequest, bytes: Uint8Array): number;
}

interface SocketWithHandle {
  /** Null once the socket is closed. */
  readonly _handle: StreamHandle | null;
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

/** Writes to the handles. The streams must not be written to, but may be ended or destroyed as ever. */
class HandleOutput<Owner extends OutputOwner> implements SocketOutput {
  readonly #internals: StreamInternals;
  readonly #onDrain: (owner: Owner) => void;
  /** Serves again, for any connection, as long as writes are taken at once: nobody keeps it then. */
  #request: WriteRequest | null = null;

  constructor(found: StreamInternals, onDrain: (owner: Owner) => void) {
    this.#internals = found;
    this.#onDrain = onDrain;
  }

  unsentBytes(owner: Owner): number {
    return owner.unsentInHandle;
  }

  write(owner: Owner, bytes: Uint8Array): boolean {
    const { socket } = owner;
    if (socket.destroyed) return true;
    const { _handle: handle } = socket as unknown as SocketWithHandle;
    if (handle === null) return true;
    const { streamBaseState, kLastWriteWasAsync, WriteWrap } = this.#internals;
    const request = this.#request ?? new WriteWrap();
    this.#request = null;
    const error = handle.writeBuffer(request, bytes);
    if (error !== 0) {
      // The peer is gone: what it would have read does not matter, the socket's close event tells the worker.
      socket.destroy();
      return true;
    }
    if (streamBaseState[kLastWriteWasAsync] === 0) {
      this.#request = request;
      return true;
    }
    this.#keepUntilSent(owner, request, bytes);
    return false;
  }

  #keepUntilSent(owner: Owner, request: WriteRequest, bytes: Uint8Array): void {
    owner.unsentInHandle += bytes.length;
    request.buffer = bytes;
    request.oncomplete = (status) => {
      owner.unsentInHandle -= bytes.length;
      if (status < 0) owner.socket.destroy();
      else if (owner.unsentInHandle === 0) this.#onDrain(owner);
    };
  }
}

/** Gives connections what they write through: one output for all whose handles are known. */
export class SocketOutputs<Owner extends OutputOwner> {
  readonly #onDrain: (owner: Owner) => void;
  readonly #handleOutput: HandleOutput<Owner> | null;

  /** `onDrain` is called whenever everything unsent of a connection has been sent. */
  constructor(onDrain: (owner: Owner) => void) {
    this.#onDrain = onDrain;
    this.#handleOutput = internals === null ? null : new HandleOutput(internals, onDrain);
  }

  /** The best way to write to the connection's socket. */
  open(owner: Owner): SocketOutput {
    const { socket } = owner;
    if (this.#handleOutput !== null && isStreamHandle(Reflect.get(socket, '_handle')))
      return this.#handleOutput;
    socket.on('drain', () => this.#onDrain(owner));
    return streamOutput;
  }
}

function isStreamHandle(handle: unknown): handle is StreamHandle {
  return (
    typeof handle === 'object' && handle !== null && typeof Reflect.get(handle, 'writeBuffer') === 'function'
  );
}
