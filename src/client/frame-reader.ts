// Hot path: whole frames are read where they arrived; only one that is cut by the end of a read is copied together.

import { ProtocolError } from './errors.ts';

/** Cuts a stream into frames of `int length` + bytes. */
export class FrameReader {
  /** The longest frame taken; a longer one throws. Small until a session is established: then garbage is told at once. */
  frameBytesMax: number;
  readonly #onFrame: (bytes: Buffer, start: number, end: number) => void;
  readonly #head = Buffer.alloc(4);
  #headBytes = 0;
  #partial: Buffer | null = null;
  #partialBytes = 0;

  constructor(frameBytesMax: number, onFrame: (bytes: Buffer, start: number, end: number) => void) {
    this.frameBytesMax = frameBytesMax;
    this.#onFrame = onFrame;
  }

  /** Takes `chunk[0, length)`, which may be overwritten afterwards. Throws {@link ProtocolError}. */
  push(chunk: Buffer, length: number): void {
    let at = 0;
    while (at < length) {
      if (this.#partial !== null) {
        at = this.#fillPartial(this.#partial, chunk, at, length);
      } else if (this.#headBytes > 0 || length - at < 4) {
        this.#head[this.#headBytes++] = chunk[at++];
        if (this.#headBytes === 4) this.#beginPartial(this.#checked(this.#head, 0));
      } else {
        const frame = this.#checked(chunk, at);
        at += 4;
        if (length - at >= frame) {
          this.#onFrame(chunk, at, at + frame);
          at += frame;
        } else {
          this.#beginPartial(frame);
        }
      }
    }
  }

  #fillPartial(partial: Buffer, chunk: Buffer, at: number, length: number): number {
    const taken = Math.min(partial.length - this.#partialBytes, length - at);
    chunk.copy(partial, this.#partialBytes, at, at + taken);
    this.#partialBytes += taken;
    if (this.#partialBytes === partial.length) {
      this.#partial = null;
      this.#onFrame(partial, 0, partial.length);
    }
    return at + taken;
  }

  #beginPartial(length: number): void {
    this.#headBytes = 0;
    this.#partialBytes = 0;
    if (length === 0) this.#onFrame(this.#head, 0, 0);
    else this.#partial = Buffer.allocUnsafeSlow(length);
  }

  #checked(bytes: Buffer, at: number): number {
    const length = bytes.readInt32BE(at);
    if (length >= 0 && length <= this.frameBytesMax) return length;
    throw new ProtocolError(describeGarbage(bytes, at, length, this.frameBytesMax));
  }
}

function describeGarbage(bytes: Buffer, at: number, length: number, bytesMax: number): string {
  if (bytes[at] === 0x15 && bytes[at + 1] === 3) return 'answers with a TLS alert: the port wants TLS';
  const text = bytes.toString('latin1', at, Math.min(bytes.length, at + 40)).split(/[\r\n]/, 1)[0];
  const isText = /^[\x20-\x7e]{4,}/.test(text);
  if (isText && /^HTTP\//.test(text)) return `answers with HTTP ('${text}'): this is no ZooKeeper server`;
  if (isText) return `answers with text ('${text}'): this is no ZooKeeper server`;
  return `sends a frame of ${length} bytes, at most ${bytesMax} are taken: this is no ZooKeeper server, or the reply is too large`;
}
