import type { Socket } from 'node:net';
import type { ConnectionId } from '../zab/output.ts';
import {
  type LearnerPacketSink,
  LearnerPackets,
  limitsForLearner,
  limitsForStranger,
  type PacketSizes,
} from './learner-packets.ts';
import { type ListenAddress, Listeners } from './listeners.ts';
import { NameLookup } from './name-lookup.ts';
import { PacketBatch } from './packet-batch.ts';
import { PacketError } from './packet-error.ts';
import { type PacketHandler, PacketStream } from './packet-stream.ts';
import { type ConnectionEvents, QuorumConnection, type QuorumConnectionLimits } from './quorum-connection.ts';
import type { QuorumLog } from './quorum-log.ts';
import { SendBufferPool } from './send-buffer.ts';
import { type Introduction, Strangers } from './strangers.ts';

/** Takes what comes of one learner. */
export type LearnerSink = LearnerPacketSink & ConnectionEvents;

export interface QuorumPortOptions {
  readonly listen: readonly ListenAddress[];
  /** Further attempts to open the port, a second apart. */
  readonly bindRetries: number;
  readonly limits: QuorumConnectionLimits;
  readonly sizes: PacketSizes;
  readonly log: QuorumLog;
  /** Numbers for connections, of which none is given twice; shared with the dialler. */
  readonly nextConnection: () => ConnectionId;
  /**
   * Who has connected speaks the protocol: its first packet is to come next. Called from the event loop. While
   * the server does not lead, it may close the connection.
   */
  readonly onLearner: (connection: QuorumConnection) => LearnerSink;
  readonly names?: NameLookup;
  readonly connectionsMax?: number;
}

/** Far more than an ensemble has learners. */
const CONNECTIONS_MAX = 1024;
/** A packet's head: enough to see whether it is FOLLOWERINFO or OBSERVERINFO, with data of a length that can be. */
const FIRST_BYTES = 16;

/**
 * The quorum port: learners connect here to their leader (protocol/quorum.md §3). It is open in every role, so that
 * learners that have decided a little earlier than their leader find it.
 */
export class QuorumPort {
  /** Where packets for several learners are written; see {@link QuorumConnection.share}. */
  readonly shared: PacketBatch;
  readonly #options: QuorumPortOptions;
  readonly #listeners: Listeners;
  readonly #pool = new SendBufferPool();
  readonly #strangers: Strangers;
  readonly #connections = new Set<QuorumConnection>();

  constructor(options: QuorumPortOptions) {
    this.#options = options;
    this.shared = new PacketBatch(this.#pool);
    const names = options.names ?? new NameLookup();
    this.#strangers = new Strangers({
      port: 'quorum',
      expected: 'learner',
      timeoutMs: options.limits.initTimeoutMs,
      log: options.log,
      read: (bytes) => this.#read(bytes),
    });
    this.#listeners = new Listeners(
      { addresses: options.listen, name: 'quorum', names, retries: options.bindRetries },
      (socket) => this.#accept(socket),
    );
  }

  /** Opens the port. Rejects with PortError. */
  open(): Promise<void> {
    return this.#listeners.open();
  }

  /** The port that is open. */
  get port(): number {
    return this.#listeners.port;
  }

  /** Those that have said who they are. */
  get connections(): ReadonlySet<QuorumConnection> {
    return this.#connections;
  }

  /** Send buffers that are not given back: what waits for learners. */
  get buffersInUse(): number {
    return this.#pool.inUse;
  }

  /** Sends what was written to {@link shared} since the last call to all of `learners`. */
  sendShared(learners: Iterable<QuorumConnection>): void {
    for (const learner of learners) learner.share(this.shared);
    this.shared.forget();
  }

  /** Closes the port, and all connections with `reason`. */
  close(reason: string): void {
    this.#listeners.close();
    this.#strangers.close();
    for (const connection of this.#connections) connection.close(reason);
    this.shared.clear();
  }

  /** A connection becomes one when it has sent enough to see that it speaks the protocol. */
  #accept(socket: Socket): void {
    const { connectionsMax = CONNECTIONS_MAX } = this.#options;
    if (this.#connections.size >= connectionsMax) {
      this.#strangers.refuse(socket, `is one more than the ${connectionsMax} connections that can be`);
      return;
    }
    this.#strangers.add(socket);
  }

  #read(bytes: Buffer): Introduction {
    const problem = problemOf(bytes);
    if (problem !== null) return { kind: 'bad', problem };
    if (bytes.length < FIRST_BYTES) return { kind: 'incomplete' };
    return { kind: 'known', welcome: (socket) => this.#open(socket, bytes) };
  }

  #open(socket: Socket, first: Buffer): void {
    const { limits, log, sizes, onLearner, nextConnection } = this.#options;
    const connection = new QuorumConnection({ id: nextConnection(), socket, limits, pool: this.#pool, log });
    this.#connections.add(connection);
    socket.once('close', () => this.#connections.delete(connection));
    const sink = onLearner(connection);
    const packets = new LearnerPackets(sink, {
      introduced: () => {
        stream.limits = limitsForLearner(sizes);
      },
      inStep: () => connection.inStep(),
    });
    const stream = new PacketStream(limitsForStranger(), packets);
    connection.begin(stream, sink, first);
  }
}

const ignored: PacketHandler = { packet: () => {}, endOfChunk: () => {} };

/** What is wrong with the first bytes of a connection, as far as they go; null if nothing is. */
function problemOf(bytes: Buffer): string | null {
  try {
    new PacketStream(limitsForStranger(), ignored).read(bytes, 0, Math.min(bytes.length, FIRST_BYTES));
    return null;
  } catch (error) {
    if (!(error instanceof PacketError)) throw error;
    return error.message;
  }
}
