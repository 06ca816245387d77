import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { HistorySource } from '../../src/server/history-source.ts';
import { LearnerSources, type SourceTarget } from '../../src/server/learner-sources.ts';
import { TxnCache } from '../../src/server/txn-cache.ts';
import { until } from '../connection/until.ts';
import {
  appendEntry,
  highOf,
  lowOf,
  makeEntry,
  newLogWriter,
  newTree,
  temporaryDirectory,
  toZxid,
} from '../storage/support.ts';
import { NO_SESSIONS } from '../storage/test-server.ts';

const EPOCH_2 = 0x2_0000_0000n;

/** A leader's log and its newest txns in memory. */
class Leader {
  readonly cache: TxnCache;
  readonly sources: LearnerSources;
  readonly #writer;
  #last: bigint;

  constructor(context: TestContext, txnsMax: number, floor = 0n) {
    const directory = temporaryDirectory(context);
    this.#last = floor;
    this.#writer = newLogWriter(directory, { forceSync: false, lastZxidLow: lowOf(floor) });
    this.cache = new TxnCache({ bytesMax: 8 << 20, txnsMax }, floor);
    this.sources = new LearnerSources({
      tree: newTree(),
      sessions: () => NO_SESSIONS,
      readerIndexes: [0],
      snapshotDirectory: directory,
      logDirectory: directory,
      entryBytesMax: 1 << 20,
      snapshotSizeFactor: 0,
    });
    context.after(async () => {
      await this.sources.stop();
      this.#writer.close();
    });
  }

  commit(count: number, first = this.#last + 1n): void {
    for (let i = 0; i < count; i++) {
      const zxid = first + BigInt(i);
      const entry = makeEntry({ zxid, body: Buffer.alloc(2000, Number(zxid & 0x7fn)) });
      appendEntry(this.#writer, entry, zxid);
      this.cache.add(highOf(zxid), lowOf(zxid), entry, 0, entry.length);
      this.#last = zxid;
    }
    this.#writer.sync();
  }
}

class Learner implements SourceTarget {
  readonly zxids: bigint[] = [];
  readonly failures: string[] = [];
  #isReady = false;
  #committed = 0n;
  readonly events = {
    ready: () => {
      this.#isReady = true;
    },
    failed: (reason: string) => void this.failures.push(reason),
  };

  raw(): void {
    assert.fail('a history has packets only');
  }

  proposal(epoch: number, counter: number, source: Uint8Array, start: number, length: number): void {
    const entry = Buffer.from(source.slice(start, start + length));
    assert.equal(entry.readBigInt64BE(12), toZxid(epoch, counter));
    assert.deepEqual(entry.subarray(32), Buffer.alloc(2000, counter & 0x7f));
    this.zxids.push(toZxid(epoch, counter));
  }

  commits(epoch: number, first: number, last: number): void {
    assert.equal(first, last);
    this.#committed = toZxid(epoch, last);
    assert.equal(this.#committed, this.zxids.at(-1));
  }

  async take(source: HistorySource, between: () => void = () => {}): Promise<number> {
    for (let steps = 0; ; steps++) {
      this.#isReady = false;
      const outcome = source.fill(this);
      if (outcome === 'end') return steps;
      if (outcome === 'more') between();
      else await until(() => this.#isReady || this.failures.length > 0, 'more');
      if (this.failures.length > 0) return steps;
    }
  }
}

function zxids(first: bigint, last: bigint): bigint[] {
  return Array.from({ length: Number(last - first) + 1 }, (_, i) => first + BigInt(i));
}

test('what is in memory comes from there, in steps', async (context) => {
  const leader = new Leader(context, 1000);
  leader.commit(600);
  const learner = new Learner();
  const source = new HistorySource(leader.cache, leader.sources, 100n, 590n, learner.events);
  const steps = await learner.take(source);
  assert.ok(steps >= 3, `${steps} steps`);
  assert.deepEqual(learner.zxids, zxids(101n, 590n));
  const none = new Learner();
  assert.equal(await none.take(new HistorySource(leader.cache, leader.sources, 600n, 600n, none.events)), 0);
});

test('what is not comes from disk, over epochs, and the rest from memory', async (context) => {
  const leader = new Leader(context, 100);
  leader.commit(500);
  leader.commit(150, EPOCH_2 + 1n);
  assert.equal(leader.cache.floor, EPOCH_2 + 50n);
  const learner = new Learner();
  await learner.take(new HistorySource(leader.cache, leader.sources, 20n, EPOCH_2 + 149n, learner.events));
  assert.deepEqual(learner.zxids, [...zxids(21n, 500n), ...zxids(EPOCH_2 + 1n, EPOCH_2 + 149n)]);
  const early = new Learner();
  await early.take(new HistorySource(leader.cache, leader.sources, 20n, 300n, early.events));
  assert.deepEqual(early.zxids, zxids(21n, 300n));
});

test('what leaves the memory while a slow learner takes it comes from disk', async (context) => {
  const leader = new Leader(context, 400);
  leader.commit(400);
  const learner = new Learner();
  let rounds = 0;
  await learner.take(new HistorySource(leader.cache, leader.sources, 0n, 400n, learner.events), () => {
    if (rounds++ < 3) leader.commit(250);
  });
  assert.ok(leader.cache.floor > 400n);
  assert.deepEqual(learner.zxids, zxids(1n, 400n));
});

test('what is nowhere fails', async (context) => {
  const leader = new Leader(context, 100, 4n);
  leader.commit(300);
  const learner = new Learner();
  await learner.take(new HistorySource(leader.cache, leader.sources, 2n, 300n, learner.events));
  assert.match(learner.failures[0] ?? '', /no log goes back to 0x2/);
  assert.deepEqual(learner.zxids, []);
});
