import type { MessagePort } from 'node:worker_threads';

/** So many chunks may be on their way or wait: the memory that a slow taker costs. */
const CHUNKS_WAITING_MAX = 4;

/** A task's end of the way on which it sends something long to main, piece by piece, no faster than main takes it. */
export class ChunkSender {
  readonly #port: MessagePort;
  #room = CHUNKS_WAITING_MAX;
  #isCancelled = false;
  #wake: () => void = () => {};

  constructor(port: MessagePort) {
    this.#port = port;
    port.on('message', () => {
      this.#room++;
      this.#wake();
    });
    port.on('close', () => {
      this.#isCancelled = true;
      this.#wake();
    });
  }

  /** Sends all chunks, whose memory goes over to main; ends early when main does not want them any more. */
  async send(chunks: Iterable<Uint8Array<ArrayBuffer>>): Promise<void> {
    for (const chunk of chunks) {
      while (this.#room === 0 && !this.#isCancelled) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
      if (this.#isCancelled) return;
      this.#room--;
      this.#port.postMessage(chunk, [chunk.buffer]);
      // Messages are only heard of between two turns.
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#port.postMessage(null);
  }
}

/** Main's end. */
export class ChunkReceiver {
  readonly #port: MessagePort;
  readonly #onReady: () => void;
  readonly #chunks: Uint8Array<ArrayBuffer>[] = [];
  #hasEnded = false;
  #isCancelled = false;

  /** `onReady`: there is something to take, or the end was reached. */
  constructor(port: MessagePort, onReady: () => void) {
    this.#port = port;
    this.#onReady = onReady;
    port.on('message', (chunk: Uint8Array<ArrayBuffer> | null) => {
      if (this.#isCancelled) return;
      if (chunk === null) this.#hasEnded = true;
      else this.#chunks.push(chunk);
      this.#onReady();
    });
  }

  /** The next chunk; 'later' when it is not there yet, 'end' behind the last one. */
  take(): Uint8Array<ArrayBuffer> | 'later' | 'end' {
    const chunk = this.#chunks.shift();
    if (chunk === undefined) return this.#hasEnded ? 'end' : 'later';
    this.#port.postMessage(null);
    return chunk;
  }

  /** Nothing more is wanted, or will come: the task ends early. */
  close(): void {
    this.#isCancelled = true;
    this.#chunks.length = 0;
    this.#port.close();
  }
}
