import assert from 'node:assert/strict';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** Passes connections on to a port of this machine, until it is told to cut them. */
export class TcpProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(targetPort: number): Promise<TcpProxy> {
    const server = createServer({ allowHalfOpen: false });
    const proxy = new TcpProxy(server);
    server.on('connection', (client) => {
      const target = connect({ port: targetPort, host: '127.0.0.1' });
      for (const [socket, other] of [
        [client, target],
        [target, client],
      ]) {
        proxy.#sockets.add(socket);
        socket.setNoDelay(true);
        socket.on('error', () => {});
        socket.on('close', () => {
          proxy.#sockets.delete(socket);
          other.destroy();
        });
        socket.pipe(other);
      }
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port: 0, host: '127.0.0.1' }, resolve);
    });
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy does not listen');
    return address.port;
  }

  /** Ends all connections, as a network does that fails; new ones are passed on as before. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

/**
 * Runs a client through a proxy whose connections are cut once, when the client prints "cut me". `run` is given the proxy's
 * port and what to call with the client's output.
 */
export async function withCut(
  targetPort: number,
  run: (port: number, onOutput: (output: string) => void) => Promise<void>,
): Promise<void> {
  const proxy = await TcpProxy.start(targetPort);
  let isCut = false;
  try {
    await run(proxy.port, (output) => {
      if (isCut || !output.includes('cut me')) return;
      isCut = true;
      proxy.cut();
    });
    assert.ok(isCut, 'the client has asked for the cut');
  } finally {
    await proxy.stop();
  }
}
