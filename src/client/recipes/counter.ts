import { ErrorCode } from '../../protocol/error-code.ts';
import { BadVersionError, NoNodeError, ZooKeeperError } from '../errors.ts';
import { withinLimits } from '../limits.ts';
import type { DataAndStat } from '../operations.ts';
import { childPath } from '../paths.ts';
import type { ZooKeeper } from '../zookeeper.ts';
import { Ledger } from './ledger.ts';
import { createIfMissing, repeated, type WaitOptions } from './retry.ts';

/**
 * A shared whole number, 0 at first.
 *
 * Guarantee: an `add` that resolves was done exactly once, lost connections and killed servers notwithstanding; concurrent ones
 * follow each other. If the session expires while it is under way it rejects, and whether it happened is open.
 */
export class Counter {
  readonly #client: ZooKeeper;
  readonly path: string;
  readonly #ledger: Ledger;

  constructor(client: ZooKeeper, path: string) {
    this.#client = client;
    this.path = path;
    this.#ledger = Ledger.of(client, childPath(path, 'ledgers'));
  }

  /** The value, as this client's server has it. */
  async value(options: WaitOptions = {}): Promise<bigint> {
    return await withinLimits('value', this.path, options, async (signal) => {
      try {
        return parse((await repeated(() => this.#client.getData(this.path), signal)).data, this.path);
      } catch (error) {
        if (error instanceof NoNodeError) return 0n;
        throw error;
      }
    });
  }

  /** Adds `delta` and gives the sum. A limit that is reached while it is under way is heeded when it is known whether it happened. */
  async add(delta: bigint | number, options: WaitOptions = {}): Promise<bigint> {
    const step = BigInt(delta);
    return await withinLimits('add', this.path, options, (signal) => this.#add(step, signal));
  }

  async #add(step: bigint, signal: AbortSignal): Promise<bigint> {
    for (;;) {
      const { data, stat } = await repeated(() => this.#read(), signal);
      const sum = parse(data, this.path) + step;
      try {
        await this.#ledger.commit((transaction) => {
          transaction.setData(this.path, Buffer.from(String(sum)), stat.version);
        }, signal);
        return sum;
      } catch (error) {
        // Somebody was quicker.
        if (!(error instanceof BadVersionError)) throw error;
      }
    }
  }

  increment(options: WaitOptions = {}): Promise<bigint> {
    return this.add(1n, options);
  }

  /** Reads the counter's znode, which is made if it is missing. */
  async #read(): Promise<DataAndStat> {
    try {
      return await this.#client.getData(this.path);
    } catch (error) {
      if (!(error instanceof NoNodeError)) throw error;
    }
    const slash = this.path.lastIndexOf('/');
    if (slash > 0) await this.#client.ensurePath(this.path.slice(0, slash));
    await createIfMissing(this.#client, this.path, Buffer.from('0'));
    return await this.#client.getData(this.path);
  }
}

function parse(data: Uint8Array | null, path: string): bigint {
  const text = Buffer.from(data ?? []).toString('utf8');
  if (text === '') return 0n;
  if (/^-?\d+$/.test(text)) return BigInt(text);
  throw new ZooKeeperError(ErrorCode.DATAINCONSISTENCY, `'${text.slice(0, 40)}' is no whole number`, {
    operation: 'counter',
    path,
  });
}
