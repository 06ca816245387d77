import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ClientConnection } from '../../src/connection/client-connection.ts';
import { WatcherModes } from '../../src/connection/watchers.ts';
import { fakeConnection } from './fake-connection.ts';

test('the watchers of a path are a map from connections to modes, in the order in which they came', () => {
  const connections = [0, 1, 2].map(() => fakeConnection().connection);
  const action = fc.record({ index: fc.nat(2), modes: fc.nat(7) });
  const property = fc.property(fc.array(action, { maxLength: 20 }), (actions) => {
    const watchers = new WatcherModes();
    const model = new Map<ClientConnection, number>();
    for (const { index, modes } of actions) {
      if (modes === 0) model.delete(connections[index]);
      else model.set(connections[index], modes);
      watchers.set(connections[index], modes);
      assert.deepEqual([...watchers.keys()], [...model.keys()]);
      assert.equal(watchers.size, model.size);
      for (const connection of connections) {
        assert.equal(watchers.get(connection), model.get(connection) ?? 0);
        assert.equal(watchers.has(connection), model.has(connection));
      }
    }
  });
  fc.assert(property);
});
