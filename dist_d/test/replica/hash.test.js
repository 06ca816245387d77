import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { halfSipHash } from '../../src/replica/hash.js';
describe('halfSipHash', () => {
    it('gives the reference values of HalfSipHash-1-3 (Linux lib/test_siphash.c)', () => {
        const expected = [
            0x5814c896, 0xe7e864ca, 0xbc4b0e30, 0x01539939, 0x7e059ea6, 0x88e3d89b, 0xa0080b65, 0x9d38d9d6,
            0x577999b1, 0xc839caed, 0xe4fa32cf, 0x959246ee, 0x6b28096c, 0x66dd9cd6, 0x16658a7c, 0xd0257b04,
        ];
        const bytes = Uint8Array.from({ length: 20 }, (_, i) => i);
        for (const [length, value] of expected.entries())
            assert.equal(halfSipHash(bytes, 0, length, 0x03020100, 0x07060504) >>> 0, value);
    });
    it('reads only its span, wherever it lies', () => {
        const bytes = Buffer.from('xx/services/ayy');
        assert.equal(halfSipHash(bytes, 2, 11, 1, 2), halfSipHash(Buffer.from('/services/a'), 0, 11, 1, 2));
    });
});
