import { ADLER_START, adler32 } from './adler32.ts';
import { type FileSystem, readFully } from './file-system.ts';
import { SnapshotError } from './snapshot-error.ts';

const BUFFER_BYTES = 1 << 20;

/** The bytes of a snapshot file in order, with the running checksum that its seals are checked against. */
export class SnapshotInput {
  readonly path: string;
  readonly size: number;
  /** Holds what {@link need} asked for; may be another array after the next call. */
  bytes: Uint8Array = new Uint8Array(BUFFER_BYTES);
  view: DataView = new DataView(this.bytes.buffer);
  readonly #fileSystem: FileSystem;
  readonly #fd: number;
  /** File offset of the buffer's first byte. */
  #base = 0;
  #at = 0;
  #filled = 0;
  #summedTo = 0;
  #checksum = ADLER_START;

  constructor(fileSystem: FileSystem, path: string) {
    this.path = path;
    this.#fileSystem = fileSystem;
    this.#fd = fileSystem.open(path, 'r');
    this.size = fileSystem.statOpen(this.#fd).size;
  }

  /** The file offset reached. */
  get offset(): number {
    return this.#base + this.#at;
  }

  get remaining(): number {
    return this.size - this.offset;
  }

  /** Brings the next `length` bytes into {@link bytes} without passing them, and gives their index. */
  need(length: number): number {
    if (this.#at + length > this.#filled) this.#refill(length);
    return this.#at;
  }

  /** {@link need} that passes them. */
  take(length: number): number {
    const at = this.need(length);
    this.#at += length;
    return at;
  }

  takeInt(): number {
    return this.view.getInt32(this.take(4));
  }

  /** The checksum of all bytes passed. */
  checksum(): number {
    this.#checksum = adler32(this.bytes, this.#summedTo, this.#at, this.#checksum);
    this.#summedTo = this.#at;
    return this.#checksum;
  }

  error(expected: string, found: string): SnapshotError {
    return new SnapshotError(this.path, this.offset, expected, found);
  }

  close(): void {
    this.#fileSystem.close(this.#fd);
  }

  #refill(length: number): void {
    if (length > this.remaining) throw this.error(`${length} more bytes`, `${this.remaining}`);
    this.checksum();
    const kept = this.#filled - this.#at;
    const old = this.bytes;
    if (length > old.length) {
      this.bytes = new Uint8Array(Math.min(this.remaining, Math.max(length, old.length * 2)));
      this.view = new DataView(this.bytes.buffer);
    }
    this.bytes.set(old.subarray(this.#at, this.#filled));
    this.#base += this.#at;
    this.#at = this.#summedTo = 0;
    const wanted = Math.min(this.bytes.length - kept, this.size - this.#base - kept);
    this.#filled = kept + readFully(this.#fileSystem, this.#fd, this.bytes, kept, wanted, this.#base + kept);
    if (this.#filled < length) throw this.error(`${length} more bytes`, `${this.#filled}`);
  }
}
