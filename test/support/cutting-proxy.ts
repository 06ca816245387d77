import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

type Mode = 'pass' | 'stall' | 'swallowReplies' | 'refuse';

/** A TCP proxy on loopback whose connections can be cut, or made to hang, at a chosen moment. */
export class CuttingProxy {
  readonly #server: Server;
  readonly #targetPort: number;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #mode: Mode = 'pass';
  #held: (() => void)[] = [];
  /** How many connections were accepted so far. */
  accepted = 0;

  private constructor(server: Server, targetPort: number) {
    this.#server = server;
    this.#targetPort = targetPort;
    server.on('connection', (socket) => this.#accept(socket));
  }

  static async start(targetPort: number): Promise<CuttingProxy> {
    const server = createServer();
    server.listen({ port: 0, host: '127.0.0.1' });
    await once(server, 'listening');
    return new CuttingProxy(server, targetPort);
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Lets everything through, also what {@link stall} held back. */
  pass(): void {
    this.#mode = 'pass';
    const held = this.#held;
    this.#held = [];
    for (const forward of held) forward();
  }

  /** Holds everything back, in both directions, and keeps the connections open. */
  stall(): void {
    this.#mode = 'stall';
  }

  /** Lets requests through and loses their replies. */
  swallowReplies(): void {
    this.#mode = 'swallowReplies';
  }

  /** Cuts every connection, and each new one at once. */
  refuse(): void {
    this.#mode = 'refuse';
    this.cut();
  }

  /** Cuts every connection; new ones are served. */
  cut(): void {
    for (const [a, b] of this.#pairs) {
      a.destroy();
      b.destroy();
    }
    this.#pairs.clear();
    this.#held = [];
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(client: Socket): void {
    this.accepted++;
    if (this.#mode === 'refuse') {
      client.destroy();
      return;
    }
    const server = connect({ port: this.#targetPort, host: '127.0.0.1' });
    const pair = [client, server] as const;
    this.#pairs.add(pair);
    const end = () => {
      this.#pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    for (const socket of pair) {
      socket.on('error', end);
      socket.on('close', end);
    }
    client.on('data', (chunk) => this.#forward(() => server.write(chunk), false));
    server.on('data', (chunk) => this.#forward(() => client.write(chunk), true));
  }

  #forward(send: () => void, isReply: boolean): void {
    if (this.#mode === 'stall') this.#held.push(send);
    else if (this.#mode !== 'swallowReplies' || !isReply) send();
  }
}
