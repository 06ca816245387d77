// Loads millions of znodes at start: no string or array per znode, paths and data go from the file's buffer into the tree.
import { NO_ZNODE, OPEN_ACL } from '../replica/data-tree-reader.js';
import { readAclKey, scanSnapshot, } from './snapshot-scan.js';
const SLASH = 0x2f;
const EPHEMERAL_OWNER = 44;
/**
 * Loads a snapshot into a fresh tree, with the checks of {@link scanSnapshot} and of the tree's shape: each parent before
 * its children, each path once, each ACL key known. Throws SnapshotError.
 */
export function readSnapshot(options) {
    return scanSnapshot(options, new TreeLoader(options));
}
class TreeLoader {
    #options;
    #tree;
    /** The serialised list of each ACL key in the file, null for the open one. */
    #acls = new Map();
    #znodes = 0;
    /**
     * The znodes from the root to the last one, with the lengths of their paths; the last one's path holds all the others'.
     * In the file's order a znode's parent is among them, and need not be looked for.
     */
    #path = new Uint8Array(1024);
    #refs = [];
    #ends = [];
    #depth = 0;
    constructor(options) {
        this.#options = options;
        this.#tree = options.tree;
    }
    session(idHigh, idLow, timeoutMs) {
        this.#options.onSession(idHigh, idLow, timeoutMs);
    }
    acl(key, serialised) {
        const ref = this.#tree.internAcl(serialised, 0, serialised.length);
        // Apache gives the open list a key of its own when a client names it, as nearly all do.
        this.#acls.set(key, ref === OPEN_ACL ? null : serialised);
        this.#tree.releaseAcl(ref);
    }
    znode(input, pathAt, pathLength, dataAt, dataLength, keyAt) {
        const { bytes, view } = input;
        const tree = this.#tree;
        const aclRef = this.#aclRef(input, keyAt);
        const statAt = keyAt + 8;
        let ref;
        if (this.#znodes++ === 0) {
            ref = tree.root;
            tree.setData(ref, bytes, dataAt, dataLength);
            tree.setAcl(ref, aclRef);
            this.#enter(ref, bytes, pathAt, 0, 0);
        }
        else {
            ref = this.#create(input, pathAt, pathLength, dataAt, dataLength, aclRef, statAt);
        }
        tree.loadStatPersisted(ref, view, statAt);
        if (this.#options.computesDigests) {
            const digest = input.memory.digest(pathAt, pathLength, dataAt, dataLength, statAt);
            this.#options.onZnode(ref, bytes, pathAt, pathLength, input.memory.contentCrc, digest);
        }
        else {
            this.#options.onZnode(ref, bytes, pathAt, pathLength, 0, 0);
        }
    }
    #create(input, pathAt, pathLength, dataAt, dataLength, aclRef, statAt) {
        const { bytes, view } = input;
        const tree = this.#tree;
        const end = pathAt + pathLength;
        let nameAt = end;
        while (nameAt > pathAt && bytes[nameAt - 1] !== SLASH)
            nameAt--;
        if (nameAt === pathAt || nameAt === end)
            throw input.error('an absolute path', 'another');
        const parentLength = nameAt - 1 - pathAt;
        const parent = this.#parent(bytes, pathAt, parentLength);
        if (parent === NO_ZNODE) {
            throw input.error('a parent before its children', pathText(bytes, pathAt, pathLength));
        }
        const hash = tree.hashPath(bytes, pathAt, pathLength);
        if (tree.findHashed(hash, bytes, pathAt, pathLength) !== NO_ZNODE) {
            throw input.error('each path once', pathText(bytes, pathAt, pathLength));
        }
        const ref = tree.createZnode(parent, bytes, nameAt, end - nameAt, hash, bytes, dataAt, dataLength, aclRef, view.getInt32(statAt + EPHEMERAL_OWNER), view.getInt32(statAt + EPHEMERAL_OWNER + 4), 0, 0, 0, 0);
        this.#enter(ref, bytes, pathAt, parentLength, pathLength);
        return ref;
    }
    /** The znode at `bytes[at, at + length)`, which becomes the last one entered if it was one of them. */
    #parent(bytes, at, length) {
        const ends = this.#ends;
        let last = this.#depth - 1;
        while (ends[last] > length)
            last--;
        this.#depth = last + 1;
        if (ends[last] !== length || !this.#beginsWith(bytes, at, length))
            return this.#find(bytes, at, length);
        return this.#refs[last];
    }
    #beginsWith(bytes, at, length) {
        const path = this.#path;
        for (let i = length - 1; i >= 0; i--)
            if (path[i] !== bytes[at + i])
                return false;
        return true;
    }
    /** A file in another order than Apache's, but with parents before their children, loads too. */
    #find(bytes, at, length) {
        const ref = this.#tree.find(bytes, at, length);
        this.#depth = 1;
        if (length > 0 && ref !== NO_ZNODE)
            this.#enter(ref, bytes, at, 0, length);
        return ref;
    }
    /** Puts a znode behind its parent, whose path has `parentLength` bytes. */
    #enter(ref, bytes, at, parentLength, length) {
        if (length > this.#path.length) {
            const longer = new Uint8Array(2 * length);
            longer.set(this.#path);
            this.#path = longer;
        }
        for (let i = parentLength; i < length; i++)
            this.#path[i] = bytes[at + i];
        this.#refs[this.#depth] = ref;
        this.#ends[this.#depth++] = length;
    }
    /** One reference of the ACL with the key at `keyAt`, for the znode to take over. */
    #aclRef(input, keyAt) {
        const key = readAclKey(input.view, keyAt);
        if (key === -1)
            return OPEN_ACL;
        const acl = this.#acls.get(key);
        if (acl === undefined)
            throw input.error("a key of the snapshot's ACLs", `${key}`);
        return acl === null ? OPEN_ACL : this.#tree.internAcl(acl, 0, acl.length);
    }
}
function pathText(bytes, at, length) {
    return Buffer.from(bytes.slice(at, at + Math.min(length, 200))).toString('utf8');
}
