// Hot path: requests are prepared in place, from the requests ring into the log ring, with one reused request object.
import { JuteReader } from '../jute/reader.js';
import { GrowingJuteWriter } from '../jute/writer.js';
import { readIdentities } from '../protocol/acl.js';
import { highWord, lowWord } from '../protocol/long.js';
import { OpCode } from '../protocol/opcode.js';
import { AlignedBuffer } from '../ring/aligned-buffer.js';
import { RequestHead } from '../ring/generated/records.js';
import { RequestKind } from '../ring/record-kind.js';
import { RingConsumer } from '../ring/ring.js';
import { monotonicMs } from '../session/monotonic-clock.js';
import { SessionLimitError } from '../session/session-tracker.js';
/** Requests taken from one worker before the next one has its turn. */
const REQUESTS_PER_TURN = 1024;
/** The log worker begins with so many, so that the disk works while the rest of the turn is prepared. */
const FIRST_PUBLISH_AT_REQUESTS = 128;
/** Requests whose txns lasting data comes of: refused when the disk is nearly full, deletes and sessions are not. */
const STORING_OPCODES = new Set([
    ...[OpCode.create, OpCode.create2, OpCode.createContainer, OpCode.createTTL, OpCode.setData, OpCode.setACL],
    ...[OpCode.multi, OpCode.reconfig],
]);
const NO_IDENTITIES = [];
/** Whom no ACL holds back. */
const SERVER_IDENTITIES = [{ scheme: 'super', id: '' }];
const NO_SESSION = { idHigh: 0, idLow: 0, isClosing: false };
/** Takes the workers' requests and makes proposals of them, or answers what needs none. */
export class RequestIntake {
    /** Set by the {@link DiskGuard}: what stores anything is answered with QUOTAEXCEEDED. */
    refusesWrites = false;
    #parts;
    #rings;
    #buffers;
    #head = new RequestHead();
    #reader = new JuteReader();
    /** Sessions to close, of the server's own accord. */
    #toClose = [];
    /** Bodies of deleteContainer requests of the server's own. */
    #toDelete = [];
    #timeoutBody = new Uint8Array(4);
    #timeoutView = new DataView(this.#timeoutBody.buffer);
    #request = {
        opcode: 0,
        cxid: 0,
        session: NO_SESSION,
        identities: NO_IDENTITIES,
        bytes: this.#timeoutBody,
        start: 0,
        end: 0,
        zxidHigh: 0,
        zxidLow: 0,
        timeHigh: 0,
        timeLow: 0,
    };
    constructor(parts) {
        this.#parts = parts;
        this.#rings = parts.requests.map((memory) => new RingConsumer(memory, 0));
        this.#buffers = this.#rings.map((ring) => new AlignedBuffer(ring.bytes));
    }
    hasWork() {
        return (this.#toClose.length > 0 || this.#toDelete.length > 0 || this.#rings.some((ring) => ring.hasMore()));
    }
    /** Queues a closeSession of the server's own: the session expired, or its ephemerals have no session. */
    closeSession(session) {
        this.#toClose.push(session);
    }
    /** Queues a deleteContainer of the server's own: a container is empty, or the time of a TTL znode is over. */
    deleteContainer(path) {
        const writer = new GrowingJuteWriter(0x7fffffff, 4 + path.length);
        writer.writeBuffer(path);
        this.#toDelete.push(writer.written());
    }
    /** Takes a turn of requests from every worker; true when more could be taken at once. */
    takeTurn() {
        const { appender } = this.#parts;
        const nowMs = Date.now();
        this.#request.timeHigh = highWord(nowMs);
        this.#request.timeLow = lowWord(nowMs);
        let taken = 0;
        while (this.#toClose.length > 0 && appender.hasRoom()) {
            const session = this.#toClose.shift();
            if (session !== undefined && !session.isClosing)
                this.#proposeClose(session);
            taken++;
        }
        while (this.#toDelete.length > 0 && appender.hasRoom()) {
            const body = this.#toDelete.shift();
            if (body !== undefined) {
                this.#proposeOwn(OpCode.deleteContainer, NO_SESSION, -1, 0, body, body.length, SERVER_IDENTITIES);
            }
            taken++;
        }
        for (let worker = 0; worker < this.#rings.length; worker++)
            taken += this.#takeFrom(worker);
        appender.publish();
        this.#parts.publisher.publish();
        this.#parts.publisher.ring();
        return taken > 0 && this.hasWork();
    }
    /** A worker died and is started again with a fresh ring. */
    replaceRing(worker, memory) {
        this.#rings[worker] = new RingConsumer(memory, 0);
        this.#buffers[worker] = new AlignedBuffer(this.#rings[worker].bytes);
    }
    #takeFrom(worker) {
        const ring = this.#rings[worker];
        let taken = 0;
        while (taken < REQUESTS_PER_TURN && this.#parts.appender.hasRoom() && ring.next()) {
            this.#take(worker, this.#head.__init(ring.start, this.#buffers[worker]), ring);
            taken++;
            if (taken === FIRST_PUBLISH_AT_REQUESTS)
                this.#parts.appender.publish();
        }
        if (taken > 0)
            ring.release();
        return taken;
    }
    #take(worker, head, ring) {
        const start = ring.start + head.payloadOffset();
        const end = start + head.payloadLength();
        const kind = head.kind();
        switch (kind) {
            case RequestKind.clientRequest:
                this.#takeRequest(worker, head, ring.bytes, start, end);
                break;
            case RequestKind.openSession:
                this.#openSession(worker, head, this.#identities(ring.bytes, start, end));
                break;
            case RequestKind.attachSession:
                this.#attachSession(worker, head, this.#identities(ring.bytes, start, end));
                break;
            case RequestKind.refuseAttach:
                this.#refuseAttach(worker, head);
                break;
            case RequestKind.connectionClosed:
                this.#parts.sessions.connectionClosed(worker, head.connection());
                break;
            case RequestKind.identities: {
                const known = this.#parts.sessions.find(worker, head.connection());
                if (known !== undefined)
                    known.identities = this.#identities(ring.bytes, start, end);
                break;
            }
            default:
                throw new Error(`unknown kind ${kind} in the requests ring of worker ${worker}`);
        }
    }
    #identities(bytes, start, end) {
        this.#reader.reset(bytes, start, end);
        return readIdentities(this.#reader);
    }
    #takeRequest(worker, head, bytes, start, end) {
        const { sessions, appender } = this.#parts;
        const connection = head.connection();
        // The connection was closed from here (its session expired or moved) while the request was on its way.
        const known = sessions.find(worker, connection);
        if (known === undefined)
            return;
        const opcode = head.opcode();
        if (opcode === OpCode.sync || opcode === OpCode.getEphemerals) {
            this.#mark(worker, head, bytes, start, end);
            return;
        }
        if (this.refusesWrites && STORING_OPCODES.has(opcode)) {
            // Not even an error txn is logged: clients that try again and again would use up the reserve.
            appender.mark(worker, connection, head.xid(), opcode, head.sessionHigh(), head.sessionLow(), bytes, start, 0);
            return;
        }
        const request = this.#request;
        request.opcode = opcode;
        request.cxid = head.xid();
        request.session = known.session;
        request.identities = known.identities;
        request.bytes = bytes;
        request.start = start;
        request.end = end;
        this.#parts.counters.proposals++;
        appender.propose(request, worker, connection);
    }
    /** Takes its place behind all proposals, to be answered there; the body is a path, as the worker has made sure. */
    #mark(worker, head, bytes, start, end) {
        this.#reader.reset(bytes, start, end);
        this.#reader.readSpan();
        const bodyBytes = this.#reader.position - start;
        this.#parts.appender.mark(worker, head.connection(), head.xid(), head.opcode(), head.sessionHigh(), head.sessionLow(), bytes, start, bodyBytes);
    }
    #openSession(worker, head, identities) {
        const { sessions, sessionIds, complain } = this.#parts;
        const timeoutMs = head.timeoutMs();
        const nowMs = monotonicMs();
        if (this.#isThrottled(worker, head, true, nowMs))
            return;
        const id = sessionIds.next();
        let session;
        try {
            session = sessions.tracker.add(id.high, id.low, timeoutMs, nowMs);
        }
        catch (error) {
            if (!(error instanceof SessionLimitError))
                throw error;
            complain(`a new session was refused: ${error.message}`);
            this.#parts.publisher.closeConnection(worker, head.connection());
            return;
        }
        sessions.hold(session, worker, head.connection(), identities, timeoutMs, nowMs);
        this.#timeoutView.setInt32(0, timeoutMs);
        this.#proposeOwn(OpCode.createSession, session, worker, head.connection(), this.#timeoutBody, 4);
    }
    /** Whether too many clients come at once: this one is disconnected. */
    #isThrottled(worker, head, isNew, nowMs) {
        const { throttle, counters, publisher, complain } = this.#parts;
        counters.connectionRequests++;
        const isAdmitted = throttle.admits(isNew, nowMs);
        counters.connectionTokenDeficit.record(throttle.deficit);
        if (isAdmitted)
            return false;
        counters.connectionsThrottled++;
        complain('a client was turned away: connection_throttle_tokens are used up');
        publisher.closeConnection(worker, head.connection());
        return true;
    }
    #attachSession(worker, head, identities) {
        const { sessions } = this.#parts;
        if (this.#isThrottled(worker, head, false, monotonicMs()))
            return;
        const session = sessions.tracker.get(head.sessionHigh(), head.sessionLow());
        if (session === undefined || session.isClosing || !session.isCommitted) {
            this.#refuseAttach(worker, head);
            return;
        }
        sessions.hold(session, worker, head.connection(), identities, head.timeoutMs(), monotonicMs());
        sessions.settle(session, worker, head.connection());
    }
    /** Even an attempt that fails ends the connection that holds the session, as in ZooKeeper. */
    #refuseAttach(worker, head) {
        const { sessions } = this.#parts;
        const session = sessions.tracker.get(head.sessionHigh(), head.sessionLow());
        if (session !== undefined)
            sessions.disconnect(session);
        sessions.refuse(worker, head.connection());
    }
    #proposeClose(session) {
        this.#proposeOwn(OpCode.closeSession, session, -1, 0, this.#timeoutBody, 0);
    }
    /** A txn of the session's life, or of the server's own; cxid 0. */
    #proposeOwn(opcode, session, worker, connection, body, bodyBytes, identities = NO_IDENTITIES) {
        const request = this.#request;
        request.opcode = opcode;
        request.cxid = 0;
        request.session = session;
        request.identities = identities;
        request.bytes = body;
        request.start = 0;
        request.end = bodyBytes;
        this.#parts.counters.proposals++;
        this.#parts.appender.propose(request, worker, connection);
    }
}
