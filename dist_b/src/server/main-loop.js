// Hot path: a turn serves whatever came since the last one; its cost is shared by everything in it.
import { EventLoopSleeper } from '../ring/doorbell.js';
import { DurableZxid } from '../ring/durable-zxid.js';
import { monotonicMs } from '../session/monotonic-clock.js';
/** The cap on a doorbell's wait. */
const WAIT_MAX_MS = 50;
/** A turn hands the event loop back after so long, so that timers and messages have their turn too. */
const TURN_MS_MAX = 5;
/**
 * Main's loop: requests become proposals, durable proposals are acknowledged, committed ones are applied and announced.
 * Each turn begins with the commits, so that what is already durable does not wait for new work to be prepared.
 */
export class MainLoop {
    #parts;
    #durable;
    #sleeper;
    #expiryTimer;
    #expiryCheckedMs = monotonicMs();
    #isStopped = false;
    #isTurnScheduled = false;
    #scheduledTurn = () => {
        this.#isTurnScheduled = false;
        this.turn();
    };
    constructor(parts) {
        this.#parts = parts;
        this.#durable = new DurableZxid(parts.shared.durableZxid);
        this.#sleeper = new EventLoopSleeper(parts.shared.mainDoorbell, WAIT_MAX_MS, () => this.#hasWork(), () => this.turn(), () => this.#isLogBusy());
        this.#expiryTimer = setInterval(() => this.#expireSessions(), Math.max(1, parts.tickTimeMs / 4));
    }
    #hasWork() {
        this.#durable.read();
        const { committed } = this.#parts.acknowledgements;
        if (committed.compare(this.#durable.high, this.#durable.low) < 0)
            return true;
        if (this.#parts.commits.hasReady(committed))
            return true;
        return !this.#isLogBusy() && this.#parts.intake.hasWork();
    }
    /**
     * Whether proposals are on their way to the disk. New requests wait for them: what gathers meanwhile becomes one batch
     * for every stage. Taken up at once, they would go round in small batches for ever, each paying for an fdatasync and
     * four wake-ups of its own (measured: batches of 5, and 1.5 times the CPU per write). An idle server takes every
     * request at once.
     */
    #isLogBusy() {
        return this.#parts.appender.lastProposed.compare(this.#durable.high, this.#durable.low) > 0;
    }
    /** Serves what is there, for a few milliseconds at most; goes on by itself when more is. */
    turn() {
        if (this.#isStopped)
            return;
        try {
            const untilMs = performance.now() + TURN_MS_MAX;
            let more = true;
            while (more && performance.now() < untilMs)
                more = this.#serve();
            if (more)
                this.#scheduleTurn();
        }
        catch (error) {
            this.#parts.onFatal(error);
        }
    }
    #serve() {
        const { acknowledgements, commits, intake, sid } = this.#parts;
        this.#durable.read();
        acknowledgements.acknowledge(sid, this.#durable.high, this.#durable.low);
        const moreCommits = commits.advance(acknowledgements.committed);
        this.#takeSnapshotIfDue();
        const moreRequests = !this.#isLogBusy() && intake.takeTurn();
        return moreCommits || moreRequests;
    }
    #takeSnapshotIfDue() {
        const { commits, snapshots, appender } = this.#parts;
        if (!snapshots.isDue(commits.txnsApplied, commits.bytesApplied) || !appender.hasRoom())
            return;
        commits.resetCounts();
        snapshots.take().catch(() => { });
    }
    #scheduleTurn() {
        if (this.#isTurnScheduled)
            return;
        this.#isTurnScheduled = true;
        setImmediate(this.#scheduledTurn);
    }
    /**
     * If this thread stood still (the process was stopped, the machine slept), packets that would have kept sessions alive
     * may lie unread in the sockets: everyone gets a full timeout again rather than be expired unheard.
     */
    #expireSessions() {
        if (this.#isStopped)
            return;
        const { tracker, intake, tickTimeMs, logger, counters } = this.#parts;
        const nowMs = monotonicMs();
        const stoodStillMs = nowMs - this.#expiryCheckedMs;
        this.#expiryCheckedMs = nowMs;
        if (stoodStillMs > 2 * tickTimeMs) {
            logger.warn(`the server stood still for ${Math.round(stoodStillMs)} ms: sessions get their full timeout again`);
            tracker.touchAll(nowMs);
        }
        for (const session of tracker.takeExpired(nowMs)) {
            if (session.isClosing)
                continue;
            counters.sessionsExpired++;
            intake.closeSession(session);
        }
        if (intake.hasWork())
            this.turn();
    }
    /** No further turns. */
    stop() {
        this.#isStopped = true;
        this.#sleeper.close();
        clearInterval(this.#expiryTimer);
    }
}
