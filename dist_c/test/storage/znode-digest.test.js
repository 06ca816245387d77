import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { DigestMemory } from '../../src/storage/znode-digest.js';
import { contentCrc, znodeDigest } from '../../src/txn/digest.js';
import { addZnode, newTree } from './support.js';
const memory = new DigestMemory(1 << 16);
/** Puts a znode's path, data and stat into the memory, in this order, `gap` bytes apart. */
function digestOf(path, data, stat, gap) {
    const dataAt = memory.start + path.length + gap;
    const statAt = dataAt + (data?.length ?? 0) + gap;
    memory.bytes.set(path, memory.start);
    if (data !== null)
        memory.bytes.set(data, dataAt);
    memory.bytes.set(stat, statAt);
    return memory.digest(memory.start, path.length, dataAt, data === null ? -1 : data.length, statAt);
}
test('is the digest that the tree computes, for any znode', () => {
    const stats = fc.uint8Array({ minLength: 60, maxLength: 60 });
    const data = fc.option(fc.uint8Array({ maxLength: 300 }));
    fc.assert(fc.property(fc.string({ minLength: 1, maxLength: 60 }), data, stats, fc.nat(9), (name, value, stat, gap) => {
        const path = Buffer.from(`/${name.replaceAll('/', '.')}`);
        const tree = newTree(1 << 18);
        const ref = addZnode(tree, path.toString(), value);
        tree.loadStatPersisted(ref, new DataView(stat.buffer, stat.byteOffset), 0);
        const content = value ?? new Uint8Array(0);
        tree.setContentCrc(ref, contentCrc(path, 0, path.length, content, 0, value === null ? -1 : content.length));
        assert.equal(digestOf(path, value, stat, gap), znodeDigest(tree, ref));
        assert.equal(memory.contentCrc, tree.contentCrc(ref));
    }), { numRuns: 200 });
});
test('the content CRC is zlib’s, over pieces of every length and alignment', () => {
    const bytes = Buffer.from(Array.from({ length: 400 }, (_, i) => (i * 131) & 0xff));
    for (let length = 0; length < 200; length++) {
        const path = bytes.subarray(length % 9, (length % 9) + (length >> 1));
        const data = bytes.subarray(200, 200 + length);
        digestOf(path, data, new Uint8Array(60), length % 7);
        assert.equal(memory.contentCrc >>> 0, crc32(data, crc32(path)));
    }
});
test('keeps what is there when it grows', () => {
    const grown = new DigestMemory(100);
    grown.bytes.set([1, 2, 3], grown.start);
    const before = grown.digest(grown.start, 3, 0, -1, grown.start + 8);
    grown.reserve(5 << 20);
    assert.deepEqual([...grown.bytes.subarray(grown.start, grown.start + 3)], [1, 2, 3]);
    grown.bytes[grown.start + (5 << 20) - 1] = 7;
    grown.view.setUint8(grown.start + (5 << 20) - 1, 8);
    assert.equal(grown.bytes[grown.start + (5 << 20) - 1], 8);
    assert.equal(grown.digest(grown.start, 3, 0, -1, grown.start + 8), before);
});
