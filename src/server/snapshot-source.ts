import type { PacketBatch } from '../quorum/packet-batch.ts';
import type { SendSource } from '../quorum/send-queue.ts';

/** A snapshot on its way to a learner: a tree in chunks, as the learner takes them. */
export class SnapshotSource implements SendSource {
  readonly #chunks: Iterator<Uint8Array>;
  readonly #end: () => void;
  #isOver = false;

  /** `end` is called once, when the last chunk was given or the learner is gone. */
  constructor(chunks: Iterable<Uint8Array>, end: () => void) {
    this.#chunks = chunks[Symbol.iterator]();
    this.#end = end;
  }

  fill(batch: PacketBatch): 'more' | 'end' {
    const next = this.#chunks.next();
    if (next.done === true) {
      this.#finish();
      return 'end';
    }
    batch.raw(next.value, 0, next.value.length);
    return 'more';
  }

  cancel(): void {
    this.#finish();
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#end();
  }
}
