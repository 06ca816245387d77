import { uncompressSync } from 'snappy';
import { type FileSystem, readFully } from './file-system.ts';
import {
  SNAPPY_BLOCK_BYTES_MAX,
  SNAPPY_HEADER_BYTES,
  SNAPPY_MAGIC,
  SNAPPY_VERSION,
  snappyLength,
} from './snappy-format.ts';
import { SnapshotError } from './snapshot-error.ts';
import type { SnapshotSource } from './snapshot-source.ts';

/** The magic's first word: where a block's length may stand, another stream begins (snappy-java joins them too). */
const MAGIC_WORD = 0x82534e41 | 0;
const NOTHING = new Uint8Array(0);

/** Reads a snapshot that snappy-java compressed: a block at a time is in memory. */
export class SnappySource implements SnapshotSource {
  readonly fileBytes: number;
  fileBytesRead = 0;
  readonly #fileSystem: FileSystem;
  readonly #path: string;
  readonly #fd: number;
  readonly #head = new Uint8Array(SNAPPY_HEADER_BYTES);
  readonly #headView = new DataView(this.#head.buffer);
  #compressed: Uint8Array = new Uint8Array(64 * 1024);
  #block: Uint8Array = NOTHING;
  #blockRead = 0;

  constructor(fileSystem: FileSystem, path: string) {
    this.#fileSystem = fileSystem;
    this.#path = path;
    this.#fd = fileSystem.open(path, 'r');
    try {
      this.fileBytes = fileSystem.statOpen(this.#fd).size;
      this.#take(this.#head, SNAPPY_HEADER_BYTES);
      this.#checkHeader();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  read(bytes: Uint8Array, start: number, length: number): number {
    let done = 0;
    while (done < length) {
      if (this.#blockRead === this.#block.length && !this.#nextBlock()) break;
      const count = Math.min(length - done, this.#block.length - this.#blockRead);
      bytes.set(this.#block.subarray(this.#blockRead, this.#blockRead + count), start + done);
      this.#blockRead += count;
      done += count;
    }
    return done;
  }

  close(): void {
    this.#fileSystem.close(this.#fd);
  }

  /** False at the end of the file. */
  #nextBlock(): boolean {
    while (this.fileBytesRead < this.fileBytes) {
      const offset = this.fileBytesRead;
      this.#take(this.#head, 4);
      const length = this.#headView.getInt32(0);
      if (length === MAGIC_WORD) {
        this.#take(this.#head.subarray(4), SNAPPY_HEADER_BYTES - 4);
        this.#checkHeader();
        continue;
      }
      if (length <= 0 || length > SNAPPY_BLOCK_BYTES_MAX) {
        throw this.#error(offset, `the length of a block, up to ${SNAPPY_BLOCK_BYTES_MAX}`, `${length}`);
      }
      this.#uncompress(length);
      if (this.#block.length > 0) return true;
    }
    return false;
  }

  #uncompress(length: number): void {
    const offset = this.fileBytesRead;
    if (length > this.#compressed.length) this.#compressed = new Uint8Array(length);
    const compressed = this.#compressed.subarray(0, length);
    this.#take(compressed, length);
    const expected = snappyLength(compressed);
    if (expected < 0 || expected > SNAPPY_BLOCK_BYTES_MAX) {
      throw this.#error(offset, `a block of at most ${SNAPPY_BLOCK_BYTES_MAX} bytes`, `${expected}`);
    }
    this.#block = this.#uncompressBlock(compressed, offset);
    this.#blockRead = 0;
  }

  #uncompressBlock(compressed: Uint8Array, offset: number): Uint8Array {
    try {
      return uncompressSync(compressed) as Buffer;
    } catch (error) {
      throw this.#error(offset, 'a Snappy block', (error as Error).message);
    }
  }

  #checkHeader(): void {
    const offset = this.fileBytesRead - SNAPPY_HEADER_BYTES;
    if (SNAPPY_MAGIC.some((byte, i) => this.#head[i] !== byte)) {
      throw this.#error(offset, 'the magic of snappy-java', Buffer.from(this.#head).toString('hex', 0, 8));
    }
    const leastVersion = this.#headView.getInt32(12);
    if (leastVersion > SNAPPY_VERSION) {
      throw this.#error(offset + 12, `a stream for version ${SNAPPY_VERSION}`, `${leastVersion}`);
    }
  }

  #take(target: Uint8Array, length: number): void {
    const count = readFully(this.#fileSystem, this.#fd, target, 0, length, this.fileBytesRead);
    if (count < length) throw this.#error(this.fileBytesRead, `${length} more bytes`, `${count}`);
    this.fileBytesRead += length;
  }

  #error(offset: number, expected: string, found: string): SnapshotError {
    return new SnapshotError(this.#path, offset, expected, found);
  }
}
