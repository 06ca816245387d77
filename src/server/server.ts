import { randomInt } from 'node:crypto';
import { WriterLock } from '../replica/lock.ts';
import { DurableZxid } from '../ring/durable-zxid.ts';
import { createRingMemory } from '../ring/ring.ts';
import { LeaderSessions } from '../session/leader-sessions.ts';
import { monotonicMs } from '../session/monotonic-clock.ts';
import { SessionIds } from '../session/session-ids.ts';
import { SessionTracker } from '../session/session-tracker.ts';
import { DataDirectory } from '../storage/data-directory.ts';
import { nodeFileSystem } from '../storage/file-system.ts';
import { type RecoveryResult, recover } from '../storage/recovery.ts';
import { RecoveryError } from '../storage/recovery-error.ts';
import { DivergedTreeError } from '../txn/apply.ts';
import { Prep } from '../txn/prep.ts';
import { type QuotaExcess, Quotas } from '../txn/quotas.ts';
import { Acknowledgements } from '../zab/acknowledgements.ts';
import { MajorityQuorum } from '../zab/quorum-verifier.ts';
import { Zxid, zxidOf } from '../zab/zxid.ts';
import { SoleServer } from './agreement.ts';
import { ClientSessions } from './client-sessions.ts';
import { CommitPublisher } from './commit-publisher.ts';
import { CommitStage } from './commit-stage.ts';
import type { ServerConfig } from './config.ts';
import { ConnectionThrottle } from './connection-throttle.ts';
import { ConnectionWorkers } from './connection-workers.ts';
import { ContainerManager } from './container-manager.ts';
import { Database } from './database.ts';
import { rebuildDatabase } from './database-rebuild.ts';
import { DiskGuard } from './disk-guard.ts';
import { EarlyThreads } from './early-threads.ts';
import type { EnsembleMember } from './ensemble-member.ts';
import { divergence, fillCache, joinEnsemble } from './ensemble-setup.ts';
import { EphemeralListing } from './ephemeral-listing.ts';
import { LeaderRequests } from './leader-requests.ts';
import { LEARNER_TREES_MAX } from './learner-sources.ts';
import { type LocalSessionRules, NO_LOCAL_SESSIONS } from './local-sessions.ts';
import { LogAppender } from './log-appender.ts';
import { LogWorker } from './log-worker.ts';
import { LimitedLog, type Logger } from './logging.ts';
import { MainCounters } from './main-counters.ts';
import { MainLoop } from './main-loop.ts';
import { Autopurge } from './purge.ts';
import { RequestIntake } from './request-intake.ts';
import { createSharedMemory } from './shared-memory.ts';
import { Snapshots } from './snapshots.ts';
import { Status } from './status.ts';
import { TxnCache } from './txn-cache.ts';

/** More txns than this are not kept for learners, however small they are. */
const CACHED_TXNS_MAX = 2 ** 18;

/** A server that serves. */
export interface RunningServer {
  readonly clientPort: number;
  /** Settles when the server has ended, by itself or by {@link stop}; `code` is the process's exit code. */
  readonly stopped: Promise<{ code: number; reason: string }>;
  stop(reason: string): Promise<void>;
}

/**
 * Starts a server: recovers the data, starts the threads, opens the ports. Resolves when a standalone server serves, or
 * when a member of an ensemble has begun to look for a leader. Rejects with an error whose message says what is in
 * the way. A standalone server is an ensemble of one: the same path with a quorum of one.
 */
export async function startServer(config: ServerConfig, logger: Logger): Promise<RunningServer> {
  const directory = DataDirectory.open({
    dataDir: config.dataDir,
    dataLogDir: config.dataLogDir,
    autocreate: config.dataDirAutocreate,
    fileSystem: nodeFileSystem,
    log: logger,
  });
  const threads = new EarlyThreads(config.connectionWorkers);
  try {
    const server = new Server(config, logger, directory, threads);
    await server.start();
    return server;
  } catch (error) {
    await threads.end();
    directory.release();
    throw error;
  }
}

class Server implements RunningServer {
  readonly stopped: Promise<{ code: number; reason: string }>;
  readonly #config: ServerConfig;
  readonly #logger: Logger;
  readonly #directory: DataDirectory;
  readonly #database: Database;
  readonly #loop: MainLoop;
  readonly #logWorker: LogWorker;
  readonly #workers: ConnectionWorkers;
  readonly #snapshots: Snapshots;
  readonly #diskGuard: DiskGuard;
  readonly #autopurge: Autopurge;
  readonly #tracker: SessionTracker;
  readonly #containers: ContainerManager;
  readonly #member: EnsembleMember | null;
  readonly #needsSnapshot: boolean;
  readonly #isFresh: boolean;
  #settleStopped: (outcome: { code: number; reason: string }) => void = () => {};
  #stopping: Promise<void> | null = null;

  constructor(config: ServerConfig, logger: Logger, directory: DataDirectory, threads: EarlyThreads) {
    this.#config = config;
    this.#logger = logger;
    this.#directory = directory;
    this.stopped = new Promise((resolve) => {
      this.#settleStopped = resolve;
    });
    const snapshotReader = config.connectionWorkers;
    const learnerReaders = Array.from(
      { length: config.ensemble === null ? 0 : LEARNER_TREES_MAX },
      (_, i) => snapshotReader + 1 + i,
    );
    const recovered = this.#recover(snapshotReader + 1 + learnerReaders.length);
    const sessionsMax = this.#sessionsMax(recovered.target.sessions.size);
    const shared = createSharedMemory(config, sessionsMax);
    const { tree, ephemerals, digests } = recovered.target;
    this.#database = recovered.target;
    this.#isFresh = recovered.isFresh;
    this.#needsSnapshot = recovered.isFresh || recovered.txnsReplayed > 0;

    const { lastZxidHigh, lastZxidLow } = recovered;
    const tracker = new SessionTracker(
      {
        tickTimeMs: config.tickTimeMs,
        sessionsMax,
        touchTable: new Int32Array(shared.touchTable),
      },
      monotonicMs(),
    );
    this.#tracker = tracker;
    const sessionIds = new SessionIds(config.serverId, Date.now());
    for (const { idHigh, idLow, timeoutMs } of this.#database.sessions.values()) {
      sessionIds.seen(idHigh, idLow);
      tracker.add(idHigh, idLow, timeoutMs, monotonicMs()).isCommitted = true;
    }

    const limited = new LimitedLog(logger);
    const counters = new MainCounters();
    const quotas = new Quotas(tree);
    quotas.load();
    const onExceeded = (excess: QuotaExcess) => {
      limited.warn('quota', excess.message);
      if (excess.isHard) counters.quotaExceeded(excess.namespace);
    };
    const enforced = config.enforceQuota ? { quotas, onExceeded } : null;
    const prep = new Prep(tree, ephemerals, config, enforced);
    const publisher = new CommitPublisher(shared.commits, shared.workerDoorbells);
    const complain = (problem: string) => limited.warn('request', problem);
    const sessions = new ClientSessions({
      tracker,
      ids: sessionIds,
      publisher,
      workers: config.connectionWorkers,
      complain,
    });
    const appender = new LogAppender(
      shared.log,
      shared.logDoorbell,
      prep,
      new Zxid(lastZxidHigh, lastZxidLow),
      config.juteBufferBytesMax + config.juteBufferExtraBytes,
    );
    const throttle = new ConnectionThrottle(config.connectionThrottle, monotonicMs(), Math.random);
    const localSessions = localSessionRules(config);
    const owners = new LeaderSessions(tracker, localSessions.isEnabled ? config.serverId : null);
    sessions.onEnded = (idHigh, idLow) => owners.ended(idHigh, idLow);
    const requests = new LeaderRequests({
      sid: config.serverId,
      isMember: config.ensemble !== null,
      appender,
      publisher,
      sessions,
      owners,
      counters,
      localSessions,
      complain,
      publish: () => {
        if (member === null) appender.publish();
        else member.publish();
      },
    });
    const intake = new RequestIntake({
      requests: shared.requests,
      publisher,
      sessions,
      counters,
      throttle,
      complain,
    });
    if (config.ensemble === null) intake.handler = requests;
    const lock = new WriterLock(tree.memory);
    const commits = new CommitStage({
      log: shared.log,
      tree,
      lock,
      ephemerals,
      quotas,
      prep,
      publisher,
      sessions,
      digests,
      counters,
      ephemeralListing: new EphemeralListing(tree, ephemerals, config.juteBufferBytesMax),
      watchCounts: new Int32Array(shared.watchCounts),
      options: config,
    });
    this.#diskGuard = new DiskGuard({
      logDirectory: directory.logDirectory,
      snapshotDirectory: directory.snapshotDirectory,
      reserveBytes: config.diskReserveBytes,
      logger,
      onChange: (refusesWrites) => {
        requests.refusesWrites = refusesWrites;
      },
      onShort: () => void this.#autopurge.run(),
    });
    this.#autopurge = new Autopurge(config, directory, logger, () => this.#member?.neededFrom ?? null);
    this.#snapshots = new Snapshots({
      config,
      tree,
      tracker,
      directory: directory.snapshotDirectory,
      readerIndex: snapshotReader,
      logger,
      counters,
      rollLog: () => appender.roll(),
      diskGuard: this.#diskGuard,
      isExact: () => commits.isExact,
    });
    new DurableZxid(shared.durableZxid).write(lastZxidHigh, lastZxidLow);
    this.#logWorker = new LogWorker(
      threads.take('log', 'log'),
      config,
      shared,
      directory,
      lastZxidHigh,
      lastZxidLow,
      (reason) => this.#fail(reason),
    );
    this.#workers = new ConnectionWorkers({
      config,
      shared,
      replica: tree.memory,
      logger,
      answerWord: (word, argument) => status.answer(word, argument),
      onStart: (worker) => publisher.workerStarts(worker),
      onDeath: (worker) => {
        publisher.workerDied(worker);
        lock.clearReader(worker);
        sessions.workerDied(worker);
        shared.requests[worker] = createRingMemory(config.requestRingBytes, 1);
        intake.replaceRing(worker, shared.requests[worker]);
        new Int32Array(shared.watchCounts)[worker] = 0;
      },
      onFatal: (reason) => this.#fail(reason),
      threads,
    });
    const status = new Status({
      config,
      directory,
      tree,
      ephemerals,
      quotas,
      tracker,
      workers: this.#workers,
      logWorker: this.#logWorker,
      diskGuard: this.#diskGuard,
      digests,
      counters,
      startup: recovered,
      throttle,
      member: () =>
        this.#member === null ? null : { member: this.#member, ensemble: this.#member.ensemble },
    });
    this.#containers = new ContainerManager(tree, ephemerals, {
      checkIntervalMs: config.containerCheckIntervalMs,
      deletionsPerMinuteMax: config.containersPerMinuteMax,
      neverUsedIntervalMsMax: config.containerNeverUsedIntervalMsMax,
      deleteContainer: (path) => requests.deleteContainer(path),
      flush: () => this.#loop.turn(),
    });
    const member =
      config.ensemble === null || recovered.cache === null
        ? null
        : joinEnsemble({
            config,
            member: config.ensemble,
            directory,
            shared,
            database: this.#database,
            cache: recovered.cache,
            isDatabaseValid: recovered.isValid,
            lock,
            tracker,
            sessions,
            owners,
            localSessions,
            prep,
            quotas,
            publisher,
            appender,
            commits,
            intake,
            leaderRequests: requests,
            workers: this.#workers,
            containers: this.#containers,
            snapshots: this.#snapshots,
            learnerReaders,
            logWorker: this.#logWorker,
            logger,
            limited,
            rebuild: () => rebuildDatabase(this.#database, lock, this.#recoveryOptions()).isExact,
            purgeIdle: () => this.#autopurge.whenIdle(),
            onWork: () => this.#loop.turn(),
            onFatal: (error) => this.#fail(error.stack ?? error.message),
          });
    this.#member = member;
    if (member !== null) commits.isExact = recovered.isExact;
    this.#loop = new MainLoop({
      shared,
      agreement:
        member ??
        new SoleServer(
          config.serverId,
          new Acknowledgements(new MajorityQuorum([config.serverId]), lastZxidHigh, lastZxidLow),
        ),
      intake,
      requests,
      appender,
      commits,
      snapshots: this.#snapshots,
      tracker,
      sessions,
      servesClients: () => member === null || member.servesClients,
      counters,
      tickTimeMs: config.tickTimeMs,
      logger,
      mayBlock: member === null,
      onProgress: () => member?.progressed(),
      onFatal: (error) => this.#fail(error.stack ?? error.message),
    });
    if (member !== null) return;
    // Ephemerals whose session is not known: it ended while its closeSession was not logged.
    ephemerals.forEachOwner((idHigh, idLow) => {
      if (tracker.get(idHigh, idLow) === undefined) {
        requests.closeSession({ idHigh, idLow, isClosing: false });
      }
    });
  }

  /** A server must be able to start on its own data, whatever the limit says meanwhile. */
  #sessionsMax(recovered: number): number {
    const { sessionsMax } = this.#config;
    if (recovered <= sessionsMax) return sessionsMax;
    this.#logger.warn(
      `menagerie.sessionsMax=${sessionsMax} is less than the ${recovered} sessions in the data: that many are allowed until the next start`,
    );
    return recovered;
  }

  #recoveryOptions() {
    const options = this.#config;
    return {
      directory: this.#directory,
      log: this.#logger,
      entryBytesMax: options.juteBufferBytesMax + options.juteBufferExtraBytes,
      trustEmptySnapshot: options.snapshotTrustEmpty,
      digestEnabled: options.digestEnabled,
      isEnsembleMember: options.ensemble !== null,
    };
  }

  #recover(readersMax: number) {
    const options = this.#config;
    const cache =
      options.ensemble === null
        ? null
        : new TxnCache(
            { bytesMax: options.logRingBytes + options.committedLogBytesMax, txnsMax: CACHED_TXNS_MAX },
            0n,
          );
    let database: Database | null = null;
    const newTarget = (): Database => {
      database = new Database(
        {
          memoryBytesMax: options.replicaMemoryBytesMax,
          readersMax,
          hashSeed: randomInt(2 ** 31),
        },
        options,
      );
      if (cache !== null) fillCache(database, cache);
      return database;
    };
    let result: RecoveryResult<Database>;
    let isValid = true;
    try {
      result = recover({ ...this.#recoveryOptions(), newTarget });
    } catch (error) {
      if (cache === null || database === null || !isDivergence(error)) throw error;
      this.#logger.error(divergence(error.message));
      result = refused(database);
      isValid = false;
    }
    result.target.onTxn = null;
    if (result.txnsReplayed === 0) cache?.reset(zxidOf(result.lastZxidHigh, result.lastZxidLow));
    return { ...result, cache, isValid };
  }

  get clientPort(): number {
    return this.#workers.port;
  }

  /** A fresh database is on disk before anybody is served; otherwise the first snapshot is written beside the service. */
  async start(): Promise<void> {
    try {
      await this.#diskGuard.start();
      if (this.#isFresh) await this.#snapshots.take();
      await this.#workers.start();
      let snapshot: Promise<void> = Promise.resolve();
      if (this.#needsSnapshot && !this.#isFresh && this.#snapshots.hasRoom())
        snapshot = this.#snapshots.take();
      snapshot.catch(() => {});
      this.#autopurge.start(snapshot);
      await this.#member?.start();
      // Nobody could come back earlier: the sessions' time counts from now.
      this.#tracker.touchAll(monotonicMs());
    } catch (error) {
      await this.#end();
      throw error;
    }
    if (this.#member === null) this.#containers.start();
    this.#loop.turn();
  }

  stop(reason: string): Promise<void> {
    this.#stopping ??= this.#end().then(() => this.#settleStopped({ code: 0, reason }));
    return this.#stopping;
  }

  /** Clients go first, then what they were promised is finished on disk. */
  async #end(): Promise<void> {
    this.#containers.stop();
    await this.#workers.disconnect();
    this.#member?.stop('the server is being stopped');
    this.#loop.stop();
    await this.#logWorker.stop();
    this.#diskGuard.stop();
    await this.#autopurge.stop();
    await this.#snapshots.stop();
    await this.#member?.end();
    this.#directory.release();
    await this.#workers.end();
  }

  /** Nothing more is acknowledged: the process ends, and the next start goes on from what is on disk. */
  #fail(reason: string): void {
    if (this.#stopping !== null) return;
    this.#stopping = Promise.resolve();
    this.#containers.stop();
    this.#member?.stop('the server has failed');
    this.#loop.stop();
    this.#diskGuard.stop();
    this.#directory.release();
    const outcome = { code: 1, reason };
    this.#workers.end().then(
      () => this.#settleStopped(outcome),
      () => this.#settleStopped(outcome),
    );
  }
}

/** Whether what is on disk can be read, but is not what the ensemble has agreed on. */
function isDivergence(error: unknown): error is RecoveryError {
  return error instanceof RecoveryError && error.cause instanceof DivergedTreeError;
}

/** What a member has whose data on disk is refused: nothing; the files stay until a leader's snapshot takes their place. */
function refused(database: Database): RecoveryResult<Database> {
  database.clear();
  return {
    target: database,
    isFresh: false,
    isExact: true,
    lastZxidHigh: 0,
    lastZxidLow: 0,
    snapshot: null,
    txnsReplayed: 0,
    digestCheck: 'absent',
    tornTails: [],
    durationMs: 0,
  };
}

/** A standalone server's sessions are all its own anyway: as Apache, it makes no difference between them. */
function localSessionRules({ ensemble }: ServerConfig): LocalSessionRules {
  if (ensemble === null) return NO_LOCAL_SESSIONS;
  const { localSessionsEnabled, localSessionsUpgradingEnabled } = ensemble;
  return { isEnabled: localSessionsEnabled, isUpgradingEnabled: localSessionsUpgradingEnabled };
}
