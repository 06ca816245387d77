import type { EventQueue, ScheduledEvent } from './event-queue.ts';
import type { SimRandom } from './random.ts';

/** What a host of the network must be for its connections. */
export interface NetworkHost {
  readonly name: string;
  /** A process runs on it; a host whose process is dead refuses connections. */
  readonly isUp: boolean;
  /** The process stands still: what arrives waits in the kernel. */
  readonly isPaused: boolean;
  /** A connection arrives at one of the host's ports; false refuses it. */
  accept(end: ConnectionEnd, port: string, from: NetworkHost): boolean;
}

export interface NetworkOptions {
  /** Mean of a message's time on the way, between servers and between client and server. */
  readonly delayMeanMs: number;
  /** How long a dial into nothing lasts. */
  readonly connectTimeoutMs: number;
  /** The longest until a side notices a broken connection by itself. */
  readonly noticeMsMax: number;
}

/** One side of a connection: what arrives is given to {@link onMessage} in order, then {@link onClose} once. */
export class ConnectionEnd {
  readonly host: NetworkHost;
  onMessage: (message: unknown) => void = () => {};
  onClose: (reason: string) => void = () => {};
  isClosed = false;
  peer!: ConnectionEnd;
  /** On their way to this side. */
  readonly arriving: { readonly atMs: number; readonly message: unknown }[] = [];
  /** This side will be told that the connection is closed, behind what is arriving. */
  closing: { readonly atMs: number; readonly reason: string } | null = null;
  timer: ScheduledEvent | null = null;
  readonly #network: Network;

  constructor(network: Network, host: NetworkHost) {
    this.#network = network;
    this.host = host;
  }

  /** Sends behind all that was sent before; into a closed connection nothing goes. */
  send(message: unknown): void {
    if (!this.isClosed) this.#network.send(this, message);
  }

  /** Ends the connection: what was sent still arrives, then the peer hears of it. This side hears nothing more. */
  close(reason: string): void {
    if (!this.isClosed) this.#network.close(this, reason);
  }
}

/**
 * Streams between hosts, as TCP makes them: ordered within a connection, not between connections. Each direction between two
 * hosts may be cut by itself; what is sent then waits and arrives later, unless somebody gives the connection up before.
 */
export class Network {
  readonly options: NetworkOptions;
  /** Messages delivered. */
  delivered = 0;
  readonly #queue: EventQueue;
  readonly #random: SimRandom;
  readonly #cut = new Set<string>();
  readonly #ends = new Set<ConnectionEnd>();
  /** From now on the delays are this many times as long. */
  slowness = 1;

  constructor(queue: EventQueue, random: SimRandom, options: NetworkOptions) {
    this.#queue = queue;
    this.#random = random;
    this.options = options;
  }

  /** Dials; the result is a connected end, or null and why not. The caller may be dead by then: it looks by itself. */
  dial(
    from: NetworkHost,
    to: NetworkHost,
    port: string,
    result: (end: ConnectionEnd | null, reason: string) => void,
  ): void {
    this.#queue.after(this.#delayMs() + this.#delayMs(), () => {
      if (this.isCut(from, to) || this.isCut(to, from)) {
        const waitMs = this.#random.between(1, this.options.connectTimeoutMs);
        this.#queue.after(waitMs, () => result(null, `no answer from ${to.name}`));
        return;
      }
      if (!to.isUp || !from.isUp) {
        result(null, `${to.name} refuses`);
        return;
      }
      const end = new ConnectionEnd(this, from);
      const peer = new ConnectionEnd(this, to);
      end.peer = peer;
      peer.peer = end;
      if (!to.accept(peer, port, from)) {
        result(null, `${to.name} refuses`);
        return;
      }
      this.#ends.add(end);
      this.#ends.add(peer);
      result(end, '');
    });
  }

  send(from: ConnectionEnd, message: unknown): void {
    const to = from.peer;
    if (to.isClosed || to.closing !== null) return;
    const last = to.arriving.at(-1)?.atMs ?? 0;
    to.arriving.push({ atMs: Math.max(last, this.#queue.nowMs + this.#delayMs()), message });
    if (to.arriving.length === 1) this.#schedule(to);
  }

  close(from: ConnectionEnd, reason: string): void {
    this.#drop(from);
    const to = from.peer;
    if (to.isClosed || to.closing !== null) return;
    const last = to.arriving.at(-1)?.atMs ?? 0;
    to.closing = { atMs: Math.max(last, this.#queue.nowMs + this.#delayMs()), reason };
    if (to.arriving.length === 0) this.#schedule(to);
  }

  /** The connection breaks: what is on its way is lost, and each side notices by itself, sooner or later. */
  break(end: ConnectionEnd): void {
    for (const side of [end, end.peer]) {
      if (side.isClosed) continue;
      side.arriving.length = 0;
      const noticeMs = this.#random.chance(0.5) ? 1 : this.#random.between(1, this.options.noticeMsMax);
      side.closing = { atMs: this.#queue.nowMs + noticeMs, reason: 'connection reset' };
      this.#queue.cancel(side.timer);
      this.#schedule(side);
    }
  }

  /** Breaks this share of the connections between servers, or all of a host's. */
  breakSome(share: number, host: NetworkHost | null): number {
    let count = 0;
    for (const end of [...this.#ends]) {
      if (end.isClosed || end.closing !== null) continue;
      if (host !== null && end.host !== host) continue;
      if (!this.#random.chance(share)) continue;
      this.break(end);
      count++;
    }
    return count;
  }

  /**
   * The host's process is gone. Killed: its kernel closes the connections behind what was sent. Without power nobody does:
   * the others notice when they notice.
   */
  processDied(host: NetworkHost, hasPower: boolean): void {
    for (const end of [...this.#ends]) {
      if (end.host !== host || end.isClosed) continue;
      if (hasPower) end.close('peer died');
      else {
        this.break(end);
        this.#drop(end);
      }
    }
  }

  /** The host's process runs again after a pause: what waited in the kernel arrives now. */
  processResumed(host: NetworkHost): void {
    for (const end of this.#ends) if (end.host === host) this.#kick(end);
  }

  isCut(from: NetworkHost, to: NetworkHost): boolean {
    return this.#cut.size > 0 && this.#cut.has(`${from.name}>${to.name}`);
  }

  /** Nothing gets from one host to the other any more; the opposite direction is not touched. */
  cut(from: NetworkHost, to: NetworkHost): void {
    this.#cut.add(`${from.name}>${to.name}`);
  }

  /** Everything passes again; what waited arrives. */
  healAll(): void {
    if (this.#cut.size === 0) return;
    this.#cut.clear();
    for (const end of this.#ends) this.#kick(end);
  }

  get hasCuts(): boolean {
    return this.#cut.size > 0;
  }

  #delayMs(): number {
    return this.#random.delayMs(this.options.delayMeanMs * this.slowness);
  }

  #kick(end: ConnectionEnd): void {
    if (end.timer?.run == null) this.#schedule(end);
  }

  #schedule(end: ConnectionEnd): void {
    const next = end.arriving[0] ?? end.closing;
    if (next === undefined || next === null) return;
    end.timer = this.#queue.at(next.atMs, () => this.#arrive(end));
  }

  #arrive(end: ConnectionEnd): void {
    if (end.isClosed || end.host.isPaused) return;
    const first = end.arriving[0];
    // Only data needs the wire: a side that gave up, or its own kernel's timer, tells without it.
    if (first !== undefined && this.isCut(end.peer.host, end.host)) return;
    if (first === undefined) {
      const reason = end.closing?.reason ?? 'closed';
      this.#drop(end);
      end.onClose(reason);
      return;
    }
    end.arriving.shift();
    this.#schedule(end);
    this.delivered++;
    end.onMessage(first.message);
  }

  #drop(end: ConnectionEnd): void {
    end.isClosed = true;
    end.arriving.length = 0;
    this.#queue.cancel(end.timer);
    this.#ends.delete(end);
  }
}
