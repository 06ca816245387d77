import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Allocator, boundBytes, NO_BLOCK } from '../../src/replica/allocator.js';
import { createReplicaMemory, SegmentViews } from '../../src/replica/memory.js';
const SEEDED = { seed: 20240611, numRuns: 60 };
function create(memoryBytesMax, segmentBytes) {
    const memory = createReplicaMemory({ memoryBytesMax, readersMax: 1, hashSeed: 1, segmentBytes });
    const views = new SegmentViews(memory);
    return { allocator: new Allocator(views), views };
}
/** Fills a block with its number, so that blocks that overlap are seen. */
function fill(views, ref, bytes) {
    const start = ((ref & views.mask) << 3) + 4;
    views.bytes[ref >>> views.shift].fill(ref & 0xff, start, start + bytes);
}
function checkFilled(views, ref, bytes) {
    const start = ((ref & views.mask) << 3) + 4;
    const content = views.bytes[ref >>> views.shift].subarray(start, start + bytes);
    assert.equal(content.length, bytes, 'a block lies in one segment');
    assert.ok(content.every((byte) => byte === (ref & 0xff)), `block ${ref} was overwritten`);
}
const size = fc.oneof(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 3000 }), fc.integer({ min: 0, max: 20_000 }));
/** A few, which leave a large rest of what was promised, or many, which leave a small one. */
const wishes = fc.oneof(fc.array(size, { maxLength: 3 }), fc.array(size, { maxLength: 200, size: 'max' }));
describe('Allocator', () => {
    it('hands out blocks that do not overlap, and has all its memory in one piece after all were freed', () => {
        const step = fc.record({ bytes: size, pick: fc.nat(), frees: fc.boolean() });
        fc.assert(fc.property(fc.array(step, { maxLength: 300, size: 'max' }), (steps) => {
            const { allocator, views } = create(150_000, 32 * 1024);
            const blocks = [];
            for (const { bytes, pick, frees } of steps) {
                if (frees && blocks.length > 0) {
                    const [block] = blocks.splice(pick % blocks.length, 1);
                    checkFilled(views, block.ref, block.bytes);
                    allocator.free(block.ref);
                }
                else {
                    const ref = allocator.allocate(bytes);
                    if (ref === NO_BLOCK)
                        continue;
                    fill(views, ref, bytes);
                    blocks.push({ ref, bytes });
                }
            }
            assert.equal(allocator.checkInvariants().usedBlocks, blocks.length);
            for (const { ref, bytes } of blocks) {
                checkFilled(views, ref, bytes);
                allocator.free(ref);
            }
            assert.deepEqual(allocator.checkInvariants(), { freeBlocks: views.words.length, usedBlocks: 0 });
            assert.equal(allocator.freeBytes, allocator.totalBytes);
        }), SEEDED);
    });
    it('keeps its word: allocations whose bounds sum to allocatableBytes succeed in fragmented memory', () => {
        const hole = fc.tuple(size, fc.boolean());
        const holes = fc.oneof(fc.array(hole, { maxLength: 8 }), fc.array(hole, { maxLength: 150, size: 'max' }));
        fc.assert(fc.property(holes, wishes, (fragments, sizes) => {
            const { allocator } = create(70_000, 64 * 1024);
            const refs = fragments.map(([bytes]) => allocator.allocate(bytes));
            for (const [index, [, isFreed]] of fragments.entries())
                if (isFreed && refs[index] !== NO_BLOCK)
                    allocator.free(refs[index]);
            let left = allocator.allocatableBytes;
            for (const bytes of sizes) {
                if (boundBytes(bytes) > left)
                    continue;
                left -= boundBytes(bytes);
                assert.notEqual(allocator.allocate(bytes), NO_BLOCK, `${bytes} bytes with ${left} still promised`);
            }
            // The rest in one piece: the promise holds to the last byte.
            let rest = left;
            while (rest > 0 && boundBytes(rest) > left)
                rest--;
            if (rest > 0)
                assert.notEqual(allocator.allocate(rest), NO_BLOCK, `the last ${rest} of ${left}`);
            allocator.checkInvariants();
        }), SEEDED);
    });
    it('promises nearly all of a fresh segment in one piece, and gives it', () => {
        const { allocator } = create(150_000, 64 * 1024);
        const promised = allocator.allocatableBytes;
        assert.ok(promised > 62_000, `${promised}`);
        const bytes = promised - 8;
        assert.ok(boundBytes(bytes) <= promised);
        assert.notEqual(allocator.allocate(bytes), NO_BLOCK);
        assert.equal(create(150_000, 64 * 1024).allocator.allocate(65_536), NO_BLOCK);
    });
    it('finds a block that is freed twice', () => {
        const { allocator } = create(150_000, 64 * 1024);
        const ref = allocator.allocate(100);
        allocator.free(ref);
        assert.throws(() => allocator.free(ref), /freed twice/);
    });
    it('detects damage', () => {
        const { allocator, views } = create(150_000, 64 * 1024);
        const ref = allocator.allocate(100);
        views.words[0][(ref & views.mask) << 1] ^= 8;
        assert.throws(() => allocator.checkInvariants(), /allocator broken/);
    });
});
