// The worker of durable-zxid.test.ts: writes zxids whose epoch can be told from their counter.

import { isMainThread, workerData } from 'node:worker_threads';
import { DurableZxid } from '../../src/ring/durable-zxid.ts';

/** What the worker is started with. */
export interface DurableZxidTask {
  readonly memory: SharedArrayBuffer;
  /** 0 before it writes, 1 while it does, 2 afterwards. */
  readonly control: SharedArrayBuffer;
  readonly writes: number;
}

/** The epoch that goes with a counter. */
export function epochOf(counter: number): number {
  return Math.imul(counter, 0x9e3779b1) ^ (counter >>> 7);
}

if (!isMainThread) {
  const task = workerData as DurableZxidTask;
  const control = new Int32Array(task.control);
  const durable = new DurableZxid(task.memory);
  durable.write(epochOf(1), 1);
  Atomics.store(control, 0, 1);
  for (let counter = 2; counter <= task.writes; counter++) durable.write(epochOf(counter), counter);
  Atomics.store(control, 0, 2);
}
