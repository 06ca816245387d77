import type { Socket } from 'node:net';
import type { PacketStream } from './packet-stream.ts';

/** Why nothing is taken from a connection for a time. */
export const HoldReason = {
  /** A TRUNC or SNAP is being carried out; what follows builds on it. */
  history: 1,
  /** There is no room for what might come. */
  room: 2,
} as const;
export type HoldReason = (typeof HoldReason)[keyof typeof HoldReason];

/** Takes the tree that follows SNAP in the stream, the signature behind it included. */
export interface TreeSink {
  /**
   * Takes bytes of the tree, which are valid during the call, and gives the index of the first byte that is not the tree's:
   * `end` unless the tree is complete. Throws PacketError for a tree that cannot be.
   */
  write(bytes: Uint8Array, start: number, end: number): number;
  readonly isComplete: boolean;
}

/**
 * What a quorum connection receives: packets or a tree. While it is held nothing is handed over and the socket is not
 * read; what had been read already, a chunk at most, waits.
 */
export class QuorumInput {
  readonly #socket: Socket;
  #stream: PacketStream | null = null;
  #held = 0;
  #tree: TreeSink | null = null;
  /** What came before the socket stood still, and where it goes on. */
  #backlog: Buffer | null = null;
  #isResuming = false;
  #isClosed = false;
  readonly #onBacklog: (backlog: Buffer) => void;

  /** `onBacklog` is called with what is to be taken when the connection is no longer held. */
  constructor(socket: Socket, onBacklog: (backlog: Buffer) => void) {
    this.#socket = socket;
    this.#onBacklog = onBacklog;
  }

  /** Who takes the packets; nothing is handed over before. */
  begin(stream: PacketStream): void {
    this.#stream = stream;
  }

  get isHeld(): boolean {
    return this.#held !== 0;
  }

  /** Hands over what it can. Throws PacketError. */
  take(chunk: Buffer): void {
    const stream = this.#stream;
    if (this.#isClosed || stream === null) return;
    if (this.#backlog !== null) {
      // The socket had already been on its way to give this when it was stopped.
      this.#backlog = Buffer.concat([this.#backlog, chunk]);
      return;
    }
    // Not as a Buffer, whose views cost several times those of a plain array: they are made for each packet's data.
    const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length);
    let at = 0;
    while (at < bytes.length && this.#held === 0 && !this.#isClosed) {
      at = this.#tree === null ? stream.read(bytes, at, bytes.length) : this.#takeTree(this.#tree, bytes, at);
    }
    if (at < chunk.length && !this.#isClosed) this.#backlog = chunk.subarray(at);
  }

  /** Nothing more is handed over, from the next packet on, until this reason is released. */
  hold(reason: HoldReason): void {
    if (this.#held === 0) {
      this.#socket.pause();
      this.#stream?.stop();
    }
    this.#held |= reason;
  }

  /** What waits is handed over in a later turn. */
  release(reason: HoldReason): void {
    if ((this.#held & reason) === 0) return;
    this.#held &= ~reason;
    if (this.#held !== 0 || this.#isResuming) return;
    this.#isResuming = true;
    setImmediate(() => {
      this.#isResuming = false;
      if (this.#held === 0 && !this.#isClosed) this.#resume();
    });
  }

  /** What comes next is a tree; behind its end the connection is held. */
  receiveTree(sink: TreeSink): void {
    this.#tree = sink;
    this.release(HoldReason.history);
  }

  /** Nothing more is handed over, not even of what is being taken. */
  close(): void {
    this.#isClosed = true;
    this.#stream?.stop();
    this.#backlog = null;
    this.#tree = null;
  }

  #takeTree(tree: TreeSink, chunk: Uint8Array, start: number): number {
    const at = tree.write(chunk, start, chunk.length);
    if (tree.isComplete) {
      this.#tree = null;
      this.hold(HoldReason.history);
    }
    return at;
  }

  #resume(): void {
    const backlog = this.#backlog;
    this.#backlog = null;
    if (backlog !== null) this.#onBacklog(backlog);
    if (this.#held === 0 && !this.#isClosed) this.#socket.resume();
  }
}
