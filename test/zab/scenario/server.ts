import { DurableState } from '../../../src/zab/durable-state.ts';
import type { Ensemble } from '../../../src/zab/ensemble.ts';
import { History } from '../../../src/zab/history.ts';
import type { ConnectionId, Role, ZabOutput } from '../../../src/zab/output.ts';
import type { DurablePacket, ImmediatePacket } from '../../../src/zab/packet.ts';
import { QuorumPeer } from '../../../src/zab/quorum-peer.ts';
import type { Notification } from '../../../src/zab/vote.ts';
import { counterOf, epochOf, zxidOf } from '../../../src/zab/zxid.ts';
import type { Message, Txn } from './messages.ts';
import { zxidText } from './zxid-text.ts';

/** What survives a crash. */
export interface Disk {
  acceptedEpoch: number;
  currentEpoch: number;
  /** The snapshot that the log goes on from. */
  tree: Txn[];
  treeZxid: bigint;
  log: Txn[];
  isValid: boolean;
}

export interface ServerSettings {
  readonly ensemble: Ensemble;
  readonly isObserver: boolean;
  readonly tickTimeMs: number;
  readonly initLimitTicks: number;
  readonly syncLimitTicks: number;
  readonly forceSnapshotSync: boolean;
  /** How many txns of the log a server has in memory after its start. */
  readonly memory: number;
}

/** What a server needs of the cluster around it. */
export interface Surroundings {
  trace(line: string): void;
  notify(from: number, to: number, notification: Notification): void;
  dial(from: number, to: number): void;
  post(from: number, connection: ConnectionId, message: Message): void;
  close(from: number, connection: ConnectionId, reason: string): void;
  isOpen(from: number, connection: ConnectionId): boolean;
  /** The tree that a SNAP on this connection has brought. */
  takeTree(connection: ConnectionId): readonly Txn[];
  committed(sid: number, before: bigint, txn: Txn): void;
  leads(sid: number, epoch: number): void;
}

interface Task {
  readonly text: string;
  run(): void;
}

/**
 * A server of a scenario: the real core and its queue to the disk, with a disk, a log and a replica in memory. What the disk
 * is told to do becomes a task, which the script lets happen.
 */
export class ScenarioServer implements ZabOutput {
  readonly sid: number;
  readonly disk: Disk;
  readonly tasks: Task[] = [];
  peer: QuorumPeer | null = null;
  /** What the replica shows. */
  applied: Txn[] = [];
  /** The connection whose packets wait. */
  blocked: ConnectionId | null = null;
  /** The leader's word alone stands behind what is applied now. */
  commitsEarly = false;
  readonly #settings: ServerSettings;
  readonly #world: Surroundings;
  #durable: DurableState | null = null;
  /** The log with what is not written yet. */
  #log: Txn[] = [];
  /** So much of it may be written. */
  #writable = 0;
  /** The txn that is being handed in. */
  #atHand: Txn | null = null;
  #contents = 0;
  #run = 0;

  constructor(sid: number, settings: ServerSettings, world: Surroundings, disk: Disk) {
    this.sid = sid;
    this.#settings = settings;
    this.#world = world;
    this.disk = disk;
  }

  get log(): readonly Txn[] {
    return this.peer === null ? this.disk.log : this.#log;
  }

  start(nowMs: number): void {
    const { disk } = this;
    const { memory, ensemble, ...settings } = this.#settings;
    this.#run++;
    this.#log = [...disk.log];
    this.#writable = this.#log.length;
    this.applied = disk.isValid ? [...disk.tree, ...disk.log] : [];
    const kept = memory === 0 ? [] : disk.log.slice(-memory);
    const before = disk.log.at(disk.log.length - kept.length - 1) ?? null;
    const floor = kept.length === disk.log.length || before === null ? disk.treeZxid : before.zxid;
    const history = new History(disk.isValid ? floor : 0n);
    if (disk.isValid) for (const { zxid } of kept) history.append(epochOf(zxid), counterOf(zxid));
    this.#durable = new DurableState(this.#acts(), disk.acceptedEpoch, disk.currentEpoch);
    this.peer = new QuorumPeer({
      ...settings,
      sid: this.sid,
      ensemble,
      connectToLearnerMasterLimitTicks: 0,
      minNotificationIntervalMs: 200,
      maxNotificationIntervalMs: 60_000,
      output: this,
      history,
      acceptedEpoch: disk.acceptedEpoch,
      currentEpoch: disk.currentEpoch,
      isDatabaseValid: disk.isValid,
    });
    this.peer.start(nowMs);
  }

  /** Ends without warning. Of what was appended and not synced, `kept` txns happen to be on the disk. */
  crash(kept: number): void {
    const unsynced = this.#log.slice(this.disk.log.length, this.#writable);
    this.disk.log.push(...unsynced.slice(0, kept));
    this.peer = null;
    this.#durable = null;
    this.tasks.length = 0;
    this.blocked = null;
    this.#atHand = null;
  }

  /** Lets the disk do the next thing. */
  runTask(): void {
    const task = this.tasks.shift();
    if (task === undefined) throw new Error(`the disk of server ${this.sid} has nothing to do`);
    this.#world.trace(`${this.sid} ${task.text}`);
    task.run();
  }

  /** The leader proposes so many txns, in one batch. */
  propose(count: number): void {
    const { role } = this.peer!;
    if (role.kind !== 'leading' || !this.peer!.isServing) throw new Error(`server ${this.sid} does not lead`);
    const last = this.#log.at(-1)?.zxid ?? this.disk.treeZxid;
    const from = epochOf(last) === role.epoch ? counterOf(last) >>> 0 : 0;
    for (let counter = from + 1; counter <= from + count; counter++) {
      const content = `${this.sid}/${this.#run}/${++this.#contents}`;
      this.#log.push({ zxid: zxidOf(role.epoch, counter), content });
    }
    this.#durable!.append(role.epoch, from + count);
    this.peer!.proposed(role.epoch, from + count);
  }

  /** A message has arrived. */
  deliver(connection: ConnectionId, message: Message): void {
    const peer = this.peer!;
    switch (message.kind) {
      case 'packet': {
        const { packet } = message;
        peer.received(
          connection,
          packet.type === 'learnerInfo' ? { ...packet, protocolVersion: 0x10000 } : packet,
        );
        return;
      }
      case 'snap':
        peer.received(connection, { type: 'snap', zxid: message.zxid });
        return;
      case 'proposal':
      case 'inform': {
        const { zxid } = message.txn;
        this.#atHand = message.txn;
        peer.heard(connection);
        if (message.kind === 'proposal') peer.proposal(connection, epochOf(zxid), counterOf(zxid));
        else peer.informed(connection, epochOf(zxid), counterOf(zxid));
        this.#atHand = null;
        return;
      }
      case 'commit':
        peer.heard(connection);
        peer.committed(connection, epochOf(message.zxid), counterOf(message.zxid));
        return;
      case 'ack':
        peer.heard(connection);
        peer.acknowledged(connection, epochOf(message.zxid), counterOf(message.zxid));
        return;
      case 'closed':
        this.#durable!.closed(connection);
        peer.connectionClosed(connection, message.reason);
        return;
      default:
        throw new Error(`unknown message ${message satisfies never}`);
    }
  }

  // ── ZabOutput ──

  notify(sid: number, notification: Notification): void {
    this.#world.notify(this.sid, sid, notification);
  }

  reconnectElection(): void {}

  become(role: Role): void {
    const leader = 'leader' in role ? ` ${role.leader}` : '';
    this.#say(`is ${role.kind}${leader}${'epoch' in role ? ` in epoch ${role.epoch}` : ''}`);
  }

  serve(): void {
    this.commitsEarly = false;
    const { role } = this.peer!;
    if (role.kind === 'leading') this.#world.leads(this.sid, role.epoch);
    this.#say('serves');
  }

  dialLeader(leader: number): void {
    this.#world.dial(this.sid, leader);
  }

  report(level: 'info' | 'warn', text: string): void {
    this.#say(`${level}: ${text}`);
  }

  send(connection: ConnectionId, packet: ImmediatePacket): void {
    this.#world.post(this.sid, connection, { kind: 'packet', packet });
  }

  close(connection: ConnectionId, reason: string): void {
    this.#durable!.closed(connection);
    this.#say(`closes: ${reason}`);
    this.#world.close(this.sid, connection, reason);
  }

  sendHistory(connection: ConnectionId, after: bigint, upTo: bigint, committed: boolean): void {
    if (after < this.disk.treeZxid) throw new Error(`txns after ${zxidText(after)} are not in the log`);
    const txns = this.#log.filter(({ zxid }) => zxid > after && zxid <= upTo);
    for (const txn of txns) {
      this.#world.post(this.sid, connection, { kind: 'proposal', txn });
      if (committed) this.#world.post(this.sid, connection, { kind: 'commit', zxid: txn.zxid });
    }
  }

  sendSnapshot(connection: ConnectionId): void {
    const tree = [...this.applied];
    this.#world.post(this.sid, connection, { kind: 'snap', zxid: this.#appliedZxid, tree });
  }

  searchDisk(connection: ConnectionId, peerZxid: bigint): void {
    this.tasks.push({
      text: `searches its log for ${zxidText(peerZxid)}`,
      run: () => {
        const { log, treeZxid } = this.disk;
        const base =
          log.findLast(({ zxid }) => zxid <= peerZxid)?.zxid ?? (treeZxid <= peerZxid ? treeZxid : null);
        const why = 'the log does not reach back to it';
        this.peer!.diskSearched(connection, base === null ? { kind: 'none', why } : { kind: 'found', base });
      },
    });
  }

  forwardProposals(connection: ConnectionId, first: number, last: number): void {
    for (const txn of this.#ofEpoch(first, last))
      this.#world.post(this.sid, connection, { kind: 'proposal', txn });
  }

  forwardCommits(connection: ConnectionId, first: number, last: number): void {
    for (const { zxid } of this.#ofEpoch(first, last)) {
      this.#world.post(this.sid, connection, { kind: 'commit', zxid });
    }
  }

  forwardInforms(connection: ConnectionId, first: number, last: number): void {
    for (const txn of this.#ofEpoch(first, last))
      this.#world.post(this.sid, connection, { kind: 'inform', txn });
  }

  sendAfterSync(connection: ConnectionId, packet: DurablePacket): void {
    this.#durable!.sendAfterSync(connection, packet);
  }

  acknowledgeAfterSync(connection: ConnectionId, first: number, last: number): void {
    this.#durable!.acknowledgeAfterSync(connection, first, last);
  }

  storeAcceptedEpoch(epoch: number): void {
    this.#durable!.storeAcceptedEpoch(epoch);
  }

  storeCurrentEpoch(epoch: number): void {
    this.#durable!.storeCurrentEpoch(epoch);
  }

  append(epoch: number, counter: number): void {
    const txn = this.#atHand;
    if (txn === null || txn.zxid !== zxidOf(epoch, counter)) throw new Error('no such txn is at hand');
    this.#log.push(txn);
    this.#durable!.append(epoch, counter);
  }

  truncate(connection: ConnectionId, zxid: bigint): void {
    this.blocked = connection;
    this.#durable!.truncate(connection, zxid);
  }

  receiveSnapshot(connection: ConnectionId, zxid: bigint): void {
    this.blocked = connection;
    this.#durable!.receiveSnapshot(connection, zxid);
  }

  commit(epoch: number, counter: number): void {
    const upTo = zxidOf(epoch, counter);
    for (const txn of this.#log) {
      if (txn.zxid <= this.#appliedZxid || txn.zxid > upTo) continue;
      if (!this.commitsEarly) this.#world.committed(this.sid, this.#appliedZxid, txn);
      this.applied.push(txn);
    }
    if (this.#appliedZxid !== upTo) throw new Error(`cannot apply up to ${zxidText(upTo)}`);
    this.#say(`applies up to ${zxidText(upTo)}`);
  }

  // ── disk ──

  /** What the queue begins becomes a task. */
  #acts() {
    return {
      append: (epoch: number, counter: number) => this.#beginWrite(zxidOf(epoch, counter)),
      storeAcceptedEpoch: (epoch: number) => {
        this.#task(`stores acceptedEpoch ${epoch}`, () => {
          this.disk.acceptedEpoch = epoch;
          this.#durable!.acceptedEpochStored(epoch);
          this.peer!.acceptedEpochStored(epoch);
        });
      },
      storeCurrentEpoch: (epoch: number) => {
        this.#task(`stores currentEpoch ${epoch}`, () => {
          this.disk.currentEpoch = epoch;
          this.#durable!.currentEpochStored(epoch);
          this.peer!.currentEpochStored(epoch);
        });
      },
      truncate: (connection: ConnectionId, zxid: bigint) => {
        this.#task(`cuts its log to ${zxidText(zxid)}`, () => this.#replaced(connection, this.#cut(zxid)));
      },
      receiveSnapshot: (connection: ConnectionId, zxid: bigint) => {
        if (this.#world.isOpen(this.sid, connection)) this.disk.isValid = false;
        this.#task(`takes the snapshot ${zxidText(zxid)}`, () => this.#takeSnapshot(connection, zxid));
      },
      send: (connection: ConnectionId, packet: DurablePacket) => {
        this.#world.post(this.sid, connection, { kind: 'packet', packet });
      },
      acknowledge: (connection: ConnectionId, epoch: number, first: number, last: number) => {
        for (let counter = first; counter <= last; counter++) {
          this.#world.post(this.sid, connection, { kind: 'ack', zxid: zxidOf(epoch, counter) });
        }
      },
    };
  }

  #task(text: string, run: () => void): void {
    this.tasks.push({ text, run });
  }

  #beginWrite(upTo: bigint): void {
    this.#writable = this.#log.findLastIndex(({ zxid }) => zxid <= upTo) + 1;
    if (this.tasks.some(({ text }) => text === SYNC)) return;
    this.#task(SYNC, () => {
      this.disk.log = this.#log.slice(0, this.#writable);
      const { zxid } = this.disk.log.at(-1)!;
      this.#world.trace(`${this.sid}   up to ${zxidText(zxid)}`);
      this.#durable!.durable(epochOf(zxid), counterOf(zxid));
      this.peer!.durable(epochOf(zxid), counterOf(zxid));
    });
  }

  /** As far as the log reaches back, or not at all; the replica is rebuilt if it was beyond. */
  #cut(zxid: bigint): bigint {
    const { disk } = this;
    if (zxid < disk.treeZxid) {
      this.#say('cannot, and leaves it as it is');
      return disk.log.at(-1)?.zxid ?? disk.treeZxid;
    }
    disk.log = disk.log.filter((txn) => txn.zxid <= zxid);
    this.#log = [...disk.log];
    this.#writable = this.#log.length;
    const last = disk.log.at(-1)?.zxid ?? disk.treeZxid;
    if (this.#appliedZxid > last) this.applied = [...disk.tree, ...disk.log];
    return last;
  }

  #takeSnapshot(connection: ConnectionId, zxid: bigint): void {
    const { disk } = this;
    if (!this.#world.isOpen(this.sid, connection)) {
      if (!disk.isValid) this.#log = [];
      this.#replaced(connection, disk.isValid ? (this.#log.at(-1)?.zxid ?? disk.treeZxid) : -1n);
      return;
    }
    disk.tree = [...this.#world.takeTree(connection)];
    disk.treeZxid = zxid;
    disk.log = [];
    disk.isValid = true;
    this.#log = [];
    this.#writable = 0;
    this.applied = [...disk.tree];
    this.#replaced(connection, zxid);
  }

  #replaced(connection: ConnectionId, lastZxid: bigint): void {
    this.blocked = null;
    this.#durable!.historyReplaced(connection);
    this.peer!.historyReplaced(connection, lastZxid);
  }

  get #appliedZxid(): bigint {
    const last = this.applied.at(-1)?.zxid ?? 0n;
    return last > this.disk.treeZxid || !this.disk.isValid ? last : this.disk.treeZxid;
  }

  #ofEpoch(first: number, last: number): readonly Txn[] {
    const { role } = this.peer!;
    const epoch = role.kind === 'leading' ? role.epoch : -1;
    return this.#log.filter(({ zxid }) => {
      const counter = counterOf(zxid) >>> 0;
      return epochOf(zxid) === epoch && counter >= first && counter <= last;
    });
  }

  #say(text: string): void {
    this.#world.trace(`${this.sid} ${text}`);
  }
}

const SYNC = 'syncs its log';
