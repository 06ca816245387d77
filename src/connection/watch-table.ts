// Hot path: a txn on a path that nobody watches costs one look-up by the path's bytes, and none while the table is empty.

import { type PathEntry, PathMap } from '../protocol/path-map.ts';
import type { ClientConnection } from './client-connection.ts';
import { entriesOf, type WatchedPathsField, withEntry, withoutEntry } from './watched-paths.ts';
import { WatcherModes, type Watchers } from './watchers.ts';

/** How a connection watches a path, as bits: one path may be watched in several ways. */
export const WatchMode = {
  /** Fires once. */
  standard: 1,
  /** Stays until it is removed. */
  persistent: 2,
  /** Stays, and fires for the whole subtree. */
  recursive: 4,
  any: 7,
} as const;
export type WatchMode = (typeof WatchMode)[keyof typeof WatchMode];

/** Who watches one path. */
export class WatchEntry implements PathEntry {
  readonly hash: number;
  /** A character for each byte. */
  readonly path: string;
  readonly pathLength: number;
  nextInBucket: this | null = null;
  /** Bits of {@link WatchMode} for each connection. */
  readonly watchers = new WatcherModes();
  /** How many of the watchers have more than a standard watch. */
  lasting = 0;

  constructor(hash: number, path: string) {
    this.hash = hash;
    this.path = path;
    this.pathLength = path.length;
  }
}

/** One of a worker's two tables of watches: path → connections and the modes of each (protocol/client.md §8). */
export class WatchTable {
  /** Pairs of path and connection. */
  size = 0;
  /** Pairs with mode recursive; while there are none nobody need look at a path's ancestors. */
  recursive = 0;
  readonly #byPath = new PathMap<WatchEntry>();
  readonly #field: WatchedPathsField;
  readonly #onSizeChange: (difference: number) => void;

  /** `field`: where a connection keeps its entries of this table. */
  constructor(field: WatchedPathsField, onSizeChange: (difference: number) => void) {
    this.#field = field;
    this.#onSizeChange = onSizeChange;
  }

  get paths(): number {
    return this.#byPath.size;
  }

  /** Adds a mode to what the connection watches the path in. */
  add(
    hash: number,
    bytes: Uint8Array,
    start: number,
    length: number,
    connection: ClientConnection,
    mode: number = WatchMode.standard,
  ): void {
    let entry = this.#byPath.find(hash, bytes, start, length);
    if (entry === null) {
      const path = Buffer.from(bytes.buffer, bytes.byteOffset + start, length);
      entry = new WatchEntry(hash, path.toString('latin1'));
      this.#byPath.insert(entry);
    }
    const before = entry.watchers.get(connection);
    this.#setModes(entry, connection, before, before | mode);
  }

  /** Whether the connection watches the path in one of the modes. */
  has(
    hash: number,
    bytes: Uint8Array,
    start: number,
    length: number,
    connection: ClientConnection,
    modes: number,
  ): boolean {
    const entry = this.#byPath.find(hash, bytes, start, length);
    return entry !== null && (entry.watchers.get(connection) & modes) !== 0;
  }

  /** Takes the modes away from what the connection watches the path in; false when it has none of them. */
  remove(
    hash: number,
    bytes: Uint8Array,
    start: number,
    length: number,
    connection: ClientConnection,
    modes: number,
  ): boolean {
    const entry = this.#byPath.find(hash, bytes, start, length);
    const before = entry?.watchers.get(connection) ?? 0;
    if (entry === null || (before & modes) === 0) return false;
    this.#setModes(entry, connection, before, before & ~modes);
    return true;
  }

  /** The connections that watch this very path, or null when there are none; standard watches are spent by it. */
  take(hash: number, bytes: Uint8Array, start: number, length: number): Watchers | null {
    if (this.#byPath.size === 0) return null;
    const entry = this.#byPath.find(hash, bytes, start, length);
    if (entry === null) return null;
    if (entry.lasting > 0) return this.#takeFromMixed(entry);
    this.#byPath.remove(entry);
    for (const connection of entry.watchers.keys()) this.#forget(connection, entry);
    this.#changeSize(-entry.watchers.size);
    return entry.watchers;
  }

  #takeFromMixed(entry: WatchEntry): Watchers {
    const taken = new Set(entry.watchers.keys());
    for (const connection of taken) {
      const modes = entry.watchers.get(connection);
      this.#setModes(entry, connection, modes, modes & ~WatchMode.standard);
    }
    return taken;
  }

  /** Adds to `watchers` the connections that watch this path and all below it. */
  addRecursive(
    hash: number,
    bytes: Uint8Array,
    start: number,
    length: number,
    watchers: Set<ClientConnection>,
  ): void {
    const entry = this.#byPath.find(hash, bytes, start, length);
    if (entry === null || entry.lasting === 0) return;
    for (const connection of entry.watchers.keys()) {
      if ((entry.watchers.get(connection) & WatchMode.recursive) !== 0) watchers.add(connection);
    }
  }

  /** Drops all watches of a connection that is gone. */
  removeConnection(connection: ClientConnection): void {
    for (const entry of [...entriesOf(this.#field.get(connection))]) {
      this.#setModes(entry, connection, entry.watchers.get(connection), 0);
    }
  }

  #setModes(entry: WatchEntry, connection: ClientConnection, before: number, after: number): void {
    if (before === after) return;
    this.recursive += (after >> 2) - (before >> 2);
    entry.lasting += Number(after > WatchMode.standard) - Number(before > WatchMode.standard);
    entry.watchers.set(connection, after);
    if (before === 0) {
      this.#field.set(connection, withEntry(this.#field.get(connection), entry));
      this.#changeSize(1);
    } else if (after === 0) {
      this.#forget(connection, entry);
      this.#changeSize(-1);
      if (entry.watchers.size === 0) this.#byPath.remove(entry);
    }
  }

  #forget(connection: ClientConnection, entry: WatchEntry): void {
    this.#field.set(connection, withoutEntry(this.#field.get(connection), entry));
  }

  #changeSize(difference: number): void {
    this.size += difference;
    this.#onSizeChange(difference);
  }
}
