import { readFully } from './file-system.js';
const CHUNK_BYTES = 1 << 20;
const ZEROS = Buffer.alloc(CHUNK_BYTES);
/**
 * Reads a file that nobody writes, piece by piece: at most a chunk, or one asked-for piece if that is longer, is in
 * memory at a time.
 */
export class FileWindow {
    path;
    /** The file's length when it was opened. */
    size;
    /** Holds what {@link load} loaded last; may be another array after the next load. */
    bytes;
    view;
    #fileSystem;
    #fd;
    #offset = 0;
    #filled = 0;
    constructor(fileSystem, path) {
        this.path = path;
        this.#fileSystem = fileSystem;
        this.#fd = fileSystem.open(path, 'r');
        this.size = fileSystem.statOpen(this.#fd).size;
        this.bytes = new Uint8Array(Math.min(CHUNK_BYTES, this.size));
        this.view = new DataView(this.bytes.buffer);
    }
    /** Brings file bytes `[offset, offset + length)` into {@link bytes} and gives their index, -1 beyond the end. */
    load(offset, length) {
        const index = offset - this.#offset;
        if (index >= 0 && index + length <= this.#filled)
            return index;
        if (offset + length > this.size)
            return -1;
        if (length > this.bytes.length) {
            this.bytes = new Uint8Array(length);
            this.view = new DataView(this.bytes.buffer);
        }
        const wanted = Math.min(this.bytes.length, this.size - offset);
        this.#offset = offset;
        this.#filled = readFully(this.#fileSystem, this.#fd, this.bytes, 0, wanted, offset);
        return length <= this.#filled ? 0 : -1;
    }
    /** How many bytes from `offset` on are in {@link bytes} after {@link load} gave their index. */
    loadedFrom(offset) {
        return this.#offset + this.#filled - offset;
    }
    /** The offset of the last byte at or behind `from` that is not zero, or -1. */
    lastNonZero(from) {
        let last = -1;
        for (let at = from; at < this.size; at += CHUNK_BYTES) {
            const length = Math.min(CHUNK_BYTES, this.size - at);
            const index = this.load(at, length);
            if (index < 0)
                break;
            if (ZEROS.compare(this.bytes, index, index + length, 0, length) === 0)
                continue;
            let i = index + length - 1;
            while (this.bytes[i] === 0)
                i--;
            last = at + i - index;
        }
        return last;
    }
    close() {
        this.#fileSystem.close(this.#fd);
    }
}
