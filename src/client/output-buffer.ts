// Hot path: requests are written in place, one behind the other, and leave with one write of the socket.

import { JuteWriter } from '../jute/writer.ts';

/** A buffer that grew beyond this for a large request is not kept. */
const KEPT_BYTES_MAX = 256 * 1024;
const BYTES_INITIAL = 16 * 1024;
/** Below this a loop is quicker than a call into the runtime. */
const LOOP_CHARACTERS_MAX = 96;

/** Frames on their way out. */
export class OutputBuffer extends JuteWriter {
  #buffer: Buffer;

  constructor() {
    const buffer = Buffer.allocUnsafeSlow(BYTES_INITIAL);
    super(buffer);
    this.#buffer = buffer;
  }

  /** Begins a frame and gives the mark that {@link endFrame} or {@link dropFrame} takes. */
  beginFrame(): number {
    const mark = this.position;
    this.claim(4);
    return mark;
  }

  /** Completes a frame and gives its length without the length word. */
  endFrame(mark: number): number {
    const length = this.position - mark - 4;
    this.view.setInt32(mark, length);
    return length;
  }

  /** Takes a begun frame back. */
  dropFrame(mark: number): void {
    this.position = mark;
  }

  /** What was written. Before anything else is written {@link settle} must be called. */
  written(): Buffer {
    return this.#buffer.subarray(0, this.position);
  }

  /** Begins anew: in the same memory if nobody needs any longer what {@link written} gave, else in other. */
  settle(isFree: boolean): void {
    if (!isFree || this.#buffer.length > KEPT_BYTES_MAX) {
      this.#buffer = Buffer.allocUnsafeSlow(Math.min(this.#buffer.length, KEPT_BYTES_MAX));
    }
    this.reset(this.#buffer, 0, this.#buffer.length);
  }

  /** Forgets what was written. */
  clear(): void {
    this.position = 0;
  }

  override writeString(value: string | null): void {
    if (value === null) {
      this.writeInt(-1);
      return;
    }
    const length = value.length;
    if (length > LOOP_CHARACTERS_MAX) {
      this.#writeUtf8(value);
      return;
    }
    const at = this.claim(4 + length);
    const bytes = this.bytes;
    for (let i = 0; i < length; i++) {
      const unit = value.charCodeAt(i);
      if (unit >= 0x80) {
        this.position = at;
        this.#writeUtf8(value);
        return;
      }
      bytes[at + 4 + i] = unit;
    }
    this.view.setInt32(at, length);
  }

  #writeUtf8(value: string): void {
    const length = Buffer.byteLength(value, 'utf8');
    this.writeInt(length);
    const at = this.claim(length);
    this.#buffer.write(value, at, length, 'utf8');
  }

  protected override makeRoom(length: number): void {
    const needed = this.position + length;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.position));
    const position = this.position;
    this.#buffer = grown;
    this.reset(grown, position, grown.length);
  }
}
