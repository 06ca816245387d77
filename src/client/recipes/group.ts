import { EventEmitter } from 'node:events';
import { NodeExistsError } from '../errors.ts';
import { withinLimits } from '../limits.ts';
import { childPath } from '../paths.ts';
import { isFinal } from '../session-state.ts';
import type { ZooKeeper } from '../zookeeper.ts';
import { awaitEvent, deleteIfThere, repeated, type WaitOptions, type WatchRequest } from './retry.ts';

/** `changed`: the members, in order. `ended`: the session is over, nothing is followed any longer. */
export interface GroupEvents {
  changed: [members: readonly string[]];
  ended: [];
}

/**
 * A group of processes, each an ephemeral znode.
 *
 * Guarantee: who has joined is a member until it leaves or its session ends; a suspended session stays a member. `members` shows a
 * state that the group had, and catches up after lost connections; it may be outdated by the time it is read. The end of the
 * session is told by `ended`: the client is then a member no longer and must join with a new one.
 */
export class Group extends EventEmitter<GroupEvents> {
  readonly #client: ZooKeeper;
  readonly path: string;
  readonly #stop = new AbortController();
  #members: readonly string[] = [];
  readonly #joined = new Set<string>();

  private constructor(client: ZooKeeper, path: string) {
    super();
    this.#client = client;
    this.path = path;
  }

  /** Reads the group, which is made if it is missing, and begins to follow it. */
  static async open(client: ZooKeeper, path: string, options: WaitOptions = {}): Promise<Group> {
    const group = new Group(client, path);
    await withinLimits('open', path, options, async (signal) => {
      await repeated(() => client.ensurePath(path), signal);
      await repeated(() => group.#read({}), signal);
    });
    void group.#follow();
    return group;
  }

  /** The members' names, in order, as last seen. */
  get members(): readonly string[] {
    return this.#members;
  }

  /** Joins under a name; rejects with NodeExistsError if another session has it. */
  async join(name: string, data: Uint8Array = new Uint8Array(0), options: WaitOptions = {}): Promise<void> {
    const path = childPath(this.path, name);
    const join = async () => {
      try {
        await this.#client.create(path, data, { mode: 'ephemeral' });
      } catch (error) {
        if (!(error instanceof NodeExistsError)) throw error;
        // Ours, if the answer to an earlier attempt was lost.
        const stat = await this.#client.exists(path);
        if (stat?.ephemeralOwner !== this.#client.sessionId) throw error;
      }
    };
    let isAsked = false;
    try {
      await withinLimits('join', path, options, async (signal) => {
        isAsked = true;
        await repeated(join, signal);
      });
    } catch (error) {
      // It may have been done: who was told that it failed must not stay a member.
      if (isAsked && !(error instanceof NodeExistsError)) void this.leave(name).catch(() => {});
      throw error;
    }
    this.#joined.add(name);
  }

  /** What a member has told of itself. */
  async dataOf(name: string, options: WaitOptions = {}): Promise<Uint8Array | null> {
    const path = childPath(this.path, name);
    const read = (signal: AbortSignal) => repeated(() => this.#client.getData(path), signal);
    return (await withinLimits('dataOf', path, options, read)).data;
  }

  /** Leaves the group; resolves too when the name is no member, and leaves alone one that is another session's. */
  async leave(name: string, options: WaitOptions = {}): Promise<void> {
    const path = childPath(this.path, name);
    await withinLimits('leave', path, options, async (signal) => {
      const stat = await repeated(() => this.#client.exists(path), signal);
      if (stat?.ephemeralOwner === this.#client.sessionId) await deleteIfThere(this.#client, path, signal);
    });
    this.#joined.delete(name);
  }

  /** Leaves under every name and follows no more. */
  async close(): Promise<void> {
    this.#stop.abort();
    if (isFinal(this.#client.state)) return;
    await Promise.all([...this.#joined].map((name) => this.leave(name)));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #follow(): Promise<void> {
    const { signal } = this.#stop;
    try {
      for (;;) {
        await awaitEvent(async (watching) => {
          await this.#read(watching);
          return true;
        }, signal);
      }
    } catch {
      // The session is over, the group closed or its znode gone.
      if (!signal.aborted) this.emit('ended');
    }
  }

  async #read(watching: Partial<WatchRequest>): Promise<void> {
    const names = (await this.#client.getChildren(this.path, watching)).sort();
    const isSame =
      names.length === this.#members.length && names.every((name, i) => name === this.#members[i]);
    this.#members = names;
    if (!isSame) this.emit('changed', names);
  }
}
