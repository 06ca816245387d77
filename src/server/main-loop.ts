// Hot path: a turn serves whatever came since the last one; its cost is shared by everything in it.

import { EventLoopSleeper } from '../ring/doorbell.ts';
import { DurableZxid } from '../ring/durable-zxid.ts';
import { monotonicMs } from '../session/monotonic-clock.ts';
import type { SessionTracker } from '../session/session-tracker.ts';
import type { Agreement } from './agreement.ts';
import type { ClientSessions } from './client-sessions.ts';
import type { CommitStage } from './commit-stage.ts';
import type { LeaderRequests } from './leader-requests.ts';
import type { LogAppender } from './log-appender.ts';
import type { Logger } from './logging.ts';
import type { MainCounters } from './main-counters.ts';
import type { RequestIntake } from './request-intake.ts';
import type { SharedMemory } from './shared-memory.ts';
import type { Snapshots } from './snapshots.ts';

/** The cap on a doorbell's wait. */
const WAIT_MAX_MS = 50;
/**
 * Work usually comes again within a fraction of this: the disk's answer, the next requests. Waiting for it here, blocked,
 * is cheaper than by the event loop, which is kept from its timers for so long at most.
 */
const BLOCK_MS_MAX = 1;
/** A turn hands the event loop back after so long, so that timers and messages have their turn too. */
const TURN_MS_MAX = 5;

export interface MainLoopParts {
  readonly shared: SharedMemory;
  readonly agreement: Agreement;
  readonly intake: RequestIntake;
  readonly requests: LeaderRequests;
  readonly appender: LogAppender;
  readonly commits: CommitStage;
  readonly snapshots: Snapshots;
  readonly tracker: SessionTracker;
  readonly sessions: ClientSessions;
  /** Whether clients can be heard. */
  readonly servesClients: () => boolean;
  readonly counters: MainCounters;
  readonly tickTimeMs: number;
  readonly logger: Logger;
  /** Whether nothing but rings brings main its work: then it may wait for them without its event loop. */
  readonly mayBlock: boolean;
  /** Something was applied. */
  readonly onProgress: () => void;
  /** Something that must not happen did: the server ends. */
  readonly onFatal: (error: Error) => void;
}

/**
 * Main's loop: requests become proposals, durable proposals are acknowledged, committed ones are applied and announced.
 * A turn begins with the requests, so that the disk works while what it has just made durable is applied (the other way round,
 * with 64 clients at one write each, the disk stands idle so long that a tenth of the rate is lost).
 */
export class MainLoop {
  readonly #parts: MainLoopParts;
  readonly #durable: DurableZxid;
  readonly #sleeper: EventLoopSleeper;
  readonly #expiryTimer: NodeJS.Timeout;
  /** The durable zxid that the agreement knows of. */
  #toldHigh = 0;
  #toldLow = 0;
  #expiryCheckedMs = monotonicMs();
  #isStopped = false;
  #isTurnScheduled = false;
  readonly #scheduledTurn = (): void => {
    this.#isTurnScheduled = false;
    this.turn();
  };

  constructor(parts: MainLoopParts) {
    this.#parts = parts;
    this.#durable = new DurableZxid(parts.shared.durableZxid);
    this.#sleeper = new EventLoopSleeper(
      parts.shared.mainDoorbell,
      WAIT_MAX_MS,
      () => this.#hasWork(),
      () => this.turn(),
      () => this.#isLogBusy(),
    );
    this.#expiryTimer = setInterval(() => this.#expireSessions(), Math.max(1, parts.tickTimeMs / 4));
  }

  #hasWork(): boolean {
    this.#durable.read();
    if (this.#durable.high !== this.#toldHigh || this.#durable.low !== this.#toldLow) return true;
    if (this.#parts.commits.hasReady(this.#parts.agreement.committed)) return true;
    if (this.#isLogBusy()) return false;
    return this.#parts.intake.hasWork() || this.#hasOwnWork();
  }

  /** What a leader proposes of its own accord. */
  #hasOwnWork(): boolean {
    return this.#parts.agreement.isLeading && this.#parts.requests.hasOwnWork();
  }

  /**
   * Whether a leader's proposals are on their way to the disk. New requests wait for them: what gathers meanwhile becomes one batch
   * for every stage. Taken up at once, they would go round in small batches for ever, each paying for an fdatasync and
   * four wake-ups of its own (measured: batches of 5, and 1.5 times the CPU per write). An idle server takes every
   * request at once.
   */
  #isLogBusy(): boolean {
    const { agreement, appender } = this.#parts;
    return agreement.isLeading && appender.lastPublished.compare(this.#durable.high, this.#durable.low) > 0;
  }

  /** Serves what is there, for a few milliseconds at most; goes on by itself when more is. */
  turn(): void {
    if (this.#isStopped) return;
    try {
      const untilMs = performance.now() + TURN_MS_MAX;
      let more = true;
      while (more && performance.now() < untilMs) more = this.#serve() || this.#waitBlocked();
      if (more) this.#scheduleTurn();
    } catch (error) {
      this.#parts.onFatal(error as Error);
    }
  }

  #waitBlocked(): boolean {
    return this.#parts.mayBlock && this.#sleeper.block(BLOCK_MS_MAX);
  }

  #serve(): boolean {
    const { agreement, commits, intake } = this.#parts;
    this.#durable.read();
    this.#toldHigh = this.#durable.high;
    this.#toldLow = this.#durable.low;
    agreement.durable(this.#toldHigh, this.#toldLow);
    const moreRequests = !this.#isLogBusy() && intake.takeTurn();
    const moreCommits = commits.advance(agreement.committed);
    this.#parts.onProgress();
    this.#takeSnapshotIfDue();
    return moreCommits || moreRequests;
  }

  #takeSnapshotIfDue(): void {
    const { commits, snapshots, appender } = this.#parts;
    if (!snapshots.isDue(commits.txnsApplied, commits.bytesApplied) || !appender.hasRoom()) return;
    commits.resetCounts();
    snapshots.take().catch(() => {});
  }

  #scheduleTurn(): void {
    if (this.#isTurnScheduled) return;
    this.#isTurnScheduled = true;
    setImmediate(this.#scheduledTurn);
  }

  /**
   * A leader ends the sessions of the whole ensemble, every server its local ones. While clients cannot be heard, nobody's time
   * runs out.
   *
   * If this thread stood still (the process was stopped, the machine slept), packets that would have kept sessions alive
   * may lie unread in the sockets: everyone gets a full timeout again rather than be expired unheard.
   */
  #expireSessions(): void {
    if (this.#isStopped) return;
    const { tracker, requests, agreement, sessions, tickTimeMs, logger, counters } = this.#parts;
    const nowMs = monotonicMs();
    const stoodStillMs = nowMs - this.#expiryCheckedMs;
    this.#expiryCheckedMs = nowMs;
    if (stoodStillMs > 2 * tickTimeMs) {
      logger.warn(
        `the server stood still for ${Math.round(stoodStillMs)} ms: sessions get their full timeout again`,
      );
      tracker.touchAll(nowMs);
    }
    if (!this.#parts.servesClients()) return;
    const { isLeading } = agreement;
    for (const session of tracker.takeExpired(nowMs)) {
      if (session.isClosing) continue;
      if (session.isLocal) {
        counters.sessionsExpired++;
        sessions.sessionClosed(session.idHigh, session.idLow);
      } else if (isLeading) {
        counters.sessionsExpired++;
        requests.closeSession(session);
      } else if (!session.isCommitted && session.connection === null) {
        // Its createSession came to nothing, and nobody waits for it any more.
        tracker.remove(session);
      }
    }
    this.turn();
  }

  /** No further turns. */
  stop(): void {
    this.#isStopped = true;
    this.#sleeper.close();
    clearInterval(this.#expiryTimer);
  }
}
