import type { Socket } from 'node:net';
import { remoteOf } from './quorum-connection.ts';
import type { QuorumLog } from './quorum-log.ts';
import { describeStranger } from './stranger.ts';

/** What the bytes say with which a connection begins. */
export type Introduction =
  | { readonly kind: 'incomplete' }
  /** Who this is does not belong here; `problem` completes "is no learner: …". */
  | { readonly kind: 'bad'; readonly problem: string }
  /** The connection is a stranger's no more; `welcome` gets it, and nothing listens to it. */
  | { readonly kind: 'known'; readonly welcome: (socket: Socket) => void };

export interface StrangersOptions {
  readonly port: 'election' | 'quorum';
  /** Who belongs here, as "learner". */
  readonly expected: string;
  /** Until who has connected must have said who it is. */
  readonly timeoutMs: number;
  readonly log: QuorumLog;
  /** Looks at all that has come so far. */
  readonly read: (bytes: Buffer) => Introduction;
}

/** Connections that have not said who they are; beyond it the oldest goes. */
const STRANGERS_MAX = 128;

/**
 * Those that have connected to a port between servers and have not said who they are: whoever they are, they cost little memory,
 * and not for long.
 */
export class Strangers {
  readonly #options: StrangersOptions;
  /** In the order in which they came. */
  readonly #sockets = new Set<Socket>();

  constructor(options: StrangersOptions) {
    this.#options = options;
  }

  /** A connection that has just come. */
  add(socket: Socket): void {
    const { timeoutMs, read, port, expected } = this.#options;
    this.#sockets.add(socket);
    const [oldest] = this.#sockets;
    if (this.#sockets.size > STRANGERS_MAX) oldest.destroy();
    let bytes = Buffer.alloc(0);
    const timer = setTimeout(
      () => this.refuse(socket, `has sent ${bytes.length} bytes in ${timeoutMs} ms, and not who it is`),
      timeoutMs,
    );
    const leave = () => {
      clearTimeout(timer);
      this.#sockets.delete(socket);
      socket.off('data', onData);
      socket.off('close', leave);
      socket.off('end', onEnd);
    };
    const onEnd = () => socket.destroy();
    const onData = (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      const introduction = read(bytes);
      switch (introduction.kind) {
        case 'incomplete':
          break;
        case 'bad': {
          leave();
          const who = describeStranger(port, bytes) ?? `no ${expected}: ${introduction.problem}`;
          this.refuse(socket, `is ${who}`);
          break;
        }
        case 'known':
          leave();
          introduction.welcome(socket);
          break;
        default:
          throw new Error(`unknown introduction ${introduction satisfies never}`);
      }
    };
    socket.on('data', onData);
    socket.once('close', leave);
    socket.once('end', onEnd);
  }

  /** Closes a connection, and says why; of one that has said who it is, too. */
  refuse(socket: Socket, problem: string): void {
    const { port, log } = this.#options;
    log.warn(`${port} stranger`, `${port} port: ${remoteOf(socket)} ${problem}; the connection is closed`);
    socket.destroy();
  }

  /** Closes all connections. */
  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }
}
