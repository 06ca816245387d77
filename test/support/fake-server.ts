import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { JuteReader } from '../../src/jute/reader.ts';
import { GrowingJuteWriter } from '../../src/jute/writer.ts';

/** A request as it came, with what it came through. */
export interface FakeRequest {
  readonly xid: number;
  readonly type: number;
  /** Stands behind the header. */
  readonly body: JuteReader;
  readonly connection: FakeConnection;
}

/** Bytes of a Stat of which nothing is known but when its znode was made. */
export function statBytes(czxid: bigint): Uint8Array {
  const writer = new GrowingJuteWriter();
  for (const zxid of [czxid, czxid, 0n, 0n]) writer.writeLong(zxid);
  for (let i = 0; i < 3; i++) writer.writeInt(0);
  writer.writeLong(0n);
  for (let i = 0; i < 2; i++) writer.writeInt(0);
  writer.writeLong(czxid);
  return writer.written();
}

/** One client's connection: what it sends at once leaves in one piece. */
export class FakeConnection {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Sends frames with one write. */
  send(...bodies: readonly Uint8Array[]): void {
    const writer = new GrowingJuteWriter();
    for (const body of bodies) writer.writeBuffer(body);
    this.#socket.write(writer.written());
  }

  cut(): void {
    this.#socket.destroy();
  }
}

export function replyFrame(
  xid: number,
  body: Uint8Array = new Uint8Array(0),
  err = 0,
  zxid = 1n,
): Uint8Array {
  const writer = new GrowingJuteWriter();
  writer.writeInt(xid);
  writer.writeLong(zxid);
  writer.writeInt(err);
  writer.writeBytes(body, 0, body.length);
  return writer.written();
}

export function eventFrame(type: number, path: string): Uint8Array {
  const writer = new GrowingJuteWriter();
  writer.writeInt(type);
  writer.writeInt(3);
  writer.writeString(path);
  return replyFrame(-1, writer.written(), 0, -1n);
}

/** A server that opens sessions, and does with every other request what a test wants: nothing by itself. */
export class FakeServer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(
    onRequest: (request: FakeRequest) => void,
    { sessionTimeoutMs = 3000 } = {},
  ): Promise<FakeServer> {
    const server = createServer();
    const fake = new FakeServer(server);
    server.on('connection', (socket: Socket) => {
      fake.#sockets.add(socket);
      socket.on('error', () => {});
      fake.#serve(socket, sessionTimeoutMs, onRequest);
    });
    server.listen({ port: 0, host: '127.0.0.1' });
    await once(server, 'listening');
    return fake;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: Socket, sessionTimeoutMs: number, onRequest: (request: FakeRequest) => void): void {
    const connection = new FakeConnection(socket);
    let input = Buffer.alloc(0);
    let isOpen = false;
    socket.on('data', (chunk: Buffer) => {
      input = Buffer.concat([input, chunk]);
      for (; input.length >= 4 && input.length >= 4 + input.readInt32BE(0); ) {
        const frame = input.subarray(4, 4 + input.readInt32BE(0));
        input = input.subarray(4 + frame.length);
        if (isOpen) {
          const body = new JuteReader(frame);
          onRequest({ xid: body.readInt(), type: body.readInt(), body, connection });
        } else {
          isOpen = true;
          connection.send(connectResponse(sessionTimeoutMs));
        }
      }
    });
  }
}

function connectResponse(sessionTimeoutMs: number): Uint8Array {
  const writer = new GrowingJuteWriter();
  writer.writeInt(0);
  writer.writeInt(sessionTimeoutMs);
  writer.writeLong(0x0100000000000001n);
  writer.writeBuffer(new Uint8Array(16).fill(1));
  writer.writeBoolean(false);
  return writer.written();
}
