import type { OutputBuffer } from './output-buffer.ts';
import { isWithin, parentPath } from './paths.ts';
import type { WatchKind } from './request.ts';
import type { KeeperState, WatchEvent, WatchEventType, WatchListener } from './watch-event.ts';

/** Modes of addWatch, with their numbers on the wire. */
export const watchModes = { persistent: 0, recursive: 1 } as const;
export type WatchMode = keyof typeof watchModes;

/** Which watches a removal means. */
export type RemovalKind = 'children' | 'data' | 'persistent' | 'recursive' | 'any';

/** How many characters of paths go into one setWatches: a frame is limited to about 1 MiB (ZOOKEEPER-706). */
const BATCH_CHARACTERS = 128 * 1024;

type Table = Map<string, Set<WatchListener>>;

/** The five lists of setWatches2, in its order. */
export type WatchLists = readonly [
  data: string[],
  exists: string[],
  children: string[],
  persistent: string[],
  recursive: string[],
];

/**
 * Who watches what, by the server's paths. The server keeps one watch per connection, path and table; here are the listeners
 * behind it, and what must be told again to the next server.
 */
export class WatchRegistry {
  readonly #data: Table = new Map();
  readonly #exists: Table = new Map();
  readonly #children: Table = new Map();
  readonly #persistent: Table = new Map();
  readonly #recursive: Table = new Map();

  /** Keeps a one-shot listener whose read has succeeded (`found`: the znode exists). */
  addOneShot(kind: WatchKind, path: string, found: boolean, listener: WatchListener): void {
    if (kind === 'children') add(this.#children, path, listener);
    else if (kind === 'exists' && !found) add(this.#exists, path, listener);
    else add(this.#data, path, listener);
  }

  /** Takes a one-shot listener back. The server's watch stays until it fires, and then nobody is told. */
  withdraw(path: string, listener: WatchListener): void {
    for (const table of [this.#data, this.#exists, this.#children]) {
      const listeners = table.get(path);
      if (listeners?.delete(listener) === true && listeners.size === 0) table.delete(path);
    }
  }

  addPersistent(mode: WatchMode, path: string, listener: WatchListener): void {
    add(this.#modeTable(mode), path, listener);
  }

  /** Gives whether the server's watch has no listener left. */
  removePersistent(mode: WatchMode, path: string, listener: WatchListener): boolean {
    const table = this.#modeTable(mode);
    const listeners = table.get(path);
    if (listeners === undefined || !listeners.delete(listener)) return false;
    if (listeners.size > 0) return false;
    table.delete(path);
    return true;
  }

  /** Whether anything is watched at the path. */
  has(path: string): boolean {
    return this.#tables().some((table) => table.has(path));
  }

  #modeTable(mode: WatchMode): Table {
    return mode === 'persistent' ? this.#persistent : this.#recursive;
  }

  #tables(): readonly Table[] {
    return [this.#data, this.#exists, this.#children, this.#persistent, this.#recursive];
  }

  /** Takes away the listeners that a removeWatches of this kind ends, and gives them with the event that tells them so. */
  remove(kind: RemovalKind, path: string): [WatchListener, WatchEventType][] {
    const removed: [WatchListener, WatchEventType][] = [];
    for (const [table, type] of this.#tablesOf(kind)) {
      for (const listener of takeAll(table, path)) removed.push([listener, type]);
    }
    return removed;
  }

  /** Whether a removeWatches of this kind would end anything. */
  hasKind(kind: RemovalKind, path: string): boolean {
    return this.#tablesOf(kind).some(([table]) => table.has(path));
  }

  #tablesOf(kind: RemovalKind): [Table, WatchEventType][] {
    const data: [Table, WatchEventType][] = [
      [this.#data, 'DataWatchRemoved'],
      [this.#exists, 'DataWatchRemoved'],
    ];
    const children: [Table, WatchEventType][] = [[this.#children, 'ChildWatchRemoved']];
    const persistent: [Table, WatchEventType][] = [[this.#persistent, 'PersistentWatchRemoved']];
    const recursive: [Table, WatchEventType][] = [[this.#recursive, 'PersistentWatchRemoved']];
    switch (kind) {
      case 'data':
        return data;
      case 'children':
        return children;
      case 'persistent':
        return persistent;
      case 'recursive':
        return recursive;
      case 'any':
        return [...data, ...children, ...persistent, ...recursive];
    }
  }

  /** Who hears of a change; one-shot listeners are taken out. */
  take(type: WatchEventType, path: string): Set<WatchListener> {
    const heard = new Set<WatchListener>();
    if (type !== 'NodeChildrenChanged') {
      for (const listener of takeAll(this.#data, path)) heard.add(listener);
      for (const listener of takeAll(this.#exists, path)) heard.add(listener);
    }
    if (type === 'NodeChildrenChanged' || type === 'NodeDeleted') {
      for (const listener of takeAll(this.#children, path)) heard.add(listener);
    }
    for (const listener of this.#persistent.get(path) ?? []) heard.add(listener);
    if (type !== 'NodeChildrenChanged' && this.#recursive.size > 0) {
      for (let at = path; ; at = parentPath(at)) {
        for (const listener of this.#recursive.get(at) ?? []) heard.add(listener);
        if (at === '/') break;
      }
    }
    return heard;
  }

  /** Those who are told of the session's state: persistent ones always; one-shot ones (taken out) when it is final. */
  takeForState(isFinal: boolean): Set<WatchListener> {
    const heard = new Set<WatchListener>();
    for (const table of isFinal ? this.#tables() : [this.#persistent, this.#recursive]) {
      for (const listeners of table.values()) for (const listener of listeners) heard.add(listener);
      if (isFinal) table.clear();
    }
    return heard;
  }

  /**
   * What the next server must be told, in batches that fit into a frame. Persistent watches stand in batches of their own: a
   * server that does not know them sets the others all the same.
   */
  batches(): WatchLists[] {
    const [data, exists, children, persistent, recursive] = this.#tables();
    return [...batchesOf([data, exists, children], 0), ...batchesOf([persistent, recursive], 3)];
  }

  /** Takes away all persistent listeners, and gives them with their paths. */
  takePersistent(): [WatchListener, string][] {
    const taken: [WatchListener, string][] = [];
    for (const table of [this.#persistent, this.#recursive]) {
      for (const [path, listeners] of table) for (const listener of listeners) taken.push([listener, path]);
      table.clear();
    }
    return taken;
  }

  /** For tests and diagnosis: how many paths are watched, over all tables. */
  get size(): number {
    return this.#tables().reduce((sum, table) => sum + table.size, 0);
  }
}

/** Whether the lists need setWatches2, which servers before 3.6 do not have. */
export function needsSetWatches2(lists: WatchLists): boolean {
  return lists[3].length > 0 || lists[4].length > 0;
}

/** Writes the body of setWatches or setWatches2. */
export function writeSetWatches(output: OutputBuffer, lastZxid: bigint, lists: WatchLists): void {
  output.writeLong(lastZxid);
  for (const list of needsSetWatches2(lists) ? lists : lists.slice(0, 3)) {
    output.writeInt(list.length);
    for (const path of list) output.writeString(path);
  }
}

/** An event with the path that the client knows. */
export function clientEvent(
  type: WatchEventType,
  state: KeeperState,
  path: string,
  chroot: string,
  zxid: bigint | null,
): WatchEvent {
  const isInside = chroot !== '' && path !== '' && isWithin(path, chroot);
  return { type, state, path: isInside ? path.slice(chroot.length) || '/' : path, zxid };
}

/** `first`: the place of the first table's list. */
function batchesOf(tables: readonly Table[], first: number): WatchLists[] {
  const batches: WatchLists[] = [];
  let batch: WatchLists = [[], [], [], [], []];
  let characters = 0;
  for (const [i, table] of tables.entries()) {
    for (const path of table.keys()) {
      if (characters >= BATCH_CHARACTERS) {
        batches.push(batch);
        batch = [[], [], [], [], []];
        characters = 0;
      }
      batch[first + i].push(path);
      characters += path.length;
    }
  }
  if (characters > 0) batches.push(batch);
  return batches;
}

function add(table: Table, path: string, listener: WatchListener): void {
  const listeners = table.get(path);
  if (listeners === undefined) table.set(path, new Set([listener]));
  else listeners.add(listener);
}

function takeAll(table: Table, path: string): Iterable<WatchListener> {
  const listeners = table.get(path);
  if (listeners === undefined) return [];
  table.delete(path);
  return listeners;
}
