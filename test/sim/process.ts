import type { ZnodeChange } from '../../src/ring/record-kind.ts';
import type { FileSystem } from '../../src/storage/file-system.ts';
import type { TxnApplier } from '../../src/txn/apply.ts';
import type { ConnectionId, Role, ZabOutput } from '../../src/zab/output.ts';
import type { DurablePacket, ImmediatePacket, ReceivedPacket } from '../../src/zab/packet.ts';
import { QuorumPeer } from '../../src/zab/quorum-peer.ts';
import type { Notification } from '../../src/zab/vote.ts';
import { ClientService } from './client-service.ts';
import { ElectionPort } from './election-port.ts';
import type { ScheduledEvent } from './event-queue.ts';
import { digestText, keyOf, keyText, type Ledger } from './ledger.ts';
import type { QuorumMessage } from './messages.ts';
import type { ConnectionEnd } from './network.ts';
import { ProcessHistory } from './process-history.ts';
import { ProcessLearners } from './process-learners.ts';
import { type QuorumConnection, QuorumConnections } from './quorum-connections.ts';
import { type ReplicaOwner, SimReplica } from './replica.ts';
import type { SimServer } from './server.ts';
import type { LogTxn } from './sim-log.ts';
import { SimStorage } from './storage.ts';
import { notificationText, packetText, roleText } from './trace-text.ts';

/**
 * One life of a simulated server, from its start to its death: the runtime around the core. It carries out the core's
 * outputs one after another; between any two of them, and at any file call, it may die.
 */
export class SimProcess implements ZabOutput, ReplicaOwner {
  readonly server: SimServer;
  readonly sid: number;
  readonly ledger: Ledger;
  isAlive = true;
  isServing = false;
  role: Role = { kind: 'looking' };
  readonly peer: QuorumPeer;
  readonly replica: SimReplica;
  readonly clients: ClientService;
  readonly connections: QuorumConnections;
  readonly storage: SimStorage;
  readonly learners: ProcessLearners;
  /** For what runs as in a server; how long something took is not part of the run. */
  readonly log = {
    info: (text: string): void => this.trace(text.replace(/ in \d+ ms/, '')),
    warn: (text: string): void => this.trace(text.replace(/ in \d+ ms/, '')),
  };
  readonly #history: ProcessHistory;
  readonly #election: ElectionPort;
  readonly #outputs: (() => void)[] = [];
  #incoming: { readonly epoch: number; readonly counter: number; readonly entry: Uint8Array } | null = null;
  #timer: ScheduledEvent | null = null;

  constructor(server: SimServer) {
    this.server = server;
    this.sid = server.sid;
    const { world } = server;
    const { options, queue } = world;
    this.ledger = world.ledger;
    this.storage = new SimStorage(this.#mount(), options, this.log);
    const recovered = this.storage.recover();
    const { lastZxidHigh, lastZxidLow, isFresh } = recovered.result;
    this.replica = new SimReplica(this, options.commitLogCount);
    this.replica.recovered(recovered);
    if (isFresh) this.storage.takeSnapshot(this.replica.database);
    this.learners = new ProcessLearners(this);
    this.#history = new ProcessHistory(this, lastZxidHigh, lastZxidLow);
    const { acceptedEpoch, currentEpoch } = this.#history;
    // As the server does, beside the service.
    if (options.fuzzySnapshots && recovered.result.txnsReplayed > 0) this.#history.snapshot();
    this.connections = new QuorumConnections(this);
    this.clients = new ClientService(this);
    this.peer = new QuorumPeer({
      sid: this.sid,
      ensemble: world.ensemble,
      isObserver: server.isObserver,
      tickTimeMs: options.tickTimeMs,
      initLimitTicks: options.initLimitTicks,
      syncLimitTicks: options.syncLimitTicks,
      connectToLearnerMasterLimitTicks: 0,
      minNotificationIntervalMs: 200,
      maxNotificationIntervalMs: 2_000,
      forceSnapshotSync: options.forceSnapshotSync,
      output: this,
      history: this.replica.history,
      acceptedEpoch,
      currentEpoch,
      isDatabaseValid: true,
    });
    this.#election = new ElectionPort(
      {
        sid: this.sid,
        host: server,
        turn: (action) => this.turn(action),
        notification: (from, notification) => {
          if (world.trace.isOn) this.trace(`hears from ${from}: ${notificationText(notification)}`);
          this.peer.notification(from, notification);
        },
        reachable: (sid) => this.peer.voterReachable(sid),
        unreachable: (sid) => this.peer.voterUnreachable(sid),
      },
      queue,
      world.network,
      server.random,
      server.electionPeers(),
    );
  }

  /** The disk; one that does not do what it says, if the run is to show that this is noticed. */
  #mount(): FileSystem {
    const { server } = this;
    const { world } = server;
    const fileSystem = server.mount();
    if (world.breaks('acknowledges unsynced txns') || world.breaks('has a disk that lies')) {
      return { ...fileSystem, fdatasync: () => {} };
    }
    if (!world.breaks('trusts the page cache')) return fileSystem;
    const logs = new Set<number>();
    return {
      ...fileSystem,
      open: (path, flags) => {
        const fd = fileSystem.open(path, flags);
        if (path.includes('/log.') && flags === 'r+') logs.add(fd);
        return fd;
      },
      // Recovery's syncs come before the process is the server's.
      fsync: (fd) => {
        if (server.process === this || !logs.has(fd)) fileSystem.fsync(fd);
      },
    };
  }

  start(): void {
    this.server.whenRunning(this, () => {
      this.peer.start(this.nowMs());
      this.#drain();
      this.#scheduleDeadline();
    });
    if (!this.isAlive) return;
    this.#election.start();
    this.clients.start();
  }

  /** Nothing of this process happens any more. */
  end(): void {
    this.isAlive = false;
    this.#election.stop();
    this.#history.stop();
    this.server.world.queue.cancel(this.#timer);
  }

  nowMs(): number {
    return this.server.monotonicMs();
  }

  trace(text: string): void {
    this.server.world.trace.add(this.server.name, text);
  }

  /** One input and all that follows of it. While the process stands still it waits; when it is dead it never happens. */
  turn(action: () => void): void {
    this.server.whenRunning(this, () => {
      this.peer.advance(this.nowMs());
      this.#drain();
      action();
      this.#drain();
      this.clients.flush();
      this.#scheduleDeadline();
    });
  }

  /** The core's next output: done behind those before it. */
  output(act: () => void): void {
    this.#outputs.push(act);
  }

  /** Soon, in a turn of its own. */
  later(action: () => void): void {
    this.server.world.queue.after(0.1, () => this.turn(action));
  }

  #drain(): void {
    for (let output = this.#outputs.shift(); output !== undefined; output = this.#outputs.shift()) {
      this.server.crashPoint();
      output();
    }
  }

  #scheduleDeadline(): void {
    const { queue } = this.server.world;
    queue.cancel(this.#timer);
    const atMs = this.peer.nextDeadlineMs;
    if (atMs === Number.POSITIVE_INFINITY) return;
    this.#timer = queue.at(this.server.simulatedMs(atMs), () => this.turn(() => {}));
  }

  // ── what comes in ──

  acceptElection(end: ConnectionEnd, from: number): boolean {
    return this.#election.accept(end, from);
  }

  /** A message of the quorum port, in its connection's order. */
  received(connection: QuorumConnection, message: QuorumMessage): void {
    const { id } = connection;
    this.peer.heard(id);
    switch (message.kind) {
      case 'packet':
        this.#receivedPacket(connection, message);
        break;
      case 'proposal':
        this.#incoming = message;
        this.peer.proposal(id, message.epoch, message.counter);
        break;
      case 'inform':
        this.#incoming = message;
        this.peer.informed(id, message.epoch, message.counter);
        break;
      case 'commit':
        this.peer.committed(id, message.epoch, message.counter);
        break;
      case 'ack':
        this.peer.acknowledged(id, message.epoch, message.counter);
        break;
      case 'snapshot':
        break;
      default:
        this.clients.received(connection, message);
    }
  }

  #receivedPacket(
    connection: QuorumConnection,
    { packet, touched }: QuorumMessage & { kind: 'packet' },
  ): void {
    if (packet.type !== 'ping' && this.server.world.trace.isOn) {
      this.trace(`gets ${packetText(packet)} from ${connection.end.peer.host.name}`);
    }
    if (packet.type === 'learnerInfo') connection.sid = packet.sid;
    if (packet.type === 'ping') this.clients.heardOf(touched);
    this.peer.received(connection.id, packet);
  }

  /** A txn that this server has made as the leader is in its log. */
  proposed(txn: LogTxn): void {
    this.replica.log.append(txn.epoch, txn.counter, txn.entry, txn.admittedBytes);
    this.#history.durable.append(txn.epoch, txn.counter);
    this.peer.proposed(txn.epoch, txn.counter);
  }

  // ── ZabOutput: election, roles ──

  notify(sid: number, notification: Notification): void {
    this.#outputs.push(() => this.#election.notify(sid, notification));
  }

  reconnectElection(sids: readonly number[]): void {
    this.#outputs.push(() => this.#election.reconnect(sids));
  }

  become(role: Role): void {
    this.#outputs.push(() => {
      this.trace(`becomes ${roleText(role)}`);
      this.isServing = false;
      this.role = role;
      this.clients.suspended();
      this.connections.forgetDial();
    });
  }

  serve(): void {
    this.#outputs.push(() => {
      const { tree } = this.replica.database;
      this.trace(`serves at ${keyText(this.replica.appliedKey)} as ${roleText(this.role)}`);
      this.server.world.figures.serves++;
      this.replica.isExact = true;
      if (this.role.kind === 'leading') this.ledger.leads(this.sid, this.role.epoch);
      // What a leader has recovered is committed by the quorum that follows it, without a commit of its own.
      this.ledger.committed(this.sid, tree.lastZxidHigh, tree.lastZxidLow);
      this.ledger.compare(
        this.sid,
        this.replica.appliedKey,
        digestText(tree.treeDigestHigh, tree.treeDigestLow),
      );
      this.clients.served();
    });
  }

  dialLeader(leader: number): void {
    this.#outputs.push(() => this.connections.dial(leader));
  }

  report(level: 'info' | 'warn', text: string): void {
    this.#outputs.push(() => this.trace(`${level}: ${text}`));
  }

  // ── ZabOutput: quorum port ──

  send(connection: ConnectionId, packet: ImmediatePacket): void {
    this.#outputs.push(() => this.sendPacket(connection, packet));
  }

  /** Sends a packet now. */
  sendPacket(connection: ConnectionId, packet: ImmediatePacket | DurablePacket): void {
    const touched = packet.type === 'ping' ? this.clients.takeTouched() : [];
    this.connections.send(connection, { kind: 'packet', packet: asReceived(packet), touched });
  }

  close(connection: ConnectionId, reason: string): void {
    this.#outputs.push(() => {
      this.trace(`closes the connection to ${this.connections.nameOf(connection)}: ${reason}`);
      this.#history.durable.closed(connection);
      this.connections.close(connection, reason);
    });
  }

  connectionClosed(connection: ConnectionId, reason: string): void {
    this.#history.durable.closed(connection);
    this.peer.connectionClosed(connection, reason);
  }

  sendHistory(connection: ConnectionId, after: bigint, upTo: bigint, committed: boolean): void {
    this.#outputs.push(() => this.learners.sendHistory(connection, after, upTo, committed));
  }

  sendSnapshot(connection: ConnectionId): void {
    this.#outputs.push(() => this.learners.sendSnapshot(connection));
  }

  searchDisk(connection: ConnectionId, peerZxid: bigint): void {
    this.#outputs.push(() => this.learners.searchDisk(connection, peerZxid));
  }

  forwardProposals(connection: ConnectionId, first: number, last: number): void {
    this.#outputs.push(() => this.learners.forwardProposals(connection, first, last));
  }

  forwardCommits(connection: ConnectionId, first: number, last: number): void {
    this.#outputs.push(() => this.learners.forwardCommits(connection, first, last));
  }

  forwardInforms(connection: ConnectionId, first: number, last: number): void {
    this.#outputs.push(() => this.learners.forwardInforms(connection, first, last));
  }

  // ── ZabOutput: durable ──

  sendAfterSync(connection: ConnectionId, packet: DurablePacket): void {
    this.#outputs.push(() => this.#history.durable.sendAfterSync(connection, packet));
  }

  acknowledgeAfterSync(connection: ConnectionId, first: number, last: number): void {
    this.#outputs.push(() => this.#history.durable.acknowledgeAfterSync(connection, first, last));
  }

  storeAcceptedEpoch(epoch: number): void {
    this.#outputs.push(() => this.#history.durable.storeAcceptedEpoch(epoch));
  }

  storeCurrentEpoch(epoch: number): void {
    this.#outputs.push(() => this.#history.durable.storeCurrentEpoch(epoch));
  }

  /** The bytes are taken at once: what comes in next has others. */
  append(epoch: number, counter: number): void {
    const incoming = this.#incoming;
    if (incoming === null || incoming.epoch !== epoch || incoming.counter !== counter) {
      throw new Error(`${keyText(keyOf(epoch, counter))} is to be appended, but other bytes are at hand`);
    }
    this.#outputs.push(() => {
      this.replica.log.append(epoch, counter, incoming.entry);
      this.#history.durable.append(epoch, counter);
      if (this.server.world.breaks('applies proposals')) this.replica.commit(epoch, counter);
    });
  }

  truncate(connection: ConnectionId, zxid: bigint): void {
    this.connections.hold(connection);
    this.#outputs.push(() => this.#history.durable.truncate(connection, zxid));
  }

  receiveSnapshot(connection: ConnectionId, zxid: bigint): void {
    this.connections.hold(connection);
    this.#outputs.push(() => this.#history.durable.receiveSnapshot(connection, zxid));
  }

  // ── ZabOutput: replica ──

  commit(epoch: number, counter: number): void {
    const apply = (): void => {
      this.replica.commit(epoch, counter);
      this.#history.snapshotIfDue();
    };
    this.#outputs.push(() => {
      const { world } = this.server;
      // To be behind is no sin; to take clients who have seen more is one.
      const lags = world.breaks('takes clients back in time') && this.isServing && this.sid === 1;
      if (lags && this.role.kind !== 'leading') world.queue.after(1_000, () => this.turn(apply));
      else apply();
    });
  }

  // ── ReplicaOwner ──

  znodeChanged(
    change: ZnodeChange,
    bytes: Uint8Array,
    start: number,
    length: number,
    applier: TxnApplier,
  ): void {
    const { world, random } = this.server;
    if (world.breaks('loses watch events') && random.chance(0.05)) return;
    this.clients.znodeChanged(change, bytes, start, length, applier);
  }

  sessionCreated(idHigh: number, idLow: number): void {
    this.clients.sessionCreated(idHigh, idLow);
  }

  sessionClosed(idHigh: number, idLow: number): void {
    this.clients.sessionClosed(idHigh, idLow);
  }

  applied(txn: LogTxn, applier: TxnApplier, reply: Uint8Array): void {
    this.#history.applied();
    this.clients.applied(txn, applier, reply);
  }
}

/** As it is when it has gone over the wire. */
function asReceived(packet: ImmediatePacket | DurablePacket): ReceivedPacket {
  return packet.type === 'learnerInfo' ? { ...packet, protocolVersion: 0x10000 } : packet;
}
