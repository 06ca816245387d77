import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import {
  BlockingSleeper,
  createDoorbellMemory,
  Doorbell,
  EventLoopSleeper,
  waitBlocked,
  wake,
} from '../../src/ring/doorbell.ts';
import type { DoorbellEchoTask } from './doorbell-echo.ts';

/** So long that a test which waits it out once has lost a wake-up. */
const CAP_MS = 10_000;

function never(): boolean {
  return false;
}

/** Lets the event loop turn until `holds`, for ten seconds at most. */
async function until(holds: () => boolean): Promise<void> {
  const giveUpMs = performance.now() + CAP_MS;
  while (!holds()) {
    assert.ok(performance.now() < giveUpMs, 'waited in vain');
    await new Promise(setImmediate);
  }
}

function startEcho(
  kind: DoorbellEchoTask['kind'],
  counter: number,
  shared: Omit<DoorbellEchoTask, 'kind' | 'counter'>,
) {
  const workerData: DoorbellEchoTask = { kind, counter, ...shared };
  return new Worker(new URL('./doorbell-echo.js', import.meta.url), { workerData });
}

/**
 * Main and each echo take turns, so that both go to sleep every round and each wake-up counts: one that is lost costs
 * the whole cap.
 */
async function playRounds(kind: DoorbellEchoTask['kind'], echoes: number, rounds: number): Promise<void> {
  const doorbell = createDoorbellMemory();
  const counters = new SharedArrayBuffer(8 * echoes);
  const words = new Int32Array(counters);
  const sleeper = new BlockingSleeper(doorbell);
  const echoDoorbells = Array.from({ length: echoes }, createDoorbellMemory);
  const bells = echoDoorbells.map((memory) => new Doorbell(memory));
  const workers = echoDoorbells.map((echoDoorbell, i) =>
    startEcho(kind, i, { doorbell, echoDoorbell, counters, rounds, capMs: CAP_MS }),
  );
  const exits = workers.map((worker) => once(worker, 'exit'));
  try {
    for (let round = 1; round <= rounds; round++) {
      for (let i = 0; i < echoes; i++) {
        Atomics.store(words, 2 * i, round);
        bells[i].ring();
      }
      for (let i = 0; i < echoes; i++) {
        const startedMs = performance.now();
        while (Atomics.load(words, 2 * i + 1) !== round) {
          sleeper.sleep(() => Atomics.load(words, 2 * i + 1) === round, CAP_MS);
          assert.ok(
            performance.now() - startedMs < CAP_MS / 2,
            `a wake-up of or by echo ${i} was lost in round ${round}`,
          );
        }
      }
    }
    for (const exited of exits) assert.deepEqual(await exited, [0]);
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

describe('a doorbell between threads', () => {
  it('loses no wake-up between two blocking threads', () => playRounds('blocking', 1, 20_000));
  it('loses no wake-up of an event loop', () => playRounds('eventLoop', 1, 5000));
  it('loses no wake-up of an event loop that blocks for a moment', () =>
    playRounds('eventLoopThatBlocks', 1, 5000));
  it('loses no wake-up when two threads ring', () => playRounds('blocking', 2, 10_000));
});

describe('a blocking sleeper', () => {
  it('does not sleep while there is work', () => {
    const startedMs = performance.now();
    new BlockingSleeper(createDoorbellMemory()).sleep(() => true, CAP_MS);
    assert.ok(performance.now() - startedMs < CAP_MS / 2);
  });

  it('sleeps no longer than its cap', () => {
    const startedMs = performance.now();
    new BlockingSleeper(createDoorbellMemory()).sleep(never, 30);
    const sleptMs = performance.now() - startedMs;
    assert.ok(sleptMs >= 25 && sleptMs < CAP_MS / 2, `${sleptMs} ms`);
  });

  it('is woken by a ring between its look for work and its sleep', () => {
    const memory = createDoorbellMemory();
    const bell = new Doorbell(memory);
    const startedMs = performance.now();
    new BlockingSleeper(memory).sleep(() => {
      bell.ring();
      return false;
    }, CAP_MS);
    assert.ok(performance.now() - startedMs < CAP_MS / 2);
  });

  it('is not woken by a ring from before it slept: that was for work which it had already found', () => {
    const memory = createDoorbellMemory();
    new Doorbell(memory).ring();
    const startedMs = performance.now();
    new BlockingSleeper(memory).sleep(never, 30);
    assert.ok(performance.now() - startedMs >= 25);
  });
});

describe('an event-loop sleeper', () => {
  it('calls back when the bell rings, once for each ring that finds it asleep', async () => {
    const memory = createDoorbellMemory();
    const bell = new Doorbell(memory);
    let rings = 0;
    const sleeper = new EventLoopSleeper(memory, CAP_MS, never, () => rings++);
    try {
      for (let round = 1; round <= 100; round++) {
        bell.ring();
        bell.ring();
        await until(() => rings >= round);
        assert.equal(rings, round);
      }
    } finally {
      sleeper.close();
    }
  });

  it('still calls back for a ring after it was blocked outside a call-back', async () => {
    const memory = createDoorbellMemory();
    let rings = 0;
    const sleeper = new EventLoopSleeper(memory, CAP_MS, never, () => rings++);
    try {
      assert.equal(sleeper.block(1), false);
      new Doorbell(memory).ring();
      await until(() => rings === 1);
    } finally {
      sleeper.close();
    }
  });

  it('does not block while there is work, and no longer than it is told', () => {
    let work = true;
    const sleeper = new EventLoopSleeper(
      createDoorbellMemory(),
      CAP_MS,
      () => work,
      () => {},
    );
    try {
      const startedMs = performance.now();
      assert.equal(sleeper.block(CAP_MS), true);
      work = false;
      assert.equal(sleeper.block(5), false);
      assert.ok(performance.now() - startedMs < CAP_MS / 2);
    } finally {
      sleeper.close();
    }
  });

  it('calls back for work that is there from the start, and until it is done', async () => {
    let work = 3;
    const sleeper = new EventLoopSleeper(
      createDoorbellMemory(),
      CAP_MS,
      () => work > 0,
      () => work--,
    );
    try {
      await until(() => work === 0);
      await new Promise(setImmediate);
      assert.equal(work, 0, 'it sleeps when the work is done');
    } finally {
      sleeper.close();
    }
  });

  it('finds work that nobody rang for within its cap', async () => {
    let hasWork = false;
    let calls = 0;
    const sleeper = new EventLoopSleeper(
      createDoorbellMemory(),
      20,
      () => hasWork,
      () => {
        hasWork = false;
        calls++;
      },
    );
    try {
      hasWork = true;
      await until(() => calls > 0);
      assert.equal(calls, 1);
    } finally {
      sleeper.close();
    }
  });

  it('when it sleeps deeply, is woken by urgent rings only', async () => {
    const memory = createDoorbellMemory();
    const bell = new Doorbell(memory);
    let rings = 0;
    let sleepsDeeply = true;
    const sleeper = new EventLoopSleeper(
      memory,
      CAP_MS,
      never,
      () => rings++,
      () => sleepsDeeply,
    );
    try {
      bell.ring();
      await new Promise((resolve) => setTimeout(resolve, 20));
      assert.equal(rings, 0);
      sleepsDeeply = false;
      bell.ringUrgently();
      await until(() => rings === 1);
      bell.ring();
      await until(() => rings === 2);
      bell.ringUrgently();
      await until(() => rings === 3);
    } finally {
      sleeper.close();
    }
  });

  it('calls back no more once closed, not even for what was under way', async () => {
    const memory = createDoorbellMemory();
    const bell = new Doorbell(memory);
    let calls = 0;
    const sleeper = new EventLoopSleeper(
      memory,
      1,
      () => true,
      () => calls++,
    );
    bell.ring();
    sleeper.close();
    bell.ring();
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(calls, 0);
  });

  it('can be closed from its own callback', async () => {
    let calls = 0;
    const sleeper: EventLoopSleeper = new EventLoopSleeper(
      createDoorbellMemory(),
      1,
      () => true,
      () => {
        calls++;
        sleeper.close();
      },
    );
    await until(() => calls > 0);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(calls, 1);
  });

  it('does not keep its process alive once closed', async () => {
    const shared = {
      doorbell: createDoorbellMemory(),
      echoDoorbell: createDoorbellMemory(),
      counters: new SharedArrayBuffer(8),
      rounds: 0,
      capMs: CAP_MS,
    };
    const worker = startEcho('eventLoop', 0, shared);
    assert.deepEqual(await once(worker, 'exit'), [0]);
  });
});

describe('plain waiting', () => {
  it('returns at once when the word has changed, and at its cap when nothing wakes it', () => {
    const words = new Int32Array(new SharedArrayBuffer(4));
    const startedMs = performance.now();
    waitBlocked(words, 0, 1, CAP_MS);
    assert.ok(performance.now() - startedMs < CAP_MS / 2);
    waitBlocked(words, 0, 0, 30);
    assert.ok(performance.now() - startedMs >= 25);
    wake(words, 0);
  });
});
