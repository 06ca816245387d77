import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { ClientConnection } from '../../src/connection/client-connection.ts';
import { WatchTable } from '../../src/connection/watch-table.ts';
import { countOf, dataWatchesField } from '../../src/connection/watched-paths.ts';
import { fakeConnection } from './fake-connection.ts';

/** A table whose paths are named by their text; `hash` makes some share one. */
function newTable() {
  let count = 0;
  const table = new WatchTable(dataWatchesField, (difference) => {
    count += difference;
  });
  const span = (path: string) => {
    const bytes = Buffer.from(`..${path}.`);
    return [path.length % 2, bytes, 2, bytes.length - 3] as const;
  };
  return {
    table,
    counted: () => count,
    add: (path: string, connection: ClientConnection) => table.add(...span(path), connection),
    take: (path: string) => {
      const watchers = table.take(...span(path));
      return watchers === null ? null : new Set(watchers.keys());
    },
  };
}

describe('WatchTable with standard watches', () => {
  it('is a map from paths to sets of connections, whatever is done to it', () => {
    const path = fc.constantFrom('/a', '/b', '/aa', '/bb', '/a/b');
    const action = fc.oneof(
      { weight: 5, arbitrary: fc.record({ add: path, by: fc.nat(3) }) },
      { weight: 2, arbitrary: fc.record({ take: path }) },
      { weight: 1, arbitrary: fc.record({ gone: fc.nat(3) }) },
    );
    const property = fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
      const { table, counted, add, take } = newTable();
      const connections = Array.from({ length: 4 }, () => fakeConnection().connection);
      const model = new Map<string, Set<ClientConnection>>();
      for (const each of actions) {
        if ('add' in each) {
          add(each.add, connections[each.by]);
          model.set(each.add, (model.get(each.add) ?? new Set()).add(connections[each.by]));
        } else if ('take' in each) {
          assert.deepEqual(take(each.take), model.get(each.take) ?? null);
          model.delete(each.take);
        } else {
          table.removeConnection(connections[each.gone]);
          for (const [key, watchers] of model) {
            watchers.delete(connections[each.gone]);
            if (watchers.size === 0) model.delete(key);
          }
        }
        const pairs = [...model.values()].reduce((sum, watchers) => sum + watchers.size, 0);
        assert.deepEqual([table.size, counted(), table.paths], [pairs, pairs, model.size]);
        for (const connection of connections) {
          const own = [...model.values()].filter((watchers) => watchers.has(connection)).length;
          assert.equal(countOf(connection.dataWatches), own);
        }
      }
    });
    fc.assert(property, { numRuns: 300 });
  });

  it('keeps its own copy of a path', () => {
    const { table } = newTable();
    const { connection } = fakeConnection();
    const bytes = Buffer.from('/a');
    table.add(1, bytes, 0, 2, connection);
    bytes.fill(0);
    assert.ok(table.take(1, Buffer.from('/a'), 0, 2)?.has(connection));
  });
});
