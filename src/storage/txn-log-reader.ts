// Reads every record of up to hundreds of MiB at start: no copy, string or BigInt per record.

import { compareLongs, longToHex } from '../protocol/long.ts';
import { adler32 } from './adler32.ts';
import { CorruptLogError, type LogDamage } from './corrupt-log-error.ts';
import type { DataFile } from './data-directory.ts';
import type { FileSystem } from './file-system.ts';
import { FileWindow } from './file-window.ts';
import {
  FILE_HEADER_BYTES,
  LOG_MAGIC,
  LOG_VERSION,
  RECORD_END,
  RECORD_HEAD_BYTES,
  RECORD_OVERHEAD_BYTES,
  TXN_HEADER_BYTES,
  TXN_HEADER_TYPE,
  TXN_HEADER_ZXID,
} from './txn-log-format.ts';
import { continuesZxid } from './zxid.ts';

/** A record at a log's end that a crash left half written: never acknowledged, to be cut off. */
export interface TornTail {
  readonly path: string;
  /** The length up to which the file is good; 0 when it holds no record. */
  readonly keepBytes: number;
  readonly fileBytes: number;
  readonly reason: string;
  /**
   * Nothing but this file's end or a file that goes on with the very next zxid follows. False when only a snapshot
   * covers what is missing: then the tail may be left for people to look at.
   */
  readonly continued: boolean;
}

export interface TxnLogReaderOptions {
  readonly fileSystem: FileSystem;
  /** All log files, oldest first. */
  readonly files: readonly DataFile[];
  /** The first zxid wanted. All before it is known from a snapshot (or there is nothing before it). */
  readonly fromHigh: number;
  readonly fromLow: number;
  /** The longest entry that can be: `jute.maxbuffer` + `jute.maxbuffer.extrasize`. */
  readonly entryBytesMax: number;
}

/** Transaction types lie between these (closeSession is the least), with room for ones to come. */
const TYPE_MIN = -11;
const TYPE_MAX = 127;

/** So many of the newest records are known by zxid and a checksum over their headers: what Apache writes twice is not older. */
const KNOWN_RECORDS = 65_536;
const KNOWN_WORDS = 3;

/** The files that can hold zxids from the given one on: those named by it or later, and the one before (disk.md §3.3). */
function selectLogs(files: readonly DataFile[], fromHigh: number, fromLow: number): DataFile[] {
  const first = files.findIndex((file) => compareLongs(file.zxidHigh, file.zxidLow, fromHigh, fromLow) >= 0);
  return files.slice(Math.max(0, (first < 0 ? files.length : first) - 1));
}

/**
 * Goes through the records of a chain of log files, in order, and tells a crash from damage (stricter than Apache,
 * which silently skips to the next file at any half record).
 *
 * A crash can only leave a record unfinished that was not yet synced, hence not acknowledged; all that was written
 * after it belongs to the same unsynced batch. So where a record does not read, and no intact record with a later
 * zxid lies behind it in the file, it is a torn tail: listed in {@link tornTails}, the history ends before it. An
 * intact later record, a length that no writer writes, or a zxid that does not follow is damage:
 * {@link CorruptLogError}.
 *
 * Apache's learner that loses its leader amid their synchronisation counts what it has logged as missing, gets it once more and
 * logs it once more. What stands there a second time, with the same session, cxid, time and type, is passed over; the rest of a
 * failed multi may differ, as Apache writes down there which of its parts were not reached.
 */
export class TxnLogReader {
  /** Holds the entry of the current record in `[entryStart, entryEnd)` until the next {@link next}. */
  bytes: Uint8Array = new Uint8Array(0);
  entryStart = 0;
  entryEnd = 0;
  zxidHigh = 0;
  zxidLow = 0;
  /** File bytes gone through, for progress reports. */
  bytesDone = 0;
  readonly bytesTotal: number;
  readonly tornTails: TornTail[] = [];
  /** Records that stood in the log before. */
  recordsRepeated = 0;

  readonly #options: TxnLogReaderOptions;
  readonly #files: readonly DataFile[];
  #fileIndex = -1;
  #window: FileWindow | null = null;
  #offset = 0;
  #recordsInFile = 0;
  /** The zxid of the last record read, of whatever age; the files' zxids only rise. */
  #lastHigh = 0;
  #lastLow = 0;
  #anyRecord = false;
  /** zxid (two words) and checksum over the header of the newest records, the oldest overwritten. */
  readonly #known = new Int32Array(KNOWN_RECORDS * KNOWN_WORDS);
  #knownCount = 0;
  /** The number of the known record that the last repeated one was equal to. */
  #repeated = -1;
  #headerChecksum = 0;
  /** Why the record at the current offset does not read; '' when it does or the file ends there. */
  #fault = '';
  #openTear: Omit<TornTail, 'continued'> | null = null;

  constructor(options: TxnLogReaderOptions) {
    this.#options = options;
    this.#files = selectLogs(options.files, options.fromHigh, options.fromLow);
    let total = 0;
    for (const file of this.#files) total += options.fileSystem.stat(file.path)?.size ?? 0;
    this.bytesTotal = total;
  }

  /** Moves to the next record with a wanted zxid; false at the end of the last file. */
  next(): boolean {
    for (;;) {
      if (this.#window === null) {
        if (!this.#openNext()) return this.#finish();
        continue;
      }
      if (!this.#readRecord()) {
        this.#closeFile();
        continue;
      }
      if (this.#isRepeated()) continue;
      this.#checkZxid();
      if (compareLongs(this.zxidHigh, this.zxidLow, this.#options.fromHigh, this.#options.fromLow) >= 0) {
        return true;
      }
    }
  }

  /** The file that holds the current record. */
  get path(): string {
    return this.#window?.path ?? '';
  }

  /** Where the current record begins in its file. */
  get recordStart(): number {
    return this.#offset - (this.entryEnd - this.entryStart) - RECORD_OVERHEAD_BYTES;
  }

  /** Where the current record ends in its file. */
  get recordEnd(): number {
    return this.#offset;
  }

  /** Whether the current record is the first of its file. */
  get isFirstInFile(): boolean {
    return this.#recordsInFile === 1;
  }

  close(): void {
    this.#window?.close();
    this.#window = null;
  }

  #finish(): false {
    this.#settleTear(true);
    return false;
  }

  #openNext(): boolean {
    if (this.#fileIndex + 1 >= this.#files.length) return false;
    this.#fileIndex++;
    const window = new FileWindow(this.#options.fileSystem, this.#files[this.#fileIndex].path);
    this.#window = window;
    this.#offset = FILE_HEADER_BYTES;
    this.#recordsInFile = 0;
    if (!this.#headerReads(window)) this.#closeFile();
    return true;
  }

  /** False when the file was created but its header never reached the disk, which only a crash at its creation does. */
  #headerReads(window: FileWindow): boolean {
    const at = window.load(0, FILE_HEADER_BYTES);
    const magic = at < 0 ? 0 : window.view.getUint32(at);
    if (at < 0 || (magic === 0 && window.lastNonZero(0) < 0)) {
      const found = `${window.size} bytes without a header`;
      const isLast = this.#fileIndex === this.#files.length - 1;
      if (!isLast) throw this.#corrupt(0, `a header of ${FILE_HEADER_BYTES} bytes`, found);
      this.#noteTear(0, found);
      return false;
    }
    if (magic !== LOG_MAGIC) throw this.#corrupt(0, 'magic 5a4b4c47 ("ZKLG")', hex32(magic));
    const version = window.view.getInt32(window.load(0, FILE_HEADER_BYTES) + 4);
    if (version !== LOG_VERSION) throw this.#corrupt(4, `format version ${LOG_VERSION}`, `${version}`);
    return true;
  }

  #closeFile(): void {
    if (this.#openTear === null && this.#recordsInFile === 0 && this.#fileIndex === this.#files.length - 1) {
      this.#noteTear(0, 'the file has no record');
    }
    this.bytesDone += this.#window?.size ?? 0;
    this.close();
  }

  /** Reads the record at the current offset; false at the end of this file's history, torn or clean. */
  #readRecord(): boolean {
    const window = this.#window!;
    const end = this.#intactRecordAt(this.#offset);
    if (end > 0) {
      this.#offset = end;
      return true;
    }
    const lastData = window.lastNonZero(this.#offset);
    if (lastData < 0) return false;
    const successor = this.#findIntactRecord(this.#offset + 1, lastData);
    if (successor >= 0) {
      throw this.#corrupt(
        this.#offset,
        'an intact record',
        this.#fault,
        `the record at offset ${successor}, zxid ${longToHex(this.zxidHigh, this.zxidLow)}, is intact`,
      );
    }
    this.#noteTear(this.#recordsInFile === 0 ? 0 : this.#offset, this.#fault);
    return false;
  }

  /**
   * Checks the record at `offset`. Intact: sets the entry and its zxid and gives the offset behind it. Else gives -1
   * and says why in `#fault`. Throws for what no torn write can leave.
   */
  #intactRecordAt(offset: number): number {
    const window = this.#window!;
    const head = window.load(offset, RECORD_HEAD_BYTES);
    if (head < 0) return this.#fail(`the file ends at ${window.size} inside a record's head`);
    const checksumHigh = window.view.getUint32(head);
    const checksum = window.view.getUint32(head + 4);
    const length = window.view.getInt32(head + 8);
    if (length < 0 || length > this.#options.entryBytesMax) {
      const limit = this.#options.entryBytesMax;
      throw this.#corrupt(
        offset,
        `an entry length of at most ${limit}`,
        `${length}`,
        'if a larger jute.maxbuffer was in use when it was written, set it again',
      );
    }
    if (length < TXN_HEADER_BYTES) return this.#fail(`an entry of ${length} bytes`);
    const at = window.load(offset, length + RECORD_OVERHEAD_BYTES);
    if (at < 0)
      return this.#fail(`an entry of ${length} bytes that goes beyond the file's end ${window.size}`);
    const start = at + RECORD_HEAD_BYTES;
    const actual = adler32(window.bytes, start, start + length);
    if (checksumHigh !== 0 || checksum !== actual) {
      return this.#fail(`checksum ${hex32(checksum)} on an entry that has ${hex32(actual)}`);
    }
    this.#setEntry(start, length);
    this.#headerChecksum = adler32(window.bytes, start, start + TXN_HEADER_BYTES) | 0;
    const marker = window.bytes[start + length];
    if (marker === RECORD_END) return offset + length + RECORD_OVERHEAD_BYTES;
    // A torn write leaves a byte as it was (zero) or as it should be.
    if (marker === 0) return this.#fail('no end marker');
    throw this.#corrupt(offset + RECORD_HEAD_BYTES + length, 'end marker 42', marker.toString(16));
  }

  #fail(fault: string): -1 {
    this.#fault = fault;
    return -1;
  }

  #setEntry(start: number, length: number): void {
    const window = this.#window!;
    this.bytes = window.bytes;
    this.entryStart = start;
    this.entryEnd = start + length;
    this.zxidHigh = window.view.getInt32(start + TXN_HEADER_ZXID);
    this.zxidLow = window.view.getInt32(start + TXN_HEADER_ZXID + 4);
  }

  /**
   * The offset of an intact record with a zxid behind the last one, at any offset in `[from, last]`, or -1. At any,
   * since damage may lie in a length. A znode's data that holds the bytes of a log record can be taken for one here:
   * then the server refuses to start where it could have cut, which loses nothing.
   */
  #findIntactRecord(from: number, last: number): number {
    const window = this.#window!;
    const fault = this.#fault;
    const least = RECORD_OVERHEAD_BYTES + TXN_HEADER_BYTES;
    let offset = from;
    while (offset + least <= last + 1) {
      const base = window.load(offset, least);
      if (base < 0) break;
      const count = Math.min(window.loadedFrom(offset), last + 1 - offset) - least + 1;
      const found = this.#scan(base, count);
      if (found < 0) {
        offset += count;
        continue;
      }
      offset += found;
      if (this.#isIntact(offset)) return offset;
      offset++;
    }
    this.#fault = fault;
    return -1;
  }

  /** How far behind `base`, below `count`, something starts that looks like a record's head; -1 for nowhere. */
  #scan(base: number, count: number): number {
    const { bytes, view } = this.#window!;
    for (let i = 0; i < count; i++) {
      const at = base + i;
      if (bytes[at] !== 0 || bytes[at + 8] > 0x7f || view.getInt32(at) !== 0) continue;
      const length = view.getInt32(at + 8);
      if (length < TXN_HEADER_BYTES || length > this.#options.entryBytesMax) continue;
      const type = view.getInt32(at + RECORD_HEAD_BYTES + TXN_HEADER_TYPE);
      if (type < TYPE_MIN || type > TYPE_MAX) continue;
      const zxid = at + RECORD_HEAD_BYTES + TXN_HEADER_ZXID;
      if (compareLongs(view.getInt32(zxid), view.getInt32(zxid + 4), this.#lastHigh, this.#lastLow) <= 0)
        continue;
      return i;
    }
    return -1;
  }

  #isIntact(offset: number): boolean {
    try {
      return this.#intactRecordAt(offset) > 0;
    } catch (error) {
      if (error instanceof CorruptLogError) return false;
      throw error;
    }
  }

  /** Whether the record is of a txn that was read before. */
  #isRepeated(): boolean {
    if (!this.#anyRecord || compareLongs(this.zxidHigh, this.zxidLow, this.#lastHigh, this.#lastLow) > 0) {
      return false;
    }
    const number = this.#isKnown(this.#repeated + 1) ? this.#repeated + 1 : this.#findKnown();
    if (number < 0) return false;
    this.#checkName();
    this.#repeated = number;
    this.recordsRepeated++;
    return true;
  }

  #findKnown(): number {
    const oldest = Math.max(0, this.#knownCount - KNOWN_RECORDS);
    for (let number = this.#knownCount - 1; number >= oldest; number--) {
      if (this.#isKnown(number)) return number;
    }
    return -1;
  }

  #isKnown(number: number): boolean {
    if (number < 0 || number >= this.#knownCount || number < this.#knownCount - KNOWN_RECORDS) return false;
    const at = (number % KNOWN_RECORDS) * KNOWN_WORDS;
    return (
      this.#known[at] === this.zxidHigh &&
      this.#known[at + 1] === this.zxidLow &&
      this.#known[at + 2] === this.#headerChecksum
    );
  }

  #remember(): void {
    const at = (this.#knownCount++ % KNOWN_RECORDS) * KNOWN_WORDS;
    this.#known[at] = this.zxidHigh;
    this.#known[at + 1] = this.zxidLow;
    this.#known[at + 2] = this.#headerChecksum;
  }

  /** A file begins with the zxid in its name. */
  #checkName(): void {
    if (this.#recordsInFile++ !== 0) return;
    const file = this.#files[this.#fileIndex];
    if (compareLongs(this.zxidHigh, this.zxidLow, file.zxidHigh, file.zxidLow) !== 0) {
      throw this.#corrupt(
        this.recordStart,
        `zxid ${longToHex(file.zxidHigh, file.zxidLow)} as in the file's name`,
        this.#zxidText,
      );
    }
    this.#settleTear(continuesZxid(this.#lastHigh, this.#lastLow, this.zxidHigh, this.zxidLow));
  }

  /** Zxids only rise; from the first wanted one on they rise without a gap. */
  #checkZxid(): void {
    const { fromHigh, fromLow } = this.#options;
    const start = this.recordStart;
    this.#checkName();
    if (this.#anyRecord && compareLongs(this.zxidHigh, this.zxidLow, this.#lastHigh, this.#lastLow) <= 0) {
      throw this.#corrupt(start, `a zxid after ${longToHex(this.#lastHigh, this.#lastLow)}`, this.#zxidText);
    }
    if (compareLongs(this.zxidHigh, this.zxidLow, fromHigh, fromLow) > 0) this.#checkFollows(start);
    this.#lastHigh = this.zxidHigh;
    this.#lastLow = this.zxidLow;
    this.#anyRecord = true;
    this.#remember();
  }

  get #zxidText(): string {
    return `zxid ${longToHex(this.zxidHigh, this.zxidLow)}`;
  }

  #checkFollows(start: number): void {
    const { fromHigh, fromLow } = this.#options;
    const baseIsLast = this.#anyRecord && compareLongs(this.#lastHigh, this.#lastLow, fromHigh, fromLow) >= 0;
    // Before the first wanted zxid all is known: the base is the zxid before it.
    const high = baseIsLast ? this.#lastHigh : fromLow === 0 ? fromHigh - 1 : fromHigh;
    const low = baseIsLast ? this.#lastLow : (fromLow - 1) | 0;
    if (continuesZxid(high, low, this.zxidHigh, this.zxidLow)) return;
    throw this.#corrupt(
      start,
      `the zxid after ${longToHex(high, low)}`,
      this.#zxidText,
      baseIsLast ? 'transactions between them are missing' : 'transactions after the snapshot are missing',
    );
  }

  #noteTear(keepBytes: number, reason: string): void {
    const { path, size } = this.#window!;
    this.#openTear = { path, keepBytes, fileBytes: size, reason };
  }

  #settleTear(continued: boolean): void {
    if (this.#openTear === null) return;
    this.tornTails.push({ ...this.#openTear, continued });
    this.#openTear = null;
  }

  #corrupt(offset: number, expected: string, found: string, detail?: string): CorruptLogError {
    const damage: LogDamage = { path: this.path, offset, expected, found };
    return new CorruptLogError(detail === undefined ? damage : { ...damage, detail });
  }
}

function hex32(value: number): string {
  return value.toString(16).padStart(8, '0');
}
