import type { ClientService } from '../connection/worker-data.ts';
import { highWord, longToHex, lowWord } from '../protocol/long.ts';
import { NO_ZNODE } from '../replica/data-tree-reader.ts';
import type { WriterLock } from '../replica/lock.ts';
import { type LeaderSessions, NO_OWNER, Revalidation } from '../session/leader-sessions.ts';
import { monotonicMs } from '../session/monotonic-clock.ts';
import type { SessionTracker } from '../session/session-tracker.ts';
import type { Prep } from '../txn/prep.ts';
import type { Quotas } from '../txn/quotas.ts';
import { TxnHeader } from '../txn/txn-layout.ts';
import type { Role } from '../zab/output.ts';
import { type Zxid, zxidOf } from '../zab/zxid.ts';
import type { ClientSessions } from './client-sessions.ts';
import type { CommitStage } from './commit-stage.ts';
import type { ConnectionWorkers } from './connection-workers.ts';
import type { ContainerManager } from './container-manager.ts';
import type { Database } from './database.ts';
import type { LeaderRequests } from './leader-requests.ts';
import type { LearnerRequests } from './learner-requests.ts';
import type { Logger } from './logging.ts';
import type { ReadOnlyRequests } from './read-only-requests.ts';
import type { RequestIntake } from './request-intake.ts';
import type { TxnCache } from './txn-cache.ts';

export interface MemberRoleParts {
  readonly sid: number;
  readonly leaderServes: boolean;
  /** The configuration's text: the data of /zookeeper/config. */
  readonly ensembleText: string;
  readonly lock: Pick<WriterLock, 'acquire' | 'release'>;
  /** How long clients keep their connections while there is no leader. */
  readonly leaderlessMsMax: number;
  readonly database: Database;
  readonly tracker: SessionTracker;
  readonly sessions: ClientSessions;
  readonly owners: LeaderSessions;
  readonly prep: Prep;
  readonly quotas: Quotas;
  readonly commits: CommitStage;
  readonly cache: TxnCache;
  readonly intake: RequestIntake;
  readonly leaderRequests: LeaderRequests;
  readonly learnerRequests: LearnerRequests;
  /** null: readonlymode.enabled is not set. */
  readonly readOnlyRequests: ReadOnlyRequests | null;
  /** How long there must have been no leader. */
  readonly readOnlyAfterMs: number;
  /** Whether the tree may be shown: a part of a leader's, or one that has parted from it, may not. */
  readonly hasDatabase: () => boolean;
  readonly workers: ConnectionWorkers;
  readonly containers: ContainerManager;
  readonly logger: Logger;
}

const CONFIG_PATH = Buffer.from('/zookeeper/config');

/**
 * What a change of role means to clients and sessions. Clients of a learner keep their connections through a change of the
 * leader, if it does not take too long; those of a leader that has to give up do not, for some of what it has promised
 * them is known to it alone.
 */
export class MemberRole {
  readonly #parts: MemberRoleParts;
  #patience: NodeJS.Timeout | null = null;
  #clientService: ClientService = 'none';
  #readOnlyTimer: NodeJS.Timeout | null = null;

  constructor(parts: MemberRoleParts) {
    this.#parts = parts;
    parts.commits.foreign = parts.learnerRequests;
    parts.commits.preparedEpoch = -1;
  }

  /** Nobody is served until {@link serve}; requests wait. */
  suspend(role: Role, wasLeading: boolean): void {
    const { intake, commits, learnerRequests, leaderRequests, containers, leaderlessMsMax, logger } =
      this.#parts;
    if (role.kind !== 'looking') this.#endReadOnly();
    else if (this.isReadOnly) return;
    intake.handler = null;
    commits.foreign = learnerRequests;
    commits.preparedEpoch = -1;
    if (role.kind === 'looking') logger.info('looking for a leader');
    if (wasLeading) {
      containers.stop();
      leaderRequests.forgetOwnWork();
      this.abandonClients('this server leads no longer');
    } else if (this.acceptsClients) {
      this.#patience ??= setTimeout(
        () => this.abandonClients(`there has been no leader for ${leaderlessMsMax} ms`),
        leaderlessMsMax,
      );
    }
    if (role.kind === 'looking' && this.#parts.readOnlyRequests !== null) {
      this.#readOnlyTimer ??= setTimeout(() => this.#serveReadOnly(), this.#parts.readOnlyAfterMs);
    }
  }

  /** Cut off from its quorum for so long, the server serves what was committed last to those who are content with that. */
  #serveReadOnly(): void {
    const { intake, workers, readOnlyRequests, readOnlyAfterMs, hasDatabase, logger } = this.#parts;
    if (!hasDatabase()) {
      this.#readOnlyTimer = setTimeout(() => this.#serveReadOnly(), readOnlyAfterMs);
      return;
    }
    this.abandonClients('this server is read-only until there is a leader');
    this.#touchLocalSessions();
    intake.handler = readOnlyRequests;
    this.#clientService = 'readOnly';
    workers.serveClients('readOnly');
    logger.warn('read-only: there is no leader; clients that asked for it may read');
  }

  #endReadOnly(): void {
    if (this.#readOnlyTimer !== null) clearTimeout(this.#readOnlyTimer);
    this.#readOnlyTimer = null;
    if (!this.isReadOnly) return;
    this.abandonClients('the time of reading only is over');
    this.#parts.readOnlyRequests?.end();
  }

  /** While nobody could be heard, nobody's time has passed. */
  #touchLocalSessions(): void {
    const { tracker } = this.#parts;
    const nowMs = monotonicMs();
    for (const session of tracker.values()) if (session.isLocal) tracker.touch(session, nowMs);
  }

  /** Whether clients can be connected to this server now. */
  get acceptsClients(): boolean {
    return this.#clientService !== 'none';
  }

  /** Whether clients are served that are content to read what was committed last. */
  get isReadOnly(): boolean {
    return this.#clientService === 'readOnly';
  }

  /** Everything that is committed is applied; then clients are served in this role. */
  serve(role: Role, committed: Zxid): void {
    const { commits, intake, learnerRequests, logger, workers, leaderServes } = this.#parts;
    this.#endPatience();
    this.applyCommitted(committed);
    if (commits.isDiverged) return;
    commits.isExact = true;
    this.#showEnsemble();
    switch (role.kind) {
      case 'leading':
        this.#lead(role.epoch);
        break;
      case 'following':
      case 'observing':
        for (const session of this.#parts.tracker.values()) if (!session.isLocal) session.isClosing = false;
        intake.handler = learnerRequests;
        this.#forwardAgain(committed, role.kind === 'observing');
        break;
      case 'looking':
        throw new Error('a server that looks for a leader cannot serve');
      default:
        role satisfies never;
    }
    const text = role.kind === 'leading' ? 'leading' : `${role.kind} server ${role.leader}`;
    logger.info(`${text} in epoch ${role.epoch}, at ${longToHex(committed.epoch, committed.counter)}`);
    const hasServed = this.acceptsClients;
    if (!hasServed) this.#touchLocalSessions();
    this.#clientService = role.kind !== 'leading' || leaderServes ? 'all' : 'none';
    workers.serveClients(this.#clientService);
    if (!hasServed && this.acceptsClients) logger.info(`serves clients on port ${workers.port}`);
  }

  /** Set by each member for itself, by no txn: version -1, and not part of the tree's digest (protocol/quorum.md §8). */
  #showEnsemble(): void {
    const { database, ensembleText, lock } = this.#parts;
    const { tree } = database;
    const ref = tree.find(CONFIG_PATH, 0, CONFIG_PATH.length);
    if (ref === NO_ZNODE) return;
    const text = Buffer.from(ensembleText);
    const nowMs = Date.now();
    lock.acquire();
    try {
      tree.setData(ref, text, 0, text.length);
      tree.setVersion(ref, -1);
      tree.setMzxid(ref, 0, 0);
      tree.setMtime(ref, highWord(nowMs), lowWord(nowMs));
    } finally {
      lock.release();
    }
  }

  /** Applies what is committed; gives the zxid that the replica has then. */
  applyCommitted(committed: Zxid): bigint {
    this.#parts.commits.advanceFully(committed);
    const { lastZxidHigh, lastZxidLow } = this.#parts.database.tree;
    return zxidOf(lastZxidHigh, lastZxidLow);
  }

  /** The tree is not to be shown to anybody. */
  get isDiverged(): boolean {
    return this.#parts.commits.isDiverged;
  }

  /** Closes all clients' connections; their sessions live on. New ones are turned away until {@link serve}. */
  abandonClients(reason: string): void {
    const { sessions, learnerRequests, workers, logger } = this.#parts;
    this.#endPatience();
    if (this.acceptsClients) logger.warn(`clients are disconnected: ${reason}`);
    this.#clientService = 'none';
    workers.serveClients('none');
    sessions.disconnectAll();
    learnerRequests.forget();
  }

  /** Log and replica were replaced, or cut behind what was applied. */
  databaseReplaced(): void {
    const { database, tracker, quotas } = this.#parts;
    const nowMs = monotonicMs();
    for (const session of [...tracker.values()]) if (!session.isLocal) tracker.remove(session);
    for (const { idHigh, idLow, timeoutMs } of database.sessions.values()) {
      tracker.add(idHigh, idLow, timeoutMs, nowMs).isCommitted = true;
    }
    quotas.load();
  }

  stop(): void {
    this.#endPatience();
    if (this.#readOnlyTimer !== null) clearTimeout(this.#readOnlyTimer);
  }

  // ── as leader ──

  /** REVALIDATE from server `owner`. If the session has moved, its txn is the last one proposed. */
  revalidate(idHigh: number, idLow: number, timeoutMs: number, owner: number): Revalidation {
    const { owners, tracker, sessions, leaderRequests } = this.#parts;
    const outcome = owners.revalidate(idHigh, idLow, timeoutMs, owner, monotonicMs());
    const session = tracker.get(idHigh, idLow);
    if (session === undefined || outcome === Revalidation.refused) return outcome;
    // The client has left this server for that one.
    sessions.disconnect(session);
    if (outcome === Revalidation.moved) leaderRequests.proposeMove(session);
    return outcome;
  }

  /** A learner has heard of the session. */
  heard(idHigh: number, idLow: number, timeoutMs: number): void {
    this.#parts.owners.heard(idHigh, idLow, timeoutMs, monotonicMs());
  }

  #lead(epoch: number): void {
    const { tracker, prep, commits, leaderRequests, containers, sid, database } = this.#parts;
    commits.foreign = null;
    prep.reset();
    commits.preparedEpoch = epoch;
    for (const session of [...tracker.values()]) {
      session.isClosing = false;
      session.owner = session.connection === null ? NO_OWNER : sid;
      if (!session.isCommitted && !session.isLocal && session.connection === null) tracker.remove(session);
    }
    // Nobody could tell this server of those that live: their time counts from now.
    tracker.touchAll(monotonicMs());
    database.ephemerals.forEachOwner((idHigh, idLow) => {
      if (tracker.get(idHigh, idLow) === undefined) {
        leaderRequests.closeSession({ idHigh, idLow, isClosing: false });
      }
    });
    containers.start();
  }

  /**
   * Txns can be made from now on: first what this server's own clients wait for since before it was elected itself, then
   * what has waited with the workers.
   */
  proposeAgain(): void {
    const { learnerRequests, leaderRequests, sessions, intake } = this.#parts;
    leaderRequests.beginTurn();
    for (const { sessionHigh, sessionLow, request } of learnerRequests.takeUnanswered()) {
      const { worker, connection, xid, opcode, body } = request;
      const known = sessions.find(worker, connection);
      if (known === undefined || known.session.connection === null) continue;
      // What comes behind it must not be done without it.
      if (!leaderRequests.hasRoom()) sessions.disconnect(known.session);
      else leaderRequests.again(known, worker, connection, xid, opcode, body, sessionHigh, sessionLow);
    }
    for (const one of learnerRequests.takeAttaching()) {
      const { worker, connection, idHigh, idLow, timeoutMs, identities } = one;
      leaderRequests.attachSession(worker, connection, idHigh, idLow, timeoutMs, identities);
    }
    learnerRequests.forget();
    leaderRequests.taken(-1);
    intake.handler = leaderRequests;
  }

  // ── as learner ──

  /** Writes that the history does not hold: they will never be in it unless they are sent again. */
  #forwardAgain({ epoch, counter }: Zxid, isObserver: boolean): void {
    const { learnerRequests, cache } = this.#parts;
    if (!learnerRequests.isAwaited) return;
    if (isObserver) {
      learnerRequests.serveAgain(null);
      return;
    }
    const logged = new Set<string>();
    const applied = zxidOf(epoch, counter);
    if (applied >= cache.floor) {
      cache.forEach(applied, 2n ** 63n - 1n, (_epoch, _counter, bytes, start) => {
        const view = new DataView(bytes.buffer, bytes.byteOffset + start, TxnHeader.bytes);
        const [high, low] = [view.getInt32(TxnHeader.session), view.getInt32(TxnHeader.session + 4)];
        logged.add(`${high}:${low}:${view.getInt32(TxnHeader.cxid)}`);
      });
    }
    learnerRequests.serveAgain((high, low, cxid) => logged.has(`${high}:${low}:${cxid}`));
  }

  #endPatience(): void {
    if (this.#patience !== null) clearTimeout(this.#patience);
    this.#patience = null;
  }
}
