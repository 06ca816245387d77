import type { SendSource } from '../../src/quorum/send-queue.ts';
import type { ZnodeChange } from '../../src/ring/record-kind.ts';
import { CatchUp } from '../../src/server/catch-up.ts';
import type { SeeTxn } from '../../src/server/txn-cache.ts';
import { EpochFiles } from '../../src/storage/epoch-files.ts';
import type { FileSystem } from '../../src/storage/file-system.ts';
import type { LogSearch } from '../../src/storage/log-range.ts';
import type { TxnApplier } from '../../src/txn/apply.ts';
import { type DurableActs, DurableState } from '../../src/zab/durable-state.ts';
import type { ConnectionId, Role, ZabOutput } from '../../src/zab/output.ts';
import type { DurablePacket, ImmediatePacket, ReceivedPacket } from '../../src/zab/packet.ts';
import { QuorumPeer } from '../../src/zab/quorum-peer.ts';
import { diskBytesMax } from '../../src/zab/sync-choice.ts';
import type { Notification } from '../../src/zab/vote.ts';
import { counterOf, epochOf, zxidOf } from '../../src/zab/zxid.ts';
import { ClientService } from './client-service.ts';
import { DiskQueue } from './disk-queue.ts';
import { ElectionPort } from './election-port.ts';
import type { ScheduledEvent } from './event-queue.ts';
import { digestText, keyOf, keyText, type Ledger } from './ledger.ts';
import type { QuorumMessage } from './messages.ts';
import type { ConnectionEnd } from './network.ts';
import { type QuorumConnection, QuorumConnections } from './quorum-connections.ts';
import { type ReplicaOwner, SimReplica, toKey } from './replica.ts';
import type { SimServer } from './server.ts';
import type { LogTxn } from './sim-log.ts';
import { type RecoveredTxn, SimStorage, snapshotOf } from './storage.ts';
import { zxidText } from './trace.ts';

/** So many txns a learner takes at a time. */
const TXNS_PER_STEP = 3;
/** Calls that cutting a log makes. */
const CUT_CALLS = ['truncate', 'truncate', 'fsync', 'unlink', 'fsyncDirectory'] as const;
/** What a znode takes in a snapshot beside its path and data, about. */
const ZNODE_BYTES = 76;

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
  readonly #epochs: EpochFiles;
  readonly #durable: DurableState;
  readonly #disk: DiskQueue;
  readonly #election: ElectionPort;
  readonly #outputs: (() => void)[] = [];
  /** From where on the log was found for learners, and is to be read for them. */
  readonly #searched = new Map<ConnectionId, bigint>();
  #incoming: { readonly epoch: number; readonly counter: number; readonly entry: Uint8Array } | null = null;
  #appendUpTo: number;
  #timer: ScheduledEvent | null = null;
  #txnsSinceSnapshot = 0;
  #nextSnapshotAt: number;

  constructor(server: SimServer) {
    this.server = server;
    this.sid = server.sid;
    const { world } = server;
    const { options, queue } = world;
    this.ledger = world.ledger;
    // How long something took is not part of the run.
    const trace = (text: string): void => this.trace(text.replace(/ in \d+ ms/, ''));
    const log = { info: trace, warn: trace };
    this.storage = new SimStorage(this.#mount(), options, log);
    const recovered = this.storage.recover();
    const { lastZxidHigh, lastZxidLow, isFresh } = recovered.result;
    this.replica = new SimReplica(this, options.commitLogCount);
    this.replica.recovered(recovered);
    if (isFresh) this.storage.takeSnapshot(this.replica.database);
    this.#epochs = EpochFiles.load({
      fileSystem: this.storage.fileSystem,
      directory: this.storage.directory.snapshotDirectory,
      lastEpoch: lastZxidHigh,
      log,
    });
    const { acceptedEpoch, currentEpoch } = this.#epochs;
    this.storage.openLog(lastZxidHigh, lastZxidLow);
    this.#appendUpTo = keyOf(lastZxidHigh, lastZxidLow);
    server.recovered(this.#appendUpTo);
    this.trace(`recovered up to ${keyText(this.#appendUpTo)}, epochs ${acceptedEpoch} ${currentEpoch}`);
    this.#durable = new DurableState(this.#acts(), acceptedEpoch, currentEpoch);
    this.#disk = new DiskQueue(queue, server.random, options.diskDelayMs, (act) => this.turn(act));
    this.#nextSnapshotAt = this.#snapshotDistance();
    // As the server does, beside the service.
    if (options.fuzzySnapshots && recovered.result.txnsReplayed > 0) this.#snapshot();
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
    this.#disk.stop();
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
    this.#durable.append(txn.epoch, txn.counter);
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
    this.#outputs.push(() => this.#send(connection, packet));
  }

  #send(connection: ConnectionId, packet: ImmediatePacket | DurablePacket): void {
    const touched = packet.type === 'ping' ? this.clients.takeTouched() : [];
    this.connections.send(connection, { kind: 'packet', packet: asReceived(packet), touched });
  }

  close(connection: ConnectionId, reason: string): void {
    this.#outputs.push(() => {
      this.trace(`closes the connection to ${this.connections.nameOf(connection)}: ${reason}`);
      this.#durable.closed(connection);
      this.connections.close(connection, reason);
    });
  }

  connectionClosed(connection: ConnectionId, reason: string): void {
    this.#durable.closed(connection);
    this.peer.connectionClosed(connection, reason);
  }

  sendHistory(connection: ConnectionId, after: bigint, upTo: bigint, committed: boolean): void {
    this.#outputs.push(() => {
      const name = this.connections.nameOf(connection);
      this.trace(`sends (${zxidText(after)}, ${zxidText(upTo)}]${committed ? '' : ', proposed,'} to ${name}`);
      const link = this.connections.get(connection);
      if (link === undefined) return;
      const underWay = link.catchUp;
      const catchUp = underWay ?? this.#newCatchUp(link, after);
      link.catchUp = catchUp;
      if (committed) catchUp.commitUpTo(upTo);
      else catchUp.proposeUpTo(upTo);
      if (underWay === null) this.connections.sendSource(connection, catchUp);
    });
  }

  #newCatchUp(link: QuorumConnection, after: bigint): CatchUp {
    const { replica } = this;
    const { figures, options } = this.server.world;
    return new CatchUp(
      {
        cache: {
          get floor() {
            return replica.history.floor;
          },
          forEach: (from, upTo, see) => {
            if (from < replica.history.floor) throw new Error(`${zxidText(from)} is not in memory any more`);
            show(replica.log.between(toKey(from), toKey(upTo)), see);
          },
          forSome: (from, upTo, _bytesMax, see) => {
            const all = replica.log.between(toKey(from), toKey(upTo));
            const txns = options.streamStepMs === 0 ? all : all.slice(0, TXNS_PER_STEP);
            show(txns, see);
            const last = txns.at(-1);
            return last === undefined ? from : zxidOf(last.epoch, last.counter);
          },
        },
        sources: {
          log: (from, upTo) => {
            const [first, last] = [from, upTo].map(({ zxidHigh, zxidLow }) => zxidOf(zxidHigh, zxidLow));
            if (first !== after) figures.catchUpsFromDisk++;
            try {
              return logSource(this.#readLog(first, last), options.streamStepMs === 0);
            } catch (error) {
              // The log may begin behind a tree that was sent: then the learner begins anew.
              const { message } = error as Error;
              this.#later(() =>
                this.connections.fail(link.id, `what it was to get cannot be sent: ${message}`),
              );
              return { fill: () => 'later', cancel: () => {} };
            }
          },
        },
        durable: () => BigInt(this.replica.writtenKey),
        ready: () => {},
        failed: () => {},
        caughtUp: () => {
          link.catchUp = null;
        },
      },
      after,
    );
  }

  sendSnapshot(connection: ConnectionId): void {
    this.#outputs.push(() => {
      const zxid = this.replica.appliedZxid;
      this.server.world.figures.snapshotsSent++;
      this.trace(`sends a snapshot at ${zxidText(zxid)} to ${this.connections.nameOf(connection)}`);
      const link = this.connections.get(connection);
      if (link === undefined) return;
      this.connections.send(connection, { kind: 'packet', packet: { type: 'snap', zxid }, touched: [] });
      const file = SimStorage.snapshotBytes(this.replica.database);
      const pieces = piecesOf(file, Math.ceil(file.length / this.server.random.between(1, 4)));
      link.catchUp = this.#newCatchUp(link, zxid);
      const { line } = link;
      this.connections.sendSource(connection, {
        fill: () => {
          const bytes = pieces.shift();
          if (bytes !== undefined) line.now({ kind: 'snapshot', bytes, isLast: pieces.length === 0 });
          return pieces.length > 0 ? 'more' : 'end';
        },
        cancel: () => {},
      });
      this.connections.sendSource(connection, link.catchUp);
    });
  }

  searchDisk(connection: ConnectionId, peerZxid: bigint): void {
    this.#outputs.push(() => {
      const { world, random } = this.server;
      const { tree } = this.replica.database;
      const bytesMax = diskBytesMax(
        world.options.snapshotSizeFactor,
        tree.dataBytes + ZNODE_BYTES * tree.znodeCount,
      );
      const found: LogSearch =
        bytesMax === null
          ? { kind: 'none', why: 'it is not to be sent' }
          : this.storage.searchLog(peerZxid, this.replica.history.floor, bytesMax);
      this.trace(
        `searches its disk for ${zxidText(peerZxid)}: ${found.kind === 'none' ? found.why : 'found'}`,
      );
      if (found.kind !== 'none') {
        this.#searched.set(connection, zxidOf(found.base.zxidHigh, found.base.zxidLow));
      }
      // History goes on meanwhile.
      world.queue.after(random.pick([0.1, 1, 30]), () =>
        this.turn(() => {
          if (found.kind === 'none') this.peer.diskSearched(connection, found);
          else {
            const { zxidHigh, zxidLow } = found.base;
            this.peer.diskSearched(connection, { kind: 'found', base: zxidOf(zxidHigh, zxidLow) });
          }
          // By then it is read, or not wanted.
          this.#outputs.push(() => this.#searched.delete(connection));
        }),
      );
    });
  }

  get #neededFrom(): bigint | null {
    let least: bigint | null = null;
    for (const base of this.#searched.values()) if (least === null || base < least) least = base;
    const { neededFrom } = this.connections;
    return least === null || (neededFrom !== null && neededFrom < least) ? neededFrom : least;
  }

  /** What was in memory once is all on disk. */
  #readLog(after: bigint, upTo: bigint): RecoveredTxn[] {
    this.server.world.figures.logsSent++;
    return this.storage.readLog(after, upTo);
  }

  #later(action: () => void): void {
    this.server.world.queue.after(0.1, () => this.turn(action));
  }

  forwardProposals(connection: ConnectionId, first: number, last: number): void {
    this.#outputs.push(() => {
      const catchUp = this.connections.get(connection)?.catchUp;
      if (catchUp != null) {
        catchUp.proposeUpTo(this.#ownZxid(last));
        return;
      }
      for (const { epoch, counter, entry } of this.#ownTxns(first, last)) {
        this.connections.send(connection, { kind: 'proposal', epoch, counter, entry });
      }
    });
  }

  forwardCommits(connection: ConnectionId, first: number, last: number): void {
    this.#outputs.push(() => {
      const catchUp = this.connections.get(connection)?.catchUp;
      if (catchUp != null) {
        catchUp.commitUpTo(this.#ownZxid(last));
        return;
      }
      for (const { epoch, counter } of this.#ownTxns(first, last)) {
        this.connections.send(connection, { kind: 'commit', epoch, counter });
        this.connections.sendAnswers(connection, counter >>> 0);
      }
    });
  }

  forwardInforms(connection: ConnectionId, first: number, last: number): void {
    this.#outputs.push(() => {
      const catchUp = this.connections.get(connection)?.catchUp;
      if (catchUp != null) {
        catchUp.commitUpTo(this.#ownZxid(last));
        return;
      }
      for (const { epoch, counter, entry } of this.#ownTxns(first, last)) {
        this.connections.send(connection, { kind: 'inform', epoch, counter, entry });
        this.connections.sendAnswers(connection, counter >>> 0);
      }
    });
  }

  #ownZxid(counter: number): bigint {
    if (this.role.kind === 'looking') throw new Error('a server that looks for a leader forwards nothing');
    return zxidOf(this.role.epoch, counter);
  }

  #ownTxns(first: number, last: number): LogTxn[] {
    if (this.role.kind === 'looking') throw new Error('a server that looks for a leader forwards nothing');
    const { epoch } = this.role;
    const txns = this.replica.log.between(keyOf(epoch, first) - 1, keyOf(epoch, last));
    if (txns.length === (last >>> 0) - (first >>> 0) + 1) return txns;
    throw new Error(`txns ${first} to ${last} of epoch ${epoch} are not all at hand`);
  }

  // ── ZabOutput: durable ──

  sendAfterSync(connection: ConnectionId, packet: DurablePacket): void {
    this.#outputs.push(() => this.#durable.sendAfterSync(connection, packet));
  }

  acknowledgeAfterSync(connection: ConnectionId, first: number, last: number): void {
    this.#outputs.push(() => this.#durable.acknowledgeAfterSync(connection, first, last));
  }

  storeAcceptedEpoch(epoch: number): void {
    this.#outputs.push(() => this.#durable.storeAcceptedEpoch(epoch));
  }

  storeCurrentEpoch(epoch: number): void {
    this.#outputs.push(() => this.#durable.storeCurrentEpoch(epoch));
  }

  /** The bytes are taken at once: what comes in next has others. */
  append(epoch: number, counter: number): void {
    const incoming = this.#incoming;
    if (incoming === null || incoming.epoch !== epoch || incoming.counter !== counter) {
      throw new Error(`${keyText(keyOf(epoch, counter))} is to be appended, but other bytes are at hand`);
    }
    this.#outputs.push(() => {
      this.replica.log.append(epoch, counter, incoming.entry);
      this.#durable.append(epoch, counter);
      if (this.server.world.breaks('applies proposals')) this.replica.commit(epoch, counter);
    });
  }

  truncate(connection: ConnectionId, zxid: bigint): void {
    this.connections.hold(connection);
    this.#outputs.push(() => this.#durable.truncate(connection, zxid));
  }

  receiveSnapshot(connection: ConnectionId, zxid: bigint): void {
    this.connections.hold(connection);
    this.#outputs.push(() => this.#durable.receiveSnapshot(connection, zxid));
  }

  // ── ZabOutput: replica ──

  commit(epoch: number, counter: number): void {
    const apply = (): void => {
      this.replica.commit(epoch, counter);
      this.#snapshotIfDue();
    };
    this.#outputs.push(() => {
      const { world } = this.server;
      // To be behind is no sin; to take clients who have seen more is one.
      const lags = world.breaks('takes clients back in time') && this.isServing && this.sid === 1;
      if (lags && this.role.kind !== 'leading') world.queue.after(1_000, () => this.turn(apply));
      else apply();
    });
  }

  // ── the disk ──

  #acts(): DurableActs {
    return {
      append: (epoch, counter) => {
        this.#appendUpTo = keyOf(epoch, counter);
        this.#disk.appendsWait(() => this.#writeLog());
      },
      storeAcceptedEpoch: (epoch) =>
        this.#disk.add(() => {
          if (!this.server.world.breaks('forgets epochs')) this.#epochs.storeAcceptedEpoch(epoch);
          this.#durable.acceptedEpochStored(epoch);
          this.peer.acceptedEpochStored(epoch);
        }),
      storeCurrentEpoch: (epoch) =>
        this.#disk.add(() => {
          if (!this.server.world.breaks('forgets epochs')) this.#epochs.storeCurrentEpoch(epoch);
          this.#durable.currentEpochStored(epoch);
          this.peer.currentEpochStored(epoch);
        }),
      truncate: (connection, zxid) => this.#disk.add(() => this.#truncate(connection, zxid)),
      receiveSnapshot: (connection, zxid) => this.#disk.add(() => this.#install(connection, zxid)),
      send: (connection, packet) => this.#send(connection, packet),
      acknowledge: (connection, epoch, first, last) => {
        for (let counter = first; counter <= last; counter++) {
          this.connections.send(connection, { kind: 'ack', epoch, counter: counter | 0 });
        }
      },
    };
  }

  #writeLog(): void {
    const txns = this.replica.log.between(this.replica.writtenKey, this.#appendUpTo);
    const last = txns.at(-1);
    if (last === undefined) return;
    for (const { epoch, counter, entry } of txns) this.storage.append(epoch, counter, entry);
    this.storage.sync();
    this.replica.writtenKey = last.key;
    if (!this.server.world.breaks('acknowledges unsynced txns')) this.server.durableKey = last.key;
    this.#durable.durable(last.epoch, last.counter);
    this.peer.durable(last.epoch, last.counter);
  }

  #truncate(connection: ConnectionId, zxid: bigint): void {
    const { replica, server } = this;
    const { history } = replica;
    const last = history.preceding(zxid) ?? zxid;
    server.world.figures.truncations++;
    // From the first byte on that goes, nothing behind counts as durable.
    const { durableKey } = server;
    server.durableKey = Math.min(durableKey, toKey(last));
    const { cutErrors } = server.world.options;
    const fails = server.world.hasFaults && cutErrors > 0 && server.random.chance(cutErrors);
    if (fails) server.failNext(server.random.pick(CUT_CALLS));
    const outcome = this.storage.truncate(epochOf(last), counterOf(last));
    server.failNext(null);
    if (outcome.kind === 'impossible') {
      this.trace(`cannot cut its log at ${zxidText(last)}: ${outcome.reason}`);
      server.world.figures.impossibleCuts++;
      server.durableKey = durableKey;
      this.storage.openLog(history.lastEpoch, history.lastCounter);
      this.#historyReplaced(connection, outcome.isDamaged ? -1n : history.last);
      return;
    }
    this.trace(`cuts its log at ${zxidText(last)}`);
    replica.log.truncate(toKey(last));
    if (toKey(last) < replica.appliedKey) this.#rebuild();
    this.storage.openLog(epochOf(last), counterOf(last));
    this.replica.writtenKey = this.#appendUpTo = toKey(last);
    this.#historyReplaced(connection, last);
  }

  /** The tree was ahead of what is left: it is made again of what is on disk. */
  #rebuild(): void {
    const { database } = this.replica;
    this.replica.use(database, this.storage.rebuild(database));
    this.clients.replicaReplaced('the log was cut behind what was applied');
  }

  #install(connection: ConnectionId, zxid: bigint): void {
    const pieces: Uint8Array[] = [];
    this.connections.takeSnapshot(connection, {
      piece: (bytes, isLast) => {
        pieces.push(bytes);
        if (isLast) this.#installed(connection, zxid, Buffer.concat(pieces));
      },
      brokeOff: () => {
        this.trace(`the snapshot broke off after ${pieces.length} pieces`);
        this.server.world.figures.snapshotsBroken += Math.sign(pieces.length);
        this.#historyReplaced(connection, this.replica.history.last);
      },
    });
  }

  #installed(connection: ConnectionId, zxid: bigint, file: Uint8Array): void {
    const { database } = this.replica;
    // Until the new database has taken over, nothing is there for certain.
    this.server.durableKey = 0;
    this.replica.use(database, this.storage.install(file, epochOf(zxid), counterOf(zxid), database));
    this.replica.log.clear();
    this.storage.openLog(epochOf(zxid), counterOf(zxid));
    this.replica.writtenKey = this.#appendUpTo = this.server.durableKey = toKey(zxid);
    this.clients.replicaReplaced('a snapshot took the place of the history');
    this.trace(`has the snapshot at ${zxidText(zxid)}`);
    this.#historyReplaced(connection, zxid);
  }

  #historyReplaced(connection: ConnectionId, last: bigint): void {
    this.#durable.historyReplaced(connection);
    this.peer.historyReplaced(connection, last);
    // What the connection has sent meanwhile comes behind the outputs of this.
    this.#outputs.push(() => this.#later(() => this.connections.release(connection)));
  }

  #snapshotDistance(): number {
    const { snapCount } = this.server.world.options;
    return this.server.random.between(snapCount >> 1, snapCount);
  }

  #snapshotIfDue(): void {
    if (this.#txnsSinceSnapshot < this.#nextSnapshotAt) return;
    this.#txnsSinceSnapshot = 0;
    this.#nextSnapshotAt = this.#snapshotDistance();
    this.#snapshot();
  }

  #snapshot(): void {
    const { options, figures } = this.server.world;
    figures.snapshots++;
    const { database } = this.replica;
    const isAhead = !this.replica.isExact;
    const begun = options.fuzzySnapshots ? { ...snapshotOf(database), isAhead } : undefined;
    this.#disk.add(() => {
      // Something has replaced the tree meanwhile: the server would have waited with that.
      if (begun !== undefined && begun.generation !== database.tree.generation) return;
      this.trace(`takes a snapshot at ${keyText(this.replica.appliedKey)}`);
      this.storage.takeSnapshot(database, begun);
      if (options.purgeRetain > 0)
        figures.purged += this.storage.purge(options.purgeRetain, this.#neededFrom);
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
    this.#txnsSinceSnapshot++;
    this.clients.applied(txn, applier, reply);
  }
}

function show(txns: readonly RecoveredTxn[], see: SeeTxn): void {
  for (const { epoch, counter, entry } of txns) see(epoch, counter, entry, 0, entry.length);
}

/** What was read of the log, as PROPOSAL and COMMIT. */
function logSource(txns: RecoveredTxn[], isAtOnce: boolean): SendSource {
  return {
    fill: (target) => {
      for (const { epoch, counter, entry } of txns.splice(0, isAtOnce ? txns.length : TXNS_PER_STEP)) {
        target.proposal(epoch, counter, entry, 0, entry.length);
        target.commits(epoch, counter, counter);
      }
      return txns.length > 0 ? 'more' : 'end';
    },
    cancel: () => {},
  };
}

function piecesOf(bytes: Uint8Array, pieceBytes: number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes) pieces.push(bytes.subarray(at, at + pieceBytes));
  return pieces;
}

function roleText(role: Role): string {
  switch (role.kind) {
    case 'looking':
      return 'looking';
    case 'leading':
      return `leader of epoch ${role.epoch}`;
    case 'following':
    case 'observing':
      return `${role.kind} ${role.leader} in epoch ${role.epoch}`;
  }
}

function notificationText({ vote, round, state }: Notification): string {
  const text = vote === null ? 'nobody' : `${vote.leader} (${vote.peerEpoch}, ${zxidText(vote.zxid)})`;
  return `${['looking', 'following', 'leading', 'observing'][state]}, votes for ${text} in round ${round}`;
}

function packetText(packet: ReceivedPacket): string {
  const { type, ...rest } = packet;
  const fields = Object.entries(rest)
    .filter(([key]) => key !== 'config')
    .map(([key, value]) => `${key} ${typeof value === 'bigint' && value >= 0n ? zxidText(value) : value}`);
  return [type, ...fields].join(' ');
}

/** As it is when it has gone over the wire. */
function asReceived(packet: ImmediatePacket | DurablePacket): ReceivedPacket {
  return packet.type === 'learnerInfo' ? { ...packet, protocolVersion: 0x10000 } : packet;
}
