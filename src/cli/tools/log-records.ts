import { adler32 } from '../../storage/adler32.ts';
import type { FileSystem } from '../../storage/file-system.ts';
import { FileWindow } from '../../storage/file-window.ts';
import {
  FILE_HEADER_BYTES,
  LOG_MAGIC,
  RECORD_END,
  RECORD_HEAD_BYTES,
  RECORD_OVERHEAD_BYTES,
} from '../../storage/txn-log-format.ts';
import { Progress } from './progress.ts';
import { ToolError } from './tool.ts';

/** Longer than any entry: the longest jute.maxbuffer and its extrasize are 128 MiB in all. */
const ENTRY_BYTES_MAX = 2 ** 30;
const PROGRESS_RECORDS = 256;

/** A record as it stands in the file, right or wrong. Valid until the next one is read. */
export interface LogRecord {
  readonly offset: number;
  /** Holds the entry in `[start, end)`. */
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** The checksum in the file. */
  readonly checksum: bigint;
  /** That of the entry's bytes. */
  readonly actualChecksum: bigint;
  /** Whether the byte behind the entry is the one that ends each record. */
  readonly isEnded: boolean;
}

/**
 * Goes through the records of one log file as Apache's tools do, whatever their checksums: up to the padding, the file's end,
 * or a length that cannot be. Holds one record in memory.
 */
export class LogRecords {
  readonly dbid: bigint;
  readonly formatVersion: number;
  /** Where the next record begins. */
  offset = FILE_HEADER_BYTES;
  /** Why there is no next record, once there is none: null for padding or the very end. */
  tear: string | null = null;
  readonly #window: FileWindow;
  readonly #progress: Progress;
  #count = 0;

  /** Throws {@link ToolError} when it is no log. */
  constructor(fileSystem: FileSystem, path: string, name: string) {
    this.#window = new FileWindow(fileSystem, path);
    this.#progress = new Progress(name);
    const at = this.#window.load(0, FILE_HEADER_BYTES);
    if (at < 0 || this.#window.view.getUint32(at) !== LOG_MAGIC) {
      this.close();
      throw new ToolError(`Invalid magic number for ${name}`, 2);
    }
    this.formatVersion = this.#window.view.getInt32(at + 4);
    this.dbid = this.#window.view.getBigInt64(at + 8);
  }

  get fileBytes(): number {
    return this.#window.size;
  }

  /** Null behind the last one. Throws {@link ToolError} for a length that no writer writes. */
  next(): LogRecord | null {
    const window = this.#window;
    if (this.#count++ % PROGRESS_RECORDS === 0) this.#progress.report(this.offset, window.size);
    const left = window.size - this.offset;
    const head = window.load(this.offset, RECORD_HEAD_BYTES);
    if (head < 0) {
      if (left > 0) this.tear = `the file ends inside a record's head`;
      return null;
    }
    const length = window.view.getInt32(head + 8);
    if (length === 0) return null;
    if (length < 0 || length > ENTRY_BYTES_MAX)
      throw new ToolError(`Unreasonable length = ${length} (at offset ${this.offset})`, 1);
    const checksum = window.view.getBigInt64(head);
    if (left < RECORD_HEAD_BYTES + length) {
      this.tear = `an entry of ${length} bytes goes beyond the file's end`;
      return null;
    }
    const isWhole = left >= length + RECORD_OVERHEAD_BYTES;
    const at = window.load(
      this.offset,
      isWhole ? length + RECORD_OVERHEAD_BYTES : length + RECORD_HEAD_BYTES,
    );
    const start = at + RECORD_HEAD_BYTES;
    const end = start + length;
    const record: LogRecord = {
      offset: this.offset,
      bytes: window.bytes,
      start,
      end,
      checksum,
      actualChecksum: BigInt(adler32(window.bytes, start, end)),
      isEnded: isWhole && window.bytes[end] === RECORD_END,
    };
    this.offset += length + RECORD_OVERHEAD_BYTES;
    return record;
  }

  close(): void {
    this.#window.close();
  }
}
