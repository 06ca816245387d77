import { withinLimits } from '../limits.ts';
import type { ZooKeeper } from '../zookeeper.ts';
import { awaitDeletion, createIfMissing, deleteIfThere, repeated, type WaitOptions } from './retry.ts';

/**
 * A barrier: while its znode is there, `wait` waits.
 *
 * Guarantee: `wait` resolves only when the barrier was seen lifted after the call. It goes on waiting over suspended sessions,
 * and rejects with SessionExpiredError when its own expires; the barrier itself belongs to no session and stays.
 */
export class Barrier {
  readonly #client: ZooKeeper;
  readonly path: string;

  constructor(client: ZooKeeper, path: string) {
    this.#client = client;
    this.path = path;
  }

  /** Raises it, if it is not up. */
  async raise(options: WaitOptions = {}): Promise<void> {
    const slash = this.path.lastIndexOf('/');
    await withinLimits('raise', this.path, options, async (signal) => {
      if (slash > 0) await repeated(() => this.#client.ensurePath(this.path.slice(0, slash)), signal);
      await repeated(() => createIfMissing(this.#client, this.path), signal);
    });
  }

  /** Lifts it, if it is up. */
  async lift(options: WaitOptions = {}): Promise<void> {
    await withinLimits('lift', this.path, options, (signal) =>
      deleteIfThere(this.#client, this.path, signal),
    );
  }

  /** Waits until it is lifted. */
  async wait(options: WaitOptions = {}): Promise<void> {
    await withinLimits('wait', this.path, options, async (signal) => {
      // Raised before the call by somebody else: this client's server must know.
      await repeated(() => this.#client.sync(this.path), signal);
      await awaitDeletion(this.#client, this.path, signal);
    });
  }
}
