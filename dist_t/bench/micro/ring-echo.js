// The other thread of ring.bench.ts: sends every record back.
import { workerData } from 'node:worker_threads';
import { copyToShared } from '../../src/jute/shared-copy.js';
import { BlockingSleeper, Doorbell } from '../../src/ring/doorbell.js';
import { RingConsumer, RingProducer } from '../../src/ring/ring.js';
const WAIT_MAX_MS = 100;
const task = workerData;
const consumer = new RingConsumer(task.there, 0);
const producer = new RingProducer(task.back);
const sleeper = new BlockingSleeper(task.echoDoorbell);
const bell = new Doorbell(task.doorbell);
const hasMore = () => consumer.hasMore();
for (;;) {
    sleeper.sleep(hasMore, WAIT_MAX_MS);
    while (consumer.next()) {
        const at = producer.reserve(consumer.length);
        if (at < 0)
            throw new Error('the ring back is full');
        copyToShared(consumer.bytes, consumer.start, producer.bytes, at, consumer.length);
        producer.commit(consumer.length);
    }
    consumer.release();
    producer.publish();
    bell.ring();
}
