import nodePath from 'node:path';
import { type FileSystem, writeFully } from '../../storage/file-system.ts';
import {
  encodeFileHeader,
  FILE_HEADER_BYTES,
  LOG_MAGIC,
  RECORD_END,
  RECORD_HEAD_BYTES,
  RECORD_OVERHEAD_BYTES,
} from '../../storage/txn-log-format.ts';
import type { LogRecord } from './log-records.ts';

const BUFFER_BYTES = 1 << 20;

/** A new log file that records are copied to, with the checksum that they are given. Nothing overwrites an older file. */
export class LogFileCopy {
  readonly path: string;
  records = 0;
  readonly #fileSystem: FileSystem;
  readonly #fd: number;
  #buffer = new Uint8Array(BUFFER_BYTES);
  #view = new DataView(this.#buffer.buffer);
  #filled = FILE_HEADER_BYTES;
  #position = 0;

  /** Throws the file system's error when the file is there already. */
  constructor(fileSystem: FileSystem, path: string) {
    this.#fileSystem = fileSystem;
    this.path = path;
    this.#fd = fileSystem.open(path, 'wx');
    encodeFileHeader(this.#view, 0, LOG_MAGIC, 0);
  }

  add({ bytes, start, end }: LogRecord, checksum: bigint): void {
    const length = end - start;
    this.#makeRoom(length + RECORD_OVERHEAD_BYTES);
    this.#view.setBigInt64(this.#filled, checksum);
    this.#view.setInt32(this.#filled + 8, length);
    this.#buffer.set(bytes.subarray(start, end), this.#filled + RECORD_HEAD_BYTES);
    this.#filled += RECORD_HEAD_BYTES + length;
    this.#buffer[this.#filled++] = RECORD_END;
    this.records++;
  }

  /** Makes the file durable. */
  finish(): void {
    this.#flush();
    this.#fileSystem.fsync(this.#fd);
    this.#fileSystem.close(this.#fd);
    this.#fileSystem.fsyncDirectory(nodePath.dirname(nodePath.resolve(this.path)));
  }

  /** Removes the file again. */
  abandon(): void {
    this.#fileSystem.close(this.#fd);
    this.#fileSystem.unlink(this.path);
  }

  #makeRoom(bytes: number): void {
    if (this.#filled + bytes <= this.#buffer.length) return;
    this.#flush();
    if (bytes <= this.#buffer.length) return;
    this.#buffer = new Uint8Array(bytes);
    this.#view = new DataView(this.#buffer.buffer);
  }

  #flush(): void {
    writeFully(this.#fileSystem, this.#fd, this.#buffer, 0, this.#filled, this.#position);
    this.#position += this.#filled;
    this.#filled = 0;
  }
}
