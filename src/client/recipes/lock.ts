import { withinLimits } from '../limits.ts';
import type { ZooKeeper } from '../zookeeper.ts';
import { Hold } from './hold.ts';
import { type ChooseBlocker, nextInLine, QueuePlace } from './queue-place.ts';
import type { WaitOptions } from './retry.ts';

/** Joins a queue, waits for the turn, and gives what is then held. Whoever gives up leaves the queue. */
export async function acquire(
  client: ZooKeeper,
  directory: string,
  kind: string,
  data: Uint8Array,
  choose: ChooseBlocker,
  options: WaitOptions,
): Promise<Hold> {
  return await withinLimits('acquire', directory, options, async (signal) => {
    const place = await QueuePlace.join(client, directory, kind, data, signal);
    try {
      await place.awaitTurn(choose, signal);
    } catch (error) {
      // When the connection allows; the session's end does it otherwise.
      void place.leave().catch(() => {});
      throw error;
    }
    return new Hold(place);
  });
}

/** Takes it if it is free, else gives null. */
export async function tryAcquire(
  client: ZooKeeper,
  directory: string,
  kind: string,
  data: Uint8Array,
  choose: ChooseBlocker,
  options: WaitOptions,
): Promise<Hold | null> {
  return await withinLimits('tryAcquire', directory, options, async (signal) => {
    const place = await QueuePlace.join(client, directory, kind, data, signal);
    try {
      const { entries, ownIndex } = await place.entries(signal);
      if (choose(entries, ownIndex) === null) return new Hold(place);
    } catch (error) {
      void place.leave().catch(() => {});
      throw error;
    }
    await place.leave();
    return null;
  });
}

/**
 * A lock, fair and without a herd: clients stand in a queue of ephemeral sequential znodes, each watching the one before it.
 *
 * Guarantee: at most one client holds it at a time ({@link Hold} tells how the holder learns that it does not). Over suspended
 * sessions: a waiting client keeps its place, a holder keeps the lock until its lease runs out. Over expired ones: the place or
 * the lock is lost, the wait rejects with SessionExpiredError, and the next in the queue goes on. A lost connection while the
 * place is made leaves no second place behind.
 */
export class Lock {
  readonly #client: ZooKeeper;
  readonly path: string;
  readonly #data: Uint8Array;

  /** `path`: the lock's znode, made if it is missing. `data`: what contenders show of themselves. */
  constructor(client: ZooKeeper, path: string, data: Uint8Array = new Uint8Array(0)) {
    this.#client = client;
    this.path = path;
    this.#data = data;
  }

  /** Waits for the lock. */
  acquire(options: WaitOptions = {}): Promise<Hold> {
    return acquire(this.#client, this.path, 'lock', this.#data, nextInLine, options);
  }

  /** The lock, or null when somebody holds it or waits for it. */
  tryAcquire(options: WaitOptions = {}): Promise<Hold | null> {
    return tryAcquire(this.#client, this.path, 'lock', this.#data, nextInLine, options);
  }

  /** Runs `work` while the lock is held; `work` must end itself when `hold.signal` fires. */
  async using<T>(work: (hold: Hold) => Promise<T>, options: WaitOptions = {}): Promise<T> {
    const hold = await this.acquire(options);
    try {
      return await work(hold);
    } finally {
      await hold.release();
    }
  }
}
