import type { Socket } from 'node:net';
import type { ConnectionId } from '../zab/output.ts';
import { codeOf } from './dial.ts';
import type { PacketBatch, SentPacket } from './packet-batch.ts';
import { PacketError } from './packet-error.ts';
import type { PacketStream } from './packet-stream.ts';
import { type HoldReason, QuorumInput, type TreeSink } from './quorum-input.ts';
import type { QuorumLog } from './quorum-log.ts';
import type { SendBufferPool } from './send-buffer.ts';
import { SendQueue, type SendSource } from './send-queue.ts';

/** What connections on the quorum port have in common. */
export interface QuorumConnectionLimits {
  /** menagerie.learnerQueueMb: whoever lets more than this wait is cut off. */
  readonly sendQueueBytesMax: number;
  /** initLimit ticks: the silence that is borne until a learner is in step. */
  readonly initTimeoutMs: number;
  /** syncLimit ticks: the same from then on. */
  readonly syncTimeoutMs: number;
}

/** Is told what becomes of a connection; never from within a call to it. */
export interface ConnectionEvents {
  /** Something has arrived, or the other side has taken bytes that had to wait: it is alive. */
  heard(): void;
  /** The connection is gone; called once, whoever has ended it. */
  closed(reason: string): void;
}

export interface QuorumConnectionOptions {
  readonly id: ConnectionId;
  readonly socket: Socket;
  readonly limits: QuorumConnectionLimits;
  readonly pool: SendBufferPool;
  readonly log: QuorumLog;
}

/** What was queued before a close has so long to leave. */
const CLOSING_MS = 1000;

/** A connection of the quorum port, at the side of a leader or of a learner (protocol/quorum.md §3). */
export class QuorumConnection {
  readonly id: ConnectionId;
  /** `address:port` of the other side. */
  readonly remote: string;
  readonly #socket: Socket;
  readonly #limits: QuorumConnectionLimits;
  readonly #log: QuorumLog;
  #events: ConnectionEvents | null = null;
  readonly #queue: SendQueue;
  readonly #input: QuorumInput;
  #timeoutMs: number;
  #timer: NodeJS.Timeout | null = null;
  #heardMs = performance.now();
  /** Why it is being closed, or was. */
  #reason: string | null = null;
  #isClosed = false;

  /** Nothing is read before {@link begin}. */
  constructor(options: QuorumConnectionOptions) {
    const { id, socket, limits } = options;
    this.id = id;
    this.#socket = socket;
    this.#limits = limits;
    this.#log = options.log;
    this.remote = remoteOf(socket);
    this.#queue = new SendQueue(socket, options.pool, limits.sendQueueBytesMax, {
      full: (bytes) => this.#dropSlow(bytes),
      taken: () => this.#heard(),
    });
    this.#input = new QuorumInput(socket, (backlog) => this.#take(backlog));
    this.#timeoutMs = limits.initTimeoutMs;
    this.#watch(this.#timeoutMs);
    socket.on('error', (error) => {
      this.#reason ??= codeOf(error);
    });
    socket.once('end', () => this.#fail('closed by the other side'));
    socket.once('close', () => this.#closed());
  }

  /** Begins to read: `stream` takes what comes, `first` before the rest. */
  begin(stream: PacketStream, events: ConnectionEvents, first: Buffer): void {
    this.#events = events;
    this.#input.begin(stream);
    this.#socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    if (first.length > 0) this.#receive(first);
  }

  /** Packets for this connection alone; they leave at the end of the turn, in one write with everything else. */
  get outgoing(): PacketBatch {
    return this.#queue.own;
  }

  /** Bytes that wait for the other side to take them. */
  get waitingBytes(): number {
    return this.#queue.waitingBytes;
  }

  get isClosed(): boolean {
    return this.#isClosed || this.#reason !== null;
  }

  /** Sends a packet of the core's. */
  send(packet: SentPacket): void {
    if (this.isClosed) return;
    this.outgoing.packet(packet);
    if (packet.type === 'newLeaderAck') this.inStep();
  }

  /** Sends what was written to a batch and not drained yet; others may get it, too. */
  share(batch: PacketBatch): void {
    if (!this.isClosed) this.#queue.share(batch);
  }

  /** Sends what a source gives, as it is taken; later packets leave behind it. */
  sendSource(source: SendSource): void {
    if (this.isClosed) source.cancel();
    else this.#queue.source(source);
  }

  /** A source that had nothing has something now. */
  sourceReady(): void {
    this.#queue.schedule();
  }

  /** From the next packet on nothing is handed over, until {@link release}. */
  hold(reason: HoldReason): void {
    this.#input.hold(reason);
  }

  release(reason: HoldReason): void {
    // Silence was of our making.
    this.#heardMs = performance.now();
    this.#input.release(reason);
  }

  /**
   * What follows SNAP is given to `sink`. When the tree is complete the connection is held, until
   * `release(HoldReason.history)`.
   */
  receiveTree(sink: TreeSink): void {
    this.#heardMs = performance.now();
    this.#input.receiveTree(sink);
  }

  /** The learner is in step: from now on a shorter silence is borne. */
  inStep(): void {
    if (this.#timeoutMs === this.#limits.syncTimeoutMs) return;
    this.#timeoutMs = this.#limits.syncTimeoutMs;
    this.#watch(this.#timeoutMs);
  }

  /** Closes the connection behind what was sent so far; nothing more is handed over. `reason` is for the log. */
  close(reason: string): void {
    if (this.isClosed) return;
    this.#reason = reason;
    this.#input.close();
    // What still comes is dropped; left unread it would make the system reset the connection.
    this.#socket.resume();
    this.#queue.end();
    this.#stopWatching();
    this.#timer = setTimeout(() => this.#socket.destroy(), CLOSING_MS);
  }

  #receive(chunk: Buffer): void {
    if (this.isClosed) return;
    this.#heard();
    this.#take(chunk);
  }

  #take(chunk: Buffer): void {
    try {
      this.#input.take(chunk);
    } catch (error) {
      if (!(error instanceof PacketError)) throw error;
      this.#fail(`it has sent ${error.message}`);
    }
  }

  #heard(): void {
    this.#heardMs = performance.now();
    this.#events?.heard();
  }

  #dropSlow(bytes: number): void {
    const limit = this.#limits.sendQueueBytesMax;
    this.#reason = `${bytes} bytes wait for it, ${limit} may (menagerie.learnerQueueMb)`;
    this.#log.warn(
      'slow learner',
      `${this.remote} on the quorum port is too slow and is cut off: ${this.#reason}`,
    );
    this.#socket.destroy();
  }

  #fail(reason: string): void {
    this.#reason ??= reason;
    this.#input.close();
    this.#socket.destroy();
  }

  #closed(): void {
    this.#isClosed = true;
    this.#stopWatching();
    this.#input.close();
    this.#queue.close();
    const reason = this.#reason ?? 'closed by the other side';
    this.#log.warn('quorum connection', `quorum connection with ${this.remote} has ended: ${reason}`);
    this.#events?.closed(reason);
  }

  #stopWatching(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #watch(delayMs: number): void {
    this.#stopWatching();
    this.#timer = setTimeout(() => this.#checkSilence(), delayMs);
  }

  #checkSilence(): void {
    const leftMs = this.#silenceLeftMs();
    if (leftMs > 0) {
      this.#watch(leftMs);
      return;
    }
    // After a time in which this process did not run: what has come meanwhile is read first.
    this.#timer = setTimeout(() => {
      if (this.#silenceLeftMs() > 0) this.#checkSilence();
      else this.#fail(`nothing was heard for ${this.#timeoutMs} ms`);
    }, 1);
  }

  #silenceLeftMs(): number {
    if (this.#input.isHeld) return this.#timeoutMs;
    return this.#heardMs + this.#timeoutMs - performance.now();
  }
}

/** `address:port` of a socket's other side. */
export function remoteOf(socket: Socket): string {
  return `${socket.remoteAddress ?? 'somebody'}:${socket.remotePort ?? 0}`;
}
