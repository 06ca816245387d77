import { readdirSync, readFileSync } from 'node:fs';
import { sumCounters } from '../connection/worker-counters.ts';
import type { ConnectionSummary, WorkerSummary } from '../connection/worker-data.ts';
import { longToBigInt, longToHex } from '../protocol/long.ts';
import { OpCode } from '../protocol/opcode.ts';
import type { DataTree } from '../replica/data-tree.ts';
import { monotonicMs } from '../session/monotonic-clock.ts';
import type { Session, SessionTracker } from '../session/session-tracker.ts';
import type { DataDirectory } from '../storage/data-directory.ts';
import type { DigestHistory } from '../txn/digest-history.ts';
import type { EphemeralOwners } from '../txn/ephemeral-owners.ts';
import type { Quotas } from '../txn/quotas.ts';
import type { Ensemble } from '../zab/ensemble.ts';
import type { ServerConfig } from './config.ts';
import type { ConnectionThrottle } from './connection-throttle.ts';
import type { ConnectionWorkers } from './connection-workers.ts';
import { counterMetrics, type StartupFacts } from './counter-metrics.ts';
import type { DiskGuard } from './disk-guard.ts';
import { type Expiring, formatDump } from './dump-word.ts';
import type { EnsembleMember } from './ensemble-member.ts';
import { formatEnvironment } from './environment-word.ts';
import {
  type ConfigurationStatus,
  type ConnectionStatus,
  type DataWord,
  formatConfiguration,
  formatConnections,
  formatDigests,
  formatDirectorySizes,
  formatIsReadOnly,
  formatMonitor,
  formatServer,
  formatStat,
  immediateAnswer,
  isDataWord,
  type MetricValue,
  parseFourLetterWord,
  type ServerGauges,
  type ServerMode,
  type ServerStatus,
  serverMetrics,
} from './four-letter-words.ts';
import type { LogWorker } from './log-worker.ts';
import type { MainCounters } from './main-counters.ts';
import { memberConfiguration, memberMetrics, peerState } from './member-status.ts';
import { quotaMetrics } from './quota-metrics.ts';
import { readServerVersion } from './version.ts';
import { formatWatchCounts, formatWatchesByPath, formatWatchesBySession } from './watch-words.ts';

export interface StatusParts {
  readonly config: ServerConfig;
  readonly directory: DataDirectory;
  readonly tree: DataTree;
  readonly ephemerals: EphemeralOwners;
  readonly quotas: Quotas;
  readonly tracker: SessionTracker;
  readonly workers: ConnectionWorkers;
  readonly logWorker: LogWorker;
  readonly diskGuard: DiskGuard;
  readonly digests: DigestHistory;
  readonly counters: MainCounters;
  readonly startup: StartupFacts;
  readonly throttle: ConnectionThrottle;
  /** null: a standalone server. */
  readonly member: () => { readonly member: EnsembleMember; readonly ensemble: Ensemble } | null;
}

/** Apache's ZooTrace.DEFAULT. */
const DEFAULT_TRACE_MASK = 0b100110010n;

/** Answers four-letter words (protocol/client.md §12) from what all threads know. */
export class Status {
  readonly #parts: StatusParts;
  readonly #startedMs = performance.now();
  readonly #version = readServerVersion();
  #traceMask = DEFAULT_TRACE_MASK;

  constructor(parts: StatusParts) {
    this.#parts = parts;
  }

  /** What this server is among others; null while nobody can be served. */
  get #mode(): ServerMode | null {
    const joined = this.#parts.member();
    return joined === null ? 'standalone' : joined.member.mode;
  }

  /** The answer's text; null when it is no known word. `argument` is the mask of stmk. */
  async answer(word: string, argument: bigint): Promise<string | null> {
    const known = parseFourLetterWord(Buffer.from(word, 'latin1'));
    if (known === null) return null;
    const immediate = immediateAnswer(known, this.#parts.config.fourLetterWords, this.#mode !== null);
    if (immediate !== null || !isDataWord(known)) return immediate;
    return this.#data(known, argument);
  }

  async #data(word: DataWord, argument: bigint): Promise<string> {
    const { workers, digests } = this.#parts;
    switch (word) {
      case 'crst':
        workers.reset('connections');
        return 'Connection stats reset.\n';
      case 'srst':
        workers.reset('server');
        this.#parts.counters.reset();
        this.#parts.logWorker.resetSyncTimes();
        return 'Server stats reset.\n';
      case 'dirs': {
        const { dataDirSizeBytes, dataLogSizeBytes } = this.#configuration();
        return formatDirectorySizes(dataDirSizeBytes, dataLogSizeBytes);
      }
      case 'dump':
        return this.#dump(await workers.summaries('connections'));
      case 'envi':
        return formatEnvironment(this.#version);
      // The mask is kept for those who ask; this server's log has levels instead.
      case 'gtmk':
        return String(this.#traceMask);
      case 'stmk':
        this.#traceMask = argument;
        return String(this.#traceMask);
      case 'hash':
        return formatDigests(
          digests.entries().map(({ zxidHigh, zxidLow, digestHigh, digestLow }) => ({
            zxid: longToBigInt(zxidHigh, zxidLow),
            digest: longToBigInt(digestHigh, digestLow),
          })),
        );
      case 'wchs': {
        const summaries = await workers.summaries('watchCounts');
        return formatWatchCounts(summaries.flatMap(({ watchCounts }) => watchCounts ?? []));
      }
      case 'wchc':
      case 'wchp': {
        const sessions = (await workers.summaries('watches')).flatMap(({ sessionWatches }) => sessionWatches);
        return word === 'wchc' ? formatWatchesBySession(sessions) : formatWatchesByPath(sessions);
      }
      case 'conf':
        return formatConfiguration(this.#configuration()) + this.#memberConfiguration();
      case 'isro':
        return formatIsReadOnly(this.#mode === 'read-only');
      case 'cons':
      case 'stat':
      case 'srvr':
      case 'mntr': {
        const isListed = word === 'stat' || word === 'cons';
        const summaries = await workers.summaries(isListed ? 'connections' : 'totals');
        const connections = summaries.flatMap((summary) => summary.connections.map(connectionStatus));
        if (word === 'cons') return formatConnections(connections);
        const status = this.#server(summaries);
        if (word === 'stat') return formatStat(status, connections);
        if (word === 'srvr') return formatServer(status);
        const joined = this.#parts.member();
        return formatMonitor(status, joined === null ? null : peerState(joined.member), [
          ...(joined === null ? [] : memberMetrics(joined.member, joined.ensemble)),
          ...serverMetrics(status, this.#gauges(summaries)),
          ...this.#parts.diskGuard.metrics(),
          ...quotaMetrics(this.#parts.quotas.totals(), this.#parts.counters.quotaExceededByNamespace),
          ...this.#counters(summaries),
        ]);
      }
    }
  }

  #counters(summaries: readonly WorkerSummary[]): MetricValue[] {
    const { counters, startup, throttle } = this.#parts;
    const bytesSent = summaries.reduce((total, summary) => total + summary.bytesSent, 0);
    return counterMetrics(
      counters,
      sumCounters(summaries.map((one) => one.counters)),
      bytesSent,
      startup,
      throttle.dropProbability,
    );
  }

  /** Sessions end with a tick; connections, as in Apache, at the next whole interval of the sessionless timeout. */
  #dump(summaries: readonly WorkerSummary[]): string {
    const { config, ephemerals, tracker, tree } = this.#parts;
    const nowMs = monotonicMs();
    const wallClockMs = Date.now() - nowMs;
    const intervalMs = config.sessionlessConnectionTimeoutMs;
    const owners: { session: string; paths: string[] }[] = [];
    ephemerals.forEachOwner((high, low) => {
      const paths = Array.from(ephemerals.of(high, low), (ref) => {
        const path = Buffer.alloc(tree.pathLength(ref));
        tree.copyPath(ref, path, 0);
        return path.toString('utf8');
      });
      owners.push({ session: longToHex(high, low), paths });
    });
    const sessions = [...tracker.values()];
    const expiring = (ones: readonly Session[]): Expiring[] =>
      ones.map((session) => ({
        expiresMs: Math.round(wallClockMs + tracker.expiresMs(session, nowMs)),
        line: longToHex(session.idHigh, session.idLow),
      }));
    const globals = sessions.filter(({ isLocal }) => !isLocal);
    const isLearner = this.#mode !== 'standalone' && this.#mode !== 'leader';
    return formatDump({
      sessions: expiring(globals),
      localSessions: config.ensemble?.localSessionsEnabled
        ? expiring(sessions.filter(({ isLocal }) => isLocal))
        : null,
      globalSessions: isLearner
        ? globals.map(({ idHigh, idLow, timeoutMs }) => ({ session: longToHex(idHigh, idLow), timeoutMs }))
        : null,
      ephemerals: owners,
      connections: summaries.flatMap(({ connections }) =>
        connections.map(({ address, port, expiresMs, session }) => ({
          expiresMs: Math.ceil(expiresMs / intervalMs) * intervalMs,
          line: `ip: /${address.includes(':') ? `[${address}]` : address}:${port} sessionId: ${session === null ? '0x0' : longToHex(session.idHigh, session.idLow)}`,
        })),
      ),
    });
  }

  #server(summaries: readonly WorkerSummary[]): ServerStatus {
    const { tree } = this.#parts;
    const sum = (of: (summary: WorkerSummary) => number): number =>
      summaries.reduce((total, summary) => total + of(summary), 0);
    const measured = summaries.filter((summary) => summary.latencyCount > 0);
    const count = sum((summary) => summary.latencyCount);
    return {
      version: this.#version.full,
      built: this.#version.built,
      latency: {
        min: measured.length === 0 ? 0 : Math.floor(Math.min(...measured.map((s) => s.latencyMinMs))),
        average: count === 0 ? 0 : sum((summary) => summary.latencySumMs) / count,
        max: Math.floor(Math.max(0, ...measured.map((summary) => summary.latencyMaxMs))),
      },
      received: sum((summary) => summary.packetsReceived),
      sent: sum((summary) => summary.packetsSent),
      connections: sum((summary) => summary.connectionCount),
      outstanding: sum((summary) => summary.outstanding),
      zxid: BigInt.asUintN(64, longToBigInt(tree.lastZxidHigh, tree.lastZxidLow)),
      mode: this.#mode ?? 'standalone',
      // Apache counts the root under both of its names.
      znodeCount: tree.znodeCount + 1,
    };
  }

  #gauges(summaries: readonly WorkerSummary[]): ServerGauges {
    const { tree, ephemerals, tracker } = this.#parts;
    let localSessions = 0;
    for (const session of tracker.values()) if (session.isLocal) localSessions++;
    const replica = tree.statistics();
    const syncs = this.#parts.logWorker.syncTimes();
    return {
      watchCount: summaries.reduce((total, summary) => total + summary.watches, 0),
      ephemeralsCount: ephemerals.count,
      approximateDataSizeBytes: tree.dataBytes,
      globalSessions: tracker.size - localSessions,
      localSessions,
      openFileDescriptors: openFileDescriptors(),
      fileDescriptorsMax: fileDescriptorsMax(),
      fsyncCount: syncs.count,
      fsyncSumMs: syncs.sumMs,
      fsyncMaxMs: syncs.maxMs,
      fsyncAverageMs: syncs.averageMs,
      uptimeMs: Math.floor(performance.now() - this.#startedMs),
      replicaMemoryBytesMax: replica.memoryBytesMax,
      replicaUsedBytes: replica.usedBytes,
      replicaFreeBytes: replica.freeBytes,
      replicaLargestFreeBytes: replica.largestFreeBytes,
      replicaFragmentation: replica.fragmentation,
      replicaBytesPerZnode: replica.bytesPerZnode,
    };
  }

  #memberConfiguration(): string {
    const { config } = this.#parts;
    return config.ensemble === null ? '' : memberConfiguration(config.ensemble, config.serverId);
  }

  #configuration(): ConfigurationStatus {
    const { config, directory, workers } = this.#parts;
    return {
      clientPort: workers.port,
      secureClientPort: -1,
      dataDir: directory.snapshotDirectory,
      dataDirSizeBytes: directorySize(directory, directory.snapshotDirectory),
      dataLogDir: directory.logDirectory,
      dataLogSizeBytes: directorySize(directory, directory.logDirectory),
      tickTimeMs: config.tickTimeMs,
      connectionsPerAddressMax: config.connectionsPerAddressMax,
      minSessionTimeoutMs: config.minSessionTimeoutMs,
      maxSessionTimeoutMs: config.maxSessionTimeoutMs,
      clientPortListenBacklog: config.clientPortListenBacklog,
      serverId: config.ensemble === null ? 0 : config.serverId,
    };
  }
}

function directorySize(directory: DataDirectory, path: string): number {
  let bytes = 0;
  for (const name of directory.fileSystem.list(path)) {
    bytes += directory.fileSystem.stat(`${path}/${name}`)?.size ?? 0;
  }
  return bytes;
}

function openFileDescriptors(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return -1;
  }
}

function fileDescriptorsMax(): number {
  try {
    return Number(/^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? -1);
  } catch {
    return -1;
  }
}

/** Codes of the last operation in cons. */
const operationCodes: ReadonlyMap<number, string> = new Map<number, string>([
  [OpCode.ping, 'PING'],
  [OpCode.multi, 'MULT'],
  [OpCode.multiRead, 'MLTR'],
  [OpCode.create, 'CREA'],
  [OpCode.create2, 'CREA'],
  [OpCode.delete, 'DELE'],
  [OpCode.setData, 'SETD'],
  [OpCode.reconfig, 'RECO'],
  [OpCode.setACL, 'SETA'],
  [OpCode.closeSession, 'CLOS'],
  [OpCode.sync, 'SYNC'],
  [OpCode.exists, 'EXIS'],
  [OpCode.getData, 'GETD'],
  [OpCode.setWatches, 'SETW'],
  [OpCode.setWatches2, 'STW2'],
  [OpCode.addWatch, 'ADDW'],
  [OpCode.getACL, 'GETA'],
  [OpCode.getChildren, 'GETC'],
  [OpCode.getChildren2, 'GETC'],
  [OpCode.getAllChildrenNumber, 'GETACN'],
  [OpCode.checkWatches, 'CHKW'],
  [OpCode.removeWatches, 'REMW'],
  [OpCode.whoAmI, 'HOMI'],
  [OpCode.getEphemerals, 'GETE'],
]);

function connectionStatus(summary: ConnectionSummary): ConnectionStatus {
  const { session } = summary;
  const base = {
    address: summary.address,
    port: summary.port,
    interestOps: (summary.isReading ? 1 : 0) + (summary.isWriting ? 4 : 0),
    queued: summary.queued,
    received: summary.received,
    sent: summary.sent,
  };
  if (session === null) return base;
  return {
    ...base,
    session: {
      id: longToBigInt(session.idHigh, session.idLow),
      lastOperation: session.lastOpcode === 0 ? 'SESS' : (operationCodes.get(session.lastOpcode) ?? 'NA'),
      establishedMs: session.establishedMs,
      timeoutMs: session.timeoutMs,
      lastCxid: session.lastCxid,
      lastZxid: longToBigInt(session.lastZxidHigh, session.lastZxidLow),
      lastResponseMs: session.lastResponseMs,
      lastLatencyMs: Math.floor(session.lastLatencyMs),
      minLatencyMs: Math.floor(session.minLatencyMs),
      averageLatencyMs: session.averageLatencyMs,
      maxLatencyMs: Math.floor(session.maxLatencyMs),
    },
  };
}
