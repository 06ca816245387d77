import { ByteBuffer } from 'flatbuffers';
import { ADDRESS_COUNTS_BYTES } from '../../src/connection/address-counts.ts';
import type { ComplaintKind } from '../../src/connection/complaint.ts';
import { ConnectionWorker } from '../../src/connection/connection-worker.ts';
import { LARGE_REQUESTS_BYTES } from '../../src/connection/large-requests.ts';
import { requestCountsBytes } from '../../src/connection/request-limits.ts';
import type {
  ConnectionWorkerData,
  ConnectionWorkerOptions,
  WorkerMessage,
} from '../../src/connection/worker-data.ts';
import { JuteReader } from '../../src/jute/reader.ts';
import { type Identity, readIdentities } from '../../src/protocol/acl.ts';
import { WriterLock } from '../../src/replica/lock.ts';
import { createDoorbellMemory } from '../../src/ring/doorbell.ts';
import { RequestHead } from '../../src/ring/generated/records.ts';
import { RequestKind } from '../../src/ring/record-kind.ts';
import { createRingMemory, RingConsumer } from '../../src/ring/ring.ts';
import { CommitPublisher } from '../../src/server/commit-publisher.ts';
import { Database } from '../../src/server/database.ts';
import { WireClient } from '../support/wire-client.ts';
import type { ConnectOptions } from '../support/wire-connection.ts';
import { until } from './until.ts';

/** A request as a worker put it into its ring. */
export interface Received {
  readonly kind: RequestKind;
  readonly connection: number;
  readonly xid: number;
  readonly opcode: number;
  readonly sessionHigh: number;
  readonly sessionLow: number;
  readonly timeoutMs: number;
  readonly payload: Uint8Array;
}

export interface FakeMainOptions {
  readonly worker?: Partial<ConnectionWorkerOptions>;
  readonly requestRingBytes?: number;
}

const DEFAULTS: ConnectionWorkerOptions = {
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
  readonly database: Database;
  readonly lock: WriterLock;
  readonly publisher: CommitPublisher;
  readonly worker: ConnectionWorker;
  readonly messages: WorkerMessage[] = [];
  readonly complaints: { readonly kind: ComplaintKind; readonly problem: string }[] = [];
  /** Everything that came, in order. */
  readonly received: Received[] = [];
  readonly watchCounts = new SharedArrayBuffer(4);
  readonly touchTable = new SharedArrayBuffer(64 * 4);
  holdsSessions = false;
  /** While true, nothing is taken from the requests ring. */
  isStuck = false;
  readonly #ring: RingConsumer;
  readonly #buffer: ByteBuffer;
  readonly #head = new RequestHead();
  readonly #clients: WireClient[] = [];
  readonly #timer: NodeJS.Timeout;
  #nextSession = 1;

  private constructor(options: FakeMainOptions) {
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
    const data: ConnectionWorkerData = {
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
      clientService: 'all',
      firstConnectionId: 1,
      options: { ...DEFAULTS, ...options.worker },
    };
    this.worker = new ConnectionWorker(
      data,
      (message) => this.messages.push(message),
      (_connection, kind, problem) => this.complaints.push({ kind, problem }),
    );
    this.#timer = setInterval(() => this.#pump(), 1);
  }

  static async start(options: FakeMainOptions = {}): Promise<FakeMain> {
    const main = new FakeMain(options);
    await main.worker.listen();
    return main;
  }

  get port(): number {
    for (const message of this.messages) if (message.kind === 'listening') return message.port;
    throw new Error('the worker does not listen');
  }

  /** A client with a session. */
  async connect(options: Omit<ConnectOptions, 'port'> = {}): Promise<WireClient> {
    const client = await this.open();
    await client.establish(options);
    return client;
  }

  async open(): Promise<WireClient> {
    const client = await WireClient.open(this.port);
    this.#clients.push(client);
    return client;
  }

  /** What clients asked main for, without the records of sessions and connections. */
  get requests(): Received[] {
    return this.received.filter(({ kind }) => kind === RequestKind.clientRequest);
  }

  /** Waits for the `count`th client request. */
  async request(count: number): Promise<Received> {
    await until(() => this.requests.length >= count, `request ${count}`);
    return this.requests[count - 1];
  }

  /** Answers a request, without a change of the tree. */
  answer(request: Received, error = 0, body: Uint8Array = new Uint8Array(0)): void {
    const { tree } = this.database;
    const { connection, xid } = request;
    this.publisher.reply(0, connection, xid, tree.lastZxidHigh, tree.lastZxidLow, error, body, body.length);
    this.announce();
  }

  settle(request: Received, timeoutMs = request.timeoutMs): void {
    const isNew = request.kind === RequestKind.openSession;
    const high = isNew ? 0x01000000 : request.sessionHigh;
    const low = isNew ? this.#nextSession++ : request.sessionLow;
    this.publisher.sessionSettled(0, request.connection, high, low, timeoutMs, low & 63);
    this.announce();
  }

  /** Whether bytes for some client wait because the kernel takes no more. */
  isWriting(): boolean {
    this.worker.receive({ kind: 'summarise', query: 0, detail: 'connections' });
    const message = this.messages.pop();
    if (message?.kind !== 'summary') throw new Error('no summary');
    return message.summary.connections.some(({ isWriting }) => isWriting);
  }

  announce(): void {
    this.publisher.publish();
    this.publisher.ring();
  }

  identitiesOf(received: Received): Identity[] {
    return readIdentities(new JuteReader(received.payload));
  }

  #pump(): void {
    if (this.isStuck) return;
    while (this.#ring.next()) this.#take(this.#head.__init(this.#ring.start, this.#buffer));
    this.#ring.release();
  }

  #take(head: RequestHead): void {
    const start = this.#ring.start + head.payloadOffset();
    const received: Received = {
      kind: head.kind() as RequestKind,
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
    if (this.holdsSessions) return;
    if (kind === RequestKind.openSession || kind === RequestKind.attachSession) this.settle(received);
    if (kind === RequestKind.refuseAttach) this.settle(received, 0);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.worker.receive({ kind: 'stop' });
    await Promise.all(this.#clients.map((client) => client.disconnect()));
  }
}
