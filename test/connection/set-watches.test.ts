import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SetWatches } from '../../src/connection/set-watches.ts';
import { WatchTable } from '../../src/connection/watch-table.ts';
import { childWatchesField, dataWatchesField, entriesOf } from '../../src/connection/watched-paths.ts';
import { JuteError, JuteReader } from '../../src/jute/reader.ts';
import { GrowingJuteWriter } from '../../src/jute/writer.ts';
import { addZnode, newTree } from '../storage/support.ts';
import { fakeConnection } from './fake-connection.ts';

type Paths = readonly (string | null)[] | null;

function body(seen: bigint, lists: readonly Paths[]): Uint8Array {
  const writer = new GrowingJuteWriter();
  writer.writeLong(seen);
  for (const paths of lists) {
    writer.writeInt(paths?.length ?? -1);
    for (const path of paths ?? []) writer.writeString(path);
  }
  return writer.written().slice();
}

/** A tree with /old (all zxids 5), /set (mzxid 20) and /parent (pzxid 30). */
function carryOut(request: Uint8Array) {
  const tree = newTree(1 << 20);
  for (const path of ['/old', '/set', '/parent']) addZnode(tree, path, null, null, 5);
  tree.setMzxid(tree.find(Buffer.from('/set'), 0, 4), 0, 20);
  tree.setPzxid(tree.find(Buffer.from('/parent'), 0, 7), 0, 30);
  const data = new WatchTable(dataWatchesField, () => {});
  const child = new WatchTable(childWatchesField, () => {});
  const events: string[] = [];
  const setWatches = new SetWatches(tree, data, child, (_connection, type, path, start, length) => {
    events.push(`${type} ${Buffer.from(path.subarray(start, start + length))}`);
  });
  const { connection } = fakeConnection();
  const bytes = Buffer.concat([Buffer.from('....'), request, Buffer.from('..')]);
  const reader = new JuteReader(bytes);
  reader.reset(bytes, 4, bytes.length - 2);
  let error: unknown = null;
  try {
    setWatches.carryOut(connection, reader, 3);
  } catch (thrown) {
    error = thrown;
  }
  const names = (entries: Iterable<{ path: string }>) =>
    [...entries].map(({ path }) => Buffer.from(path, 'latin1').toString()).sort();
  return {
    events,
    data: names(entriesOf(connection.dataWatches)),
    child: names(entriesOf(connection.childWatches)),
    error,
  };
}

describe('SetWatches', () => {
  it('fires data watches on what changed or went, and registers the rest', () => {
    const { events, data, child } = carryOut(body(10n, [['/old', '/set', '/none', '/parent'], [], []]));
    assert.deepEqual(events, ['3 /set', '2 /none']);
    assert.deepEqual(data, ['/old', '/parent']);
    assert.deepEqual(child, []);
  });

  it('fires existence watches on what is there now, and registers the rest as data watches', () => {
    const { events, data } = carryOut(body(10n, [[], ['/old', '/none'], []]));
    assert.deepEqual(events, ['1 /old']);
    assert.deepEqual(data, ['/none']);
  });

  it('fires child watches on changed lists of children, and registers the rest', () => {
    const { events, data, child } = carryOut(body(10n, [[], [], ['/old', '/set', '/parent', '/none']]));
    assert.deepEqual(events, ['4 /parent', '2 /none']);
    assert.deepEqual(child, ['/old', '/set']);
    assert.deepEqual(data, []);
  });

  it('compares with what the client has seen, that zxid included', () => {
    assert.deepEqual(carryOut(body(20n, [['/set'], [], ['/parent']])).events, ['4 /parent']);
    assert.deepEqual(carryOut(body(19n, [['/set'], [], []])).events, ['3 /set']);
    assert.deepEqual(carryOut(body(30n, [[], [], ['/parent']])).events, []);
    // Across the low word's sign, and in another epoch.
    assert.deepEqual(carryOut(body(0xffff_fff0n, [['/set'], [], ['/parent']])).events, []);
    assert.deepEqual(carryOut(body(-1n, [['/set'], [], []])).events, ['3 /set']);
  });

  it('takes the lists in order, and null ones as empty', () => {
    const { events } = carryOut(body(10n, [['/none'], ['/old'], ['/parent']]));
    assert.deepEqual(events, ['2 /none', '1 /old', '4 /parent']);
    assert.deepEqual(carryOut(body(10n, [null, null, null])).error, null);
    assert.deepEqual(carryOut(body(10n, [[null, ''], [null], ['']])).events, []);
  });

  it('does nothing at all when it is cut short, wherever that is', () => {
    const whole = body(10n, [['/set', '/old'], ['/none'], ['/parent', '/old']]);
    for (let end = 0; end < whole.length; end++) {
      const { events, data, child, error } = carryOut(whole.slice(0, end));
      assert.ok(error instanceof JuteError, `cut at ${end}`);
      assert.deepEqual([events, data, child], [[], [], []], `cut at ${end}`);
    }
  });
});
