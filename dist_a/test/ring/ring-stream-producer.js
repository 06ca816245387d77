// The worker of ring.test.ts: writes the stream as fast as the ring takes it, in batches of uneven size.
import { workerData } from 'node:worker_threads';
import { BlockingSleeper, Doorbell } from '../../src/ring/doorbell.js';
import { RingProducer } from '../../src/ring/ring.js';
import { fillStreamRecord, streamRecordBytes } from './ring-stream.js';
const task = workerData;
const producer = new RingProducer(task.ring);
const sleeper = new BlockingSleeper(task.producerDoorbell);
const bell = new Doorbell(task.doorbell);
const roomNeeded = producer.bytes.length / 4;
function publish() {
    producer.publish();
    bell.ring();
}
let waits = 0;
for (let sequence = 0; sequence < task.records;) {
    const at = producer.reserve(streamRecordBytes(sequence));
    if (at < 0) {
        if (++waits > 200)
            throw new Error('the consumer takes nothing');
        publish();
        sleeper.sleep(() => producer.freeBytes() > roomNeeded, 100);
        continue;
    }
    waits = 0;
    fillStreamRecord(producer.bytes, at, sequence);
    producer.commit(streamRecordBytes(sequence));
    if (sequence++ % 37 === 0)
        publish();
}
publish();
