import type { Socket } from 'node:net';
import type { ConnectionId } from '../zab/output.ts';
import { dial } from './dial.ts';
import type { HostAddress } from './host-address.ts';
import { type LeaderPacketSink, LeaderPackets, limitsForLeader } from './leader-packets.ts';
import type { PacketSizes } from './learner-packets.ts';
import { NameLookup } from './name-lookup.ts';
import { PacketStream } from './packet-stream.ts';
import { type ConnectionEvents, QuorumConnection, type QuorumConnectionLimits } from './quorum-connection.ts';
import { HoldReason } from './quorum-input.ts';
import type { QuorumLog } from './quorum-log.ts';
import { SendBufferPool } from './send-buffer.ts';

/** Takes what comes of the leader. */
export type LeaderSink = LeaderPacketSink & ConnectionEvents;

export interface LeaderDiallerOptions {
  readonly limits: QuorumConnectionLimits;
  readonly sizes: PacketSizes;
  readonly log: QuorumLog;
  /** Numbers for connections, of which none is given twice; shared with the port. */
  readonly nextConnection: () => ConnectionId;
  /** connectToLearnerMasterLimit or initLimit ticks: for all attempts together. */
  readonly connectLimitMs: number;
  /** leaderConnectDelayDuringRetryMs: the longest pause between attempts. */
  readonly retryDelayMs: number;
  /** The leader has answered. Called from the event loop. */
  readonly onLeader: (connection: QuorumConnection, leader: number) => LeaderSink;
  /** It does not answer, retries and all. Called from the event loop. */
  readonly onUnreachable: (leader: number, reason: string) => void;
  readonly names?: NameLookup;
}

/** The first pause between attempts: a leader may have decided a moment later than its learner. */
const FIRST_PAUSE_MS = 5;
/** So many attempts are made after a pause of full length. */
const FULL_PAUSES_MAX = 5;

/** A learner's side of the quorum port: connects to one leader at a time (protocol/quorum.md §3). */
export class LeaderDialler {
  readonly #options: LeaderDiallerOptions;
  readonly #names: NameLookup;
  readonly #pool = new SendBufferPool();
  #stop: (() => void) | null = null;

  constructor(options: LeaderDiallerOptions) {
    this.#options = options;
    this.#names = options.names ?? new NameLookup();
  }

  /**
   * Dials all addresses of a leader at once, again after a pause if need be; one of the callbacks follows. An earlier
   * attempt is given up; a connection that it has brought is not touched.
   */
  dial(leader: number, addresses: readonly HostAddress[]): void {
    this.cancel();
    this.#attempt(leader, addresses, performance.now() + this.#options.connectLimitMs, FIRST_PAUSE_MS, 0);
  }

  /** Gives up an attempt that is under way: none of its callbacks follows. */
  cancel(): void {
    this.#stop?.();
    this.#stop = null;
  }

  #attempt(
    leader: number,
    addresses: readonly HostAddress[],
    deadlineMs: number,
    pauseMs: number,
    fullPauses: number,
  ): void {
    const leftMs = Math.max(1, deadlineMs - performance.now());
    this.#stop = dial({ addresses, timeoutMs: Math.ceil(leftMs), names: this.#names }, (result) => {
      this.#stop = null;
      if (result.kind === 'connected') {
        this.#connected(result.socket, leader);
        return;
      }
      const { retryDelayMs, onUnreachable } = this.#options;
      if (fullPauses >= FULL_PAUSES_MAX || performance.now() + pauseMs >= deadlineMs) {
        onUnreachable(leader, result.reason);
        return;
      }
      const isFull = pauseMs >= retryDelayMs;
      const nextPauseMs = isFull ? retryDelayMs : Math.min(retryDelayMs, 2 * pauseMs);
      const timer = setTimeout(
        () => {
          this.#stop = null;
          this.#attempt(leader, addresses, deadlineMs, nextPauseMs, isFull ? fullPauses + 1 : fullPauses);
        },
        Math.min(pauseMs, retryDelayMs),
      );
      this.#stop = () => clearTimeout(timer);
    });
  }

  #connected(socket: Socket, leader: number): void {
    const { limits, log, sizes, nextConnection, onLeader } = this.#options;
    const connection = new QuorumConnection({ id: nextConnection(), socket, limits, pool: this.#pool, log });
    const sink = onLeader(connection, leader);
    const packets = new LeaderPackets(sink, () => connection.hold(HoldReason.history));
    connection.begin(new PacketStream(limitsForLeader(sizes), packets), sink, Buffer.alloc(0));
  }
}
