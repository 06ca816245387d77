// Hot path: a batch is what one turn of the event loop read from the sockets, or what one ring of the doorbell announced.
// Each socket's part of it takes the lock at most once per READS_PER_LOCK frames; then each socket is written once, and
// main is rung at most once. Replies wait for the end of the turn, since a write wakes the client at its end: written one by
// one between reads, each of them wakes it anew (measured at 64 connections: a fifth of a read's CPU).

import type { Socket } from 'node:net';
import { JuteError } from '../jute/reader.ts';
import { DataTreeReader } from '../replica/data-tree-reader.ts';
import { ReaderLock } from '../replica/lock.ts';
import { EventLoopSleeper } from '../ring/doorbell.ts';
import { RequestKind } from '../ring/record-kind.ts';
import { monotonicMs } from '../session/monotonic-clock.ts';
import { AccessControl } from '../txn/access-control.ts';
import { AddressCounts } from './address-counts.ts';
import { AddressIdentities } from './address-identities.ts';
import { ChildrenCache } from './children-cache.ts';
import { ClientConnection } from './client-connection.ts';
import { listenOn } from './client-port.ts';
import { CommitReader } from './commit-reader.ts';
import type { Complain } from './complaint.ts';
import { LargeRequests } from './large-requests.ts';
import { LatencySummary } from './latency.ts';
import { MultiRead } from './multi-read.ts';
import { NativeListener, READ_BUFFER_BYTES } from './native-listener.ts';
import { ReadOperations } from './read-operations.ts';
import { ReplyWriter } from './reply-writer.ts';
import { RequestForwarder } from './request-forwarder.ts';
import { RequestLimits } from './request-limits.ts';
import { Outcome, RequestRouter } from './request-router.ts';
import { SetWatches } from './set-watches.ts';
import { SocketOutputs } from './socket-output.ts';
import { WatchEvents } from './watch-events.ts';
import { WatchRequests } from './watch-requests.ts';
import { WatchTable } from './watch-table.ts';
import { childWatchesField, dataWatchesField } from './watched-paths.ts';
import { newCounters, resetCounters } from './worker-counters.ts';
import type { ClientService, ConnectionWorkerData, MainMessage, WorkerMessage } from './worker-data.ts';
import { summarise } from './worker-summary.ts';

const READS_PER_LOCK = 64;
/** What a multiRead adds to the data of one znode. */
const MULTI_READ_OVERHEAD_BYTES = 1024;
/** The cap on a doorbell's wait, and the pace of looking after connections. */
const WAIT_MAX_MS = 50;
/** A client with a whole request waiting is read no further than this; what it sends more waits in its kernel, not here. */
const WAITING_BYTES_PAUSE = 64 * 1024;
/** Connections with much to do get so much of a turn of the event loop together; those with little are served at once. */
const GREEDY_MS_PER_TURN = 10;
/** Replies that hold more memory than this are sent before the turn of the event loop ends. */
const WAITING_REPLY_BYTES = 1024 * 1024;
/** When so many that had their turn got nowhere, the ring is full, or another limit stands against all. */
const REFUSED_MAX = 16;
/** A client that leaves so much unread gets no further requests processed until it reads. */
const UNREAD_BYTES_PAUSE = 256 * 1024;

/**
 * One connection worker: owns its clients' sockets, decodes frames, answers reads from the replica, forwards the rest to
 * main, and follows the commits for replies and watches (design §1; README, the way of a request).
 */
export class ConnectionWorker {
  readonly latency = new LatencySummary();
  packetsReceived = 0;
  /** By connections that are gone; less what srst takes off those that are there. */
  packetsSent = 0;
  readonly counters = newCounters();
  readonly dataWatches: WatchTable;
  readonly childWatches: WatchTable;
  readonly #data: ConnectionWorkerData;
  readonly #post: (message: WorkerMessage) => void;
  readonly #complain: Complain;
  readonly #connections = new Map<number, ClientConnection>();
  readonly #listener: NativeListener<ClientConnection>;
  readonly #lock: ReaderLock;
  readonly #replies: ReplyWriter;
  readonly #forwarder: RequestForwarder;
  readonly #commits: CommitReader;
  readonly #router: RequestRouter;
  readonly #touchTable: Int32Array;
  readonly #addresses: AddressCounts;
  readonly #addressIdentities = new AddressIdentities();
  readonly #outputs = new SocketOutputs<ClientConnection>((connection) => this.#drained(connection));
  readonly #limits: RequestLimits;
  readonly #largeRequests: LargeRequests;
  readonly #sleeper: EventLoopSleeper;
  readonly #caretaker: NodeJS.Timeout;
  /** Connections whose kept input may be able to go on. */
  #ready: ClientConnection[] = [];
  /** Connections that met a full ring or a limit, oldest first. */
  readonly #heldBack: ClientConnection[] = [];
  /** Closed connections that main has not been told of, for the same reason. */
  #untold: ClientConnection[] = [];
  #nextId: number;
  #isStopping = false;
  #clientService: ClientService;
  #isLocked = false;
  #isFinishScheduled = false;
  /** The clock, read once for all answers of a drain. */
  #drainedAtMs = 0;
  readonly #drainCommits = (): void => {
    if (!this.#commits.hasMore()) return;
    this.#drainedAtMs = monotonicMs();
    this.#commits.drain();
  };
  /** Connections that wait until the others have had their turn. */
  readonly #yielding: ClientConnection[] = [];
  /** What reads that filled a whole buffer have cost since the event loop's turn began. */
  #greedyMs = 0;
  readonly #takeYielding = (): void => {
    this.#greedyMs = 0;
    const startedMs = monotonicMs();
    this.#router.receivedAtMs = startedMs;
    let taken = 0;
    while (taken < this.#yielding.length && (taken === 0 || monotonicMs() - startedMs < GREEDY_MS_PER_TURN)) {
      this.#takeTurn(this.#yielding[taken++]);
    }
    this.#yielding.splice(0, taken);
    this.#finishBatch();
    if (this.#yielding.length > 0) setImmediate(this.#takeYielding);
  };
  readonly #finishTurn = (): void => {
    this.#isFinishScheduled = false;
    this.#sendReplies();
    this.#forwarder.publish();
  };

  constructor(data: ConnectionWorkerData, post: (message: WorkerMessage) => void, complain: Complain) {
    this.#data = data;
    this.#post = post;
    this.#nextId = data.firstConnectionId;
    this.#clientService = data.clientService;
    this.#complain = complain;
    const { options } = data;
    const tree = new DataTreeReader(data.replica);
    tree.extendedTypes = options.extendedTypesEnabled;
    this.#lock = new ReaderLock(data.replica, data.readerIndex);
    this.#touchTable = new Int32Array(data.touchTable);
    this.#addresses = new AddressCounts(data.addressCounts);
    this.#limits = new RequestLimits(data.requestCounts, data.index, {
      outstandingMax: options.outstandingRequestsMax,
      inProcessMax: options.requestsInProcessMax,
    });
    this.#largeRequests = new LargeRequests(
      data.largeRequests,
      options.largeRequestThresholdBytes,
      options.largeRequestBytesMax,
    );
    const watchCounts = new Int32Array(data.watchCounts);
    const countWatches = (difference: number): void => {
      Atomics.add(watchCounts, data.index, difference);
    };
    this.dataWatches = new WatchTable(dataWatchesField, countWatches);
    this.childWatches = new WatchTable(childWatchesField, countWatches);
    this.#replies = new ReplyWriter(
      options.outputBytesMax,
      (connection) => {
        complain(
          connection,
          'slow reader',
          `closed: more than ${options.outputBytesMax} bytes of replies wait unread`,
        );
        this.#close(connection);
      },
      (connection) => this.#end(connection),
    );
    this.#forwarder = new RequestForwarder(data.requests, data.mainDoorbell);
    const access = new AccessControl(tree, options.skipAcl);
    const events = new WatchEvents(tree, this.#replies, this.dataWatches, this.childWatches, this.counters);
    const cache = new ChildrenCache(tree, options.childrenCacheEntriesMax);
    this.#router = new RequestRouter({
      tree,
      replica: { enter: () => this.#enter() },
      replies: this.#replies,
      forwarder: this.#forwarder,
      reads: new ReadOperations(tree, access, this.#replies, this.dataWatches, this.childWatches, cache),
      multiRead: new MultiRead(
        tree,
        access,
        Math.max(options.frameBytesMax + MULTI_READ_OVERHEAD_BYTES, options.outputBytesMax / 2),
      ),
      setWatches: new SetWatches(
        tree,
        this.dataWatches,
        this.childWatches,
        (connection, type, path, start, length) =>
          events.notify(connection, type, path, start, length, -1, -1),
      ),
      watchRequests: new WatchRequests(tree, this.dataWatches, this.childWatches),
      options,
      counters: this.counters,
      limits: this.#limits,
      complain,
    });
    this.#router.isReadOnly = data.clientService === 'readOnly';
    this.#commits = new CommitReader(data.commits, data.index, this.#replies, events, {
      find: (id) => this.#connections.get(id),
      answered: (connection) => this.#answered(connection),
      settled: (connection) => {
        connection.state = 'open';
        this.#makeReady(connection);
      },
    });
    this.#listener = new NativeListener({
      accepted: (socket, address, port) => this.#accept(socket, address, port),
      received: (connection, length, buffer) => this.#onRead(connection, length, buffer),
      closed: (connection) => {
        this.#addresses.remove(connection.address);
        this.#close(connection);
      },
    });
    this.#sleeper = new EventLoopSleeper(
      data.doorbell,
      WAIT_MAX_MS,
      () => this.#commits.hasMore(),
      () => this.#onDoorbell(),
    );
    this.#caretaker = setInterval(() => this.#lookAfterConnections(), WAIT_MAX_MS);
  }

  /** Begins to listen on the client port, and says so to main. */
  async listen(): Promise<void> {
    const { options, clientPort } = this.#data;
    try {
      const address = { host: options.clientPortAddress, backlog: options.listenBacklog };
      await listenOn(this.#listener, clientPort, address);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      this.#post({ kind: 'listenFailed', code: code ?? '', message });
      return;
    }
    this.#post({
      kind: 'listening',
      port: this.#listener.port,
      descriptor: this.#listener.descriptor,
      usesOnRead: this.#listener.usesOnRead,
    });
  }

  /** Deals with a message from main. */
  receive(message: MainMessage): void {
    switch (message.kind) {
      case 'fourLetterReply': {
        const connection = this.#connections.get(message.connection);
        if (connection === undefined) break;
        connection.packetsSent++;
        connection.socket.end(message.text);
        break;
      }
      case 'summarise': {
        const summary = summarise(this, this.#connections, message.detail, (connection) =>
          this.#expiresMs(connection),
        );
        this.#post({ kind: 'summary', query: message.query, summary });
        break;
      }
      case 'reset':
        if (message.what === 'server') this.#resetStatistics();
        else this.#resetConnectionStatistics();
        break;
      case 'serve':
        this.#clientService = message.clientService;
        this.#router.isReadOnly = message.clientService === 'readOnly';
        this.#abandonClients();
        break;
      case 'stop':
        this.#stop();
        break;
    }
  }

  #abandonClients(): void {
    for (const connection of [...this.#connections.values()]) {
      if (connection.state === 'settling' || connection.state === 'open') this.#close(connection);
    }
  }

  get bytesSent(): number {
    return this.#replies.bytesWritten;
  }

  /** srst */
  #resetStatistics(): void {
    this.latency.reset();
    this.packetsReceived = 0;
    this.packetsSent = 0;
    for (const connection of this.#connections.values()) this.packetsSent -= connection.packetsSent;
    this.#replies.bytesWritten = 0;
    resetCounters(this.counters);
  }

  /** crst; what the server has sent in all stays as it is. */
  #resetConnectionStatistics(): void {
    for (const connection of this.#connections.values()) {
      this.packetsSent += connection.packetsSent;
      connection.resetStatistics();
    }
  }

  #expiresMs(connection: ClientConnection): number {
    if (connection.slot < 0) return connection.connectedAtMs + this.#data.options.sessionlessTimeoutMs;
    const silentMs = (monotonicMs() - Atomics.load(this.#touchTable, connection.slot)) | 0;
    return Date.now() - silentMs + connection.timeoutMs;
  }

  #stop(): void {
    this.#isStopping = true;
    if (this.#data.clientPort.kind !== 'shared') this.#listener.close();
    this.#sleeper.close();
    clearInterval(this.#caretaker);
    for (const connection of [...this.#connections.values()]) connection.socket.destroy();
    this.#post({ kind: 'stopped' });
  }

  // ── sockets ──

  #accept(socket: Socket, remoteAddress: string, port: number): ClientConnection {
    const { options } = this.#data;
    const from = this.#addressIdentities.of(remoteAddress);
    const connection = new ClientConnection(this.#nextId++, socket, from, port, Date.now());
    const held = this.#addresses.add(connection.address);
    if (this.#isStopping) return refused(connection);
    const isOneTooMany = options.maxCnxns > 0 && this.#addresses.total > options.maxCnxns;
    if (isOneTooMany || (options.maxClientCnxns > 0 && held > options.maxClientCnxns)) {
      this.counters.connectionsRejected++;
      const limit = isOneTooMany
        ? `maxCnxns=${options.maxCnxns} connections in all`
        : `maxClientCnxns=${options.maxClientCnxns} connections from ${connection.address}`;
      this.#complain(connection, 'refused connection', `refused: ${limit}`);
      return refused(connection);
    }
    if (options.tcpKeepAlive) socket.setKeepAlive(true);
    connection.output = this.#outputs.open(connection);
    this.#connections.set(connection.id, connection);
    return connection;
  }

  /** The client has read all that waited for it. */
  #drained(connection: ClientConnection): void {
    if (connection.state === 'closed') return;
    // Who takes so much is alive, though its heartbeats may be stuck behind what waits for it.
    if (connection.slot >= 0) Atomics.store(this.#touchTable, connection.slot, monotonicMs() | 0);
    if (connection.inputBytes > 0) this.#yield(connection);
  }

  #onRead(connection: ClientConnection, length: number, buffer: Uint8Array): void {
    if (connection.state === 'closed' || connection.state === 'answering') return;
    this.counters.bytesReceived += length;
    const nowMs = monotonicMs();
    this.#router.receivedAtMs = nowMs;
    if (connection.slot >= 0) Atomics.store(this.#touchTable, connection.slot, nowMs | 0);
    const isGreedy = length === READ_BUFFER_BYTES;
    if (isGreedy && this.#greedyMs >= GREEDY_MS_PER_TURN) {
      connection.keepInput(buffer, 0, length);
      this.#yield(connection);
      return;
    }
    if (connection.inputBytes === 0) {
      const consumed = this.#process(connection, buffer, 0, length);
      if (consumed < length) connection.keepInput(buffer, consumed, length);
    } else {
      connection.keepInput(buffer, 0, length);
      this.#processKept(connection);
    }
    this.#pauseOrResume(connection);
    if (isGreedy) {
      this.#greedyMs += monotonicMs() - nowMs;
      this.#yield(connection);
    }
    if (this.#replies.waitingBytes > WAITING_REPLY_BYTES) this.#finishBatch();
    else this.#scheduleFinish();
  }

  /**
   * Who fills a whole buffer has more to send: everybody else has a turn first. Otherwise one poll would read a socket 32
   * times over, and a hundred such clients keep the others' heartbeats waiting for seconds.
   */
  #yield(connection: ClientConnection): void {
    if (connection.isYielding || connection.state === 'closed') return;
    connection.isYielding = true;
    connection.socket.pause();
    if (this.#yielding.push(connection) === 1) setImmediate(this.#takeYielding);
  }

  #takeTurn(connection: ClientConnection): void {
    connection.isYielding = false;
    if (connection.state === 'closed') return;
    this.#processKept(connection);
    this.#pauseOrResume(connection);
    if (!connection.isPaused && (connection.state as string) !== 'closed') connection.socket.resume();
  }

  /** Back-pressure on one client: what it sent beyond the limit stays in the kernel, and so with the client. */
  #pauseOrResume(connection: ClientConnection): void {
    if (connection.state === 'closed') return;
    const isFull =
      connection.inputBytes > this.#data.options.inputBytesMax ||
      (connection.inputBytes > WAITING_BYTES_PAUSE && connection.hasWholeFrame);
    if (isFull && !connection.isPaused) {
      connection.isPaused = true;
      connection.socket.pause();
    } else if (!isFull && connection.isPaused) {
      connection.isPaused = false;
      if (!connection.isYielding) connection.socket.resume();
    }
  }

  /** Closes the connection behind what was written to it. */
  #end(connection: ClientConnection): void {
    if (connection.state === 'closed') return;
    connection.socket.end();
    this.#forget(connection);
    // A peer that does not close its side keeps nothing of ours for longer than this.
    setTimeout(() => connection.socket.destroy(), 2000).unref();
  }

  /** Closes the connection at once. */
  #close(connection: ClientConnection): void {
    if (connection.state === 'closed') return;
    connection.socket.destroy();
    this.#forget(connection);
  }

  /** What is known of the connection goes; its session lives on. */
  #forget(connection: ClientConnection): void {
    this.packetsSent += connection.packetsSent;
    const isKnownToMain = connection.state === 'settling' || connection.state === 'open';
    connection.state = 'closed';
    this.#connections.delete(connection.id);
    this.dataWatches.removeConnection(connection);
    this.childWatches.removeConnection(connection);
    connection.forgetInput();
    this.#limits.settled(connection.outstanding);
    this.#largeRequests.closed(connection);
    if (isKnownToMain) {
      this.#untold.push(connection);
      this.#tellOfClosed();
    }
  }

  #tellOfClosed(): void {
    const untold = this.#untold;
    let told = 0;
    while (told < untold.length && this.#forwardClosed(untold[told])) told++;
    if (told > 0) untold.splice(0, told);
    this.#scheduleFinish();
  }

  #forwardClosed(connection: ClientConnection): boolean {
    const none = connection.input;
    return this.#forwarder.forward(RequestKind.connectionClosed, connection, 0, 0, 0, none, 0, 0);
  }

  // ── frames ──

  /** Processes whole frames of `bytes[start, end)` as far as it can; gives where what must wait begins. */
  #process(connection: ClientConnection, bytes: Uint8Array, start: number, end: number): number {
    try {
      const consumed = this.#processFrames(connection, bytes, start, end);
      return connection.state === 'closed' ? end : consumed;
    } finally {
      // Also when an error is about to end this thread: the lock must not die with it.
      this.#leave();
      this.#recordAnswered(connection);
    }
  }

  /** Requests answered on the spot: one reading of the clock serves all of a batch. */
  #recordAnswered(connection: ClientConnection): void {
    const { answeredNow, receivedAtMs } = this.#router;
    if (answeredNow === 0) return;
    this.#router.answeredNow = 0;
    const nowMs = monotonicMs();
    const latencyMs = nowMs - receivedAtMs;
    this.latency.record(latencyMs, answeredNow);
    connection.recordAnswers(latencyMs, nowMs, answeredNow);
  }

  #processFrames(connection: ClientConnection, bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    let framesUnderLock = 0;
    while (end - at >= 4) {
      // The frame before may have been the connection's last: it was refused, or its reply was one too many.
      if (connection.closesAfterFlush || connection.state === 'closed') return at;
      const length = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
      if (connection.state === 'connecting' && isWord(bytes, at)) {
        return this.#askWord(connection, bytes, at, end) ? end : at;
      }
      if (length < 0 || length > this.#data.options.frameBytesMax) {
        this.#complain(
          connection,
          'bad frame',
          `closed: ${describeBadLength(bytes, at, length, this.#data.options.frameBytesMax)}`,
        );
        this.#close(connection);
        return end;
      }
      if (!this.#largeRequests.admits(connection, length)) {
        this.counters.largeRequestsRejected++;
        const { largeRequestBytesMax } = this.#data.options;
        const problem = `closed: with its request of ${length} bytes largeRequestMaxBytes=${largeRequestBytesMax} are exceeded`;
        this.#complain(connection, 'large request', problem);
        this.#close(connection);
        return end;
      }
      if (end - at - 4 < length) return at;
      if (connection.state === 'settling') return at;
      if (connection.unsentBytes > UNREAD_BYTES_PAUSE) return at;
      const { outstanding } = connection;
      const outcome = this.#processFrame(connection, bytes, at + 4, at + 4 + length);
      if (outcome === Outcome.wait) {
        if (outstanding === 0) this.#holdBack(connection);
        return at;
      }
      if (connection.largeFrameBytes > 0) {
        this.#largeRequests.dealtWith(connection, connection.outstanding > outstanding);
      }
      if (outcome === Outcome.close) {
        this.#close(connection);
        return end;
      }
      at += 4 + length;
      this.packetsReceived++;
      if (++framesUnderLock === READS_PER_LOCK) {
        framesUnderLock = 0;
        this.#leave();
      }
    }
    return at;
  }

  /** Nothing that the connection waits for will make it ready again: it waits for its turn. */
  #holdBack(connection: ClientConnection): void {
    if (connection.isHeldBack) return;
    connection.isHeldBack = true;
    this.#heldBack.push(connection);
  }

  /** Connections that were held back have their turns as far as there is room for them; one of them in any case. */
  #serveHeldBack(): void {
    const waiting = this.#heldBack.length;
    let served = 0;
    let refused = 0;
    for (; served < waiting && refused < REFUSED_MAX; served++) {
      const allowance = this.#limits.allowance(waiting);
      if (allowance === 0 && served > 0) break;
      const connection = this.#heldBack[served];
      connection.isHeldBack = false;
      connection.allowance = Math.max(1, allowance);
      this.#processKept(connection);
      connection.allowance = -1;
      if (connection.isHeldBack) refused++;
      this.#pauseOrResume(connection);
    }
    this.#heldBack.splice(0, served);
  }

  #processFrame(connection: ClientConnection, bytes: Uint8Array, start: number, end: number): Outcome {
    try {
      if (connection.state === 'connecting' && this.#clientService === 'none') return Outcome.close;
      if (connection.state === 'connecting') return this.#router.connect(connection, bytes, start, end);
      return this.#router.request(connection, bytes, start, end);
    } catch (error) {
      if (!(error instanceof JuteError)) throw error;
      this.#complain(
        connection,
        'bad frame',
        `closed: a frame of ${end - start} bytes cannot be read: ${error.message}`,
      );
      return Outcome.close;
    }
  }

  /**
   * Read as a length it would be far beyond any frame, so it can only be a word. Main answers it. False while the mask
   * that belongs to stmk is not there yet.
   */
  #askWord(connection: ClientConnection, bytes: Uint8Array, at: number, end: number): boolean {
    const word = String.fromCharCode(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]);
    let argument = 0n;
    if (word === 'stmk') {
      if (end - at < 12) return false;
      argument = new DataView(bytes.buffer, bytes.byteOffset + at + 4).getBigInt64(0);
    }
    connection.state = 'answering';
    connection.packetsReceived++;
    this.packetsReceived++;
    this.#post({ kind: 'fourLetterWord', connection: connection.id, word, argument });
    return true;
  }

  #processKept(connection: ClientConnection): void {
    if (connection.state === 'closed') return;
    const { input } = connection;
    connection.inputStart = this.#process(connection, input, connection.inputStart, connection.inputEnd);
    if (connection.inputStart >= connection.inputEnd) connection.forgetInput();
  }

  // ── the replica ──

  /**
   * Under the lock, level with the commits: no record waits that announces what the replica shows. So no client sees new
   * data before the event that announces it, and every session reads its own writes. Main publishes the records of a
   * batch before it lets go of the lock.
   */
  #enter(): void {
    if (this.#isLocked) return;
    for (;;) {
      this.#lock.acquire(this.#drainCommits);
      if (!this.#commits.hasMore()) break;
      this.#lock.release();
      this.#drainCommits();
    }
    this.#isLocked = true;
  }

  #leave(): void {
    if (!this.#isLocked) return;
    this.#isLocked = false;
    this.#lock.release();
  }

  // ── commits ──

  #onDoorbell(): void {
    this.#drainCommits();
    if (this.#heldBack.length > 0) this.#serveHeldBack();
    this.#finishBatch();
  }

  #answered(connection: ClientConnection): void {
    const latencyMs = this.#drainedAtMs - connection.requestAnswered();
    this.latency.record(latencyMs);
    connection.recordAnswers(latencyMs, this.#drainedAtMs);
    this.#limits.settled(1);
    if (connection.largeRequests !== null) this.#largeRequests.answered(connection);
    if (connection.inputBytes === 0) return;
    if (connection.isThrottled) {
      if (connection.outstanding <= connection.rejoinsAt) this.#holdBack(connection);
    } else if (connection.outstanding === 0) {
      this.#makeReady(connection);
    }
  }

  #makeReady(connection: ClientConnection): void {
    if (connection.isReady || connection.inputBytes === 0) return;
    connection.isReady = true;
    this.#ready.push(connection);
  }

  /** Sends what is there now; what goes to main waits for the end of the turn. */
  #finishBatch(): void {
    this.#sendReplies();
    if (this.#forwarder.hasUnpublished) this.#scheduleFinish();
  }

  /** Goes on with input that had to wait, then sends everything. */
  #sendReplies(): void {
    while (this.#ready.length > 0) {
      const ready = this.#ready;
      this.#ready = [];
      for (const connection of ready) {
        connection.isReady = false;
        this.#processKept(connection);
        this.#pauseOrResume(connection);
      }
    }
    this.#replies.flush();
  }

  /** One flush and one publish for everything that one turn of the event loop brings: this is where batches form. */
  #scheduleFinish(): void {
    if (this.#isFinishScheduled) return;
    this.#isFinishScheduled = true;
    setImmediate(this.#finishTurn);
  }

  /**
   * It is this server that keeps the client waiting, or does not read the socket, so that heartbeats in it go unheard
   * through no fault of the client's. Unless it is the client that does not read its replies.
   */
  #touchWaiting(connection: ClientConnection): void {
    if (connection.slot < 0 || connection.unsentBytes > UNREAD_BYTES_PAUSE) return;
    Atomics.store(this.#touchTable, connection.slot, monotonicMs() | 0);
  }

  #lookAfterConnections(): void {
    if (this.#untold.length > 0) this.#tellOfClosed();
    if (this.#heldBack.length > 0) {
      this.#serveHeldBack();
      this.#finishBatch();
    }
    const { sessionlessTimeoutMs } = this.#data.options;
    const oldest = Date.now() - sessionlessTimeoutMs;
    for (const connection of this.#connections.values()) {
      if (isKeptWaiting(connection)) this.#touchWaiting(connection);
      if (connection.connectedAtMs > oldest) continue;
      if (connection.state === 'connecting' || connection.state === 'answering') {
        this.counters.sessionlessExpired++;
        this.#complain(connection, 'no session', `closed: no session after ${sessionlessTimeoutMs} ms`);
        this.#close(connection);
      }
    }
  }
}

/** Closes a connection that nothing is known of yet. */
function refused(connection: ClientConnection): ClientConnection {
  connection.state = 'closed';
  connection.socket.destroy();
  return connection;
}

function isKeptWaiting(connection: ClientConnection): boolean {
  const { isPaused, isYielding, isHeldBack, outstanding } = connection;
  return isPaused || isYielding || isHeldBack || outstanding > 0;
}

/** Four lower-case letters, or what telnet sends for Ctrl-C. */
function isWord(bytes: Uint8Array, at: number): boolean {
  if (bytes[at] === 0xff && bytes[at + 1] === 0xf4 && bytes[at + 2] === 0xff && bytes[at + 3] === 0xfd)
    return true;
  for (let i = 0; i < 4; i++) if (bytes[at + i] < 0x61 || bytes[at + i] > 0x7a) return false;
  return true;
}

function describeBadLength(bytes: Uint8Array, at: number, length: number, lengthMax: number): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + at, 4).toString('latin1');
  if (/^(GET |POST|HEAD|PUT )$/.test(text)) return 'an HTTP request was sent to the ZooKeeper client port';
  if (bytes[at] === 0x16 && bytes[at + 1] === 3) return 'a TLS handshake was sent to the plain client port';
  return `a frame of length ${length}, where 0 to ${lengthMax} (jute.maxbuffer) is allowed`;
}
