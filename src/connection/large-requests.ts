// Hot path: while the limit is off, as it is by default, a frame costs one comparison.

import type { ClientConnection } from './client-connection.ts';

/** Bytes of shared memory for {@link LargeRequests}. */
export const LARGE_REQUESTS_BYTES = 4;

/** A large request that main has in hand. */
export interface LargeRequest {
  readonly bytes: number;
  /** Answers to come until its own has come. */
  answersLeft: number;
}

/**
 * Bounds the memory that large requests take together, over all workers (largeRequestMaxBytes,
 * protocol/features.md §2.2). A request counts from when its length is known until it is answered.
 */
export class LargeRequests {
  /** Longer frames are large. */
  readonly #thresholdBytes: number;
  readonly #bytesMax: number;
  readonly #bytes: Int32Array;

  /** `thresholdBytes` 0: the limit is off. */
  constructor(memory: SharedArrayBuffer, thresholdBytes: number, bytesMax: number) {
    this.#bytes = new Int32Array(memory);
    this.#thresholdBytes = thresholdBytes > 0 ? thresholdBytes : Number.POSITIVE_INFINITY;
    this.#bytesMax = bytesMax;
  }

  /** To be asked of the frame at the head of the input, as often as one likes; false: it is one too many. */
  admits(connection: ClientConnection, frameBytes: number): boolean {
    if (frameBytes <= this.#thresholdBytes || connection.largeFrameBytes > 0) return true;
    const total = Atomics.add(this.#bytes, 0, frameBytes) + frameBytes;
    if (total > this.#bytesMax) {
      Atomics.sub(this.#bytes, 0, frameBytes);
      return false;
    }
    connection.largeFrameBytes = frameBytes;
    return true;
  }

  /** The large frame at the head of the input was dealt with: answered, or forwarded to main. */
  dealtWith(connection: ClientConnection, isForwarded: boolean): void {
    const bytes = connection.largeFrameBytes;
    connection.largeFrameBytes = 0;
    if (!isForwarded) {
      Atomics.sub(this.#bytes, 0, bytes);
      return;
    }
    connection.largeRequests ??= [];
    connection.largeRequests.push({ bytes, answersLeft: connection.outstanding });
  }

  /** One of the connection's requests was answered. */
  answered(connection: ClientConnection): void {
    const requests = connection.largeRequests;
    if (requests === null) return;
    for (const request of requests) request.answersLeft--;
    while (requests.length > 0 && requests[0].answersLeft === 0) {
      Atomics.sub(this.#bytes, 0, requests[0].bytes);
      requests.shift();
    }
  }

  /** The connection is gone. */
  closed(connection: ClientConnection): void {
    let bytes = connection.largeFrameBytes;
    for (const request of connection.largeRequests ?? []) bytes += request.bytes;
    connection.largeFrameBytes = 0;
    connection.largeRequests = null;
    if (bytes > 0) Atomics.sub(this.#bytes, 0, bytes);
  }
}
