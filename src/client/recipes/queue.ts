import { ErrorCode } from '../../protocol/error-code.ts';
import { BadArgumentsError, NoNodeError } from '../errors.ts';
import { withinLimits } from '../limits.ts';
import { childPath } from '../paths.ts';
import type { ZooKeeper } from '../zookeeper.ts';
import { Ledger } from './ledger.ts';
import { awaitEvent, repeated, type WaitOptions, type WatchRequest } from './retry.ts';
import { bySequence } from './sequence.ts';

const PRIORITY_MAX = 9999;

/** Names of entries, `item-[priority-]sequence`, in the order of priority and sequence; others are not of the recipe. */
function entryNamesInOrder(names: readonly string[]): string[] {
  const entries: { name: string; priority: number; sequence: number }[] = [];
  for (const name of names) {
    const match = /^item-(?:(\d{4})-)?(-?\d{9,10})$/.exec(name);
    if (match !== null) entries.push({ name, priority: Number(match[1] ?? 0), sequence: Number(match[2]) });
  }
  return entries.sort((a, b) => a.priority - b.priority || bySequence(a, b)).map(({ name }) => name);
}

/** What FIFO and priority queue share: entries are znodes, taken in the order of their names' keys. */
abstract class ZnodeQueue {
  protected readonly client: ZooKeeper;
  readonly path: string;
  readonly #items: string;
  readonly #ledger: Ledger;

  constructor(client: ZooKeeper, path: string) {
    this.client = client;
    this.path = path;
    this.#items = childPath(path, 'items');
    this.#ledger = Ledger.of(client, childPath(path, 'ledgers'));
  }

  protected async putNamed(prefix: string, data: Uint8Array, options: WaitOptions): Promise<void> {
    await withinLimits('put', this.path, options, async (signal) => {
      await repeated(() => this.client.ensurePath(this.#items), signal);
      await this.#ledger.commit((transaction) => {
        transaction.create(childPath(this.#items, prefix), data, { mode: 'persistentSequential' });
      }, signal);
    });
  }

  /** How many entries there are, as this client's server has it. */
  async size(options: WaitOptions = {}): Promise<number> {
    return await withinLimits('size', this.path, options, async (signal) => {
      const stat = await repeated(() => this.client.exists(this.#items), signal);
      return stat?.numChildren ?? 0;
    });
  }

  /**
   * Takes the first entry; waits for one if there is none. A limit that is reached while one is being taken is heeded when it is
   * known whether it was: no value is lost by it.
   */
  async take(options: WaitOptions = {}): Promise<Uint8Array> {
    return await withinLimits('take', this.path, options, async (signal) => {
      await repeated(() => this.client.ensurePath(this.#items), signal);
      for (;;) {
        let names: string[] = [];
        await awaitEvent(async (watching) => {
          names = await this.#list(watching);
          return names.length === 0;
        }, signal);
        const taken = await this.#takeFirst(names, signal);
        if (taken !== null) return taken;
      }
    });
  }

  /** Takes the first entry, or gives null if there is none. */
  async poll(options: WaitOptions = {}): Promise<Uint8Array | null> {
    return await withinLimits('poll', this.path, options, async (signal) => {
      await repeated(() => this.client.ensurePath(this.#items), signal);
      for (;;) {
        const names = await repeated(() => this.#list({}), signal);
        if (names.length === 0) return null;
        const taken = await this.#takeFirst(names, signal);
        if (taken !== null) return taken;
      }
    });
  }

  async #list(watching: Partial<WatchRequest>): Promise<string[]> {
    // So that an entry that was put before the call is seen, by whichever server.
    await this.client.sync(this.#items);
    return entryNamesInOrder(await this.client.getChildren(this.#items, watching));
  }

  async #takeFirst(names: readonly string[], signal: AbortSignal): Promise<Uint8Array | null> {
    for (const name of names) {
      const path = childPath(this.#items, name);
      try {
        const { data } = await repeated(() => this.client.getData(path), signal);
        await this.#ledger.commit((transaction) => transaction.delete(path), signal);
        return data ?? new Uint8Array(0);
      } catch (error) {
        // Somebody was quicker.
        if (!(error instanceof NoNodeError) || error.path !== path) throw error;
      }
    }
    return null;
  }
}

/**
 * A FIFO queue of values.
 *
 * Guarantee: a value that `put` has resolved for is taken exactly once, in the order of the puts, lost connections and killed
 * servers notwithstanding. If a session expires while `put` or `take` is under way the call rejects, and whether it happened
 * is open: a value may then be put, or be taken by nobody. Consumers that wait at an empty queue are all woken by a put.
 */
export class Queue extends ZnodeQueue {
  put(data: Uint8Array, options: WaitOptions = {}): Promise<void> {
    return this.putNamed('item-', data, options);
  }
}

/** The same, but values of a lower `priority` (0 to 9999) are taken first; among equals, first come, first served. */
export class PriorityQueue extends ZnodeQueue {
  async put(data: Uint8Array, priority: number, options: WaitOptions = {}): Promise<void> {
    if (!Number.isInteger(priority) || priority < 0 || priority > PRIORITY_MAX)
      throw new BadArgumentsError(
        ErrorCode.BADARGUMENTS,
        `a priority is a whole number from 0 to ${PRIORITY_MAX}, not ${priority}`,
        { operation: 'put', path: this.path },
      );
    await this.putNamed(`item-${String(priority).padStart(4, '0')}-`, data, options);
  }
}
