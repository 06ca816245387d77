import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { GrowingJuteWriter } from '../../src/jute/writer.ts';
import { OpCode } from '../../src/protocol/opcode.ts';

/** What a client must at least do: the same bytes on a bare socket, no decoding, no promises. It shows what is possible at all. */
export class BareSocket {
  readonly #socket: Socket;
  #onReplies: (count: number) => void = () => {};
  /** How much of the last frame is still to come. */
  #left = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Opens a session. */
  static async open(port: number): Promise<BareSocket> {
    let bare: BareSocket | null = null;
    let onOpen = () => {};
    const opened = new Promise<void>((resolve) => {
      onOpen = resolve;
    });
    const buffer = Buffer.allocUnsafeSlow(64 * 1024);
    const callback = (length: number) => {
      // The first read is the answer to the ConnectRequest.
      if (bare === null) onOpen();
      else bare.#onInput(buffer, length);
      return true;
    };
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, onread: { buffer, callback } });
    await once(socket, 'connect');
    socket.write(connectRequest());
    await opened;
    bare = new BareSocket(socket);
    return bare;
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Keeps `depth` requests under way for so long; gives how many were answered. */
  run(request: Uint8Array, depth: number, seconds: number): Promise<number> {
    const many = Buffer.concat(Array.from({ length: depth }, () => request));
    const end = performance.now() + seconds * 1000;
    let [answered, underWay] = [0, depth];
    return new Promise((resolve) => {
      this.#onReplies = (count) => {
        answered += count;
        underWay -= count;
        if (performance.now() < end) {
          underWay += count;
          this.#socket.write(many.subarray(0, count * request.length));
        } else if (underWay === 0) resolve(answered);
      };
      this.#socket.write(many);
    });
  }

  #onInput(buffer: Buffer, length: number): void {
    let [at, count] = [this.#left, 0];
    if (at > 0 && at <= length) count++;
    while (at < length) {
      at += 4 + buffer.readInt32BE(at);
      if (at <= length) count++;
    }
    this.#left = at - length;
    if (count > 0) this.#onReplies(count);
  }
}

function connectRequest(): Uint8Array {
  const body = new GrowingJuteWriter();
  body.writeInt(0);
  body.writeLong(0n);
  body.writeInt(30_000);
  body.writeLong(0n);
  body.writeBuffer(new Uint8Array(16));
  body.writeBoolean(false);
  return framed(body);
}

/** A frame of getData. Its xid stays as it is, which servers do not mind. */
export function getDataFrame(path: string): Uint8Array {
  const body = header(OpCode.getData);
  body.writeString(path);
  body.writeBoolean(false);
  return framed(body);
}

export function setDataFrame(path: string, data: Uint8Array): Uint8Array {
  const body = header(OpCode.setData);
  body.writeString(path);
  body.writeBuffer(data);
  body.writeInt(-1);
  return framed(body);
}

function header(type: number): GrowingJuteWriter {
  const body = new GrowingJuteWriter();
  body.writeInt(1);
  body.writeInt(type);
  return body;
}

function framed(body: GrowingJuteWriter): Uint8Array {
  const frame = new GrowingJuteWriter();
  frame.writeBuffer(body.written());
  return frame.written();
}
