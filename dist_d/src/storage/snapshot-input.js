import { ADLER_START, adler32 } from './adler32.js';
import { SnapshotError } from './snapshot-error.js';
import { DigestMemory } from './znode-digest.js';
const BUFFER_BYTES = 1 << 20;
/** Kept for the next snapshot: a WebAssembly memory takes address space until it is collected. */
let spare = null;
/** The uncompressed bytes of a snapshot in order, with the running checksum that its seals are checked against. */
export class SnapshotInput {
    /** Holds what {@link need} asked for, and computes digests of it. */
    memory;
    /** The memory's; both may be others after the next {@link need}. */
    bytes;
    view;
    #source;
    #path;
    #start;
    #capacity = BUFFER_BYTES;
    /** Offset in the snapshot of the buffer's first byte. */
    #base = 0;
    #at;
    #filled;
    #summedTo;
    #checksum = ADLER_START;
    constructor(source, path) {
        this.#source = source;
        this.#path = path;
        this.memory = spare ?? new DigestMemory(BUFFER_BYTES);
        spare = null;
        this.bytes = this.memory.bytes;
        this.view = this.memory.view;
        this.#start = this.#at = this.#filled = this.#summedTo = this.memory.start;
    }
    /** The offset reached. */
    get offset() {
        return this.#base + this.#at - this.#start;
    }
    /** Whether at least so many bytes are left; they are in {@link bytes} then. */
    has(length) {
        return this.#at + length <= this.#filled || this.#refill(length);
    }
    /** Brings the next `length` bytes into {@link bytes} without passing them, and gives their index. */
    need(length) {
        if (this.#at + length > this.#filled && !this.#refill(length)) {
            throw this.error(`${length} more bytes`, `${this.#filled - this.#at}`);
        }
        return this.#at;
    }
    /** {@link need} that passes them. */
    take(length) {
        const at = this.need(length);
        this.#at += length;
        return at;
    }
    takeInt() {
        return this.view.getInt32(this.take(4));
    }
    /** The checksum of all bytes passed. */
    checksum() {
        this.#checksum = adler32(this.bytes, this.#summedTo, this.#at, this.#checksum);
        this.#summedTo = this.#at;
        return this.#checksum;
    }
    error(expected, found) {
        return new SnapshotError(this.#path, this.offset, expected, found);
    }
    /** Nothing is read after it. */
    close() {
        this.#source.close();
        if (this.#capacity === BUFFER_BYTES)
            spare = this.memory;
    }
    /** False when fewer than `length` bytes are left. */
    #refill(length) {
        this.checksum();
        const start = this.#start;
        this.bytes.copyWithin(start, this.#at, this.#filled);
        this.#base += this.#at - start;
        this.#filled += start - this.#at;
        this.#at = this.#summedTo = start;
        if (length > this.#capacity)
            this.#grow(length);
        const end = start + this.#capacity;
        this.#filled += this.#source.read(this.bytes, this.#filled, end - this.#filled);
        return this.#at + length <= this.#filled;
    }
    /** What asks for it has bounded it: {@link SnapshotScanOptions.entryBytesMax}. */
    #grow(length) {
        this.#capacity = Math.max(length, 2 * this.#capacity);
        this.memory.reserve(this.#capacity);
        this.bytes = this.memory.bytes;
        this.view = this.memory.view;
    }
}
