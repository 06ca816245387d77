import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { DataTree } from '../../src/replica/data-tree.ts';
import { NO_ZNODE } from '../../src/replica/data-tree-reader.ts';
import { ReaderLock, WriterLock } from '../../src/replica/lock.ts';
import { createReplicaMemory } from '../../src/replica/memory.ts';
import type { LockReaderReport, LockReaderTask } from './lock-reader.ts';
import { createPath, findPath } from './tree-model.ts';

const READERS = 2;
const WRITE_BATCHES = 3000;

function createMemory(): ReturnType<typeof createReplicaMemory> {
  return createReplicaMemory({ memoryBytesMax: 100_000, readersMax: READERS, hashSeed: 1 });
}

function startReader(task: LockReaderTask): Worker {
  return new Worker(new URL('./lock-reader.js', import.meta.url), { workerData: task });
}

/** Lets the event loop run until the readers have begun. */
async function started(control: Int32Array, count: number): Promise<void> {
  while (Atomics.load(control, 0) < count && Atomics.load(control, 1) === 0) await new Promise(setImmediate);
}

/** Sets data, version and mtime of a znode to one value, or makes or deletes it. */
function change(tree: DataTree, path: string, value: number): void {
  const ref = findPath(tree, path);
  if (ref !== NO_ZNODE && value % 5 === 0) {
    tree.deleteZnode(ref);
    return;
  }
  const data = Buffer.alloc((value * 97) % 3000, value & 0xff);
  const changed = ref === NO_ZNODE ? createPath(tree, path, data) : ref;
  if (ref !== NO_ZNODE) tree.setData(ref, data, 0, data.length);
  tree.setVersion(changed, value);
  tree.setMtime(changed, 0, value);
}

describe('the big-reader lock', () => {
  it('keeps readers and writer apart', () => {
    const memory = createMemory();
    const writer = new WriterLock(memory);
    const readers = [new ReaderLock(memory, 0), new ReaderLock(memory, 1)];
    assert.ok(readers[0].tryAcquire());
    assert.ok(readers[1].tryAcquire(), 'readers do not exclude each other');
    for (const reader of readers) reader.release();
    writer.acquire();
    assert.equal(readers[0].tryAcquire(), false);
    writer.release();
    assert.ok(readers[0].tryAcquire());
  });

  it('calls whileWaiting without the lock, until the writer has gone', () => {
    const memory = createMemory();
    const writer = new WriterLock(memory);
    const reader = new ReaderLock(memory, 0);
    writer.acquire();
    let calls = 0;
    reader.acquire(() => {
      if (++calls === 3) writer.release();
    });
    assert.equal(calls, 3);
    reader.release();
  });

  it('refuses misuse', () => {
    const memory = createMemory();
    const writer = new WriterLock(memory);
    const reader = new ReaderLock(memory, 0);
    assert.throws(() => reader.release(), /not held/);
    assert.ok(reader.tryAcquire());
    assert.throws(() => reader.tryAcquire(), /held already/);
    assert.throws(() => writer.release(), /not held/);
    reader.release();
    writer.acquire();
    assert.throws(() => writer.acquire(), /held already/);
    assert.throws(() => new ReaderLock(memory, READERS), /no lock word/);
    assert.throws(() => new ReaderLock(memory, -1), /no lock word/);
  });

  it('never shows a reader in another thread a half-written znode', async () => {
    const tree = DataTree.create({ memoryBytesMax: 1_000_000, readersMax: READERS, hashSeed: 8 });
    const writer = new WriterLock(tree.memory);
    const paths = Array.from({ length: 20 }, (_, i) => `/node-${i}`);
    const control = new Int32Array(new SharedArrayBuffer(8));
    const workers: Worker[] = [];
    const reports: Promise<LockReaderReport>[] = [];
    for (let readerIndex = 0; readerIndex < READERS; readerIndex++) {
      const task = {
        kind: 'read',
        memory: tree.memory,
        readerIndex,
        control: control.buffer,
        paths,
      } as const;
      const worker = startReader(task);
      workers.push(worker);
      reports.push(once(worker, 'message').then(([report]) => report as LockReaderReport));
    }
    try {
      await Promise.race([started(control, READERS), ...reports]);
      let value = 0;
      for (let batch = 0; batch < WRITE_BATCHES; batch++) {
        writer.acquire();
        if (batch % 50 === 49) tree.clear();
        for (let i = 0; i < 8; i++) change(tree, paths[(value * 7) % paths.length], ++value);
        writer.release();
      }
      Atomics.store(control, 1, 1);
      for (const report of await Promise.all(reports)) {
        assert.equal(report.error, '');
        assert.ok(report.found > 100, `${report.found} znodes found in ${report.lookups} lookups`);
      }
    } finally {
      Atomics.store(control, 1, 1);
      await Promise.all(workers.map((worker) => worker.terminate()));
    }
  });

  it('can be had again after a reader died inside, once that is cleared', async () => {
    const memory = createMemory();
    const control = new Int32Array(new SharedArrayBuffer(8));
    const task = { kind: 'holdForEver', memory, readerIndex: 1, control: control.buffer, paths: [] } as const;
    await once(startReader(task), 'exit');
    assert.equal(Atomics.load(control, 0), 1, 'it took the lock');
    const writer = new WriterLock(memory);
    writer.clearReader(1);
    writer.acquire();
    writer.release();
    assert.ok(new ReaderLock(memory, 1).tryAcquire());
  });

  it('gives up on a reader that never leaves, names it, and lets the other readers in again', () => {
    const memory = createMemory();
    const stuck = new ReaderLock(memory, 1);
    const other = new ReaderLock(memory, 0);
    assert.ok(stuck.tryAcquire());
    const writer = new WriterLock(memory, 50);
    assert.throws(() => writer.acquire(), { name: 'ReaderStuckError', readerIndex: 1 });
    assert.ok(other.tryAcquire());
    other.release();
    stuck.release();
    writer.acquire();
  });
});
