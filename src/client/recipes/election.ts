import { NoNodeError } from '../errors.ts';
import { withinLimits } from '../limits.ts';
import { childPath } from '../paths.ts';
import type { ZooKeeper } from '../zookeeper.ts';
import type { Hold } from './hold.ts';
import { acquire } from './lock.ts';
import { entriesInOrder, nextInLine } from './queue-place.ts';
import { repeated, type WaitOptions } from './retry.ts';

/**
 * Leader election without a herd: each candidate watches the one before it.
 *
 * Guarantee: at most one candidate leads at a time ({@link Hold} tells how a leader learns that it leads no longer). When a leader's
 * session ends the next candidate leads. A suspended candidate keeps its place; a suspended leader leads until its lease runs
 * out. An expired candidate is out: its wait rejects with SessionExpiredError.
 */
export class Election {
  readonly #client: ZooKeeper;
  readonly path: string;
  readonly #data: Uint8Array;

  /** `data`: what others see of this candidate, as its address. */
  constructor(client: ZooKeeper, path: string, data: Uint8Array = new Uint8Array(0)) {
    this.#client = client;
    this.path = path;
    this.#data = data;
  }

  /** Stands for election and resolves when elected. `release` resigns. */
  lead(options: WaitOptions = {}): Promise<Hold> {
    return acquire(this.#client, this.path, 'candidate', this.#data, nextInLine, options);
  }

  /** The data of the leader, or null if there is none. It may be outdated by the time it is read. */
  async leader(options: WaitOptions = {}): Promise<Uint8Array | null> {
    return await withinLimits('leader', this.path, options, (signal) => this.#leader(signal));
  }

  async #leader(signal: AbortSignal): Promise<Uint8Array | null> {
    for (;;) {
      try {
        const names = await repeated(() => this.#client.getChildren(this.path), signal);
        const [first] = entriesInOrder(names);
        if (first === undefined) return null;
        return (await repeated(() => this.#client.getData(childPath(this.path, first.name)), signal)).data;
      } catch (error) {
        if (!(error instanceof NoNodeError)) throw error;
        // Nobody ever stood, or the leader went between the two reads.
        if ((await repeated(() => this.#client.exists(this.path), signal)) === null) return null;
      }
    }
  }
}
