import { randomInt } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import { workerUrl } from './worker-url.js';
/** What a znode takes in a snapshot beside its path and data: lengths, ACL key and stat. */
const ZNODE_BYTES = 76;
/** Decides when a snapshot is due, and has it written by a task beside the running writes (protocol/disk.md §5). */
export class Snapshots {
    #parts;
    #pool;
    #dueTxns = 0;
    #dueBytes = 0;
    #running = null;
    constructor(parts) {
        this.#parts = parts;
        this.#pool = new Piscina({
            filename: fileURLToPath(workerUrl('tasks/write-snapshot')),
            minThreads: 0,
            maxThreads: 1,
            idleTimeout: 1000,
        });
        this.#draw();
    }
    /**
     * Half of the configured interval plus a random part of the other half, so that the servers of an ensemble do not all
     * write at once.
     */
    #draw() {
        const { snapCount, snapSizeLimitBytes } = this.#parts.config;
        this.#dueTxns = half(snapCount);
        this.#dueBytes = snapSizeLimitBytes > 0 ? half(snapSizeLimitBytes) : Number.POSITIVE_INFINITY;
    }
    /**
     * Whether so many txns and log bytes since the last snapshot make the next one due; never while one is written or
     * without room for it.
     */
    isDue(txns, bytes) {
        return this.#running === null && (txns > this.#dueTxns || bytes > this.#dueBytes) && this.hasRoom();
    }
    /** Whether the disk has room for a snapshot of the tree as it is now. */
    hasRoom() {
        const { tree, diskGuard } = this.#parts;
        return diskGuard.hasRoomForSnapshot(tree.dataBytes + ZNODE_BYTES * tree.znodeCount);
    }
    /**
     * Starts a snapshot at the zxid that the tree has now; the promise settles when it is whole and durable, and rejects
     * when it cannot be written. The server goes on in either case: the logs hold everything.
     */
    take() {
        this.#draw();
        const { tree, logger } = this.#parts;
        this.#parts.rollLog();
        tree.beginQuarantine();
        const run = this.#write().finally(() => {
            tree.endQuarantine();
            this.#running = null;
        });
        this.#running = run.catch((error) => {
            this.#parts.counters.snapshotErrors++;
            logger.error(`snapshot failed, the logs are kept: ${error.message}`);
        });
        return run;
    }
    async #write() {
        const { config, tree, directory, readerIndex, logger } = this.#parts;
        const result = await this.#pool.run({
            memory: tree.memory,
            readerIndex,
            directory,
            zxidHigh: tree.lastZxidHigh,
            zxidLow: tree.lastZxidLow,
            sessions: this.#sessions(),
            digestEnabled: config.digestEnabled,
            lastProcessedZxidEnabled: config.serializeLastProcessedZxidEnabled,
            compression: config.snapshotCompression,
        });
        this.#parts.counters.snapshotTime.record(result.durationMs);
        const seconds = (result.durationMs / 1000).toFixed(1);
        logger.info(`snapshot ${result.path}: ${result.znodes} znodes, ${result.bytes} bytes in ${seconds} s`);
    }
    #sessions() {
        const sessions = [...this.#parts.tracker.values()].filter((session) => session.isCommitted);
        return {
            idsHigh: Int32Array.from(sessions, (session) => session.idHigh),
            idsLow: Int32Array.from(sessions, (session) => session.idLow),
            timeoutsMs: Int32Array.from(sessions, (session) => session.timeoutMs),
        };
    }
    /** Gives up a snapshot that is being written; its file never got its name. */
    async stop() {
        await this.#pool.destroy();
        await this.#running;
    }
}
function half(interval) {
    const floor = Math.floor(interval / 2);
    return floor + (floor > 1 ? randomInt(Math.min(floor, 2 ** 47)) : 0);
}
