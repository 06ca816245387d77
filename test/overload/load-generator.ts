// A thread that asks as much of a server as it is told to. It looks at no more of a reply than its length and error, so
// that it is cheaper than what it measures.

import { connect, type Socket } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import type { JuteWriter } from '../../src/jute/writer.ts';
import { OpCode } from '../../src/protocol/opcode.ts';
import { encode } from '../support/wire-records.ts';

/** `slow` reads large replies, a little at a time. */
export type LoadKind = 'write' | 'read' | 'slow';

export interface LoadOptions {
  readonly port: number;
  readonly kind: LoadKind;
  readonly connections: number;
  /** Requests that a connection has under way; 0: as many as its socket takes. */
  readonly depth: number;
  readonly sessionTimeoutMs: number;
  readonly path: string;
}

/** What has happened since the thread began. */
export interface LoadCounts {
  readonly answered: number;
  readonly errors: number;
  readonly connected: number;
  readonly closed: number;
}

const FRAMES_PER_WRITE = 32;
/** Then the other connections have their turn: one that fell silent for too long here would rightly lose its session. */
const WRITES_PER_TURN = 16;
const SLOW_READ_MS = 20;
const DATA_BYTES = 100;

class LoadConnection {
  readonly #socket: Socket;
  readonly #frames: Buffer;
  readonly #count: LoadTotals;
  readonly #options: LoadOptions;
  #left: Buffer = Buffer.alloc(0);
  #underWay = 0;
  #hasSession = false;
  #isFull = false;
  #isAskingLater = false;

  constructor(options: LoadOptions, frames: Buffer, connectFrame: Buffer, count: LoadTotals) {
    this.#options = options;
    this.#frames = frames;
    this.#count = count;
    this.#socket = connect({ port: options.port, host: '127.0.0.1', noDelay: true });
    this.#socket.on('connect', () => this.#socket.write(connectFrame));
    this.#socket.on('data', (chunk) => this.#received(chunk));
    this.#socket.on('drain', () => {
      this.#isFull = false;
      this.#ask();
    });
    this.#socket.on('error', () => this.#socket.destroy());
    this.#socket.on('close', () => {
      count.closed++;
    });
    if (options.kind === 'slow') setInterval(() => this.#socket.resume(), SLOW_READ_MS).unref();
  }

  #ask(): void {
    const depth = this.#options.depth === 0 ? Number.POSITIVE_INFINITY : this.#options.depth;
    let writes = 0;
    while (this.#hasSession && !this.#isFull && this.#underWay < depth && !this.#socket.destroyed) {
      if (writes++ === WRITES_PER_TURN) {
        this.#askLater();
        return;
      }
      const frames = Math.min(FRAMES_PER_WRITE, depth - this.#underWay);
      const bytes = (this.#frames.length / FRAMES_PER_WRITE) * frames;
      this.#underWay += frames;
      this.#isFull = !this.#socket.write(this.#frames.subarray(0, bytes));
    }
  }

  #askLater(): void {
    if (this.#isAskingLater) return;
    this.#isAskingLater = true;
    setImmediate(() => {
      this.#isAskingLater = false;
      this.#ask();
    });
  }

  #received(chunk: Buffer): void {
    if (this.#options.kind === 'slow') this.#socket.pause();
    const bytes = this.#left.length === 0 ? chunk : Buffer.concat([this.#left, chunk]);
    let at = 0;
    while (bytes.length - at >= 4) {
      const end = at + 4 + bytes.readInt32BE(at);
      if (end > bytes.length) break;
      this.#reply(bytes, at);
      at = end;
    }
    this.#left = bytes.subarray(at);
    this.#ask();
  }

  #reply(bytes: Buffer, at: number): void {
    if (!this.#hasSession) {
      this.#hasSession = true;
      this.#count.connected++;
      return;
    }
    this.#underWay--;
    this.#count.answered++;
    if (bytes.readInt32BE(at + 16) !== 0) this.#count.errors++;
  }
}

type LoadTotals = { -readonly [key in keyof LoadCounts]: number };

function frame(write: (writer: JuteWriter) => void): Buffer {
  const body = encode(write);
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length);
  return Buffer.concat([length, body]);
}

function requestFrame(options: LoadOptions): Buffer {
  return frame((writer) => {
    writer.writeInt(1);
    writer.writeInt(options.kind === 'write' ? OpCode.setData : OpCode.getData);
    writer.writeString(options.path);
    if (options.kind === 'write') {
      writer.writeBuffer(new Uint8Array(DATA_BYTES));
      writer.writeInt(-1);
    } else {
      writer.writeBoolean(false);
    }
  });
}

const port = parentPort;
if (port !== null) {
  const options = workerData as LoadOptions;
  const totals: LoadTotals = { answered: 0, errors: 0, connected: 0, closed: 0 };
  const one = requestFrame(options);
  const frames = Buffer.concat(Array.from({ length: FRAMES_PER_WRITE }, () => one));
  const connectFrame = frame((writer) => {
    writer.writeInt(0);
    writer.writeLong(0n);
    writer.writeInt(options.sessionTimeoutMs);
    writer.writeLong(0n);
    writer.writeBuffer(new Uint8Array(16));
    writer.writeBoolean(false);
  });
  for (let i = 0; i < options.connections; i++) new LoadConnection(options, frames, connectFrame, totals);
  port.on('message', () => port.postMessage({ ...totals } satisfies LoadCounts));
}
