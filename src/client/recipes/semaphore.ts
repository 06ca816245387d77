import { ErrorCode } from '../../protocol/error-code.ts';
import { BadArgumentsError } from '../errors.ts';
import { withinLimits } from '../limits.ts';
import { childPath } from '../paths.ts';
import type { ZooKeeper } from '../zookeeper.ts';
import { Hold } from './hold.ts';
import { acquire } from './lock.ts';
import { nextInLine, QueuePlace } from './queue-place.ts';
import { awaitEvent, type WaitOptions } from './retry.ts';

const nothing = new Uint8Array(0);

/**
 * Permits for at most `permits` holders at a time. All clients must name the same number.
 *
 * Guarantee: at most `permits` permits are held ({@link Hold} tells how a holder learns that it holds no longer); they are given in
 * the order in which they were asked for. Only the first in the queue watches the permits, the others the one before them: no
 * herd. Over suspended and expired sessions it does what {@link Lock} does.
 */
export class Semaphore {
  readonly #client: ZooKeeper;
  readonly path: string;
  readonly permits: number;

  constructor(client: ZooKeeper, path: string, permits: number) {
    if (!Number.isInteger(permits) || permits < 1)
      throw new BadArgumentsError(
        ErrorCode.BADARGUMENTS,
        `permits must be a whole number from 1, not ${permits}`,
        {
          path,
        },
      );
    this.#client = client;
    this.path = path;
    this.permits = permits;
  }

  /** Waits for a permit. */
  async acquire(options: WaitOptions = {}): Promise<Hold> {
    return await withinLimits('acquire', this.path, options, async (signal) => {
      const queue = childPath(this.path, 'queue');
      const turn = await acquire(this.#client, queue, 'lock', nothing, nextInLine, { signal });
      try {
        return await this.#takePermit(signal);
      } finally {
        // The permit is had, or not, whatever becomes of the turn; a lost connection must not keep it from the caller.
        void turn.release().catch(() => {});
      }
    });
  }

  /** A permit is held by the first `permits` znodes. Who is one of them stays one: znodes before it can only go. */
  async #takePermit(signal: AbortSignal): Promise<Hold> {
    const directory = childPath(this.path, 'permits');
    const place = await QueuePlace.join(this.#client, directory, 'permit', nothing, signal);
    try {
      for (let isHeld = false; !isHeld; ) {
        await awaitEvent(async (watching) => {
          await this.#client.getChildren(directory, watching);
          isHeld = (await place.entries(signal)).ownIndex < this.permits;
          return !isHeld;
        }, signal);
      }
    } catch (error) {
      void place.leave().catch(() => {});
      throw error;
    }
    return new Hold(place);
  }
}
