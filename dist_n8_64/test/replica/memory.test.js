import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DataTree } from '../../src/replica/data-tree.js';
import { createReplicaMemory } from '../../src/replica/memory.js';
const MIB = 1024 * 1024;
describe('createReplicaMemory', () => {
    it('stays within the budget, index and lock included, and uses nearly all of it', () => {
        for (const memoryBytesMax of [16 * 1024, 100_001, 5 * MIB, 700 * MIB]) {
            const memory = createReplicaMemory({ memoryBytesMax, readersMax: 3, hashSeed: 1 });
            const buffers = [memory.header, memory.buckets, memory.lock, ...memory.segments];
            const total = buffers.reduce((sum, buffer) => sum + buffer.byteLength, 0);
            assert.ok(total <= memoryBytesMax, `${total} of ${memoryBytesMax}`);
            assert.ok(total > memoryBytesMax - 4096, `${total} of ${memoryBytesMax}`);
        }
    });
    it('makes segments of one length, a shorter one at the end', () => {
        const options = { memoryBytesMax: 300_000, readersMax: 1, hashSeed: 1, segmentBytes: 64 * 1024 };
        const lengths = createReplicaMemory(options).segments.map((segment) => segment.byteLength);
        assert.deepEqual(lengths.slice(0, -1), Array(lengths.length - 1).fill(65_536));
        assert.ok(lengths.length > 3 && lengths[lengths.length - 1] < 65_536);
    });
    it('refuses options out of range and names them', () => {
        const good = { memoryBytesMax: MIB, readersMax: 1, hashSeed: 1 };
        assert.throws(() => createReplicaMemory({ ...good, memoryBytesMax: 100 }), /memoryBytesMax 100/);
        assert.throws(() => createReplicaMemory({ ...good, memoryBytesMax: 2 ** 35 }), /memoryBytesMax/);
        assert.throws(() => createReplicaMemory({ ...good, readersMax: -1 }), /readersMax -1/);
        assert.throws(() => createReplicaMemory({ ...good, segmentBytes: 5000 }), /power of two/);
        assert.throws(() => createReplicaMemory({ ...good, segmentBytes: 2 ** 30 }), /segmentBytes/);
    });
    it('costs next to no resident memory while the tree is empty', () => {
        const before = process.memoryUsage().rss;
        const tree = DataTree.create({ memoryBytesMax: 4096 * MIB, readersMax: 4, hashSeed: 1 });
        const grown = process.memoryUsage().rss - before;
        assert.equal(tree.znodeCount, 1);
        assert.ok(grown < 32 * MIB, `resident memory grew by ${grown}`);
    });
});
