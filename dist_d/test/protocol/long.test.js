import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { compareLongs, highWord, longToBigInt, longToHex, longToNumber, lowWord, } from '../../src/protocol/long.js';
const anyLong = fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.constantFrom(0n, -1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 63n - 1n, -(2n ** 63n), -(2n ** 32n)));
const high = (value) => Number(BigInt.asIntN(32, value >> 32n));
const low = (value) => Number(BigInt.asIntN(32, value));
describe('longs as two words', () => {
    it('compare like longs', () => {
        fc.assert(fc.property(anyLong, anyLong, (a, b) => {
            const expected = a < b ? -1 : a > b ? 1 : 0;
            assert.equal(Math.sign(compareLongs(high(a), low(a), high(b), low(b))), expected);
            assert.equal(compareLongs(high(a), low(a), high(a), low(a)), 0);
        }), { numRuns: 1000 });
    });
    it('become bigints, and the hex that ZooKeeper prints', () => {
        fc.assert(fc.property(anyLong, (value) => {
            assert.equal(longToBigInt(high(value), low(value)), value);
            assert.equal(longToHex(high(value), low(value)), `0x${BigInt.asUintN(64, value).toString(16)}`);
        }));
        assert.equal(longToHex(0, 0), '0x0');
        assert.equal(longToHex(1, -1), '0x1ffffffff');
        assert.equal(longToHex(-1, 0), '0xffffffff00000000');
    });
    it('come from whole numbers and go back to them', () => {
        fc.assert(fc.property(fc.maxSafeInteger(), (value) => {
            assert.equal(highWord(value), high(BigInt(value)));
            assert.equal(lowWord(value), low(BigInt(value)));
            assert.equal(longToNumber(highWord(value), lowWord(value)), value);
        }), { numRuns: 1000 });
    });
    it('lose the fraction of a millisecond', () => {
        assert.equal(longToNumber(highWord(4294967296.9), lowWord(4294967296.9)), 4294967296);
    });
});
