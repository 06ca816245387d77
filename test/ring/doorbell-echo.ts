// The worker of doorbell.test.ts: waits for each round, answers it, and rings back.

import { workerData } from 'node:worker_threads';
import { BlockingSleeper, Doorbell, type DoorbellMemory, EventLoopSleeper } from '../../src/ring/doorbell.ts';

/** What the worker is started with. */
export interface DoorbellEchoTask {
  readonly kind: 'blocking' | 'eventLoop' | 'eventLoopThatBlocks';
  /** Which pair of words is this echo's. */
  readonly counter: number;
  /** Wakes main. */
  readonly doorbell: DoorbellMemory;
  /** Wakes this thread. */
  readonly echoDoorbell: DoorbellMemory;
  /** Pairs of words: the round that main has called, the last one answered. */
  readonly counters: SharedArrayBuffer;
  readonly rounds: number;
  readonly capMs: number;
}

const task = workerData as DoorbellEchoTask;
const words = new Int32Array(task.counters);
const called = 2 * task.counter;
const answered = called + 1;
const bell = new Doorbell(task.doorbell);
let round = 0;

function hasWork(): boolean {
  return Atomics.load(words, called) !== round;
}

function answer(): void {
  if (!hasWork()) return;
  round = Atomics.load(words, called);
  Atomics.store(words, answered, round);
  bell.ring();
}

switch (task.kind) {
  case 'blocking': {
    const sleeper = new BlockingSleeper(task.echoDoorbell);
    while (round < task.rounds) {
      sleeper.sleep(hasWork, task.capMs);
      answer();
    }
    break;
  }
  case 'eventLoop': {
    // The interval is as long as the cap: it must not hide a lost wake-up.
    const sleeper = new EventLoopSleeper(task.echoDoorbell, task.capMs, hasWork, () => {
      answer();
      if (round >= task.rounds) sleeper.close();
    });
    if (task.rounds === 0) sleeper.close();
    break;
  }
  case 'eventLoopThatBlocks': {
    // Each turn waits for another round before it goes back to the event loop; some waits are long enough, some are not.
    const sleeper = new EventLoopSleeper(task.echoDoorbell, task.capMs, hasWork, () => {
      do answer();
      while (round < task.rounds && sleeper.block(round % 3 === 0 ? 0.001 : 1));
      if (round >= task.rounds) sleeper.close();
    });
    break;
  }
}
