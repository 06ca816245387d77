import type { ClientConnection } from './client-connection.ts';
import type { WatchEntry } from './watch-table.ts';

/**
 * A connection's entries in one table of watches. Of many thousand sessions most watch one path, or none: a set is made
 * for a second one, and stays.
 */
export type WatchedPaths = WatchEntry | Set<WatchEntry> | null;

/** Where connections keep their entries of one of the two tables. */
export interface WatchedPathsField {
  get(connection: ClientConnection): WatchedPaths;
  set(connection: ClientConnection, paths: WatchedPaths): void;
}

export const dataWatchesField: WatchedPathsField = {
  get: (connection) => connection.dataWatches,
  set: (connection, paths) => {
    connection.dataWatches = paths;
  },
};

export const childWatchesField: WatchedPathsField = {
  get: (connection) => connection.childWatches,
  set: (connection, paths) => {
    connection.childWatches = paths;
  },
};

/** `paths` with `entry`, which may be among them already. */
export function withEntry(paths: WatchedPaths, entry: WatchEntry): WatchedPaths {
  if (paths === null || paths === entry) return entry;
  if (paths instanceof Set) return paths.add(entry);
  return new Set([paths, entry]);
}

/** `paths` without `entry`, which need not be among them. */
export function withoutEntry(paths: WatchedPaths, entry: WatchEntry): WatchedPaths {
  if (paths instanceof Set) paths.delete(entry);
  return paths === entry ? null : paths;
}

export function entriesOf(paths: WatchedPaths): Iterable<WatchEntry> {
  if (paths instanceof Set) return paths;
  return paths === null ? [] : [paths];
}

export function countOf(paths: WatchedPaths): number {
  if (paths instanceof Set) return paths.size;
  return paths === null ? 0 : 1;
}
