import { randomUUID } from 'node:crypto';
import { ErrorCode } from '../../protocol/error-code.ts';
import { BadArgumentsError, BadVersionError, NodeExistsError, type ZooKeeperError } from '../errors.ts';
import { withinLimits } from '../limits.ts';
import { childPath } from '../paths.ts';
import type { ZooKeeper } from '../zookeeper.ts';
import {
  awaitDeletion,
  awaitEvent,
  deleteIfThere,
  repeated,
  type WaitOptions,
  type WatchRequest,
} from './retry.ts';

/** What the barrier's znode holds: who takes part in the newest round. */
interface Round {
  readonly entries: readonly string[];
  readonly version: number;
}

/**
 * A double barrier, the guides' synchronising queue: `count` participants begin together and end together, round after round.
 *
 * Guarantee: `enter` resolves only after `count` participants stood at the barrier at the same time, and no round begins before
 * all of the round before have left; `leave` resolves only after all who began the round have left it or lost their session.
 * Suspended participants count. One whose session expires while it waits to enter does not, and its `enter` rejects with
 * SessionExpiredError; one that expires inside counts as having left.
 */
export class DoubleBarrier {
  readonly #client: ZooKeeper;
  readonly path: string;
  readonly count: number;
  readonly #name: string;
  /** The znode's name that stands for this participant in this round: unique, so that an entry of an old round is none. */
  #own: string | null = null;
  #round: readonly string[] | null = null;

  /** `name`: for those who look at the znodes. */
  constructor(client: ZooKeeper, path: string, count: number, name = 'participant') {
    if (!Number.isInteger(count) || count < 1)
      throw new BadArgumentsError(
        ErrorCode.BADARGUMENTS,
        `count must be a whole number from 1, not ${count}`,
        { path },
      );
    this.#client = client;
    this.path = path;
    this.count = count;
    this.#name = name;
  }

  /** Waits until `count` participants are here. Whoever gives up stands back. */
  async enter(options: WaitOptions = {}): Promise<void> {
    if (this.#own !== null) throw this.#misuse('enter', 'this participant has entered and not left');
    const own = `${this.#name}-${randomUUID()}`;
    this.#own = own;
    try {
      await withinLimits('enter', this.path, options, async (signal) => {
        await repeated(() => this.#client.ensurePath(this.path), signal);
        await repeated(() => this.#stand(own), signal);
        this.#round = await this.#awaitRound(own, signal);
      });
    } catch (error) {
      this.#own = null;
      void deleteIfThere(this.#client, childPath(this.path, own)).catch(() => {});
      throw error;
    }
  }

  async #stand(own: string): Promise<void> {
    try {
      await this.#client.create(childPath(this.path, own), new Uint8Array(0), { mode: 'ephemeral' });
    } catch (error) {
      // Ours, from before the connection broke: nobody else has this name.
      if (!(error instanceof NodeExistsError)) throw error;
    }
  }

  /** Whoever comes last begins the round; the others hear of it by the znode's data. */
  async #awaitRound(own: string, signal: AbortSignal): Promise<readonly string[]> {
    for (;;) {
      let round: Round = { entries: [], version: -1 };
      let blocker: string | null = null;
      await awaitEvent(async (watching) => {
        round = await this.#readRound(watching);
        if (round.entries.includes(own)) return false;
        const present = await this.#client.getChildren(this.path);
        const waiting = present.filter((name) => !round.entries.includes(name));
        if (waiting.length < this.count) return true;
        blocker = present.find((name) => round.entries.includes(name)) ?? null;
        if (blocker === null) await this.#begin(waiting, round.version);
        return false;
      }, signal);
      if (round.entries.includes(own)) return round.entries;
      if (blocker !== null) await awaitDeletion(this.#client, childPath(this.path, blocker), signal);
    }
  }

  async #readRound(watching: WatchRequest): Promise<Round> {
    const { data, stat } = await this.#client.getData(this.path, watching);
    const text = Buffer.from(data ?? []).toString('utf8');
    return { entries: text === '' ? [] : text.split('\n'), version: stat.version };
  }

  async #begin(entries: readonly string[], version: number): Promise<void> {
    try {
      await this.#client.setData(this.path, Buffer.from(entries.join('\n')), version);
    } catch (error) {
      // Somebody else has begun it.
      if (!(error instanceof BadVersionError)) throw error;
    }
  }

  /** Waits until all of this round have left. Whoever gives up has left all the same. */
  async leave(options: WaitOptions = {}): Promise<void> {
    const [own, round] = [this.#own, this.#round];
    if (own === null || round === null) throw this.#misuse('leave', 'this participant has not entered');
    try {
      await withinLimits('leave', this.path, options, (signal) => this.#awaitOthers(own, round, signal));
    } finally {
      this.#own = null;
      this.#round = null;
      void deleteIfThere(this.#client, childPath(this.path, own)).catch(() => {});
    }
  }

  /** The lowest waits for the highest, all others for the lowest, which goes last: nobody watches more than one znode. */
  async #awaitOthers(own: string, round: readonly string[], signal: AbortSignal): Promise<void> {
    for (;;) {
      // So that nobody who is still there is overlooked.
      await repeated(() => this.#client.sync(this.path), signal);
      const names = await repeated(() => this.#client.getChildren(this.path), signal);
      const present = names.filter((name) => round.includes(name)).sort();
      if (present.length === 0) return;
      if (present[0] !== own) {
        await deleteIfThere(this.#client, childPath(this.path, own), signal);
        await awaitDeletion(this.#client, childPath(this.path, present[0]), signal);
      } else if (present.length === 1) {
        await deleteIfThere(this.#client, childPath(this.path, own), signal);
        return;
      } else {
        await awaitDeletion(this.#client, childPath(this.path, present[present.length - 1]), signal);
      }
    }
  }

  #misuse(operation: string, reason: string): ZooKeeperError {
    return new BadArgumentsError(ErrorCode.BADARGUMENTS, reason, { operation, path: this.path });
  }
}
