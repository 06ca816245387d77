import type { ReplicaMemory } from '../replica/memory.ts';
import type { DoorbellMemory } from '../ring/doorbell.ts';
import type { RingMemory } from '../ring/ring.ts';
import type { AuthenticationOptions } from '../session/authentication.ts';
import type { ClientPort } from './client-port.ts';
import type { SessionWatches, WatchCounts } from './watch-summary.ts';
import type { CounterValues } from './worker-counters.ts';

/** What of the configuration a connection worker needs. */
export interface ConnectionWorkerOptions {
  readonly clientPortAddress: string | null;
  readonly listenBacklog: number | null;
  readonly tcpKeepAlive: boolean;
  readonly maxClientCnxns: number;
  readonly maxCnxns: number;
  readonly outstandingRequestsMax: number;
  readonly requestsInProcessMax: number;
  readonly throttledOpWaitMs: number;
  readonly largeRequestThresholdBytes: number;
  readonly largeRequestBytesMax: number;
  readonly minSessionTimeoutMs: number;
  readonly maxSessionTimeoutMs: number;
  readonly frameBytesMax: number;
  readonly inputBytesMax: number;
  readonly outputBytesMax: number;
  readonly sessionlessTimeoutMs: number;
  readonly childrenCacheEntriesMax: number;
  readonly skipAcl: boolean;
  readonly extendedTypesEnabled: boolean;
  readonly authentication: AuthenticationOptions;
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';
  readonly logFormat: 'pretty' | 'json';
}

/** Who can have a session here; four-letter words are always answered. `readOnly`: clients that are content to read. */
export type ClientService = 'all' | 'readOnly' | 'none';

/** What main gives a connection worker when it starts it. */
export interface ConnectionWorkerData {
  readonly index: number;
  readonly replica: ReplicaMemory;
  readonly readerIndex: number;
  readonly requests: RingMemory;
  readonly commits: RingMemory;
  readonly mainDoorbell: DoorbellMemory;
  readonly doorbell: DoorbellMemory;
  readonly touchTable: SharedArrayBuffer;
  /** One word a worker: its number of watches. */
  readonly watchCounts: SharedArrayBuffer;
  readonly addressCounts: SharedArrayBuffer;
  readonly requestCounts: SharedArrayBuffer;
  readonly largeRequests: SharedArrayBuffer;
  readonly clientPort: ClientPort;
  readonly clientService: ClientService;
  /** The number of its first connection: above any that an earlier worker in its place may still be answered under. */
  readonly firstConnectionId: number;
  readonly options: ConnectionWorkerOptions;
}

/** What is known of one connection, for the four-letter words. */
export interface ConnectionSummary {
  readonly address: string;
  readonly port: number;
  readonly isReading: boolean;
  readonly isWriting: boolean;
  readonly queued: number;
  readonly received: number;
  readonly sent: number;
  /** When it is closed, or its session ends, unless it is heard of: wall clock. */
  readonly expiresMs: number;
  readonly session: {
    readonly idHigh: number;
    readonly idLow: number;
    readonly lastOpcode: number;
    readonly establishedMs: number;
    readonly timeoutMs: number;
    readonly lastCxid: number;
    readonly lastZxidHigh: number;
    readonly lastZxidLow: number;
    readonly lastResponseMs: number;
    readonly lastLatencyMs: number;
    readonly minLatencyMs: number;
    readonly averageLatencyMs: number;
    readonly maxLatencyMs: number;
  } | null;
}

/** What a summary holds beside the totals. */
export type SummaryDetail = 'totals' | 'connections' | 'watchCounts' | 'watches';

/** What is known of one connection worker. */
export interface WorkerSummary {
  readonly connections: readonly ConnectionSummary[];
  readonly connectionCount: number;
  readonly packetsReceived: number;
  readonly packetsSent: number;
  readonly bytesSent: number;
  readonly latencyMinMs: number;
  readonly latencyMaxMs: number;
  readonly latencySumMs: number;
  readonly latencyCount: number;
  readonly outstanding: number;
  readonly watches: number;
  readonly watchedPaths: number;
  readonly counters: CounterValues;
  readonly watchCounts: WatchCounts | null;
  readonly sessionWatches: readonly SessionWatches[];
}

/** Messages off the hot path, connection worker → main. */
export type WorkerMessage =
  | {
      readonly kind: 'listening';
      readonly port: number;
      readonly descriptor: number;
      readonly usesOnRead: boolean;
    }
  /** All clients are disconnected, as `stop` asked. */
  | { readonly kind: 'stopped' }
  | { readonly kind: 'listenFailed'; readonly code: string; readonly message: string }
  /** `argument`: the mask that comes with stmk. */
  | {
      readonly kind: 'fourLetterWord';
      readonly connection: number;
      readonly word: string;
      readonly argument: bigint;
    }
  | { readonly kind: 'summary'; readonly query: number; readonly summary: WorkerSummary };

/** Messages off the hot path, main → connection worker. */
export type MainMessage =
  | { readonly kind: 'fourLetterReply'; readonly connection: number; readonly text: string }
  | { readonly kind: 'summarise'; readonly query: number; readonly detail: SummaryDetail }
  /** srst: what the server counts; crst: what each connection counts. */
  | { readonly kind: 'reset'; readonly what: 'server' | 'connections' }
  /** From now on sessions can be had by others; whoever has one is disconnected. */
  | { readonly kind: 'serve'; readonly clientService: ClientService }
  | { readonly kind: 'stop' };
