// The log worker's own thread, with the test in main's place.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ByteBuffer } from 'flatbuffers';
import { createDoorbellMemory, Doorbell } from '../../src/ring/doorbell.ts';
import { DURABLE_ZXID_BYTES, DurableZxid } from '../../src/ring/durable-zxid.ts';
import { LogHead } from '../../src/ring/generated/records.ts';
import { LOG_HEAD_BYTES, LogKind } from '../../src/ring/record-kind.ts';
import { createRingMemory, RingProducer } from '../../src/ring/ring.ts';
import { startThread } from '../../src/server/early-threads.ts';
import { LogWorker, type LogWorkerConfig, type LogWorkerMemory } from '../../src/server/log-worker.ts';
import type { DataDirectory } from '../../src/storage/data-directory.ts';
import { LogConsumer, LogControl, LogStatistic } from '../../src/storage/log-worker-data.ts';
import { until } from '../connection/until.ts';
import {
  highOf,
  lowOf,
  makeEntry,
  openDataDirectory,
  temporaryDirectory,
  toZxid,
} from '../storage/support.ts';
import { run, TestServer } from '../storage/test-server.ts';

const CONFIG: LogWorkerConfig = {
  preAllocSizeBytes: 1 << 16,
  txnLogSizeLimitBytes: 0,
  forceSync: true,
  fsyncWarningThresholdMs: 60_000,
  flushDelayMs: 0,
  batchSizeMax: 1000,
  logLevel: 'fatal',
  logFormat: 'json',
  juteBufferBytesMax: 1 << 20,
  juteBufferExtraBytes: 1024,
};

class Worker {
  readonly directory: DataDirectory;
  readonly worker: LogWorker;
  readonly failures: string[] = [];
  readonly #producer: RingProducer;
  readonly #durable: DurableZxid;
  readonly #doorbell: Doorbell;

  constructor(context: TestContext) {
    this.directory = openDataDirectory(context, temporaryDirectory(context));
    new TestServer(this.directory, run(this.directory)).snapshot();
    const shared: LogWorkerMemory = {
      log: createRingMemory(1 << 16, 2),
      logDoorbell: createDoorbellMemory(),
      mainDoorbell: createDoorbellMemory(),
      durableZxid: new SharedArrayBuffer(DURABLE_ZXID_BYTES),
      logControl: new SharedArrayBuffer(LogControl.bytes),
      logStatistics: new SharedArrayBuffer(LogStatistic.bytes),
    };
    this.#producer = new RingProducer(shared.log);
    this.#producer.deactivate(LogConsumer.apply);
    this.#durable = new DurableZxid(shared.durableZxid);
    this.#doorbell = new Doorbell(shared.logDoorbell);
    this.worker = new LogWorker(startThread('log', 'log'), CONFIG, shared, this.directory, 0, 0, (reason) =>
      this.failures.push(reason),
    );
  }

  put(kind: LogKind, zxid: bigint, entry: Uint8Array = new Uint8Array(0)): void {
    const at = this.#producer.reserve(LOG_HEAD_BYTES + entry.length);
    const head = new LogHead().__init(at, new ByteBuffer(this.#producer.bytes));
    head.mutate_kind(kind);
    head.mutate_zxid_high(highOf(zxid));
    head.mutate_zxid_low(lowOf(zxid));
    head.mutate_entry_offset(LOG_HEAD_BYTES);
    head.mutate_entry_length(entry.length);
    this.#producer.bytes.set(entry, at + LOG_HEAD_BYTES);
    this.#producer.commit(LOG_HEAD_BYTES + entry.length);
  }

  append(...zxids: bigint[]): void {
    for (const zxid of zxids) this.put(LogKind.txn, zxid, makeEntry({ zxid }));
    this.flush();
  }

  flush(): void {
    this.#producer.publish();
    this.#doorbell.ring();
  }

  get durable(): bigint {
    this.#durable.read();
    return toZxid(this.#durable.high, this.#durable.low);
  }

  /** The last zxid that a start finds, and how many txns are in the log. */
  recovered(): [last: bigint, txns: number] {
    const { lastZxidHigh, lastZxidLow, txnsReplayed } = run(this.directory, { isEnsembleMember: true });
    return [toZxid(lastZxidHigh, lastZxidLow), txnsReplayed];
  }
}

test('truncates in its turn, and goes on with another epoch', { timeout: 60_000 }, async (context) => {
  const log = new Worker(context);
  log.append(1n, 2n, 3n, 4n, 5n);
  const outcome = log.worker.truncation();
  log.put(LogKind.truncate, 3n);
  log.append(0x1_0000_0001n, 0x1_0000_0002n);
  assert.deepEqual(await outcome, { kind: 'done', zxidHigh: 0, zxidLow: 3 });
  await until(() => log.durable === 0x1_0000_0002n, `${0x1_0000_0002n} on disk`);
  assert.deepEqual(log.recovered(), [0x1_0000_0002n, 5]);
  const again = log.worker.truncation();
  log.put(LogKind.truncate, 2n);
  log.flush();
  assert.deepEqual(await again, { kind: 'done', zxidHigh: 0, zxidLow: 2 });
  assert.equal(log.durable, 2n);
  await log.worker.stop();
  assert.deepEqual(log.recovered(), [2n, 2]);
  assert.deepEqual(log.failures, []);
});

test('leaves a history alone that does not hold the zxid, and goes on with it', {
  timeout: 60_000,
}, async (context) => {
  const log = new Worker(context);
  log.append(1n, 2n);
  const outcome = log.worker.truncation();
  log.put(LogKind.truncate, 7n);
  log.append(3n);
  const { kind } = await outcome;
  assert.equal(kind, 'impossible');
  await until(() => log.durable === 3n, `${3n} on disk`);
  await log.worker.stop();
  assert.deepEqual(log.recovered(), [3n, 3]);
});

test('goes on behind a history that was replaced', { timeout: 60_000 }, async (context) => {
  const log = new Worker(context);
  log.append(1n, 2n);
  await until(() => log.durable === 2n, `${2n} on disk`);
  log.put(LogKind.continueAfter, 0x5_0000_0007n);
  log.append(0x5_0000_0008n);
  await until(() => log.durable === 0x5_0000_0008n, `${0x5_0000_0008n} on disk`);
  await log.worker.stop();
  assert.deepEqual(
    log.directory.listLogs().map(({ name }) => name),
    ['log.1', 'log.500000008'],
  );
  assert.deepEqual(log.failures, []);
});

test('a zxid that does not follow ends it', { timeout: 60_000 }, async (context) => {
  const log = new Worker(context);
  log.append(1n, 3n);
  await until(() => log.failures.length > 0, 'the end of the worker');
  assert.match(log.failures[0], /zxid 0x3 does not follow 0x1/);
});
