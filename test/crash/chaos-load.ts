import { ErrorCode } from '../../src/protocol/error-code.ts';
import { assertLevel } from '../support/ensemble-level.ts';
import { type EnsembleProcesses, TICK_MS } from '../support/ensemble-processes.ts';
import type { Random } from '../support/random.ts';
import { WireClient } from '../support/wire-client.ts';
import { ChaosSession } from './chaos-session.ts';

/** As many as a session may have: it must outlive the longest time without a leader. */
const SESSION_TICKS = 20;
const SESSIONS = 6;

export interface ChaosLoadOptions {
  /** How many clients; 6 if not given. */
  readonly sessions?: number | undefined;
  /** A client has had answers. */
  readonly onAnswers?: () => void;
  /** A write of this client, by its number, was acknowledged. */
  readonly onAcknowledged?: (client: number) => void;
}

/** What the clients of a load have had. */
export interface LoadCounts {
  acknowledgedWrites: number;
  reads: number;
  /** Writes that were never answered and were done. */
  doneUnacknowledged: number;
  /** How often a client took its session to another server. */
  moves: number;
}

/** Clients of an ensemble that write and read while something is done to it, and find what they lose. */
export class ChaosLoad {
  readonly #ensemble: EnsembleProcesses;
  readonly #sessions: readonly ChaosSession[];

  constructor(ensemble: EnsembleProcesses, draw: Random, options: ChaosLoadOptions = {}) {
    const { sessions = SESSIONS, onAnswers = () => {}, onAcknowledged } = options;
    this.#ensemble = ensemble;
    const ports = ensemble.sids.map((sid) => ensemble.port(sid));
    this.#sessions = Array.from({ length: sessions }, (_, i) => {
      const session = new ChaosSession(`/writer-${i}`, draw, ports, SESSION_TICKS * TICK_MS, onAnswers);
      session.subtree.onAcknowledged = () => onAcknowledged?.(i);
      return session;
    });
  }

  get counts(): LoadCounts {
    const sum = (of: (session: ChaosSession) => number): number =>
      this.#sessions.reduce((total, session) => total + of(session), 0);
    return {
      acknowledgedWrites: sum(({ subtree }) => subtree.acknowledgedWrites),
      reads: sum(({ subtree }) => subtree.reads),
      doneUnacknowledged: sum(({ subtree }) => subtree.doneUnacknowledged),
      moves: sum(({ moves }) => moves),
    };
  }

  /**
   * Clients are at work while `act` runs, which is to end early when `isOver`. Throws what either throws; sessions must live and find
   * what they wrote. Afterwards sessions end, their ephemerals with them, and all servers must have the same tree.
   */
  async during(act: (isOver: () => boolean) => Promise<void>): Promise<void> {
    await Promise.all(this.#sessions.map((session) => session.open()));
    const work = Promise.all(this.#sessions.map((session) => session.run()));
    work.catch(() => {});
    let isOver = false;
    const acts = act(() => isOver);
    acts.catch(() => {});
    try {
      await Promise.race([acts, work]);
      for (const session of this.#sessions) session.stop();
      await work;
    } finally {
      // What is under way ends first: nobody is left stopped, or started behind our back.
      isOver = true;
      await acts.catch(() => {});
    }
    await this.#compare();
  }

  async #compare(): Promise<void> {
    await this.#ensemble.settled();
    await Promise.all(this.#sessions.map((session) => session.close()));
    await assertLevel(this.#ensemble, this.#ensemble.sids, (kind) => kind === 'menagerie');
    const observer = await WireClient.connect({ port: this.#ensemble.port(1) });
    try {
      for (const { subtree } of this.#sessions) {
        for (const name of subtree.ephemerals) {
          const { err } = await observer.exists(`${subtree.base}/${name}`);
          if (err !== ErrorCode.NONODE) throw new Error(`${subtree.base}/${name} outlives its session`);
        }
      }
    } finally {
      await observer.leave();
    }
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#sessions.map((session) => session.dispose()));
  }
}
