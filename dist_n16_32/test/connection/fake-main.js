import { ByteBuffer } from 'flatbuffers';
import { ADDRESS_COUNTS_BYTES } from '../../src/connection/address-counts.js';
import { ConnectionWorker } from '../../src/connection/connection-worker.js';
import { LARGE_REQUESTS_BYTES } from '../../src/connection/large-requests.js';
import { requestCountsBytes } from '../../src/connection/request-limits.js';
import { JuteReader } from '../../src/jute/reader.js';
import { readIdentities } from '../../src/protocol/acl.js';
import { WriterLock } from '../../src/replica/lock.js';
import { createDoorbellMemory } from '../../src/ring/doorbell.js';
import { RequestHead } from '../../src/ring/generated/records.js';
import { RequestKind } from '../../src/ring/record-kind.js';
import { createRingMemory, RingConsumer } from '../../src/ring/ring.js';
import { CommitPublisher } from '../../src/server/commit-publisher.js';
import { Database } from '../../src/server/database.js';
import { WireClient } from '../support/wire-client.js';
import { until } from './until.js';
const DEFAULTS = {
    clientPortAddress: '127.0.0.1',
    listenBacklog: null,
    tcpKeepAlive: false,
    maxClientCnxns: 0,
    maxCnxns: 0,
    outstandingRequestsMax: 1000,
    requestsInProcessMax: 0,
    throttledOpWaitMs: 0,
    largeRequestThresholdBytes: 0,
    largeRequestBytesMax: 1 << 20,
    minSessionTimeoutMs: 100,
    maxSessionTimeoutMs: 60_000,
    frameBytesMax: 1 << 20,
    inputBytesMax: 4 << 20,
    outputBytesMax: 16 << 20,
    sessionlessTimeoutMs: 10_000,
    childrenCacheEntriesMax: 16,
    skipAcl: false,
    extendedTypesEnabled: false,
    authentication: { digestEnabled: true, digestAlgorithm: 'sha1', superDigest: null },
    logLevel: 'error',
    logFormat: 'json',
};
/**
 * A real ConnectionWorker in the test's own thread, with the test in main's place: it sees every request, and decides
 * when and how it is answered. Sessions are opened at once unless {@link holdsSessions}.
 */
export class FakeMain {
    database;
    lock;
    publisher;
    worker;
    messages = [];
    complaints = [];
    /** Everything that came, in order. */
    received = [];
    watchCounts = new SharedArrayBuffer(4);
    touchTable = new SharedArrayBuffer(64 * 4);
    holdsSessions = false;
    /** While true, nothing is taken from the requests ring. */
    isStuck = false;
    #ring;
    #buffer;
    #head = new RequestHead();
    #clients = [];
    #timer;
    #nextSession = 1;
    constructor(options) {
        const replica = { memoryBytesMax: 32 << 20, readersMax: 2, hashSeed: 7, segmentBytes: 4 << 20 };
        this.database = new Database(replica, { digestEnabled: true, extendedTypesEnabled: false });
        this.database.startEmpty();
        this.lock = new WriterLock(this.database.tree.memory);
        const doorbell = createDoorbellMemory();
        const requests = createRingMemory(options.requestRingBytes ?? 4 << 20, 1);
        const commits = createRingMemory(4 << 20, 1);
        this.publisher = new CommitPublisher(commits, [doorbell]);
        this.#ring = new RingConsumer(requests, 0);
        this.#buffer = new ByteBuffer(this.#ring.bytes);
        const data = {
            index: 0,
            replica: this.database.tree.memory,
            readerIndex: 0,
            requests,
            commits,
            mainDoorbell: createDoorbellMemory(),
            doorbell,
            touchTable: this.touchTable,
            watchCounts: this.watchCounts,
            addressCounts: new SharedArrayBuffer(ADDRESS_COUNTS_BYTES),
            requestCounts: new SharedArrayBuffer(requestCountsBytes(1)),
            largeRequests: new SharedArrayBuffer(LARGE_REQUESTS_BYTES),
            clientPort: { kind: 'alone', port: 0 },
            firstConnectionId: 1,
            options: { ...DEFAULTS, ...options.worker },
        };
        this.worker = new ConnectionWorker(data, (message) => this.messages.push(message), (_connection, kind, problem) => this.complaints.push({ kind, problem }));
        this.#timer = setInterval(() => this.#pump(), 1);
    }
    static async start(options = {}) {
        const main = new FakeMain(options);
        await main.worker.listen();
        return main;
    }
    get port() {
        for (const message of this.messages)
            if (message.kind === 'listening')
                return message.port;
        throw new Error('the worker does not listen');
    }
    /** A client with a session. */
    async connect(options = {}) {
        const client = await this.open();
        await client.establish(options);
        return client;
    }
    async open() {
        const client = await WireClient.open(this.port);
        this.#clients.push(client);
        return client;
    }
    /** What clients asked main for, without the records of sessions and connections. */
    get requests() {
        return this.received.filter(({ kind }) => kind === RequestKind.clientRequest);
    }
    /** Waits for the `count`th client request. */
    async request(count) {
        await until(() => this.requests.length >= count, `request ${count}`);
        return this.requests[count - 1];
    }
    /** Answers a request, without a change of the tree. */
    answer(request, error = 0, body = new Uint8Array(0)) {
        const { tree } = this.database;
        const { connection, xid } = request;
        this.publisher.reply(0, connection, xid, tree.lastZxidHigh, tree.lastZxidLow, error, body, body.length);
        this.announce();
    }
    settle(request, timeoutMs = request.timeoutMs) {
        const isNew = request.kind === RequestKind.openSession;
        const high = isNew ? 0x01000000 : request.sessionHigh;
        const low = isNew ? this.#nextSession++ : request.sessionLow;
        this.publisher.sessionSettled(0, request.connection, high, low, timeoutMs, low & 63);
        this.announce();
    }
    /** Whether bytes for some client wait because the kernel takes no more. */
    isWriting() {
        this.worker.receive({ kind: 'summarise', query: 0, detail: 'connections' });
        const message = this.messages.pop();
        if (message?.kind !== 'summary')
            throw new Error('no summary');
        return message.summary.connections.some(({ isWriting }) => isWriting);
    }
    announce() {
        this.publisher.publish();
        this.publisher.ring();
    }
    identitiesOf(received) {
        return readIdentities(new JuteReader(received.payload));
    }
    #pump() {
        if (this.isStuck)
            return;
        while (this.#ring.next())
            this.#take(this.#head.__init(this.#ring.start, this.#buffer));
        this.#ring.release();
    }
    #take(head) {
        const start = this.#ring.start + head.payloadOffset();
        const received = {
            kind: head.kind(),
            connection: head.connection(),
            xid: head.xid(),
            opcode: head.opcode(),
            sessionHigh: head.sessionHigh(),
            sessionLow: head.sessionLow(),
            timeoutMs: head.timeoutMs(),
            payload: this.#ring.bytes.slice(start, start + head.payloadLength()),
        };
        this.received.push(received);
        const { kind } = received;
        if (this.holdsSessions)
            return;
        if (kind === RequestKind.openSession || kind === RequestKind.attachSession)
            this.settle(received);
        if (kind === RequestKind.refuseAttach)
            this.settle(received, 0);
    }
    async stop() {
        clearInterval(this.#timer);
        this.worker.receive({ kind: 'stop' });
        await Promise.all(this.#clients.map((client) => client.disconnect()));
    }
}
