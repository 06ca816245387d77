import { connect, createServer, type Server, type Socket } from 'node:net';

/** Ports of one server, as another one dials them. */
export interface PeerPorts {
  readonly quorum: number;
  readonly election: number;
}

/** What a dialler may say before its connection goes on; an initial message is shorter. */
const EARLY_BYTES_MAX = 65_536;

/**
 * The network between servers of one machine: every connection that one of them dials to another goes through a port here, and bytes
 * of each direction between each two servers can be held up. As on a real network nobody is told: what is held up is
 * delivered when the way is free again, a connection that ends meanwhile is closed for the other side then, and one that is dialled
 * meanwhile is not taken by the other side before.
 */
export class PartitionNetwork {
  readonly #servers: Server[] = [];
  readonly #connections = new Set<Connection>();
  readonly #blocked = new Set<string>();

  /** Where `from` finds `to`, who listens on these ports. */
  async link(from: number, to: number, ports: PeerPorts): Promise<PeerPorts> {
    const [quorum, election] = await Promise.all(
      [ports.quorum, ports.election].map((port) => this.#listen(from, to, port)),
    );
    return { quorum, election };
  }

  /** From now on nothing gets from any of `from` to any of `to`, over whichever connection. */
  block(from: readonly number[], to: readonly number[]): void {
    for (const one of from) for (const other of to) if (one !== other) this.#blocked.add(way(one, other));
    this.#update();
  }

  /** As {@link block}, in both directions. */
  separate(some: readonly number[], others: readonly number[]): void {
    this.block(some, others);
    this.block(others, some);
  }

  /** All ways are free again. */
  heal(): void {
    this.#blocked.clear();
    this.#update();
  }

  /** Ends all connections of this server, as a router does that has forgotten them; new ones are taken. */
  reset(sid: number): void {
    for (const connection of [...this.#connections]) {
      if (connection.from === sid || connection.to === sid) connection.destroy();
    }
  }

  async stop(): Promise<void> {
    for (const connection of [...this.#connections]) connection.destroy();
    await Promise.all(
      this.#servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))),
    );
  }

  #update(): void {
    for (const connection of [...this.#connections]) {
      connection.block(
        this.#blocked.has(way(connection.from, connection.to)),
        this.#blocked.has(way(connection.to, connection.from)),
      );
    }
  }

  async #listen(from: number, to: number, targetPort: number): Promise<number> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (dialler) => {
      const connection = new Connection(from, to, dialler, targetPort, () =>
        this.#connections.delete(connection),
      );
      this.#connections.add(connection);
      this.#update();
    });
    this.#servers.push(server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port: 0, host: '127.0.0.1' }, resolve);
    });
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the network does not listen');
    return address.port;
  }
}

function way(from: number, to: number): string {
  return `${from}>${to}`;
}

/** One connection that was dialled, and its other half to whom it was for. */
class Connection {
  readonly from: number;
  readonly to: number;
  readonly #dialler: Socket;
  readonly #targetPort: number;
  readonly #onEnd: () => void;
  #flows: { readonly there: Flow; readonly back: Flow } | null = null;
  /** What the dialler has said while nobody could hear it. */
  readonly #early: Buffer[] = [];
  #earlyBytes = 0;

  constructor(from: number, to: number, dialler: Socket, targetPort: number, onEnd: () => void) {
    this.from = from;
    this.to = to;
    this.#dialler = dialler;
    this.#targetPort = targetPort;
    this.#onEnd = onEnd;
    dialler.setNoDelay(true);
    dialler.on('error', () => {});
    dialler.on('data', this.#onEarly);
    dialler.once('end', this.#onEarlyEnd);
    dialler.once('close', this.#onEarlyEnd);
    dialler.resume();
  }

  block(there: boolean, back: boolean): void {
    if (this.#flows === null) {
      if (!there) this.#open();
    }
    this.#flows?.there.hold(there);
    this.#flows?.back.hold(back);
  }

  destroy(): void {
    this.#dialler.resetAndDestroy();
    this.#flows?.back.source.resetAndDestroy();
    this.#onEnd();
  }

  readonly #onEarly = (chunk: Buffer): void => {
    this.#early.push(chunk);
    this.#earlyBytes += chunk.length;
    if (this.#earlyBytes > EARLY_BYTES_MAX) this.#dialler.pause();
  };

  /** Who has given up is not announced any more. */
  readonly #onEarlyEnd = (): void => this.destroy();

  #open(): void {
    const dialler = this.#dialler;
    dialler.pause();
    dialler.off('data', this.#onEarly);
    dialler.off('end', this.#onEarlyEnd);
    dialler.off('close', this.#onEarlyEnd);
    const target = connect({ port: this.#targetPort, host: '127.0.0.1', allowHalfOpen: true });
    target.setNoDelay(true);
    target.on('error', () => {});
    target.pause();
    for (const chunk of this.#early) target.write(chunk);
    const onClosed = (): void => {
      if (dialler.destroyed && target.destroyed) this.#onEnd();
    };
    this.#flows = { there: new Flow(dialler, target, onClosed), back: new Flow(target, dialler, onClosed) };
  }
}

/** The bytes of one direction, in order, and the end behind them; both wait while they are held up. */
class Flow {
  readonly source: Socket;
  readonly #target: Socket;
  readonly #onClosed: () => void;
  #isHeld = true;
  #isFull = false;
  #isBroken = false;

  constructor(source: Socket, target: Socket, onClosed: () => void) {
    this.source = source;
    this.#target = target;
    this.#onClosed = onClosed;
    source.on('data', (chunk: Buffer) => {
      if (target.destroyed || target.write(chunk)) return;
      this.#isFull = true;
      source.pause();
    });
    target.on('drain', () => {
      this.#isFull = false;
      this.#go();
    });
    source.once('end', () => target.end());
    source.once('close', (hadError: boolean) => {
      this.#isBroken = hadError;
      this.#passBreak();
    });
  }

  hold(isHeld: boolean): void {
    if (this.#isHeld === isHeld) return;
    this.#isHeld = isHeld;
    if (isHeld) this.source.pause();
    else this.#go();
  }

  #go(): void {
    if (this.#isHeld || this.#isFull) return;
    if (this.#isBroken) this.#passBreak();
    else this.source.resume();
  }

  #passBreak(): void {
    if (this.#isBroken && !this.#isHeld && !this.#target.destroyed) this.#target.resetAndDestroy();
    this.#onClosed();
  }
}
