// The worker of durable-zxid.test.ts: writes zxids whose epoch can be told from their counter.

import { isMainThread, workerData } from 'node:worker_threads';
import { DurableZxid } from '../../src/ring/durable-zxid.ts';

/** What the worker is started with. */
export interface DurableZxidTask {
  readonly memory: SharedArrayBuffer;
  /** 0 before it writes, 1 while it does, 2 when it shall end. */
  readonly control: SharedArrayBuffer;
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
  for (let counter = 2; Atomics.load(control, 0) === 1 && counter < 0x7fffffff; counter++) {
    durable.write(epochOf(counter), counter);
  }
}
