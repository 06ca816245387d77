// Hot path: every field of every record goes through here.
import { endianness } from 'node:os';
import { ByteBuffer } from 'flatbuffers';
/**
 * A FlatBuffers buffer over a ring's bytes whose 32-bit fields are read and written as one aligned word each; the
 * library's own puts them together from four bytes. Heads of ring records hold nothing but 32-bit fields, and records
 * are aligned to 8.
 */
export class AlignedBuffer extends ByteBuffer {
    #words;
    constructor(bytes) {
        super(bytes);
        if (endianness() !== 'LE')
            throw new Error('FlatBuffers are little-endian, this machine is not: not supported');
        this.#words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2);
    }
    readInt32(offset) {
        return this.#words[offset >> 2];
    }
    readUint32(offset) {
        return this.#words[offset >> 2] >>> 0;
    }
    writeInt32(offset, value) {
        this.#words[offset >> 2] = value;
    }
    writeUint32(offset, value) {
        this.#words[offset >> 2] = value;
    }
}
