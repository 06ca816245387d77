import { Ensemble } from '../../src/zab/ensemble.ts';
import { type ClientFigures, SimClient } from './client.ts';
import { EventQueue } from './event-queue.ts';
import { keyText, Ledger, type LedgerTxn } from './ledger.ts';
import { Network } from './network.ts';
import type { Sabotage, SimOptions } from './options.ts';
import { SimRandom } from './random.ts';
import { type Death, SimServer } from './server.ts';
import { Trace } from './trace.ts';

/** What happened in a run, for its report. */
export interface Figures extends ClientFigures {
  starts: number;
  serves: number;
  deaths: Record<Death, number>;
  pauses: number;
  clockJumps: number;
  partitions: number;
  resets: number;
  slowdowns: number;
  snapshots: number;
  purged: number;
  snapshotsSent: number;
  logsSent: number;
  snapshotsBroken: number;
  /** Connections that broke while a learner was being sent what it lacks. */
  streamsBroken: number;
  /** Txns that had left the memory before a learner on its way into step had taken them. */
  catchUpsFromDisk: number;
  /** Learners that could not be sent what they lacked, and began anew. */
  streamsFailed: number;
  truncations: number;
  /** Of these, such as nothing could be set back to. */
  impossibleCuts: number;
  sessionsExpired: number;
  movedSessions: number;
}

function noFigures(): Figures {
  return {
    acknowledged: 0,
    failed: 0,
    lost: 0,
    reads: 0,
    watchEvents: 0,
    expired: 0,
    moves: 0,
    starts: 0,
    serves: 0,
    deaths: { kill: 0, powerLoss: 0, diskError: 0 },
    pauses: 0,
    clockJumps: 0,
    partitions: 0,
    resets: 0,
    slowdowns: 0,
    snapshots: 0,
    purged: 0,
    snapshotsSent: 0,
    logsSent: 0,
    snapshotsBroken: 0,
    streamsBroken: 0,
    catchUpsFromDisk: 0,
    streamsFailed: 0,
    truncations: 0,
    impossibleCuts: 0,
    sessionsExpired: 0,
    movedSessions: 0,
  };
}

/** Everything that there is in a run: machines, clients, what lies between them, and the truth about it. */
export class World {
  readonly options: SimOptions;
  readonly queue = new EventQueue();
  readonly random: SimRandom;
  readonly network: Network;
  readonly trace: Trace;
  readonly ledger: Ledger;
  readonly ensemble: Ensemble;
  readonly servers: SimServer[] = [];
  readonly clients: SimClient[] = [];
  readonly figures = noFigures();
  /** Until everything is healed. */
  hasFaults = true;
  /** A dead server's machine starts it again after so long; Infinity: somebody else does. */
  restartMeanMs: number;

  constructor(options: SimOptions, writeTrace: ((line: string) => void) | null) {
    this.options = options;
    this.random = new SimRandom(options.seed ^ 0x5eed);
    this.trace = new Trace(this.queue, writeTrace !== null, writeTrace ?? (() => {}));
    this.network = new Network(this.queue, this.random.fork(), {
      delayMeanMs: options.networkDelayMs,
      connectTimeoutMs: 10 * options.tickTimeMs,
      noticeMsMax: 5 * options.tickTimeMs,
    });
    this.ledger = new Ledger((txn) => this.#isDurable(txn));
    this.ensemble = ensembleOf(options);
    this.restartMeanMs = this.random.pick([50, 500, 2_000]);
    for (const sid of [...this.ensemble.voters, ...this.ensemble.observers]) {
      const isObserver = this.ensemble.observers.includes(sid);
      this.servers.push(new SimServer(this, sid, isObserver, this.random.fork()));
    }
    for (let i = 0; i < options.clients; i++) this.addClient();
  }

  addClient(): SimClient {
    const timeoutMs = this.random.pick([4, 8, 20]) * this.options.tickTimeMs;
    const client = new SimClient(
      {
        name: `client ${this.clients.length + 1}`,
        timeoutMs,
        pipeline: this.random.pick([1, 1, 4, 16]),
        pauseMs: this.random.pick([1, 10, 50]),
      },
      { ...this, random: this.random.fork() },
    );
    this.clients.push(client);
    return client;
  }

  /** Whether the servers of this run break this rule. */
  breaks(rule: Sabotage): boolean {
    return this.options.sabotage === rule;
  }

  serverOf(sid: number): SimServer {
    const server = this.servers.find((candidate) => candidate.sid === sid);
    if (server === undefined) throw new RangeError(`no server ${sid}`);
    return server;
  }

  /** A server's process is gone: its machine starts another one. */
  died(server: SimServer): void {
    if (server.isGone || this.restartMeanMs === Number.POSITIVE_INFINITY) return;
    this.queue.after(this.random.delayMs(this.restartMeanMs) + 1, () => {
      if (!server.isGone) server.start();
    });
  }

  /** The server that leads and serves, if only one does. */
  get leader(): SimServer | null {
    const leaders = this.servers.filter(
      ({ process }) => process?.isServing && process.role.kind === 'leading',
    );
    return leaders.length === 1 ? leaders[0] : null;
  }

  /** What happened, in one line. */
  get position(): string {
    return `${(this.queue.nowMs / 1000).toFixed(3)} s, ${this.ledger.chain.length} txns up to ${keyText(this.ledger.tailKey)}`;
  }

  /** Whether the platters of a quorum hold the txn. */
  #isDurable(txn: LedgerTxn): boolean {
    const holders = this.servers.filter(({ durableKey }) => {
      const last = this.ledger.get(durableKey);
      return last !== undefined && this.ledger.holds(last, txn);
    });
    return this.ensemble.verifier.containsQuorum(new Set(holders.map(({ sid }) => sid)));
  }
}

function ensembleOf({ voters, observers }: SimOptions): Ensemble {
  const lines = Array.from({ length: voters + observers }, (_, index) => {
    const sid = index + 1;
    const role = sid <= voters ? 'participant' : 'observer';
    return `server.${sid}=sim${sid}:2888:3888:${role}`;
  });
  return Ensemble.parse(`${lines.join('\n')}\nversion=0`);
}
