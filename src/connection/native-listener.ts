// The one place that leans on an internal of Node: the listening handle's `onconnection`. With it an accepted handle
// becomes a Socket with the `onread` option, which reads into one buffer that all sockets of a worker share and calls
// back without a stream, an event or an allocation (about half the CPU of 'data' events for a 1 KiB read). Where Node
// does not have it any more, sockets are accepted and read the documented way.

import {
  type ConnectOpts,
  createServer,
  type ListenOptions,
  type Server,
  Socket,
  type SocketConstructorOpts,
} from 'node:net';

/** The most that one read of a socket brings. */
export const READ_BUFFER_BYTES = 64 * 1024;

/** Called with what a socket received, valid during the call: `buffer[0, length)`. */
export type OnRead = (length: number, buffer: Uint8Array) => void;

/** Takes an accepted socket and gives the function that receives its bytes. */
export type OnSocket = (socket: Socket) => OnRead;

interface ListeningHandle {
  onconnection?: (error: number, handle?: object) => void;
  readonly fd?: number;
}

/** Listens for clients. One per connection worker. */
export class NativeListener {
  /** Whether the shared-buffer way works on this Node. */
  usesOnRead = false;
  readonly #server: Server;
  readonly #onSocket: OnSocket;
  readonly #buffer = new Uint8Array(READ_BUFFER_BYTES);

  constructor(onSocket: OnSocket) {
    this.#onSocket = onSocket;
    this.#server = createServer({ noDelay: true }, (socket) => {
      const onRead = onSocket(socket);
      socket.on('data', (chunk: Buffer) => onRead(chunk.length, chunk));
    });
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
    let receive: OnRead | null = null;
    const options: SocketConstructorOpts & ConnectOpts & { handle: object } = {
      handle,
      readable: true,
      writable: true,
      onread: {
        buffer: this.#buffer,
        callback: (length, buffer) => {
          receive?.(length, buffer);
          return true;
        },
      },
    };
    const socket = new Socket(options);
    socket.setNoDelay(true);
    receive = this.#onSocket(socket);
  }
}

function listeningHandle(server: Server): ListeningHandle | null {
  const handle: unknown = Reflect.get(server, '_handle');
  return typeof handle === 'object' && handle !== null ? handle : null;
}
