import type { Worker } from 'node:worker_threads';
import { type ClientPort, canReusePort } from '../connection/client-port.ts';
import type {
  ClientService,
  ConnectionWorkerData,
  ConnectionWorkerOptions,
  MainMessage,
  SummaryDetail,
  WorkerMessage,
  WorkerSummary,
} from '../connection/worker-data.ts';
import type { ReplicaMemory } from '../replica/memory.ts';
import type { ServerConfig } from './config.ts';
import { type EarlyThreads, startThread } from './early-threads.ts';
import type { Logger } from './logging.ts';
import type { SharedMemory } from './shared-memory.ts';

/** The client port cannot be opened. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

/** Workers that die so often within this time end the server: starting them again does not help. */
const DEATHS_MAX = 5;
const DEATHS_WITHIN_MS = 60_000;
/** Numbers of connections are taken from another range after each start, and begin anew after so many starts. */
const STARTS_TOLD_APART = 64;
const CONNECTIONS_PER_START = 2 ** 26;
/** How long workers may take to disconnect their clients. */
const DISCONNECT_MS_MAX = 500;
/** A worker that does not answer a query so long is left out of the answer. */
const QUERY_MS_MAX = 2000;

export interface ConnectionWorkersParts {
  readonly config: ServerConfig;
  readonly shared: SharedMemory;
  readonly replica: ReplicaMemory;
  readonly logger: Logger;
  /** A client asked a four-letter word; null closes its connection without an answer. */
  readonly answerWord: (word: string, argument: bigint) => Promise<string | null>;
  /** A worker died; its rings may be replaced before {@link ConnectionWorkers} starts it again. */
  readonly onDeath: (worker: number) => void;
  readonly onStart: (worker: number) => void;
  /** The workers cannot be kept running. */
  readonly onFatal: (reason: string) => void;
  /** Threads that wait already; without it, and for later starts, new ones are started. */
  readonly threads?: EarlyThreads;
}

interface RunningWorker {
  readonly thread: Worker;
  readonly exited: Promise<void>;
}

/**
 * Starts the connection workers and keeps them running. A worker's death is not the server's: its connections drop,
 * their sessions live on, and clients come back. The workers are started again together.
 */
export class ConnectionWorkers {
  /** The client port, once {@link start} has resolved. */
  port = 0;
  readonly #parts: ConnectionWorkersParts;
  #workers: RunningWorker[] = [];
  #queries = new Map<number, (summary: WorkerSummary) => void>();
  #nextQuery = 1;
  #deathsMs: number[] = [];
  #isStopping = false;
  #starts = 0;
  #hasStopped: (worker: number) => void = () => {};
  #isRestarting = false;
  #clientService: ClientService;

  constructor(parts: ConnectionWorkersParts) {
    this.#parts = parts;
    this.#clientService = parts.config.ensemble === null ? 'all' : 'none';
  }

  /** Starts all workers; resolves when all listen. Rejects with ListenError when the port cannot be opened. */
  async start(): Promise<void> {
    let descriptor: number | null = null;
    for (let index = 0; index < this.#count; index++) {
      const listening = await this.#startOne(index, this.#clientPort(index, descriptor));
      if (index > 0) continue;
      this.port = listening.port;
      descriptor = listening.descriptor;
      if (this.#sharesDescriptor && descriptor < 0) {
        throw new ListenError(
          'this Node does not tell the descriptor of a socket: set menagerie.connectionWorkers=1',
        );
      }
    }
  }

  get #count(): number {
    return this.#parts.config.connectionWorkers;
  }

  get #sharesDescriptor(): boolean {
    return this.#count > 1 && !canReusePort(process.version);
  }

  #clientPort(index: number, descriptor: number | null): ClientPort {
    // A restart keeps a port that the system had chosen.
    const port = this.port === 0 ? this.#parts.config.clientPort : this.port;
    if (this.#count === 1) return { kind: 'alone', port };
    if (this.#sharesDescriptor) return { kind: 'shared', port, descriptor };
    return { kind: 'reused', port, isFirst: index === 0 };
  }

  #startOne(index: number, clientPort: ClientPort): Promise<{ port: number; descriptor: number }> {
    const { config, onStart, logger } = this.#parts;
    onStart(index);
    const name = `connection-${index}`;
    const thread = this.#parts.threads?.take('connection', name) ?? startThread('connection', name);
    thread.postMessage(this.#workerData(index, clientPort));
    const exited = new Promise<void>((resolve) => thread.once('exit', () => resolve()));
    this.#workers[index] = { thread, exited };
    return new Promise((resolve, reject) => {
      thread.on('message', (message: WorkerMessage) => {
        switch (message.kind) {
          case 'listening':
            if (!message.usesOnRead) logger.warn('sockets are read through data events: slower on this Node');
            resolve({ port: message.port, descriptor: message.descriptor });
            break;
          case 'listenFailed':
            reject(new ListenError(describeListenError(config, message.code, message.message)));
            break;
          case 'fourLetterWord':
            this.#answerWord(thread, message.connection, message.word, message.argument);
            break;
          case 'summary':
            this.#queries.get(message.query)?.(message.summary);
            this.#queries.delete(message.query);
            break;
          case 'stopped':
            this.#hasStopped(index);
            break;
        }
      });
      thread.on('error', (error) =>
        logger.error(`connection worker ${index} failed: ${error.stack ?? error}`),
      );
      thread.once('exit', (code) => {
        reject(new ListenError(`connection worker ${index} ended with code ${code} before it listened`));
        this.#exited(index, thread);
      });
    });
  }

  #workerData(index: number, clientPort: ClientPort): ConnectionWorkerData {
    const { config, shared, replica } = this.#parts;
    return {
      index,
      replica,
      readerIndex: index,
      requests: shared.requests[index],
      commits: shared.commits,
      mainDoorbell: shared.mainDoorbell,
      doorbell: shared.workerDoorbells[index],
      touchTable: shared.touchTable,
      watchCounts: shared.watchCounts,
      addressCounts: shared.addressCounts,
      requestCounts: shared.requestCounts,
      largeRequests: shared.largeRequests,
      clientPort,
      clientService: this.#clientService,
      firstConnectionId: 1 + (this.#starts++ % STARTS_TOLD_APART) * CONNECTIONS_PER_START,
      options: workerOptions(config),
    };
  }

  #exited(index: number, thread: Worker): void {
    if (this.#isStopping || this.#workers[index]?.thread !== thread) return;
    if (this.#isRestarting) return;
    this.#isRestarting = true;
    const nowMs = performance.now();
    this.#deathsMs = [...this.#deathsMs.filter((ms) => ms > nowMs - DEATHS_WITHIN_MS), nowMs];
    if (this.#deathsMs.length > DEATHS_MAX) {
      this.#parts.onFatal(`connection workers died ${this.#deathsMs.length} times within a minute`);
      return;
    }
    if (this.#sharesDescriptor) {
      this.#parts.onFatal(
        `connection worker ${index} died, and with it the socket that all workers listen on; Node 22.12 or later, or ` +
          'menagerie.connectionWorkers=1, can go on without ending the server',
      );
      return;
    }
    this.#parts.logger.error(
      `connection worker ${index} died: its connections are dropped, sessions go on; starting the workers again`,
    );
    this.#restart().catch((error: Error) => {
      this.#parts.onFatal(`connection workers cannot be started again: ${error.message}`);
    });
  }

  async #restart(): Promise<void> {
    const old = this.#workers;
    this.#workers = [];
    await Promise.all(old.map(({ thread }) => thread.terminate()));
    for (let index = 0; index < old.length; index++) this.#parts.onDeath(index);
    const { addressCounts, requestCounts, largeRequests } = this.#parts.shared;
    for (const counts of [addressCounts, requestCounts, largeRequests]) new Int32Array(counts).fill(0);
    this.#queries = new Map();
    this.#isRestarting = false;
    await this.start();
  }

  #answerWord(thread: Worker, connection: number, word: string, argument: bigint): void {
    this.#parts.answerWord(word, argument).then(
      (text) => this.#post(thread, { kind: 'fourLetterReply', connection, text: text ?? '' }),
      (error: Error) => {
        this.#parts.logger.error(`${word} could not be answered: ${error.stack ?? error}`);
        this.#post(thread, { kind: 'fourLetterReply', connection, text: '' });
      },
    );
  }

  #post(thread: Worker, message: MainMessage): void {
    thread.postMessage(message);
  }

  /** Has the workers forget what they counted; a later {@link summaries} shows it. */
  reset(what: 'server' | 'connections'): void {
    for (const { thread } of this.#workers) this.#post(thread, { kind: 'reset', what });
  }

  /** Who can have a session here: when that changes, those who have one are disconnected. */
  serveClients(clientService: ClientService): void {
    if (this.#clientService === clientService) return;
    this.#clientService = clientService;
    for (const { thread } of this.#workers) this.#post(thread, { kind: 'serve', clientService });
  }

  /** What the workers know of themselves, with the detail asked for. */
  async summaries(detail: SummaryDetail): Promise<WorkerSummary[]> {
    const answers = await Promise.all(this.#workers.map(({ thread }) => this.#summary(thread, detail)));
    return answers.filter((answer) => answer !== null);
  }

  #summary(thread: Worker, detail: SummaryDetail): Promise<WorkerSummary | null> {
    const query = this.#nextQuery++;
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#queries.delete(query);
        resolve(null);
      }, QUERY_MS_MAX);
      this.#queries.set(query, (summary) => {
        clearTimeout(timer);
        resolve(summary);
      });
      this.#post(thread, { kind: 'summarise', query, detail });
    });
  }

  /** Disconnects all clients and takes no new ones. The threads go on until {@link end}. */
  async disconnect(): Promise<void> {
    this.#isStopping = true;
    const left = new Set(this.#workers.keys());
    if (left.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, DISCONNECT_MS_MAX);
      this.#hasStopped = (worker) => {
        left.delete(worker);
        if (left.size > 0) return;
        clearTimeout(timer);
        resolve();
      };
      for (const { thread } of this.#workers) this.#post(thread, { kind: 'stop' });
    });
  }

  /**
   * Ends the threads. Last of all when the server stops: workers that share a descriptor each close it, and nobody must
   * open another file meanwhile, which might be given the number.
   */
  async end(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#workers.map(({ thread }) => thread.terminate()));
    await Promise.all(this.#workers.map(({ exited }) => exited));
  }
}

function workerOptions(config: ServerConfig): ConnectionWorkerOptions {
  return {
    clientPortAddress: config.clientPortAddress,
    listenBacklog: config.clientPortListenBacklog < 0 ? null : config.clientPortListenBacklog,
    tcpKeepAlive: config.clientTcpKeepAlive,
    maxClientCnxns: config.connectionsPerAddressMax,
    maxCnxns: config.connectionsMax,
    outstandingRequestsMax: config.outstandingRequestsMax,
    requestsInProcessMax: config.requestsInProcessMax,
    throttledOpWaitMs: config.throttledOpWaitMs,
    largeRequestThresholdBytes: config.largeRequestThresholdBytes,
    largeRequestBytesMax: config.largeRequestBytesMax,
    minSessionTimeoutMs: config.minSessionTimeoutMs,
    maxSessionTimeoutMs: config.maxSessionTimeoutMs,
    frameBytesMax: config.juteBufferBytesMax,
    inputBytesMax: config.clientInputBytesMax,
    outputBytesMax: config.clientOutputBytesMax,
    sessionlessTimeoutMs: config.sessionlessConnectionTimeoutMs,
    childrenCacheEntriesMax: 400,
    skipAcl: config.skipAcl,
    extendedTypesEnabled: config.extendedTypesEnabled,
    authentication: {
      digestEnabled: config.digestAuthenticationEnabled,
      digestAlgorithm: config.digestAuthenticationAlgorithm,
      superDigest: config.superDigest,
    },
    logLevel: config.logLevel,
    logFormat: config.logFormat,
  };
}

function describeListenError(config: ServerConfig, code: string, message: string): string {
  const where = `${config.clientPortAddress ?? '*'}:${config.clientPort}`;
  switch (code) {
    case 'EADDRINUSE':
      return `client port ${where} is in use by another process: stop it or change clientPort`;
    case 'EACCES':
      return `client port ${where} may not be opened by this user: use a port above 1023`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `clientPortAddress=${config.clientPortAddress} is not an address of this machine`;
    default:
      return `client port ${where} cannot be opened: ${message}`;
  }
}
