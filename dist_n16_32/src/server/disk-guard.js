import { statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
const MB = 1 << 20;
/** What is kept free unless `menagerie.diskReserveMb` says otherwise: so much, or a tenth of a small file system. */
const RESERVE_BYTES = 256 * MB;
const RESERVE_PART = 10;
/** A warning comes when this many times the reserve is left. */
const WARNING_FACTOR = 2;
/** Above this many times a mark it is as if it had never been passed: space comes and goes. */
const RECOVERY_FACTOR = 1.25;
/** Faster than any disk is written: how soon the reserve could be reached decides when to look again. */
const BYTES_PER_MS_MAX = MB;
const INTERVAL_MS_MIN = 10;
const INTERVAL_MS_MAX = 500;
/** How soon it is noticed that there is room again. */
const REFUSING_INTERVAL_MS = 100;
/**
 * Watches the free space of the logs' file system, and has new writes refused while there is still room to log what is
 * under way, closeSessions and deletes. A log that cannot be written ends the server; this is to come before. The
 * snapshots' file system is watched too: a snapshot that might not fit is not begun.
 */
export class DiskGuard {
    #options;
    #readSpace;
    #sharesFileSystem;
    #level = 'ample';
    #logFreeBytes = Number.POSITIVE_INFINITY;
    #snapshotFreeBytes = Number.POSITIVE_INFINITY;
    #reserveBytes = 0;
    #timer = null;
    #isStopped = false;
    #hasFailed = false;
    #hasSkipped = false;
    constructor(options) {
        this.#options = options;
        this.#readSpace = options.readSpace ?? statfs;
        this.#sharesFileSystem = statSync(options.logDirectory).dev === statSync(options.snapshotDirectory).dev;
    }
    /** Looks once, so that {@link refusesWrites} holds, and goes on looking until {@link stop}. */
    async start() {
        if (this.#options.reserveBytes === 0)
            return;
        await this.look();
        this.#schedule();
    }
    /** Looks once; called at intervals after {@link start}. */
    async look() {
        const { logDirectory, snapshotDirectory, logger, reserveBytes } = this.#options;
        try {
            const log = await this.#readSpace(logDirectory);
            const snapshots = this.#sharesFileSystem ? log : await this.#readSpace(snapshotDirectory);
            this.#logFreeBytes = log.bavail * log.bsize;
            this.#snapshotFreeBytes = snapshots.bavail * snapshots.bsize;
            this.#reserveBytes =
                reserveBytes ?? Math.min(RESERVE_BYTES, Math.floor((log.blocks * log.bsize) / RESERVE_PART));
            this.#hasFailed = false;
        }
        catch (error) {
            if (!this.#hasFailed) {
                logger.warn(`${logDirectory}: its free space cannot be told: ${error.message}`);
            }
            this.#hasFailed = true;
            return;
        }
        if (!this.#isStopped)
            this.#moveTo(this.#nextLevel());
    }
    stop() {
        this.#isStopped = true;
        if (this.#timer !== null)
            clearTimeout(this.#timer);
    }
    get refusesWrites() {
        return this.#level === 'refusing';
    }
    /** Whether a snapshot of about so many bytes may be begun without touching the reserve. */
    hasRoomForSnapshot(bytes) {
        const reserve = this.#sharesFileSystem ? this.#reserveBytes : 0;
        const hasRoom = this.#snapshotFreeBytes - bytes >= reserve;
        if (!hasRoom && !this.#hasSkipped) {
            this.#options.logger.warn(`${this.#options.snapshotDirectory}: ${mebibytes(this.#snapshotFreeBytes)} MiB free, too little for a snapshot of ` +
                `about ${mebibytes(bytes)} MiB: none is taken, and the logs grow, until there is more`);
        }
        this.#hasSkipped = !hasRoom;
        return hasRoom;
    }
    /** For mntr; nothing where the guard is off. */
    metrics() {
        if (this.#reserveBytes === 0)
            return [];
        const integer = (name, value) => ({ name, value, kind: 'integer' });
        return [
            integer('disk_log_free_bytes', this.#logFreeBytes),
            integer('disk_snapshot_free_bytes', this.#snapshotFreeBytes),
            integer('disk_reserve_bytes', this.#reserveBytes),
            integer('disk_refuses_writes', this.refusesWrites ? 1 : 0),
        ];
    }
    #schedule() {
        if (this.#isStopped)
            return;
        this.#timer = setTimeout(() => void this.look().then(() => this.#schedule()), this.#intervalMs());
        this.#timer.unref();
    }
    #intervalMs() {
        if (this.refusesWrites)
            return REFUSING_INTERVAL_MS;
        const untilReserveMs = (this.#logFreeBytes - this.#reserveBytes) / BYTES_PER_MS_MAX;
        return Math.min(INTERVAL_MS_MAX, Math.max(INTERVAL_MS_MIN, untilReserveMs));
    }
    #nextLevel() {
        const isBelow = (mark, isPassed) => this.#logFreeBytes < mark * (isPassed ? RECOVERY_FACTOR : 1);
        if (isBelow(this.#reserveBytes, this.#level === 'refusing'))
            return 'refusing';
        return isBelow(WARNING_FACTOR * this.#reserveBytes, this.#level !== 'ample') ? 'short' : 'ample';
    }
    #moveTo(level) {
        const before = this.#level;
        if (level === before)
            return;
        this.#level = level;
        const { logDirectory, logger, onChange, onShort } = this.#options;
        const free = `${logDirectory}: ${mebibytes(this.#logFreeBytes)} MiB free`;
        const reserve = `${mebibytes(this.#reserveBytes)} MiB (menagerie.diskReserveMb)`;
        const mustChange = 'make room: purge old snapshots and logs, or enlarge the disk';
        if (level === 'refusing') {
            logger.error(`${free}, less than ${reserve}: writes are refused with QUOTAEXCEEDED; reads, deletes and sessions go on; ${mustChange}`);
        }
        else if (before === 'refusing') {
            logger.warn(`${free}: writes are taken again`);
        }
        else if (level === 'short') {
            logger.warn(`${free}: below ${reserve} writes will be refused; ${mustChange}`);
        }
        else {
            logger.info(`${free}: enough again`);
        }
        if (level === 'refusing' || before === 'ample')
            onShort();
        if ((level === 'refusing') !== (before === 'refusing'))
            onChange(level === 'refusing');
    }
}
function mebibytes(bytes) {
    return (bytes / MB).toFixed(0);
}
