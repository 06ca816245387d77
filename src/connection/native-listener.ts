// The one place that leans on an internal of Node: the listening handle's `onconnection`. With it an accepted handle
// becomes a Socket with the `onread` option, which reads into one buffer that all sockets of a worker share and calls
// back without a stream, an event or an allocation (about half the CPU of 'data' events for a 1 KiB read). Where Node
// does not have it any more, sockets are accepted and read the documented way.
// All sockets share their listeners, too, and find their client in a field: closures of their own would be a tenth of what
// an idle client takes.

import {
  type ConnectOpts,
  createServer,
  type ListenOptions,
  type OnReadOpts,
  type Server,
  Socket,
  type SocketConstructorOpts,
} from 'node:net';

/** The most that one read of a socket brings. */
export const READ_BUFFER_BYTES = 64 * 1024;

/** What becomes of clients' sockets; `Client` is what stands for one of them. */
export interface ClientSockets<Client> {
  /** A client has connected from `address`, which is empty if it is gone already. */
  accepted(socket: Socket, address: string, port: number): Client;
  /** What it sent, valid during the call: `buffer[0, length)`. */
  received(client: Client, length: number, buffer: Uint8Array): void;
  /** Its socket is closed, for whatever reason. */
  closed(client: Client): void;
}

interface ListeningHandle {
  onconnection?: (error: number, handle?: object) => void;
  readonly fd?: number;
}

type SocketOptions = SocketConstructorOpts & ConnectOpts & { handle: object | null };

interface PeerName {
  address: string | undefined;
  port: number | undefined;
}

/** A socket that knows whose it is. */
class ClientSocket<Client> extends Socket {
  client: Client | null = null;
}

/** Listens for clients. One per connection worker. */
export class NativeListener<Client> {
  /** Whether the shared-buffer way works on this Node. */
  usesOnRead = false;
  readonly #server: Server;
  readonly #sockets: ClientSockets<Client>;
  readonly #buffer = new Uint8Array(READ_BUFFER_BYTES);
  readonly #sharedOnRead: OnReadOpts;
  /** Node copies what it is given. */
  readonly #options: SocketOptions;
  readonly #peerName: PeerName = { address: undefined, port: undefined };
  /** Node calls `onread.callback` as a method of the socket: seen with the first one that received something. */
  #knowsSocket = false;
  readonly #onClose: (this: ClientSocket<Client>) => void;

  constructor(sockets: ClientSockets<Client>) {
    this.#sockets = sockets;
    this.#server = createServer({ noDelay: true }, (socket) => {
      const client = sockets.accepted(socket, socket.remoteAddress ?? '', socket.remotePort ?? 0);
      socket.on('error', destroyThis);
      socket.on('data', (chunk: Buffer) => sockets.received(client, chunk.length, chunk));
      socket.on('close', () => sockets.closed(client));
    });
    this.#sharedOnRead = {
      buffer: this.#buffer,
      callback(this: unknown, length, buffer) {
        const { client } = this as ClientSocket<Client>;
        if (client !== null) sockets.received(client, length, buffer);
        return true;
      },
    };
    this.#options = { handle: null, readable: true, writable: true, onread: this.#sharedOnRead };
    this.#onClose = function () {
      if (this.client !== null) sockets.closed(this.client);
    };
  }

  /** Opens the port, or listens on another worker's socket: `{ fd }`. Rejects when that fails. */
  listen(options: ListenOptions & { fd?: number }): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(options, () => {
        this.#server.off('error', reject);
        this.#server.on('error', () => {});
        this.#takeHandles();
        resolve();
      });
    });
  }

  get port(): number {
    const address = this.#server.address();
    return address !== null && typeof address === 'object' ? address.port : 0;
  }

  /** Descriptor of the listening socket, for the other workers; -1 where Node does not tell. */
  get descriptor(): number {
    return listeningHandle(this.#server)?.fd ?? -1;
  }

  close(): void {
    this.#server.close();
  }

  #takeHandles(): void {
    const handle = listeningHandle(this.#server);
    if (handle === null || typeof handle.onconnection !== 'function') return;
    const accept = handle.onconnection;
    this.usesOnRead = true;
    handle.onconnection = (error, client) => {
      if (error !== 0 || client === undefined) accept.call(handle, error, client);
      else this.#accept(client);
    };
  }

  #accept(handle: object): void {
    const socket = this.#socketOf(handle);
    socket.setNoDelay(true);
    socket.on('error', destroyThis);
    socket.on('close', this.#onClose);
    const { address, port } = this.#peerNameOf(handle, socket);
    socket.client = this.#sockets.accepted(socket, address ?? '', port ?? 0);
  }

  #socketOf(handle: object): ClientSocket<Client> {
    const options = this.#options;
    options.handle = handle;
    options.onread = this.#knowsSocket ? this.#sharedOnRead : this.#ownOnRead(() => socket);
    const socket = new ClientSocket<Client>(options);
    options.handle = null;
    return socket;
  }

  /** Where the socket's peer is. The socket itself would remember what it was asked for. */
  #peerNameOf(handle: object, socket: Socket): PeerName {
    const name = this.#peerName;
    const getpeername: unknown = Reflect.get(handle, 'getpeername');
    if (typeof getpeername === 'function') {
      // It leaves the name as it is when there is no peer any more.
      name.address = undefined;
      name.port = undefined;
      Reflect.apply(getpeername, handle, [name]);
    } else {
      name.address = socket.remoteAddress;
      name.port = socket.remotePort;
    }
    return name;
  }

  /** For one socket, which need not be what the callback is called as a method of. */
  #ownOnRead(socketOf: () => ClientSocket<Client>): OnReadOpts {
    const knowsSocket = (isKnown: boolean): void => {
      this.#knowsSocket = isKnown;
    };
    const sockets = this.#sockets;
    return {
      buffer: this.#buffer,
      callback(this: unknown, length, buffer) {
        const socket = socketOf();
        knowsSocket(this === socket);
        if (socket.client !== null) sockets.received(socket.client, length, buffer);
        return true;
      },
    };
  }
}

function destroyThis(this: Socket): void {
  this.destroy();
}

function listeningHandle(server: Server): ListeningHandle | null {
  const handle: unknown = Reflect.get(server, '_handle');
  return typeof handle === 'object' && handle !== null ? handle : null;
}
