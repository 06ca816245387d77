/** Minimum, maximum and mean of what was recorded, in milliseconds. */
export class LatencySummary {
    minMs = 0;
    maxMs = 0;
    sumMs = 0;
    count = 0;
    /** Records the same latency for `count` requests. */
    record(latencyMs, count = 1) {
        if (this.count === 0 || latencyMs < this.minMs)
            this.minMs = latencyMs;
        if (latencyMs > this.maxMs)
            this.maxMs = latencyMs;
        this.sumMs += latencyMs * count;
        this.count += count;
    }
    /** Forgets everything recorded. */
    reset() {
        this.minMs = 0;
        this.maxMs = 0;
        this.sumMs = 0;
        this.count = 0;
    }
    get averageMs() {
        return this.count === 0 ? 0 : this.sumMs / this.count;
    }
}
