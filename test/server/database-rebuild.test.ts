import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ReaderLock, WriterLock } from '../../src/replica/lock.ts';
import { rebuildDatabase } from '../../src/server/database-rebuild.ts';
import { truncateHistory } from '../../src/storage/history-truncation.ts';
import { Quotas } from '../../src/txn/quotas.ts';
import {
  highOf,
  LogLines,
  lowOf,
  openDataDirectory,
  serialiseAcl,
  temporaryDirectory,
} from '../storage/support.ts';
import { dumpTree, type TestDatabase } from '../storage/test-database.ts';
import { run, TestServer } from '../storage/test-server.ts';

const OPTIONS = {
  entryBytesMax: 2 << 20,
  trustEmptySnapshot: false,
  digestEnabled: true,
  isEnsembleMember: true,
};

function contentOf(database: TestDatabase) {
  const { tree, ephemerals, sessions, digests } = database;
  const owners: string[] = [];
  ephemerals.forEachOwner((high, low) => owners.push(`${high}:${low} ${ephemerals.of(high, low).size}`));
  return {
    znodes: dumpTree(tree),
    digest: database.treeDigest,
    zxid: [tree.lastZxidHigh, tree.lastZxidLow],
    owners: owners.sort(),
    ephemerals: ephemerals.count,
    containers: ephemerals.containers.size,
    sessions: [...sessions.values()],
    digests: digests.entries(),
    statistics: tree.statistics(),
  };
}

function newServer(context: TestContext): TestServer {
  const directory = openDataDirectory(context, temporaryDirectory(context));
  const server = new TestServer(directory, run(directory));
  server.snapshot();
  return server;
}

function createSession(server: TestServer, session: bigint): void {
  server.apply(-10, (writer) => writer.writeInt(5000), session);
}

test('what is cut off the disk is gone from memory: znodes, ACLs, sessions, ephemerals, quotas', (context) => {
  const server = newServer(context);
  createSession(server, 7n);
  for (let i = 0; i < 200; i++) server.create(`/n${i}`, 'x'.repeat(i));
  server.create('/zookeeper/quota/n1', '');
  server.create('/zookeeper/quota/n1/zookeeper_limits', 'count=3,bytes=-1');
  server.create('/zookeeper/quota/n1/zookeeper_stats', 'count=0,bytes=0');
  server.create('/kept', 'ephemeral', undefined, true);
  server.sync();
  const kept = server.zxid;
  server.snapshot();
  createSession(server, 8n);
  for (let i = 0; i < 100; i++) server.delete(`/n${i}`);
  for (let i = 0; i < 100; i++)
    server.create(`/late${i}`, '', serialiseAcl([[1, 'ip', `10.0.0.${i}`]]), true);
  server.create('/zookeeper/quota/n200', '');
  server.create('/zookeeper/quota/n200/zookeeper_limits', 'count=3,bytes=-1');
  server.snapshot();
  server.delete('/kept');
  server.sync();
  const quotas = new Quotas(server.database.tree);
  quotas.load();
  assert.equal(quotas.size, 2);

  const { fileSystem, snapshotDirectory, logDirectory } = server.directory;
  const log = new LogLines();
  const outcome = truncateHistory(
    { fileSystem, snapshotDirectory, logDirectory, entryBytesMax: 2 << 20, log },
    highOf(kept),
    lowOf(kept),
  );
  assert.equal(outcome.kind, 'done');
  const { database } = server;
  database.tree.beginQuarantine();
  const reader = new ReaderLock(database.tree.memory, 0);
  const lock = new WriterLock(database.tree.memory);
  const readerGotIn: boolean[] = [];
  const watched = {
    acquire: () => lock.acquire(),
    release: () => {
      readerGotIn.push(reader.tryAcquire());
      lock.release();
    },
  };
  const result = rebuildDatabase(database, watched, { ...OPTIONS, directory: server.directory, log });
  assert.deepEqual(readerGotIn, [false]);
  database.tree.endQuarantine();
  assert.equal(result.target, database);
  assert.equal(result.isExact, true);
  const restarted = run(server.directory).target;
  assert.deepEqual(contentOf(database), contentOf(restarted));

  // and it goes on as a restarted one does
  server.writer.close();
  const again = new TestServer(server.directory, result);
  for (let i = 0; i < 50; i++) again.create(`/next${i}`, 'next');
  again.sync();
  assert.deepEqual(contentOf(run(server.directory).target).znodes, contentOf(database).znodes);
  again.writer.close();
  quotas.load();
  assert.equal(quotas.size, 1);
});

test('a damaged newest snapshot is passed over in the same memory', (context) => {
  const server = newServer(context);
  for (let i = 0; i < 50; i++) server.create(`/n${i}`, 'x');
  server.sync();
  const { fileSystem } = server.directory;
  const file = server.snapshot();
  const fd = fileSystem.open(file, 'r+');
  fileSystem.write(fd, Buffer.from('damage'), 0, 6, 900);
  fileSystem.close(fd);
  const log = new LogLines();
  const lock = new WriterLock(server.database.tree.memory);
  const result = rebuildDatabase(server.database, lock, { ...OPTIONS, directory: server.directory, log });
  assert.equal(result.snapshot?.name, 'snapshot.0');
  assert.deepEqual(contentOf(server.database), contentOf(run(server.directory).target));
  server.writer.close();
});
