import { errorName } from '../../src/protocol/error-code.js';
import { opName, Xid } from '../../src/protocol/opcode.js';
import { encode, readerOf } from './wire-records.js';
/** How long a request, an event or a close may take before the test fails. */
const PATIENCE_MS = 15_000;
/** A reply's body; throws where the request failed. */
export function ok(reply) {
    if (reply.err !== 0)
        throw new Error(`request ${reply.xid} failed: ${errorName(reply.err)}`);
    return reply.body;
}
/**
 * A connection to a ZooKeeper server that hides nothing: it sends what it is told to send, at once, and keeps replies
 * and watch notifications in one ordered {@link log}. It fails (rejecting all that waits) when a reply comes out of
 * order.
 */
export class WireConnection {
    log = [];
    /** Settles when the connection is closed, by whichever side. Never rejects. */
    closed;
    #socket;
    #session = null;
    #buffered = [];
    #bufferedBytes = 0;
    #pending = [];
    #pendingAside = [];
    #waiters = [];
    #connectSettled = null;
    #connectFailed = null;
    #xid = 0;
    #failure = null;
    #isClosed = false;
    constructor(socket) {
        this.#socket = socket;
        socket.setNoDelay(true);
        this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
        socket.on('data', (chunk) => this.#received(chunk));
        socket.on('error', (error) => this.#fail(error));
        socket.on('close', () => {
            this.#isClosed = true;
            this.#fail(new Error('connection closed'));
        });
        socket.setTimeout(PATIENCE_MS, () => {
            if (this.#pending.length + this.#waiters.length > 0)
                this.#fail(new Error(`silence for ${PATIENCE_MS} ms`));
        });
    }
    /** Sends a ConnectRequest; the response is also {@link session} from then on. */
    establish(options) {
        const response = this.awaitSession();
        this.sendFrame(encode((writer) => {
            writer.writeInt(options.protocolVersion ?? 0);
            writer.writeLong(options.lastZxidSeen ?? 0n);
            writer.writeInt(options.timeoutMs ?? 30_000);
            writer.writeLong(options.sessionId ?? 0n);
            writer.writeBuffer(options.password ?? new Uint8Array(16));
            if (options.readOnly !== 'absent')
                writer.writeBoolean(options.readOnly ?? false);
        }));
        return response;
    }
    /** The ConnectResponse to a ConnectRequest that is sent by hand. */
    awaitSession() {
        const response = new Promise((resolve, reject) => {
            this.#connectSettled = resolve;
            this.#connectFailed = reject;
            if (this.#failure)
                reject(this.#failure);
        });
        response.catch(nothing);
        return response;
    }
    get session() {
        if (this.#session === null)
            throw new Error('no session on this connection');
        return this.#session;
    }
    /** Whether the server has given this connection a session. */
    get hasSession() {
        return this.#session !== null && this.#session.timeoutMs > 0;
    }
    get isClosed() {
        return this.#isClosed;
    }
    /** `address:port` of this end, as servers log it. */
    get localAddress() {
        return `${this.#socket.localAddress}:${this.#socket.localPort}`;
    }
    get notifications() {
        return this.log.filter((event) => event.kind === 'notification');
    }
    /** The xid of the request sent last. */
    get lastXid() {
        return this.#xid;
    }
    // --- raw bytes ---
    /** Sends bytes as they are. */
    sendRaw(bytes) {
        this.#socket.write(bytes);
    }
    /** Sends a frame: its length, then its bytes. */
    sendFrame(payload) {
        const frame = Buffer.allocUnsafe(4 + payload.length);
        frame.writeInt32BE(payload.length, 0);
        frame.set(payload, 4);
        this.#socket.write(frame);
    }
    /** Everything that `send` sends goes out in one write. */
    batch(send) {
        this.#socket.cork();
        try {
            return send();
        }
        finally {
            this.#socket.uncork();
        }
    }
    /** Stops taking bytes from the socket, as a client does that hangs. */
    pauseReading() {
        this.#socket.pause();
        this.#socket.setTimeout(0);
    }
    resumeReading() {
        this.#socket.resume();
    }
    /** From now on whatever comes is dropped unread, as by a client that sends garbage and expects none better. */
    ignoreReplies() {
        this.#socket.removeAllListeners('data');
        this.#socket.resume();
    }
    /** Closes the connection by RST. */
    async reset() {
        this.#socket.resetAndDestroy();
        await this.closed;
    }
    /** Ends only the sending side: the server sees end of file. */
    endSending() {
        this.#socket.end();
    }
    /** Closes the connection without a word: the session lives on. */
    async disconnect() {
        this.#socket.destroy();
        await this.closed;
    }
    /** Waits until the server has closed the connection; rejects when it does not. */
    async waitForClose() {
        this.resumeReading();
        let timer;
        const late = new Promise((_, reject) => {
            timer = setTimeout(() => reject(new Error(`not closed in ${PATIENCE_MS} ms`)), PATIENCE_MS);
        });
        await Promise.race([this.closed, late]).finally(() => clearTimeout(timer));
    }
    /** Waits until `count` notifications have come in all, and gives them. */
    async waitForNotifications(count) {
        await this.#until(() => this.notifications.length >= count);
        return this.notifications;
    }
    // --- requests ---
    /** Sends a request; `decode` reads the reply's body where err is 0. */
    request(type, write, decode, xid = ++this.#xid) {
        const reply = this.expectReply(xid, opName(type), decode);
        this.sendFrame(encode((writer) => {
            writer.writeInt(xid);
            writer.writeInt(type);
            write(writer);
        }));
        return reply;
    }
    expectReply(xid, op = 'request', decode) {
        const reply = new Promise((resolve, reject) => {
            if (this.#failure) {
                reject(this.#failure);
                return;
            }
            const settle = (replyXid, zxid, err, bytes) => {
                const reader = readerOf(bytes);
                const body = err === 0 ? decode?.(reader) : null;
                resolve({ xid: replyXid, zxid, err, body: body, rest: reader.remaining });
            };
            // A client matches ping and auth replies by xid alone: they may overtake (protocol/client.md §3).
            const queue = xid === Xid.ping || xid === Xid.auth ? this.#pendingAside : this.#pending;
            queue.push({ xid, op, settle, reject });
        });
        // Not every test waits for every reply; those that do still see the rejection.
        reply.catch(nothing);
        return reply;
    }
    /** A request whose reply has no body, from body bytes given as they are. */
    requestBytes(type, body, xid) {
        return this.request(type, (writer) => writer.writeBytes(body, 0, body.length), nothing, xid);
    }
    // --- receiving ---
    #received(chunk) {
        this.#buffered.push(chunk);
        this.#bufferedBytes += chunk.length;
        if (this.#bufferedBytes < 4)
            return;
        let bytes = this.#buffered.length === 1 ? this.#buffered[0] : Buffer.concat(this.#buffered);
        while (bytes.length >= 4 && bytes.length >= 4 + bytes.readInt32BE(0)) {
            const end = 4 + bytes.readInt32BE(0);
            try {
                // Not a Buffer: their slices share memory, and compare unequal to plain arrays.
                this.#frame(new Uint8Array(bytes.buffer, bytes.byteOffset + 4, end - 4));
            }
            catch (error) {
                this.#fail(error);
            }
            bytes = bytes.subarray(end);
        }
        this.#buffered = [bytes];
        this.#bufferedBytes = bytes.length;
        this.#checkWaiters();
    }
    #frame(bytes) {
        const reader = readerOf(bytes);
        if (this.#session === null) {
            this.#connectResponse(reader, bytes);
            return;
        }
        const xid = reader.readInt();
        const zxid = reader.readLong();
        const err = reader.readInt();
        if (xid === Xid.notification) {
            const [type, state, path] = [reader.readInt(), reader.readInt(), reader.readString()];
            this.log.push({ kind: 'notification', zxid, err, type, state, path });
            return;
        }
        this.log.push({ kind: 'reply', xid, zxid, err });
        const queue = xid === Xid.ping || xid === Xid.auth ? this.#pendingAside : this.#pending;
        const at = queue === this.#pendingAside ? queue.findIndex((one) => one.xid === xid) : 0;
        const pending = queue[at];
        if (pending === undefined || pending.xid !== xid) {
            throw new Error(`reply with xid ${xid}, awaited ${pending ? `${pending.xid} (${pending.op})` : 'none'}`);
        }
        queue.splice(at, 1);
        pending.settle(xid, zxid, err, bytes.subarray(reader.position));
    }
    #connectResponse(reader, bytes) {
        this.#session = {
            protocolVersion: reader.readInt(),
            timeoutMs: reader.readInt(),
            sessionId: reader.readLong(),
            password: reader.readBuffer() ?? new Uint8Array(0),
            bytes: bytes.slice(),
        };
        this.#connectSettled?.(this.#session);
    }
    #fail(error) {
        this.#failure ??= error;
        this.#connectFailed?.(error);
        for (const pending of [...this.#pending, ...this.#pendingAside]) {
            pending.reject(new Error(`${pending.op} with xid ${pending.xid}: ${error.message}`));
        }
        this.#pending = [];
        this.#pendingAside = [];
        this.#checkWaiters();
        for (const waiter of this.#waiters)
            waiter.reject(error);
        this.#waiters = [];
        if (error.message !== 'connection closed')
            this.#socket.destroy();
    }
    #until(met) {
        return new Promise((resolve, reject) => {
            if (met())
                return resolve();
            if (this.#failure)
                return reject(this.#failure);
            this.#waiters.push({ met, resolve, reject });
        });
    }
    #checkWaiters() {
        this.#waiters = this.#waiters.filter((waiter) => {
            if (!waiter.met())
                return true;
            waiter.resolve();
            return false;
        });
    }
}
/** Writes or reads an empty body. */
export function nothing() { }
