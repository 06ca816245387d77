import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { WatchEntry } from '../../src/connection/watch-table.ts';
import {
  countOf,
  entriesOf,
  type WatchedPaths,
  withEntry,
  withoutEntry,
} from '../../src/connection/watched-paths.ts';

test('the watched paths are a set, whether kept as one or not', () => {
  const entries = [0, 1, 2].map((hash) => new WatchEntry(hash, `/${hash}`));
  const action = fc.record({ adds: fc.boolean(), index: fc.nat(2) });
  const property = fc.property(fc.array(action, { maxLength: 20 }), (actions) => {
    let paths: WatchedPaths = null;
    const model = new Set<WatchEntry>();
    for (const { adds, index } of actions) {
      const entry = entries[index];
      if (adds) model.add(entry);
      else model.delete(entry);
      paths = adds ? withEntry(paths, entry) : withoutEntry(paths, entry);
      assert.deepEqual([...entriesOf(paths)], [...model]);
      assert.equal(countOf(paths), model.size);
    }
  });
  fc.assert(property);
});

test('no set is made for one path, however often it is watched', () => {
  const entry = new WatchEntry(1, '/a');
  const paths = withEntry(withEntry(null, entry), entry);
  assert.equal(paths, entry);
  assert.equal(withoutEntry(paths, entry), null);
});
