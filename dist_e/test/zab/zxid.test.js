import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Zxid } from '../../src/zab/zxid.js';
const anyCounter = fc.oneof(fc.nat(0xffffffff), fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xffffffff));
const anyEpoch = fc.oneof(fc.nat(3), fc.nat(0x7fffffff));
describe('a zxid', () => {
    it('compares by epoch, then by counter, unsigned', () => {
        fc.assert(fc.property(anyEpoch, anyCounter, anyEpoch, anyCounter, (epochA, counterA, epochB, counterB) => {
            const a = (BigInt(epochA) << 32n) | BigInt(counterA);
            const b = (BigInt(epochB) << 32n) | BigInt(counterB);
            const expected = a < b ? -1 : a > b ? 1 : 0;
            assert.equal(Math.sign(new Zxid(epochA, counterA).compare(epochB, counterB)), expected);
            assert.equal(Math.sign(new Zxid(epochA, counterA).compare(epochB | 0, counterB | 0)), expected, 'as words');
        }), { numRuns: 1000 });
    });
    it('goes on to the next, across the sign of the word, up to the end of its epoch', () => {
        const zxid = new Zxid(3, 0x7ffffffe);
        assert.ok(zxid.advance());
        assert.ok(zxid.advance());
        assert.equal(zxid.toString(), '0x380000000');
        assert.ok(zxid.compare(3, 0x7fffffff) > 0);
        zxid.set(3, 0xfffffffe);
        assert.ok(zxid.advance());
        assert.equal(zxid.toString(), '0x3ffffffff');
        assert.equal(zxid.advance(), false, 'only a new epoch can go on');
        assert.equal(zxid.toString(), '0x3ffffffff');
    });
    it('is printed as ZooKeeper prints it', () => {
        assert.equal(new Zxid().toString(), '0x0');
        assert.equal(new Zxid(0, 0x1c).toString(), '0x1c');
        assert.equal(new Zxid(1, 0).toString(), '0x100000000');
    });
});
