import assert from 'node:assert/strict';
import { DataTree } from '../../src/replica/data-tree.js';
import { NO_ZNODE, OPEN_ACL } from '../../src/replica/data-tree-reader.js';
/** A DataTree that lets tests look into its allocator, and can squeeze all hashes into a few. */
export class OpenDataTree extends DataTree {
    hashesMax = 0;
    checkAllocator() {
        return this.allocator.checkInvariants();
    }
    hashPath(bytes, start, length) {
        const hash = super.hashPath(bytes, start, length);
        return this.hashesMax > 0 ? hash % this.hashesMax : hash;
    }
}
export function findPath(tree, path) {
    // An offset, as paths in requests do not begin at 0.
    const bytes = Buffer.from(`xx${path}y`);
    return tree.find(bytes, 2, bytes.length - 3);
}
/** Creates a znode whose parent exists; the low word of zxid and time is `stamp`. */
export function createPath(tree, path, data, aclRef = OPEN_ACL, stamp = 1) {
    const slash = path.lastIndexOf('/');
    const parent = findPath(tree, path.slice(0, slash));
    assert.notEqual(parent, NO_ZNODE, path);
    const bytes = Buffer.from(path);
    const nameStart = Buffer.byteLength(path.slice(0, slash + 1));
    const hash = tree.hashPath(bytes, 0, bytes.length);
    const value = data ?? new Uint8Array(0);
    const length = data === null ? -1 : data.length;
    const nameLength = bytes.length - nameStart;
    return tree.createZnode(parent, bytes, nameStart, nameLength, hash, value, 0, length, aclRef, 0, 0, 7, stamp, 9, stamp);
}
export function pathOf(tree, ref) {
    const bytes = Buffer.alloc(tree.pathLength(ref) + 2);
    assert.equal(tree.copyPath(ref, bytes, 1), bytes.length - 2);
    return bytes.subarray(1, -1).toString();
}
export function dataOf(tree, ref) {
    const length = tree.dataLength(ref);
    if (length < 0)
        return null;
    const bytes = Buffer.alloc(length + 1);
    assert.equal(tree.copyData(ref, bytes, 1), length);
    return bytes.subarray(1);
}
export function aclOf(tree, ref) {
    const bytes = Buffer.alloc(tree.aclLength(tree.aclRef(ref)));
    assert.equal(tree.copyAcl(tree.aclRef(ref), bytes, 0), bytes.length);
    return bytes;
}
export function childrenOf(tree, ref) {
    const names = [];
    for (let child = tree.firstChild(ref); child !== NO_ZNODE; child = tree.nextSibling(child)) {
        const name = Buffer.alloc(tree.nameLength(child));
        tree.copyName(child, name, 0);
        names.push(name.toString());
        assert.equal(tree.parent(child), ref);
    }
    assert.equal(tree.childCount(ref), names.length);
    return names;
}
/** What the tree should hold, in ordinary objects. */
export class TreeModel {
    znodes = new Map();
    /** The serialised open ACL list is what the root has from the start. */
    constructor(rootAcl) {
        this.znodes.set('/', { data: Buffer.alloc(0), acl: rootAcl, stamp: 0, children: [] });
    }
    create(path, data, acl, stamp) {
        this.znodes.set(path, { data, acl, stamp, children: [] });
        this.#parent(path).children.unshift(path.slice(path.lastIndexOf('/') + 1));
    }
    delete(path) {
        this.znodes.delete(path);
        const siblings = this.#parent(path).children;
        siblings.splice(siblings.indexOf(path.slice(path.lastIndexOf('/') + 1)), 1);
    }
    #parent(path) {
        return this.znodes.get(path.slice(0, path.lastIndexOf('/')) || '/');
    }
    /** For each path, how many others are below it. */
    #descendants() {
        const counts = new Map();
        for (const path of this.znodes.keys()) {
            for (let at = path; at !== '/' && at !== '';) {
                at = at.slice(0, at.lastIndexOf('/')) || '/';
                counts.set(at, (counts.get(at) ?? 0) + 1);
            }
        }
        return counts;
    }
    /** Compares everything, by lookup of every path. */
    check(tree) {
        let dataBytes = 0;
        const descendants = this.#descendants();
        for (const [path, znode] of this.znodes) {
            const ref = findPath(tree, path);
            assert.notEqual(ref, NO_ZNODE, `${path} is missing`);
            assert.equal(pathOf(tree, ref), path);
            assert.deepEqual(dataOf(tree, ref), znode.data);
            assert.deepEqual(aclOf(tree, ref), znode.acl);
            assert.deepEqual([tree.czxidLow(ref), tree.mtimeLow(ref)], [znode.stamp, znode.stamp]);
            assert.deepEqual(childrenOf(tree, ref), znode.children);
            assert.equal(tree.descendantCount(ref), descendants.get(path) ?? 0);
            dataBytes += Buffer.byteLength(path) + (znode.data?.length ?? 0);
        }
        assert.equal(tree.znodeCount, this.znodes.size);
        assert.equal(tree.dataBytes, dataBytes);
    }
}
/** An OpenDataTree, and its budget for those who make the memory themselves. */
export function openTree(memory, memoryBytesMax, hashesMax = 0) {
    const tree = new OpenDataTree(memory, memoryBytesMax);
    tree.hashesMax = hashesMax;
    return tree;
}
