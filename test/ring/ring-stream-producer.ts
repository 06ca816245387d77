// The worker of ring.test.ts: writes the stream as fast as the ring takes it, in batches of uneven size.

import { workerData } from 'node:worker_threads';
import { BlockingSleeper, Doorbell } from '../../src/ring/doorbell.ts';
import { RingProducer } from '../../src/ring/ring.ts';
import { fillStreamRecord, type RingStreamTask, streamRecordBytes } from './ring-stream.ts';

const task = workerData as RingStreamTask;
const producer = new RingProducer(task.ring);
const sleeper = new BlockingSleeper(task.producerDoorbell);
const bell = new Doorbell(task.doorbell);
const roomNeeded = producer.bytes.length / 4;

function publish(): void {
  producer.publish();
  bell.ring();
}

let waits = 0;
for (let sequence = 0; sequence < task.records; ) {
  const at = producer.reserve(streamRecordBytes(sequence));
  if (at < 0) {
    if (++waits > 200) throw new Error('the consumer takes nothing');
    publish();
    sleeper.sleep(() => producer.freeBytes() > roomNeeded, 100);
    continue;
  }
  waits = 0;
  fillStreamRecord(producer.bytes, at, sequence);
  producer.commit(streamRecordBytes(sequence));
  if (sequence++ % 37 === 0) publish();
}
publish();
