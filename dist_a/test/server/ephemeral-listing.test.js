import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JuteReader } from '../../src/jute/reader.js';
import { GrowingJuteWriter } from '../../src/jute/writer.js';
import { ErrorCode } from '../../src/protocol/error-code.js';
import { createReplicaMemory } from '../../src/replica/memory.js';
import { EphemeralListing } from '../../src/server/ephemeral-listing.js';
import { EphemeralOwners } from '../../src/txn/ephemeral-owners.js';
import { createPath, openTree } from '../replica/tree-model.js';
import { encode, readStrings } from '../support/wire-records.js';
test('a list that would be longer than jute.maxbuffer is refused, one of just that length is not', () => {
    const memoryBytesMax = 16 * 1024 * 1024;
    const tree = openTree(createReplicaMemory({ memoryBytesMax, readersMax: 1, hashSeed: 1 }), memoryBytesMax);
    const ephemerals = new EphemeralOwners();
    const paths = ['/a', '/bb', '/ccc'];
    for (const path of paths)
        ephemerals.add(1, 2, createPath(tree, path, null));
    const body = encode((writer) => writer.writeString('/'));
    const bytes = 4 + paths.reduce((sum, path) => sum + 4 + path.length, 0);
    const list = (bytesMax, high) => {
        const writer = new GrowingJuteWriter();
        const listing = new EphemeralListing(tree, ephemerals, bytesMax);
        const error = listing.write(high, 2, new JuteReader(body), writer);
        return error === ErrorCode.OK ? readStrings(new JuteReader(writer.written())) : error;
    };
    assert.deepEqual(list(bytes, 1), paths);
    assert.equal(list(bytes - 1, 1), ErrorCode.MARSHALLINGERROR);
    assert.deepEqual(list(bytes, 9), [], 'a session without ephemerals');
});
