// Hot path: an entry is written once, in place in the log ring, where the log worker and apply read it.
import { copyToShared } from '../jute/shared-copy.js';
import { JuteWriter } from '../jute/writer.js';
import { AlignedBuffer } from '../ring/aligned-buffer.js';
import { Doorbell } from '../ring/doorbell.js';
import { LogHead } from '../ring/generated/records.js';
import { LOG_HEAD_BYTES, LogKind } from '../ring/record-kind.js';
import { RingProducer } from '../ring/ring.js';
/** Entries begin at any alignment modulo 8. */
const PADDING_MAX = 7;
/** Main's writing end of the `log` ring: makes the txns and queues them for the disk. */
export class LogAppender {
    /** The last zxid given out. */
    lastProposed;
    /** Entries are bounded by this: jute.maxbuffer and the slack that readers allow. */
    #entryBytesMax;
    #ring;
    #doorbell;
    #prep;
    #buffer;
    #head = new LogHead();
    #writer;
    #hasUnpublished = false;
    constructor(ring, logDoorbell, prep, lastProposed, entryBytesMax) {
        this.#ring = new RingProducer(ring);
        this.#doorbell = new Doorbell(logDoorbell);
        this.#prep = prep;
        this.lastProposed = lastProposed;
        this.#entryBytesMax = entryBytesMax;
        this.#buffer = new AlignedBuffer(this.#ring.bytes);
        this.#writer = new JuteWriter(this.#ring.bytes);
    }
    /** Whether the ring has room for any one txn; ask before {@link propose} or {@link mark}. */
    hasRoom() {
        return this.#ring.reserve(LOG_HEAD_BYTES + PADDING_MAX + this.#entryBytesMax) >= 0;
    }
    /** Gives the request the next zxid, makes its txn and queues it. */
    propose(request, worker, connection) {
        const at = this.#reserve();
        this.#advanceZxid();
        request.zxidHigh = this.lastProposed.epoch;
        request.zxidLow = this.lastProposed.counter;
        // The entry is aligned as the request is, and so the data in it (TxnHeader is 32 bytes): see paddingFor.
        const offset = LOG_HEAD_BYTES + ((request.start - LOG_HEAD_BYTES) & PADDING_MAX);
        const start = at + offset;
        this.#writer.reset(this.#ring.bytes, start, start + this.#entryBytesMax);
        this.#prep.prepare(request, this.#writer);
        const length = this.#writer.position - start;
        const head = this.#begin(at, LogKind.txn, worker, connection, request.cxid, request.opcode);
        head.mutate_zxid_high(request.zxidHigh);
        head.mutate_zxid_low(request.zxidLow);
        head.mutate_session_high(request.session.idHigh);
        head.mutate_session_low(request.session.idLow);
        head.mutate_admitted_bytes(this.#prep.admittedBytes);
        head.mutate_entry_offset(offset);
        head.mutate_entry_length(length);
        head.mutate_content_crc(this.#prep.contentCrc);
        head.mutate_has_content_crc(this.#prep.hasContentCrc ? 1 : 0);
        this.#commit(offset + length);
    }
    /**
     * Queues a place in the order of commits: it is reached when everything proposed before is applied (sync, getEphemerals).
     * The request's body, `bytes[start, start + length)`, goes with it.
     * A write that the disk guard refused is answered there with QUOTAEXCEEDED.
     */
    mark(worker, connection, xid, opcode, sessionHigh, sessionLow, bytes, start, length) {
        const at = this.#reserve();
        const head = this.#begin(at, LogKind.marker, worker, connection, xid, opcode);
        head.mutate_session_high(sessionHigh);
        head.mutate_session_low(sessionLow);
        head.mutate_entry_length(length);
        copyToShared(bytes, start, this.#ring.bytes, at + LOG_HEAD_BYTES, length);
        this.#commit(LOG_HEAD_BYTES + length);
    }
    /** Tells the log worker to go on in a new file. */
    roll() {
        this.#begin(this.#reserve(), LogKind.roll, -1, 0, 0, 0);
        this.#commit(LOG_HEAD_BYTES);
    }
    /** Shows the log worker what was queued, and wakes it: once a batch. */
    publish() {
        if (!this.#hasUnpublished)
            return;
        this.#hasUnpublished = false;
        this.#ring.publish();
        this.#doorbell.ring();
    }
    /** A standalone server may begin a new epoch by itself when the counter has run out; it is its own quorum. */
    #advanceZxid() {
        if (!this.lastProposed.advance())
            this.lastProposed.set(this.lastProposed.epoch + 1, 1);
    }
    #reserve() {
        const at = this.#ring.reserve(LOG_HEAD_BYTES + PADDING_MAX + this.#entryBytesMax);
        if (at < 0)
            throw new Error('the log ring is full: hasRoom was not asked');
        return at;
    }
    #begin(at, kind, worker, connection, xid, opcode) {
        const head = this.#head.__init(at, this.#buffer);
        head.mutate_kind(kind);
        head.mutate_worker(worker);
        head.mutate_connection(connection);
        head.mutate_xid(xid);
        head.mutate_opcode(opcode);
        head.mutate_admitted_bytes(0);
        head.mutate_entry_offset(LOG_HEAD_BYTES);
        head.mutate_entry_length(0);
        return head;
    }
    #commit(bytes) {
        this.#ring.commit(bytes);
        this.#hasUnpublished = true;
    }
}
