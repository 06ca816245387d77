import { connect as connectSocket, type Socket } from 'node:net';

/** How long a frame, or a connection's end, may take to come. */
const PATIENCE_MS = 15_000;

/** A TCP connection that gives what comes as whole frames, their lengths included, and knows nothing of their meaning. */
export class FrameConnection {
  readonly #socket: Socket;
  #buffered: Buffer = Buffer.alloc(0);
  #isClosed = false;
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => {
      this.#buffered = Buffer.concat([this.#buffered, chunk]);
      this.#wake();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#isClosed = true;
      this.#wake();
    });
  }

  static open(port: number): Promise<FrameConnection> {
    return new Promise((resolve, reject) => {
      const socket = connectSocket({ port, host: '127.0.0.1' });
      socket.once('error', reject);
      socket.once('connect', () => resolve(new FrameConnection(socket)));
    });
  }

  send(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** The next frame. Rejects when the connection ends instead, or nothing comes. */
  async frame(): Promise<Uint8Array> {
    await this.#until(() => this.#frameLength() !== null || this.#isClosed, 'a frame');
    const length = this.#frameLength();
    if (length === null) throw new Error('the connection was closed where a frame was awaited');
    const frame = new Uint8Array(this.#buffered.subarray(0, length));
    this.#buffered = this.#buffered.subarray(length);
    return frame;
  }

  /** Waits until the server has closed the connection; rejects when bytes are left that nobody awaited. */
  async end(): Promise<void> {
    await this.#until(() => this.#isClosed, 'the end of the connection');
    this.checkNothingLeft();
  }

  /** Throws where bytes have come that nobody awaited. */
  checkNothingLeft(): void {
    if (this.#buffered.length > 0) throw new Error(`not awaited: ${this.#buffered.toString('hex')}`);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #frameLength(): number | null {
    if (this.#buffered.length < 4) return null;
    const length = 4 + this.#buffered.readInt32BE(0);
    return this.#buffered.length < length ? null : length;
  }

  async #until(met: () => boolean, what: string): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    while (!met()) {
      const leftMs = deadline - Date.now();
      if (leftMs <= 0) throw new Error(`${what} did not come within ${PATIENCE_MS} ms`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}
