import { Zxid } from './zxid.js';
/**
 * Counts a leader's acknowledgements. They are cumulative: a server that has acknowledged a zxid has everything up to
 * it on disk. Commits follow zxid order by construction, since what is committed is a prefix of the proposals (ZAB,
 * broadcast phase; protocol/quorum.md §5). A standalone server is its own quorum.
 */
export class Acknowledgements {
    /** Everything up to here is committed. */
    committed;
    #quorum;
    #acknowledged = new Map();
    constructor(quorum, epoch, counter) {
        this.#quorum = quorum;
        this.committed = new Zxid(epoch, counter);
    }
    /** Server `sid` has everything up to this zxid on disk. True when that commits more than before. */
    acknowledge(sid, epoch, counter) {
        const zxid = this.#acknowledged.get(sid);
        if (zxid === undefined)
            this.#acknowledged.set(sid, new Zxid(epoch, counter));
        else if (zxid.compare(epoch, counter) >= 0)
            return false;
        else
            zxid.set(epoch, counter);
        return this.#commit();
    }
    #commit() {
        let moved = false;
        for (const candidate of this.#acknowledged.values()) {
            if (this.committed.compare(candidate.epoch, candidate.counter) >= 0)
                continue;
            const behind = new Set();
            for (const [sid, zxid] of this.#acknowledged) {
                if (zxid.compare(candidate.epoch, candidate.counter) >= 0)
                    behind.add(sid);
            }
            if (!this.#quorum.containsQuorum(behind))
                continue;
            this.committed.set(candidate.epoch, candidate.counter);
            moved = true;
        }
        return moved;
    }
}
