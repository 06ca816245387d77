// Apache's server on directories whose history was cut or replaced; skipped where its jars or a Java are missing.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { DataDirectory } from '../../src/storage/data-directory.ts';
import { finishReplacement } from '../../src/storage/database-replacement.ts';
import { EpochFiles } from '../../src/storage/epoch-files.ts';
import { nodeFileSystem } from '../../src/storage/file-system.ts';
import { truncateHistory } from '../../src/storage/history-truncation.ts';
import { SnapshotStreamReader } from '../../src/storage/snapshot-stream-reader.ts';
import { writeSnapshot } from '../../src/storage/snapshot-writer.ts';
import { until } from '../connection/until.ts';
import { fourLetterWord } from '../support/four-letter-word.ts';
import { apacheMissing, freePort, ServerProcess } from '../support/server-process.ts';
import { LogLines, openDataDirectory, temporaryDirectory, unpackApacheData } from './support.ts';
import { dumpTree, TestDatabase } from './test-database.ts';
import { NO_SESSIONS, run, TestServer } from './test-server.ts';

const skip = apacheMissing() ?? false;
const EPOCH_3 = 0x3_0000_0000n;

function open(dataDir: string): DataDirectory {
  return DataDirectory.open({
    dataDir,
    dataLogDir: dataDir,
    autocreate: true,
    fileSystem: nodeFileSystem,
    log: new LogLines(),
  });
}

function storeEpochs({ snapshotDirectory }: DataDirectory, lastEpoch: number, epoch: number): void {
  const epochs = EpochFiles.load({
    fileSystem: nodeFileSystem,
    directory: snapshotDirectory,
    lastEpoch,
    log: new LogLines(),
  });
  epochs.storeAcceptedEpoch(epoch);
  epochs.storeCurrentEpoch(epoch);
}

/** Apache alone on the directory: what it says of its data. It counts the root twice, as "" and as "/". */
async function serveStandalone(
  context: TestContext,
  dataDir: string,
): Promise<{ zxid: string; znodes: string }> {
  const server = await ServerProcess.prepare('apache', { dataDir });
  context.after(() => server.dispose());
  await server.start();
  const mntr = await fourLetterWord(server.port, 'mntr');
  assert.match(mntr, /^zk_digest_mismatches_count\t0$/m);
  const zxid = /^Zxid: (0x[0-9a-f]+)$/m.exec(await fourLetterWord(server.port, 'srvr'))?.[1] ?? '';
  await server.stop();
  return { zxid, znodes: /^zk_znode_count\t(\d+)$/m.exec(mntr)?.[1] ?? '' };
}

/** Apache as a member of an ensemble whose other server is not there: with which zxid it stands for election. */
async function standForElection(context: TestContext, dataDir: string): Promise<string> {
  const ports = await Promise.all(Array.from({ length: 4 }, freePort));
  const server = await ServerProcess.prepare('apache', {
    dataDir,
    config: [
      'initLimit=5',
      'syncLimit=5',
      `server.1=127.0.0.1:${ports[0]}:${ports[1]}`,
      `server.2=127.0.0.1:${ports[2]}:${ports[3]}`,
    ],
  });
  context.after(() => server.dispose());
  fs.writeFileSync(path.join(dataDir, 'myid'), '1\n');
  server.launch();
  const election = /New election\. My id = 1, proposed zxid=(0x[0-9a-f]+)/;
  await until(() => election.test(server.output) || !server.isRunning, 'an election', 60_000);
  assert.match(server.output, election);
  await server.kill9();
  return election.exec(server.output)?.[1] ?? '';
}

test('Apache starts on a history that was cut', { skip, timeout: 180_000 }, async (context) => {
  const dataDir = temporaryDirectory(context);
  const directory = open(dataDir);
  const server = new TestServer(directory, run(directory));
  server.snapshot();
  for (let i = 0; i < 10; i++) server.create(`/n${i}`, 'x');
  server.zxid = EPOCH_3;
  for (let i = 10; i < 14; i++) server.create(`/n${i}`, 'x');
  server.snapshot();
  server.create('/late', 'x');
  server.writer.close();
  storeEpochs(directory, 3, 5);
  const { snapshotDirectory, logDirectory } = directory;
  const options = {
    fileSystem: nodeFileSystem,
    snapshotDirectory,
    logDirectory,
    entryBytesMax: 1 << 20,
    log: new LogLines(),
  };
  assert.equal(truncateHistory(options, 3, 2).kind, 'done');
  directory.release();
  assert.equal(await standForElection(context, dataDir), '0x300000002');
  assert.deepEqual(await serveStandalone(context, dataDir), { zxid: '0x300000002', znodes: '17' });
});

test('Apache starts on a database that a leader sent', { skip, timeout: 180_000 }, async (context) => {
  const dataDir = temporaryDirectory(context);
  const directory = open(dataDir);
  const server = new TestServer(directory, run(directory));
  server.snapshot();
  for (let i = 0; i < 10; i++) server.create(`/n${i}`, 'x');
  server.sync();
  server.writer.roll();
  writeSnapshot({
    fileSystem: nodeFileSystem,
    directory: directory.snapshotDirectory,
    reader: server.database.tree,
    lock: { acquire: () => {}, release: () => {} },
    zxidHigh: 3,
    zxidLow: 0,
    sessions: NO_SESSIONS,
    digestEnabled: true,
    lastProcessedZxidEnabled: true,
    isAhead: true,
    replacesHistory: true,
  });
  finishReplacement(directory);
  server.zxid = EPOCH_3;
  server.writer.continueAfter(3, 0);
  for (let i = 10; i < 13; i++) server.create(`/n${i}`, 'x');
  server.writer.close();
  storeEpochs(directory, 3, 3);
  directory.release();
  assert.equal(await standForElection(context, dataDir), '0x300000003');
  assert.deepEqual(await serveStandalone(context, dataDir), { zxid: '0x300000003', znodes: '18' });
});

test('the tree of a real Apache server is read as it follows SNAP', (context) => {
  const dataDir = temporaryDirectory(context);
  unpackApacheData(dataDir);
  const directory = openDataDirectory(context, dataDir);
  fs.rmSync(directory.logPath(0, 0x1d));
  const file = fs.readFileSync(path.join(directory.snapshotDirectory, 'snapshot.1c'));
  // Between the file's header and its two seals with the digest lies what the stream has.
  const body = file.subarray(16, file.length - 13 - 20 - 13);
  const signature = Buffer.from('\0\0\0\nBenWasHere', 'latin1');
  const database = new TestDatabase();
  const reader = new SnapshotStreamReader({
    name: 'apache',
    entryBytesMax: 1 << 20,
    tree: database.tree,
    onSession: (high, low, timeoutMs) => database.onSession(high, low, timeoutMs),
    onZnode: database.onZnode,
    computesDigests: true,
  });
  const stream = Buffer.concat([body, signature]);
  for (let at = 0; at < stream.length; at++) reader.write(stream, at, at + 1);
  assert.ok(reader.isComplete);
  database.snapshotLoaded();
  const { target } = run(directory);
  assert.deepEqual(dumpTree(database.tree), dumpTree(target.tree));
  assert.equal(database.treeDigest, target.treeDigest);
  assert.deepEqual([...database.sessions.values()], [...target.sessions.values()]);
});
