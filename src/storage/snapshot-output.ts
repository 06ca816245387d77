import { GrowingJuteWriter } from '../jute/writer.ts';
import { ADLER_START, adler32 } from './adler32.ts';
import { type FileSystem, writeFully } from './file-system.ts';

const BUFFER_BYTES = 1 << 20;
/** More than one znode's data can never be in a slice beyond its limit; this is far above both. */
const BUFFER_BYTES_MAX = 1 << 30;

/** The bytes of a snapshot on their way to its file, with the running checksum that its seals need. */
export class SnapshotOutput {
  /** Where records are written between two {@link flush}es: memory only. */
  readonly writer = new GrowingJuteWriter(BUFFER_BYTES_MAX, BUFFER_BYTES);
  readonly #fileSystem: FileSystem;
  readonly #fd: number;
  #position = 0;
  #checksum = ADLER_START;

  constructor(fileSystem: FileSystem, path: string) {
    this.#fileSystem = fileSystem;
    this.#fd = fileSystem.open(path, 'w');
  }

  get bytesWritten(): number {
    return this.#position;
  }

  /** Sums and writes out what is in {@link writer}. */
  flush(): void {
    const { bytes, position: length } = this.writer;
    this.#checksum = adler32(bytes, 0, length, this.#checksum);
    writeFully(this.#fileSystem, this.#fd, bytes, 0, length, this.#position);
    this.#position += length;
    this.writer.reset(bytes, 0, bytes.length);
  }

  /** Writes the checksum of all bytes so far and the end mark. */
  seal(): void {
    this.flush();
    this.writer.writeLongWords(0, this.#checksum | 0);
    this.writer.writeString('/');
  }

  /** Flushes and makes the file's content durable. */
  sync(): void {
    this.flush();
    this.#fileSystem.fsync(this.#fd);
  }

  close(): void {
    this.#fileSystem.close(this.#fd);
  }
}
