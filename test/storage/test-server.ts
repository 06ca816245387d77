import { GrowingJuteWriter } from '../../src/jute/writer.ts';
import { DataTreeReader } from '../../src/replica/data-tree-reader.ts';
import { ReaderLock } from '../../src/replica/lock.ts';
import type { DataDirectory } from '../../src/storage/data-directory.ts';
import { nodeFileSystem } from '../../src/storage/file-system.ts';
import { type RecoveryOptions, type RecoveryResult, recover } from '../../src/storage/recovery.ts';
import type { SnapshotSessions } from '../../src/storage/snapshot-body.ts';
import type { SnapshotCompression } from '../../src/storage/snapshot-source.ts';
import { writeSnapshot } from '../../src/storage/snapshot-writer.ts';
import type { TxnLogWriter } from '../../src/storage/txn-log-writer.ts';
import {
  appendEntry,
  highOf,
  LogLines,
  lowOf,
  makeEntry,
  newLogWriter,
  serialiseAcl,
  toZxid,
} from './support.ts';
import { TestDatabase } from './test-database.ts';

const OPEN = serialiseAcl([[31, 'world', 'anyone']]);
export const NO_SESSIONS: SnapshotSessions = {
  idsHigh: new Int32Array(0),
  idsLow: new Int32Array(0),
  timeoutsMs: new Int32Array(0),
};

export type Options = RecoveryOptions<TestDatabase>;

/** Recovers into a {@link TestDatabase}, as a standalone server would. */
export function run(directory: DataDirectory, changes: Partial<Options> = {}): RecoveryResult<TestDatabase> {
  return recover({
    directory,
    newTarget: () => new TestDatabase(),
    log: new LogLines(),
    entryBytesMax: 2 << 20,
    trustEmptySnapshot: false,
    digestEnabled: true,
    isEnsembleMember: false,
    ...changes,
  });
}

/** A small server: applies what it logs, and takes snapshots. */
export class TestServer {
  readonly database: TestDatabase;
  readonly directory: DataDirectory;
  writer: TxnLogWriter;
  zxid: bigint;

  constructor(directory: DataDirectory, recovered: RecoveryResult<TestDatabase>) {
    this.directory = directory;
    this.database = recovered.target;
    this.zxid = toZxid(recovered.lastZxidHigh, recovered.lastZxidLow);
    this.writer = newLogWriter(directory.logDirectory, {
      preallocationBytes: 64 << 10,
      lastZxidHigh: recovered.lastZxidHigh,
      lastZxidLow: recovered.lastZxidLow,
    });
    this.database.exact();
  }

  apply(type: number, body: (writer: GrowingJuteWriter) => void, session = 7n): void {
    const writer = new GrowingJuteWriter();
    body(writer);
    const zxid = ++this.zxid;
    const plain = makeEntry({ zxid, type, session, body: writer.written() });
    this.database.applyTxn(plain, 0, plain.length);
    writer.writeInt(2);
    writer.writeLong(this.database.treeDigest);
    const entry = makeEntry({ zxid, type, session, body: writer.written() });
    appendEntry(this.writer, entry, zxid);
  }

  create(znodePath: string, data: string, acl = OPEN, isEphemeral = false): void {
    const slash = Buffer.from(znodePath).lastIndexOf('/');
    const { tree } = this.database;
    const parent = tree.find(Buffer.from(znodePath), 0, slash);
    const parentCversion = tree.cversion(parent) + 1;
    this.apply(1, (writer) => {
      writer.writeString(znodePath);
      writer.writeBuffer(Buffer.from(data));
      writer.writeBytes(acl, 0, acl.length);
      writer.writeBoolean(isEphemeral);
      writer.writeInt(parentCversion);
    });
  }

  delete(znodePath: string): void {
    this.apply(2, (writer) => writer.writeString(znodePath));
  }

  setData(znodePath: string, data: string): void {
    const { tree } = this.database;
    const ref = tree.find(Buffer.from(znodePath), 0, Buffer.byteLength(znodePath));
    const version = tree.version(ref) + 1;
    this.apply(5, (writer) => {
      writer.writeString(znodePath);
      writer.writeBuffer(Buffer.from(data));
      writer.writeInt(version);
    });
  }

  setAcl(znodePath: string, acl: Uint8Array): void {
    const { tree } = this.database;
    const ref = tree.find(Buffer.from(znodePath), 0, Buffer.byteLength(znodePath));
    const version = tree.aversion(ref) + 1;
    this.apply(7, (writer) => {
      writer.writeString(znodePath);
      writer.writeBytes(acl, 0, acl.length);
      writer.writeInt(version);
    });
  }

  sync(): void {
    this.writer.sync();
  }

  /** `between` runs after each hold of the lock, as writes do beside the real task. */
  snapshot(between: () => void = () => {}, compression: SnapshotCompression = 'none'): string {
    this.writer.roll();
    const { tree } = this.database;
    const lock = new ReaderLock(tree.memory, 0);
    tree.beginQuarantine();
    const { path: file } = writeSnapshot({
      fileSystem: nodeFileSystem,
      directory: this.directory.snapshotDirectory,
      reader: new DataTreeReader(tree.memory),
      lock: {
        acquire: (whileWaiting) => lock.acquire(whileWaiting),
        release: () => {
          lock.release();
          between();
        },
      },
      zxidHigh: highOf(this.zxid),
      zxidLow: lowOf(this.zxid),
      sessions: NO_SESSIONS,
      digestEnabled: true,
      lastProcessedZxidEnabled: true,
      compression,
    });
    tree.endQuarantine();
    return file;
  }
}
