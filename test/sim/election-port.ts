import type { Notification } from '../../src/zab/vote.ts';
import type { EventQueue } from './event-queue.ts';
import type { ElectionMessage } from './messages.ts';
import type { ConnectionEnd, Network, NetworkHost } from './network.ts';
import type { SimRandom } from './random.ts';

const RETRY_MS_MAX = 100;

export interface ElectionPortOwner {
  readonly sid: number;
  readonly host: NetworkHost;
  /** Runs it as an input of the core, or not at all if the process is dead. */
  turn(action: () => void): void;
  notification(from: number, notification: Notification): void;
  reachable(sid: number): void;
  unreachable(sid: number): void;
}

/** One process's connections of the election port: one for each other server, dialled by the higher sid, kept up for ever. */
export class ElectionPort {
  readonly #owner: ElectionPortOwner;
  readonly #queue: EventQueue;
  readonly #network: Network;
  readonly #random: SimRandom;
  readonly #peers: ReadonlyMap<number, NetworkHost>;
  readonly #ends = new Map<number, ConnectionEnd>();
  readonly #last = new Map<number, Notification>();
  readonly #dialing = new Set<number>();
  #isClosed = false;

  constructor(
    owner: ElectionPortOwner,
    queue: EventQueue,
    network: Network,
    random: SimRandom,
    peers: ReadonlyMap<number, NetworkHost>,
  ) {
    this.#owner = owner;
    this.#queue = queue;
    this.#network = network;
    this.#random = random;
    this.#peers = peers;
  }

  start(): void {
    for (const sid of this.#peers.keys()) this.#dial(sid);
  }

  stop(): void {
    this.#isClosed = true;
  }

  /** A newer notification replaces one that has not left; a server that cannot be reached gets it when it can. */
  notify(sid: number, notification: Notification): void {
    this.#last.set(sid, notification);
    const end = this.#ends.get(sid);
    if (end === undefined) this.#dial(sid);
    else this.#send(end, notification);
  }

  reconnect(sids: readonly number[]): void {
    for (const sid of sids) if (!this.#ends.has(sid)) this.#dial(sid);
  }

  /** A server dials: a lower one is dialled back. */
  accept(end: ConnectionEnd, from: number): boolean {
    if (from < this.#owner.sid) {
      this.#dial(from);
      return false;
    }
    this.#ends.get(from)?.close('replaced');
    this.#take(from, end);
    return true;
  }

  #dial(sid: number): void {
    const host = this.#peers.get(sid);
    if (host === undefined || this.#dialing.has(sid) || this.#isClosed) return;
    this.#dialing.add(sid);
    this.#network.dial(this.#owner.host, host, 'election', (end) => {
      this.#dialing.delete(sid);
      if (this.#isClosed) {
        end?.close('process is dead');
        return;
      }
      if (end !== null) {
        this.#ends.get(sid)?.close('replaced');
        this.#take(sid, end);
      } else if (!this.#ends.has(sid)) this.#failed(sid);
    });
  }

  #failed(sid: number): void {
    this.#owner.turn(() => this.#owner.unreachable(sid));
    this.#queue.after(this.#random.between(1, RETRY_MS_MAX), () => {
      if (!this.#ends.has(sid)) this.#dial(sid);
    });
  }

  #take(sid: number, end: ConnectionEnd): void {
    this.#ends.set(sid, end);
    end.onMessage = (message) => {
      const { from, notification } = message as ElectionMessage;
      this.#owner.turn(() => this.#owner.notification(from, notification));
    };
    end.onClose = () => {
      if (this.#ends.get(sid) !== end) return;
      this.#ends.delete(sid);
      this.#failed(sid);
    };
    const last = this.#last.get(sid);
    if (last !== undefined) this.#send(end, last);
    this.#owner.turn(() => this.#owner.reachable(sid));
  }

  #send(end: ConnectionEnd, notification: Notification): void {
    const message: ElectionMessage = { from: this.#owner.sid, notification };
    end.send(message);
  }
}
