import assert from 'node:assert/strict';
import fs from 'node:fs';
import { type TestContext, test } from 'node:test';
import { CatchUp } from '../../src/server/catch-up.ts';
import { LearnerSources } from '../../src/server/learner-sources.ts';
import { TxnCache } from '../../src/server/txn-cache.ts';
import { until } from '../connection/until.ts';
import { HistoryRecorder } from '../quorum/history-recorder.ts';
import {
  appendEntry,
  highOf,
  lowOf,
  makeEntry,
  newLogWriter,
  newTree,
  temporaryDirectory,
} from '../storage/support.ts';
import { NO_SESSIONS } from '../storage/test-server.ts';

const EPOCH_2 = 0x2_0000_0000n;
const BODY_BYTES = 2000;

/** A leader's log and its newest txns in memory. */
class Leader {
  readonly cache: TxnCache;
  readonly sources: LearnerSources;
  readonly directory: string;
  last: bigint;
  readonly #writer;

  constructor(context: TestContext, txnsMax: number, floor = 0n) {
    this.directory = temporaryDirectory(context);
    this.last = floor;
    this.#writer = newLogWriter(this.directory, { forceSync: false, lastZxidLow: lowOf(floor) });
    this.cache = new TxnCache({ bytesMax: 8 << 20, txnsMax }, floor);
    this.sources = new LearnerSources({
      tree: newTree(),
      sessions: () => NO_SESSIONS,
      readerIndexes: [0],
      logDirectory: this.directory,
      entryBytesMax: 1 << 20,
    });
    context.after(async () => {
      await this.sources.stop();
      this.#writer.close();
    });
  }

  propose(count: number, first = this.last + 1n): void {
    for (let i = 0; i < count; i++) {
      const zxid = first + BigInt(i);
      const entry = makeEntry({ zxid, body: Buffer.alloc(BODY_BYTES, Number(zxid & 0x7fn)) });
      appendEntry(this.#writer, entry, zxid);
      this.cache.add(highOf(zxid), lowOf(zxid), entry, 0, entry.length);
      this.last = zxid;
    }
    this.#writer.sync();
  }

  /** A learner that has everything up to `after`, and is told of everything up to `committed`, and of the rest as proposed. */
  learner(after: bigint, committed = this.last): Learner {
    const learner = new Learner(this, after);
    learner.catchUp.commitUpTo(committed);
    learner.catchUp.proposeUpTo(this.last);
    return learner;
  }
}

class Learner extends HistoryRecorder {
  readonly failures: string[] = [];
  readonly catchUp: CatchUp;
  isCaughtUp = false;
  #isReady = false;

  constructor(leader: Leader, after: bigint) {
    super();
    const parts = {
      cache: leader.cache,
      sources: leader.sources,
      durable: () => leader.last,
      ready: () => {
        this.#isReady = true;
      },
      failed: (reason: string) => void this.failures.push(reason),
      caughtUp: () => {
        this.isCaughtUp = true;
      },
    };
    this.catchUp = new CatchUp(parts, after);
  }

  /** Takes all; `between` is called after each step. */
  async take(between: () => void = () => {}): Promise<void> {
    for (;;) {
      this.#isReady = false;
      const outcome = this.catchUp.fill(this);
      assert.equal(outcome === 'end', this.isCaughtUp);
      if (outcome === 'end') break;
      if (outcome === 'more') between();
      else await until(() => this.#isReady || this.failures.length > 0, 'more');
      if (this.failures.length > 0) return;
    }
    for (const entry of this.entries) {
      const body = Buffer.alloc(BODY_BYTES, Number(entry.readBigInt64BE(12) & 0x7fn));
      assert.deepEqual(entry.subarray(32), body);
    }
  }
}

function zxids(first: bigint, last: bigint): bigint[] {
  return Array.from({ length: Number(last - first) + 1 }, (_, i) => first + BigInt(i));
}

test('what is in memory comes from there, in steps, and what is not committed as proposals', async (context) => {
  const leader = new Leader(context, 1000);
  leader.propose(600);
  const learner = leader.learner(100n, 590n);
  let steps = 0;
  await learner.take(() => void steps++);
  assert.ok(steps >= 3, `${steps} steps`);
  assert.deepEqual(learner.zxids, zxids(101n, 600n));
  assert.deepEqual(learner.committed, zxids(101n, 590n));
  const none = leader.learner(600n);
  await none.take();
  assert.ok(none.isCaughtUp);
  assert.deepEqual(none.zxids, []);
});

test('what is not comes from disk, over epochs, and the rest from memory', async (context) => {
  const leader = new Leader(context, 100);
  leader.propose(500);
  leader.propose(150, EPOCH_2 + 1n);
  assert.equal(leader.cache.floor, EPOCH_2 + 50n);
  const learner = leader.learner(20n, EPOCH_2 + 149n);
  await learner.take();
  assert.deepEqual(learner.zxids, [...zxids(21n, 500n), ...zxids(EPOCH_2 + 1n, EPOCH_2 + 150n)]);
  assert.deepEqual(learner.committed, learner.zxids.slice(0, -1));
});

test('what leaves the memory while a slow learner takes it comes from disk; it ends where the leader is', async (context) => {
  const leader = new Leader(context, 400);
  leader.propose(400);
  const learner = leader.learner(0n);
  let rounds = 0;
  await learner.take(() => {
    if (rounds++ > 8) return;
    leader.propose(250);
    learner.catchUp.proposeUpTo(leader.last);
    learner.catchUp.commitUpTo(leader.last - 7n);
    assert.ok(leader.cache.floor >= learner.catchUp.at);
  });
  assert.deepEqual(learner.zxids, zxids(1n, 400n + 9n * 250n));
  assert.deepEqual(learner.committed, learner.zxids.slice(0, -7));
});

test('a leader that goes on writing all the time is caught up with', async (context) => {
  const leader = new Leader(context, 400);
  leader.propose(1000);
  const learner = leader.learner(10n);
  // Whenever the learner has something, the memory has forgotten up to where that ends, and more.
  const timer = setInterval(() => {
    if (learner.isCaughtUp) return;
    leader.propose(3);
    learner.catchUp.commitUpTo(leader.last);
  });
  await learner.take();
  clearInterval(timer);
  assert.deepEqual(learner.zxids, zxids(11n, leader.last));
  assert.deepEqual(learner.committed, learner.zxids);
});

test('what is nowhere, or goes while it is read, fails, and nothing follows', async (context) => {
  const leader = new Leader(context, 100, 4n);
  leader.propose(300);
  const early = leader.learner(2n);
  await early.take();
  assert.match(early.failures[0] ?? '', /no log goes back to 0x2/);
  assert.deepEqual(early.zxids, []);
  const late = leader.learner(10n);
  fs.rmSync(leader.directory, { recursive: true });
  await late.take();
  assert.match(late.failures[0] ?? '', /ENOENT/);
  assert.equal(late.catchUp.fill(late), 'later');
  assert.deepEqual([late.zxids, late.isCaughtUp], [[], false]);
});

test('a learner that is gone is not read for any longer', async (context) => {
  const leader = new Leader(context, 100);
  leader.propose(3000);
  const gone = leader.learner(10n);
  while (gone.zxids.length === 0 && gone.failures.length === 0) {
    gone.catchUp.fill(gone);
    await new Promise((resolve) => setImmediate(resolve));
  }
  gone.catchUp.cancel();
  assert.equal(gone.catchUp.fill(gone), 'later');
  const next = leader.learner(10n);
  await next.take();
  assert.equal(next.zxids.length, 2990);
  assert.deepEqual(gone.failures, []);
});
