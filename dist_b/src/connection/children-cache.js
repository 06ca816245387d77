// Hot path: a hit costs one Map look-up and four comparisons.
/** A list of fewer children is put together as fast as it is found here. */
const CHILDREN_MIN = 8;
const BYTES_MAX = 64 * 1024;
/**
 * Serialised lists of children, per worker (Apache's maxGetChildrenResponseCacheSize). An entry is true as long as the
 * znode is the same (czxid: a reference may be used again for another znode) and no child came or went (pzxid).
 */
export class ChildrenCache {
    #tree;
    #entriesMax;
    #entries = new Map();
    constructor(tree, entriesMax) {
        this.#tree = tree;
        this.#entriesMax = entriesMax;
    }
    /** The serialised list of the znode's children, or null when it is not worth keeping. Call under the reader lock. */
    names(ref) {
        const tree = this.#tree;
        if (this.#entriesMax === 0 || tree.childCount(ref) < CHILDREN_MIN)
            return null;
        const cached = this.#entries.get(ref);
        if (cached !== undefined &&
            cached.pzxidLow === tree.pzxidLow(ref) &&
            cached.pzxidHigh === tree.pzxidHigh(ref) &&
            cached.czxidLow === tree.czxidLow(ref) &&
            cached.czxidHigh === tree.czxidHigh(ref)) {
            return cached.bytes;
        }
        const length = childNamesBytes(tree, ref);
        if (length > BYTES_MAX)
            return null;
        const bytes = new Uint8Array(length);
        writeChildNames(tree, ref, bytes, new DataView(bytes.buffer), 0);
        this.#makeRoom();
        this.#entries.set(ref, {
            czxidHigh: tree.czxidHigh(ref),
            czxidLow: tree.czxidLow(ref),
            pzxidHigh: tree.pzxidHigh(ref),
            pzxidLow: tree.pzxidLow(ref),
            bytes,
        });
        return bytes;
    }
    /** The oldest entry goes. */
    #makeRoom() {
        if (this.#entries.size < this.#entriesMax)
            return;
        for (const ref of this.#entries.keys()) {
            this.#entries.delete(ref);
            return;
        }
    }
}
/** Length of the vector<ustring> of a znode's children. */
export function childNamesBytes(tree, ref) {
    let bytes = 4;
    for (let child = tree.firstChild(ref); child !== 0; child = tree.nextSibling(child)) {
        bytes += 4 + tree.nameLength(child);
    }
    return bytes;
}
/** Writes the vector<ustring> of a znode's children at `at`. */
export function writeChildNames(tree, ref, target, view, at) {
    view.setInt32(at, tree.childCount(ref));
    let position = at + 4;
    for (let child = tree.firstChild(ref); child !== 0; child = tree.nextSibling(child)) {
        view.setInt32(position, tree.nameLength(child));
        position += 4;
        position += tree.copyName(child, target, position);
    }
}
