import type { ZooKeeper } from '../zookeeper.ts';
import type { Hold } from './hold.ts';
import { acquire, tryAcquire } from './lock.ts';
import { type ChooseBlocker, nextInLine } from './queue-place.ts';
import type { WaitOptions } from './retry.ts';

/** The next writer before. */
const lastWriter: ChooseBlocker = (entries, ownIndex) =>
  entries.slice(0, ownIndex).findLast(({ kind }) => kind === 'write') ?? null;

const nothing = new Uint8Array(0);

/**
 * A lock that many may hold for reading, or one for writing; who comes first is served first, so that no writer starves.
 *
 * Guarantee: while a writer holds it nobody else does. Over suspended and expired sessions it does what {@link Lock} does. A
 * reader waits for the next writer before it only, a writer for the one before it: no herd, but for the readers behind a writer.
 */
export class ReadWriteLock {
  readonly #client: ZooKeeper;
  readonly path: string;

  constructor(client: ZooKeeper, path: string) {
    this.#client = client;
    this.path = path;
  }

  acquireRead(options: WaitOptions = {}): Promise<Hold> {
    return acquire(this.#client, this.path, 'read', nothing, lastWriter, options);
  }

  acquireWrite(options: WaitOptions = {}): Promise<Hold> {
    return acquire(this.#client, this.path, 'write', nothing, nextInLine, options);
  }

  tryAcquireRead(options: WaitOptions = {}): Promise<Hold | null> {
    return tryAcquire(this.#client, this.path, 'read', nothing, lastWriter, options);
  }

  tryAcquireWrite(options: WaitOptions = {}): Promise<Hold | null> {
    return tryAcquire(this.#client, this.path, 'write', nothing, nextInLine, options);
  }
}
