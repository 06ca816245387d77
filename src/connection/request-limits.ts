// Hot path: one locked addition per request sent to main and one per answer; a sum over the workers per request.

import type { ClientConnection } from './client-connection.ts';

/** So many answers make a write to a socket worth its cost. */
const TURN_REQUESTS_MIN = 32;

export interface RequestLimitOptions {
  /** globalOutstandingLimit: beyond it a connection that waits for an answer sends no more, and then waits for its turn. */
  readonly outstandingMax: number;
  /** request_throttle_max_requests: beyond it no connection sends more; 0 for no limit. */
  readonly inProcessMax: number;
}

/** Bytes of shared memory for {@link RequestLimits}. */
export function requestCountsBytes(workers: number): number {
  return workers * 4;
}

/**
 * How many requests main may have in hand (protocol/features.md §2.2), over all workers. Reads are answered where they
 * come in and never wait for main, so only what is forwarded counts: writes, syncs, closeSessions.
 */
export class RequestLimits {
  /** One word a worker: its requests that main has not answered. */
  readonly #counts: Int32Array;
  readonly #worker: number;
  readonly #outstandingMax: number;
  readonly #inProcessMax: number;

  constructor(memory: SharedArrayBuffer, worker: number, options: RequestLimitOptions) {
    this.#counts = new Int32Array(memory);
    this.#worker = worker;
    this.#outstandingMax = options.outstandingMax;
    this.#inProcessMax = options.inProcessMax > 0 ? options.inProcessMax : Number.POSITIVE_INFINITY;
  }

  /** Requests of all workers that main has not answered. */
  get inProcess(): number {
    const counts = this.#counts;
    let sum = 0;
    for (let i = 0; i < counts.length; i++) sum += Atomics.load(counts, i);
    return sum;
  }

  /** Whether request_throttle_max_requests are in process: whoever it is has to wait. */
  get isFull(): boolean {
    return this.#inProcessMax !== Number.POSITIVE_INFINITY && this.inProcess >= this.#inProcessMax;
  }

  /**
   * Whether this connection may have one more, as far as globalOutstandingLimit goes. One that the limit has stopped waits
   * for its turn and then has a number of requests at once. Let in one by one as room comes up, hundreds of connections
   * would have a request or two under way each, and every answer would cost a write to a socket of its own (measured
   * with 600: a third of what the server can do).
   */
  admits(connection: ClientConnection): boolean {
    if (connection.allowance >= 0) return connection.allowance > 0;
    if (connection.isHeldBack) return false;
    return connection.outstanding === 0 || this.inProcess < this.#outstandingMax;
  }

  /** How many requests the next of `waiting` connections may have in its turn; 0 for none now. */
  allowance(waiting: number): number {
    const room = this.#outstandingMax - this.inProcess;
    const least = Math.min(TURN_REQUESTS_MIN, this.#outstandingMax);
    if (room < least) return 0;
    return Math.min(room, Math.max(least, Math.floor(this.#outstandingMax / waiting)));
  }

  forwarded(connection: ClientConnection): void {
    if (connection.allowance > 0) connection.allowance--;
    Atomics.add(this.#counts, this.#worker, 1);
  }

  /** So many were answered, or nobody waits for their answers any more. */
  settled(requests: number): void {
    Atomics.sub(this.#counts, this.#worker, requests);
  }
}
