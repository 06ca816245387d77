import { createServer, type Server, type Socket } from 'node:net';
import { codeOf, prepareSocket } from './dial.ts';
import { formatHostAddress } from './host-address.ts';
import type { NameLookup } from './name-lookup.ts';

/** Where a port is opened: on one host's addresses, or on all of this machine (null). */
export interface ListenAddress {
  readonly host: string | null;
  readonly port: number;
}

export interface ListenOptions {
  readonly addresses: readonly ListenAddress[];
  /** For messages: `election`, `quorum`. */
  readonly name: string;
  readonly names: NameLookup;
  /** After a failure so many more attempts are made, a second apart; Infinity for ever. */
  readonly retries: number;
}

/** A port could not be opened; the message says which, why, and what can be done. */
export class PortError extends Error {
  override readonly name = 'PortError';
}

const RETRY_MS = 1000;
const BACKLOG = 256;

/** The listening sockets of one port: of all addresses that this server's name has. */
export class Listeners {
  readonly #options: ListenOptions;
  readonly #onSocket: (socket: Socket) => void;
  #servers: Server[] = [];
  #isClosed = false;

  /** `onSocket` gets each accepted connection; it is not read before it has a `data` listener. */
  constructor(options: ListenOptions, onSocket: (socket: Socket) => void) {
    this.#options = options;
    this.#onSocket = onSocket;
  }

  /** Opens all. Rejects with PortError. */
  async open(): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        for (const address of this.#options.addresses) await this.#openOne(address);
        return;
      } catch (error) {
        this.#closeServers();
        if (attempt >= this.#options.retries || this.#isClosed) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  /** The port of the first address: what the system chose where 0 was asked for. */
  get port(): number {
    const address = this.#servers[0]?.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  close(): void {
    this.#isClosed = true;
    this.#closeServers();
  }

  async #openOne({ host, port }: ListenAddress): Promise<void> {
    if (host === null) {
      await this.#listen(host, port).catch((error: Error) => {
        throw this.#problem(`port ${port}`, error);
      });
      return;
    }
    const name = formatHostAddress({ host, port });
    const found = await this.#options.names.addresses(host).catch((error: Error) => {
      throw this.#problem(name, error);
    });
    const failed: Error[] = [];
    for (const address of new Set(found)) {
      await this.#listen(address, port).catch((error: Error) => {
        if (found.length === 1 || !isForeign(error)) throw this.#problem(name, error);
        failed.push(error);
      });
    }
    if (failed.length > 0 && this.#servers.length === 0) throw this.#problem(name, failed[0]);
  }

  async #listen(host: string | null, port: number): Promise<void> {
    const server = createServer({ noDelay: true }, (socket) => {
      // Whoever takes it hears of errors by its close.
      socket.on('error', () => {});
      prepareSocket(socket);
      this.#onSocket(socket);
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port, backlog: BACKLOG, ...(host === null ? {} : { host }) }, () => resolve());
    });
    server.on('error', () => {});
    this.#servers.push(server);
    if (this.#isClosed) this.#closeServers();
  }

  #problem(where: string, error: Error): PortError {
    const what = `the ${this.#options.name} port ${where} cannot be opened`;
    const code = codeOf(error);
    switch (code) {
      case 'EADDRINUSE':
        return new PortError(`${what}: it is in use, perhaps by another server on this machine`);
      case 'EADDRNOTAVAIL':
        return new PortError(
          `${what}: that is no address of this machine; correct this server's line, or set quorumListenOnAllIPs=true`,
        );
      case 'ENOTFOUND':
      case 'EAI_AGAIN':
        return new PortError(`${what}: the name cannot be resolved (${code})`);
      case 'EACCES':
        return new PortError(`${what}: ports below 1024 need privileges (EACCES)`);
      default:
        return new PortError(`${what}: ${error.message}`);
    }
  }

  #closeServers(): void {
    for (const server of this.#servers) server.close();
    this.#servers = [];
  }
}

/** One of a name's addresses need not be of this machine, or of a kind that it speaks. */
function isForeign(error: Error): boolean {
  const code = codeOf(error);
  return code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT';
}
