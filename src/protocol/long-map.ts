/** A map keyed by a 64-bit value given as two 32-bit words: session ids, without making BigInts of them. */
export class LongMap<V> {
  readonly #byHigh = new Map<number, Map<number, V>>();
  size = 0;

  get(high: number, low: number): V | undefined {
    return this.#byHigh.get(high)?.get(low);
  }

  set(high: number, low: number, value: V): void {
    let byLow = this.#byHigh.get(high);
    if (byLow === undefined) {
      byLow = new Map();
      this.#byHigh.set(high, byLow);
    }
    if (!byLow.has(low)) this.size++;
    byLow.set(low, value);
  }

  delete(high: number, low: number): boolean {
    const byLow = this.#byHigh.get(high);
    if (byLow === undefined || !byLow.delete(low)) return false;
    if (byLow.size === 0) this.#byHigh.delete(high);
    this.size--;
    return true;
  }

  clear(): void {
    this.#byHigh.clear();
    this.size = 0;
  }

  *values(): Generator<V> {
    for (const byLow of this.#byHigh.values()) yield* byLow.values();
  }

  /** Calls back for each entry with its key. */
  forEach(visit: (value: V, high: number, low: number) => void): void {
    for (const [high, byLow] of this.#byHigh) for (const [low, value] of byLow) visit(value, high, low);
  }
}
