import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { DURABLE_ZXID_BYTES, DurableZxid } from '../../src/ring/durable-zxid.js';
import { epochOf } from './durable-zxid-writer.js';
/** The test ends after so many changes seen, or so much time on a machine that has no two cores to spare. */
const CHANGES = 20_000;
const TIME_MAX_MS = 3000;
describe('the durable zxid', () => {
    it('is read as it was written last', () => {
        const memory = new SharedArrayBuffer(DURABLE_ZXID_BYTES);
        const writer = new DurableZxid(memory);
        const reader = new DurableZxid(memory);
        reader.read();
        assert.deepEqual([reader.high, reader.low], [0, 0]);
        writer.write(7, -1);
        reader.read();
        assert.deepEqual([reader.high, reader.low], [7, -1]);
        writer.write(8, 0);
        reader.read();
        assert.deepEqual([reader.high, reader.low], [8, 0]);
    });
    it('is never torn between two threads, nor goes back', async () => {
        const memory = new SharedArrayBuffer(DURABLE_ZXID_BYTES);
        const control = new Int32Array(new SharedArrayBuffer(4));
        const task = { memory, control: control.buffer };
        const worker = new Worker(new URL('./durable-zxid-writer.js', import.meta.url), { workerData: task });
        const exited = once(worker, 'exit');
        const reader = new DurableZxid(memory);
        try {
            while (Atomics.load(control, 0) === 0)
                await new Promise(setImmediate);
            let problem = '';
            let last = 0;
            let changes = 0;
            const untilMs = performance.now() + TIME_MAX_MS;
            while (changes < CHANGES && problem === '' && performance.now() < untilMs) {
                reader.read();
                if (reader.high !== epochOf(reader.low))
                    problem = `epoch ${reader.high} with counter ${reader.low}`;
                if (reader.low < last)
                    problem = `counter ${reader.low} after ${last}`;
                if (reader.low !== last)
                    changes++;
                last = reader.low;
            }
            assert.equal(problem, '');
            assert.ok(changes > 10, `only ${changes} changes were seen`);
            Atomics.store(control, 0, 2);
            assert.deepEqual(await exited, [0]);
        }
        finally {
            await worker.terminate();
        }
    });
    it('stays what it was when the writer stops half-way: a reader does not spin for it', () => {
        const memory = new SharedArrayBuffer(DURABLE_ZXID_BYTES);
        const writer = new DurableZxid(memory);
        const reader = new DurableZxid(memory);
        writer.write(3, 41);
        reader.read();
        const words = new Int32Array(memory);
        Atomics.add(words, 0, 1);
        Atomics.store(words, 1, 4);
        reader.read();
        assert.deepEqual([reader.high, reader.low], [3, 41]);
        Atomics.store(words, 2, 1);
        Atomics.add(words, 0, 1);
        reader.read();
        assert.deepEqual([reader.high, reader.low], [4, 1]);
    });
});
