import type { SnapshotCompression } from '../storage/snapshot-source.ts';
import type { ConnectionThrottleOptions } from './connection-throttle.ts';
import type { EnsembleConfig } from './ensemble-config.ts';
import type { LogFormat, LogLevel } from './logging.ts';

/**
 * Everything that a server is told from outside, read once at start (protocol/features.md §1-2) and frozen. It holds
 * plain values only, so that it can be handed to worker threads. Comments name the key where the field's name differs.
 */
export interface ServerConfig {
  /** Absolute. */
  readonly configFile: string;
  /** Absolute, without `version-2`. */
  readonly dataDir: string;
  /** Absolute, without `version-2`; dataDir when not set. */
  readonly dataLogDir: string;
  /** datadir.autocreate: create missing directories. */
  readonly dataDirAutocreate: boolean;
  /** db.autocreate: start without any data. */
  readonly databaseAutocreate: boolean;
  /** dataDir/myid; without it a standalone server is 1. The top byte of session ids. */
  readonly serverId: number;
  /** What a member of an ensemble needs to know, null for a standalone server. */
  readonly ensemble: EnsembleConfig | null;

  /** 0 takes any free port. */
  readonly clientPort: number;
  /** Host name or address to listen on, null for all. */
  readonly clientPortAddress: string | null;
  /** -1 leaves it to the system. */
  readonly clientPortListenBacklog: number;
  readonly clientTcpKeepAlive: boolean;
  readonly tickTimeMs: number;
  readonly minSessionTimeoutMs: number;
  readonly maxSessionTimeoutMs: number;
  /** nio.sessionlessCnxnTimeout */
  readonly sessionlessConnectionTimeoutMs: number;

  /** maxClientCnxns: connections from one address, 0 for no limit. */
  readonly connectionsPerAddressMax: number;
  /** maxCnxns: connections in all, 0 for no limit. */
  readonly connectionsMax: number;
  /** globalOutstandingLimit */
  readonly outstandingRequestsMax: number;
  /** request_throttle_max_requests, 0 for no limit. */
  readonly requestsInProcessMax: number;
  /** throttled_op_wait_time: who waited longer for the limit before is answered with THROTTLEDOP; 0 for never. */
  readonly throttledOpWaitMs: number;
  /** largeRequestThreshold: longer requests are large, 0 for none. */
  readonly largeRequestThresholdBytes: number;
  /** largeRequestMaxBytes: of all large requests in hand. */
  readonly largeRequestBytesMax: number;
  readonly connectionThrottle: ConnectionThrottleOptions;
  /** jute.maxbuffer: the longest packet that is read. */
  readonly juteBufferBytesMax: number;
  /** jute.maxbuffer.extrasize: what a record read from disk may be longer than that. */
  readonly juteBufferExtraBytes: number;

  /** preAllocSize, 0 for none. */
  readonly preAllocSizeBytes: number;
  /** Transactions between snapshots, about. */
  readonly snapCount: number;
  /** snapSizeLimitInKb: log bytes between snapshots, 0 for no limit. */
  readonly snapSizeLimitBytes: number;
  /** snapshot.compression.method: how snapshots are written; all kinds are read. */
  readonly snapshotCompression: SnapshotCompression;
  /** autopurge.snapRetainCount, at least 3. */
  readonly purgeRetainCount: number;
  /** autopurge.purgeInterval, 0 for no purge. On by default, unlike in Apache. */
  readonly purgeIntervalHours: number;
  /** txnLogSizeLimitInKb: a log file is rolled beyond it, 0 for no limit. */
  readonly txnLogSizeLimitBytes: number;
  /** snapshot.trust.empty */
  readonly snapshotTrustEmpty: boolean;
  readonly digestEnabled: boolean;
  readonly serializeLastProcessedZxidEnabled: boolean;
  readonly closeSessionTxnEnabled: boolean;
  /** False: acknowledged writes may be lost when the machine stops. */
  readonly forceSync: boolean;
  readonly fsyncWarningThresholdMs: number;
  readonly flushDelayMs: number;
  /** maxWriteQueuePollTime */
  readonly writeQueuePollTimeMsMax: number;
  /** maxBatchSize: transactions that one fsync waits for at most, 0 for no limit. */
  readonly batchSizeMax: number;

  readonly skipAcl: boolean;
  readonly extendedTypesEnabled: boolean;
  /** Whether hard limits of quotas refuse requests; usage is counted in any case. */
  readonly enforceQuota: boolean;
  /** Whether reconfig is answered with UNIMPLEMENTED (a standalone server) or with RECONFIGDISABLED. */
  readonly reconfigEnabled: boolean;
  /** znode.container.checkIntervalMs: between two searches for containers and TTL znodes to delete. */
  readonly containerCheckIntervalMs: number;
  /** znode.container.maxPerMinute */
  readonly containersPerMinuteMax: number;
  /** znode.container.maxNeverUsedIntervalMs: a container that never had a child is kept so long, 0 for ever. */
  readonly containerNeverUsedIntervalMsMax: number;
  readonly readOnlyModeEnabled: boolean;
  /** 4lw.commands.whitelist with what is always on; `*` stands for all. */
  readonly fourLetterWords: readonly string[];
  readonly digestAuthenticationEnabled: boolean;
  /** DigestAuthenticationProvider.digestAlg as node:crypto names it. */
  readonly digestAuthenticationAlgorithm: string;
  /** DigestAuthenticationProvider.superDigest, null for no super user. */
  readonly superDigest: string | null;

  /** menagerie.connectionWorkers */
  readonly connectionWorkers: number;
  /** menagerie.replicaMemoryMb */
  readonly replicaMemoryBytesMax: number;
  /** menagerie.sessionsMax */
  readonly sessionsMax: number;
  /** menagerie.diskReserveMb: free space below which writes are refused; 0 for none, null for the guard's default. */
  readonly diskReserveBytes: number | null;
  /** menagerie.committedLogMb: memory for txns that learners may lack. */
  readonly committedLogBytesMax: number;
  /** menagerie.leaderlessMs: how long clients keep their connections while there is no leader. */
  readonly leaderlessMsMax: number;
  /** menagerie.requestRingKb */
  readonly requestRingBytes: number;
  /** menagerie.logRingKb */
  readonly logRingBytes: number;
  /** menagerie.commitRingKb */
  readonly commitRingBytes: number;
  /** menagerie.clientInputBytesMax: unprocessed bytes of a connection beyond which its socket is not read. */
  readonly clientInputBytesMax: number;
  /** menagerie.learnerQueueMb: what may wait for a learner that reads too slowly, before it is cut off. */
  readonly learnerQueueBytesMax: number;
  /** menagerie.clientOutputBytesMax: unread replies of a connection beyond which it is closed. */
  readonly clientOutputBytesMax: number;
  /** menagerie.logFormat */
  readonly logFormat: LogFormat;
  /** menagerie.logLevel */
  readonly logLevel: LogLevel;
}
