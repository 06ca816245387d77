import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ClientConnection } from '../../src/connection/client-connection.ts';
import { WatchMode, WatchTable } from '../../src/connection/watch-table.ts';
import { countOf, type WatchedPaths } from '../../src/connection/watched-paths.ts';

const { standard, persistent, recursive, any } = WatchMode;

interface Watcher {
  readonly connection: ClientConnection;
  readonly entries: { readonly size: number };
}

/** A table, and watchers of which it needs no more than their entries. */
function setUp() {
  const watched = new Map<ClientConnection, WatchedPaths>();
  let told = 0;
  const table = new WatchTable(
    {
      get: (connection) => watched.get(connection) ?? null,
      set: (connection, paths) => watched.set(connection, paths),
    },
    (difference) => {
      told += difference;
    },
  );
  const newWatcher = (): Watcher => {
    const connection = {} as ClientConnection;
    const entries = {
      get size() {
        return countOf(watched.get(connection) ?? null);
      },
    };
    return { connection, entries };
  };
  const at = (path: string) => {
    const bytes = Buffer.from(`..${path}..`);
    // All paths share a hash: those that the map must tell apart by their bytes.
    return [7, bytes, 2, bytes.length - 4] as const;
  };
  return {
    table,
    newWatcher,
    add: (path: string, { connection }: Watcher, mode?: number) => table.add(...at(path), connection, mode),
    has: (path: string, { connection }: Watcher, modes: number) => table.has(...at(path), connection, modes),
    remove: (path: string, { connection }: Watcher, modes: number) =>
      table.remove(...at(path), connection, modes),
    take: (path: string) => [...(table.take(...at(path))?.keys() ?? [])],
    recursiveOf: (path: string) => {
      const found = new Set<ClientConnection>();
      table.addRecursive(...at(path), found);
      return [...found];
    },
    told: () => told,
  };
}

describe('the modes of WatchTable', () => {
  test('a standard watch is spent by the first event, others stay', () => {
    const { table, newWatcher, add, take, told } = setUp();
    const [a, b, c] = [newWatcher(), newWatcher(), newWatcher()];
    add('/x', a);
    add('/x', b, persistent);
    add('/x', c, recursive);
    assert.deepEqual(take('/x'), [a.connection, b.connection, c.connection]);
    assert.deepEqual(take('/x'), [b.connection, c.connection]);
    assert.deepEqual([table.size, table.paths, table.recursive, told()], [2, 1, 1, 2]);
    assert.equal(a.entries.size, 0);
    assert.equal(b.entries.size, 1);
  });

  test('a path with standard watches only is forgotten with the event', () => {
    const { table, newWatcher, add, take, told } = setUp();
    const [a, b] = [newWatcher(), newWatcher()];
    add('/x', a);
    add('/x', b);
    add('/x', b);
    assert.equal(table.size, 2);
    assert.deepEqual(take('/x'), [a.connection, b.connection]);
    assert.deepEqual(take('/x'), []);
    assert.deepEqual([table.size, table.paths, told(), a.entries.size, b.entries.size], [0, 0, 0, 0, 0]);
  });

  test('modes of one connection on one path are one watch in the count, and independent', () => {
    const { table, newWatcher, add, has, remove, take, recursiveOf } = setUp();
    const a = newWatcher();
    add('/x', a, standard);
    add('/x', a, persistent);
    add('/x', a, recursive);
    assert.deepEqual([table.size, table.recursive], [1, 1]);
    assert.deepEqual(take('/x'), [a.connection]);
    assert.deepEqual(
      [has('/x', a, standard), has('/x', a, persistent), has('/x', a, recursive), has('/x', a, any)],
      [false, true, true, true],
    );
    assert.deepEqual(recursiveOf('/x'), [a.connection]);
    assert.equal(remove('/x', a, standard), false);
    assert.equal(remove('/x', a, recursive), true);
    assert.deepEqual(recursiveOf('/x'), []);
    assert.deepEqual([table.size, table.recursive], [1, 0]);
    assert.equal(remove('/x', a, any), true);
    assert.equal(remove('/x', a, any), false);
    assert.deepEqual([table.size, table.paths, a.entries.size], [0, 0, 0]);
  });

  test('only recursive watches are found by addRecursive', () => {
    const { newWatcher, add, recursiveOf } = setUp();
    const [a, b, c] = [newWatcher(), newWatcher(), newWatcher()];
    add('/x', a);
    add('/x', b, persistent);
    add('/x', c, recursive);
    assert.deepEqual(recursiveOf('/x'), [c.connection]);
    assert.deepEqual(recursiveOf('/y'), []);
  });

  test('a connection that is gone leaves nothing, and takes nothing of others', () => {
    const { table, newWatcher, add, take, told } = setUp();
    const [a, b] = [newWatcher(), newWatcher()];
    for (const mode of [standard, persistent, recursive]) {
      add(`/${mode}`, a, mode);
      add('/shared', a, mode);
    }
    add('/shared', b, persistent);
    table.removeConnection(a.connection);
    assert.deepEqual([table.size, table.paths, table.recursive, told()], [1, 1, 0, 1]);
    assert.deepEqual([a.entries.size, b.entries.size], [0, 1]);
    assert.deepEqual(take('/shared'), [b.connection]);
    table.removeConnection(a.connection);
    assert.equal(table.size, 1);
  });

  test('keeps a copy of the path: the frame that it came in is used again', () => {
    const { table, newWatcher } = setUp();
    const bytes = Buffer.from('/abc');
    const { connection } = newWatcher();
    table.add(1, bytes, 0, 4, connection);
    bytes.fill(0x7a);
    assert.equal(table.has(1, Buffer.from('/abc'), 0, 4, connection, standard), true);
  });
});
