import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ReplyWriter } from '../../src/connection/reply-writer.ts';
import { WatchEvents } from '../../src/connection/watch-events.ts';
import { WatchTable } from '../../src/connection/watch-table.ts';
import { childWatchesField, dataWatchesField } from '../../src/connection/watched-paths.ts';
import { newCounters } from '../../src/connection/worker-counters.ts';
import type { Identity } from '../../src/protocol/acl.ts';
import { ZnodeChange } from '../../src/ring/record-kind.ts';
import { newTree, serialiseAcl } from '../storage/support.ts';
import { type FakeSocket, fakeConnection } from './fake-connection.ts';

const CREATED = 1;
const DELETED = 2;
const DATA_CHANGED = 3;
const CHILDREN_CHANGED = 4;
const SECRET = serialiseAcl([
  [31, 'digest', 'ann:x'],
  [30, 'world', 'anyone'],
]);
const NOBODY = serialiseAcl([[0, 'world', 'anyone']]);
const ANN: Identity = { scheme: 'digest', id: 'ann:x' };
const SUPER: Identity = { scheme: 'super', id: '' };

class Watchers {
  readonly #tree = newTree(1 << 20);
  readonly #replies = new ReplyWriter(
    1 << 20,
    () => {},
    () => {},
  );
  readonly data = new WatchTable(dataWatchesField, () => {});
  readonly child = new WatchTable(childWatchesField, () => {});
  readonly #events = new WatchEvents(this.#tree, this.#replies, this.data, this.child, newCounters());

  /** A connection with these watches. */
  watcher(data: readonly string[], child: readonly string[], identities: readonly Identity[] = []) {
    const { connection, socket } = fakeConnection();
    connection.identities = identities;
    const add = (table: WatchTable, path: string) => {
      const bytes = Buffer.from(path);
      table.add(this.#tree.hashPath(bytes, 0, bytes.length), bytes, 0, bytes.length, connection);
    };
    for (const path of data) add(this.data, path);
    for (const path of child) add(this.child, path);
    return { connection, events: () => eventsIn(socket) };
  }

  fire(
    change: ZnodeChange,
    path: string,
    acl: Uint8Array = new Uint8Array(0),
    parentAcl: Uint8Array = new Uint8Array(0),
  ): void {
    const pathBytes = Buffer.from(path);
    const aclStart = 3 + pathBytes.length;
    this.#events.fire({
      change,
      zxidHigh: 7,
      zxidLow: 9,
      bytes: Buffer.concat([Buffer.from('...'), pathBytes, acl, parentAcl]),
      pathStart: 3,
      pathLength: pathBytes.length,
      aclStart,
      aclLength: acl.length,
      parentAclStart: aclStart + acl.length,
      parentAclLength: parentAcl.length,
    });
    this.#replies.flush();
  }
}

/** Type and path of the notifications that a socket got. */
function eventsIn(socket: FakeSocket): [number, string][] {
  const { output } = socket;
  const found: [number, string][] = [];
  for (let at = 0; at < output.length; at += 4 + output.readInt32BE(at)) {
    assert.equal(output.readInt32BE(at + 4), -1, 'xid');
    assert.equal(output.readBigInt64BE(at + 8), 0x700000009n, 'zxid of the txn');
    assert.equal(output.readInt32BE(at + 16), 0, 'err');
    assert.equal(output.readInt32BE(at + 24), 3, 'state');
    const length = output.readInt32BE(at + 28);
    assert.equal(output.readInt32BE(at), 28 + length);
    found.push([output.readInt32BE(at + 20), output.toString('utf8', at + 32, at + 32 + length)]);
  }
  return found;
}

describe('WatchEvents', () => {
  it('of a creation: data watches on the path, child watches on its parent', () => {
    const watchers = new Watchers();
    const all = watchers.watcher(['/p/a', '/p', '/'], ['/p/a', '/p', '/']);
    watchers.fire(ZnodeChange.created, '/p/a');
    assert.deepEqual(all.events(), [
      [CREATED, '/p/a'],
      [CHILDREN_CHANGED, '/p'],
    ]);
    assert.deepEqual([watchers.data.size, watchers.child.size], [2, 2]);
  });

  it('of a deletion: data and child watches on the path, child watches on its parent', () => {
    const watchers = new Watchers();
    const onData = watchers.watcher(['/p/a'], []);
    const onChild = watchers.watcher([], ['/p/a']);
    const onParent = watchers.watcher(['/p'], ['/p']);
    watchers.fire(ZnodeChange.deleted, '/p/a');
    assert.deepEqual(onData.events(), [[DELETED, '/p/a']]);
    assert.deepEqual(onChild.events(), [[DELETED, '/p/a']]);
    assert.deepEqual(onParent.events(), [[CHILDREN_CHANGED, '/p']]);
  });

  it('of a deletion reach a connection once for the path, and both its watches are used up', () => {
    const watchers = new Watchers();
    const both = watchers.watcher(['/p/a'], ['/p/a', '/p']);
    watchers.fire(ZnodeChange.deleted, '/p/a');
    assert.deepEqual(both.events(), [
      [DELETED, '/p/a'],
      [CHILDREN_CHANGED, '/p'],
    ]);
    assert.deepEqual([watchers.data.size, watchers.child.size], [0, 0]);
  });

  it('of a change of data: data watches on the path alone', () => {
    const watchers = new Watchers();
    const all = watchers.watcher(['/p/a', '/p'], ['/p/a', '/p']);
    watchers.fire(ZnodeChange.dataChanged, '/p/a');
    assert.deepEqual(all.events(), [[DATA_CHANGED, '/p/a']]);
  });

  it('of a top-level znode name the root as its parent, and one of the root itself has none', () => {
    const watchers = new Watchers();
    const all = watchers.watcher(['/'], ['/']);
    watchers.fire(ZnodeChange.created, '/a');
    watchers.fire(ZnodeChange.dataChanged, '/');
    assert.deepEqual(all.events(), [
      [CHILDREN_CHANGED, '/'],
      [DATA_CHANGED, '/'],
    ]);
  });

  it('come once for each watch', () => {
    const watchers = new Watchers();
    const one = watchers.watcher(['/a'], []);
    watchers.fire(ZnodeChange.dataChanged, '/a');
    watchers.fire(ZnodeChange.dataChanged, '/a');
    watchers.fire(ZnodeChange.deleted, '/a');
    assert.deepEqual(one.events(), [[DATA_CHANGED, '/a']]);
  });

  it('are for those who may read, and others lose their watches all the same', () => {
    for (const [change, type] of [
      [ZnodeChange.created, CREATED],
      [ZnodeChange.deleted, DELETED],
      [ZnodeChange.dataChanged, DATA_CHANGED],
    ] as const) {
      const watchers = new Watchers();
      const stranger = watchers.watcher(['/p/a'], ['/p/a', '/p']);
      const ann = watchers.watcher(['/p/a'], ['/p'], [{ scheme: 'ip', id: '1.2.3.4' }, ANN]);
      const superUser = watchers.watcher(['/p/a'], ['/p'], [SUPER]);
      watchers.fire(change, '/p/a', SECRET, NOBODY);
      // The parent's list decides on ChildrenChanged.
      assert.deepEqual(stranger.events(), []);
      assert.deepEqual(ann.events(), [[type, '/p/a']]);
      const parent: [number, string][] = change === ZnodeChange.dataChanged ? [] : [[CHILDREN_CHANGED, '/p']];
      assert.deepEqual(superUser.events(), [[type, '/p/a'], ...parent]);
      assert.equal(watchers.data.size, 0);
      if (change === ZnodeChange.deleted) assert.equal(watchers.child.size, 0);
    }
    const watchers = new Watchers();
    const stranger = watchers.watcher(['/p/a'], ['/p']);
    watchers.fire(ZnodeChange.created, '/p/a', SECRET);
    assert.deepEqual(stranger.events(), [[CHILDREN_CHANGED, '/p']]);
  });

  it('do not reach connections that are gone', () => {
    const watchers = new Watchers();
    const gone = watchers.watcher(['/a'], ['/']);
    const here = watchers.watcher(['/a'], ['/']);
    watchers.data.removeConnection(gone.connection);
    watchers.child.removeConnection(gone.connection);
    watchers.fire(ZnodeChange.created, '/a');
    assert.deepEqual(gone.events(), []);
    assert.equal(here.events().length, 2);
  });

  it('are told apart by every byte of the path', () => {
    const watchers = new Watchers();
    const all = watchers.watcher(['/a', '/a/', '/ab', '/a/b', ''], ['/ab', '/a/b']);
    watchers.fire(ZnodeChange.created, '/a');
    assert.deepEqual(all.events(), [[CREATED, '/a']]);
  });
});
