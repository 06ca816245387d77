import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { SendSource, SourceTarget } from '../../src/quorum/send-queue.ts';
import { WriterLock } from '../../src/replica/lock.ts';
import { LearnerSources, type LearnerSourcesParts } from '../../src/server/learner-sources.ts';
import { SnapshotStreamReader } from '../../src/storage/snapshot-stream-reader.ts';
import { until } from '../connection/until.ts';
import { HistoryRecorder } from '../quorum/history-recorder.ts';
import { highOf, lowOf, openDataDirectory, serialiseAcl, temporaryDirectory } from '../storage/support.ts';
import { dumpTree, TestDatabase } from '../storage/test-database.ts';
import { NO_SESSIONS, run, TestServer } from '../storage/test-server.ts';

function newServer(context: TestContext, znodes: number, dataBytes = 200): TestServer {
  const directory = openDataDirectory(context, temporaryDirectory(context));
  const server = new TestServer(directory, run(directory));
  server.snapshot();
  for (let i = 0; i < znodes; i++) server.create(`/n${i}`, 'x'.repeat(dataBytes));
  server.sync();
  context.after(() => server.writer.close());
  return server;
}

function newSources(
  context: TestContext,
  server: TestServer,
  changes: Partial<LearnerSourcesParts> = {},
): LearnerSources {
  const { directory, database } = server;
  const sources = new LearnerSources({
    tree: database.tree,
    sessions: () => NO_SESSIONS,
    readerIndexes: [1],
    logDirectory: directory.logDirectory,
    entryBytesMax: 1 << 20,
    ...changes,
  });
  context.after(() => sources.stop());
  return sources;
}

/** Takes what a source gives, when told to. */
class Taker implements SourceTarget {
  readonly chunks: Buffer[] = [];
  readonly failures: string[] = [];
  readonly events = {
    ready: () => {
      this.isReady = true;
    },
    failed: (reason: string) => {
      this.failures.push(reason);
    },
  };
  isReady = false;

  raw(bytes: Uint8Array<ArrayBuffer>): void {
    this.chunks.push(Buffer.from(bytes));
  }

  proposal(): void {
    assert.fail('what tasks read is encoded there');
  }

  commits(): void {
    assert.fail('what tasks read is encoded there');
  }

  async takeAll(source: SendSource, between: () => void = () => {}): Promise<void> {
    for (;;) {
      this.isReady = false;
      const outcome = source.fill(this);
      if (outcome === 'end') return;
      between();
      if (outcome === 'later') {
        await until(() => this.isReady || this.failures.length > 0, 'more of the source');
        if (this.failures.length > 0) return;
      }
    }
  }
}

function loaded(taker: Taker): TestDatabase {
  const database = new TestDatabase();
  const reader = new SnapshotStreamReader({
    name: 'test',
    entryBytesMax: 1 << 20,
    tree: database.tree,
    onSession: () => {},
    onZnode: database.onZnode,
    computesDigests: true,
  });
  for (const chunk of taker.chunks) reader.write(chunk, 0, chunk.length);
  assert.ok(reader.isComplete);
  database.snapshotLoaded();
  return database;
}

test('the tree goes to a learner while this thread writes', { timeout: 60_000 }, async (context) => {
  const server = newServer(context, 8000);
  const sources = newSources(context, server);
  const lock = new WriterLock(server.database.tree.memory);
  const { zxid } = server;
  const taker = new Taker();
  let written = 0;
  const source = sources.tree(taker.events);
  await taker.takeAll(source, () => {
    lock.acquire();
    for (let i = 0; i < 20; i++) {
      const n = written++;
      server.create(`/new${n}`, 'new', serialiseAcl([[31, 'digest', `user${n % 50}`]]));
      server.delete(`/n${n * 2}`);
    }
    lock.release();
  });
  assert.ok(taker.chunks.length > 5 && written > 100, `${taker.chunks.length} chunks, ${written} writes`);
  server.sync();
  await until(() => server.database.tree.statistics().quarantinedBytes === 0, 'the end of the quarantine');

  // What the log has behind SNAP's zxid makes it right.
  const learner = loaded(taker);
  const rest = new Taker();
  const last = { zxidHigh: highOf(server.zxid), zxidLow: lowOf(server.zxid) };
  await rest.takeAll(sources.log({ zxidHigh: highOf(zxid), zxidLow: lowOf(zxid) }, last, rest.events));
  const packets = new HistoryRecorder();
  for (const chunk of rest.chunks) packets.read(chunk);
  assert.equal(packets.zxids.length, 2 * written);
  assert.deepEqual(packets.committed, packets.zxids);
  for (const entry of packets.entries) learner.applyTxn(entry, 0, entry.length);
  assert.deepEqual(dumpTree(learner.tree), dumpTree(server.database.tree));
  assert.equal(learner.treeDigest, server.database.treeDigest);
});

test('a learner that takes nothing costs a few chunks; cancelled, nothing', {
  timeout: 60_000,
}, async (context) => {
  const server = newServer(context, 10_000);
  const sources = newSources(context, server);
  const first = new Taker();
  const second = new Taker();
  const third = new Taker();
  const stuck = sources.tree(first.events);
  const waiting = sources.tree(second.events);
  const cancelled = sources.tree(third.events);
  await until(() => first.isReady, 'the first chunk');
  cancelled.cancel();
  // One place in the lock: the second one waits.
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(second.isReady, false);
  stuck.cancel();
  assert.equal(stuck.fill(first), 'later');
  await second.takeAll(waiting);
  assert.deepEqual(dumpTree(loaded(second).tree), dumpTree(server.database.tree));
  assert.deepEqual([first.failures, second.failures, third.failures, third.isReady], [[], [], [], false]);
  const again = new Taker();
  await again.takeAll(sources.tree(again.events));
  assert.ok(loaded(again).tree.znodeCount > 10_000);
});

test('a tree that is replaced meanwhile fails', { timeout: 60_000 }, async (context) => {
  const server = newServer(context, 12_000);
  const sources = newSources(context, server);
  const taker = new Taker();
  const source = sources.tree(taker.events);
  await until(() => taker.isReady, 'the first chunk');
  const lock = new WriterLock(server.database.tree.memory);
  lock.acquire();
  server.database.clear();
  lock.release();
  await taker.takeAll(source);
  assert.match(taker.failures[0] ?? '', /the tree was replaced/);
  assert.equal(source.fill(taker), 'later');
});

test('a tree that is taken too slowly for the memory is given up', { timeout: 60_000 }, async (context) => {
  const server = newServer(context, 40_000, 50);
  const sources = newSources(context, server);
  const taker = new Taker();
  sources.tree(taker.events);
  await until(() => taker.isReady, 'the first chunk');
  const lock = new WriterLock(server.database.tree.memory);
  lock.acquire();
  for (let i = 0; i < 20_000; i++) server.delete(`/n${2 * i}`);
  lock.release();
  assert.ok(server.database.tree.statistics().quarantinedBytes > 2 << 20);
  await until(() => taker.failures.length > 0, 'the end');
  assert.match(taker.failures[0], /so slowly that what was deleted meanwhile fills [2-9] MiB/);
  await until(() => {
    server.database.tree.reclaim(40_000);
    return server.database.tree.statistics().quarantinedBytes === 0;
  }, 'the end of the quarantine');
});

test('more learners than are served at a time wait; one that has gone meanwhile holds up nobody', {
  timeout: 60_000,
}, async (context) => {
  const server = newServer(context, 5000);
  const sources = newSources(context, server);
  const words = (zxidLow: number) => ({ zxidHigh: 0, zxidLow });
  const takers = Array.from({ length: 12 }, () => new Taker());
  const logs = takers.map((taker) => sources.log(words(0x10), words(5000), taker.events));
  for (const log of logs.slice(0, 11)) log.cancel();
  const last = takers[11];
  await last.takeAll(logs[11]);
  const packets = new HistoryRecorder();
  for (const chunk of last.chunks) packets.read(chunk);
  assert.equal(packets.zxids.length, 5000 - 0x10);
  assert.deepEqual(
    takers.map(({ failures }) => failures),
    takers.map(() => []),
  );
});

test('the log on disk is searched, and what it lacks is told', { timeout: 60_000 }, async (context) => {
  const server = newServer(context, 50);
  const sources = newSources(context, server);
  const words = (zxidLow: number) => ({ zxidHigh: 0, zxidLow });
  const found = await sources.searchLog(words(20), words(50), 1 << 20, 60_000);
  assert.deepEqual(found.kind === 'found' ? found.base : found.why, words(20));
  const none = await sources.searchLog(words(20), words(51), 1 << 20, 60_000);
  assert.match(none.kind === 'none' ? none.why : '', /the log ends before 0x33/);
  const taker = new Taker();
  await taker.takeAll(sources.log(words(20), words(51), taker.events));
  assert.match(taker.failures[0] ?? '', /the log ends before 0x33/);
});

test('a search of the log that takes too long does not help', { timeout: 60_000 }, async (context) => {
  const server = newServer(context, 3000, 2000);
  const sources = newSources(context, server);
  const words = (zxid: number) => ({ zxidHigh: 0, zxidLow: zxid });
  // Learners that take nothing keep all threads busy.
  const takers = Array.from({ length: 4 }, () => new Taker());
  const sent = takers.map(({ events }) => sources.log(words(1), words(3000), events));
  await until(() => takers.every(({ isReady }) => isReady), 'the begin of each');
  const found = await sources.searchLog(words(20), words(50), 1 << 20, 100);
  assert.deepEqual(found, { kind: 'none', why: 'the log was searched for 100 ms' });
  for (const source of sent) source.cancel();
  const later = await sources.searchLog(words(20), words(50), 1 << 20, 30_000);
  assert.deepEqual(later, { kind: 'found', base: words(20) });
});
