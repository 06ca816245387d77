// Hot path: COMMITs of a run are written at once, answers between them only where one waits.

import type { QuorumConnection } from '../quorum/quorum-connection.ts';
import type { CatchUp } from './catch-up.ts';

/** An answer that leaves behind the COMMIT of this counter: SYNC, or to REVALIDATE where there is a session. */
interface WaitingAnswer {
  readonly counter: number;
  readonly session: { readonly high: number; readonly low: number } | null;
}

/**
 * A learner as its leader knows it beside the core: its connection, and what it has asked and cannot be told yet. Such answers leave in
 * their place among the COMMITs (or INFORMs): what was committed behind them must not overtake them. Counters are unsigned.
 */
export class LearnerLink {
  readonly connection: QuorumConnection;
  /** -1: it has not said who it is. */
  sid = -1;
  /** What it lacks is on its way; until it is in step, what is proposed and committed goes there. */
  catchUp: CatchUp | null = null;
  /** Oldest first. */
  readonly #answers: WaitingAnswer[] = [];

  constructor(connection: QuorumConnection) {
    this.connection = connection;
  }

  /** Syncs that wait for what was proposed before them. */
  get pendingSyncs(): number {
    let syncs = 0;
    for (const { session } of this.#answers) if (session === null) syncs++;
    return syncs;
  }

  /** SYNC is to follow the COMMIT of this counter. */
  syncBehind(counter: number): void {
    this.#answers.push({ counter, session: null });
  }

  /** The session is the learner's when the txn of this counter is committed. */
  revalidatedBehind(counter: number, high: number, low: number): void {
    this.#answers.push({ counter, session: { high, low } });
  }

  /** Hot path: COMMIT of the txns [first, last] of an epoch. */
  commits(epoch: number, first: number, last: number): void {
    const batch = this.connection.outgoing;
    let from = first;
    while (this.#answers.length > 0 && this.#answers[0].counter <= last) {
      const { counter } = this.#answers[0];
      if (counter >= from) batch.commits(epoch, from, counter);
      from = Math.max(from, counter + 1);
      this.#answer(counter);
    }
    if (from <= last) batch.commits(epoch, from, last);
  }

  /** Hot path: INFORM of a txn with its entry, `bytes[start, start + length)`. */
  inform(epoch: number, counter: number, bytes: Uint8Array, start: number, length: number): void {
    this.connection.outgoing.inform(epoch, counter, bytes, start, length);
    this.#answer(counter);
  }

  /** Sends what has waited for this counter, or for an earlier one. */
  #answer(upTo: number): void {
    const { outgoing } = this.connection;
    while (this.#answers.length > 0 && this.#answers[0].counter <= upTo) {
      const session = this.#answers.shift()?.session ?? null;
      if (session === null) outgoing.sync();
      else outgoing.revalidated(session.high, session.low, true);
    }
  }
}
