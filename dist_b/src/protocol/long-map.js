/** A map keyed by a 64-bit value given as two 32-bit words: session ids, without making BigInts of them. */
export class LongMap {
    #byHigh = new Map();
    size = 0;
    get(high, low) {
        return this.#byHigh.get(high)?.get(low);
    }
    set(high, low, value) {
        let byLow = this.#byHigh.get(high);
        if (byLow === undefined) {
            byLow = new Map();
            this.#byHigh.set(high, byLow);
        }
        if (!byLow.has(low))
            this.size++;
        byLow.set(low, value);
    }
    delete(high, low) {
        const byLow = this.#byHigh.get(high);
        if (byLow === undefined || !byLow.delete(low))
            return false;
        if (byLow.size === 0)
            this.#byHigh.delete(high);
        this.size--;
        return true;
    }
    *values() {
        for (const byLow of this.#byHigh.values())
            yield* byLow.values();
    }
    /** Calls back for each entry with its key. */
    forEach(visit) {
        for (const [high, byLow] of this.#byHigh)
            for (const [low, value] of byLow)
                visit(value, high, low);
    }
}
