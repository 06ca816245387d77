// Hot path: records are written in place in the commits ring.
import { copyToShared } from '../jute/shared-copy.js';
import { AlignedBuffer } from '../ring/aligned-buffer.js';
import { Doorbell, waitBlocked } from '../ring/doorbell.js';
import { CommitHead } from '../ring/generated/records.js';
import { COMMIT_HEAD_BYTES, CommitKind } from '../ring/record-kind.js';
import { RingProducer } from '../ring/ring.js';
/** How long main waits in one piece for a worker to make room, and how often, before it gives up. */
const ROOM_WAIT_MS = 1;
const ROOM_WAITS_MAX = 20_000;
/** Main's end of the `commits` ring: tells every connection worker what was committed, in order. */
export class CommitPublisher {
    #ring;
    #doorbells;
    #buffer;
    #head = new CommitHead();
    #never = new Int32Array(new SharedArrayBuffer(4));
    #hasUnpublished = false;
    #hasUnrung = false;
    constructor(ring, doorbells) {
        this.#ring = new RingProducer(ring);
        this.#doorbells = doorbells.map((memory) => new Doorbell(memory));
        this.#buffer = new AlignedBuffer(this.#ring.bytes);
    }
    /** Room for ordinary txns is there; below this main lets the workers catch up before it applies more. */
    hasRoom() {
        return this.#ring.freeBytes() > this.#ring.bytes.length / 4;
    }
    /** A znode changed. ACL lists are given as aclRefs; -1: everyone may read, so that nobody need look. */
    event(change, zxidHigh, zxidLow, path, start, length, tree, aclRef, parentAclRef) {
        const aclLength = aclRef === -1 ? 0 : tree.aclLength(aclRef);
        const parentAclLength = parentAclRef === -1 ? 0 : tree.aclLength(parentAclRef);
        const total = COMMIT_HEAD_BYTES + length + aclLength + parentAclLength;
        let at = this.#reserve(total);
        const head = this.#begin(at, CommitKind.event, -1, 0, 0);
        head.mutate_zxid_high(zxidHigh);
        head.mutate_zxid_low(zxidLow);
        head.mutate_event(change);
        head.mutate_path_length(length);
        head.mutate_acl_length(aclLength);
        head.mutate_parent_acl_length(parentAclLength);
        at += COMMIT_HEAD_BYTES;
        copyToShared(path, start, this.#ring.bytes, at, length);
        if (aclLength > 0)
            tree.copyAcl(aclRef, this.#ring.bytes, at + length);
        if (parentAclLength > 0)
            tree.copyAcl(parentAclRef, this.#ring.bytes, at + length + aclLength);
        this.#commit(total);
    }
    /** The answer to a request: error and, if there is none, a body. */
    reply(worker, connection, xid, zxidHigh, zxidLow, error, body, bodyLength) {
        const total = COMMIT_HEAD_BYTES + bodyLength;
        const at = this.#reserve(total);
        const head = this.#begin(at, CommitKind.reply, worker, connection, xid);
        head.mutate_zxid_high(zxidHigh);
        head.mutate_zxid_low(zxidLow);
        head.mutate_error(error);
        head.mutate_body_length(bodyLength);
        if (bodyLength > 0)
            copyToShared(body, 0, this.#ring.bytes, at + COMMIT_HEAD_BYTES, bodyLength);
        this.#commit(total);
    }
    /** A session was opened or attached; `timeoutMs` 0: refused. */
    sessionSettled(worker, connection, sessionHigh, sessionLow, timeoutMs, slot) {
        const head = this.#begin(this.#reserve(COMMIT_HEAD_BYTES), CommitKind.sessionSettled, worker, connection, 0);
        head.mutate_session_high(sessionHigh);
        head.mutate_session_low(sessionLow);
        head.mutate_timeout_ms(timeoutMs);
        head.mutate_slot(slot);
        this.#commit(COMMIT_HEAD_BYTES);
    }
    /** The connection is to be closed behind what was written to it. */
    closeConnection(worker, connection) {
        this.#begin(this.#reserve(COMMIT_HEAD_BYTES), CommitKind.closeConnection, worker, connection, 0);
        this.#commit(COMMIT_HEAD_BYTES);
    }
    /** Shows the records to the workers. Within a batch of commits: before the replica's lock is let go. */
    publish() {
        if (!this.#hasUnpublished)
            return;
        this.#hasUnpublished = false;
        this.#hasUnrung = true;
        this.#ring.publish();
    }
    /** Wakes the workers, once a batch. */
    ring() {
        if (!this.#hasUnrung)
            return;
        this.#hasUnrung = false;
        for (const doorbell of this.#doorbells)
            doorbell.ring();
    }
    /** A worker died: what it did not take holds nobody back. */
    workerDied(worker) {
        this.#ring.deactivate(worker);
    }
    /** A new worker takes the place of one that died. */
    workerStarts(worker) {
        this.#ring.reactivate(worker);
    }
    #begin(at, kind, worker, connection, xid) {
        const head = this.#head.__init(at, this.#buffer);
        head.mutate_kind(kind);
        head.mutate_worker(worker);
        head.mutate_connection(connection);
        head.mutate_xid(xid);
        return head;
    }
    #commit(bytes) {
        this.#ring.commit(bytes);
        this.#hasUnpublished = true;
    }
    /**
     * One txn may announce more than the ring has room for (a session with many thousands of ephemerals). Main then waits
     * in the middle of it, with the replica's lock held if need be: workers go on draining without that lock.
     */
    #reserve(bytes) {
        let at = this.#ring.reserve(bytes);
        for (let wait = 0; at < 0; wait++) {
            if (wait === ROOM_WAITS_MAX) {
                throw new Error('a connection worker has taken nothing from the commits ring for 20 s: it is stuck');
            }
            this.publish();
            this.ring();
            waitBlocked(this.#never, 0, 0, ROOM_WAIT_MS);
            at = this.#ring.reserve(bytes);
        }
        return at;
    }
}
