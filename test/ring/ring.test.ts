import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { BlockingSleeper, createDoorbellMemory, Doorbell } from '../../src/ring/doorbell.ts';
import { createRingMemory, RingConsumer, type RingMemory, RingProducer } from '../../src/ring/ring.ts';
import { checkStreamRecord, type RingStreamTask } from './ring-stream.ts';

const CAPACITY = 4096;
const WORDS_PER_LINE = 16;
/** Ring positions count bytes and wrap at 2^32: places from which a test soon meets a wrap, of sign or of the whole. */
const START_POSITIONS = [0, 8, CAPACITY - 8, 0x7fffffff - 1023, -1024, -8, -CAPACITY];

/** A ring whose head and tails already stand at `position`. */
function ringAt(position: number, consumers = 1, capacity = CAPACITY): RingMemory {
  const memory = createRingMemory(capacity, consumers);
  const control = new Int32Array(memory.control);
  for (let line = 0; line <= consumers; line++) control[line * WORDS_PER_LINE] = position;
  return memory;
}

/** Bytes that tell record `sequence` from any other of its length. */
function body(sequence: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (sequence * 131 + i * 7) & 0xff);
}

function put(producer: RingProducer, bytes: Uint8Array, reserved = bytes.length): boolean {
  const at = producer.reserve(reserved);
  if (at < 0) return false;
  producer.bytes.set(bytes, at);
  producer.commit(bytes.length);
  return true;
}

function current(consumer: RingConsumer): Uint8Array {
  return consumer.bytes.slice(consumer.start, consumer.start + consumer.length);
}

function readAll(consumer: RingConsumer): Uint8Array[] {
  const records: Uint8Array[] = [];
  while (consumer.next()) records.push(current(consumer));
  consumer.release();
  return records;
}

describe('a ring', () => {
  it('rounds its capacity up to a power of two, and refuses what is beyond 1 GiB', () => {
    assert.equal(createRingMemory(1, 1).data.byteLength, 4096);
    assert.equal(createRingMemory(4096, 1).data.byteLength, 4096);
    assert.equal(createRingMemory(4097, 1).data.byteLength, 8192);
    assert.throws(() => createRingMemory(2 ** 30 + 1, 1), /at most 1 GiB/);
  });

  it('shows records to the consumer only once they are published', () => {
    const memory = createRingMemory(CAPACITY, 1);
    const producer = new RingProducer(memory);
    const consumer = new RingConsumer(memory, 0);
    assert.ok(put(producer, body(1, 5)));
    assert.ok(put(producer, body(2, 0)));
    assert.equal(consumer.hasMore(), false);
    assert.equal(consumer.next(), false);
    producer.publish();
    assert.equal(consumer.hasMore(), true);
    assert.deepEqual(readAll(consumer), [body(1, 5), body(2, 0)]);
    assert.equal(consumer.hasMore(), false);
  });

  it('takes back what was not published, as if it had never been, at every place', () => {
    for (const position of START_POSITIONS) {
      const memory = ringAt(position);
      const producer = new RingProducer(memory);
      const consumer = new RingConsumer(memory, 0);
      for (let round = 0; round < 20; round++) {
        assert.ok(put(producer, body(round, 300)));
        producer.publish();
        // More than the rest of the ring's end holds: a claim may skip to its start.
        assert.ok(put(producer, body(-1, 700), 1500));
        producer.forget();
        assert.ok(put(producer, body(round, 40), 1500));
        producer.publish();
        assert.deepEqual(readAll(consumer), [body(round, 300), body(round, 40)]);
      }
    }
  });

  it('lets a record be looked at without passing it', () => {
    const memory = createRingMemory(CAPACITY, 1);
    const producer = new RingProducer(memory);
    const consumer = new RingConsumer(memory, 0);
    put(producer, body(1, 9));
    put(producer, body(2, 17));
    producer.publish();
    assert.ok(consumer.peek());
    assert.ok(consumer.peek());
    assert.deepEqual(current(consumer), body(1, 9));
    consumer.advance();
    assert.ok(consumer.next());
    assert.deepEqual(current(consumer), body(2, 17));
    assert.equal(consumer.peek(), false);
  });

  it('gives only what is left of a claim: the rest is used by the next record', () => {
    const memory = createRingMemory(CAPACITY, 1);
    const producer = new RingProducer(memory);
    put(producer, body(1, 10), 2000);
    assert.equal(producer.position, 8 + 16);
  });

  it('takes the largest record wherever an empty ring stands', () => {
    for (let position = 0; position < CAPACITY; position += 8) {
      const memory = ringAt(position);
      const producer = new RingProducer(memory);
      const consumer = new RingConsumer(memory, 0);
      assert.ok(put(producer, body(position, producer.recordBytesMax)), `at position ${position}`);
      producer.publish();
      assert.deepEqual(readAll(consumer), [body(position, producer.recordBytesMax)]);
    }
  });

  it('refuses what is larger than its largest record', () => {
    const producer = new RingProducer(createRingMemory(CAPACITY, 1));
    assert.throws(() => producer.reserve(producer.recordBytesMax + 1), {
      name: 'RangeError',
      message: /record of 2041 bytes: this ring holds at most 2040/,
    });
  });

  it('refuses to commit more than was claimed, or what was not claimed', () => {
    const producer = new RingProducer(createRingMemory(CAPACITY, 1));
    assert.throws(() => producer.commit(0), RangeError);
    producer.reserve(16);
    assert.throws(() => producer.commit(17), /17 bytes, where 16/);
    assert.throws(() => producer.commit(-1), RangeError);
    producer.commit(16);
    assert.throws(() => producer.commit(16), RangeError, 'one claim is one record');
    assert.equal(producer.position, 24);
  });

  it('is full until the consumer releases, not merely reads', () => {
    for (const position of START_POSITIONS) {
      const memory = ringAt(position);
      const producer = new RingProducer(memory);
      const consumer = new RingConsumer(memory, 0);
      let count = 0;
      while (put(producer, body(count, 56))) count++;
      assert.ok(producer.freeBytes() <= 64, 'the whole ring is used');
      producer.publish();
      for (let i = 0; i < count; i++) {
        assert.ok(consumer.next());
        assert.deepEqual(current(consumer), body(i, 56));
      }
      assert.equal(consumer.next(), false);
      assert.equal(put(producer, body(count, 56)), false, 'its bytes must stay valid until released');
      consumer.release();
      assert.equal(producer.freeBytes(), CAPACITY);
      assert.ok(put(producer, body(count, 56)));
    }
  });

  it('forgets a claim that is not committed, even one that had to skip to the start', () => {
    for (const lap of [0, -CAPACITY]) {
      const memory = ringAt(lap + CAPACITY - 64);
      const producer = new RingProducer(memory);
      const consumer = new RingConsumer(memory, 0);
      assert.ok(producer.reserve(100) >= 0, 'skips the last 64 bytes');
      producer.publish();
      assert.equal(consumer.next(), false, 'a skip is no record');
      consumer.release();
      assert.ok(producer.reserve(1000) >= 0);
      assert.ok(put(producer, body(7, 30)));
      producer.publish();
      assert.deepEqual(readAll(consumer), [body(7, 30)]);
      assert.equal(producer.freeBytes(), CAPACITY);
    }
  });

  it('gives each consumer all records, and waits for the slowest', () => {
    const memory = ringAt(-200, 3);
    const producer = new RingProducer(memory);
    const consumers = [0, 1, 2].map((i) => new RingConsumer(memory, i));
    let written = 0;
    while (put(producer, body(written, 120))) written++;
    producer.publish();
    const expected = Array.from({ length: written }, (_, i) => body(i, 120));
    assert.deepEqual(readAll(consumers[0]), expected);
    assert.deepEqual(readAll(consumers[2]), expected);
    assert.equal(put(producer, body(written, 120)), false, 'consumer 1 has read nothing');
    assert.deepEqual(readAll(consumers[1]), expected);
    assert.ok(put(producer, body(written, 120)));
  });

  it('is not held back by a consumer that was taken out', () => {
    const memory = createRingMemory(CAPACITY, 2);
    const producer = new RingProducer(memory);
    const alive = new RingConsumer(memory, 0);
    while (put(producer, body(1, 120)));
    producer.publish();
    readAll(alive);
    assert.equal(producer.reserve(120), -1);
    producer.deactivate(1);
    assert.ok(producer.reserve(120) >= 0);
  });

  it('shows a new consumer what is published after it came, and nothing before', () => {
    const memory = createRingMemory(CAPACITY, 2);
    const producer = new RingProducer(memory);
    put(producer, body(1, 8));
    producer.publish();
    producer.deactivate(1);
    put(producer, body(2, 8));
    producer.publish();
    put(producer, body(3, 8));
    producer.reactivate(1);
    const late = new RingConsumer(memory, 1);
    assert.equal(late.hasMore(), false);
    producer.publish();
    assert.deepEqual(readAll(late), [body(3, 8)]);
  });

  it('keeps unpublished records while nobody reads: a new consumer begins with them', () => {
    const memory = createRingMemory(CAPACITY, 1);
    const producer = new RingProducer(memory);
    producer.deactivate(0);
    for (let i = 0; i < 100; i++) {
      assert.ok(put(producer, body(i, 504)), 'nobody holds published records back');
      producer.publish();
    }
    put(producer, body(1, 504));
    assert.equal(producer.freeBytes(), CAPACITY - 512);
    producer.reactivate(0);
    const consumer = new RingConsumer(memory, 0);
    let count = 1;
    while (put(producer, body(count + 1, 504))) count++;
    producer.publish();
    assert.deepEqual(
      readAll(consumer),
      Array.from({ length: count }, (_, i) => body(i + 1, 504)),
    );
  });
});

/** What the property below may do next. Sizes and indices are reduced to what the model allows. */
type Step =
  | { kind: 'put'; length: number; slack: number }
  | { kind: 'claim'; length: number }
  | { kind: 'publish' }
  | { kind: 'read'; consumer: number; count: number }
  | { kind: 'release'; consumer: number }
  | { kind: 'deactivate'; consumer: number }
  | { kind: 'reactivate'; consumer: number };

const CONSUMERS = 3;
const anyConsumer = fc.nat({ max: CONSUMERS - 1 });
const anyLength = fc.oneof(fc.nat({ max: 64 }), fc.nat({ max: 2040 }));
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('put' as const), length: anyLength, slack: fc.nat(99) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('claim' as const), length: anyLength }) },
  { weight: 3, arbitrary: fc.constant({ kind: 'publish' as const }) },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('read' as const), consumer: anyConsumer, count: fc.nat(9) }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('release' as const), consumer: anyConsumer }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('deactivate' as const), consumer: anyConsumer }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reactivate' as const), consumer: anyConsumer }) },
);

/** One reader and what it must see. */
class ModelConsumer {
  readonly index: number;
  readonly memory: RingMemory;
  consumer: RingConsumer;
  isActive = true;
  /** Published and unread. */
  waiting: Uint8Array[] = [];
  /** Read and not released, with where they stand: they must not change. */
  held: { bytes: Uint8Array; start: number }[] = [];

  constructor(memory: RingMemory, index: number) {
    this.memory = memory;
    this.index = index;
    this.consumer = new RingConsumer(memory, index);
  }

  read(count: number): void {
    for (let i = 0; i < count; i++) {
      assert.equal(this.consumer.next(), this.waiting.length > 0);
      const expected = this.waiting.shift();
      if (expected === undefined) return;
      assert.deepEqual(current(this.consumer), expected);
      assert.equal(this.consumer.start % 8, 0);
      this.held.push({ bytes: expected, start: this.consumer.start });
    }
  }

  release(): void {
    for (const { bytes, start } of this.held) {
      assert.deepEqual(
        this.consumer.bytes.slice(start, start + bytes.length),
        bytes,
        'overwritten before release',
      );
    }
    this.held = [];
    this.consumer.release();
  }

  restart(): void {
    this.isActive = true;
    this.waiting = [];
    this.held = [];
    this.consumer = new RingConsumer(this.memory, this.index);
  }
}

function runSteps(startPosition: number, steps: readonly Step[]): void {
  const memory = ringAt(startPosition, CONSUMERS);
  const producer = new RingProducer(memory);
  const readers = Array.from({ length: CONSUMERS }, (_, i) => new ModelConsumer(memory, i));
  let unpublished: Uint8Array[] = [];
  let sequence = 0;
  const publish = (): void => {
    producer.publish();
    for (const reader of readers) if (reader.isActive) reader.waiting.push(...unpublished);
    unpublished = [];
  };
  for (const step of steps) {
    switch (step.kind) {
      case 'put': {
        const bytes = body(++sequence, step.length);
        const reserved = Math.min(producer.recordBytesMax, step.length + step.slack);
        if (put(producer, bytes, reserved)) unpublished.push(bytes);
        break;
      }
      case 'claim': {
        const at = producer.reserve(step.length);
        if (at >= 0) producer.bytes.fill(0xee, at, at + step.length);
        break;
      }
      case 'publish':
        publish();
        break;
      case 'read':
        if (readers[step.consumer].isActive) readers[step.consumer].read(step.count);
        break;
      case 'release':
        if (readers[step.consumer].isActive) readers[step.consumer].release();
        break;
      case 'deactivate':
        producer.deactivate(step.consumer);
        readers[step.consumer].isActive = false;
        break;
      case 'reactivate':
        if (readers[step.consumer].isActive) break;
        producer.reactivate(step.consumer);
        readers[step.consumer].restart();
        break;
    }
  }
  publish();
  for (const reader of readers) {
    if (!reader.isActive) continue;
    reader.read(reader.waiting.length + 1);
    reader.release();
  }
  assert.equal(producer.freeBytes(), CAPACITY, 'all was given back');
  assert.ok(producer.reserve(producer.recordBytesMax) >= 0, 'an empty ring has room for the largest record');
}

describe('any use of a ring', () => {
  it('gives every consumer every record, whole and in order', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...START_POSITIONS),
        fc.array(anyStep, { maxLength: 120, size: 'max' }),
        runSteps,
      ),
      { numRuns: 600 },
    );
  });
});

describe('a ring between two threads', () => {
  it('carries a million small records in order, across the wrap of positions', async () => {
    const records = 1_000_000;
    const capacity = 64 * 1024;
    // About 30 bytes a record: the wrap at 2^32 comes half-way.
    const ring = ringAt(-16 * 1024 * 1024, 1, capacity);
    const task: RingStreamTask = {
      ring,
      doorbell: createDoorbellMemory(),
      producerDoorbell: createDoorbellMemory(),
      records,
    };
    const worker = new Worker(new URL('./ring-stream-producer.js', import.meta.url), { workerData: task });
    const exited = once(worker, 'exit');
    const consumer = new RingConsumer(ring, 0);
    const sleeper = new BlockingSleeper(task.doorbell);
    const bell = new Doorbell(task.producerDoorbell);
    try {
      let read = 0;
      let problem = '';
      let waits = 0;
      while (read < records && problem === '' && waits < 200) {
        if (consumer.next()) {
          problem = checkStreamRecord(consumer, read++);
          waits = 0;
          if (read % 64 !== 0) continue;
        } else {
          sleeper.sleep(() => consumer.hasMore(), 100);
          waits++;
        }
        consumer.release();
        bell.ring();
      }
      assert.equal(problem, '');
      assert.equal(read, records);
      assert.equal(consumer.hasMore(), false);
      const [code] = await exited;
      assert.equal(code, 0);
    } finally {
      await worker.terminate();
    }
  });
});
