import type { FileSystem } from '../../src/storage/file-system.ts';
import { TxnLogError } from '../../src/storage/txn-log-writer.ts';
import { ProcessCrash, SimDisk, systemError } from './disk.ts';
import type { ZxidKey } from './ledger.ts';
import type { ConnectionEnd, NetworkHost } from './network.ts';
import { SimProcess } from './process.ts';
import type { SimRandom } from './random.ts';
import { Violation } from './violation.ts';
import type { World } from './world.ts';

/** How a process comes to its end. */
export type Death = 'kill' | 'powerLoss' | 'diskError';

/** 2023-11-14, when the wall clocks of all runs begin. */
const WALL_START_MS = 1_700_000_000_000;
const WRITING_CALLS: ReadonlySet<string> = new Set<keyof FileSystem>([
  ...(['open', 'write', 'fdatasync', 'fsync', 'fsyncDirectory', 'truncate', 'rename', 'unlink'] as const),
]);

/** A machine with a disk and a clock, on which a server process runs, or none. */
export class SimServer implements NetworkHost {
  readonly name: string;
  readonly sid: number;
  readonly isObserver: boolean;
  readonly world: World;
  readonly random: SimRandom;
  readonly disk = new SimDisk();
  process: SimProcess | null = null;
  isPaused = false;
  /** What this machine's platter holds of the log: kept by whoever writes it, over deaths. */
  durableKey: ZxidKey = 0;
  /** It is not started again. */
  isGone = false;
  #postponed: (() => void)[] = [];
  #isRunning = false;
  readonly #clockRate: number;
  #wallOffsetMs = 0;
  /** Points that are left until the process dies; Infinity: it lives. */
  #pointsLeft = Number.POSITIVE_INFINITY;
  #death: Death = 'kill';
  /** File calls that are left until one fails. */
  #callsLeft = Number.POSITIVE_INFINITY;
  #failingCall: keyof FileSystem | null = null;

  constructor(world: World, sid: number, isObserver: boolean, random: SimRandom) {
    this.world = world;
    this.sid = sid;
    this.name = `${isObserver ? 'observer' : 'server'} ${sid}`;
    this.isObserver = isObserver;
    this.random = random;
    this.#clockRate = 1 + (random.below(1001) - 500) / 10_000;
  }

  get isUp(): boolean {
    return this.process !== null;
  }

  // ── clocks ──

  /** The process's monotonic clock: runs on while it is paused, and up to 5 % too fast or too slow. */
  monotonicMs(): number {
    return this.world.queue.nowMs * this.#clockRate;
  }

  /** When the simulation's clock stands so that the process's reads `monotonicMs`, or a hair later. */
  simulatedMs(monotonicMs: number): number {
    return monotonicMs / this.#clockRate + 1e-6;
  }

  wallMs(): number {
    return Math.floor(WALL_START_MS + this.#wallOffsetMs + this.monotonicMs());
  }

  jumpClock(byMs: number): void {
    this.#wallOffsetMs += byMs;
    this.world.trace.add(this.name, `its wall clock jumps by ${byMs} ms`);
  }

  // ── life and death ──

  start(): void {
    if (this.process !== null) return;
    this.world.figures.starts++;
    this.world.trace.add(this.name, 'starts');
    this.#pointsLeft = Number.POSITIVE_INFINITY;
    this.#callsLeft = Number.POSITIVE_INFINITY;
    this.#failingCall = null;
    this.#guard(() => {
      const process = new SimProcess(this);
      this.process = process;
      process.start();
    });
  }

  /** The process dies at one of the next points at which it can: between two outputs, or at a file call. */
  dieSoon(death: Death, points: number): void {
    if (this.process === null) return;
    this.#death = death;
    this.#pointsLeft = points;
  }

  /** One of the next file calls that change anything fails. */
  failSoon(calls: number): void {
    if (this.process !== null) this.#callsLeft = calls;
  }

  /** The next file call of this kind fails; null: none. */
  failNext(kind: keyof FileSystem | null): void {
    this.#failingCall = kind;
  }

  /** A point at which death may come. */
  crashPoint(): void {
    if (--this.#pointsLeft < 0) throw new ProcessCrash('the process dies here');
  }

  die(death: Death): void {
    const { figures, network, trace } = this.world;
    trace.add(this.name, `dies (${death})`);
    figures.deaths[death]++;
    this.process?.end();
    this.process = null;
    this.#postponed = [];
    this.isPaused = false;
    this.#pointsLeft = Number.POSITIVE_INFINITY;
    // After an I/O error nobody knows what the page cache says of the platter: the machine is started anew.
    if (death === 'kill') this.disk.kill();
    else this.disk.powerLoss(this.random);
    network.processDied(this, death === 'kill');
    this.world.died(this);
  }

  pause(): void {
    if (this.process === null) return;
    this.isPaused = true;
    this.world.trace.add(this.name, 'stands still');
  }

  resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    this.world.trace.add(this.name, 'goes on');
    const postponed = this.#postponed;
    this.#postponed = [];
    for (const action of postponed) action();
    this.world.network.processResumed(this);
  }

  /** Runs what the process has to do, unless it is dead; later, if it stands still. */
  whenRunning(process: SimProcess, action: () => void): void {
    if (!process.isAlive) return;
    if (this.isPaused) {
      this.#postponed.push(() => this.whenRunning(process, action));
      return;
    }
    if (this.#isRunning) action();
    else this.#guard(action);
  }

  #guard(action: () => void): void {
    this.#isRunning = true;
    try {
      action();
    } catch (error) {
      this.#isRunning = false;
      this.#ended(error as Error);
    } finally {
      this.#isRunning = false;
    }
  }

  /** The process has thrown: on purpose, or because it found something that must not be. */
  #ended(error: Error): void {
    const cause = error instanceof TxnLogError ? (error.cause as Error) : error;
    if (cause instanceof ProcessCrash) {
      this.die(this.#death);
      return;
    }
    if (error instanceof Violation) throw error;
    if ((cause as NodeJS.ErrnoException).code === 'EIO') {
      this.die('diskError');
      return;
    }
    throw new Violation('the server ends', `${this.name}: ${error.stack ?? error.message}`);
  }

  /** The disk as a new process sees it. */
  mount(): FileSystem {
    return this.disk.mount((kind, path) => {
      this.crashPoint();
      if (kind === this.#failingCall) this.#failingCall = null;
      else if (!WRITING_CALLS.has(kind) || --this.#callsLeft >= 0) return;
      this.world.trace.add(this.name, `${kind} ${path} fails`);
      throw systemError('EIO', kind, path);
    });
  }

  /** What a start has read is what the log holds; only what is synced is there for good. */
  recovered(lastKey: ZxidKey): void {
    if (!this.disk.hasUnsynced('log.')) this.durableKey = lastKey;
    else this.durableKey = Math.min(this.durableKey, lastKey);
  }

  // ── network ──

  electionPeers(): ReadonlyMap<number, NetworkHost> {
    return new Map(
      this.world.servers.filter((server) => server !== this).map((server) => [server.sid, server]),
    );
  }

  accept(end: ConnectionEnd, port: string, from: NetworkHost): boolean {
    const { process } = this;
    if (process === null) return false;
    switch (port) {
      case 'election':
        return process.acceptElection(end, (from as SimServer).sid);
      case 'quorum':
        process.connections.accept(end);
        return true;
      case 'client':
        process.clients.accept(end);
        return true;
      default:
        return false;
    }
  }
}
