import type { ClientConnection } from './client-connection.ts';
import type { WatchEntry } from './watch-table.ts';
import { countOf, entriesOf } from './watched-paths.ts';

/** How many data watches a worker has, for wchs (which Apache asks of its data watches only). */
export interface WatchCounts {
  readonly connections: number;
  readonly watches: number;
  /** Two hashes for each distinct path: several workers may watch the same one. */
  readonly pathHashes: Int32Array;
}

/** The paths on which a session has data watches, for wchc and wchp. */
export interface SessionWatches {
  readonly idHigh: number;
  readonly idLow: number;
  readonly paths: readonly string[];
}

/** Counts the data watches of these connections. */
export function countWatches(connections: Iterable<ClientConnection>): WatchCounts {
  const entries = new Set<WatchEntry>();
  let watching = 0;
  let watches = 0;
  for (const connection of connections) {
    const own = countOf(connection.dataWatches);
    if (own === 0) continue;
    watching++;
    watches += own;
    for (const entry of entriesOf(connection.dataWatches)) entries.add(entry);
  }
  const pathHashes = new Int32Array(entries.size * 2);
  let at = 0;
  for (const entry of entries) {
    pathHashes[at++] = entry.hash;
    pathHashes[at++] = secondHash(entry.path);
  }
  return { connections: watching, watches, pathHashes };
}

/** The data watches of these connections, by session. */
export function listWatches(connections: Iterable<ClientConnection>): SessionWatches[] {
  const sessions: SessionWatches[] = [];
  for (const connection of connections) {
    if (countOf(connection.dataWatches) === 0) continue;
    const paths = Array.from(entriesOf(connection.dataWatches), ({ path }) =>
      Buffer.from(path, 'latin1').toString('utf8'),
    );
    sessions.push({ idHigh: connection.sessionHigh, idLow: connection.sessionLow, paths });
  }
  return sessions;
}

/** How many distinct paths the workers' hashes stand for. */
export function distinctPaths(all: readonly WatchCounts[]): number {
  if (all.length === 1) return all[0].pathHashes.length / 2;
  const distinct = new Set<number>();
  for (const { pathHashes } of all) {
    // 53 of the 64 bits: what a number holds.
    for (let i = 0; i < pathHashes.length; i += 2) {
      distinct.add((pathHashes[i] >>> 0) * 2 ** 21 + (pathHashes[i + 1] >>> 11));
    }
  }
  return distinct.size;
}

function secondHash(path: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < path.length; i++) hash = Math.imul(hash ^ path.charCodeAt(i), 0x01000193);
  return hash;
}
