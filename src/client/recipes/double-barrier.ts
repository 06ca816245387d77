import { randomUUID } from 'node:crypto';
import { ErrorCode } from '../../protocol/error-code.ts';
import { BadArgumentsError, NodeExistsError, NoNodeError } from '../errors.ts';
import { childPath } from '../paths.ts';
import type { ZooKeeper } from '../zookeeper.ts';
import {
  awaitDeletion,
  awaitEvent,
  createIfMissing,
  deleteIfThere,
  repeated,
  type WaitOptions,
  withinLimits,
} from './retry.ts';

const READY = 'ready';

/**
 * A double barrier, the guides' synchronising queue: `count` participants begin together and end together.
 *
 * Guarantee: `enter` resolves only after `count` participants stood at the barrier at the same time; `leave` only after all who
 * entered have left or lost their session. Suspended participants count; one whose session expires while waiting to enter
 * does not, and its `enter` rejects with SessionExpiredError. One that expires inside counts as having left.
 */
export class DoubleBarrier {
  readonly #client: ZooKeeper;
  readonly path: string;
  readonly count: number;
  readonly #name: string;

  /** `name`: unique among the participants; a random one by default. */
  constructor(client: ZooKeeper, path: string, count: number, name: string = randomUUID()) {
    if (!Number.isInteger(count) || count < 1)
      throw new BadArgumentsError(
        ErrorCode.BADARGUMENTS,
        `count must be a whole number from 1, not ${count}`,
        { path },
      );
    if (name === READY || name === '')
      throw new BadArgumentsError(ErrorCode.BADARGUMENTS, `a participant cannot be named '${name}'`, {
        path,
      });
    this.#client = client;
    this.path = path;
    this.count = count;
    this.#name = name;
  }

  get #own(): string {
    return childPath(this.path, this.#name);
  }

  get #ready(): string {
    return childPath(this.path, READY);
  }

  /** Waits until `count` participants are here. Whoever gives up stands back. */
  async enter(options: WaitOptions = {}): Promise<void> {
    await withinLimits('enter', this.path, options, async (signal) => {
      try {
        await repeated(() => this.#client.ensurePath(this.path), signal);
        await repeated(() => this.#stand(), signal);
        const others = await this.#participants(signal);
        if (others.length >= this.count)
          await repeated(() => createIfMissing(this.#client, this.#ready), signal);
        else await this.#awaitReady(signal);
      } catch (error) {
        void deleteIfThere(this.#client, this.#own).catch(() => {});
        throw error;
      }
    });
  }

  async #stand(): Promise<void> {
    try {
      await this.#client.create(this.#own, new Uint8Array(0), { mode: 'ephemeral' });
    } catch (error) {
      if (!(error instanceof NodeExistsError)) throw error;
      const stat = await this.#client.exists(this.#own);
      // Ours, from before the connection broke; else the name is somebody else's.
      if (stat?.ephemeralOwner !== this.#client.sessionId) throw error;
    }
  }

  async #awaitReady(signal: AbortSignal): Promise<void> {
    for (let isReady = false; !isReady; ) {
      await awaitEvent(async (watch) => {
        isReady = (await this.#client.exists(this.#ready, { watch, signal })) !== null;
        return !isReady;
      }, signal);
    }
  }

  async #participants(signal: AbortSignal): Promise<string[]> {
    const names = await repeated(() => this.#client.getChildren(this.path), signal);
    return names.filter((name) => name !== READY).sort();
  }

  /** Waits until all have left. */
  async leave(options: WaitOptions = {}): Promise<void> {
    await withinLimits('leave', this.path, options, async (signal) => {
      for (;;) {
        // So that nobody who entered is overlooked.
        await repeated(() => this.#client.sync(this.path), signal);
        const names = await this.#participants(signal);
        if (names.length === 0) return;
        if (names.length === 1 && names[0] === this.#name) {
          await this.#leaveLast(signal);
          return;
        }
        // The lowest waits for the highest, all others for the lowest, which goes last.
        if (names[0] === this.#name) {
          await awaitDeletion(this.#client, childPath(this.path, names[names.length - 1]), signal);
        } else {
          await deleteIfThere(this.#client, this.#own, signal);
          await awaitDeletion(this.#client, childPath(this.path, names[0]), signal);
        }
      }
    });
  }

  /** With the last one the barrier is closed, for the next round. */
  async #leaveLast(signal: AbortSignal): Promise<void> {
    try {
      await repeated(() => this.#client.transaction().delete(this.#ready).delete(this.#own).commit(), signal);
    } catch (error) {
      if (!(error instanceof NoNodeError)) throw error;
      await deleteIfThere(this.#client, this.#own, signal);
    }
  }
}
