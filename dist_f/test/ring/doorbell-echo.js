// The worker of doorbell.test.ts: waits for each round, answers it, and rings back.
import { workerData } from 'node:worker_threads';
import { BlockingSleeper, Doorbell, EventLoopSleeper } from '../../src/ring/doorbell.js';
const task = workerData;
const words = new Int32Array(task.counters);
const called = 2 * task.counter;
const answered = called + 1;
const bell = new Doorbell(task.doorbell);
let round = 0;
function hasWork() {
    return Atomics.load(words, called) !== round;
}
function answer() {
    if (!hasWork())
        return;
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
            if (round >= task.rounds)
                sleeper.close();
        });
        if (task.rounds === 0)
            sleeper.close();
        break;
    }
}
