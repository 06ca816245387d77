// Hot path: replies are written in place into pooled buffers; a buffer goes back to the pool as soon as the socket has
// taken all of it, which on a healthy connection is at once.
const POOLED_BYTES = 64 * 1024;
const POOLED_MAX = 64;
/** Memory in which the replies of one connection are put together before one `write`. */
export class ReplyBuffer {
    bytes;
    view;
    position = 0;
    constructor(size) {
        // Not a Buffer: making a view of one costs three times as much.
        const { buffer, byteOffset } = Buffer.allocUnsafeSlow(size);
        this.bytes = new Uint8Array(buffer, byteOffset, size);
        this.view = new DataView(buffer, byteOffset, size);
    }
}
/** The reply buffers of one connection worker. */
export class ReplyBufferPool {
    #free = [];
    /** A buffer, empty, of at least `bytes`. */
    take(bytes) {
        if (bytes > POOLED_BYTES)
            return new ReplyBuffer(bytes);
        return this.#free.pop() ?? new ReplyBuffer(POOLED_BYTES);
    }
    /** Gives back a buffer whose bytes nobody reads any more. */
    give(buffer) {
        if (buffer.bytes.length !== POOLED_BYTES || this.#free.length >= POOLED_MAX)
            return;
        buffer.position = 0;
        this.#free.push(buffer);
    }
}
