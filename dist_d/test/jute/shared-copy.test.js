import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { copyFromShared, copyToShared } from '../../src/jute/shared-copy.js';
const SPAN = 40_000;
function pattern(bytes) {
    for (let i = 0; i < bytes.length; i++)
        bytes[i] = (i * 31 + (i >>> 8)) & 0xff;
    return bytes;
}
/** Copies with each pair of alignments and lengths around the limits, and looks at every byte of the target. */
function checkCopies(copy, source, target) {
    for (const length of [0, 1, 48, 49, 256, 257, 1024, 8192, 8193, 30_000]) {
        for (let start = 0; start < 8; start += length > 1024 ? 3 : 1) {
            for (let at = 0; at < 8; at++) {
                target.fill(0xee);
                copy(source, start, target, at, length);
                const expected = Buffer.alloc(target.length, 0xee);
                Buffer.from(source).copy(expected, at, start, start + length);
                assert.ok(expected.equals(Buffer.from(target)), `length ${length}, from ${start} to ${at}`);
            }
        }
    }
}
describe('copies between shared and ordinary memory', () => {
    const shared = () => new Uint8Array(new SharedArrayBuffer(SPAN));
    it('copies out of shared memory whatever the alignments', () => {
        checkCopies(copyFromShared, pattern(shared()), new Uint8Array(SPAN));
    });
    it('copies into shared memory, also from shared memory', () => {
        checkCopies(copyToShared, pattern(new Uint8Array(SPAN)), shared());
        checkCopies(copyToShared, pattern(shared()), shared());
    });
});
