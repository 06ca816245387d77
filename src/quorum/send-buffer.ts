// Hot path: buffers go round between a few batches and sockets; nothing is allocated once the pool is warm.

/** The usual size. Longer packets get a buffer of their own, which is not kept. */
const BUFFER_BYTES = 64 * 1024;
/** So many unused buffers are kept. */
const SPARE_BUFFERS_MAX = 64;

/** Memory for packets on their way to sockets. It goes back to its pool when its last holder lets go of it. */
export class SendBuffer {
  readonly bytes: Buffer;
  /** Bytes written so far. */
  used = 0;
  readonly #pool: SendBufferPool;
  #holders = 0;

  constructor(pool: SendBufferPool, bytes: Buffer) {
    this.#pool = pool;
    this.bytes = bytes;
  }

  retain(): void {
    this.#holders++;
  }

  /** For the pool: it is handed out, with one holder, and empty. */
  begin(): this {
    this.#holders = 1;
    this.used = 0;
    return this;
  }

  release(): void {
    if (this.#holders === 0) throw new Error('a send buffer was released more often than it was held');
    this.#holders--;
    if (this.#holders === 0) this.#pool.takeBack(this);
  }
}

/** The send buffers of one port. */
export class SendBufferPool {
  readonly #spare: SendBuffer[] = [];
  /** Buffers that somebody holds. */
  inUse = 0;

  /** A buffer with room for `bytesMin`, held once. */
  take(bytesMin: number): SendBuffer {
    this.inUse++;
    const spare = bytesMin <= BUFFER_BYTES ? this.#spare.pop() : undefined;
    if (spare !== undefined) return spare.begin();
    return new SendBuffer(this, Buffer.allocUnsafeSlow(Math.max(bytesMin, BUFFER_BYTES))).begin();
  }

  /** A buffer of these bytes, held once, and full. */
  adopt(bytes: Uint8Array<ArrayBuffer>): SendBuffer {
    this.inUse++;
    const buffer = new SendBuffer(this, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)).begin();
    buffer.used = bytes.length;
    return buffer;
  }

  /** For {@link SendBuffer.release}. */
  takeBack(buffer: SendBuffer): void {
    this.inUse--;
    if (buffer.bytes.length === BUFFER_BYTES && this.#spare.length < SPARE_BUFFERS_MAX)
      this.#spare.push(buffer);
  }
}

/** Bytes of a buffer that wait for a socket. Whoever keeps a segment holds its buffer. */
export interface Segment {
  readonly buffer: SendBuffer;
  readonly start: number;
  readonly end: number;
}
