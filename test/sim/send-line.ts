import type { SendSource, SourceTarget } from '../../src/quorum/send-queue.ts';
import type { QuorumMessage } from './messages.ts';
import type { ConnectionEnd } from './network.ts';

export interface SendLineParts {
  readonly end: ConnectionEnd;
  /** Calls back when the other side may have taken what a source gave last; at once if it takes everything at once. */
  readonly whenTaken: (next: () => void) => void;
}

/**
 * What goes out on a connection, in order: messages, and sources that give theirs bit by bit, as the other side takes them. What is
 * sent behind a source waits for its end.
 */
export class SendLine implements SourceTarget {
  readonly #parts: SendLineParts;
  readonly #waiting: (QuorumMessage | SendSource)[] = [];
  #isStepping = false;
  #isClosed = false;

  constructor(parts: SendLineParts) {
    this.#parts = parts;
  }

  send(message: QuorumMessage): void {
    if (this.#waiting.length === 0) this.#parts.end.send(message);
    else this.#waiting.push(message);
  }

  source(source: SendSource): void {
    this.#waiting.push(source);
    if (this.#waiting.length === 1) this.#step();
  }

  /** A message of the source whose turn it is. */
  now(message: QuorumMessage): void {
    this.#parts.end.send(message);
  }

  proposal(epoch: number, counter: number, bytes: Uint8Array, start: number, length: number): void {
    this.now({ kind: 'proposal', epoch, counter, entry: bytes.slice(start, start + length) });
  }

  commits(epoch: number, first: number, last: number): void {
    for (let counter = first >>> 0; counter <= last >>> 0; counter++) {
      this.now({ kind: 'commit', epoch, counter: counter | 0 });
    }
  }

  raw(): void {
    throw new Error('sources of the simulator give messages');
  }

  close(): void {
    this.#isClosed = true;
    for (const item of this.#waiting.splice(0)) if ('fill' in item) item.cancel();
  }

  #step(): void {
    if (this.#isStepping) return;
    this.#isStepping = true;
    const next = (): void => {
      this.#isStepping = false;
      if (this.#isClosed) return;
      const first = this.#waiting[0];
      if (first === undefined) return;
      if (!('fill' in first)) this.now(first);
      else {
        const outcome = first.fill(this);
        if (outcome === 'more') this.#step();
        if (outcome !== 'end') return;
      }
      this.#waiting.shift();
      const following = this.#waiting[0];
      if (following !== undefined && 'fill' in following) this.#step();
      else if (following !== undefined) next();
    };
    this.#parts.whenTaken(next);
  }
}
