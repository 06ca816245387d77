import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Piscina } from 'piscina';
import { WriterLock } from '../../src/replica/lock.ts';
import type { SnapshotResult } from '../../src/storage/snapshot-writer.ts';
import type { WriteSnapshotTask } from '../../workers/tasks/write-snapshot.ts';
import { highOf, lowOf, openDataDirectory, serialiseAcl, temporaryDirectory } from './support.ts';
import { dumpTree } from './test-database.ts';
import { NO_SESSIONS, run, TestServer } from './test-server.ts';

test('the task in its own thread writes a snapshot while this thread writes to the replica', async (context) => {
  const directory = openDataDirectory(context, temporaryDirectory(context));
  const server = new TestServer(directory, run(directory));
  server.snapshot();
  for (let i = 0; i < 8000; i++) server.create(`/n${i}`, `${i}`);
  server.writer.roll();
  const { tree } = server.database;
  const filename = new URL('../../workers/tasks/write-snapshot.js', import.meta.url).href;
  const pool = new Piscina({ filename, minThreads: 1, maxThreads: 1 });
  context.after(() => pool.destroy());
  tree.beginQuarantine();
  const task: WriteSnapshotTask = {
    memory: tree.memory,
    readerIndex: 1,
    directory: directory.snapshotDirectory,
    zxidHigh: highOf(server.zxid),
    zxidLow: lowOf(server.zxid),
    sessions: NO_SESSIONS,
    generation: tree.generation,
    isAhead: false,
    replacesHistory: false,
    digestEnabled: true,
    lastProcessedZxidEnabled: true,
    compression: 'gz',
  };
  const results: SnapshotResult[] = [];
  const running = pool.run(task).then((result: SnapshotResult) => results.push(result));
  const lock = new WriterLock(tree.memory);
  let writes = 0;
  while (results.length === 0 && writes < 3500) {
    lock.acquire();
    const i = writes++;
    server.create(`/new${i}`, 'new', serialiseAcl([[31, 'digest', `user${i % 50}`]]));
    server.delete(`/n${i * 2}`);
    server.setData(`/n${i * 2 + 1}`, 'changed');
    lock.release();
    server.sync();
    // lets the task's answer in
    if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await running;
  tree.endQuarantine();
  server.sync();
  const recovered = run(directory);
  assert.ok(recovered.snapshot !== null);
  assert.equal(recovered.snapshot.path, results[0].path);
  assert.equal(recovered.digestCheck, 'equal');
  assert.deepEqual(dumpTree(recovered.target.tree), dumpTree(tree));
  server.writer.close();
});
