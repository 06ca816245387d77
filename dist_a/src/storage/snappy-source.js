import { uncompressSync } from 'snappy';
import { readFully } from './file-system.js';
import { SNAPPY_BLOCK_BYTES_MAX, SNAPPY_HEADER_BYTES, SNAPPY_MAGIC, SNAPPY_VERSION, snappyLength, } from './snappy-format.js';
import { SnapshotError } from './snapshot-error.js';
/** The magic's first word: where a block's length may stand, another stream begins (snappy-java joins them too). */
const MAGIC_WORD = 0x82534e41 | 0;
const NOTHING = new Uint8Array(0);
/** Reads a snapshot that snappy-java compressed: a block at a time is in memory. */
export class SnappySource {
    fileBytes;
    fileBytesRead = 0;
    #fileSystem;
    #path;
    #fd;
    #head = new Uint8Array(SNAPPY_HEADER_BYTES);
    #headView = new DataView(this.#head.buffer);
    #compressed = new Uint8Array(64 * 1024);
    #block = NOTHING;
    #blockRead = 0;
    constructor(fileSystem, path) {
        this.#fileSystem = fileSystem;
        this.#path = path;
        this.#fd = fileSystem.open(path, 'r');
        try {
            this.fileBytes = fileSystem.statOpen(this.#fd).size;
            this.#take(this.#head, SNAPPY_HEADER_BYTES);
            this.#checkHeader();
        }
        catch (error) {
            this.close();
            throw error;
        }
    }
    read(bytes, start, length) {
        let done = 0;
        while (done < length) {
            if (this.#blockRead === this.#block.length && !this.#nextBlock())
                break;
            const count = Math.min(length - done, this.#block.length - this.#blockRead);
            bytes.set(this.#block.subarray(this.#blockRead, this.#blockRead + count), start + done);
            this.#blockRead += count;
            done += count;
        }
        return done;
    }
    close() {
        this.#fileSystem.close(this.#fd);
    }
    /** False at the end of the file. */
    #nextBlock() {
        while (this.fileBytesRead < this.fileBytes) {
            const offset = this.fileBytesRead;
            this.#take(this.#head, 4);
            const length = this.#headView.getInt32(0);
            if (length === MAGIC_WORD) {
                this.#take(this.#head.subarray(4), SNAPPY_HEADER_BYTES - 4);
                this.#checkHeader();
                continue;
            }
            if (length <= 0 || length > SNAPPY_BLOCK_BYTES_MAX) {
                throw this.#error(offset, `the length of a block, up to ${SNAPPY_BLOCK_BYTES_MAX}`, `${length}`);
            }
            this.#uncompress(length);
            if (this.#block.length > 0)
                return true;
        }
        return false;
    }
    #uncompress(length) {
        const offset = this.fileBytesRead;
        if (length > this.#compressed.length)
            this.#compressed = new Uint8Array(length);
        const compressed = this.#compressed.subarray(0, length);
        this.#take(compressed, length);
        const expected = snappyLength(compressed);
        if (expected < 0 || expected > SNAPPY_BLOCK_BYTES_MAX) {
            throw this.#error(offset, `a block of at most ${SNAPPY_BLOCK_BYTES_MAX} bytes`, `${expected}`);
        }
        this.#block = this.#uncompressBlock(compressed, offset);
        this.#blockRead = 0;
    }
    #uncompressBlock(compressed, offset) {
        try {
            return uncompressSync(compressed);
        }
        catch (error) {
            throw this.#error(offset, 'a Snappy block', error.message);
        }
    }
    #checkHeader() {
        const offset = this.fileBytesRead - SNAPPY_HEADER_BYTES;
        if (SNAPPY_MAGIC.some((byte, i) => this.#head[i] !== byte)) {
            throw this.#error(offset, 'the magic of snappy-java', Buffer.from(this.#head).toString('hex', 0, 8));
        }
        const leastVersion = this.#headView.getInt32(12);
        if (leastVersion > SNAPPY_VERSION) {
            throw this.#error(offset + 12, `a stream for version ${SNAPPY_VERSION}`, `${leastVersion}`);
        }
    }
    #take(target, length) {
        const count = readFully(this.#fileSystem, this.#fd, target, 0, length, this.fileBytesRead);
        if (count < length)
            throw this.#error(this.fileBytesRead, `${length} more bytes`, `${count}`);
        this.fileBytesRead += length;
    }
    #error(offset, expected, found) {
        return new SnapshotError(this.#path, offset, expected, found);
    }
}
