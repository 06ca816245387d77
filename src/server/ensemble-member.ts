// Hot path: proposals, acknowledgements and commits pass through here in runs; a turn of the event loop makes one closure-free
// microtask, and txns are copied from ring to packet without an object each.

import { JuteReader } from '../jute/reader.ts';
import { readIdentities } from '../protocol/acl.ts';
import { OpCode } from '../protocol/opcode.ts';
import { ElectionPort, type ElectionServer } from '../quorum/election-port.ts';
import type { HostAddress } from '../quorum/host-address.ts';
import { LeaderDialler, type LeaderSink } from '../quorum/leader-connection.ts';
import type { ListenAddress } from '../quorum/listeners.ts';
import { PacketError } from '../quorum/packet-error.ts';
import type { QuorumConnection } from '../quorum/quorum-connection.ts';
import { HoldReason } from '../quorum/quorum-input.ts';
import type { QuorumLog } from '../quorum/quorum-log.ts';
import { type LearnerSink, QuorumPort } from '../quorum/quorum-port.ts';
import { Revalidation } from '../session/leader-sessions.ts';
import { monotonicMs } from '../session/monotonic-clock.ts';
import { TxnHeader } from '../txn/txn-layout.ts';
import { unknownType } from '../txn/txn-type.ts';
import { type DurableActs, DurableState } from '../zab/durable-state.ts';
import type { Ensemble } from '../zab/ensemble.ts';
import type { History } from '../zab/history.ts';
import type { ConnectionId, Role, ZabOutput } from '../zab/output.ts';
import type { DurablePacket, ImmediatePacket, ReceivedPacket } from '../zab/packet.ts';
import { QuorumPeer } from '../zab/quorum-peer.ts';
import type { ServerAddress } from '../zab/server-line.ts';
import { diskBytesMax } from '../zab/sync-choice.ts';
import type { Notification } from '../zab/vote.ts';
import { Zxid, zxidOf } from '../zab/zxid.ts';
import type { Agreement } from './agreement.ts';
import { CatchUp, wordsOf } from './catch-up.ts';
import type { ServerConfig } from './config.ts';
import type { EnsembleConfig } from './ensemble-config.ts';
import type { HistoryReplacement } from './history-replacement.ts';
import type { LeaderRequests } from './leader-requests.ts';
import type { LearnerRequests } from './learner-requests.ts';
import type { LearnerSources, SourceEvents } from './learner-sources.ts';
import type { LogAppender } from './log-appender.ts';
import type { MemberRole } from './member-role.ts';
import type { TxnCache } from './txn-cache.ts';

export interface EnsembleMemberParts {
  readonly config: ServerConfig;
  readonly member: EnsembleConfig;
  readonly ensemble: Ensemble;
  readonly acceptedEpoch: number;
  readonly currentEpoch: number;
  readonly storeAcceptedEpoch: (epoch: number) => void;
  readonly storeCurrentEpoch: (epoch: number) => void;
  readonly history: History;
  /** False: what is on disk was refused, and nothing of it is in memory. */
  readonly isDatabaseValid: boolean;
  readonly cache: TxnCache;
  readonly appender: LogAppender;
  readonly leaderRequests: LeaderRequests;
  readonly learnerRequests: LearnerRequests;
  /** What the role means to the rest of the server. */
  readonly role: MemberRole;
  readonly replacement: HistoryReplacement;
  readonly learnerSources: LearnerSources;
  /** About how long a snapshot of the tree as it is now would be. */
  readonly snapshotBytes: () => number;
  readonly touchTable: Int32Array;
  readonly log: QuorumLog;
  /** Something was committed, or may be taken up: main's loop is to turn. */
  readonly onWork: () => void;
  /** Something that must not happen did: the server ends. */
  readonly onFatal: (error: Error) => void;
}

/** An answer that leaves behind the COMMIT of this counter: SYNC, or to REVALIDATE where there is a session. */
interface WaitingAnswer {
  readonly counter: number;
  readonly session: { readonly high: number; readonly low: number } | null;
}

/** A learner as its leader knows it beside the core. */
interface LearnerLink {
  readonly connection: QuorumConnection;
  sid: number;
  /** Oldest first. */
  readonly answers: WaitingAnswer[];
  /** What it lacks is on its way; until it is in step, what is proposed and committed goes there. */
  catchUp: CatchUp | null;
}

/**
 * The runtime around the core of ZAB: carries out its outputs, and brings it what arrives on the ports between servers, the
 * progress of the own disk, and the time (README, the way of a write in an ensemble).
 *
 * Inputs are handed in as they come. What an output leads to at once (an epoch file that was stored) is handed in behind
 * the input that caused it, for the core is never called from within.
 */
export class EnsembleMember implements ZabOutput, Agreement {
  readonly peer: QuorumPeer;
  readonly committed: Zxid;
  readonly #parts: EnsembleMemberParts;
  readonly #durableState: DurableState;
  readonly #election: ElectionPort;
  readonly #port: QuorumPort;
  readonly #dialler: LeaderDialler;
  readonly #connections = new Map<ConnectionId, QuorumConnection>();
  readonly #learners = new Map<ConnectionId, LearnerLink>();
  readonly #reader = new JuteReader();
  /** What the core is told next. */
  readonly #inputs: (() => void)[] = [];
  #leader: QuorumConnection | null = null;
  #role: Role = { kind: 'looking' };
  #isServing = false;
  #servedMs = 0;
  #nextConnection = 1;
  #timer: NodeJS.Timeout | null = null;
  #timerMs = Number.POSITIVE_INFINITY;
  #isTurnOpen = false;
  #isStopped = false;
  /** The txn that is being handed in. */
  #incoming: Uint8Array | null = null;
  #incomingStart = 0;
  #incomingLength = 0;
  /** The log ring holds txns that the order of durable acts does not allow to the disk yet. */
  #isLogHeld = false;
  /** The durable zxid that the core knows of. */
  readonly #durableZxid = new Zxid(-1, -1);
  /** As leader: the last counter that the core knows of as proposed. */
  #proposedCounter = 0;
  /** Learners that get the batch of proposals that is being made. */
  readonly #sharing: QuorumConnection[] = [];
  #isBatchMade = false;
  readonly #endTurn = (): void => this.#closeTurn();

  constructor(parts: EnsembleMemberParts) {
    const { config, member, ensemble, history, appender } = parts;
    this.#parts = parts;
    this.committed = new Zxid(history.lastEpoch, history.lastCounter);
    this.#durableState = new DurableState(this.#acts(), parts.acceptedEpoch, parts.currentEpoch);
    const sid = config.serverId;
    this.peer = new QuorumPeer({
      sid,
      ensemble,
      isObserver: member.isObserver,
      tickTimeMs: config.tickTimeMs,
      initLimitTicks: member.initLimitTicks,
      syncLimitTicks: member.syncLimitTicks,
      connectToLearnerMasterLimitTicks: member.connectToLearnerMasterLimitTicks,
      minNotificationIntervalMs: member.minNotificationIntervalMs,
      maxNotificationIntervalMs: member.maxNotificationIntervalMs,
      forceSnapshotSync: member.forceSnapshotSync,
      output: this,
      history,
      acceptedEpoch: parts.acceptedEpoch,
      currentEpoch: parts.currentEpoch,
      isDatabaseValid: parts.isDatabaseValid,
    });
    appender.onTxn = (epoch, counter, bytes, start, length) =>
      parts.cache.add(epoch, counter, bytes, start, length);
    appender.onEpochEnd = () => {
      if (this.isLeading) this.#later(() => this.peer.leaveLeading('the epoch has no more zxids'));
    };
    const own = ensemble.servers.get(sid);
    if (own === undefined) throw new Error(`server ${sid} is not in its own ensemble`);
    const listens = (port: (address: ServerAddress) => number): ListenAddress[] =>
      member.listensOnAllAddresses
        ? [...new Set(own.addresses.map(port))].map((one) => ({ host: null, port: one }))
        : own.addresses.map((address) => ({ host: address.host, port: port(address) }));
    const servers = new Map<number, ElectionServer>();
    for (const server of ensemble.servers.values()) {
      servers.set(server.sid, {
        addresses: server.addresses.map(({ host, electionPort }) => ({ host, port: electionPort })),
        isVoter: server.role === 'participant',
      });
    }
    const bindRetries =
      member.electionPortBindsMax === 0 ? Number.POSITIVE_INFINITY : member.electionPortBindsMax - 1;
    this.#election = new ElectionPort({
      sid,
      servers,
      listen: listens(({ electionPort }) => electionPort),
      bindRetries,
      connectTimeoutMs: member.electionConnectTimeoutMs,
      handshakeTimeoutMs: member.electionReadTimeoutMs,
      multiAddress: false,
      log: parts.log,
      events: {
        notification: (from, notification) => this.#take(() => this.peer.notification(from, notification)),
        voterReachable: (voter) => this.#take(() => this.peer.voterReachable(voter)),
        voterUnreachable: (voter) => this.#take(() => this.peer.voterUnreachable(voter)),
      },
    });
    const limits = {
      sendQueueBytesMax: config.learnerQueueBytesMax,
      initTimeoutMs: member.initLimitTicks * config.tickTimeMs,
      syncTimeoutMs: member.syncLimitTicks * config.tickTimeMs,
    };
    const sizes = {
      packetBytesMax: config.juteBufferBytesMax + config.juteBufferExtraBytes,
      sessionsMax: config.sessionsMax,
      identitiesMax: 1024,
      identitiesBytesMax: config.juteBufferBytesMax,
    };
    const nextConnection = (): ConnectionId => this.#nextConnection++;
    this.#port = new QuorumPort({
      listen: listens(({ quorumPort }) => quorumPort),
      bindRetries,
      limits,
      sizes,
      log: parts.log,
      nextConnection,
      onLearner: (connection) => this.#learnerConnected(connection),
    });
    this.#dialler = new LeaderDialler({
      limits,
      sizes,
      log: parts.log,
      nextConnection,
      connectLimitMs: member.connectToLearnerMasterLimitTicks * config.tickTimeMs,
      retryDelayMs: member.leaderConnectDelayMs,
      onLeader: (connection, leader) => this.#leaderConnected(connection, leader),
      onUnreachable: (leader, reason) => this.#take(() => this.peer.leaderUnreachable(leader, reason)),
    });
  }

  /** Opens the ports between servers and begins to look for a leader. Rejects with PortError. */
  async start(): Promise<void> {
    await this.#port.open();
    await this.#election.open();
    this.#take(() => this.peer.start(monotonicMs()));
  }

  /** Closes ports and connections; nothing more is heard or said. */
  stop(reason: string): void {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#parts.role.stop();
    this.#dialler.cancel();
    this.#leader?.close(reason);
    this.#port.close(reason);
    this.#election.close();
  }

  /** Behind {@link stop}, when nothing is applied any more: settles when nothing of the member runs. */
  end(): Promise<void> {
    return this.#parts.learnerSources.stop();
  }

  /** As leader: the log behind this zxid is being sent to a learner, or will be; null while none is. */
  get neededFrom(): bigint | null {
    let least: bigint | null = null;
    for (const { catchUp } of this.#learners.values()) {
      if (catchUp !== null && (least === null || catchUp.at < least)) least = catchUp.at;
    }
    return least;
  }

  get ensemble(): Ensemble {
    return this.#parts.ensemble;
  }

  get isLeading(): boolean {
    return this.#isServing && this.#role.kind === 'leading';
  }

  get isServing(): boolean {
    return this.#isServing;
  }

  /** Whether clients can be connected now; a leader may be told to serve none. */
  get servesClients(): boolean {
    return this.#isServing || this.#parts.role.acceptsClients;
  }

  get role(): Role {
    return this.#role;
  }

  /** As four-letter words name it; null while nobody can be served. */
  get mode(): 'leader' | 'follower' | 'observer' | 'read-only' | null {
    if (!this.#isServing) return this.#parts.role.isReadOnly ? 'read-only' : null;
    switch (this.#role.kind) {
      case 'leading':
        return 'leader';
      case 'following':
        return 'follower';
      case 'observing':
        return 'observer';
      case 'looking':
        return null;
      default:
        throw new Error(`unknown role ${this.#role satisfies never}`);
    }
  }

  /** As leader: those that follow, by sid. */
  get learnerSids(): number[] {
    return [...this.#learners.values()].map(({ sid }) => sid).filter((sid) => sid >= 0);
  }

  /** As leader: syncs of learners that wait for what was proposed before them. */
  get pendingSyncs(): number {
    let syncs = 0;
    for (const { answers } of this.#learners.values())
      for (const { session } of answers) if (session === null) syncs++;
    return syncs;
  }

  /** For how long the present role has been served, in milliseconds. */
  get servesSinceMs(): number {
    return this.#isServing ? monotonicMs() - this.#servedMs : 0;
  }

  /** Packets for the leader; null while there is none, or before clients are served. */
  get toLeader() {
    return this.#isServing && this.#leader !== null ? this.#leader.outgoing : null;
  }

  // ── turns ──

  /** Hands an input in, with whatever it leads to at once. */
  #take(input: () => void): void {
    if (this.#isStopped) return;
    try {
      this.#openTurn();
      input();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The core is told the time; the turn is closed when the event loop's present callback is done. */
  #openTurn(): void {
    if (this.#isTurnOpen) return;
    this.#isTurnOpen = true;
    queueMicrotask(this.#endTurn);
    this.peer.advance(monotonicMs());
  }

  #closeTurn(): void {
    if (this.#isStopped) return;
    try {
      if (this.#inputs.length > 0) this.#dropForgotten();
      for (let input = this.#inputs.shift(); input !== undefined; input = this.#inputs.shift()) input();
      this.#isTurnOpen = false;
      this.#publishIfIdle();
      this.#armTimer();
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#parts.onWork();
  }

  /**
   * What the cache has dropped cannot be sent any more. The core asks how far back that goes when it synchronises a learner only,
   * which no txn or acknowledgement leads to: they are spared this.
   */
  #dropForgotten(): void {
    const { cache, history } = this.#parts;
    const { floor } = cache;
    // While the history is being replaced the cache is ahead of it.
    if (floor > history.floor && history.contains(floor)) history.dropUpTo(floor);
  }

  #fail(error: unknown): void {
    this.#isStopped = true;
    this.#parts.onFatal(error as Error);
  }

  /** Behind the present input. */
  #later(input: () => void): void {
    this.#inputs.push(input);
    this.#openTurn();
  }

  #armTimer(): void {
    const deadlineMs = this.peer.nextDeadlineMs;
    if (this.#timer !== null && this.#timerMs <= deadlineMs) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (deadlineMs === Number.POSITIVE_INFINITY) return;
    this.#timerMs = deadlineMs;
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        this.#take(() => {});
      },
      Math.max(1, Math.ceil(deadlineMs - monotonicMs())),
    );
  }

  // ── the own log ──

  /** Hot path. Agreement: called in each turn of main's loop. */
  durable(epoch: number, counter: number): void {
    if (this.#durableZxid.compare(epoch, counter) === 0) return;
    this.#durableZxid.set(epoch, counter);
    this.#openTurn();
    this.#durableState.durable(epoch, counter);
    this.peer.durable(epoch, counter);
    this.#publishIfIdle();
  }

  /** A leader's txns wait for the disk to be free: what gathers meanwhile is one batch. */
  #publishIfIdle(): void {
    const { appender } = this.#parts;
    if (!appender.hasUnpublished) return;
    if (
      this.isLeading &&
      appender.lastPublished.compare(this.#durableZxid.epoch, this.#durableZxid.counter) > 0
    )
      return;
    this.publish();
  }

  /** Shows the log worker and the learners what was queued. */
  publish(): void {
    if (this.#isLogHeld) return;
    const { appender } = this.#parts;
    appender.publish();
    if (this.isLeading) this.#propose(appender.lastProposed);
  }

  #propose({ epoch, counter }: Zxid): void {
    if (this.#role.kind !== 'leading' || epoch !== this.#role.epoch || counter === this.#proposedCounter)
      return;
    this.#openTurn();
    this.#durableState.append(epoch, counter);
    this.peer.proposed(epoch, counter);
    this.#proposedCounter = counter;
    if (this.#isBatchMade) this.#port.sendShared(this.#sharing);
    this.#isBatchMade = false;
    this.#sharing.length = 0;
  }

  // ── ZabOutput: election, roles ──

  notify(sid: number, notification: Notification): void {
    this.#election.notify(sid, notification);
  }

  reconnectElection(sids: readonly number[]): void {
    this.#election.reconnect(sids);
  }

  become(role: Role): void {
    this.#dialler.cancel();
    const wasLeading = this.isLeading;
    if (this.#role.kind === 'leading') this.#forgetUnproposed();
    this.#isServing = false;
    this.#role = role;
    this.#parts.role.suspend(role, wasLeading);
  }

  /** Txns that were made and not shown to log and learners yet: no history has them, and none may get them later. */
  #forgetUnproposed(): void {
    const { appender, cache, history } = this.#parts;
    appender.forgetUnpublished(history.lastEpoch, history.lastCounter);
    cache.truncate(history.last);
  }

  serve(): void {
    const { role, appender } = this.#parts;
    this.#isServing = true;
    this.#servedMs = monotonicMs();
    this.#proposedCounter = 0;
    role.serve(this.#role, this.committed);
    if (this.#role.kind !== 'leading') return;
    appender.lastProposed.set(this.#role.epoch, 0);
    // The core takes no proposals from within its own call.
    this.#later(() => {
      if (this.isLeading) role.proposeAgain();
    });
  }

  dialLeader(leader: number): void {
    const server = this.#parts.ensemble.servers.get(leader);
    if (server === undefined) throw new Error(`server ${leader} is to be followed, but is not known`);
    const addresses: HostAddress[] = server.addresses.map(({ host, quorumPort }) => ({
      host,
      port: quorumPort,
    }));
    this.#dialler.dial(leader, addresses);
  }

  report(level: 'info' | 'warn', text: string): void {
    if (level === 'info') this.#parts.log.info(text);
    else this.#parts.log.warn('quorum connection', text);
  }

  // ── ZabOutput: quorum port ──

  send(connection: ConnectionId, packet: ImmediatePacket): void {
    const link = this.#connections.get(connection);
    if (link === undefined) return;
    if (packet.type === 'ping' && link === this.#leader) {
      this.#parts.learnerRequests.ping(link.outgoing, packet.zxid, this.#parts.touchTable);
    } else {
      link.send(packet);
    }
  }

  close(connection: ConnectionId, reason: string): void {
    this.#durableState.closed(connection);
    const link = this.#connections.get(connection);
    this.#forget(connection);
    link?.close(reason);
    if (link !== undefined) this.#parts.replacement.connectionClosed(link);
  }

  sendHistory(connection: ConnectionId, after: bigint, upTo: bigint, committed: boolean): void {
    const link = this.#learners.get(connection);
    if (link === undefined) return;
    const catchUp = link.catchUp ?? this.#catchUp(link, after);
    if (committed) catchUp.commitUpTo(upTo);
    else catchUp.proposeUpTo(upTo);
  }

  /** From here on nothing goes to the learner but behind what it lacks. */
  #catchUp(link: LearnerLink, after: bigint): CatchUp {
    const { cache, learnerSources } = this.#parts;
    const parts = {
      cache,
      sources: learnerSources,
      durable: () => zxidOf(this.#durableZxid.epoch, this.#durableZxid.counter),
      ...sourceEvents(link.connection),
      caughtUp: () => {
        link.catchUp = null;
      },
    };
    const catchUp = new CatchUp(parts, after);
    link.catchUp = catchUp;
    link.connection.sendSource(catchUp);
    return catchUp;
  }

  sendSnapshot(connection: ConnectionId): void {
    const link = this.#learners.get(connection);
    if (link === undefined) return;
    const zxid = this.#parts.role.applyCommitted(this.committed);
    if (this.#parts.role.isDiverged) return;
    link.connection.send({ type: 'snap', zxid });
    link.connection.sendSource(this.#parts.learnerSources.tree(sourceEvents(link.connection)));
    this.#catchUp(link, zxid);
  }

  searchDisk(connection: ConnectionId, peerZxid: bigint): void {
    const { cache, config, learnerSources, member, snapshotBytes } = this.#parts;
    const bytesMax = diskBytesMax(member.snapshotSizeFactor, snapshotBytes());
    if (bytesMax === null) {
      const why = 'snapshotSizeFactor keeps the log on disk from being sent';
      this.#later(() => this.peer.diskSearched(connection, { kind: 'none', why }));
      return;
    }
    // Nothing can be said to a learner between ACKEPOCH and DIFF, TRUNC or SNAP, and it bears silence for initLimit.
    const timeMaxMs = (member.initLimitTicks * config.tickTimeMs) / 2;
    const search = learnerSources.searchLog(wordsOf(peerZxid), wordsOf(cache.floor), bytesMax, timeMaxMs);
    void search.then((found) =>
      this.#take(() => {
        // The memory has forgotten more meanwhile.
        this.#dropForgotten();
        if (found.kind === 'none') this.peer.diskSearched(connection, found);
        else {
          const base = zxidOf(found.base.zxidHigh, found.base.zxidLow);
          this.peer.diskSearched(connection, { kind: 'found', base });
        }
      }),
    );
  }

  forwardProposals(connection: ConnectionId, first: number, last: number): void {
    const link = this.#learners.get(connection);
    if (link === undefined || this.#role.kind !== 'leading') return;
    const { epoch } = this.#role;
    if (link.catchUp !== null) {
      link.catchUp.proposeUpTo(zxidOf(epoch, last));
      return;
    }
    if (!this.#isBatchMade) {
      this.#isBatchMade = true;
      const batch = this.#port.shared;
      this.#parts.cache.forEach(
        zxidOf(epoch, first - 1),
        zxidOf(epoch, last),
        (_epoch, counter, bytes, start, length) => batch.proposal(epoch, counter, bytes, start, length),
      );
    }
    this.#sharing.push(link.connection);
  }

  /** Answers leave in their place among the COMMITs: what was committed behind them must not overtake them. */
  forwardCommits(connection: ConnectionId, first: number, last: number): void {
    const link = this.#learners.get(connection);
    if (link === undefined || this.#role.kind !== 'leading') return;
    const { epoch } = this.#role;
    if (link.catchUp !== null) {
      link.catchUp.commitUpTo(zxidOf(epoch, last));
      return;
    }
    const batch = link.connection.outgoing;
    let from = first >>> 0;
    while (link.answers.length > 0 && link.answers[0].counter <= last >>> 0) {
      const { counter } = link.answers[0];
      if (counter >= from) batch.commits(epoch, from, counter);
      from = Math.max(from, counter + 1);
      this.#answer(link, counter);
    }
    if (from <= last >>> 0) batch.commits(epoch, from, last);
  }

  forwardInforms(connection: ConnectionId, first: number, last: number): void {
    const link = this.#learners.get(connection);
    if (link === undefined || this.#role.kind !== 'leading') return;
    const { epoch } = this.#role;
    if (link.catchUp !== null) {
      link.catchUp.commitUpTo(zxidOf(epoch, last));
      return;
    }
    const batch = link.connection.outgoing;
    this.#parts.cache.forEach(
      zxidOf(epoch, first - 1),
      zxidOf(epoch, last),
      (_epoch, counter, bytes, start, length) => {
        batch.inform(epoch, counter, bytes, start, length);
        this.#answer(link, counter >>> 0);
      },
    );
  }

  /**
   * The tree here has parted from that of the leader at some time: it is not shown to anybody any more, and a leader's snapshot
   * takes its place. Called from within the applying, which the core may have asked for.
   */
  diverged(): void {
    const reason = 'a snapshot of the leader is needed';
    this.#parts.role.abandonClients(reason);
    this.#later(() => this.peer.databaseLost(reason));
  }

  /** Sends what has waited for the COMMIT of this counter, or of an earlier one. */
  #answer({ answers, connection }: LearnerLink, upTo: number): void {
    while (answers.length > 0 && answers[0].counter <= upTo) {
      const session = answers.shift()?.session ?? null;
      if (session === null) connection.outgoing.sync();
      else connection.outgoing.revalidated(session.high, session.low, true);
    }
  }

  // ── ZabOutput: durable ──

  sendAfterSync(connection: ConnectionId, packet: DurablePacket): void {
    this.#durableState.sendAfterSync(connection, packet);
  }

  acknowledgeAfterSync(connection: ConnectionId, first: number, last: number): void {
    this.#durableState.acknowledgeAfterSync(connection, first, last);
  }

  storeAcceptedEpoch(epoch: number): void {
    this.publish();
    this.#durableState.storeAcceptedEpoch(epoch);
  }

  storeCurrentEpoch(epoch: number): void {
    this.publish();
    this.#durableState.storeCurrentEpoch(epoch);
  }

  append(epoch: number, counter: number): void {
    const bytes = this.#incoming;
    if (bytes === null) throw new Error('a txn is to be appended, and none is at hand');
    this.#isLogHeld = true;
    this.#parts.appender.appendForeign(epoch, counter, bytes, this.#incomingStart, this.#incomingLength);
    this.#durableState.append(epoch, counter);
  }

  truncate(connection: ConnectionId, zxid: bigint): void {
    this.publish();
    this.#durableState.truncate(connection, zxid);
  }

  receiveSnapshot(connection: ConnectionId, zxid: bigint): void {
    this.publish();
    this.#durableState.receiveSnapshot(connection, zxid);
  }

  // ── ZabOutput: replica ──

  commit(epoch: number, counter: number): void {
    this.committed.set(epoch, counter);
  }

  /** The acts themselves, in the order that {@link DurableState} allows. */
  #acts(): DurableActs {
    return {
      append: () => {
        this.#isLogHeld = false;
      },
      storeAcceptedEpoch: (epoch) => {
        this.#parts.storeAcceptedEpoch(epoch);
        this.#later(() => {
          this.#durableState.acceptedEpochStored(epoch);
          this.peer.acceptedEpochStored(epoch);
        });
      },
      storeCurrentEpoch: (epoch) => {
        this.#parts.storeCurrentEpoch(epoch);
        this.#later(() => {
          this.#durableState.currentEpochStored(epoch);
          this.peer.currentEpochStored(epoch);
        });
      },
      truncate: (connection, zxid) => {
        this.#parts.role.abandonClients('the log is cut');
        const last = this.#parts.history.preceding(zxid) ?? zxid;
        this.#replace(connection, this.#parts.replacement.truncate(last, this.committed));
      },
      receiveSnapshot: (connection, zxid) => {
        this.#parts.role.abandonClients('a snapshot of the leader takes the place of the data here');
        const link = this.#connections.get(connection);
        this.#replace(
          connection,
          link === undefined || link.isClosed
            ? Promise.resolve(null)
            : this.#parts.replacement.receive(link, zxid, this.committed, this.peer.lastLogged >= 0n),
        );
      },
      send: (connection, packet) => this.#connections.get(connection)?.send(packet),
      acknowledge: (connection, epoch, first, last) =>
        this.#connections.get(connection)?.outgoing.acknowledgements(epoch, first, last),
    };
  }

  /** `outcome`: the last zxid of the history as it is then; null: nothing was changed. */
  #replace(connection: ConnectionId, outcome: Promise<bigint | null>): void {
    outcome.then(
      (last) =>
        this.#take(() => {
          this.#durableZxid.set(-1, -1);
          this.#durableState.historyReplaced(connection);
          this.peer.historyReplaced(connection, last ?? this.#parts.history.last);
          this.#connections.get(connection)?.release(HoldReason.history);
        }),
      (error: Error) => this.#fail(error),
    );
  }

  // ── a leader, with its learners ──

  #learnerConnected(connection: QuorumConnection): LearnerSink {
    const { id } = connection;
    const link: LearnerLink = { connection, sid: -1, answers: [], catchUp: null };
    this.#connections.set(id, connection);
    this.#learners.set(id, link);
    this.#take(() => this.peer.learnerConnected(id));
    return {
      heard: () => this.#take(() => this.peer.heard(id)),
      closed: (reason) => this.#connectionClosed(id, reason),
      received: (packet) => {
        if (packet.type === 'learnerInfo') link.sid = packet.sid;
        this.#received(id, packet);
      },
      acknowledged: (epoch, _first, last) => this.#take(() => this.peer.acknowledged(id, epoch, last)),
      request: (high, low, cxid, opcode, bytes, start, length, identitiesStart, identitiesLength) => {
        if (!this.isLeading || this.#isStopped) return;
        this.#openTurn();
        this.#requested(
          link,
          high,
          low,
          cxid,
          opcode,
          bytes,
          start,
          length,
          identitiesStart,
          identitiesLength,
        );
      },
      revalidate: (high, low, timeoutMs) => {
        if (!this.isLeading || this.#isStopped) return;
        this.#openTurn();
        this.#revalidate(link, high, low, timeoutMs);
      },
      touched: (high, low, timeoutMs) => {
        if (this.isLeading) this.#parts.role.heard(high, low, timeoutMs);
      },
    };
  }

  #requested(
    link: LearnerLink,
    high: number,
    low: number,
    cxid: number,
    opcode: number,
    bytes: Uint8Array,
    start: number,
    length: number,
    identitiesStart: number,
    identitiesLength: number,
  ): void {
    const { leaderRequests } = this.#parts;
    try {
      if (opcode === OpCode.sync) {
        this.#syncRequested(link);
      } else {
        this.#reader.reset(bytes, identitiesStart, identitiesStart + identitiesLength);
        const identities = identitiesLength > 4 ? readIdentities(this.#reader) : [];
        leaderRequests.forwarded(link.sid, high, low, cxid, opcode, identities, bytes, start, start + length);
      }
    } catch (error) {
      this.#fail(error);
    }
    this.#holdWithoutRoom();
  }

  /** Nothing more can be proposed: learners wait, all of them, for each may ask next. */
  #holdWithoutRoom(): void {
    if (this.#parts.appender.hasRoom()) return;
    this.publish();
    for (const { connection } of this.#learners.values()) connection.hold(HoldReason.room);
  }

  #syncRequested(link: LearnerLink): void {
    const { epoch, counter } = this.#parts.appender.lastProposed;
    if (this.committed.compare(epoch, counter) >= 0 || counter === 0) link.connection.outgoing.sync();
    else link.answers.push({ counter: counter >>> 0, session: null });
  }

  /** A client of the learner wants its session back. */
  #revalidate(link: LearnerLink, high: number, low: number, timeoutMs: number): void {
    try {
      const outcome = this.#parts.role.revalidate(high, low, timeoutMs, link.sid);
      if (outcome === Revalidation.moved) {
        const counter = this.#parts.appender.lastProposed.counter >>> 0;
        link.answers.push({ counter, session: { high, low } });
      } else {
        link.connection.outgoing.revalidated(high, low, outcome === Revalidation.kept);
      }
    } catch (error) {
      this.#fail(error);
    }
    this.#holdWithoutRoom();
  }

  // ── a learner, with its leader ──

  #leaderConnected(connection: QuorumConnection, leader: number): LeaderSink {
    const { id } = connection;
    this.#connections.set(id, connection);
    this.#leader = connection;
    this.#take(() => this.peer.leaderConnected(id, leader));
    const { learnerRequests } = this.#parts;
    return {
      heard: () => this.#take(() => this.peer.heard(id)),
      closed: (reason) => this.#connectionClosed(id, reason),
      received: (packet) => this.#received(id, packet),
      proposal: (epoch, counter, bytes, start, length) => {
        this.#txn(connection, bytes, start, length, () => this.peer.proposal(id, epoch, counter));
      },
      inform: (epoch, counter, bytes, start, length) => {
        this.#txn(connection, bytes, start, length, () => this.peer.informed(id, epoch, counter));
      },
      committed: (epoch, first, last) =>
        this.#take(() => {
          for (let counter = first; ; counter++) {
            this.peer.committed(id, epoch, counter);
            if (counter >>> 0 === last >>> 0) break;
          }
        }),
      revalidated: (high, low, isValid) => {
        if (this.#isServing) learnerRequests.revalidated(high, low, isValid);
      },
      synced: () => {
        if (this.#isServing) learnerRequests.synced();
        if (!this.#parts.appender.hasRoom()) this.#awaitRoom(connection);
      },
    };
  }

  /** A txn of the leader's: its bytes are at hand while it is handed in. */
  #txn(
    connection: QuorumConnection,
    bytes: Uint8Array,
    start: number,
    length: number,
    input: () => void,
  ): void {
    checkTxn(bytes, start, length);
    this.#incoming = bytes;
    this.#incomingStart = start;
    this.#incomingLength = length;
    this.#take(input);
    this.#incoming = null;
    if (!this.#parts.appender.hasRoom()) this.#awaitRoom(connection);
  }

  /** The log ring is full: nothing more is taken from the leader until something was applied and written. */
  #awaitRoom(connection: QuorumConnection): void {
    connection.hold(HoldReason.room);
    this.publish();
    if (this.#isServing) return;
    this.#parts.role.abandonClients('the leader sends more than can be held back');
    this.#take(() => this.peer.roomNeeded());
  }

  /** Main's loop has applied something. */
  progressed(): void {
    if (!this.#parts.appender.hasRoom()) return;
    this.#leader?.release(HoldReason.room);
    for (const { connection } of this.#learners.values()) connection.release(HoldReason.room);
  }

  #received(id: ConnectionId, packet: ReceivedPacket): void {
    this.#dropForgotten();
    this.#take(() => this.peer.received(id, packet));
  }

  #connectionClosed(id: ConnectionId, reason: string): void {
    const link = this.#connections.get(id);
    if (link === undefined) return;
    this.#forget(id);
    this.#parts.replacement.connectionClosed(link);
    this.#durableState.closed(id);
    this.#take(() => this.peer.connectionClosed(id, reason));
  }

  #forget(id: ConnectionId): void {
    if (this.#leader?.id === id) this.#leader = null;
    this.#connections.delete(id);
    this.#learners.delete(id);
  }
}

/** What cannot be applied must not be logged either: this server would never start again. */
function checkTxn(bytes: Uint8Array, start: number, length: number): void {
  if (length < TxnHeader.bytes) throw new PacketError(`a txn of ${length} bytes, which has no header`);
  const type = unknownType(bytes, start, start + length);
  if (type === null) return;
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, TxnHeader.bytes);
  const zxid = view.getBigUint64(TxnHeader.zxid).toString(16);
  throw new PacketError(
    `txn 0x${zxid} of type ${type}, which this version does not know: it cannot follow this leader before it is replaced by a ` +
      'newer version, or an older one leads',
  );
}

/** What a source's learner hears of it. */
function sourceEvents(link: QuorumConnection): SourceEvents {
  return {
    ready: () => link.sourceReady(),
    failed: (reason) => link.close(`what it was to get cannot be sent: ${reason}`),
  };
}
