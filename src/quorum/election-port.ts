import type { Socket } from 'node:net';
import type { Notification } from '../zab/vote.ts';
import { ElectionPeer, type ElectionPeerContext } from './election-peer.ts';
import type { HostAddress } from './host-address.ts';
import { decodeInitialMessage, encodeInitialMessage, type InitialMessage } from './initial-message.ts';
import { type ListenAddress, Listeners } from './listeners.ts';
import { NameLookup } from './name-lookup.ts';
import type { QuorumLog } from './quorum-log.ts';
import { type Introduction, Strangers } from './strangers.ts';

/** A server as the election port knows it. */
export interface ElectionServer {
  readonly addresses: readonly HostAddress[];
  readonly isVoter: boolean;
}

export interface ElectionPortOptions {
  readonly sid: number;
  /** All servers of the ensemble by sid, this one included. */
  readonly servers: ReadonlyMap<number, ElectionServer>;
  readonly listen: readonly ListenAddress[];
  /** electionPortBindRetry: further attempts to open the port, a second apart; Infinity for ever. */
  readonly bindRetries: number;
  /** cnxTimeout */
  readonly connectTimeoutMs: number;
  /** quorumCnxnTimeoutMs, or syncLimit ticks: until who connects has said who it is. */
  readonly handshakeTimeoutMs: number;
  /** multiAddress.enabled: all own addresses are told, in the second version of the initial message. */
  readonly multiAddress: boolean;
  readonly log: QuorumLog;
  readonly events: ElectionEvents;
  readonly names?: NameLookup;
  readonly reconnectMinMs?: number;
  readonly reconnectMaxMs?: number;
}

/** What the election port tells; QuorumPeer has these methods. Never called from within a call to the port. */
export interface ElectionEvents {
  notification(from: number, notification: Notification): void;
  /** There is a new connection with this server; what was sent over an earlier one may be lost. */
  voterReachable(sid: number): void;
  /** There is none any more, or the first attempt to get one has failed. */
  voterUnreachable(sid: number): void;
}

const RECONNECT_MIN_MS = 20;
const RECONNECT_MAX_MS = 5000;
/** Servers that are not in the configuration (new ones learn of it here); beyond it they are turned away. */
const UNCONFIGURED_MAX = 32;

/**
 * The election port: connections with all other servers, over which they tell each other their votes
 * (protocol/quorum.md §2.1, §2.2). Whatever others do there, memory is bounded by the number of servers.
 */
export class ElectionPort {
  readonly #options: ElectionPortOptions;
  readonly #context: ElectionPeerContext;
  readonly #listeners: Listeners;
  readonly #peers = new Map<number, ElectionPeer>();
  /** Configured servers that are connected. */
  readonly #reached = new Set<number>();
  /** What was said of servers that have the number of another one. */
  readonly #refused = new Set<string>();
  readonly #strangers: Strangers;
  /** Ids for observers that have none. */
  #nextAnonymous = -2;
  #isClosed = false;

  constructor(options: ElectionPortOptions) {
    this.#options = options;
    const names = options.names ?? new NameLookup();
    const own = options.servers.get(options.sid);
    if (own === undefined) throw new RangeError(`server ${options.sid} is not among the servers`);
    this.#context = {
      sid: options.sid,
      initialMessage: encodeInitialMessage(options.sid, own.addresses, options.multiAddress),
      connectTimeoutMs: options.connectTimeoutMs,
      reconnectMinMs: options.reconnectMinMs ?? RECONNECT_MIN_MS,
      reconnectMaxMs: options.reconnectMaxMs ?? RECONNECT_MAX_MS,
      names,
      log: options.log,
      onNotification: (from, notification) => options.events.notification(from, notification),
      onReachable: (sid) => this.#reachable(sid),
      onUnreachable: (sid, problem) => this.#unreachable(sid, problem),
      onGone: (sid) => this.#forget(sid),
    };
    this.#strangers = new Strangers({
      port: 'election',
      expected: 'server of ours',
      timeoutMs: options.handshakeTimeoutMs,
      log: options.log,
      read: (bytes) => this.#read(bytes),
    });
    this.#listeners = new Listeners(
      { addresses: options.listen, name: 'election', names, retries: options.bindRetries },
      (socket) => this.#accept(socket),
    );
    for (const [sid, { addresses, isVoter }] of options.servers) {
      if (sid !== options.sid) this.#peers.set(sid, new ElectionPeer(this.#context, sid, addresses, isVoter));
    }
  }

  /** Opens the port and begins to connect to all voters. Rejects with PortError. */
  async open(): Promise<void> {
    await this.#listeners.open();
    this.reconnect([...this.#peers.keys()].filter((sid) => this.#peers.get(sid)?.isKept));
  }

  /** The port that is open. */
  get port(): number {
    return this.#listeners.port;
  }

  /** ZabOutput.notify. A server that is neither configured nor connected cannot be told anything. */
  notify(sid: number, notification: Notification): void {
    this.#peers.get(sid)?.notify(notification);
  }

  /** ZabOutput.reconnectElection: who is not connected is tried now instead of later. */
  reconnect(sids: readonly number[]): void {
    for (const sid of sids) this.#peers.get(sid)?.connectSoon();
  }

  /** Closes the port and all connections. */
  close(): void {
    this.#isClosed = true;
    this.#listeners.close();
    this.#strangers.close();
    for (const peer of this.#peers.values()) peer.close();
    this.#peers.clear();
  }

  #accept(socket: Socket): void {
    if (this.#isClosed) socket.destroy();
    else this.#strangers.add(socket);
  }

  #read(bytes: Buffer): Introduction {
    const result = decodeInitialMessage(bytes);
    if (result.kind !== 'message') return result;
    const { message, length } = result;
    return {
      kind: 'known',
      welcome: (socket) => this.#introduced(socket, message, bytes.subarray(length)),
    };
  }

  #introduced(socket: Socket, message: InitialMessage, rest: Buffer): void {
    const sid = message.sid ?? this.#nextAnonymous--;
    if (sid === this.#options.sid) {
      this.#strangers.refuse(
        socket,
        `says that it is server ${sid}, as this one is: myid must differ on each server`,
      );
      return;
    }
    const peer = this.#peers.get(sid) ?? this.#unconfigured(sid);
    if (peer === null) {
      this.#strangers.refuse(
        socket,
        `says that it is server ${sid}, which is not in the configuration, and too many such are there`,
      );
    } else if (message.sid !== null && peer.isAnother(socket, message.addresses)) {
      this.#refuseAnother(socket, sid, message.addresses);
    } else if (message.sid !== null && sid < this.#options.sid) {
      socket.destroy();
      peer.calledBy(message.addresses);
    } else {
      peer.attach(socket, rest, message.addresses);
    }
  }

  /** Of servers that are not configured nothing is told: there is no end of them. */
  #reachable(sid: number): void {
    const { servers, log, events } = this.#options;
    if (!servers.has(sid)) return;
    if (!this.#reached.has(sid)) log.info(`election connection with server ${sid}`);
    this.#reached.add(sid);
    events.voterReachable(sid);
  }

  #unreachable(sid: number, problem: string): void {
    const { servers, log, events } = this.#options;
    if (!servers.has(sid)) return;
    this.#reached.delete(sid);
    log.warn('election connection', `no election connection with server ${sid}: ${problem}`);
    events.voterUnreachable(sid);
  }

  /** A place for a server that is not in the configuration, or null if there is none left. */
  #unconfigured(sid: number): ElectionPeer | null {
    const known = [...this.#peers.keys()].filter((key) => !this.#options.servers.has(key));
    if (known.length >= UNCONFIGURED_MAX) return null;
    const peer = new ElectionPeer(this.#context, sid, [], false);
    this.#peers.set(sid, peer);
    return peer;
  }

  #forget(sid: number): void {
    if (this.#options.servers.has(sid)) return;
    this.#peers.get(sid)?.close();
    this.#peers.delete(sid);
  }

  /** It will try again and again; once it is said what is wrong. */
  #refuseAnother(socket: Socket, sid: number, addresses: readonly HostAddress[]): void {
    const where = addresses.map(({ host, port }) => `${host}:${port}`).join(', ');
    const problem = `says that it is server ${sid}, at ${where}, and another server ${sid} is connected: myid must differ on each server`;
    if (this.#refused.has(problem)) {
      socket.destroy();
      return;
    }
    if (this.#refused.size >= UNCONFIGURED_MAX) this.#refused.clear();
    this.#refused.add(problem);
    this.#strangers.refuse(socket, problem);
  }
}
