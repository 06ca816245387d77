import { rmSync } from 'node:fs';
import { GrowingJuteWriter } from '../../src/jute/writer.ts';
import { OpCode } from '../../src/protocol/opcode.ts';
import { DataDirectory } from '../../src/storage/data-directory.ts';
import { nodeFileSystem } from '../../src/storage/file-system.ts';
import { writeSnapshot } from '../../src/storage/snapshot-writer.ts';
import { appendEntry, LogLines, makeEntry } from '../storage/support.ts';
import { NO_SESSIONS, run, TestServer } from '../storage/test-server.ts';

/**
 * What silent damage leaves: a znode's data is another one (of the same length), in a snapshot that says nothing of its digest. The
 * server must have ended; no session may be open.
 */
export function alterZnode(dataDir: string, path: string, data: string): void {
  withDirectory(dataDir, (directory) => {
    const recovered = run(directory, { isEnsembleMember: true });
    const { tree } = recovered.target;
    const znode = Buffer.from(path);
    const bytes = Buffer.from(data);
    tree.setData(tree.find(znode, 0, znode.length), bytes, 0, bytes.length);
    for (const { path: file } of [...directory.listLogs(), ...directory.listSnapshots()]) rmSync(file);
    writeSnapshot({
      fileSystem: nodeFileSystem,
      directory: directory.snapshotDirectory,
      reader: tree,
      lock: { acquire: () => {}, release: () => {} },
      zxidHigh: recovered.lastZxidHigh,
      zxidLow: recovered.lastZxidLow,
      sessions: NO_SESSIONS,
      digestEnabled: false,
      lastProcessedZxidEnabled: false,
    });
  });
}

/** Appends a txn to the log whose digest is that of another tree. */
export function appendForeignDigest(dataDir: string, path: string): void {
  appendTxn(dataDir, OpCode.setData, (writer) => {
    writer.writeString(path);
    writer.writeBuffer(Buffer.from('x'));
    writer.writeInt(77);
    writer.writeInt(2);
    writer.writeLong(0x123456789abcn);
  });
}

/** Appends a txn of a type that no version has. */
export function appendUnknownTxn(dataDir: string): void {
  appendTxn(dataDir, 99, (writer) => writer.writeInt(0));
}

function appendTxn(dataDir: string, type: number, write: (body: GrowingJuteWriter) => void): void {
  withDirectory(dataDir, (directory) => {
    const server = new TestServer(directory, run(directory, { isEnsembleMember: true }));
    const body = new GrowingJuteWriter();
    write(body);
    const zxid = server.zxid + 1n;
    appendEntry(server.writer, makeEntry({ zxid, type, body: body.written() }), zxid);
    server.sync();
    server.writer.close();
  });
}

function withDirectory(dataDir: string, work: (directory: DataDirectory) => void): void {
  const directory = DataDirectory.open({
    dataDir,
    dataLogDir: dataDir,
    autocreate: false,
    fileSystem: nodeFileSystem,
    log: new LogLines(),
  });
  try {
    work(directory);
  } finally {
    directory.release();
  }
}
