import nodePath from 'node:path';
import { longToBigInt, longToHex } from '../../protocol/long.ts';
import { CorruptLogError } from '../../storage/corrupt-log-error.ts';
import { nodeFileSystem } from '../../storage/file-system.ts';
import { TxnLogReader } from '../../storage/txn-log-reader.ts';
import { TXN_DIGEST_BYTES } from '../../txn/txn-layout.ts';
import type { Output } from './output.ts';
import { Progress } from './progress.ts';
import { openLog, zxidOf } from './txn-log-toolkit.ts';
import { TxnPrinter } from './txn-text.ts';

const PROGRESS_RECORDS = 256;
/** jute.maxbuffer and its extrasize may be so much, each. */
const ENTRY_BYTES_MAX = 128 * 1024 * 1024;

/**
 * Reads a log as a server does at its start, so with each check that it makes: checksums, lengths, end marks, zxids that
 * follow each other; and each entry as a transaction. Says what is there and what is wrong. Gives the exit code: 1 for damage.
 */
export function verifyLog(path: string, out: Output): number {
  const name = nodePath.basename(path);
  const first = firstZxid(path);
  if (first === null) {
    out.line(`${name}: no record`);
    return 0;
  }
  const high = Number(BigInt.asIntN(32, first >> 32n));
  const low = Number(BigInt.asIntN(32, first));
  const reader = new TxnLogReader({
    fileSystem: nodeFileSystem,
    files: [{ path, name, zxidHigh: high, zxidLow: low }],
    fromHigh: high,
    fromLow: low,
    entryBytesMax: ENTRY_BYTES_MAX,
  });
  try {
    return new Verification(reader, name, out).run();
  } finally {
    reader.close();
  }
}

function firstZxid(path: string): bigint | null {
  const records = openLog(path);
  try {
    const record = records.next();
    return record === null ? null : zxidOf(record);
  } finally {
    records.close();
  }
}

class Verification {
  readonly #reader: TxnLogReader;
  readonly #name: string;
  readonly #out: Output;
  readonly #printer = new TxnPrinter();
  readonly #progress: Progress;
  #txns = 0;
  #digests = 0;
  #unreadable = 0;

  constructor(reader: TxnLogReader, name: string, out: Output) {
    this.#reader = reader;
    this.#name = name;
    this.#out = out;
    this.#progress = new Progress(name);
  }

  run(): number {
    const reader = this.#reader;
    let first = '';
    let last = '';
    let end = 0;
    let damage: CorruptLogError | null = null;
    try {
      while (reader.next()) {
        last = longToHex(reader.zxidHigh, reader.zxidLow);
        if (this.#txns++ === 0) first = last;
        end = reader.recordEnd;
        this.#read();
        if (this.#txns % PROGRESS_RECORDS === 0) this.#progress.report(end, reader.bytesTotal);
      }
    } catch (error) {
      if (!(error instanceof CorruptLogError)) throw error;
      damage = error;
    }
    const range = this.#txns === 0 ? '' : `, zxid ${first} to ${last}`;
    this.#out.line(
      `${this.#name}: ${this.#txns} transactions${range}, ${this.#digests} with a digest, in ${end} of ${reader.bytesTotal} bytes`,
    );
    return this.#verdict(damage);
  }

  #read(): void {
    const { bytes, entryStart, entryEnd, recordStart } = this.#reader;
    try {
      this.#printer.print(bytes, entryStart, entryEnd);
      if (entryEnd - this.#printer.end === TXN_DIGEST_BYTES) this.#digests++;
    } catch (error) {
      this.#unreadable++;
      const zxid = longToBigInt(this.#reader.zxidHigh, this.#reader.zxidLow).toString(16);
      this.#out.line(
        `${this.#name}: zxid 0x${zxid} at offset ${recordStart} cannot be read: ${(error as Error).message}`,
      );
    }
  }

  #verdict(damage: CorruptLogError | null): number {
    const out = this.#out;
    if (damage !== null) {
      const { offset, expected, found, detail } = damage.damage;
      const more = detail === undefined ? '' : ` (${detail})`;
      out.line(`${this.#name}: damaged at offset ${offset}: expected ${expected}, found ${found}${more}`);
      return 1;
    }
    const { recordsRepeated, tornTails } = this.#reader;
    if (recordsRepeated > 0) {
      out.line(
        `${this.#name}: ${recordsRepeated} transactions stand there twice, as Apache's server writes them when it synchronises ` +
          'anew: a start passes them over',
      );
    }
    for (const { keepBytes, reason } of tornTails) {
      out.line(
        `${this.#name}: ends in an unfinished record at offset ${keepBytes} (${reason}): never acknowledged, a start cuts it off`,
      );
    }
    if (this.#unreadable > 0) return 1;
    out.line(`${this.#name}: no damage found`);
    return 0;
  }
}
