// Hot path: finding, inserting and removing allocate nothing beyond what Map does by itself.
/** A map keyed by path bytes, so that a path in a frame need not become a string to be looked up. */
export class PathMap {
    #buckets = new Map();
    size = 0;
    /** The entry whose path is `bytes[start, start + length)`; `hash` must come from the function that gave entries theirs. */
    find(hash, bytes, start, length) {
        let entry = this.#buckets.get(hash) ?? null;
        while (entry !== null && !samePath(entry, bytes, start, length))
            entry = entry.nextInBucket;
        return entry;
    }
    /** Adds an entry whose path is not in the map yet. */
    insert(entry) {
        entry.nextInBucket = this.#buckets.get(entry.hash) ?? null;
        this.#buckets.set(entry.hash, entry);
        this.size++;
    }
    /** Takes out an entry that is in the map. */
    remove(entry) {
        const first = this.#buckets.get(entry.hash);
        if (first === entry) {
            if (entry.nextInBucket === null)
                this.#buckets.delete(entry.hash);
            else
                this.#buckets.set(entry.hash, entry.nextInBucket);
        }
        else {
            let before = first;
            while (before !== undefined && before.nextInBucket !== entry)
                before = before.nextInBucket ?? undefined;
            if (before === undefined)
                throw new Error('the entry is not in the map');
            before.nextInBucket = entry.nextInBucket;
        }
        entry.nextInBucket = null;
        this.size--;
    }
}
function samePath(entry, bytes, start, length) {
    if (entry.pathLength !== length)
        return false;
    const path = entry.path;
    for (let i = 0; i < length; i++)
        if (path[i] !== bytes[start + i])
            return false;
    return true;
}
