import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decodeUtf8, JuteError, JuteReader } from '../../src/jute/reader.js';
function readerOf(...bytes) {
    return new JuteReader(Uint8Array.from(bytes));
}
/** Every way to read, each giving what it saw in a form that can be compared. */
const reads = {
    byte: (reader) => reader.readByte(),
    boolean: (reader) => reader.readBoolean(),
    int: (reader) => reader.readInt(),
    long: (reader) => reader.readLong(),
    skip: (reader) => reader.skip(5),
    buffer: (reader) => reader.readBuffer(),
    string: (reader) => reader.readString(),
    count: (reader) => reader.readCount(3),
    span: (reader) => {
        const length = reader.readSpan();
        return length < 0 ? null : reader.bytes.slice(reader.spanStart, reader.spanStart + length);
    },
};
describe('a jute reader', () => {
    it('reads the primitives, big-endian and signed', () => {
        const reader = readerOf(0xfe, 2, 0, 0xff, 0xff, 0xff, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 1);
        assert.equal(reader.readByte(), 0xfe);
        assert.equal(reader.readBoolean(), true);
        assert.equal(reader.readBoolean(), false);
        assert.equal(reader.readInt(), -2);
        assert.equal(reader.readLong(), -(2n ** 63n) + 1n);
        assert.equal(reader.remaining, 0);
    });
    it('reads buffers and strings, null apart from empty', () => {
        const bytes = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 2, 0xc3, 0xa9];
        const strings = readerOf(...bytes);
        assert.deepEqual([strings.readString(), strings.readString(), strings.readString()], [null, '', 'é']);
        const buffers = readerOf(...bytes);
        assert.deepEqual([buffers.readBuffer(), buffers.readBuffer(), buffers.readBuffer()], [null, Uint8Array.of(), Uint8Array.of(0xc3, 0xa9)]);
    });
    it('refuses lengths below -1', () => {
        for (const read of [reads.buffer, reads.string, reads.span]) {
            const reader = readerOf(0xff, 0xff, 0xff, 0xfe, 1, 2, 3);
            assert.throws(() => read(reader), { name: 'JuteError', message: 'negative length -2' });
        }
    });
    it('refuses counts that cannot fit in what is left, before anybody allocates for them', () => {
        assert.equal(readerOf(0, 0, 0, 2, 1, 2, 3, 4, 5, 6).readCount(3), 2);
        assert.equal(readerOf(0xff, 0xff, 0xff, 0xff).readCount(3), -1);
        assert.throws(() => readerOf(0, 0, 0, 2, 1, 2, 3, 4, 5).readCount(3), /impossible vector count 2/);
        assert.throws(() => readerOf(0x7f, 0xff, 0xff, 0xff, 1).readCount(4), /impossible vector count 2147483647/);
        assert.throws(() => readerOf(0xff, 0xff, 0xff, 0xfe, 1).readCount(4), /impossible vector count -2/);
    });
    it('gives a buffer as a copy of its own, whatever kind of array it reads from', () => {
        const shared = new Uint8Array(new SharedArrayBuffer(5));
        for (const source of [new Uint8Array(5), Buffer.alloc(5), shared]) {
            source.set([0, 0, 0, 1, 7]);
            const copy = new JuteReader(source).readBuffer();
            source.fill(9);
            assert.deepEqual(copy, Uint8Array.of(7));
        }
    });
    it('can be pointed at one window after another, of other arrays too', () => {
        const first = Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 2);
        const reader = new JuteReader(first);
        reader.reset(first, 4, 8);
        assert.equal(reader.readInt(), 2);
        reader.reset(Buffer.from([9, 0, 0, 0, 3, 9]).subarray(1), 0, 4);
        assert.equal(reader.readInt(), 3);
        assert.throws(() => reader.readByte(), JuteError);
    });
    it('never reads past its window, whatever the bytes say', () => {
        const names = fc.array(fc.constantFrom(...Object.keys(reads)), { maxLength: 12 });
        const anyLengthPrefix = fc.oneof(fc.integer({ min: -3, max: 40 }), fc.constantFrom(0x7fffffff, -0x80000000, 0x7ffffffc, 0x10000));
        const withLength = fc
            .tuple(anyLengthPrefix, fc.uint8Array({ maxLength: 40 }))
            .map(([length, rest]) => [length >> 24, length >> 16, length >> 8, length, ...rest].map((byte) => byte & 0xff));
        fc.assert(fc.property(withLength, names, fc.nat(9), (content, steps, before) => {
            // Twice the same window in other surroundings: what was read must not tell which.
            const seen = [0x00, 0xff].map((around) => {
                const bytes = new Uint8Array(before + content.length + 64).fill(around);
                bytes.set(content, before);
                const reader = new JuteReader();
                reader.reset(bytes, before, before + content.length);
                return steps.map((step) => {
                    const at = reader.position;
                    try {
                        const value = reads[step](reader);
                        assert.ok(reader.position >= at && reader.position <= reader.end);
                        return { value, used: reader.position - at };
                    }
                    catch (error) {
                        assert.ok(error instanceof JuteError, String(error));
                        return { error: error.message };
                    }
                });
            });
            assert.deepEqual(seen[0], seen[1]);
        }), { numRuns: 2000 });
    });
});
describe('decodeUtf8', () => {
    it('decodes any text, from shared memory too', () => {
        fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => {
            const encoded = Buffer.from(text);
            const bytes = new Uint8Array(new SharedArrayBuffer(encoded.length + 2));
            bytes.set(encoded, 1);
            assert.equal(decodeUtf8(bytes, 1, 1 + encoded.length), encoded.toString('utf8'));
            assert.equal(decodeUtf8(encoded, 0, encoded.length), text.toWellFormed());
        }));
    });
    it('puts U+FFFD for what is no UTF-8, and keeps a byte order mark', () => {
        assert.equal(decodeUtf8(Uint8Array.of(0x61, 0xff, 0x62), 0, 3), 'a\ufffdb');
        assert.equal(decodeUtf8(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61), 0, 4), '\ufeffa');
    });
});
