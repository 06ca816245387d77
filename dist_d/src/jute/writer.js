// Hot path: one writer per thread is pointed at reserved memory (`reset`) and writes in place.
import { JuteError } from './reader.js';
import { copyToShared } from './shared-copy.js';
/**
 * Writes jute primitives (protocol/client.md §1) into a window of a byte array. The window does not grow: a write
 * beyond its end throws {@link JuteError}, so sizes are bounded by whoever made the window. {@link GrowingJuteWriter}
 * is the form that grows, for code off the hot path.
 */
export class JuteWriter {
    bytes;
    position = 0;
    end = 0;
    view;
    constructor(bytes) {
        this.bytes = bytes;
        this.end = bytes.length;
        this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    /** Points the writer at `bytes[start, end)`. Cheap when `bytes` is the array it already writes. */
    reset(bytes, start, end) {
        if (bytes !== this.bytes) {
            this.bytes = bytes;
            this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        }
        this.position = start;
        this.end = end;
    }
    /** Claims `length` bytes and gives the index of the first. */
    claim(length) {
        const at = this.position;
        if (length > this.end - at)
            this.makeRoom(length);
        this.position = at + length;
        return at;
    }
    makeRoom(length) {
        throw new JuteError(`needs ${length} bytes, window has ${this.end - this.position}`);
    }
    writeByte(value) {
        const at = this.claim(1);
        this.bytes[at] = value;
    }
    writeBoolean(value) {
        this.writeByte(value ? 1 : 0);
    }
    writeInt(value) {
        const at = this.claim(4);
        this.view.setInt32(at, value);
    }
    /** A long given as its two 32-bit words. */
    writeLongWords(high, low) {
        const at = this.claim(8);
        this.view.setInt32(at, high);
        this.view.setInt32(at + 4, low);
    }
    /** A long given as a bigint: for code off the hot path. */
    writeLong(value) {
        const at = this.claim(8);
        this.view.setBigInt64(at, BigInt.asIntN(64, value));
    }
    /** Raw bytes `source[start, start + length)`, without a length. */
    writeBytes(source, start, length) {
        const at = this.claim(length);
        copyToShared(source, start, this.bytes, at, length);
    }
    /** A buffer or ustring whose bytes are `source[start, start + length)`; length -1 writes null. */
    writeSpan(source, start, length) {
        this.writeInt(length);
        if (length > 0)
            this.writeBytes(source, start, length);
    }
    writeBuffer(value) {
        if (value === null)
            this.writeInt(-1);
        else
            this.writeSpan(value, 0, value.length);
    }
    /** A ustring from a JavaScript string. Allocates: off the hot path. */
    writeString(value) {
        this.writeBuffer(value === null ? null : Buffer.from(value, 'utf8'));
    }
}
/** A {@link JuteWriter} that owns its memory and doubles it as needed, up to `bytesMax`. */
export class GrowingJuteWriter extends JuteWriter {
    #bytesMax;
    constructor(bytesMax = 0x7fffffff, initialBytes = 256) {
        super(new Uint8Array(Math.max(0, Math.min(initialBytes, bytesMax))));
        this.#bytesMax = bytesMax;
    }
    makeRoom(length) {
        const needed = this.position + length;
        if (needed > this.#bytesMax)
            throw new JuteError(`needs ${needed} bytes, limit is ${this.#bytesMax}`);
        const grown = new Uint8Array(Math.min(this.#bytesMax, Math.max(needed, this.bytes.length * 2)));
        grown.set(this.bytes.subarray(0, this.position));
        this.reset(grown, this.position, grown.length);
    }
    /** What was written so far, without a copy: valid until the next write. */
    written() {
        return this.bytes.subarray(0, this.position);
    }
}
