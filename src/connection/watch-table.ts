// Hot path: a txn on a path that nobody watches costs one look-up by the path's bytes, and none while the table is empty.

import { copyBytes } from '../jute/shared-copy.ts';
import { type PathEntry, PathMap } from '../protocol/path-map.ts';
import type { ClientConnection } from './client-connection.ts';

/** Who watches one path. */
export class WatchEntry implements PathEntry {
  hash: number;
  path: Uint8Array;
  pathLength: number;
  nextInBucket: this | null = null;
  readonly watchers = new Set<ClientConnection>();

  constructor(hash: number, path: Uint8Array) {
    this.hash = hash;
    this.path = path;
    this.pathLength = path.length;
  }
}

/** One of a worker's two tables of watches: path → connections (protocol/client.md §8). */
export class WatchTable {
  /** Pairs of path and connection. */
  size = 0;
  readonly #byPath = new PathMap<WatchEntry>();
  readonly #watchesOf: (connection: ClientConnection) => Set<WatchEntry>;
  readonly #onSizeChange: (difference: number) => void;

  /** `watchesOf` gives the set in which a connection keeps its entries of this table. */
  constructor(
    watchesOf: (connection: ClientConnection) => Set<WatchEntry>,
    onSizeChange: (difference: number) => void,
  ) {
    this.#watchesOf = watchesOf;
    this.#onSizeChange = onSizeChange;
  }

  get paths(): number {
    return this.#byPath.size;
  }

  add(hash: number, bytes: Uint8Array, start: number, length: number, connection: ClientConnection): void {
    let entry = this.#byPath.find(hash, bytes, start, length);
    if (entry === null) {
      // Not `slice`, which for a Buffer is a view, and would keep all that was received with the path.
      const path = new Uint8Array(length);
      copyBytes(bytes, start, path, 0, length);
      entry = new WatchEntry(hash, path);
      this.#byPath.insert(entry);
    }
    if (entry.watchers.has(connection)) return;
    entry.watchers.add(connection);
    this.#watchesOf(connection).add(entry);
    this.#changeSize(1);
  }

  /** Takes the one-shot watches on a path out of the table and gives their connections, or null when there are none. */
  take(hash: number, bytes: Uint8Array, start: number, length: number): ReadonlySet<ClientConnection> | null {
    if (this.#byPath.size === 0) return null;
    const entry = this.#byPath.find(hash, bytes, start, length);
    if (entry === null) return null;
    this.#byPath.remove(entry);
    for (const connection of entry.watchers) this.#watchesOf(connection).delete(entry);
    this.#changeSize(-entry.watchers.size);
    return entry.watchers;
  }

  /** Drops all watches of a connection that is gone. */
  removeConnection(connection: ClientConnection): void {
    const entries = this.#watchesOf(connection);
    for (const entry of entries) {
      entry.watchers.delete(connection);
      if (entry.watchers.size === 0) this.#byPath.remove(entry);
    }
    this.#changeSize(-entries.size);
    entries.clear();
  }

  #changeSize(difference: number): void {
    this.size += difference;
    this.#onSizeChange(difference);
  }
}
