import type { WriterLock } from '../replica/lock.ts';
import type { LeaderSessions } from '../session/leader-sessions.ts';
import type { SessionTracker } from '../session/session-tracker.ts';
import type { DataDirectory } from '../storage/data-directory.ts';
import { EpochFiles } from '../storage/epoch-files.ts';
import type { Prep } from '../txn/prep.ts';
import type { Quotas } from '../txn/quotas.ts';
import { Ensemble } from '../zab/ensemble.ts';
import { History } from '../zab/history.ts';
import { zxidOf } from '../zab/zxid.ts';
import type { ClientSessions } from './client-sessions.ts';
import type { CommitPublisher } from './commit-publisher.ts';
import type { CommitStage } from './commit-stage.ts';
import type { ServerConfig } from './config.ts';
import type { ConnectionWorkers } from './connection-workers.ts';
import type { ContainerManager } from './container-manager.ts';
import type { Database } from './database.ts';
import type { EnsembleConfig } from './ensemble-config.ts';
import { EnsembleMember } from './ensemble-member.ts';
import { HistoryReplacement } from './history-replacement.ts';
import type { LeaderRequests } from './leader-requests.ts';
import { LearnerRequests } from './learner-requests.ts';
import { LearnerSources } from './learner-sources.ts';
import type { LocalSessionRules } from './local-sessions.ts';
import type { LogAppender } from './log-appender.ts';
import type { LogWorker } from './log-worker.ts';
import type { LimitedLog, Logger } from './logging.ts';
import { MemberRole } from './member-role.ts';
import { ReadOnlyRequests } from './read-only-requests.ts';
import type { RequestIntake } from './request-intake.ts';
import type { SharedMemory } from './shared-memory.ts';
import type { Snapshots } from './snapshots.ts';
import type { TxnCache } from './txn-cache.ts';

/** The server's parts that its membership of an ensemble connects with the other servers. */
export interface EnsembleSetupParts {
  readonly config: ServerConfig;
  readonly member: EnsembleConfig;
  readonly directory: DataDirectory;
  readonly shared: SharedMemory;
  readonly database: Database;
  /** Filled by recovery. */
  readonly cache: TxnCache;
  /** False: recovery has refused what is on disk. */
  readonly isDatabaseValid: boolean;
  readonly lock: WriterLock;
  readonly tracker: SessionTracker;
  readonly sessions: ClientSessions;
  readonly owners: LeaderSessions;
  readonly localSessions: LocalSessionRules;
  readonly prep: Prep;
  readonly quotas: Quotas;
  readonly publisher: CommitPublisher;
  readonly appender: LogAppender;
  readonly commits: CommitStage;
  readonly intake: RequestIntake;
  readonly leaderRequests: LeaderRequests;
  readonly workers: ConnectionWorkers;
  readonly containers: ContainerManager;
  readonly snapshots: Snapshots;
  /** Places in the replica's reader lock for trees on their way to learners. */
  readonly learnerReaders: readonly number[];
  readonly logWorker: LogWorker;
  readonly logger: Logger;
  readonly limited: LimitedLog;
  /** Settles when nobody else takes files of the data directory away. */
  readonly purgeIdle: () => Promise<void>;
  /** Fills the database anew from disk. */
  readonly rebuild: () => boolean;
  readonly onWork: () => void;
  readonly onFatal: (error: Error) => void;
}

/** As in Apache, whose least cannot be set either. */
const READ_ONLY_AFTER_MS_MIN = 2000;

/** Makes a server a member of its ensemble. Throws DataDirectoryError when its epochs contradict its log. */
export function joinEnsemble(parts: EnsembleSetupParts): EnsembleMember {
  const {
    config,
    member,
    directory,
    database,
    cache,
    commits,
    sessions,
    publisher,
    appender,
    logger,
    limited,
  } = parts;
  const { tree } = database;
  const epochs = EpochFiles.load({
    fileSystem: directory.fileSystem,
    directory: directory.snapshotDirectory,
    lastEpoch: tree.lastZxidHigh,
    log: logger,
  });
  const learnerRequests = new LearnerRequests({
    sessions,
    localSessions: parts.localSessions,
    publisher,
    appender,
    toLeader: () => joined.toLeader,
    answerMark: (...mark) => commits.answerMark(...mark),
    lastLogged: () => appender.lastProposed,
  });
  sessions.onDetached = ({ idHigh, idLow }) => learnerRequests.writes.detached(idHigh, idLow);
  const readOnlyRequests = new ReadOnlyRequests({
    sessions,
    publisher,
    answerMark: (...mark) => commits.answerMark(...mark),
  });
  const role = new MemberRole({
    sid: config.serverId,
    leaderServes: member.leaderServes,
    ensembleText: member.text,
    lock: parts.lock,
    leaderlessMsMax: config.leaderlessMsMax,
    database,
    tracker: parts.tracker,
    sessions,
    owners: parts.owners,
    prep: parts.prep,
    quotas: parts.quotas,
    commits,
    cache,
    intake: parts.intake,
    leaderRequests: parts.leaderRequests,
    learnerRequests,
    readOnlyRequests: config.readOnlyModeEnabled ? readOnlyRequests : null,
    hasDatabase: () => joined.peer.hasDatabase,
    readOnlyAfterMs: Math.max(READ_ONLY_AFTER_MS_MIN, config.tickTimeMs),
    workers: parts.workers,
    containers: parts.containers,
    logger,
  });
  const replacement = new HistoryReplacement({
    config,
    directory,
    database,
    lock: parts.lock,
    snapshots: parts.snapshots,
    logWorker: parts.logWorker,
    appender,
    commits,
    cache,
    durableZxid: parts.shared.durableZxid,
    rebuild: parts.rebuild,
    onReplaced: () => role.databaseReplaced(),
    purgeIdle: parts.purgeIdle,
    logger,
  });
  const joined: EnsembleMember = new EnsembleMember({
    config,
    member,
    ensemble: Ensemble.parse(member.text),
    disk: {
      acceptedEpoch: epochs.acceptedEpoch,
      currentEpoch: epochs.currentEpoch,
      storeAcceptedEpoch: (epoch) => epochs.storeAcceptedEpoch(epoch),
      storeCurrentEpoch: (epoch) => epochs.storeCurrentEpoch(epoch),
      history: historyOf(cache),
      cache,
      appender,
      replacement,
    },
    isDatabaseValid: parts.isDatabaseValid,
    leaderRequests: parts.leaderRequests,
    learnerRequests,
    role,
    learnerSources: new LearnerSources({
      tree,
      sessions: () => parts.snapshots.sessions(),
      readerIndexes: parts.learnerReaders,
      logDirectory: directory.logDirectory,
      entryBytesMax: config.juteBufferBytesMax + config.juteBufferExtraBytes,
    }),
    snapshotBytes: () => parts.snapshots.bytes,
    touchTable: new Int32Array(parts.shared.touchTable),
    log: {
      info: (text) => logger.info(text),
      warn: (kind, text) => void limited.warn(kind, text),
    },
    onWork: parts.onWork,
    onFatal: parts.onFatal,
  });
  commits.onDiverged = (error) => {
    logger.error(divergence(error.message));
    joined.diverged();
  };
  return joined;
}

/** What the core may count on: the txns whose bytes are at hand. */
function historyOf(cache: TxnCache): History {
  const history = new History(cache.floor);
  cache.forEach(cache.floor, 2n ** 63n - 1n, (epoch, counter) => history.append(epoch, counter));
  return history;
}

/** Recovery shows each txn before it is applied; the cache keeps those that fit, from a known zxid on. */
export function fillCache(database: Database, cache: TxnCache): void {
  const { tree } = database;
  let isFirst = true;
  database.onTxn = (epoch, counter, bytes, start, length) => {
    if (isFirst) cache.reset(zxidOf(tree.lastZxidHigh, tree.lastZxidLow));
    isFirst = false;
    cache.add(epoch, counter, bytes, start, length);
  };
}

/** What a server says that has found its tree to be another one than the leader's. */
export function divergence(problem: string): string {
  return (
    `the tree here is not that of the ensemble: ${problem}. Nobody is served from it; a leader's snapshot takes its place. ` +
    'Should so many servers say this that no leader is left, start them with digest.enabled=false'
  );
}
