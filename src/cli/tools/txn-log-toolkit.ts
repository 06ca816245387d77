import nodePath from 'node:path';
import { nodeFileSystem } from '../../storage/file-system.ts';
import { LogFileCopy } from './log-file-copy.ts';
import { type LogRecord, LogRecords } from './log-records.ts';
import type { LineInput, Output } from './output.ts';
import { ToolError } from './tool.ts';
import { TxnPrinter } from './txn-text.ts';

/** What is done with a record whose checksum is not that of its bytes. */
export type Repair = 'ask' | 'all' | 'none';

interface DumpOptions {
  readonly path: string;
  readonly out: Output;
}

/** Prints every record, as TxnLogToolkit of Apache does. Gives the exit code. */
export function dumpLog({ path, out }: DumpOptions): number {
  const records = openLog(path);
  try {
    sayHeader(records, out);
    const printer = new TxnPrinter();
    let count = 0;
    for (let record = records.next(); record !== null; record = records.next(), count++) {
      const text = printed(printer, record);
      if (record.checksum !== record.actualChecksum) out.line(`CRC ERROR - ${text}`);
      out.line(text);
      if (!record.isEnded) throw partial();
    }
    out.line(`EOF reached after ${count} txns.`);
    sayTear(records, out);
    return 0;
  } finally {
    records.close();
  }
}

interface RecoverOptions extends DumpOptions {
  readonly repair: Repair;
  readonly verbose: boolean;
  readonly input: LineInput;
}

/**
 * Copies a log to `<path>.fixed`, with right checksums where {@link Repair} says so. A record that cannot be read as a
 * transaction keeps its wrong one, as no server could start with it otherwise. Gives the exit code: 1 when errors are left.
 */
export function recoverLog(options: RecoverOptions): number {
  const { path, out } = options;
  const records = openLog(path);
  let copy: LogFileCopy;
  try {
    copy = new LogFileCopy(nodeFileSystem, `${path}.fixed`);
  } catch (error) {
    records.close();
    const reason = (error as NodeJS.ErrnoException).code === 'EEXIST' ? '' : `: ${(error as Error).message}`;
    throw new ToolError(`Recovery file ${path}.fixed already exists or not writable${reason}`, 1);
  }
  const recovery = new Recovery(options, records, copy);
  let isKept = false;
  try {
    sayHeader(records, out);
    const problem = recovery.run();
    copy.finish();
    isKept = true;
    out.line(`Recovery file ${copy.path} has been written with ${recovery.fixed} fixed CRC error(s)`);
    if (problem !== null) throw problem;
    return 0;
  } finally {
    if (!isKept) copy.abandon();
    records.close();
  }
}

/** Exit code 0, as Apache's: it is what was asked for. */
class Aborted extends ToolError {
  constructor() {
    super('Recovery aborted.', 0);
  }
}

class Recovery {
  fixed = 0;
  readonly #options: RecoverOptions;
  readonly #records: LogRecords;
  readonly #copy: LogFileCopy;
  readonly #printer = new TxnPrinter();
  #unreadable = 0;

  constructor(options: RecoverOptions, records: LogRecords, copy: LogFileCopy) {
    this.#options = options;
    this.#records = records;
    this.#copy = copy;
  }

  /** Copies up to the end, or to what cannot be passed. Gives what is wrong with the copy, null for nothing. */
  run(): ToolError | null {
    try {
      this.#copyAll();
    } catch (error) {
      if (error instanceof ToolError && !(error instanceof Aborted)) return error;
      throw error;
    }
    const { out } = this.#options;
    out.line(`EOF reached after ${this.#copy.records} txns.`);
    sayTear(this.#records, out);
    if (this.#unreadable === 0) return null;
    return new ToolError(
      `${this.#unreadable} record(s) cannot be read as transactions and keep their wrong CRC: cut the file off before the ` +
        'first of them, or restore it from a backup',
      1,
    );
  }

  #copyAll(): void {
    for (;;) {
      const record = this.#records.next();
      if (record === null) return;
      let { checksum } = record;
      if (checksum !== record.actualChecksum && this.#mayFix(record)) {
        checksum = record.actualChecksum;
        this.fixed++;
      }
      if (this.#options.verbose) this.#options.out.line(printed(this.#printer, record));
      if (!record.isEnded) throw partial();
      this.#copy.add(record, checksum);
    }
  }

  #mayFix(record: LogRecord): boolean {
    const { out, repair } = this.#options;
    const text = tryPrint(this.#printer, record);
    if (text === null) {
      out.line(`CRC ERROR - ${printed(this.#printer, record)}`);
      this.#unreadable++;
      return false;
    }
    switch (repair) {
      case 'all':
        out.line(`CRC FIXED - ${text}`);
        return true;
      case 'none':
        out.line(`CRC ERROR - ${text}`);
        return false;
      case 'ask':
        out.line(`CRC ERROR - ${text}`);
        return this.#ask();
    }
  }

  #ask(): boolean {
    const { out, input } = this.#options;
    for (;;) {
      out.write('Would you like to fix it (Yes/No/Abort) ? ');
      out.flush();
      const answer = input.next();
      // Nobody is there to answer: not a yes.
      if (answer === null) throw new Aborted();
      switch (answer.trim().charAt(0).toUpperCase()) {
        case 'Y':
          return true;
        case 'N':
          return false;
        case 'A':
          throw new Aborted();
      }
    }
  }
}

interface ChopOptions extends DumpOptions {
  readonly zxid: bigint;
}

/** Copies a log up to and with `zxid` to `<path>.chopped<zxid>`. Gives the exit code. */
export function chopLog({ path, zxid, out }: ChopOptions): number {
  const records = openLog(path);
  const target = `${path}.chopped${zxid}`;
  let copy: LogFileCopy;
  try {
    copy = new LogFileCopy(nodeFileSystem, target);
  } catch (error) {
    records.close();
    throw new ToolError(`${target}: ${(error as Error).message}`, 1);
  }
  let isDone = false;
  try {
    sayHeader(records, out);
    isDone = copyUpTo(records, zxid, copy, out);
    if (!isDone) throw new ToolError(`Failed to chop ${nodePath.basename(path)}`, 2);
    copy.finish();
    return 0;
  } finally {
    if (!isDone) copy.abandon();
    records.close();
  }
}

/** False when nothing lies behind the zxid, or the zxid is not there. */
function copyUpTo(records: LogRecords, zxid: bigint, copy: LogFileCopy, out: Output): boolean {
  let previous = -1n;
  for (let record = records.next(); record !== null; record = records.next()) {
    const { checksum, actualChecksum, offset } = record;
    if (checksum !== actualChecksum) {
      throw new ToolError(
        `CRC doesn't match ${checksum} vs ${actualChecksum} (at offset ${offset}): repair the log first (-r)`,
        2,
      );
    }
    if (!record.isEnded) throw partial();
    const found = zxidOf(record);
    if (found === null) throw new ToolError(`no transaction at offset ${offset}`, 2);
    sayGap(previous, found, out);
    if (found > zxid) {
      if (previous === zxid) {
        out.line(`Chopping at ${zxid.toString(16)} new log has ${copy.records} records`);
        return true;
      }
      out.line(`This log does not contain zxid ${zxid.toString(16)}`);
      return false;
    }
    previous = found;
    copy.add(record, checksum);
  }
  out.line(`EOF reached after ${copy.records} txns.`);
  return false;
}

function sayGap(previous: bigint, found: bigint, out: Output): void {
  if (previous === -1n || found === previous + 1n) return;
  const isSameEpoch = previous >> 32n === found >> 32n;
  if (!isSameEpoch && (found & 0xffffffffn) === 1n) return;
  const which = isSameEpoch ? 'intra' : 'inter';
  out.line(`There is ${which}-epoch gap between ${previous.toString(16)} and ${found.toString(16)}`);
}

/** The zxid in an entry, null when it is too short for one. */
export function zxidOf({ bytes, start, end }: LogRecord): bigint | null {
  if (end - start < 32) return null;
  return new DataView(bytes.buffer, bytes.byteOffset).getBigInt64(start + 12);
}

/** Opens a log file, to be named in messages by its last part. Throws ToolError or the file system's errors. */
export function openLog(path: string): LogRecords {
  return new LogRecords(nodeFileSystem, path, nodePath.basename(path));
}

function sayHeader(records: LogRecords, out: Output): void {
  const { dbid, formatVersion } = records;
  out.line(`ZooKeeper Transactional Log File with dbid ${dbid} txnlog format version ${formatVersion}`);
}

/** Apache's says nothing of a tail that a crash left. */
function sayTear(records: LogRecords, out: Output): void {
  if (records.tear === null) return;
  out.flush();
  process.stderr.write(`an unfinished record at offset ${records.offset}: ${records.tear}\n`);
}

function partial(): ToolError {
  return new ToolError('Last transaction was partial.', 1);
}

/** Null for bytes that are no transaction. */
function tryPrint(printer: TxnPrinter, { bytes, start, end }: LogRecord): string | null {
  try {
    return withoutLineEnd(printer.print(bytes, start, end));
  } catch {
    return null;
  }
}

function printed(printer: TxnPrinter, record: LogRecord): string {
  const text = tryPrint(printer, record);
  if (text !== null) return text;
  const { offset, start, end } = record;
  return `${end - start} bytes at offset ${offset} that cannot be read as a transaction`;
}

/** Apache adds a line's end only where the text has none. */
function withoutLineEnd(text: string): string {
  return text.endsWith('\n') ? text.slice(0, -1) : text;
}
