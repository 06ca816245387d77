import { NO_BLOCK } from './allocator.js';
import { CHAIN_NEXT } from './layout.js';
/**
 * Keeps the records of znodes that are deleted while a walk over the tree goes on (TreeWalk says why). The records are
 * chained through the word that chained them in the path index, so keeping them takes no memory. Main alone has one.
 */
export class Quarantine {
    #views;
    #allocator;
    #openCount = 0;
    #bytes = 0;
    /** Kept for the open quarantines: a chain with its last record, to be moved in one step. */
    #keptFirst = NO_BLOCK;
    #keptLast = NO_BLOCK;
    /** Of no use to any walk: one that begins now starts at the root, and no living znode links here. */
    #waste = NO_BLOCK;
    constructor(views, allocator) {
        this.#views = views;
        this.#allocator = allocator;
    }
    get isOpen() {
        return this.#openCount > 0;
    }
    /** Bytes of records not yet freed. */
    get bytes() {
        return this.#bytes;
    }
    /** Opens one more quarantine. */
    begin() {
        this.#openCount++;
    }
    /** Closes one; after the last, what was kept waits for {@link reclaim}. */
    end() {
        if (this.#openCount === 0)
            throw new Error('replica: no quarantine is open');
        this.#openCount--;
        if (this.#openCount > 0 || this.#keptFirst === NO_BLOCK)
            return;
        this.#setChainNext(this.#keptLast, this.#waste);
        this.#waste = this.#keptFirst;
        this.#keptFirst = NO_BLOCK;
        this.#keptLast = NO_BLOCK;
    }
    /** Keeps a record that is out of the path index. */
    add(ref) {
        this.#setChainNext(ref, this.#keptFirst);
        this.#keptFirst = ref;
        if (this.#keptLast === NO_BLOCK)
            this.#keptLast = ref;
        this.#bytes += this.#allocator.blockBytes(ref);
    }
    /** Frees up to `recordsMax` records; gives how many. */
    reclaim(recordsMax) {
        let freed = 0;
        for (; freed < recordsMax && this.#waste !== NO_BLOCK; freed++) {
            const ref = this.#waste;
            const { words, shift, mask } = this.#views;
            this.#waste = words[ref >>> shift][((ref & mask) << 1) + CHAIN_NEXT];
            this.#bytes -= this.#allocator.blockBytes(ref);
            this.#allocator.free(ref);
        }
        return freed;
    }
    #setChainNext(ref, next) {
        const { words, shift, mask } = this.#views;
        words[ref >>> shift][((ref & mask) << 1) + CHAIN_NEXT] = next;
    }
}
