import assert from 'node:assert/strict';
import { test } from 'node:test';
import zlib from 'node:zlib';
import fc from 'fast-check';
import { ADLER_START, adler32, adler32Plain } from '../../src/storage/adler32.js';
/** zlib ends its streams with the Adler-32 of what went in. */
function zlibAdler(bytes) {
    return zlib.deflateSync(bytes).readUInt32BE(zlib.deflateSync(bytes).length - 4);
}
/** By the definition, a byte at a time. */
function slowAdler(bytes, checksum) {
    let a = checksum & 0xffff;
    let b = checksum >>> 16;
    for (const byte of bytes) {
        a = (a + byte) % 65521;
        b = (b + a) % 65521;
    }
    return b * 65536 + a;
}
test('equals zlib for any bytes, in one piece or two', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 9000 }), fc.nat(9000), (bytes, cut) => {
        const at = Math.min(cut, bytes.length);
        assert.equal(adler32(bytes, 0, bytes.length), zlibAdler(bytes));
        assert.equal(adler32Plain(bytes, 0, bytes.length, ADLER_START), zlibAdler(bytes));
        assert.equal(adler32(bytes, at, bytes.length, adler32(bytes, 0, at)), zlibAdler(bytes));
    }), { numRuns: 200 });
});
test('does not overflow on long runs of 255', () => {
    const bytes = new Uint8Array(1_000_003).fill(255);
    for (const sum of [adler32, adler32Plain]) {
        let checksum = ADLER_START;
        for (let at = 0; at < bytes.length; at += 70_001) {
            checksum = sum(bytes, at, Math.min(bytes.length, at + 70_001), checksum);
        }
        assert.equal(checksum, zlibAdler(bytes));
        const worst = 0xfff0_fff0;
        assert.equal(sum(bytes, 0, 70_000, worst), slowAdler(bytes.subarray(0, 70_000), worst));
    }
});
