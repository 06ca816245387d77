import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import zlib from 'node:zlib';
import { GrowingJuteWriter } from '../../src/jute/writer.ts';
import { lowWord } from '../../src/protocol/long.ts';
import { DataTree } from '../../src/replica/data-tree.ts';
import { DataDirectory, logPath } from '../../src/storage/data-directory.ts';
import { type FileSystem, nodeFileSystem } from '../../src/storage/file-system.ts';
import type { OnZnode } from '../../src/storage/snapshot-reader.ts';
import type { SnapshotFileName } from '../../src/storage/snapshot-source.ts';
import {
  encodeFileHeader,
  encodeRecord,
  FILE_HEADER_BYTES,
  LOG_MAGIC,
  RECORD_OVERHEAD_BYTES,
  TXN_HEADER_BYTES,
} from '../../src/storage/txn-log-format.ts';
import { TxnLogWriter, type TxnLogWriterOptions } from '../../src/storage/txn-log-writer.ts';

/** Collects log lines instead of printing them. */
export class LogLines {
  readonly lines: string[] = [];
  info(message: string): void {
    this.lines.push(message);
  }
  warn(message: string): void {
    this.lines.push(`WARN ${message}`);
  }
}

export function temporaryDirectory(test: TestContext): string {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'menagerie-storage-'));
  test.after(() => fs.rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export function openDataDirectory(
  test: TestContext,
  dataDir: string,
  fileSystem: FileSystem = nodeFileSystem,
): DataDirectory {
  const directory = DataDirectory.open({
    dataDir,
    dataLogDir: dataDir,
    autocreate: true,
    fileSystem,
    log: new LogLines(),
  });
  test.after(() => directory.release());
  return directory;
}

/** The repository's test directory, also from the compiled tests, which lie one or two levels deeper. */
export function sourcesDirectory(): string {
  let directory = path.dirname(fileURLToPath(import.meta.url));
  while (!fs.existsSync(path.join(directory, 'package.json'))) directory = path.dirname(directory);
  return path.join(directory, 'test');
}

function fixturesDirectory(): string {
  return path.join(sourcesDirectory(), 'fixtures');
}

/** Unpacks the files of a real Apache server into `<dataDir>/version-2`. */
export function unpackApacheData(dataDir: string): void {
  const source = path.join(fixturesDirectory(), 'apache-3.8');
  const target = path.join(dataDir, 'version-2');
  fs.mkdirSync(target, { recursive: true });
  for (const name of fs.readdirSync(source)) {
    if (!name.endsWith('.gz')) continue;
    const bytes = zlib.gunzipSync(fs.readFileSync(path.join(source, name)));
    fs.writeFileSync(path.join(target, name.slice(0, -3)), bytes);
  }
}

export interface ExpectedZnode {
  readonly data: string;
  readonly acl: [number, string, string][];
  readonly stat: Record<string, number>;
}

/** What a client of that server saw at the end, by path. */
export function expectedApacheData(): Record<string, ExpectedZnode> {
  return JSON.parse(fs.readFileSync(path.join(fixturesDirectory(), 'apache-3.8', 'expected.json'), 'utf8'));
}

export interface EntryFields {
  readonly zxid: bigint;
  readonly type?: number;
  readonly session?: bigint;
  readonly body?: Uint8Array;
}

/** A log entry: TxnHeader and body. The default type -1 with an empty body is short and enough for the log's tests. */
export function makeEntry({
  zxid,
  type = -1,
  session = 7n,
  body = new Uint8Array(4),
}: EntryFields): Uint8Array {
  const writer = new GrowingJuteWriter();
  writer.writeLong(session);
  writer.writeInt(1);
  writer.writeLong(zxid);
  writer.writeLong(1_700_000_000_000n);
  writer.writeInt(type);
  writer.writeBytes(body, 0, body.length);
  return writer.written().slice();
}

export function highOf(zxid: bigint): number {
  return Number(BigInt.asIntN(32, zxid >> 32n));
}

export function lowOf(zxid: bigint): number {
  return Number(BigInt.asIntN(32, zxid));
}

export function toZxid(high: number, low: number): bigint {
  return (BigInt(high) << 32n) | BigInt(low >>> 0);
}

export function newLogWriter(directory: string, changes: Partial<TxnLogWriterOptions> = {}): TxnLogWriter {
  return new TxnLogWriter({
    fileSystem: nodeFileSystem,
    directory,
    log: new LogLines(),
    preallocationBytes: 0,
    fileBytesMax: -1,
    forceSync: true,
    syncWarningMs: 60_000,
    lastZxidHigh: 0,
    lastZxidLow: 0,
    ...changes,
  });
}

export function appendEntry(writer: TxnLogWriter, entry: Uint8Array, zxid: bigint): void {
  writer.append(entry, 0, entry.length, highOf(zxid), lowOf(zxid));
}

/** Writes a log with these zxids, gaps included, each entry `bodyBytes` long behind its header. */
export function writeLog(directory: string, zxids: readonly bigint[], bodyBytes = 4): string {
  const recordBytes = TXN_HEADER_BYTES + bodyBytes + RECORD_OVERHEAD_BYTES;
  const bytes = new Uint8Array(FILE_HEADER_BYTES + zxids.length * recordBytes);
  const view = new DataView(bytes.buffer);
  encodeFileHeader(view, 0, LOG_MAGIC, 0);
  let at = FILE_HEADER_BYTES;
  for (const zxid of zxids) {
    const entry = makeEntry({ zxid, body: new Uint8Array(bodyBytes).fill(Number(zxid & 0x7fn)) });
    at = encodeRecord(bytes, view, at, entry, 0, entry.length);
  }
  const logFile = logPath(directory, highOf(zxids[0]), lowOf(zxids[0]));
  fs.writeFileSync(logFile, bytes, { flag: 'wx' });
  return logFile;
}

export function newTree(memoryBytesMax = 16 << 20): DataTree {
  return DataTree.create({ memoryBytesMax, readersMax: 2, hashSeed: 12345, segmentBytes: 1 << 17 });
}

/** Adds a znode the plain way; gives its reference. */
export function addZnode(
  tree: DataTree,
  znodePath: string,
  data: Uint8Array | null,
  acl: Uint8Array | null = null,
  zxid = 1,
  owner = 0n,
): number {
  const bytes = Buffer.from(znodePath);
  const slash = bytes.lastIndexOf('/');
  const parent = tree.find(bytes, 0, slash);
  return tree.createZnode(
    parent,
    bytes,
    slash + 1,
    bytes.length - slash - 1,
    tree.hashPath(bytes, 0, bytes.length),
    data ?? new Uint8Array(0),
    0,
    data === null ? -1 : data.length,
    acl === null ? 0 : tree.internAcl(acl, 0, acl.length),
    highOf(owner),
    lowOf(owner),
    0,
    lowWord(zxid),
    0,
    lowWord(1000 + zxid),
  );
}

/** One vector<ACL> as bytes. */
export function serialiseAcl(entries: readonly [number, string, string][]): Uint8Array {
  const writer = new GrowingJuteWriter();
  writer.writeInt(entries.length);
  for (const [perms, scheme, id] of entries) {
    writer.writeInt(perms);
    writer.writeString(scheme);
    writer.writeString(id);
  }
  return writer.written().slice();
}

/** A snapshot's path with the compression that its extension tells. */
export function snapshotFile(file: string): SnapshotFileName {
  const extension = path.extname(file);
  const compression = extension === '.gz' ? 'gz' : extension === '.snappy' ? 'snappy' : 'none';
  return { path: file, compression };
}

export const ignoreZnode: OnZnode = () => {};
