import { Socket } from 'node:net';
import { formatHostAddress, type HostAddress } from './host-address.ts';
import type { NameLookup } from './name-lookup.ts';

/** A name's further addresses are tried so much later each, as long as none has answered. */
const STAGGER_MS = 100;
/** Probes begin after so long a silence; the system repeats them each second and gives up after ten. */
const KEEP_ALIVE_MS = 5000;

export interface DialOptions {
  /** Ways to one server: all are dialled at once, the first that answers is taken. */
  readonly addresses: readonly HostAddress[];
  readonly timeoutMs: number;
  readonly names: NameLookup;
}

/** A socket, connected and not read yet; or why there is none. */
export type DialResult =
  | { readonly kind: 'connected'; readonly socket: Socket; readonly address: HostAddress }
  | { readonly kind: 'failed'; readonly reason: string };

/** Sets what every socket between servers has: no delay, and probes that find a dead peer. */
export function prepareSocket(socket: Socket): void {
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
}

/**
 * Connects to a server; names are resolved anew. `done` is called once, later, unless the function that is given back
 * was called before: that ends the attempt.
 */
export function dial(options: DialOptions, done: (result: DialResult) => void): () => void {
  const attempt = new Attempt(options, done);
  attempt.begin();
  return () => attempt.cancel();
}

class Attempt {
  readonly #options: DialOptions;
  readonly #done: (result: DialResult) => void;
  readonly #sockets = new Set<Socket>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #problems = new Set<string>();
  /** Lookups, delays and connections that may still succeed. */
  #hopes = 0;
  #isOver = false;
  #isCancelled = false;

  constructor(options: DialOptions, done: (result: DialResult) => void) {
    this.#options = options;
    this.#done = done;
  }

  begin(): void {
    const { addresses, timeoutMs } = this.#options;
    this.#after(timeoutMs, () => {
      const { size } = this.#problems;
      this.#fail(`no answer within ${timeoutMs} ms${size > 0 ? `; ${[...this.#problems].join('; ')}` : ''}`);
    });
    // One for this loop, so that nothing ends before all have begun.
    this.#hopes = 1;
    for (const address of addresses) {
      this.#hopes++;
      this.#options.names.addresses(address.host).then(
        (found) => this.#found(address, found),
        (error: Error) => this.#gone(`${address.host} cannot be resolved (${codeOf(error)})`),
      );
    }
    this.#gone(null);
  }

  /** Ends the attempt: `done` will not be called. */
  cancel(): void {
    this.#isCancelled = true;
    this.#end();
  }

  #end(): void {
    this.#isOver = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  #found(address: HostAddress, found: readonly string[]): void {
    if (this.#isOver) return;
    this.#hopes += found.length;
    for (const [i, host] of found.entries()) {
      if (i === 0) this.#connect(address, host);
      else this.#after(i * STAGGER_MS, () => this.#connect(address, host));
    }
    this.#gone(null);
  }

  #connect(address: HostAddress, host: string): void {
    const socket = new Socket();
    this.#sockets.add(socket);
    let problem = 'closed';
    socket.on('error', (error) => {
      problem = codeOf(error);
    });
    socket.once('close', () => {
      if (!this.#sockets.delete(socket)) return;
      const name = formatHostAddress(address);
      this.#gone(host === address.host ? `${name}: ${problem}` : `${name} (${host}): ${problem}`);
    });
    socket.once('connect', () => {
      if (this.#isOver) return;
      this.#sockets.delete(socket);
      this.#end();
      prepareSocket(socket);
      this.#done({ kind: 'connected', socket, address });
    });
    socket.connect({ host, port: address.port });
  }

  #after(delayMs: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, delayMs);
    this.#timers.add(timer);
  }

  /** One hope less. */
  #gone(problem: string | null): void {
    this.#hopes--;
    if (problem !== null) this.#problems.add(problem);
    if (this.#hopes === 0 && !this.#isOver) {
      this.#fail(this.#problems.size === 0 ? 'there is no address to dial' : [...this.#problems].join('; '));
    }
  }

  #fail(reason: string): void {
    this.#end();
    // Not from within begin.
    setImmediate(() => {
      if (!this.#isCancelled) this.#done({ kind: 'failed', reason });
    });
  }
}

/** `ECONNREFUSED` and the like; the message where there is no code. */
export function codeOf(error: Error): string {
  const code: unknown = Reflect.get(error, 'code');
  return typeof code === 'string' ? code : error.message;
}
