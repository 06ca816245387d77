/** What was scheduled; {@link EventQueue.cancel} takes it back. */
export interface ScheduledEvent {
  readonly timeMs: number;
  readonly sequence: number;
  run: (() => void) | null;
}

/**
 * Simulated time: it jumps from event to event. Events at one time run in the order in which they were scheduled, so that
 * a run depends on its seed alone.
 */
export class EventQueue {
  /** Simulated milliseconds since the start. */
  nowMs = 0;
  /** Events that have run. */
  count = 0;
  readonly #heap: ScheduledEvent[] = [];
  #sequence = 0;

  /** Runs `run` at this time, or now if that is past. */
  at(timeMs: number, run: () => void): ScheduledEvent {
    const event = { timeMs: Math.max(timeMs, this.nowMs), sequence: this.#sequence++, run };
    this.#heap.push(event);
    this.#siftUp(this.#heap.length - 1);
    return event;
  }

  after(delayMs: number, run: () => void): ScheduledEvent {
    return this.at(this.nowMs + delayMs, run);
  }

  cancel(event: ScheduledEvent | null): void {
    if (event !== null) event.run = null;
  }

  /** Runs the next event; false when there is none up to `untilMs`, where time then stands. */
  step(untilMs: number): boolean {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || first.timeMs > untilMs) {
        this.nowMs = Math.max(this.nowMs, untilMs);
        return false;
      }
      this.#removeFirst();
      const { run } = first;
      if (run === null) continue;
      this.nowMs = first.timeMs;
      this.count++;
      first.run = null;
      run();
      return true;
    }
  }

  /** Runs everything up to a time. */
  runUntil(untilMs: number): void {
    while (this.step(untilMs));
  }

  #isBefore(a: ScheduledEvent, b: ScheduledEvent): boolean {
    return a.timeMs < b.timeMs || (a.timeMs === b.timeMs && a.sequence < b.sequence);
  }

  #siftUp(from: number): void {
    const heap = this.#heap;
    const event = heap[from];
    let at = from;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!this.#isBefore(event, heap[above])) break;
      heap[at] = heap[above];
      at = above;
    }
    heap[at] = event;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const event = heap.pop();
    if (event === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && this.#isBefore(heap[below + 1], heap[below])) below++;
      if (!this.#isBefore(heap[below], event)) break;
      heap[at] = heap[below];
      at = below;
    }
    heap[at] = event;
  }
}
