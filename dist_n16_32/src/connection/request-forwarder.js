// Hot path: a request is copied once, from the socket's buffer into the ring.
import { copyToShared } from '../jute/shared-copy.js';
import { OpCode } from '../protocol/opcode.js';
import { AlignedBuffer } from '../ring/aligned-buffer.js';
import { Doorbell } from '../ring/doorbell.js';
import { RequestHead } from '../ring/generated/records.js';
import { REQUEST_HEAD_BYTES } from '../ring/record-kind.js';
import { RingProducer } from '../ring/ring.js';
/**
 * So many requests are shown to main without waiting for the end of the worker's turn. Otherwise all clients would move in
 * step: their requests would reach main together, their replies leave together, and each thread would idle while another
 * works (measured with 64 clients: one batch of 53 going round in 2 ms, of which the disk took 0.4).
 */
const PUBLISH_AT_REQUESTS = 16;
/** The worker's end of its `requests` ring. */
export class RequestForwarder {
    #ring;
    #doorbell;
    #buffer;
    #head = new RequestHead();
    #unpublished = 0;
    constructor(ring, mainDoorbell) {
        this.#ring = new RingProducer(ring);
        this.#doorbell = new Doorbell(mainDoorbell);
        this.#buffer = new AlignedBuffer(this.#ring.bytes);
    }
    /**
     * Puts a record for main into the ring, with `bytes[start, start + length)` behind it; false when the ring is full:
     * try again when main has made progress. Not seen by main before {@link publish}, which comes by
     * itself after some.
     */
    forward(kind, connection, xid, opcode, timeoutMs, bytes, start, length) {
        const ring = this.#ring;
        const offset = REQUEST_HEAD_BYTES + paddingFor(opcode, bytes, start, length);
        const at = ring.reserve(offset + length);
        if (at < 0)
            return false;
        const head = this.#head.__init(at, this.#buffer);
        head.mutate_kind(kind);
        head.mutate_connection(connection.id);
        head.mutate_xid(xid);
        head.mutate_opcode(opcode);
        head.mutate_session_high(connection.sessionHigh);
        head.mutate_session_low(connection.sessionLow);
        head.mutate_timeout_ms(timeoutMs);
        head.mutate_payload_offset(offset);
        head.mutate_payload_length(length);
        copyToShared(bytes, start, ring.bytes, at + offset, length);
        ring.commit(offset + length);
        if (++this.#unpublished === PUBLISH_AT_REQUESTS)
            this.publish();
        return true;
    }
    get hasUnpublished() {
        return this.#unpublished > 0;
    }
    /** Shows main what was forwarded, and wakes it unless it is busy with an earlier batch. */
    publish() {
        if (this.#unpublished === 0)
            return;
        this.#unpublished = 0;
        this.#ring.publish();
        this.#doorbell.ring();
    }
}
/** Where data begins in the replica, modulo 8: behind the 4 bytes of a block's header. */
const DATA_ALIGNMENT = 4;
/**
 * Bytes to leave free before the payload so that the data in a setData or create begins at the alignment that it will have
 * in the replica (ring records are aligned to 8). V8 copies between shared memories three times as fast when both ends are
 * alike modulo 8, and from here on there are only such copies: into the log ring, and into the replica.
 */
function paddingFor(opcode, bytes, start, length) {
    if (length < ALIGN_FROM_BYTES)
        return 0;
    if (opcode !== OpCode.setData && opcode !== OpCode.create && opcode !== OpCode.create2)
        return 0;
    const pathLength = (bytes[start] << 24) | (bytes[start + 1] << 16) | (bytes[start + 2] << 8) | bytes[start + 3];
    return (DATA_ALIGNMENT - REQUEST_HEAD_BYTES - 8 - pathLength) & 7;
}
/** Shorter requests are copied byte by byte anyway. */
const ALIGN_FROM_BYTES = 256;
