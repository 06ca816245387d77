import { randomUUID } from 'node:crypto';
import { ConnectionLossError, NodeExistsError, TimeoutError } from '../errors.ts';
import { orAborted, throwIfAborted } from '../limits.ts';
import { childPath } from '../paths.ts';
import type { Transaction } from '../transaction.ts';
import type { ZooKeeper } from '../zookeeper.ts';
import { repeated } from './retry.ts';

const ledgers = new WeakMap<ZooKeeper, Map<string, Ledger>>();

/**
 * Lets a client learn whether a transaction happened whose answer was lost: each writes a mark into an ephemeral znode of this
 * client, in the same transaction. One transaction at a time.
 */
export class Ledger {
  readonly #client: ZooKeeper;
  readonly #directory: string;
  readonly #path: string;
  #isMade = false;
  #marks = 0;
  #last: Promise<unknown> = Promise.resolve();

  /** A client's one ledger in a directory, which is made if it is missing: however many ask for it, it is one znode. */
  static of(client: ZooKeeper, directory: string): Ledger {
    let own = ledgers.get(client);
    if (own === undefined) {
      own = new Map();
      ledgers.set(client, own);
    }
    const known = own.get(directory);
    if (known !== undefined) return known;
    const ledger = new Ledger(client, directory);
    own.set(directory, ledger);
    return ledger;
  }

  private constructor(client: ZooKeeper, directory: string) {
    this.#client = client;
    this.#directory = directory;
    this.#path = childPath(directory, randomUUID());
  }

  /**
   * Commits what `fill` puts into a transaction, exactly once. Rejects with the error of an operation that failed; then nothing
   * happened. Only the end of the session leaves it open whether it happened. `signal` ends it while nothing is under way.
   */
  commit(fill: (transaction: Transaction) => void, signal?: AbortSignal): Promise<void> {
    let begin = () => {};
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const done = this.#last.then(() => {
      throwIfAborted(signal);
      begin();
      return this.#commit(fill, signal);
    });
    this.#last = done.catch(() => {});
    // While others are before it nothing of it is under way.
    return orAborted(Promise.race([begun, done]), signal).then(() => done);
  }

  async #commit(fill: (transaction: Transaction) => void, signal: AbortSignal | undefined): Promise<void> {
    if (!this.#isMade) await this.#make(signal);
    const mark = Buffer.from(String(++this.#marks));
    let isAsked = false;
    for (;;) {
      if (isAsked && (await this.#has(mark))) return;
      // Between two attempts nothing is under way: the caller may give up.
      throwIfAborted(signal);
      const transaction = this.#client.transaction();
      fill(transaction);
      transaction.setData(this.#path, mark);
      isAsked = true;
      try {
        await transaction.commit();
        return;
      } catch (error) {
        if (!(error instanceof ConnectionLossError || error instanceof TimeoutError)) throw error;
      }
    }
  }

  async #make(signal: AbortSignal | undefined): Promise<void> {
    await repeated(() => this.#client.ensurePath(this.#directory), signal);
    await repeated(async () => {
      try {
        await this.#client.create(this.#path, new Uint8Array(0), { mode: 'ephemeral' });
      } catch (error) {
        // Ours: nobody else has this name.
        if (!(error instanceof NodeExistsError)) throw error;
      }
    }, signal);
    this.#isMade = true;
  }

  /** Whether the transaction with this mark happened. */
  async #has(mark: Uint8Array): Promise<boolean> {
    return await repeated(async () => {
      // This server may be behind the one that took our transaction.
      await this.#client.sync(this.#path);
      const { data } = await this.#client.getData(this.#path);
      return data !== null && Buffer.compare(data, mark) === 0;
    });
  }
}
