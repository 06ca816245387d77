// Hot path: a reader is made once per thread and pointed at one frame after another (`reset`); it allocates
// nothing unless a method's docstring says so.
/** Thrown when the bytes do not hold what the layout asks for: too short, or a length that cannot be. */
export class JuteError extends Error {
    name = 'JuteError';
}
/**
 * Reads jute primitives (protocol/client.md §1) from a window of a byte array. Every read is checked against the
 * end of the window, so no decoder built on it can read past its frame; a violation throws {@link JuteError}.
 */
export class JuteReader {
    bytes;
    position = 0;
    end = 0;
    /** Where the bytes of the last {@link readSpan} begin in {@link bytes}. */
    spanStart = 0;
    #view;
    constructor(bytes = new Uint8Array(0)) {
        this.bytes = bytes;
        this.end = bytes.length;
        this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    /** Points the reader at `bytes[start, end)`. Cheap when `bytes` is the array it already reads. */
    reset(bytes, start, end) {
        if (bytes !== this.bytes) {
            this.bytes = bytes;
            this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        }
        this.position = start;
        this.end = end;
    }
    get remaining() {
        return this.end - this.position;
    }
    #take(length) {
        const at = this.position;
        if (length > this.end - at)
            throw new JuteError(`needs ${length} bytes, has ${this.end - at}`);
        this.position = at + length;
        return at;
    }
    readByte() {
        return this.bytes[this.#take(1)];
    }
    readBoolean() {
        return this.bytes[this.#take(1)] !== 0;
    }
    readInt() {
        return this.#view.getInt32(this.#take(4));
    }
    /** A long as a signed bigint: for code off the hot path. On it, two {@link readInt}s give high and low word. */
    readLong() {
        return this.#view.getBigInt64(this.#take(8));
    }
    skip(length) {
        this.#take(length);
    }
    /**
     * A buffer or ustring as a span: gives its length (-1 for null) and leaves its first byte's index in
     * {@link spanStart}. Copies nothing.
     */
    readSpan() {
        const length = this.readInt();
        if (length < 0) {
            if (length !== -1)
                throw new JuteError(`negative length ${length}`);
            this.spanStart = this.position;
            return -1;
        }
        this.spanStart = this.#take(length);
        return length;
    }
    /** A buffer as a fresh copy, or null. Allocates. */
    readBuffer() {
        const length = this.readSpan();
        if (length < 0)
            return null;
        // Not bytes.slice: a Buffer's own gives a view of memory that will be used again.
        return new Uint8Array(this.bytes.subarray(this.spanStart, this.spanStart + length));
    }
    /** A ustring decoded as UTF-8 (bad sequences become U+FFFD, as Java's reader does), or null. Allocates. */
    readString() {
        const length = this.readSpan();
        return length < 0 ? null : decodeUtf8(this.bytes, this.spanStart, this.spanStart + length);
    }
    /**
     * The count of a vector, -1 for null. `itemBytesMin` is the least that one item takes: a count that could not fit
     * in what is left is refused before anything is allocated for it.
     */
    readCount(itemBytesMin) {
        const count = this.readInt();
        if (count < -1 || count * itemBytesMin > this.remaining)
            throw new JuteError(`impossible vector count ${count}`);
        return count;
    }
}
/** Decodes UTF-8 in `bytes[start, end)`, over shared memory too (which TextDecoder refuses). */
export function decodeUtf8(bytes, start, end) {
    return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8');
}
