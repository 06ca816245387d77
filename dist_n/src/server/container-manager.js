import { TTL_HIGH_MAX } from '../txn/ephemeral-owners.js';
/** The manager works in steps of this length, so that main's other work goes on between them. */
const STEP_MS = 100;
/** Znodes looked at in one step: about a millisecond. */
const LOOKED_AT_PER_STEP = 10_000;
const MINUTE_MS = 60_000;
/**
 * Deletes containers whose children are gone and TTL znodes whose time is over (protocol/client.md §11). Looks only at
 * those, in small steps, on main, which reads the tree without a lock.
 */
export class ContainerManager {
    #tree;
    #ephemerals;
    #options;
    #timer = null;
    #search = null;
    #searchBeganMs = 0;
    /** Deletions that the limit allows now. */
    #allowance = 0;
    constructor(tree, ephemerals, options) {
        this.#tree = tree;
        this.#ephemerals = ephemerals;
        this.#options = options;
    }
    /** The first search is one interval away. */
    start() {
        this.#after(this.#options.checkIntervalMs);
    }
    stop() {
        if (this.#timer !== null)
            clearTimeout(this.#timer);
        this.#timer = null;
    }
    #after(delayMs) {
        this.#timer = setTimeout(() => this.#onTimer(), delayMs);
    }
    #onTimer() {
        const nowMs = Date.now();
        if (this.#search === null) {
            this.#search = this.#mortals();
            this.#searchBeganMs = nowMs;
        }
        const perStep = (this.#options.deletionsPerMinuteMax * STEP_MS) / MINUTE_MS;
        this.#allowance = Math.min(this.#allowance + perStep, Math.max(perStep, 1));
        if (this.#step(this.#search, nowMs)) {
            this.#search = null;
            const silentMs = Date.now() - this.#searchBeganMs;
            this.#after(Math.max(1, this.#options.checkIntervalMs - Math.max(0, silentMs)));
        }
        else {
            this.#after(STEP_MS);
        }
        this.#options.flush();
    }
    /** Goes on with the search; true when it is at its end. */
    #step(search, nowMs) {
        for (let lookedAt = 0; lookedAt < LOOKED_AT_PER_STEP && this.#allowance >= 1; lookedAt++) {
            const next = search.next();
            if (next.done === true)
                return true;
            if (!this.#isOver(next.value, nowMs))
                continue;
            this.#allowance--;
            const path = new Uint8Array(this.#tree.pathLength(next.value));
            this.#tree.copyPath(next.value, path, 0);
            this.#options.deleteContainer(path);
        }
        return false;
    }
    /** The sets may change between two steps: iterators of a Set skip what was deleted. */
    *#mortals() {
        yield* this.#ephemerals.containers;
        yield* this.#ephemerals.ttls;
    }
    #isOver(ref, nowMs) {
        const tree = this.#tree;
        if (tree.childCount(ref) > 0)
            return false;
        const silentMs = nowMs - (tree.mtimeHigh(ref) * 2 ** 32 + (tree.mtimeLow(ref) >>> 0));
        if (this.#ephemerals.ttls.has(ref)) {
            const ttlHigh = tree.ephemeralOwnerHigh(ref) & TTL_HIGH_MAX;
            return silentMs > ttlHigh * 2 ** 32 + (tree.ephemeralOwnerLow(ref) >>> 0);
        }
        // A new container must not go before its first child comes.
        if (tree.cversion(ref) > 0)
            return true;
        const { neverUsedIntervalMsMax } = this.#options;
        return neverUsedIntervalMsMax > 0 && silentMs > neverUsedIntervalMsMax;
    }
}
