import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JuteError } from '../../src/jute/reader.ts';
import { GrowingJuteWriter } from '../../src/jute/writer.ts';
import { type Identity, writeIdentities } from '../../src/protocol/acl.ts';
import { SharedIdentities } from '../../src/server/shared-identities.ts';

/** The list as it stands in a ring, with other bytes around it. */
function inRing(identities: readonly Identity[]): [Uint8Array, number, number] {
  const writer = new GrowingJuteWriter();
  writeIdentities(writer, identities);
  const bytes = Buffer.concat([Buffer.from('before'), writer.written(), Buffer.from('behind')]);
  return [bytes, 6, bytes.length - 6];
}

test('connections with the same identities share one list of them', () => {
  const shared = new SharedIdentities();
  const local = [{ scheme: 'ip', id: '127.0.0.1' }];
  const other = [{ scheme: 'ip', id: '127.0.0.2' }];
  const list = shared.read(...inRing(local));
  assert.deepEqual(list, local);
  assert.equal(shared.read(...inRing(local)), list);
  assert.deepEqual(shared.read(...inRing(other)), other);
  const both = [...local, ...other];
  assert.deepEqual(shared.read(...inRing(both)), both);
});

test('long lists are read, and not kept', () => {
  const shared = new SharedIdentities();
  const long = [{ scheme: 'digest', id: 'x'.repeat(200) }];
  const list = shared.read(...inRing(long));
  assert.deepEqual(list, long);
  assert.notEqual(shared.read(...inRing(long)), list);
});

test('lists do not pile up, and damaged ones are refused', () => {
  const shared = new SharedIdentities();
  const first = [{ scheme: 'ip', id: 'first' }];
  const list = shared.read(...inRing(first));
  for (let i = 0; i < 4096; i++) shared.read(...inRing([{ scheme: 'ip', id: `${i}` }]));
  const again = shared.read(...inRing(first));
  assert.notEqual(again, list, 'it was forgotten');
  assert.deepEqual(again, first);
  const [bytes, start, end] = inRing(first);
  assert.throws(() => shared.read(bytes, start, end - 1), JuteError);
});
