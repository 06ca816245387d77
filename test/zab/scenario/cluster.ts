import { Ensemble } from '../../../src/zab/ensemble.ts';
import type { ConnectionId } from '../../../src/zab/output.ts';
import type { Notification } from '../../../src/zab/vote.ts';
import { type Message, messageText, type Txn, voteText } from './messages.ts';
import { type Disk, ScenarioServer, type ServerSettings, type Surroundings } from './server.ts';
import { zxidsText, zxidText } from './zxid-text.ts';

export interface ClusterOptions {
  readonly voters: readonly number[];
  readonly observers: readonly number[];
  /** Further lines of the configuration: group.N, weight.N. */
  readonly lines: readonly string[];
  readonly forceSnapshotSync: boolean;
  readonly memory: number;
}

interface Connection {
  readonly id: ConnectionId;
  readonly learner: number;
  readonly leader: number;
  /** Ends that have not closed it. */
  readonly open: Set<number>;
  readonly toLearner: Message[];
  readonly toLeader: Message[];
  tree: readonly Txn[];
}

/** More steps than any script needs: it goes round in circles. */
const STEPS_MAX = 5000;

/** Servers with a network and a clock that do what a script says. Checks after each step what must always hold. */
export class Cluster implements Surroundings {
  readonly servers = new Map<number, ScenarioServer>();
  readonly lines: string[] = [];
  nowMs = 0;
  /** Whether votes are shown. */
  tracesElection = false;
  readonly #ensemble: Ensemble;
  readonly #connections = new Map<ConnectionId, Connection>();
  readonly #votes = new Map<string, Notification>();
  readonly #dials: { readonly from: number; readonly to: number }[] = [];
  readonly #cuts = new Set<string>();
  readonly #held = new Set<string>();
  readonly #heldVotes = new Set<string>();
  readonly #paused = new Set<number>();
  readonly #heldDisks = new Set<number>();
  /** What follows each committed txn, by zxid of the one before. */
  readonly #ledger = new Map<bigint, Txn>();
  readonly #leaders = new Map<number, number>();
  #connectionCount = 0;

  constructor(options: ClusterOptions) {
    const { voters, observers, lines, forceSnapshotSync, memory } = options;
    const serverLine = (sid: number, role: string) => `server.${sid}=host${sid}:2888:3888:${role}`;
    this.#ensemble = Ensemble.parse(
      [
        ...voters.map((sid) => serverLine(sid, 'participant')),
        ...observers.map((sid) => serverLine(sid, 'observer')),
        ...lines,
        'version=0',
      ].join('\n'),
    );
    for (const sid of [...voters, ...observers]) {
      const settings: ServerSettings = {
        ensemble: this.#ensemble,
        isObserver: observers.includes(sid),
        tickTimeMs: 2000,
        initLimitTicks: 10,
        syncLimitTicks: 5,
        forceSnapshotSync,
        memory,
      };
      const disk: Disk = {
        acceptedEpoch: 0,
        currentEpoch: 0,
        tree: [],
        treeZxid: 0n,
        log: [],
        isValid: true,
      };
      this.servers.set(sid, new ScenarioServer(sid, settings, this, disk));
    }
  }

  server(sid: number): ScenarioServer {
    const server = this.servers.get(sid);
    if (server === undefined) throw new Error(`there is no server ${sid}`);
    return server;
  }

  // ── what scripts do ──

  start(sid: number): void {
    const server = this.server(sid);
    if (server.peer !== null) throw new Error(`server ${sid} runs already`);
    server.start(this.nowMs);
    for (const other of this.servers.values()) {
      if (other.sid === sid) continue;
      if (this.#isConnected(sid, other.sid)) this.#meet(sid, other.sid);
      else server.peer!.voterUnreachable(other.sid);
    }
  }

  crash(sid: number, kept: number): void {
    this.server(sid).crash(kept);
    this.#paused.delete(sid);
    for (const other of this.servers.values()) if (other.sid !== sid) this.#separate(sid, other.sid, 'reset');
  }

  /** No byte passes between them, and they notice at once. */
  cut(a: number, b: number): void {
    this.#cuts.add(pair(a, b));
    this.#separate(a, b, 'reset');
  }

  heal(a: number, b: number): void {
    this.#cuts.delete(pair(a, b));
    if (this.#isConnected(a, b)) this.#meet(a, b);
  }

  /** The quorum connections between them break; new ones may be made. */
  reset(a: number, b: number): void {
    this.#breakConnections(a, b, 'reset');
  }

  hold(from: number, to: number): void {
    this.#held.add(`${from}>${to}`);
  }

  release(from: number, to: number): void {
    this.#held.delete(`${from}>${to}`);
  }

  /** Votes alone wait. */
  holdVotes(from: number, to: number): void {
    this.#heldVotes.add(`${from}>${to}`);
  }

  releaseVotes(from: number, to: number): void {
    this.#heldVotes.delete(`${from}>${to}`);
  }

  holdDisk(sid: number): void {
    this.#heldDisks.add(sid);
  }

  releaseDisk(sid: number): void {
    this.#heldDisks.delete(sid);
  }

  pause(sid: number): void {
    this.#paused.add(sid);
  }

  resume(sid: number): void {
    this.#paused.delete(sid);
    this.server(sid).peer!.advance(this.nowMs);
  }

  /** One message on its way from one to the other arrives, held back or not. */
  deliver(from: number, to: number): void {
    if (!this.#deliverNext(from, to)) throw new Error(`nothing is on its way from ${from} to ${to}`);
  }

  /** `to` gets a message as if `from` had sent it over the connection between them. */
  inject(from: number, to: number, message: Message): void {
    const connection = this.#between(from, to);
    if (connection === undefined) throw new Error(`${from} and ${to} are not connected`);
    this.#arrive(connection, from, to, message);
  }

  /** `to` gets a vote that `from` did not send. */
  injectVote(from: number, to: number, notification: Notification): void {
    this.#vote(from, to, notification);
  }

  /** A connection that no server made: a stranger's to the quorum port of `to`, in the name of `from`. */
  connect(from: number, to: number): void {
    const connection = this.#open(from, to);
    this.server(to).peer!.learnerConnected(connection.id);
  }

  /** Everything that can happen now happens, in a fixed order; time stands still. */
  stabilize(): void {
    for (let steps = 0; this.#step(); steps++) {
      if (steps > STEPS_MAX) throw new Error('there is no end to what happens');
    }
  }

  /** Time passes; what becomes possible happens. */
  advance(ms: number): void {
    const targetMs = this.nowMs + ms;
    this.stabilize();
    for (let steps = 0; this.nowMs < targetMs; steps++) {
      if (steps > STEPS_MAX) throw new Error('there is no end to what is due');
      const running = this.#running();
      this.nowMs = Math.min(
        targetMs,
        ...running.map(({ peer }) => Math.max(this.nowMs, peer!.nextDeadlineMs)),
      );
      for (const { peer, sid } of running) {
        peer!.advance(this.nowMs);
        if (peer!.nextDeadlineMs <= this.nowMs) throw new Error(`server ${sid} does not do what is due`);
      }
      this.stabilize();
    }
  }

  statusOf(sid: number): string {
    const { peer, disk, log, applied } = this.server(sid);
    const logText = zxidsText(log.map(({ zxid }) => zxid));
    const base = disk.treeZxid === 0n ? '' : ` snapshot=${zxidText(disk.treeZxid)}`;
    const valid = disk.isValid ? '' : ' invalid';
    const epochs = `accepted=${disk.acceptedEpoch} current=${disk.currentEpoch}`;
    if (peer === null) return `${sid} down ${epochs}${valid}${base} log=${logText}`;
    const shown = applied.at(-1)?.zxid ?? disk.treeZxid;
    const { role } = peer;
    const word = role.kind === peer.stage ? role.kind : `${role.kind} (${peer.stage})`;
    return `${sid} ${word} ${epochs}${valid}${base} log=${logText} applied=${zxidText(shown)}`;
  }

  // ── Surroundings ──

  trace(line: string): void {
    this.lines.push(line);
  }

  notify(from: number, to: number, notification: Notification): void {
    this.#votes.set(`${from}>${to}`, notification);
  }

  dial(from: number, to: number): void {
    this.#dials.push({ from, to });
  }

  post(from: number, id: ConnectionId, message: Message): void {
    const connection = this.#connections.get(id);
    if (connection === undefined || !connection.open.has(from)) return;
    (from === connection.learner ? connection.toLeader : connection.toLearner).push(message);
  }

  close(from: number, id: ConnectionId): void {
    this.post(from, id, { kind: 'closed', reason: 'end of stream' });
    this.#connections.get(id)?.open.delete(from);
  }

  isOpen(from: number, id: ConnectionId): boolean {
    const connection = this.#connections.get(id);
    return connection !== undefined && connection.open.size === 2 && connection.open.has(from);
  }

  takeTree(id: ConnectionId): readonly Txn[] {
    return this.#connections.get(id)!.tree;
  }

  leads(sid: number, epoch: number): void {
    const leader = this.#leaders.get(epoch) ?? sid;
    if (leader !== sid) throw new Error(`servers ${leader} and ${sid} both lead in epoch ${epoch}`);
    this.#leaders.set(epoch, sid);
  }

  committed(sid: number, before: bigint, txn: Txn): void {
    const known = this.#ledger.get(before);
    if (known !== undefined && (known.zxid !== txn.zxid || known.content !== txn.content)) {
      throw new Error(
        `server ${sid} applies ${zxidText(txn.zxid)} (${txn.content}) behind ${zxidText(before)}, where ${zxidText(known.zxid)} (${known.content}) is`,
      );
    }
    this.#ledger.set(before, txn);
    if (this.server(sid).peer?.role.kind !== 'leading') return;
    const holders = [...this.servers.values()]
      .filter(({ disk }) => holds(disk, txn))
      .map((server) => server.sid);
    if (!this.#ensemble.verifier.containsQuorum(new Set(holders))) {
      throw new Error(
        `${zxidText(txn.zxid)} is committed, but durable on servers ${holders.join(', ')} only`,
      );
    }
  }

  // ── what happens ──

  #running(): ScenarioServer[] {
    return [...this.servers.values()].filter(({ peer, sid }) => peer !== null && !this.#paused.has(sid));
  }

  /** Lets each disk and each line do one thing; false when nothing is left to do. */
  #step(): boolean {
    let isActive = this.#connectDialled();
    for (const server of this.#running()) {
      if (server.tasks.length === 0 || this.#heldDisks.has(server.sid)) continue;
      server.runTask();
      isActive = true;
    }
    for (const { sid: from } of this.servers.values()) {
      for (const { sid: to } of this.servers.values()) {
        if (from !== to && !this.#held.has(`${from}>${to}`) && this.#deliverNext(from, to)) isActive = true;
      }
    }
    return isActive;
  }

  #connectDialled(): boolean {
    const dial = this.#dials.shift();
    if (dial === undefined) return false;
    const { from, to } = dial;
    const learner = this.server(from).peer;
    if (learner === null) return true;
    if (!this.#isConnected(from, to)) {
      learner.leaderUnreachable(to, 'refused');
      return true;
    }
    const { id } = this.#open(from, to);
    learner.leaderConnected(id, to);
    this.server(to).peer!.learnerConnected(id);
    return true;
  }

  #open(learner: number, leader: number): Connection {
    const id = ++this.#connectionCount;
    const open = new Set([learner, leader]);
    const connection = { id, learner, leader, open, toLearner: [], toLeader: [], tree: [] };
    this.#connections.set(id, connection);
    return connection;
  }

  #deliverNext(from: number, to: number): boolean {
    const server = this.server(to);
    if (server.peer === null || this.#paused.has(to)) return false;
    const vote = this.#votes.get(`${from}>${to}`);
    if (vote !== undefined && !this.#heldVotes.has(`${from}>${to}`)) {
      this.#votes.delete(`${from}>${to}`);
      if (this.#isConnected(from, to)) this.#vote(from, to, vote);
      return true;
    }
    for (const connection of this.#connections.values()) {
      if (connection.learner !== from && connection.learner !== to) continue;
      if (connection.leader !== from && connection.leader !== to) continue;
      const queue = from === connection.learner ? connection.toLeader : connection.toLearner;
      const isLate = !connection.open.has(to);
      const [head] = queue;
      if (head === undefined || (server.blocked === connection.id && head.kind !== 'closed')) continue;
      queue.shift();
      if (!isLate) this.#arrive(connection, from, to, head);
      return true;
    }
    return false;
  }

  #arrive(connection: Connection, from: number, to: number, message: Message): void {
    this.trace(`${from}->${to} ${messageText(message)}`);
    const { peer } = this.server(to);
    if (message.kind === 'snap') connection.tree = message.tree;
    if (message.kind === 'closed') connection.open.delete(to);
    peer!.advance(this.nowMs);
    this.server(to).deliver(connection.id, message);
  }

  #vote(from: number, to: number, notification: Notification): void {
    if (this.tracesElection) this.trace(`${from}->${to} ${voteText(notification)}`);
    const { peer } = this.server(to);
    peer!.advance(this.nowMs);
    peer!.notification(from, notification);
  }

  #between(a: number, b: number): Connection | undefined {
    return [...this.#connections.values()].findLast(
      ({ learner, leader, open }) => pair(learner, leader) === pair(a, b) && open.size === 2,
    );
  }

  #isConnected(a: number, b: number): boolean {
    return this.server(a).peer !== null && this.server(b).peer !== null && !this.#cuts.has(pair(a, b));
  }

  /** Election connections are there. */
  #meet(a: number, b: number): void {
    this.server(a).peer!.voterReachable(b);
    this.server(b).peer!.voterReachable(a);
  }

  #separate(a: number, b: number, reason: string): void {
    this.#votes.delete(`${a}>${b}`);
    this.#votes.delete(`${b}>${a}`);
    this.server(a).peer?.voterUnreachable(b);
    this.server(b).peer?.voterUnreachable(a);
    this.#breakConnections(a, b, reason);
  }

  /** What is on its way is lost. */
  #breakConnections(a: number, b: number, reason: string): void {
    for (const connection of this.#connections.values()) {
      if (pair(connection.learner, connection.leader) !== pair(a, b)) continue;
      const ends = [...connection.open];
      connection.open.clear();
      connection.toLeader.length = 0;
      connection.toLearner.length = 0;
      for (const sid of ends) {
        if (this.server(sid).peer === null) continue;
        this.trace(`${sid} loses its connection to ${sid === a ? b : a}`);
        this.server(sid).deliver(connection.id, { kind: 'closed', reason });
      }
    }
  }
}

function pair(a: number, b: number): string {
  return a < b ? `${a}-${b}` : `${b}-${a}`;
}

function holds(disk: Disk, txn: Txn): boolean {
  return [...disk.tree, ...disk.log].some(
    ({ zxid, content }) => zxid === txn.zxid && content === txn.content,
  );
}

/** A history as a script gives it: what all servers have of a zxid is the same txn. */
export function txnsOf(zxids: readonly bigint[]): Txn[] {
  return zxids.map((zxid) => ({ zxid, content: zxidText(zxid) }));
}
