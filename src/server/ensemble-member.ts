// Hot path: what the core says of txns and commits is passed on by methods that do nothing else.

import { ElectionPort } from '../quorum/election-port.ts';
import type { PacketBatch } from '../quorum/packet-batch.ts';
import type { QuorumLog } from '../quorum/quorum-log.ts';
import { QuorumPort } from '../quorum/quorum-port.ts';
import { monotonicMs } from '../session/monotonic-clock.ts';
import type { Ensemble } from '../zab/ensemble.ts';
import type { ConnectionId, Role, ZabOutput } from '../zab/output.ts';
import type { DurablePacket, ImmediatePacket } from '../zab/packet.ts';
import { QuorumPeer } from '../zab/quorum-peer.ts';
import type { Notification } from '../zab/vote.ts';
import { Zxid } from '../zab/zxid.ts';
import type { Agreement } from './agreement.ts';
import type { ServerConfig } from './config.ts';
import { CoreInputs } from './core-inputs.ts';
import type { EnsembleConfig } from './ensemble-config.ts';
import { LeaderLink } from './leader-link.ts';
import type { LeaderRequests } from './leader-requests.ts';
import { LearnerIntake } from './learner-intake.ts';
import type { LearnerRequests } from './learner-requests.ts';
import type { LearnerSources } from './learner-sources.ts';
import { Learners } from './learners.ts';
import { MemberConnections } from './member-connections.ts';
import { MemberHistory, type MemberHistoryDisk } from './member-history.ts';
import { memberPorts } from './member-ports.ts';
import type { MemberRole } from './member-role.ts';

export interface EnsembleMemberParts {
  readonly config: ServerConfig;
  readonly member: EnsembleConfig;
  readonly ensemble: Ensemble;
  readonly disk: MemberHistoryDisk;
  /** False: what is on disk was refused, and nothing of it is in memory. */
  readonly isDatabaseValid: boolean;
  readonly leaderRequests: LeaderRequests;
  readonly learnerRequests: LearnerRequests;
  /** What the role means to the rest of the server. */
  readonly role: MemberRole;
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

/**
 * This server as a member of its ensemble: the runtime around the core of ZAB (`peer`). It carries out the core's outputs by
 * giving each to the part whose business it is (README, who calls whom):
 *
 * - `core-inputs` tells the core what happens, and the time;
 * - `member-history` is the own copy of the history, on its way to the disk;
 * - `learners` and `learner-intake` are a leader's dealings with its learners, `leader-link` a learner's with its leader;
 * - `member-role` is what a change of role means to clients and sessions.
 */
export class EnsembleMember implements ZabOutput, Agreement {
  readonly peer: QuorumPeer;
  readonly committed: Zxid;
  readonly #parts: EnsembleMemberParts;
  readonly #inputs: CoreInputs;
  readonly #connections: MemberConnections;
  readonly #ownHistory: MemberHistory;
  readonly #election: ElectionPort;
  readonly #port: QuorumPort;
  readonly #learners: Learners;
  readonly #leaderLink: LeaderLink;
  #servedMs = 0;
  /** Clients are served as leader, or were until the change of role that is being made. */
  #hasLed = false;

  constructor(parts: EnsembleMemberParts) {
    const { ensemble, disk, role, log, leaderRequests, learnerRequests } = parts;
    const { cache, appender, history } = disk;
    this.#parts = parts;
    const committed = new Zxid(history.lastEpoch, history.lastCounter);
    this.committed = committed;
    const peer = this.#newPeer();
    this.peer = peer;
    const inputs = this.#newInputs();
    this.#inputs = inputs;
    const connections = new MemberConnections({
      peer,
      inputs,
      onGone: (connection) => {
        this.#leaderLink.forget(connection.id);
        this.#learners.forget(connection.id);
        this.#ownHistory.closed(connection.id);
        disk.replacement.connectionClosed(connection);
      },
    });
    this.#connections = connections;
    const onProposed = () => this.#learners.shareProposals();
    const ownHistory = new MemberHistory({ ...disk, peer, inputs, connections, role, committed, onProposed });
    this.#ownHistory = ownHistory;
    const ports = memberPorts(parts.config, parts.member, ensemble);
    this.#election = new ElectionPort({ ...ports.election, log, events: this.#electionEvents() });
    const nextConnection = (): ConnectionId => connections.nextId();
    this.#port = new QuorumPort({
      ...ports.quorum,
      log,
      nextConnection,
      onLearner: (connection) => intake.connected(connection),
    });
    this.#learners = new Learners({
      peer,
      inputs,
      port: this.#port,
      ownHistory,
      role,
      committed,
      cache,
      sources: parts.learnerSources,
      snapshotSizeFactor: parts.member.snapshotSizeFactor,
      snapshotBytes: parts.snapshotBytes,
      searchMsMax: (parts.member.initLimitTicks * parts.config.tickTimeMs) / 2,
    });
    const intake = new LearnerIntake({
      peer,
      inputs,
      connections,
      learners: this.#learners,
      ownHistory,
      appender,
      leaderRequests,
      role,
      committed,
    });
    this.#leaderLink = new LeaderLink({
      dialler: { ...ports.dialler, log, nextConnection },
      ensemble,
      peer,
      inputs,
      connections,
      ownHistory,
      appender,
      learnerRequests,
      role,
      touchTable: parts.touchTable,
    });
    appender.onTxn = (epoch, counter, bytes, start, length) =>
      cache.add(epoch, counter, bytes, start, length);
    appender.onEpochEnd = () => {
      if (peer.isLeading) inputs.later(() => peer.leaveLeading('the epoch has no more zxids'));
    };
  }

  #newPeer(): QuorumPeer {
    const { config, member, ensemble, disk, isDatabaseValid } = this.#parts;
    return new QuorumPeer({
      sid: config.serverId,
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
      history: disk.history,
      acceptedEpoch: disk.acceptedEpoch,
      currentEpoch: disk.currentEpoch,
      isDatabaseValid,
    });
  }

  #newInputs(): CoreInputs {
    return new CoreInputs({
      peer: this.peer,
      dropForgotten: () => this.#ownHistory.dropForgotten(),
      onTurnEnd: () => this.#ownHistory.publishIfIdle(),
      onWork: this.#parts.onWork,
      onFatal: this.#parts.onFatal,
    });
  }

  #electionEvents() {
    const { peer } = this;
    const inputs = this.#inputs;
    return {
      notification: (from: number, notification: Notification) =>
        inputs.take(() => peer.notification(from, notification)),
      voterReachable: (voter: number) => inputs.take(() => peer.voterReachable(voter)),
      voterUnreachable: (voter: number) => inputs.take(() => peer.voterUnreachable(voter)),
    };
  }

  /** Opens the ports between servers and begins to look for a leader. Rejects with PortError. */
  async start(): Promise<void> {
    await this.#port.open();
    await this.#election.open();
    this.#inputs.take(() => this.peer.start(monotonicMs()));
  }

  /** Closes ports and connections; nothing more is heard or said. */
  stop(reason: string): void {
    this.#inputs.stop();
    this.#parts.role.stop();
    this.#leaderLink.close(reason);
    this.#port.close(reason);
    this.#election.close();
  }

  /** Behind {@link stop}, when nothing is applied any more: settles when nothing of the member runs. */
  end(): Promise<void> {
    return this.#parts.learnerSources.stop();
  }

  // ── main's loop ──

  /** Hot path. Agreement: called in each turn of main's loop. */
  durable(epoch: number, counter: number): void {
    this.#ownHistory.durable(epoch, counter);
  }

  /** Shows the log worker and the learners what was queued. */
  publish(): void {
    this.#ownHistory.publish();
  }

  /** Main's loop has applied something. */
  progressed(): void {
    if (!this.#parts.disk.appender.hasRoom()) return;
    this.#leaderLink.releaseForRoom();
    this.#learners.releaseForRoom();
  }

  /**
   * The tree here has parted from that of the leader at some time: it is not shown to anybody any more, and a leader's snapshot
   * takes its place. Called from within the applying, which the core may have asked for.
   */
  diverged(): void {
    const reason = 'a snapshot of the leader is needed';
    this.#parts.role.abandonClients(reason);
    this.#inputs.later(() => this.peer.databaseLost(reason));
  }

  // ── what it is ──

  get ensemble(): Ensemble {
    return this.#parts.ensemble;
  }

  get role(): Role {
    return this.peer.role;
  }

  get isServing(): boolean {
    return this.peer.isServing;
  }

  get isLeading(): boolean {
    return this.peer.isLeading;
  }

  /** Whether clients can be connected now; a leader may be told to serve none. */
  get servesClients(): boolean {
    return this.isServing || this.#parts.role.acceptsClients;
  }

  /** As four-letter words name it; null while nobody can be served. */
  get mode(): 'leader' | 'follower' | 'observer' | 'read-only' | null {
    if (!this.isServing) return this.#parts.role.isReadOnly ? 'read-only' : null;
    const { role } = this;
    switch (role.kind) {
      case 'leading':
        return 'leader';
      case 'following':
        return 'follower';
      case 'observing':
        return 'observer';
      case 'looking':
        return null;
      default:
        throw new Error(`unknown role ${role satisfies never}`);
    }
  }

  /** For how long the present role has been served, in milliseconds. */
  get servesSinceMs(): number {
    return this.isServing ? monotonicMs() - this.#servedMs : 0;
  }

  /** As leader: those that follow, by sid. */
  get learnerSids(): number[] {
    return this.#learners.sids;
  }

  /** As leader: syncs of learners that wait for what was proposed before them. */
  get pendingSyncs(): number {
    return this.#learners.pendingSyncs;
  }

  /** As leader: the log behind this zxid is being sent to a learner, or will be; null while none is. */
  get neededFrom(): bigint | null {
    return this.#learners.neededFrom;
  }

  /** Packets for the leader; null while there is none, or before clients are served. */
  get toLeader(): PacketBatch | null {
    return this.isServing ? this.#leaderLink.outgoing : null;
  }

  // ── ZabOutput: election, roles ──

  notify(sid: number, notification: Notification): void {
    this.#election.notify(sid, notification);
  }

  reconnectElection(sids: readonly number[]): void {
    this.#election.reconnect(sids);
  }

  become(role: Role): void {
    this.#leaderLink.cancelDial();
    if (this.#hasLed) this.#ownHistory.forgetUnproposed();
    this.#parts.role.suspend(role, this.#hasLed);
    this.#hasLed = false;
  }

  serve(): void {
    const { role: present } = this.peer;
    const { role, disk } = this.#parts;
    this.#servedMs = monotonicMs();
    this.#hasLed = present.kind === 'leading';
    this.#ownHistory.beginEpoch();
    role.serve(present, this.committed);
    if (present.kind !== 'leading') return;
    disk.appender.lastProposed.set(present.epoch, 0);
    // The core takes no proposals from within its own call.
    this.#inputs.later(() => {
      if (this.isLeading) role.proposeAgain();
    });
  }

  dialLeader(leader: number): void {
    this.#leaderLink.dial(leader);
  }

  report(level: 'info' | 'warn', text: string): void {
    if (level === 'info') this.#parts.log.info(text);
    else this.#parts.log.warn('quorum connection', text);
  }

  commit(epoch: number, counter: number): void {
    this.committed.set(epoch, counter);
  }

  // ── ZabOutput: any connection ──

  send(connection: ConnectionId, packet: ImmediatePacket): void {
    const link = this.#connections.get(connection);
    if (link === undefined) return;
    if (packet.type === 'ping' && this.#leaderLink.is(link)) this.#leaderLink.ping(packet.zxid);
    else link.send(packet);
  }

  close(connection: ConnectionId, reason: string): void {
    this.#connections.close(connection, reason);
  }

  // ── ZabOutput: learners ──

  sendHistory(connection: ConnectionId, after: bigint, upTo: bigint, committed: boolean): void {
    this.#learners.sendHistory(connection, after, upTo, committed);
  }

  sendSnapshot(connection: ConnectionId): void {
    this.#learners.sendSnapshot(connection);
  }

  searchDisk(connection: ConnectionId, peerZxid: bigint): void {
    this.#learners.searchDisk(connection, peerZxid);
  }

  forwardProposals(connection: ConnectionId, first: number, last: number): void {
    this.#learners.forwardProposals(connection, first, last);
  }

  forwardCommits(connection: ConnectionId, first: number, last: number): void {
    this.#learners.forwardCommits(connection, first, last);
  }

  forwardInforms(connection: ConnectionId, first: number, last: number): void {
    this.#learners.forwardInforms(connection, first, last);
  }

  // ── ZabOutput: the own history ──

  append(epoch: number, counter: number): void {
    this.#ownHistory.append(epoch, counter);
  }

  storeAcceptedEpoch(epoch: number): void {
    this.#ownHistory.storeAcceptedEpoch(epoch);
  }

  storeCurrentEpoch(epoch: number): void {
    this.#ownHistory.storeCurrentEpoch(epoch);
  }

  truncate(connection: ConnectionId, zxid: bigint): void {
    this.#ownHistory.truncate(connection, zxid);
  }

  receiveSnapshot(connection: ConnectionId, zxid: bigint): void {
    this.#ownHistory.receiveSnapshot(connection, zxid);
  }

  sendAfterSync(connection: ConnectionId, packet: DurablePacket): void {
    this.#ownHistory.sendAfterSync(connection, packet);
  }

  acknowledgeAfterSync(connection: ConnectionId, first: number, last: number): void {
    this.#ownHistory.acknowledgeAfterSync(connection, first, last);
  }
}
