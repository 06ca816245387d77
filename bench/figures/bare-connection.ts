// Clients for measurements: as little work per reply as possible, so that thousands of them fit beside the server.

import { connect, type Socket } from 'node:net';
import type { JuteWriter } from '../../src/jute/writer.ts';
import { encode, openAcl, writeAcl } from '../../test/support/wire-records.ts';

/** Where the fields of a frame are, from the first byte behind its length. */
export const ReplyAt = { xid: 0, error: 12, body: 16 } as const;

/** Called with a frame from the server; `at` is the first byte behind its length. */
export type OnFrame = (bytes: Buffer, at: number, length: number) => void;

/** A request's frame, to be sent as often as wanted. */
export function requestFrame(xid: number, opcode: number, body: (writer: JuteWriter) => void): Buffer {
  return frame((writer) => {
    writer.writeInt(xid);
    writer.writeInt(opcode);
    body(writer);
  });
}

/** Body of a getData or exists. */
export function pathAndWatch(path: string, watch: boolean): (writer: JuteWriter) => void {
  return (writer) => {
    writer.writeString(path);
    writer.writeBoolean(watch);
  };
}

/** Body of a setData, whatever the version. */
export function pathAndData(path: string, data: Uint8Array): (writer: JuteWriter) => void {
  return (writer) => {
    writer.writeString(path);
    writer.writeBuffer(data);
    writer.writeInt(-1);
  };
}

/** Body of a create of a persistent znode that is open to all. */
export function creation(path: string, data: Uint8Array): (writer: JuteWriter) => void {
  return (writer) => {
    writer.writeString(path);
    writer.writeBuffer(data);
    writeAcl(writer, openAcl);
    writer.writeInt(0);
  };
}

function frame(write: (writer: JuteWriter) => void): Buffer {
  const body = encode(write);
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length);
  return Buffer.concat([length, body]);
}

const NO_BYTES = Buffer.alloc(0);
/** All connections read into it: no stream, and no memory of its own, for what comes. */
const received = Buffer.alloc(64 * 1024);

/** A connection with a session that hands out frames as they come. Sends no heartbeats: give it a long timeout. */
export class BareConnection {
  onFrame: OnFrame = () => {};
  readonly #socket: Socket;
  #left: Buffer = NO_BYTES;
  #isClosing = false;

  private constructor(port: number) {
    const socket = connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      onread: {
        buffer: received,
        callback: (length) => {
          this.#received(received.subarray(0, length));
          return true;
        },
      },
    });
    this.#socket = socket;
    socket.on('error', (error) => {
      if (!this.#isClosing) throw new Error(`connection to port ${port}: ${error.message}`);
    });
    socket.on('close', () => {
      if (!this.#isClosing) throw new Error(`the server on port ${port} closed a connection`);
    });
  }

  /** Resolves when it has a session. */
  static open(port: number, timeoutMs = 600_000): Promise<BareConnection> {
    return new Promise((resolve) => {
      const connection = new BareConnection(port);
      connection.onFrame = () => resolve(connection);
      connection.send(
        frame((writer) => {
          writer.writeInt(0);
          writer.writeLong(0n);
          writer.writeInt(timeoutMs);
          writer.writeLong(0n);
          writer.writeBuffer(new Uint8Array(16));
          writer.writeBoolean(false);
        }),
      );
    });
  }

  send(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** Sends a request and gives the error in the reply, which must be the next frame. */
  ask(request: Uint8Array): Promise<number> {
    return new Promise((resolve) => {
      this.onFrame = (bytes, at) => resolve(bytes.readInt32BE(at + ReplyAt.error));
      this.send(request);
    });
  }

  /** Leaves without a word. */
  close(): void {
    this.#isClosing = true;
    this.#socket.destroy();
  }

  #received(chunk: Buffer): void {
    const bytes = this.#left.length === 0 ? chunk : Buffer.concat([this.#left, chunk]);
    let at = 0;
    while (bytes.length - at >= 4) {
      const length = bytes.readInt32BE(at);
      if (bytes.length - at - 4 < length) break;
      this.onFrame(bytes, at + 4, length);
      at += 4 + length;
    }
    this.#left = at === bytes.length ? NO_BYTES : Buffer.from(bytes.subarray(at));
  }
}

/** Opens so many connections, some at a time. */
export async function openMany(port: number, count: number): Promise<BareConnection[]> {
  const connections: BareConnection[] = [];
  while (connections.length < count) {
    const some = Math.min(100, count - connections.length);
    connections.push(...(await Promise.all(Array.from({ length: some }, () => BareConnection.open(port)))));
  }
  return connections;
}
