import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { JuteError, JuteReader } from '../../src/jute/reader.js';
import { GrowingJuteWriter, JuteWriter } from '../../src/jute/writer.js';
const anyLong = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const anyField = fc.oneof(fc.record({ kind: fc.constant('byte'), value: fc.nat(255) }), fc.record({ kind: fc.constant('boolean'), value: fc.boolean() }), fc.record({ kind: fc.constant('int'), value: fc.integer() }), fc.record({ kind: fc.constant('long'), value: anyLong }), fc.record({ kind: fc.constant('longWords'), value: anyLong }), fc.record({
    kind: fc.constant('buffer'),
    value: fc.option(fc.uint8Array({ maxLength: 100 }), { nil: null }),
}), fc.record({
    kind: fc.constant('string'),
    value: fc.option(fc.string({ unit: 'grapheme', maxLength: 60 }), { nil: null }),
}));
function write(writer, field) {
    switch (field.kind) {
        case 'byte':
            writer.writeByte(field.value);
            break;
        case 'boolean':
            writer.writeBoolean(field.value);
            break;
        case 'int':
            writer.writeInt(field.value);
            break;
        case 'long':
            writer.writeLong(field.value);
            break;
        case 'longWords':
            writer.writeLongWords(Number(BigInt.asIntN(32, field.value >> 32n)), Number(BigInt.asIntN(32, field.value)));
            break;
        case 'buffer':
            writer.writeBuffer(field.value);
            break;
        case 'string':
            writer.writeString(field.value);
            break;
    }
}
function readBack(reader, field) {
    switch (field.kind) {
        case 'byte':
            return reader.readByte();
        case 'boolean':
            return reader.readBoolean();
        case 'int':
            return reader.readInt();
        case 'long':
        case 'longWords':
            return reader.readLong();
        case 'buffer':
            return reader.readBuffer();
        case 'string':
            return reader.readString();
    }
}
describe('a jute writer', () => {
    it('writes what a reader reads back', () => {
        fc.assert(fc.property(fc.array(anyField), (fields) => {
            const writer = new GrowingJuteWriter();
            for (const field of fields)
                write(writer, field);
            const reader = new JuteReader(writer.written());
            for (const field of fields)
                assert.deepEqual(readBack(reader, field), field.value);
            assert.equal(reader.remaining, 0);
        }));
    });
    it('writes into its window only: what does not fit is refused', () => {
        fc.assert(fc.property(fc.array(anyField), fc.nat(200), (fields, room) => {
            const bytes = new Uint8Array(room + 20).fill(0xa5);
            const writer = new JuteWriter(bytes);
            writer.reset(bytes, 10, 10 + room);
            let error = null;
            try {
                for (const field of fields)
                    write(writer, field);
            }
            catch (thrown) {
                error = thrown;
            }
            const reference = new GrowingJuteWriter();
            for (const field of fields)
                write(reference, field);
            if (error === null) {
                assert.deepEqual(bytes.slice(10, writer.position), reference.written());
            }
            else {
                assert.ok(error instanceof JuteError, String(error));
                assert.ok(reference.position > room);
            }
            assert.ok(writer.position <= 10 + room);
            assert.ok(bytes.subarray(0, 10).every((byte) => byte === 0xa5));
            assert.ok(bytes.subarray(10 + room).every((byte) => byte === 0xa5));
        }), { numRuns: 500 });
    });
    it('says what it needs and has', () => {
        const writer = new JuteWriter(new Uint8Array(6));
        writer.writeInt(1);
        assert.throws(() => writer.writeInt(2), { name: 'JuteError', message: 'needs 4 bytes, window has 2' });
    });
    it('can be pointed at another array', () => {
        const writer = new JuteWriter(new Uint8Array(4));
        const target = new Uint8Array(new SharedArrayBuffer(12)).subarray(2, 10);
        writer.reset(target, 2, 6);
        writer.writeInt(-2);
        assert.deepEqual([...target], [0, 0, 0xff, 0xff, 0xff, 0xfe, 0, 0]);
    });
});
describe('a growing jute writer', () => {
    it('grows up to its limit and no further', () => {
        for (const limit of [0, 1, 10, 255, 256, 300, 5000]) {
            const writer = new GrowingJuteWriter(limit);
            for (let i = 0; i < limit; i++)
                writer.writeByte(i);
            assert.throws(() => writer.writeByte(0), {
                name: 'JuteError',
                message: `needs ${limit + 1} bytes, limit is ${limit}`,
            });
            assert.equal(writer.written().length, limit);
        }
    });
    it('keeps what was written when it grows', () => {
        const writer = new GrowingJuteWriter(1 << 20, 1);
        for (let i = 0; i < 1000; i++)
            writer.writeInt(i);
        const reader = new JuteReader(writer.written());
        for (let i = 0; i < 1000; i++)
            assert.equal(reader.readInt(), i);
    });
});
