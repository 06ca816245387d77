import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClientConnection } from '../../src/connection/client-connection.ts';
import { MultiRead } from '../../src/connection/multi-read.ts';
import { JuteError, JuteReader } from '../../src/jute/reader.ts';
import { createReplicaMemory } from '../../src/replica/memory.ts';
import { AccessControl } from '../../src/txn/access-control.ts';
import { createPath, openTree } from '../replica/tree-model.ts';
import { encode, readMultiReadResults, writeMultiRead } from '../support/wire-records.ts';

test('a reply beyond the limit is refused: a small request could ask for any amount', () => {
  const memoryBytesMax = 16 * 1024 * 1024;
  const tree = openTree(createReplicaMemory({ memoryBytesMax, readersMax: 1, hashSeed: 1 }), memoryBytesMax);
  createPath(tree, '/large', Buffer.alloc(100_000, 7));
  const connection = { identities: [] } as unknown as ClientConnection;
  const multiRead = new MultiRead(tree, new AccessControl(tree, false), 1_000_000);
  const answer = (count: number) => {
    const operations = Array.from({ length: count }, () => ({ type: 'getData', path: '/large' }) as const);
    const body = encode((writer) => writeMultiRead(writer, operations));
    return multiRead.answer(connection, new JuteReader(body));
  };
  assert.equal(readMultiReadResults(new JuteReader(answer(9))).length, 9);
  assert.throws(() => answer(10), JuteError);
});
