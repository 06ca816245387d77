import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JuteReader } from '../../src/jute/reader.ts';
import { GrowingJuteWriter } from '../../src/jute/writer.ts';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { createReplicaMemory } from '../../src/replica/memory.ts';
import { EphemeralListing } from '../../src/server/ephemeral-listing.ts';
import { EphemeralOwners } from '../../src/txn/ephemeral-owners.ts';
import { createPath, openTree } from '../replica/tree-model.ts';
import { encode, readStrings } from '../support/wire-records.ts';

test('a list that would be longer than jute.maxbuffer is refused, one of just that length is not', () => {
  const memoryBytesMax = 16 * 1024 * 1024;
  const tree = openTree(createReplicaMemory({ memoryBytesMax, readersMax: 1, hashSeed: 1 }), memoryBytesMax);
  const ephemerals = new EphemeralOwners();
  const paths = ['/a', '/bb', '/ccc'];
  for (const path of paths) ephemerals.add(1, 2, createPath(tree, path, null));
  const body = encode((writer) => writer.writeString('/'));
  const bytes = 4 + paths.reduce((sum, path) => sum + 4 + path.length, 0);
  const list = (bytesMax: number, high: number) => {
    const writer = new GrowingJuteWriter();
    const listing = new EphemeralListing(tree, ephemerals, bytesMax);
    const error = listing.write(high, 2, new JuteReader(body), writer);
    return error === ErrorCode.OK ? readStrings(new JuteReader(writer.written())) : error;
  };
  assert.deepEqual(list(bytes, 1), paths);
  assert.equal(list(bytes - 1, 1), ErrorCode.MARSHALLINGERROR);
  assert.deepEqual(list(bytes, 9), [], 'a session without ephemerals');
});
