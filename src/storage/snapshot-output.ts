import { gzipSync } from 'node:zlib';
import { compressSync } from 'snappy';
import { GrowingJuteWriter } from '../jute/writer.ts';
import { ADLER_START, adler32 } from './adler32.ts';
import { type FileSystem, writeFully } from './file-system.ts';
import { SNAPPY_BLOCK_BYTES, SNAPPY_HEADER_BYTES, SNAPPY_MAGIC, SNAPPY_VERSION } from './snappy-format.ts';
import type { SnapshotCompression } from './snapshot-source.ts';

const BUFFER_BYTES = 1 << 20;
/** More than one znode's data can never be in a slice beyond its limit; this is far above both. */
const BUFFER_BYTES_MAX = 1 << 30;
/** So much is brought to the disk at a time: all at the end would keep the log's syncs waiting behind it. */
const SYNC_BYTES = 8 << 20;
/**
 * A gzip file may be a row of members, each a gzip file of its own, and so needs no stream: Java's and zlib's readers go
 * on from one to the next. A member of this length costs nothing measurable in size.
 */
const GZIP_MEMBER_BYTES = 1 << 20;

/** The bytes of a snapshot on their way to its file, with the running checksum that its seals need. */
export class SnapshotOutput {
  /** Where records are written between two {@link flush}es: memory only. */
  readonly writer = new GrowingJuteWriter(BUFFER_BYTES_MAX, BUFFER_BYTES);
  readonly #fileSystem: FileSystem;
  readonly #fd: number;
  readonly #blocks: BlockBuffer | null;
  #position = 0;
  #syncedTo = 0;
  #checksum = ADLER_START;

  constructor(fileSystem: FileSystem, path: string, compression: SnapshotCompression) {
    this.#fileSystem = fileSystem;
    this.#blocks = blockBuffer(compression, (bytes) => this.#write(bytes, bytes.length));
    this.#fd = fileSystem.open(path, 'w');
    if (compression === 'snappy') this.#write(snappyHeader(), SNAPPY_HEADER_BYTES);
  }

  /** The file's length so far; less than what went in, if it is compressed. */
  get bytesWritten(): number {
    return this.#position;
  }

  /** Sums and passes on what is in {@link writer}. */
  flush(): void {
    const { bytes, position: length } = this.writer;
    this.#checksum = adler32(bytes, 0, length, this.#checksum);
    if (this.#blocks === null) this.#write(bytes, length);
    else this.#blocks.add(bytes, length);
    this.writer.reset(bytes, 0, bytes.length);
  }

  /** Writes the checksum of all bytes so far and the end mark. */
  seal(): void {
    this.flush();
    this.writer.writeLongWords(0, this.#checksum | 0);
    this.writer.writeString('/');
  }

  /** Flushes and makes the file's content durable: the end of it. */
  finish(): void {
    this.flush();
    this.#blocks?.finish();
    this.#fileSystem.fsync(this.#fd);
  }

  close(): void {
    this.#fileSystem.close(this.#fd);
  }

  #write(bytes: Uint8Array, length: number): void {
    writeFully(this.#fileSystem, this.#fd, bytes, 0, length, this.#position);
    this.#position += length;
    if (this.#position - this.#syncedTo < SYNC_BYTES) return;
    this.#fileSystem.fdatasync(this.#fd);
    this.#syncedTo = this.#position;
  }
}

function blockBuffer(
  compression: SnapshotCompression,
  write: (bytes: Uint8Array) => void,
): BlockBuffer | null {
  switch (compression) {
    case 'none':
      return null;
    case 'gz':
      return new BlockBuffer(GZIP_MEMBER_BYTES, (block) => write(gzipSync(block)));
    case 'snappy':
      return new BlockBuffer(SNAPPY_BLOCK_BYTES, (block) => {
        const compressed = compressSync(block);
        const head = Buffer.alloc(4);
        head.writeInt32BE(compressed.length);
        write(head);
        write(compressed);
      });
  }
}

function snappyHeader(): Uint8Array {
  const header = Buffer.alloc(SNAPPY_HEADER_BYTES);
  header.set(SNAPPY_MAGIC);
  header.writeInt32BE(SNAPPY_VERSION, SNAPPY_MAGIC.length);
  header.writeInt32BE(SNAPPY_VERSION, SNAPPY_MAGIC.length + 4);
  return header;
}

/** Cuts a stream into blocks of one length, the last one shorter. */
class BlockBuffer {
  readonly #block: Uint8Array;
  readonly #onBlock: (block: Uint8Array) => void;
  #filled = 0;

  constructor(blockBytes: number, onBlock: (block: Uint8Array) => void) {
    this.#block = new Uint8Array(blockBytes);
    this.#onBlock = onBlock;
  }

  add(bytes: Uint8Array, length: number): void {
    for (let at = 0; at < length; ) {
      const count = Math.min(length - at, this.#block.length - this.#filled);
      this.#block.set(bytes.subarray(at, at + count), this.#filled);
      this.#filled += count;
      at += count;
      if (this.#filled === this.#block.length) this.finish();
    }
  }

  finish(): void {
    if (this.#filled === 0) return;
    this.#onBlock(this.#block.subarray(0, this.#filled));
    this.#filled = 0;
  }
}
