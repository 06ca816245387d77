// Hot path: a txn on a path that nobody watches costs one look-up by the path's bytes, and none while the table is empty.
import { copyBytes } from '../jute/shared-copy.js';
import { PathMap } from '../protocol/path-map.js';
/** How a connection watches a path, as bits: one path may be watched in several ways. */
export const WatchMode = {
    /** Fires once. */
    standard: 1,
    /** Stays until it is removed. */
    persistent: 2,
    /** Stays, and fires for the whole subtree. */
    recursive: 4,
    any: 7,
};
/** Who watches one path. */
export class WatchEntry {
    hash;
    path;
    pathLength;
    nextInBucket = null;
    /** Bits of {@link WatchMode} for each connection. */
    watchers = new Map();
    /** How many of the watchers have more than a standard watch. */
    lasting = 0;
    constructor(hash, path) {
        this.hash = hash;
        this.path = path;
        this.pathLength = path.length;
    }
}
/** One of a worker's two tables of watches: path → connections and the modes of each (protocol/client.md §8). */
export class WatchTable {
    /** Pairs of path and connection. */
    size = 0;
    /** Pairs with mode recursive; while there are none nobody need look at a path's ancestors. */
    recursive = 0;
    #byPath = new PathMap();
    #watchesOf;
    #onSizeChange;
    /** `watchesOf` gives the set in which a connection keeps its entries of this table. */
    constructor(watchesOf, onSizeChange) {
        this.#watchesOf = watchesOf;
        this.#onSizeChange = onSizeChange;
    }
    get paths() {
        return this.#byPath.size;
    }
    /** Adds a mode to what the connection watches the path in. */
    add(hash, bytes, start, length, connection, mode = WatchMode.standard) {
        let entry = this.#byPath.find(hash, bytes, start, length);
        if (entry === null) {
            // Not `slice`, which for a Buffer is a view, and would keep all that was received with the path.
            const path = new Uint8Array(length);
            copyBytes(bytes, start, path, 0, length);
            entry = new WatchEntry(hash, path);
            this.#byPath.insert(entry);
        }
        const before = entry.watchers.get(connection) ?? 0;
        this.#setModes(entry, connection, before, before | mode);
    }
    /** Whether the connection watches the path in one of the modes. */
    has(hash, bytes, start, length, connection, modes) {
        const entry = this.#byPath.find(hash, bytes, start, length);
        return entry !== null && ((entry.watchers.get(connection) ?? 0) & modes) !== 0;
    }
    /** Takes the modes away from what the connection watches the path in; false when it has none of them. */
    remove(hash, bytes, start, length, connection, modes) {
        const entry = this.#byPath.find(hash, bytes, start, length);
        const before = entry?.watchers.get(connection) ?? 0;
        if (entry === null || (before & modes) === 0)
            return false;
        this.#setModes(entry, connection, before, before & ~modes);
        return true;
    }
    /** The connections that watch this very path, or null when there are none; standard watches are spent by it. */
    take(hash, bytes, start, length) {
        if (this.#byPath.size === 0)
            return null;
        const entry = this.#byPath.find(hash, bytes, start, length);
        if (entry === null)
            return null;
        if (entry.lasting > 0)
            return this.#takeFromMixed(entry);
        this.#byPath.remove(entry);
        for (const connection of entry.watchers.keys())
            this.#watchesOf(connection).delete(entry);
        this.#changeSize(-entry.watchers.size);
        return entry.watchers;
    }
    #takeFromMixed(entry) {
        const taken = new Set(entry.watchers.keys());
        for (const [connection, modes] of [...entry.watchers]) {
            this.#setModes(entry, connection, modes, modes & ~WatchMode.standard);
        }
        return taken;
    }
    /** Adds to `watchers` the connections that watch this path and all below it. */
    addRecursive(hash, bytes, start, length, watchers) {
        const entry = this.#byPath.find(hash, bytes, start, length);
        if (entry === null || entry.lasting === 0)
            return;
        for (const [connection, modes] of entry.watchers) {
            if ((modes & WatchMode.recursive) !== 0)
                watchers.add(connection);
        }
    }
    /** Drops all watches of a connection that is gone. */
    removeConnection(connection) {
        for (const entry of [...this.#watchesOf(connection)]) {
            this.#setModes(entry, connection, entry.watchers.get(connection) ?? 0, 0);
        }
    }
    #setModes(entry, connection, before, after) {
        if (before === after)
            return;
        this.recursive += (after >> 2) - (before >> 2);
        entry.lasting += Number(after > WatchMode.standard) - Number(before > WatchMode.standard);
        if (after !== 0)
            entry.watchers.set(connection, after);
        else
            entry.watchers.delete(connection);
        if (before === 0) {
            this.#watchesOf(connection).add(entry);
            this.#changeSize(1);
        }
        else if (after === 0) {
            this.#watchesOf(connection).delete(entry);
            this.#changeSize(-1);
            if (entry.watchers.size === 0)
                this.#byPath.remove(entry);
        }
    }
    #changeSize(difference) {
        this.size += difference;
        this.#onSizeChange(difference);
    }
}
