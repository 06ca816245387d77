import assert from 'node:assert/strict';
import { isIP as isIpByNode } from 'node:net';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { addressBytes, addressInPrefix, isIP, javaAddressText, prefixBits, } from '../../src/protocol/ip-address.js';
/** Text that is nearly an address: pieces of addresses, put together at random. */
const anyPieces = fc
    .array(fc.constantFrom('::', ':', '.', '0', '1', 'ffff', 'g', '12345', '255', '256', '10.0.0.1', '1:2:3', '1.2.3'), {
    maxLength: 9,
})
    .map((pieces) => pieces.join(''));
const anyText = fc.oneof(fc.ipV4(), fc.ipV6(), anyPieces, fc.string({ maxLength: 12 }));
function toBigInt(bytes) {
    return bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}
describe('an IP address', () => {
    it('is told from other text', () => {
        fc.assert(fc.property(anyText, (text) => {
            // Java takes leading zeros as decimal; inet_pton refuses them.
            fc.pre(!/(^|[.:])0\d/.test(text) && !text.includes('%'));
            assert.equal(isIP(text), isIpByNode(text));
        }), { numRuns: 5000 });
    });
    it('has bytes', () => {
        assert.deepEqual([...addressBytes('192.168.0.255')], [192, 168, 0, 255]);
        assert.deepEqual([...addressBytes('010.1.1.1')], [10, 1, 1, 1]);
        assert.deepEqual([...addressBytes('::')], new Array(16).fill(0));
        assert.deepEqual([...addressBytes('1::8')], [0, 1, ...new Array(13).fill(0), 8]);
        assert.deepEqual([...addressBytes('::ffff:1.2.3.4')], [...new Array(10).fill(0), 0xff, 0xff, 1, 2, 3, 4]);
        assert.deepEqual([...addressBytes('1:2:3:4:5:6:7::')].slice(12), [0, 7, 0, 0]);
        assert.equal(addressBytes('1.2.3.4::'), null, 'dotted groups stand at the end only');
        for (const text of [
            '',
            '1.2.3',
            '1.2.3.4.5',
            '1.2.3.256',
            '1.2.3.-4',
            ':::',
            '1::2::3',
            '1:2:3:4:5:6:7:8:9',
            ':1',
        ]) {
            assert.equal(addressBytes(text), null, text);
        }
    });
    it('does not care for a zone', () => {
        assert.deepEqual(addressBytes('fe80::1%eth0'), addressBytes('fe80::1'));
    });
    it('is printed as Java prints it', () => {
        assert.equal(javaAddressText('127.0.0.1'), '127.0.0.1');
        assert.equal(javaAddressText('::1'), '0:0:0:0:0:0:0:1');
        assert.equal(javaAddressText('fe80::0a0:1'), 'fe80:0:0:0:0:0:a0:1');
        assert.equal(javaAddressText('::ffff:10.1.2.3'), '10.1.2.3');
        assert.equal(javaAddressText('::ffff:0:10.1.2.3'), '0:0:0:0:ffff:0:a01:203');
        assert.equal(javaAddressText(''), '');
    });
    it('is the same address when printed as Java prints it', () => {
        fc.assert(fc.property(fc.ipV6(), (text) => {
            const printed = javaAddressText(text);
            const bytes = addressBytes(printed);
            assert.equal(toBigInt(bytes), toBigInt(addressBytes(text)) & (bytes.length === 4 ? 0xffffffffn : -1n));
        }));
    });
});
describe('a prefix', () => {
    it('holds the addresses that agree in its bits', () => {
        const family = fc.constantFrom({ any: fc.ipV4(), bits: 32 }, { any: fc.ipV6(), bits: 128 });
        const pair = family.chain(({ any, bits }) => fc.tuple(any, any, fc.nat(bits), fc.integer({ min: -1, max: bits - 1 }), fc.constant(bits)));
        fc.assert(fc.property(pair, ([address, other, bits, flipped, total]) => {
            const shift = BigInt(total - bits);
            const value = toBigInt(addressBytes(address));
            // Near relatives, so that prefixes do match: `other`, and the address itself with one bit flipped.
            const near = flipped < 0 ? value : value ^ (1n << BigInt(flipped));
            for (const base of [toBigInt(addressBytes(other)), near]) {
                const expected = value >> shift === base >> shift;
                assert.equal(addressInPrefix(address, `${textOf(base, total)}/${bits}`), expected);
            }
            assert.equal(addressInPrefix(address, textOf(near, total)), value === near);
        }), { numRuns: 1000 });
    });
    it('holds nothing of the other family', () => {
        assert.equal(addressInPrefix('0.0.0.0', '::/0'), false);
        assert.equal(addressInPrefix('::', '0.0.0.0/0'), false);
    });
    it('holds nothing when it is no prefix', () => {
        for (const bad of [
            '1.2.3.4/',
            '1.2.3.4/x',
            '1.2.3.4/-1',
            '1.2.3.4/33',
            '1.2.3.4/0x0',
            '1.2.3.4/8/8',
            '/0',
            '::/129',
            '',
        ]) {
            assert.equal(addressInPrefix('1.2.3.4', bad), false, bad);
            assert.equal(addressInPrefix('::', bad), false, bad);
        }
        assert.equal(addressInPrefix('nonsense', '0.0.0.0/0'), false);
    });
    it('has bits up to those of its family', () => {
        assert.deepEqual([
            '1.2.3.4',
            '1.2.3.4/0',
            '1.2.3.4/032',
            '1::/128',
            '::1',
            '1.2.3.4/33',
            '::/129',
            'x/1',
            '1.2.3.4/1/1',
            '1.2.3.4/ 1',
        ].map(prefixBits), [32, 0, 32, 128, 128, -1, -1, -1, -1, -1]);
    });
});
/** An address in text form, uncompressed. */
function textOf(value, bits) {
    const width = bits === 32 ? 8 : 16;
    const parts = Array.from({ length: bits / width }, (_, i) => (value >> BigInt(bits - width * (i + 1))) & ((1n << BigInt(width)) - 1n));
    return bits === 32 ? parts.join('.') : parts.map((part) => part.toString(16)).join(':');
}
