// The worker of durable-zxid.test.ts: writes zxids whose epoch can be told from their counter.
import { isMainThread, workerData } from 'node:worker_threads';
import { DurableZxid } from '../../src/ring/durable-zxid.js';
/** The epoch that goes with a counter. */
export function epochOf(counter) {
    return Math.imul(counter, 0x9e3779b1) ^ (counter >>> 7);
}
if (!isMainThread) {
    const task = workerData;
    const control = new Int32Array(task.control);
    const durable = new DurableZxid(task.memory);
    durable.write(epochOf(1), 1);
    Atomics.store(control, 0, 1);
    for (let counter = 2; Atomics.load(control, 0) === 1 && counter < 0x7fffffff; counter++) {
        durable.write(epochOf(counter), counter);
    }
}
