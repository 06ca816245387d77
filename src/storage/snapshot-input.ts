import { ADLER_START, adler32 } from './adler32.ts';
import { SnapshotError } from './snapshot-error.ts';
import type { SnapshotSource } from './snapshot-source.ts';
import { DigestMemory } from './znode-digest.ts';

const BUFFER_BYTES = 1 << 20;
/** Kept for the next snapshot: a WebAssembly memory takes address space until it is collected. */
let spare: DigestMemory | null = null;

/** The uncompressed bytes of a snapshot in order, with the running checksum that its seals are checked against. */
export class SnapshotInput {
  /** Holds what {@link need} asked for, and computes digests of it. */
  readonly memory: DigestMemory;
  /** The memory's; both may be others after the next {@link need}. */
  bytes: Uint8Array;
  view: DataView;
  readonly #source: SnapshotSource;
  readonly #path: string;
  readonly #start: number;
  #capacity = BUFFER_BYTES;
  /** Offset in the snapshot of the buffer's first byte. */
  #base = 0;
  #at: number;
  #filled: number;
  #summedTo: number;
  #checksum = ADLER_START;

  constructor(source: SnapshotSource, path: string) {
    this.#source = source;
    this.#path = path;
    this.memory = spare ?? new DigestMemory(BUFFER_BYTES);
    spare = null;
    this.bytes = this.memory.bytes;
    this.view = this.memory.view;
    this.#start = this.#at = this.#filled = this.#summedTo = this.memory.start;
  }

  /** The offset reached. */
  get offset(): number {
    return this.#base + this.#at - this.#start;
  }

  /** How much of the file was read, above 0 and at most 1: a buffer's length ahead of what was taken. */
  get fractionRead(): number {
    return this.#source.fileBytesRead / this.#source.fileBytes;
  }

  /** Whether at least so many bytes are left; they are in {@link bytes} then. */
  has(length: number): boolean {
    return this.#at + length <= this.#filled || this.#refill(length);
  }

  /** Brings the next `length` bytes into {@link bytes} without passing them, and gives their index. */
  need(length: number): number {
    if (this.#at + length > this.#filled && !this.#refill(length)) {
      throw this.error(`${length} more bytes`, `${this.#filled - this.#at}`);
    }
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
    return new SnapshotError(this.#path, this.offset, expected, found);
  }

  /** Nothing is read after it. */
  close(): void {
    this.#source.close();
    if (this.#capacity === BUFFER_BYTES) spare = this.memory;
  }

  /** False when fewer than `length` bytes are left. */
  #refill(length: number): boolean {
    this.checksum();
    const start = this.#start;
    if (this.#at !== start) this.bytes.copyWithin(start, this.#at, this.#filled);
    this.#base += this.#at - start;
    this.#filled += start - this.#at;
    this.#at = this.#summedTo = start;
    if (length > this.#capacity) this.#grow(length);
    const end = start + this.#capacity;
    this.#filled += this.#source.read(this.bytes, this.#filled, end - this.#filled);
    return this.#at + length <= this.#filled;
  }

  /** What asks for it has bounded it: {@link SnapshotScanOptions.entryBytesMax}. */
  #grow(length: number): void {
    this.#capacity = Math.max(length, 2 * this.#capacity);
    this.memory.reserve(this.#capacity);
    this.bytes = this.memory.bytes;
    this.view = this.memory.view;
  }
}
