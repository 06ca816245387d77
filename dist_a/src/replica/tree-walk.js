import { NO_ZNODE } from './data-tree-reader.js';
/**
 * Walks the znodes in pre-order, a parent before its children. The walk may let go of the lock between two steps, as long
 * as one quarantine (DataTree.beginQuarantine) is open from before its first step until after its last. It then gives every
 * znode that exists all the time, none twice, and none that is deleted when its turn comes; of those made meanwhile, some.
 *
 * Why it misses none. Let the walk stand on znode d. New siblings are linked at the head, so none is ever linked behind d,
 * and those behind it keep their order. If d lives, its next sibling is the first survivor behind it. If d was deleted, its
 * link was left as it was at that moment and names x, then the first survivor behind d. If x lives, it still is. If x was
 * deleted, that was after d (else d's link would have been moved past x), and the argument holds for x in turn. Records are
 * not reused while the quarantine is open, so every link on this way is still a link. A deleted znode had no children, so
 * nothing is below it; and its parent link leads up to where the walk came from, where the same holds.
 */
export class TreeWalk {
    #reader;
    #current = NO_ZNODE;
    #isDone = false;
    constructor(reader) {
        this.#reader = reader;
    }
    /** The next znode, or NO_ZNODE at the end (and from then on). Call it under the lock. */
    next() {
        if (this.#isDone)
            return NO_ZNODE;
        const reader = this.#reader;
        let ref = this.#current === NO_ZNODE ? reader.root : this.#after(this.#current);
        while (ref !== NO_ZNODE && reader.isDeleted(ref))
            ref = this.#behind(ref);
        this.#current = ref;
        this.#isDone = ref === NO_ZNODE;
        return ref;
    }
    #after(ref) {
        const child = this.#reader.isDeleted(ref) ? NO_ZNODE : this.#reader.firstChild(ref);
        return child === NO_ZNODE ? this.#behind(ref) : child;
    }
    /** The next sibling of the znode or of the nearest of its ancestors that has one. */
    #behind(ref) {
        let at = ref;
        while (at !== NO_ZNODE) {
            const sibling = this.#reader.nextSibling(at);
            if (sibling !== NO_ZNODE)
                return sibling;
            at = this.#reader.parent(at);
        }
        return NO_ZNODE;
    }
}
