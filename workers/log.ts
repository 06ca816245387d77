// The log worker (design §1): appends proposals to the transaction log, one fdatasync for all that waited. It has no
// event loop: it sleeps blocked on its doorbell. An error ends the thread, and with it the server: after a failed
// fdatasync nobody knows what is on disk.

import { once } from 'node:events';
import { parentPort } from 'node:worker_threads';
import { AlignedBuffer } from '../src/ring/aligned-buffer.ts';
import { BlockingSleeper, Doorbell } from '../src/ring/doorbell.ts';
import { DurableZxid } from '../src/ring/durable-zxid.ts';
import { LogHead } from '../src/ring/generated/records.ts';
import { LogKind } from '../src/ring/record-kind.ts';
import { RingConsumer } from '../src/ring/ring.ts';
import { createLogger } from '../src/server/logging.ts';
import { nodeFileSystem } from '../src/storage/file-system.ts';
import { truncateHistory } from '../src/storage/history-truncation.ts';
import { faultsFromEnvironment } from '../src/storage/injected-faults.ts';
import { LogConsumer, LogControl, LogStatistic, type LogWorkerData } from '../src/storage/log-worker-data.ts';
import { TxnLogWriter } from '../src/storage/txn-log-writer.ts';

/** The cap on every wait for the doorbell. */
const WAIT_MAX_MS = 100;

if (parentPort === null) throw new Error('workers/log is started by the server as a worker thread');
// The thread may have been started long before main has its data.
const [data] = (await once(parentPort, 'message')) as [LogWorkerData];
const logger = createLogger({ thread: 'log', format: data.logFormat, level: data.logLevel });
const ring = new RingConsumer(data.ring, LogConsumer.writer);
const sleeper = new BlockingSleeper(data.doorbell);
const mainDoorbell = new Doorbell(data.mainDoorbell);
const durable = new DurableZxid(data.durableZxid);
const control = new Int32Array(data.control);
const statistics = new Float64Array(data.statistics);
const buffer = new AlignedBuffer(ring.bytes);
const head = new LogHead();

const fileSystem = faultsFromEnvironment(process.env, nodeFileSystem, logger);
const writer = new TxnLogWriter({
  fileSystem,
  directory: data.directory,
  log: logger,
  preallocationBytes: data.preallocationBytes,
  fileBytesMax: data.fileBytesMax,
  forceSync: data.forceSync,
  syncWarningMs: data.syncWarningMs,
  lastZxidHigh: data.lastZxidHigh,
  lastZxidLow: data.lastZxidLow,
  onSync: (durationMs, bytes) => {
    statistics[LogStatistic.syncs]++;
    statistics[LogStatistic.syncMsSum] += durationMs;
    statistics[LogStatistic.syncMsMax] = Math.max(statistics[LogStatistic.syncMsMax], durationMs);
    statistics[LogStatistic.bytesWritten] += bytes;
  },
});

function isStopped(): boolean {
  return Atomics.load(control, LogControl.stop) !== 0;
}

function hasWork(): boolean {
  return ring.hasMore() || isStopped();
}

/** Appends what waits in the ring, up to a batch; gives how many txns. */
function appendWaiting(txnsMax: number): number {
  let txns = 0;
  while (txns < txnsMax && ring.next()) {
    head.__init(ring.start, buffer);
    switch (head.kind()) {
      case LogKind.txn:
        writer.append(
          ring.bytes,
          ring.start + head.entryOffset(),
          head.entryLength(),
          head.zxidHigh(),
          head.zxidLow(),
        );
        txns++;
        break;
      case LogKind.marker:
        break;
      case LogKind.roll:
        writer.roll();
        break;
      case LogKind.truncate:
        truncate(head.zxidHigh(), head.zxidLow());
        break;
      case LogKind.continueAfter:
        writer.roll();
        continueAfter(head.zxidHigh(), head.zxidLow());
        break;
      default:
        throw new Error(`unknown kind ${head.kind()} in the log ring`);
    }
  }
  return txns;
}

/** Cuts the history, and tells main how that went: when main hears of it, the durable zxid is the new one. */
function truncate(zxidHigh: number, zxidLow: number): void {
  writer.roll();
  const { directory: logDirectory, snapshotDirectory, entryBytesMax } = data;
  const options = { fileSystem, logDirectory, snapshotDirectory, entryBytesMax, log: logger };
  const outcome = truncateHistory(options, zxidHigh, zxidLow);
  if (outcome.kind === 'done') continueAfter(outcome.zxidHigh, outcome.zxidLow);
  parentPort?.postMessage(outcome);
}

function continueAfter(zxidHigh: number, zxidLow: number): void {
  writer.continueAfter(zxidHigh, zxidLow);
  durable.write(zxidHigh, zxidLow);
}

/** With zookeeper.flushDelay a batch waits for company; by default it goes at once, and the next one grows meanwhile. */
function appendBatch(): void {
  const txnsMax = data.batchTxnsMax > 0 ? data.batchTxnsMax : 0x7fffffff;
  let txns = appendWaiting(txnsMax);
  if (data.flushDelayMs <= 0) return;
  const untilMs = performance.now() + data.flushDelayMs;
  while (txns < txnsMax && !isStopped()) {
    const leftMs = untilMs - performance.now();
    if (leftMs <= 0) return;
    sleeper.sleep(hasWork, leftMs);
    txns += appendWaiting(txnsMax - txns);
  }
}

for (;;) {
  if (ring.hasMore()) {
    appendBatch();
    writer.sync();
    // The room first: main looks for it when it sees that the zxid has changed, and perhaps not again.
    ring.release();
    durable.write(writer.durableZxidHigh, writer.durableZxidLow);
    mainDoorbell.ringUrgently();
  } else if (isStopped()) {
    break;
  } else {
    sleeper.sleep(hasWork, WAIT_MAX_MS);
  }
}
writer.close();
