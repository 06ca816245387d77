// Hot path: replies are written in place into pooled buffers; a buffer goes back to the pool as soon as the socket has
// taken all of it, which on a healthy connection is at once.

const LARGE_BYTES = 64 * 1024;
const LARGE_MAX = 64;
/** For when one batch has something for hundreds of connections: a large buffer for each would be memory for the collector. */
const SMALL_BYTES = 4096;
const SMALL_POOLED_MAX = 2048;

/** Memory in which the replies of one connection are put together before one `write`. */
export class ReplyBuffer {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  position = 0;

  constructor(size: number) {
    // Not a Buffer: making a view of one costs three times as much.
    const { buffer, byteOffset } = Buffer.allocUnsafeSlow(size);
    this.bytes = new Uint8Array(buffer, byteOffset, size);
    this.view = new DataView(buffer, byteOffset, size);
  }
}

/** The reply buffers of one connection worker. */
export class ReplyBufferPool {
  readonly #large: ReplyBuffer[] = [];
  readonly #small: ReplyBuffer[] = [];
  /** Large ones that exist, here or with a connection. */
  #largeCount = 0;

  /** A buffer, empty, of at least `bytes`. */
  take(bytes: number): ReplyBuffer {
    if (bytes > LARGE_BYTES) return new ReplyBuffer(bytes);
    const pooled = this.#large.pop();
    if (pooled !== undefined) return pooled;
    if (bytes <= SMALL_BYTES && this.#largeCount >= LARGE_MAX) {
      return this.#small.pop() ?? new ReplyBuffer(SMALL_BYTES);
    }
    this.#largeCount++;
    return new ReplyBuffer(LARGE_BYTES);
  }

  /** Gives back a buffer whose bytes nobody reads any more. */
  give(buffer: ReplyBuffer): void {
    buffer.position = 0;
    if (buffer.bytes.length === SMALL_BYTES) {
      if (this.#small.length < SMALL_POOLED_MAX) this.#small.push(buffer);
    } else if (buffer.bytes.length === LARGE_BYTES) {
      if (this.#large.length < LARGE_MAX) this.#large.push(buffer);
      else this.#largeCount--;
    }
  }

  /** A buffer will not come back: its socket keeps it until everything is sent. */
  forget(buffer: ReplyBuffer): void {
    if (buffer.bytes.length === LARGE_BYTES) this.#largeCount--;
  }
}
