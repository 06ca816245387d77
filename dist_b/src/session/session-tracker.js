import { LongMap } from '../protocol/long-map.js';
export class SessionLimitError extends Error {
    name = 'SessionLimitError';
}
/** Bytes of a touch table for so many sessions. */
export function touchTableBytes(sessionsMax) {
    return sessionsMax * 4;
}
/**
 * Knows the sessions and tells which have expired, in buckets of a tick as ZooKeeper does (protocol/client.md §2).
 * Times are milliseconds on one monotonic clock that all threads share, wrapped to 32 bits.
 */
export class SessionTracker {
    #options;
    #sessions = new LongMap();
    #buckets = new Map();
    #freeSlots = [];
    #slotsUsed = 0;
    #checkedUntilMs;
    /** `nowMs`: the clock's present reading, unwrapped. */
    constructor(options, nowMs) {
        this.#options = options;
        this.#checkedUntilMs = this.#roundUp(nowMs);
    }
    get size() {
        return this.#sessions.size;
    }
    get(idHigh, idLow) {
        return this.#sessions.get(idHigh, idLow);
    }
    values() {
        return this.#sessions.values();
    }
    /** Adds a session that was heard of just now. Throws SessionLimitError at the limit. */
    add(idHigh, idLow, timeoutMs, nowMs) {
        const slot = this.#freeSlots.pop() ?? this.#slotsUsed++;
        if (slot >= this.#options.sessionsMax) {
            this.#slotsUsed--;
            throw new SessionLimitError(`menagerie.sessionsMax=${this.#options.sessionsMax} sessions are open`);
        }
        const session = {
            idHigh,
            idLow,
            timeoutMs,
            slot,
            connectionTimeoutMs: timeoutMs,
            isClosing: false,
            isCommitted: false,
            connection: null,
            bucketMs: 0,
        };
        this.#sessions.set(idHigh, idLow, session);
        this.touch(session, nowMs);
        return session;
    }
    /** Takes note that the session was heard of. Also needed when its timeout changed: the end may be nearer now. */
    touch(session, nowMs) {
        Atomics.store(this.#options.touchTable, session.slot, nowMs | 0);
        this.#buckets.get(session.bucketMs)?.delete(session);
        this.#putInBucket(session, this.#expiryMs(session, nowMs));
    }
    remove(session) {
        if (!this.#sessions.delete(session.idHigh, session.idLow))
            return;
        this.#buckets.get(session.bucketMs)?.delete(session);
        this.#freeSlots.push(session.slot);
    }
    /**
     * The sessions whose time is over, each given once: the caller closes them. A session that was touched since it was
     * put in its bucket moves on to a later one.
     */
    takeExpired(nowMs) {
        const { tickTimeMs } = this.#options;
        const expired = [];
        for (; this.#checkedUntilMs <= nowMs; this.#checkedUntilMs += tickTimeMs) {
            const bucket = this.#buckets.get(this.#checkedUntilMs);
            if (bucket === undefined)
                continue;
            this.#buckets.delete(this.#checkedUntilMs);
            for (const session of bucket) {
                const expiryMs = this.#expiryMs(session, this.#heardMs(session, nowMs));
                if (expiryMs > this.#checkedUntilMs)
                    this.#putInBucket(session, expiryMs);
                else
                    expired.push(session);
            }
        }
        return expired;
    }
    /** When the session ends unless it is heard of before, on the tracker's clock: the end of its tick. */
    expiresMs(session, nowMs) {
        return this.#expiryMs(session, this.#heardMs(session, nowMs));
    }
    /** Gives every session a full timeout from now: after a start, or after the whole process stood still. */
    touchAll(nowMs) {
        for (const session of this.#sessions.values())
            this.touch(session, nowMs);
    }
    /** When the session was last heard of, unwrapped: at most 2^31 ms (24 days) ago. */
    #heardMs(session, nowMs) {
        const nowWholeMs = Math.floor(nowMs);
        const silentMs = (nowWholeMs - Atomics.load(this.#options.touchTable, session.slot)) | 0;
        return nowWholeMs - silentMs;
    }
    #expiryMs(session, heardMs) {
        return this.#roundUp(Math.floor(heardMs) + session.connectionTimeoutMs);
    }
    /** A bucket that was looked at already would never be again. */
    #putInBucket(session, expiryMs) {
        session.bucketMs = Math.max(expiryMs, this.#checkedUntilMs);
        let bucket = this.#buckets.get(session.bucketMs);
        if (bucket === undefined) {
            bucket = new Set();
            this.#buckets.set(session.bucketMs, bucket);
        }
        bucket.add(session);
    }
    #roundUp(timeMs) {
        const { tickTimeMs } = this.#options;
        return (Math.floor(timeMs / tickTimeMs) + 1) * tickTimeMs;
    }
}
