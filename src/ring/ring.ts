// Hot path: nothing here allocates after construction.
//
// A ring is bytes in shared memory with one producer and one or more consumers, each with a cursor of its own; a record
// is seen by every consumer, in order, and its bytes stay valid until every consumer has released it.
//
//   positions count bytes since the start and wrap at 2^32;  head and each tail lie on cache lines of their own
//
//        tail[1]        tail[0]                head           (published)      next (producer's own)
//   ──────┬──────────────┬──────────────────────┬───────────────────────────────┬─────────
//         │ seen by 0    │ unread by both       │ written, not yet published    │ free
//
// A record is an 8-byte prefix (its length; then a spare word) and its body, both 8-byte aligned and contiguous: where
// a record would cross the end, a skip mark fills the rest and the record starts at offset 0.

const LINE_WORDS = 16;
const HEAD = 0;
const PREFIX_BYTES = 8;
const SKIP = -1;
/** A consumer's `active` word is the one after its tail, on the same line: only its owner and the producer touch both. */
const ACTIVE = 1;

/** Shared memory of one ring; structured-clonable, so that it can be given to a worker. */
export interface RingMemory {
  readonly control: SharedArrayBuffer;
  readonly data: SharedArrayBuffer;
  readonly consumers: number;
}

/** `capacityBytes` is rounded up to a power of two. Pages cost nothing until they are used. */
export function createRingMemory(capacityBytes: number, consumers: number): RingMemory {
  const capacity = 2 ** Math.ceil(Math.log2(Math.max(4096, capacityBytes)));
  if (capacity > 2 ** 30)
    throw new RangeError(`a ring holds at most 1 GiB, ${capacityBytes} bytes were asked for`);
  const control = new SharedArrayBuffer((1 + consumers) * LINE_WORDS * 4);
  const words = new Int32Array(control);
  for (let i = 0; i < consumers; i++) words[(1 + i) * LINE_WORDS + ACTIVE] = 1;
  return { control, data: new SharedArrayBuffer(capacity), consumers };
}

function tailWord(consumer: number): number {
  return (1 + consumer) * LINE_WORDS;
}

/** The writing end. Exactly one per ring. */
export class RingProducer {
  readonly bytes: Uint8Array;
  /** The largest record body that is certain to fit an empty ring wherever its head stands. */
  readonly recordBytesMax: number;
  readonly #control: Int32Array;
  readonly #data: Int32Array;
  readonly #capacity: number;
  readonly #mask: number;
  readonly #consumers: number;
  #next: number;
  #limit: number;
  #reservedAt = 0;
  /** Bytes of the open claim's body; -1 when there is none. */
  #reservedBytes = -1;

  constructor(memory: RingMemory) {
    this.#control = new Int32Array(memory.control);
    this.bytes = new Uint8Array(memory.data);
    this.#data = new Int32Array(memory.data);
    this.#capacity = this.bytes.length;
    this.#mask = this.#capacity - 1;
    this.#consumers = memory.consumers;
    this.recordBytesMax = this.#capacity / 2 - PREFIX_BYTES;
    this.#next = Atomics.load(this.#control, HEAD);
    this.#limit = this.#next;
    this.#refreshLimit();
  }

  /** Position after the last committed record, published or not. */
  get position(): number {
    return this.#next;
  }

  /** Bytes that a reservation may still take, counted afresh. */
  freeBytes(): number {
    this.#refreshLimit();
    return (this.#limit - this.#next) | 0;
  }

  /** What is not yet published counts as unread, though nobody may be there to read it: a new consumer begins with it. */
  #refreshLimit(): void {
    let least = (Atomics.load(this.#control, HEAD) + this.#capacity - this.#next) | 0;
    for (let i = 0; i < this.#consumers; i++) {
      const word = tailWord(i);
      if (Atomics.load(this.#control, word + ACTIVE) === 0) continue;
      const free = (Atomics.load(this.#control, word) + this.#capacity - this.#next) | 0;
      if (free < least) least = free;
    }
    this.#limit = (this.#next + least) | 0;
  }

  /**
   * Claims room for a body of up to `bodyBytesMax` bytes and gives its offset in {@link bytes}, or -1 when the ring is
   * full. The claim becomes a record with {@link commit}; a claim that is not committed is simply forgotten.
   */
  reserve(bodyBytesMax: number): number {
    if (bodyBytesMax > this.recordBytesMax) {
      throw new RangeError(`record of ${bodyBytesMax} bytes: this ring holds at most ${this.recordBytesMax}`);
    }
    const needed = PREFIX_BYTES + ((bodyBytesMax + 7) & ~7);
    const offset = this.#next & this.#mask;
    const toEnd = this.#capacity - offset;
    const total = needed <= toEnd ? needed : toEnd + needed;
    if (((this.#limit - this.#next) | 0) < total) {
      this.#refreshLimit();
      if (((this.#limit - this.#next) | 0) < total) return -1;
    }
    if (needed > toEnd) {
      this.#data[offset >> 2] = SKIP;
      this.#next = (this.#next + toEnd) | 0;
      this.#reservedAt = 0;
    } else {
      this.#reservedAt = offset;
    }
    this.#reservedBytes = bodyBytesMax;
    return this.#reservedAt + PREFIX_BYTES;
  }

  /**
   * Makes the claimed body a record of `bodyBytes`, once a claim. Not visible before {@link publish}. Throws RangeError
   * for more than was reserved: it would run into records that are still unread.
   */
  commit(bodyBytes: number): void {
    if (bodyBytes < 0 || bodyBytes > this.#reservedBytes) {
      throw new RangeError(`record of ${bodyBytes} bytes, where ${this.#reservedBytes} were reserved`);
    }
    this.#reservedBytes = -1;
    this.#data[this.#reservedAt >> 2] = bodyBytes;
    this.#next = (this.#next + PREFIX_BYTES + ((bodyBytes + 7) & ~7)) | 0;
  }

  /** Shows all committed records to the consumers: one atomic store. */
  publish(): void {
    Atomics.store(this.#control, HEAD, this.#next);
  }

  /** Takes back everything that was committed and not published: nobody has seen it. */
  forget(): void {
    this.#next = Atomics.load(this.#control, HEAD);
    this.#refreshLimit();
  }

  /** Takes a dead consumer out: it no longer holds records back. */
  deactivate(consumer: number): void {
    Atomics.store(this.#control, tailWord(consumer) + ACTIVE, 0);
  }

  /** Lets a new consumer in the place of a dead one; it sees the records published from now on. */
  reactivate(consumer: number): void {
    Atomics.store(this.#control, tailWord(consumer), Atomics.load(this.#control, HEAD));
    Atomics.store(this.#control, tailWord(consumer) + ACTIVE, 1);
  }
}

/** A reading end. Each consumer index has exactly one. */
export class RingConsumer {
  readonly bytes: Uint8Array;
  /** Offset in {@link bytes} and length of the current record's body, after {@link next} said true. */
  start = 0;
  length = 0;
  readonly #control: Int32Array;
  readonly #data: Int32Array;
  readonly #mask: number;
  readonly #tail: number;
  #cursor: number;
  #head: number;

  constructor(memory: RingMemory, consumer: number) {
    this.#control = new Int32Array(memory.control);
    this.bytes = new Uint8Array(memory.data);
    this.#data = new Int32Array(memory.data);
    this.#mask = this.bytes.length - 1;
    this.#tail = tailWord(consumer);
    this.#cursor = Atomics.load(this.#control, this.#tail);
    this.#head = this.#cursor;
  }

  /** Whether a published record waits. */
  hasMore(): boolean {
    if (this.#cursor !== this.#head) return true;
    this.#head = Atomics.load(this.#control, HEAD);
    return this.#cursor !== this.#head;
  }

  /** Looks at the next record without passing it: sets {@link start} and {@link length}; false when there is none. */
  peek(): boolean {
    if (!this.hasMore()) return false;
    let offset = this.#cursor & this.#mask;
    let length = this.#data[offset >> 2];
    if (length === SKIP) {
      this.#cursor = (this.#cursor + this.bytes.length - offset) | 0;
      // A claim that skipped to the start may have been forgotten before a publish.
      if (!this.hasMore()) return false;
      offset = 0;
      length = this.#data[0];
    }
    this.start = offset + PREFIX_BYTES;
    this.length = length;
    return true;
  }

  /** Passes the record that {@link peek} showed. */
  advance(): void {
    this.#cursor = (this.#cursor + PREFIX_BYTES + ((this.length + 7) & ~7)) | 0;
  }

  /** Goes to the next record; its bytes stay valid until {@link release}. */
  next(): boolean {
    if (!this.peek()) return false;
    this.advance();
    return true;
  }

  /** Gives all passed records back to the producer: one atomic store. */
  release(): void {
    Atomics.store(this.#control, this.#tail, this.#cursor);
  }
}
