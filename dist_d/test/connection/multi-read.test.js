import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MultiRead } from '../../src/connection/multi-read.js';
import { JuteError, JuteReader } from '../../src/jute/reader.js';
import { createReplicaMemory } from '../../src/replica/memory.js';
import { AccessControl } from '../../src/txn/access-control.js';
import { createPath, openTree } from '../replica/tree-model.js';
import { encode, readMultiReadResults, writeMultiRead } from '../support/wire-records.js';
test('a reply beyond the limit is refused: a small request could ask for any amount', () => {
    const memoryBytesMax = 16 * 1024 * 1024;
    const tree = openTree(createReplicaMemory({ memoryBytesMax, readersMax: 1, hashSeed: 1 }), memoryBytesMax);
    createPath(tree, '/large', Buffer.alloc(100_000, 7));
    const connection = { identities: [] };
    const multiRead = new MultiRead(tree, new AccessControl(tree, false), 1_000_000);
    const answer = (count) => {
        const operations = Array.from({ length: count }, () => ({ type: 'getData', path: '/large' }));
        const body = encode((writer) => writeMultiRead(writer, operations));
        return multiRead.answer(connection, new JuteReader(body));
    };
    assert.equal(readMultiReadResults(new JuteReader(answer(9))).length, 9);
    assert.throws(() => answer(10), JuteError);
});
