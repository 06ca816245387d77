// The one place that leans on an internal of Node: the listening handle's `onconnection`. With it an accepted handle
// becomes a Socket with the `onread` option, which reads into one buffer that all sockets of a worker share and calls
// back without a stream, an event or an allocation (about half the CPU of 'data' events for a 1 KiB read). Where Node
// does not have it any more, sockets are accepted and read the documented way.
import { createServer, Socket, } from 'node:net';
/** The most that one read of a socket brings. */
export const READ_BUFFER_BYTES = 64 * 1024;
/** Listens for clients. One per connection worker. */
export class NativeListener {
    /** Whether the shared-buffer way works on this Node. */
    usesOnRead = false;
    #server;
    #onSocket;
    #buffer = new Uint8Array(READ_BUFFER_BYTES);
    constructor(onSocket) {
        this.#onSocket = onSocket;
        this.#server = createServer({ noDelay: true }, (socket) => {
            const onRead = onSocket(socket);
            socket.on('data', (chunk) => onRead(chunk.length, chunk));
        });
    }
    /** Opens the port, or listens on another worker's socket: `{ fd }`. Rejects when that fails. */
    listen(options) {
        return new Promise((resolve, reject) => {
            this.#server.once('error', reject);
            this.#server.listen(options, () => {
                this.#server.off('error', reject);
                this.#server.on('error', () => { });
                this.#takeHandles();
                resolve();
            });
        });
    }
    get port() {
        const address = this.#server.address();
        return address !== null && typeof address === 'object' ? address.port : 0;
    }
    /** Descriptor of the listening socket, for the other workers; -1 where Node does not tell. */
    get descriptor() {
        return listeningHandle(this.#server)?.fd ?? -1;
    }
    close() {
        this.#server.close();
    }
    #takeHandles() {
        const handle = listeningHandle(this.#server);
        if (handle === null || typeof handle.onconnection !== 'function')
            return;
        const accept = handle.onconnection;
        this.usesOnRead = true;
        handle.onconnection = (error, client) => {
            if (error !== 0 || client === undefined)
                accept.call(handle, error, client);
            else
                this.#accept(client);
        };
    }
    #accept(handle) {
        let receive = null;
        const options = {
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
function listeningHandle(server) {
    const handle = Reflect.get(server, '_handle');
    return typeof handle === 'object' && handle !== null ? handle : null;
}
