import type { FaultOptions } from './options.ts';
import type { SimRandom } from './random.ts';
import type { Death, SimServer } from './server.ts';
import type { World } from './world.ts';

/** Points between outputs and file calls within which a death comes once it is announced. */
const POINTS_MAX = 60;
const CALLS_MAX = 30;

/** Does the damage: each kind of fault at its own random times, until it is told to stop. */
export class Nemesis {
  readonly #world: World;
  readonly #random: SimRandom;
  #isOver = false;

  constructor(world: World, random: SimRandom) {
    this.#world = world;
    this.#random = random;
  }

  start(): void {
    const faults: Record<keyof FaultOptions, () => void> = {
      killMs: () => this.#death('kill'),
      powerLossMs: () => this.#death('powerLoss'),
      blackoutMs: () => this.#blackout(),
      pauseMs: () => this.#pause(),
      clockJumpMs: () => this.#clockJump(),
      partitionMs: () => this.#partition(),
      resetMs: () => this.#reset(),
      slowMs: () => this.#slow(),
      diskErrorMs: () => this.#someServer()?.failSoon(this.#random.below(CALLS_MAX)),
    };
    for (const [kind, strike] of Object.entries(faults)) {
      const meanMs = this.#world.options.faults[kind as keyof FaultOptions];
      if (meanMs > 0) this.#again(meanMs, strike);
    }
    this.#again(1_000, () => this.#clientTrouble());
  }

  /** No more faults; those that last end. */
  stop(): void {
    this.#isOver = true;
    const { network, servers } = this.#world;
    this.#world.hasFaults = false;
    network.healAll();
    network.slowness = 1;
    for (const server of servers) {
      server.dieSoon('kill', Number.POSITIVE_INFINITY);
      server.failSoon(Number.POSITIVE_INFINITY);
      server.resume();
    }
  }

  #again(meanMs: number, strike: () => void): void {
    this.#world.queue.after(this.#random.delayMs(meanMs), () => {
      if (this.#isOver) return;
      strike();
      this.#again(meanMs, strike);
    });
  }

  /** Anybody, but the leader more often than its share. */
  #someServer(): SimServer | null {
    const { leader, servers } = this.#world;
    if (leader !== null && this.#random.chance(0.3)) return leader;
    const up = servers.filter(({ isUp }) => isUp);
    return up.length === 0 ? null : this.#random.pick(up);
  }

  #death(death: Death): void {
    const server = this.#someServer();
    if (server === null) return;
    if (this.#random.chance(0.2)) server.die(death);
    else server.dieSoon(death, this.#random.below(POINTS_MAX));
  }

  #blackout(): void {
    for (const server of this.#world.servers) if (server.isUp) server.die('powerLoss');
  }

  #pause(): void {
    const server = this.#someServer();
    if (server === null || server.isPaused) return;
    this.#world.figures.pauses++;
    server.pause();
    const { process } = server;
    this.#world.queue.after(this.#random.delayMs(8 * this.#world.options.tickTimeMs), () => {
      if (server.process === process) server.resume();
    });
  }

  #clockJump(): void {
    this.#world.figures.clockJumps++;
    this.#random.pick(this.#world.servers).jumpClock(this.#random.between(-3_600_000, 3_600_000));
  }

  #reset(): void {
    const { network, figures, trace } = this.#world;
    const host = this.#random.chance(0.3) ? null : this.#someServer();
    const broken = network.breakSome(this.#random.pick([0.05, 0.3, 1]), host);
    figures.resets += broken;
    trace.add('network', `${broken} connections ${host === null ? '' : `of ${host.name} `}break`);
  }

  #slow(): void {
    const { network, queue, options, figures, trace } = this.#world;
    figures.slowdowns++;
    network.slowness = this.#random.pick([3, 10, 50]);
    trace.add('network', `is ${network.slowness} times as slow`);
    queue.after(this.#random.delayMs(4 * options.tickTimeMs), () => {
      network.slowness = 1;
    });
  }

  /** Cuts off some servers from the others, both ways or one, or one direction of one pair. */
  #partition(): void {
    const { network, servers, queue, options, figures, trace } = this.#world;
    figures.partitions++;
    network.healAll();
    const kind = this.#random.weighted({ halves: 4, oneWay: 3, leader: 3, pair: 2, bridge: 1 });
    const leader = this.#world.leader ?? this.#random.pick(servers);
    const side = new Set(kind === 'leader' ? [leader] : this.#random.some(servers, 0.5));
    for (const a of servers) {
      for (const b of servers) {
        if (kind === 'bridge' ? this.#isBridged(a, b) : side.has(a) === side.has(b)) continue;
        if (kind === 'oneWay' && side.has(a)) continue;
        if (kind === 'pair' && !this.#random.chance(0.3)) continue;
        network.cut(a, b);
      }
    }
    if (this.#random.chance(0.3)) this.#cutClients();
    trace.add('network', `partition ${kind}: ${[...side].map(({ sid }) => sid).join(' ') || 'nobody'} apart`);
    queue.after(this.#random.delayMs(8 * options.tickTimeMs), () => {
      trace.add('network', 'heals');
      network.healAll();
    });
  }

  /** The first server sees everybody; of the others, odd and even do not see each other. */
  #isBridged(a: SimServer, b: SimServer): boolean {
    return a.sid === 1 || b.sid === 1 || a.sid % 2 === b.sid % 2;
  }

  #cutClients(): void {
    const { network, clients, servers } = this.#world;
    for (const client of clients) {
      const server = this.#random.pick(servers);
      if (this.#random.chance(0.5)) network.cut(client, server);
      if (this.#random.chance(0.5)) network.cut(server, client);
    }
  }

  #clientTrouble(): void {
    const alive = this.#world.clients.filter(({ isDead }) => !isDead);
    if (alive.length === 0) return;
    const client = this.#random.pick(alive);
    if (this.#random.chance(0.9)) {
      client.move();
      return;
    }
    client.die();
    const successor = this.#world.addClient();
    successor.operationsLeft = client.operationsLeft;
    successor.start();
  }
}
