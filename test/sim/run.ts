import { digestText, keyText } from './ledger.ts';
import { Nemesis } from './nemesis.ts';
import type { SimOptions } from './options.ts';
import type { SimServer } from './server.ts';
import { Violation } from './violation.ts';
import { type Figures, World } from './world.ts';

export interface RunResult {
  readonly seed: number;
  /** Null: everything was as it must be. */
  readonly violation: Violation | null;
  readonly simulatedMs: number;
  readonly events: number;
  readonly txns: number;
  readonly epochs: number;
  readonly figures: Figures;
  /** How long it took after the faults until everything was well again. */
  readonly healedMs: number;
}

/** One run from one seed: faults, then none, then it must be well again in bounded time. */
export function run(options: SimOptions, writeTrace: ((line: string) => void) | null = null): RunResult {
  const world = new World(options, writeTrace);
  let violation: Violation | null = null;
  let healedMs = 0;
  try {
    healedMs = new Run(world).run();
  } catch (error) {
    violation =
      error instanceof Violation
        ? error
        : new Violation('the simulator', (error as Error).stack ?? String(error));
    world.trace.add('VIOLATION', violation.message);
  }
  return {
    seed: options.seed,
    violation,
    simulatedMs: world.queue.nowMs,
    events: world.queue.count,
    txns: world.ledger.chain.length,
    epochs: world.ledger.leaders.size,
    figures: world.figures,
    healedMs,
  };
}

class Run {
  readonly #world: World;
  readonly #nemesis: Nemesis;

  constructor(world: World) {
    this.#world = world;
    this.#nemesis = new Nemesis(world, world.random.fork());
  }

  run(): number {
    const { servers, clients, options, queue } = this.#world;
    for (const server of servers) server.start();
    for (const client of clients) {
      client.operationsLeft = options.operations;
      client.start();
    }
    this.#nemesis.start();
    queue.runUntil(options.faultsMs);
    this.#nemesis.stop();
    const healedMs = this.#heal();
    if (this.#world.random.chance(0.3)) this.#blackout();
    return healedMs;
  }

  /** All servers, or a random quorum of them, are there again, and nothing disturbs them any more. */
  #heal(): number {
    const { servers, random, ensemble, queue, trace } = this.#world;
    const fromMs = queue.nowMs;
    const gone = random.chance(0.4) ? random.some(servers, 0.4) : [];
    trace.add('world', 'no more faults');
    for (const server of servers) server.start();
    const left = servers.filter((server) => !gone.includes(server));
    if (ensemble.verifier.containsQuorum(new Set(left.map(({ sid }) => sid)))) {
      for (const server of gone) {
        server.isGone = true;
        if (server.isUp) server.die('kill');
      }
    }
    this.#until(
      () => this.#isWell(),
      'live again',
      () => this.#wellProblem(),
    );
    const healedMs = queue.nowMs - fromMs;
    this.#checkService();
    this.#compareAll();
    return healedMs;
  }

  /** All lose their power at once; whatever was acknowledged must be there afterwards. */
  #blackout(): void {
    const { servers, ledger, trace } = this.#world;
    trace.add('world', 'a last blackout');
    const tail = ledger.tail;
    for (const server of servers) if (server.isUp) server.die('powerLoss');
    for (const server of servers) {
      server.isGone = false;
      server.start();
    }
    this.#until(
      () => this.#isWell(),
      'live after a blackout',
      () => this.#wellProblem(),
    );
    if (tail !== null && !ledger.isCommitted(tail)) throw new Violation('durable', 'committed txns are gone');
    this.#compareAll();
  }

  /** Every client's next write is acknowledged, none of the living loses its session. */
  #checkService(): void {
    const { clients, figures, queue, options } = this.#world;
    const alive = clients.filter(({ isDead }) => !isDead);
    this.#until(
      () => alive.every(({ isIdle }) => isIdle),
      'clients are served',
      () =>
        `${alive
          .filter(({ isIdle }) => !isIdle)
          .map(({ name }) => name)
          .join(', ')} wait`,
    );
    // Sessions whose time was over before may still be on their way out.
    queue.runUntil(queue.nowMs + 25 * options.tickTimeMs);
    const expiredBefore = figures.expired;
    for (const client of alive) client.probe();
    this.#until(
      () => alive.every(({ isIdle }) => isIdle),
      'clients are served',
      () => 'a write is not answered',
    );
    this.#until(
      () => this.#world.ledger.openSessions <= alive.length,
      'sessions expire',
      () => `${this.#world.ledger.openSessions} sessions are open for ${alive.length} clients`,
    );
    if (figures.expired > expiredBefore) {
      throw new Violation('sessions live', 'a session of a living client expired while nothing was wrong');
    }
  }

  #until(isReached: () => boolean, what: string, problem: () => string): void {
    const { queue, options } = this.#world;
    const limitMs = queue.nowMs + 20_000 + 400 * options.tickTimeMs;
    while (!isReached()) {
      if (queue.nowMs >= limitMs) throw new Violation('liveness', `${what}: ${problem()}`);
      queue.runUntil(queue.nowMs + 20);
    }
  }

  get #alive(): SimServer[] {
    return this.#world.servers.filter(({ isGone }) => !isGone);
  }

  #isWell(): boolean {
    return this.#wellProblem() === '';
  }

  /** Why not everything is well; '' when it is. */
  #wellProblem(): string {
    const { ledger, clients } = this.#world;
    if (this.#world.leader === null) return 'nobody leads';
    for (const { process, name } of this.#alive) {
      if (process === null || !process.isServing) return `${name} does not serve`;
      if (process.replica.appliedKey !== ledger.tailKey && ledger.tailKey !== 0) {
        return `${name} is at ${keyText(process.replica.appliedKey)}, the others at ${keyText(ledger.tailKey)}`;
      }
    }
    const waiting = clients.find(({ isDead, isConnected }) => !isDead && !isConnected);
    return waiting === undefined ? '' : `${waiting.name} has no session`;
  }

  /** All servers have the same, down to what is kept beside the tree. */
  #compareAll(): void {
    this.#until(
      () => this.#isWell(),
      'in step',
      () => this.#wellProblem(),
    );
    const { ledger } = this.#world;
    for (const { process, sid } of this.#alive) {
      if (process === null) continue;
      const { tree, sessions, ephemerals } = process.replica.database;
      ledger.compare(sid, process.replica.appliedKey, digestText(tree.treeDigestHigh, tree.treeDigestLow));
      if (sessions.size !== ledger.openSessions) {
        throw new Violation('sessions', `server ${sid} has ${sessions.size}, others ${ledger.openSessions}`);
      }
      ephemerals.forEachOwner((high, low) => {
        if (sessions.get(high, low) === undefined) {
          throw new Violation('ephemerals', `server ${sid} keeps ephemerals of a session that is gone`);
        }
      });
    }
  }
}
