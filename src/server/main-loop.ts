// Hot path: a turn serves whatever came since the last one; its cost is shared by everything in it.

import { EventLoopSleeper } from '../ring/doorbell.ts';
import { DurableZxid } from '../ring/durable-zxid.ts';
import { monotonicMs } from '../session/monotonic-clock.ts';
import type { SessionTracker } from '../session/session-tracker.ts';
import type { Acknowledgements } from '../zab/acknowledgements.ts';
import type { CommitStage } from './commit-stage.ts';
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
  readonly sid: number;
  readonly acknowledgements: Acknowledgements;
  readonly intake: RequestIntake;
  readonly appender: LogAppender;
  readonly commits: CommitStage;
  readonly snapshots: Snapshots;
  readonly tracker: SessionTracker;
  readonly counters: MainCounters;
  readonly tickTimeMs: number;
  readonly logger: Logger;
  /** Something that must not happen did: the server ends. */
  readonly onFatal: (error: Error) => void;
}

/**
 * Main's loop: requests become proposals, durable proposals are acknowledged, committed ones are applied and announced.
 * Each turn begins with the commits, so that what is already durable does not wait for new work to be prepared.
 */
export class MainLoop {
  readonly #parts: MainLoopParts;
  readonly #durable: DurableZxid;
  readonly #sleeper: EventLoopSleeper;
  readonly #expiryTimer: NodeJS.Timeout;
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
    const { committed } = this.#parts.acknowledgements;
    if (committed.compare(this.#durable.high, this.#durable.low) < 0) return true;
    if (this.#parts.commits.hasReady(committed)) return true;
    return !this.#isLogBusy() && this.#parts.intake.hasWork();
  }

  /**
   * Whether proposals are on their way to the disk. New requests wait for them: what gathers meanwhile becomes one batch
   * for every stage. Taken up at once, they would go round in small batches for ever, each paying for an fdatasync and
   * four wake-ups of its own (measured: batches of 5, and 1.5 times the CPU per write). An idle server takes every
   * request at once.
   */
  #isLogBusy(): boolean {
    return this.#parts.appender.lastProposed.compare(this.#durable.high, this.#durable.low) > 0;
  }

  /** Serves what is there, for a few milliseconds at most; goes on by itself when more is. */
  turn(): void {
    if (this.#isStopped) return;
    try {
      const untilMs = performance.now() + TURN_MS_MAX;
      let more = true;
      while (more && performance.now() < untilMs) more = this.#serve() || this.#sleeper.block(BLOCK_MS_MAX);
      if (more) this.#scheduleTurn();
    } catch (error) {
      this.#parts.onFatal(error as Error);
    }
  }

  #serve(): boolean {
    const { acknowledgements, commits, intake, sid } = this.#parts;
    this.#durable.read();
    acknowledgements.acknowledge(sid, this.#durable.high, this.#durable.low);
    const moreCommits = commits.advance(acknowledgements.committed);
    this.#takeSnapshotIfDue();
    const moreRequests = !this.#isLogBusy() && intake.takeTurn();
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
   * If this thread stood still (the process was stopped, the machine slept), packets that would have kept sessions alive
   * may lie unread in the sockets: everyone gets a full timeout again rather than be expired unheard.
   */
  #expireSessions(): void {
    if (this.#isStopped) return;
    const { tracker, intake, tickTimeMs, logger, counters } = this.#parts;
    const nowMs = monotonicMs();
    const stoodStillMs = nowMs - this.#expiryCheckedMs;
    this.#expiryCheckedMs = nowMs;
    if (stoodStillMs > 2 * tickTimeMs) {
      logger.warn(
        `the server stood still for ${Math.round(stoodStillMs)} ms: sessions get their full timeout again`,
      );
      tracker.touchAll(nowMs);
    }
    for (const session of tracker.takeExpired(nowMs)) {
      if (session.isClosing) continue;
      counters.sessionsExpired++;
      intake.closeSession(session);
    }
    if (intake.hasWork()) this.turn();
  }

  /** No further turns. */
  stop(): void {
    this.#isStopped = true;
    this.#sleeper.close();
    clearInterval(this.#expiryTimer);
  }
}
