/** Words of the table of counts; addresses share one by their hash, which at worst refuses a connection too many. */
const WORDS = 1 << 18;

/** Bytes of shared memory for {@link AddressCounts}. */
export const ADDRESS_COUNTS_BYTES = WORDS * 4;

/** Counts connections per client address over all connection workers (maxClientCnxns). */
export class AddressCounts {
  readonly #counts: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#counts = new Int32Array(memory);
  }

  /** Counts one more connection and gives how many there are now. */
  add(address: string): number {
    return Atomics.add(this.#counts, wordOf(address), 1) + 1;
  }

  remove(address: string): void {
    Atomics.sub(this.#counts, wordOf(address), 1);
  }
}

function wordOf(address: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < address.length; i++) hash = Math.imul(hash ^ address.charCodeAt(i), 0x01000193);
  return (hash ^ (hash >>> 15)) & (WORDS - 1);
}
