import { randomUUID } from 'node:crypto';
import { ErrorCode } from '../../protocol/error-code.ts';
import { NoNodeError, SessionExpiredError } from '../errors.ts';
import { childPath } from '../paths.ts';
import type { ZooKeeper } from '../zookeeper.ts';
import { awaitDeletion, deleteIfThere, repeated } from './retry.ts';
import { bySequence } from './sequence.ts';

/** A child of a queue, read from its name: `<anything>-<kind>-<ten digits>`. */
export interface QueueEntry {
  readonly name: string;
  readonly kind: string;
  readonly sequence: number;
}

/** Reads the names that have a sequence number, in its order. Others are not of the recipe, and left alone. */
export function entriesInOrder(names: readonly string[]): QueueEntry[] {
  const entries: QueueEntry[] = [];
  for (const name of names) {
    const match = /(?:^|-)([a-z]+)-(-?\d{9,10})$/.exec(name);
    if (match !== null) entries.push({ name, kind: match[1], sequence: Number(match[2]) });
  }
  return entries.sort(bySequence);
}

/** Which entry must go before it is `own`'s turn, or null. */
export type ChooseBlocker = (entries: readonly QueueEntry[], ownIndex: number) => QueueEntry | null;

/**
 * A client's place in a queue of contenders: an ephemeral sequential znode, found again after a lost connection by the unique
 * part of its name, so that a client never stands in the queue twice.
 */
export class QueuePlace {
  readonly client: ZooKeeper;
  readonly path: string;
  /** The zxid of its creation: grows from place to place, in the order of their turns. */
  readonly czxid: bigint;
  readonly #directory: string;
  readonly #name: string;

  private constructor(client: ZooKeeper, directory: string, name: string, czxid: bigint) {
    this.client = client;
    this.#directory = directory;
    this.#name = name;
    this.path = childPath(directory, name);
    this.czxid = czxid;
  }

  /** Joins the queue. When it rejects, no znode is left behind for longer than the session. */
  static async join(
    client: ZooKeeper,
    directory: string,
    kind: string,
    data: Uint8Array,
    signal: AbortSignal,
  ): Promise<QueuePlace> {
    const unique = `${randomUUID()}-${kind}-`;
    try {
      await repeated(() => client.ensurePath(directory, { signal }), signal);
      let isRepeated = false;
      return await repeated(async () => {
        if (isRepeated) {
          // The connection broke: what we asked for may have happened.
          const found = await QueuePlace.#find(client, directory, unique);
          if (found !== null) return found;
        }
        isRepeated = true;
        const made = await client.createWithStat(childPath(directory, unique), data, {
          mode: 'ephemeralSequential',
        });
        return new QueuePlace(
          client,
          directory,
          made.path.slice(made.path.lastIndexOf('/') + 1),
          made.stat.czxid,
        );
      }, signal);
    } catch (error) {
      void forget(client, directory, unique);
      throw error;
    }
  }

  static async #find(client: ZooKeeper, directory: string, unique: string): Promise<QueuePlace | null> {
    // This server may be behind the one that took our request.
    await client.sync(directory);
    const name = (await client.getChildren(directory)).find((each) => each.startsWith(unique));
    if (name === undefined) return null;
    const stat = await client.exists(childPath(directory, name));
    return stat === null ? null : new QueuePlace(client, directory, name, stat.czxid);
  }

  /** The queue as this client's server has it: it shows at least all that stood there when this place was made. */
  async entries(signal?: AbortSignal): Promise<{ entries: QueueEntry[]; ownIndex: number }> {
    const names = await repeated(() => this.client.getChildren(this.#directory), signal);
    const entries = entriesInOrder(names);
    const ownIndex = entries.findIndex(({ name }) => name === this.#name);
    if (ownIndex < 0)
      throw new NoNodeError(ErrorCode.NONODE, 'the place in the queue was deleted by somebody', {
        path: this.path,
      });
    return { entries, ownIndex };
  }

  /** Waits until nobody stands in the way, watching one znode at a time: no herd. */
  async awaitTurn(choose: ChooseBlocker, signal: AbortSignal): Promise<void> {
    for (;;) {
      const { entries, ownIndex } = await this.entries(signal);
      const blocker = choose(entries, ownIndex);
      if (blocker === null) return;
      await awaitDeletion(this.client, childPath(this.#directory, blocker.name), signal);
    }
  }

  /** Leaves the queue. Resolves too when the session is over: its end takes the znode away. */
  async leave(): Promise<void> {
    try {
      await deleteIfThere(this.client, this.path);
    } catch (error) {
      if (!isSessionOver(error)) throw error;
    }
  }
}

/** Nobody before. */
export const nextInLine: ChooseBlocker = (entries, ownIndex) =>
  ownIndex === 0 ? null : entries[ownIndex - 1];

/** Whether the error says that the session, and with it every ephemeral, is gone for good. */
export function isSessionOver(error: unknown): boolean {
  return (
    error instanceof SessionExpiredError ||
    (error instanceof Error && (error.name === 'ClosedError' || error.name === 'AuthFailedError'))
  );
}

/** Takes back a place that may or may not have been made, when the connection allows it. */
async function forget(client: ZooKeeper, directory: string, unique: string): Promise<void> {
  try {
    const names = await repeated(async () => {
      await client.sync(directory);
      return await client.getChildren(directory);
    });
    for (const name of names) {
      if (name.startsWith(unique)) await deleteIfThere(client, childPath(directory, name));
    }
  } catch {
    // The session or the directory is gone, and with it the place.
  }
}
