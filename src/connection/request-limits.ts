// Hot path: one locked addition per request sent to main and one per answer; a sum over the workers per request.

import type { ClientConnection } from './client-connection.ts';

export interface RequestLimitOptions {
  /** globalOutstandingLimit: beyond it a connection that waits for an answer sends no more. */
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

  /** Whether this connection may have one more, as far as globalOutstandingLimit goes. */
  admits(connection: ClientConnection): boolean {
    return connection.outstanding === 0 || this.inProcess < this.#outstandingMax;
  }

  forwarded(): void {
    Atomics.add(this.#counts, this.#worker, 1);
  }

  /** So many were answered, or nobody waits for their answers any more. */
  settled(requests: number): void {
    Atomics.sub(this.#counts, this.#worker, requests);
  }
}
