import { EventEmitter } from 'node:events';
import { ErrorCode } from '../protocol/error-code.ts';
import {
  ConnectionLossError,
  NoAuthError,
  NoNodeError,
  OverloadedError,
  ThrottledError,
  TimeoutError,
  ZooKeeperError,
} from './errors.ts';
import { optionsOfPart, orAborted, withinLimits } from './limits.ts';
import type { DataAndStat } from './operations.ts';
import { childPath, parentPath } from './paths.ts';
import type { PersistentWatch } from './persistent-watch.ts';
import type { CallOptions } from './request.ts';
import type { Stat } from './stat.ts';
import type { WatchEvent } from './watch-event.ts';
import type { ZooKeeper } from './zookeeper.ts';

const NODES_MAX = 1_000_000;
/** How many reads are under way at once: a subtree may have more znodes than the client takes requests. */
const READS_MAX = 128;
const BUSY_PAUSE_MS = 50;

export interface TreeCacheOptions extends CallOptions {
  /** The cache fails, with {@link OverloadedError}, when the subtree has more. Default 1,000,000. */
  readonly nodesMax?: number;
}

/** A znode as the cache has it. `data` is null also where the ACL does not let us read it. */
export interface CachedNode {
  readonly path: string;
  readonly data: Uint8Array | null;
  readonly stat: Stat;
}

/**
 * `added`, `updated`, `removed`: a znode. `suspended`: the connection is lost, what the cache has may be old. `current`: it has
 * been brought up to date again. `failed`: it is not kept any longer.
 */
export interface TreeCacheEvents {
  added: [node: CachedNode];
  updated: [node: CachedNode, previous: CachedNode];
  removed: [node: CachedNode];
  suspended: [];
  current: [];
  failed: [error: Error];
}

/** One read of a load, or of a znode that an event has told of. */
interface Read {
  readonly kind: 'data' | 'children' | 'stat';
  readonly path: string;
  /** The load in whose time it was asked for: the answer counts in that time only. */
  readonly load: number;
  /** The load is not at its end before this is. */
  readonly isOfLoad: boolean;
}

interface Entry {
  node: CachedNode | null;
  readonly children: Set<string>;
  /** The load that has seen it. */
  seenBy: number;
}

/**
 * A subtree in memory, kept by one recursive watch.
 *
 * A znode's state here is one that it had at the server; after `current`, one that it had no earlier than that. It never goes
 * back in time: reads and events of one session come in the server's order, and are applied in the order in which they come.
 * Changes made while the connection was lost are found by reading the subtree again, which emits the differences; several
 * changes of one znode may show as one.
 */
export class TreeCache extends EventEmitter<TreeCacheEvents> {
  readonly root: string;
  readonly #client: ZooKeeper;
  readonly #nodesMax: number;
  readonly #entries = new Map<string, Entry>();
  #watch: PersistentWatch | null = null;
  #load = 0;
  /** What is to be read and not asked for yet. */
  #reads: Read[] = [];
  #readsUnderWay = 0;
  /** How many reads stand between the load and its end. */
  #readsLeft = 0;
  #isCurrent = false;
  #isClosed = false;
  #nodes = 0;

  private constructor(client: ZooKeeper, root: string, nodesMax: number) {
    super();
    this.#client = client;
    this.root = root;
    this.#nodesMax = nodesMax;
  }

  /** What {@link ZooKeeper.cache} does. */
  static async open(client: ZooKeeper, root: string, options: TreeCacheOptions): Promise<TreeCache> {
    const cache = new TreeCache(client, root, options.nodesMax ?? NODES_MAX);
    try {
      await withinLimits('cache', root, options, (signal) =>
        cache.#open(optionsOfPart(options, signal), signal),
      );
    } catch (error) {
      // The server may not answer any more: nobody is to wait for it.
      void cache.close();
      throw error;
    }
    return cache;
  }

  async #open(options: CallOptions, signal: AbortSignal): Promise<void> {
    const loaded = new Promise<void>((resolve, reject) => {
      this.once('current', resolve);
      this.once('failed', reject);
    });
    // Whoever awaits the watch first must not leave this one without a handler.
    loaded.catch(() => {});
    const onEvent = (event: WatchEvent) => this.#onEvent(event);
    this.#watch = await this.#client.watch(this.root, { ...options, mode: 'recursive', onEvent });
    this.#reload();
    await orAborted(loaded, signal);
  }

  /** Whether everything committed up to the last contact with the server is here. */
  get isCurrent(): boolean {
    return this.#isCurrent;
  }

  /** How many znodes it has. */
  get size(): number {
    return this.#nodes;
  }

  get(path: string): CachedNode | undefined {
    return this.#entries.get(path)?.node ?? undefined;
  }

  /** Names of the children, in order; undefined if there is no such znode. */
  children(path: string): string[] | undefined {
    const entry = this.#entries.get(path);
    if (entry === undefined || entry.node === null) return undefined;
    return [...entry.children].filter((name) => this.get(childPath(path, name)) !== undefined).sort();
  }

  /** All znodes, in no particular order. */
  *nodes(): IterableIterator<CachedNode> {
    for (const { node } of this.#entries.values()) if (node !== null) yield node;
  }

  /** Ends the watch and forgets everything. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#isCurrent = false;
    this.#entries.clear();
    this.#nodes = 0;
    await this.#watch?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #onEvent(event: WatchEvent): void {
    if (this.#isClosed) return;
    switch (event.type) {
      case 'NodeCreated':
      case 'NodeDataChanged':
        this.#ask({ kind: 'data', path: event.path, load: this.#load, isOfLoad: false });
        break;
      case 'NodeDeleted':
        this.#remove(event.path);
        break;
      case 'None':
        this.#onSessionEvent(event);
        break;
      case 'PersistentWatchRemoved':
        this.#fail(
          new ZooKeeperError(ErrorCode.NOWATCHER, 'the watch of the cache was removed', { path: this.root }),
        );
        break;
      case 'NodeChildrenChanged':
      case 'DataWatchRemoved':
      case 'ChildWatchRemoved':
        break;
    }
  }

  #onSessionEvent(event: WatchEvent): void {
    switch (event.state) {
      case 'Disconnected':
        this.#isCurrent = false;
        // Reads of the old load fail and must not count for the next.
        this.#load++;
        this.#reads = [];
        this.emit('suspended');
        break;
      case 'SyncConnected':
      case 'ConnectedReadOnly':
        this.#reload();
        break;
      case 'Expired':
      case 'Closed':
      case 'AuthFailed':
        this.#fail(
          new ZooKeeperError(ErrorCode.SESSIONEXPIRED, `the session is over (${event.state})`, {
            path: this.root,
          }),
        );
        break;
    }
  }

  /** Reads the whole subtree anew; what the reading does not meet is removed at its end. */
  #reload(): void {
    this.#load++;
    this.#reads = [];
    this.#readsLeft = 0;
    this.#isCurrent = false;
    this.#walk(this.root);
  }

  /** Reads a znode and what is under it. */
  #walk(path: string): void {
    this.#ask({ kind: 'data', path, load: this.#load, isOfLoad: true });
    this.#ask({ kind: 'children', path, load: this.#load, isOfLoad: true });
  }

  #ask(read: Read): void {
    if (read.isOfLoad) this.#readsLeft++;
    this.#reads.push(read);
    this.#sendReads();
  }

  #sendReads(): void {
    while (this.#readsUnderWay < READS_MAX && !this.#isClosed) {
      // The newest first: what waits is one way down the tree, and its siblings.
      const read = this.#reads.pop();
      if (read === undefined) return;
      this.#readsUnderWay++;
      this.#send(read)
        .finally(() => {
          this.#readsUnderWay--;
          this.#sendReads();
        })
        // What a listener of the cache throws is the program's mistake, and surfaces.
        .catch((error: unknown) =>
          process.nextTick(() => {
            throw error;
          }),
        );
    }
  }

  /** Nothing stands between an answer and its use: an event that comes behind it must find it used. */
  #send(read: Read): Promise<void> {
    const client = this.#client;
    const { kind, path } = read;
    const onError = (error: unknown) => {
      if (this.#isWanted(read)) this.#onReadError(read, error);
    };
    switch (kind) {
      case 'data':
        return client
          .getData(path)
          .then((value) => this.#use(read, () => this.#onData(read, value)), onError);
      case 'children':
        return client
          .getChildren(path)
          .then((names) => this.#use(read, () => this.#onChildren(path, names)), onError);
      case 'stat':
        return client.exists(path).then((stat) => this.#use(read, () => this.#onStat(read, stat)), onError);
    }
  }

  #isWanted({ load }: Read): boolean {
    return !this.#isClosed && load === this.#load;
  }

  #use(read: Read, take: () => void): void {
    if (!this.#isWanted(read)) return;
    take();
    this.#onReadEnd(read);
  }

  #onData({ path, load }: Read, { data, stat }: DataAndStat): void {
    this.#put(path, data, stat, load);
  }

  #onStat({ path, load }: Read, stat: Stat | null): void {
    if (stat !== null) this.#put(path, null, stat, load);
  }

  #onChildren(path: string, names: readonly string[]): void {
    for (const name of names) this.#walk(childPath(path, name));
  }

  #onReadEnd(read: Read): void {
    if (!this.#isWanted(read) || !read.isOfLoad) return;
    this.#readsLeft--;
    if (this.#readsLeft === 0 && !this.#isCurrent) this.#finishLoad(read.load);
  }

  #onReadError(read: Read, error: unknown): void {
    if (error instanceof NoNodeError) {
      this.#remove(read.path);
      this.#onReadEnd(read);
    } else if (error instanceof NoAuthError) {
      // It is there, but not for us: its Stat may be.
      if (read.kind === 'data') this.#ask({ ...read, kind: 'stat' });
      this.#onReadEnd(read);
    } else if (isBusy(error)) {
      setTimeout(() => {
        if (!this.#isWanted(read)) return;
        this.#reads.push(read);
        this.#sendReads();
      }, BUSY_PAUSE_MS);
    } else if (!(error instanceof ConnectionLossError)) {
      // After a lost connection the next one loads everything again.
      this.#fail(error as Error);
    }
  }

  #finishLoad(load: number): void {
    for (const [path, entry] of this.#entries)
      if (entry.seenBy !== load && entry.node !== null) this.#remove(path);
    this.#isCurrent = true;
    this.emit('current');
  }

  #put(path: string, data: Uint8Array | null, stat: Stat, load: number): void {
    const entry = this.#entryOf(path);
    entry.seenBy = load;
    const previous = entry.node;
    const node: CachedNode = { path, data, stat };
    entry.node = node;
    if (previous === null) {
      this.#nodes++;
      if (this.#nodes > this.#nodesMax) this.#fail(tooManyNodes(this.root, this.#nodesMax));
      else this.emit('added', node);
    } else if (previous.stat.czxid !== stat.czxid) {
      // Deleted and created again while we did not look.
      this.emit('removed', previous);
      this.emit('added', node);
    } else if (previous.stat.mzxid !== stat.mzxid) {
      this.emit('updated', node, previous);
    }
  }

  #entryOf(path: string): Entry {
    const known = this.#entries.get(path);
    if (known !== undefined) return known;
    const entry: Entry = { node: null, children: new Set(), seenBy: 0 };
    this.#entries.set(path, entry);
    if (path !== this.root)
      this.#entryOf(parentPath(path)).children.add(path.slice(path.lastIndexOf('/') + 1));
    return entry;
  }

  #remove(path: string): void {
    const entry = this.#entries.get(path);
    if (entry === undefined) return;
    // Children first, as the server had to delete them; seldom any are left.
    for (const name of entry.children) this.#remove(childPath(path, name));
    this.#entries.delete(path);
    if (path !== this.root) {
      this.#entries.get(parentPath(path))?.children.delete(path.slice(path.lastIndexOf('/') + 1));
    }
    if (entry.node === null) return;
    this.#nodes--;
    this.emit('removed', entry.node);
  }

  #fail(error: Error): void {
    if (this.#isClosed) return;
    this.#isCurrent = false;
    void this.close();
    this.emit('failed', error);
  }
}

/** Whether the read can be asked for again: the client or the server had too much to do. */
function isBusy(error: unknown): boolean {
  return error instanceof OverloadedError || error instanceof ThrottledError || error instanceof TimeoutError;
}

function tooManyNodes(path: string, nodesMax: number): OverloadedError {
  const reason = `the subtree has more than the ${nodesMax} znodes that the cache may hold (nodesMax)`;
  return new OverloadedError(ErrorCode.RUNTIMEINCONSISTENCY, reason, { operation: 'cache', path });
}
