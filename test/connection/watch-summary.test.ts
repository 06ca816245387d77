import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  countWatches,
  distinctPaths,
  listWatches,
  type WatchCounts,
} from '../../src/connection/watch-summary.ts';
import { WatchTable } from '../../src/connection/watch-table.ts';
import { dataWatchesField } from '../../src/connection/watched-paths.ts';
import { fakeConnection } from './fake-connection.ts';

function counts(...hashes: number[]): WatchCounts {
  return { connections: 1, watches: hashes.length / 2, pathHashes: Int32Array.from(hashes) };
}

test('a path that several workers watch counts once', () => {
  assert.equal(distinctPaths([counts(1, 100_000, -2, 200_000)]), 2);
  assert.equal(distinctPaths([counts(1, 100_000, -2, 200_000), counts(-2, 200_000), counts()]), 2);
  assert.equal(distinctPaths([counts(1, 100_000), counts(1, 300_000)]), 2, 'alike in one hash only');
  assert.equal(distinctPaths([]), 0);
});

test('paths of every kind of letter are listed and counted', () => {
  const table = new WatchTable(dataWatchesField, () => {});
  const { connection } = fakeConnection();
  const paths = ['/a', '/é', '/日本'];
  for (const [hash, path] of paths.entries()) {
    const bytes = Buffer.from(`..${path}`);
    table.add(hash, bytes, 2, bytes.length - 2, connection);
  }
  const silent = fakeConnection().connection;
  assert.deepEqual(listWatches([silent, connection]), [{ idHigh: 0, idLow: 0, paths }]);
  const counts = countWatches([silent, connection]);
  assert.deepEqual([counts.connections, counts.watches], [1, 3]);
  assert.equal(distinctPaths([counts, countWatches([connection])]), 3);
});
