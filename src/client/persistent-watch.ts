import { ErrorCode } from '../protocol/error-code.ts';
import { OverloadedError } from './errors.ts';
import type { WatchEvent, WatchListener } from './watch-event.ts';

/** How many events may wait for a slow reader. */
const EVENTS_MAX = 100_000;

/**
 * A watch that stays until it is closed: an async iterable of events, beside the callback that may be given.
 *
 * It outlives reconnects. ZooKeeper does not tell persistent watches what happened in between: after the `None` event with
 * the state `SyncConnected` the reader must look for itself (`client.cache()` does). The iteration ends when the watch is
 * closed and when the session is over; it throws {@link OverloadedError} when 100,000 events wait. Where several iterate,
 * each event goes to one of them; the first that ends closes the watch.
 */
export class PersistentWatch implements AsyncIterable<WatchEvent> {
  readonly path: string;
  readonly #remove: () => Promise<void>;
  readonly #callback: WatchListener | null;
  #events: WatchEvent[] = [];
  #isIterated = false;
  #isOver = false;
  #isOverflown = false;
  #sleepers: (() => void)[] = [];

  constructor(path: string, callback: WatchListener | null, remove: () => Promise<void>) {
    this.path = path;
    this.#callback = callback;
    this.#remove = remove;
  }

  /** Hands the watch an event. */
  readonly listener: WatchListener = (event) => {
    if (this.#isOver) return;
    // With a callback events are kept only for one who iterates as well.
    if (this.#callback === null || this.#isIterated) this.#keep(event);
    if (event.state === 'Expired' || event.state === 'Closed' || event.state === 'AuthFailed') this.#finish();
    if (event.type === 'PersistentWatchRemoved') this.#finish();
    // Last: what it throws must not cost the iteration anything.
    this.#callback?.(event);
  };

  #keep(event: WatchEvent): void {
    if (this.#events.length >= EVENTS_MAX) {
      this.#isOverflown = true;
      this.#events = [];
    }
    if (!this.#isOverflown) this.#events.push(event);
    this.#wakeAll();
  }

  #finish(): void {
    this.#isOver = true;
    this.#wakeAll();
  }

  #wakeAll(): void {
    const sleepers = this.#sleepers;
    this.#sleepers = [];
    for (const wake of sleepers) wake();
  }

  /** Removes the watch; at the server too, if nothing else needs it there. */
  async close(): Promise<void> {
    if (this.#isOver) return;
    this.#finish();
    await this.#remove();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<WatchEvent, void, undefined> {
    this.#isIterated = true;
    try {
      for (;;) {
        if (this.#isOverflown) throw overflow(this.path);
        const event = this.#events.shift();
        if (event !== undefined) yield event;
        else if (this.#isOver) return;
        else await this.#arrival();
      }
    } finally {
      await this.close();
    }
  }

  #arrival(): Promise<void> {
    return new Promise((resolve) => {
      this.#sleepers.push(resolve);
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function overflow(path: string): OverloadedError {
  const reason = `${EVENTS_MAX} events wait for the watch's reader`;
  return new OverloadedError(ErrorCode.RUNTIMEINCONSISTENCY, reason, { operation: 'watch', path });
}
