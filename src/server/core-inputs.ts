// Hot path: a turn of the event loop costs one microtask, and no closure for it.

import { monotonicMs } from '../session/monotonic-clock.ts';
import type { QuorumPeer } from '../zab/quorum-peer.ts';

export interface CoreInputsParts {
  readonly peer: Pick<QuorumPeer, 'advance' | 'nextDeadlineMs'>;
  /** The core is told what the memory has forgotten of the history. */
  readonly dropForgotten: () => void;
  /** All that a turn has brought is handed in: the batch that has gathered may leave. */
  readonly onTurnEnd: () => void;
  /** Something was committed, or may be taken up: main's loop is to turn. */
  readonly onWork: () => void;
  /** Something that must not happen did: the server ends. */
  readonly onFatal: (error: Error) => void;
}

/**
 * Hands inputs to the core of ZAB: the other direction is `zab/output`. What comes in one turn of the event loop is handed in
 * as it comes, behind the time, which the core is told once a turn, or when it has asked to be. What an output leads to at once (an
 * epoch file that was stored) is handed in behind the input that caused it, for the core is never called from within.
 */
export class CoreInputs {
  readonly #parts: CoreInputsParts;
  /** What the core is told next. */
  readonly #later: (() => void)[] = [];
  #timer: NodeJS.Timeout | null = null;
  #timerMs = Number.POSITIVE_INFINITY;
  #isTurnOpen = false;
  #isStopped = false;
  readonly #endTurn = (): void => this.#closeTurn();

  constructor(parts: CoreInputsParts) {
    this.#parts = parts;
  }

  /** Nothing is handed in any more. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Hands an input in, with whatever it leads to at once. */
  take(input: () => void): void {
    if (this.#isStopped) return;
    try {
      this.openTurn();
      input();
    } catch (error) {
      this.fail(error);
    }
  }

  /**
   * As {@link take}, for what may lead to the synchronisation of a learner: only then the core asks how far back the history in
   * memory goes. No txn or acknowledgement leads to that: they are spared this.
   */
  takeForSync(input: () => void): void {
    this.take(() => {
      this.#parts.dropForgotten();
      input();
    });
  }

  /** Hands an input in behind the present one. */
  later(input: () => void): void {
    this.#later.push(input);
    this.openTurn();
  }

  /** The core is told the time; the turn is closed when the event loop's present callback is done. */
  openTurn(): void {
    if (this.#isTurnOpen) return;
    this.#isTurnOpen = true;
    queueMicrotask(this.#endTurn);
    this.#parts.peer.advance(monotonicMs());
  }

  /** The server ends with this error. */
  fail(error: unknown): void {
    this.#isStopped = true;
    this.#parts.onFatal(error as Error);
  }

  stop(): void {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #closeTurn(): void {
    if (this.#isStopped) return;
    try {
      if (this.#later.length > 0) this.#parts.dropForgotten();
      for (let input = this.#later.shift(); input !== undefined; input = this.#later.shift()) input();
      this.#isTurnOpen = false;
      this.#parts.onTurnEnd();
      this.#armTimer();
    } catch (error) {
      this.fail(error);
      return;
    }
    this.#parts.onWork();
  }

  #armTimer(): void {
    const deadlineMs = this.#parts.peer.nextDeadlineMs;
    if (this.#timer !== null && this.#timerMs <= deadlineMs) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (deadlineMs === Number.POSITIVE_INFINITY) return;
    this.#timerMs = deadlineMs;
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        this.take(() => {});
      },
      Math.max(1, Math.ceil(deadlineMs - monotonicMs())),
    );
  }
}
