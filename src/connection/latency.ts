/** Minimum, maximum and mean of what was recorded, in milliseconds. */
export class LatencySummary {
  minMs = 0;
  maxMs = 0;
  sumMs = 0;
  count = 0;

  record(latencyMs: number): void {
    if (this.count === 0 || latencyMs < this.minMs) this.minMs = latencyMs;
    if (latencyMs > this.maxMs) this.maxMs = latencyMs;
    this.sumMs += latencyMs;
    this.count++;
  }

  get averageMs(): number {
    return this.count === 0 ? 0 : this.sumMs / this.count;
  }
}
