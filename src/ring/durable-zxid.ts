// Hot path: one write per synced batch, one read per wake-up of main.

const VERSION = 0;
const HIGH = 1;
const LOW = 2;

export const DURABLE_ZXID_BYTES = 64;

/**
 * The zxid up to which the log worker has everything on disk. Two words that change together: a sequence lock keeps a
 * reader from taking the epoch of one zxid with the counter of another. One writer.
 */
export class DurableZxid {
  high = 0;
  low = 0;
  readonly #words: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
  }

  /** Announces a zxid. The version is odd while the words change. */
  write(high: number, low: number): void {
    Atomics.add(this.#words, VERSION, 1);
    Atomics.store(this.#words, HIGH, high);
    Atomics.store(this.#words, LOW, low);
    Atomics.add(this.#words, VERSION, 1);
  }

  /** Takes the present zxid into {@link high} and {@link low}. */
  read(): void {
    for (;;) {
      const version = Atomics.load(this.#words, VERSION);
      if ((version & 1) !== 0) continue;
      this.high = Atomics.load(this.#words, HIGH);
      this.low = Atomics.load(this.#words, LOW);
      if (Atomics.load(this.#words, VERSION) === version) return;
    }
  }
}
