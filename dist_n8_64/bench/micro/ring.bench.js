import { Worker } from 'node:worker_threads';
import { copyToShared } from '../../src/jute/shared-copy.js';
import { BlockingSleeper, createDoorbellMemory, Doorbell } from '../../src/ring/doorbell.js';
import { createRingMemory, RingConsumer, RingProducer } from '../../src/ring/ring.js';
import { addBatch, BATCH } from './timed-batch.js';
const RING_BYTES = 4 * 1024 * 1024;
const WAIT_MAX_MS = 100;
/** Registers the ring's benchmarks. Gives a function that ends the thread behind them: call it when all have run. */
export function ringBenchmarks(bench) {
    sameThread(bench, 64);
    sameThread(bench, 1024);
    return twoThreads(bench);
}
function sameThread(bench, bytes) {
    const memory = createRingMemory(RING_BYTES, 1);
    const producer = new RingProducer(memory);
    const consumer = new RingConsumer(memory, 0);
    const body = new Uint8Array(bytes).fill(7);
    addBatch(bench, `ring: ${bytes} bytes written, published and read by the same thread`, () => {
        for (let i = 0; i < BATCH; i++) {
            put(producer, body);
            producer.publish();
            if (!consumer.next() || consumer.length !== bytes)
                throw new Error('the record did not arrive');
            consumer.release();
        }
    });
}
function put(producer, body) {
    const at = producer.reserve(body.length);
    if (at < 0)
        throw new Error('the ring is full');
    copyToShared(body, 0, producer.bytes, at, body.length);
    producer.commit(body.length);
}
/** An echoing thread; both sides sleep on doorbells when they find nothing, as the server's threads do. */
class Echo {
    #task = {
        there: createRingMemory(RING_BYTES, 1),
        back: createRingMemory(RING_BYTES, 1),
        doorbell: createDoorbellMemory(),
        echoDoorbell: createDoorbellMemory(),
    };
    #producer = new RingProducer(this.#task.there);
    #consumer = new RingConsumer(this.#task.back, 0);
    #sleeper = new BlockingSleeper(this.#task.doorbell);
    #bell = new Doorbell(this.#task.echoDoorbell);
    #body = new Uint8Array(64).fill(7);
    #hasMore = () => this.#consumer.hasMore();
    #worker = null;
    /** Sends so many records, published at once, and waits until all are back. */
    roundTrip(records) {
        this.#worker ??= new Worker(new URL('./ring-echo.js', import.meta.url), { workerData: this.#task });
        for (let i = 0; i < records; i++)
            put(this.#producer, this.#body);
        this.#producer.publish();
        this.#bell.ring();
        let back = 0;
        for (let waits = 0; back < records; waits++) {
            if (waits > 100)
                throw new Error('the echo is silent');
            this.#sleeper.sleep(this.#hasMore, WAIT_MAX_MS);
            while (this.#consumer.next())
                back++;
            this.#consumer.release();
        }
    }
    async end() {
        await this.#worker?.terminate();
    }
}
function twoThreads(bench) {
    const echo = new Echo();
    bench.add('ring: one record to another thread and back', () => echo.roundTrip(1));
    addBatch(bench, `ring: a record of ${BATCH} to another thread and back`, () => echo.roundTrip(BATCH));
    return () => echo.end();
}
