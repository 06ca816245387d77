import { DataTree } from '../../src/replica/data-tree.js';
import { NO_ZNODE, OPEN_ACL } from '../../src/replica/data-tree-reader.js';
import { ReaderLock, WriterLock } from '../../src/replica/lock.js';
const PARENTS = 1000;
const CHILDREN_PER_PARENT = 100;
const DATA_BYTES = 1024;
const MEMORY_BYTES = 512 * 1024 * 1024;
/** Znodes are visited in a stride that is prime to their number, so that the processor's caches do not flatter. */
const STRIDE = 7919;
const PARENT_DIGITS_END = '/services/service-0000'.length;
const CHILD_DIGITS_END = '/services/service-0000/node-0000'.length;
/** The tree that the benchmarks read: 1,000 parents with 100 children each, 1 KiB of data in every child. */
class Scene {
    tree = DataTree.create({ memoryBytesMax: MEMORY_BYTES, readersMax: 1, hashSeed: 42 });
    data = new Uint8Array(DATA_BYTES).fill(7);
    target = new Uint8Array(64 * 1024);
    view = new DataView(this.target.buffer);
    parents = [];
    /** The path of the next request; as in a server, its bytes are in the cache, the znode's are not. */
    path = Buffer.from(pathOf(0, 0));
    #next = 0;
    constructor() {
        const top = this.create('/services', this.tree.root, 0);
        for (let p = 0; p < PARENTS; p++) {
            const parent = this.create(pathOf(p, 0).slice(0, PARENT_DIGITS_END), top, 0);
            this.parents.push(parent);
            for (let c = 0; c < CHILDREN_PER_PARENT; c++)
                this.create(pathOf(p, c), parent, DATA_BYTES);
        }
    }
    create(path, parent, dataLength) {
        return this.insert(Buffer.from(path), path.lastIndexOf('/') + 1, parent, dataLength);
    }
    insert(path, nameStart, parent, dataLength) {
        const hash = this.tree.hashPath(path, 0, path.length);
        const nameLength = path.length - nameStart;
        const { tree, data } = this;
        return tree.createZnode(parent, path, nameStart, nameLength, hash, data, 0, dataLength, OPEN_ACL, 0, 0, 0, 1, 0, 1);
    }
    /** Puts another znode's path into {@link path}. */
    nextPath() {
        this.#advance();
        writeDigits(this.path, CHILD_DIGITS_END, this.#next % CHILDREN_PER_PARENT);
        writeDigits(this.path, PARENT_DIGITS_END, Math.floor(this.#next / CHILDREN_PER_PARENT));
        return this.path;
    }
    nextParent() {
        this.#advance();
        return this.parents[this.#next % this.parents.length];
    }
    #advance() {
        this.#next = (this.#next + STRIDE) % (PARENTS * CHILDREN_PER_PARENT);
    }
}
function pathOf(parent, child) {
    return `/services/service-${String(parent).padStart(4, '0')}/node-${String(child).padStart(4, '0')}`;
}
function writeDigits(bytes, end, value) {
    let left = value;
    for (let at = end - 1; at >= end - 4; at--) {
        bytes[at] = 0x30 + (left % 10);
        left = Math.floor(left / 10);
    }
}
function noWork() { }
/** Registers the replica's benchmarks: one operation a call, on 100,000 znodes of 1 KiB that the caches do not hold. */
export function replicaBenchmarks(bench) {
    const scene = new Scene();
    addReads(bench, scene);
    addWrites(bench, scene);
}
function addReads(bench, scene) {
    const { tree, target, view } = scene;
    const readerLock = new ReaderLock(tree.memory, 0);
    bench.add('replica: lookup', () => {
        const path = scene.nextPath();
        tree.find(path, 0, path.length);
    });
    bench.add('replica: lookup and stat', () => {
        const path = scene.nextPath();
        tree.writeStat(tree.find(path, 0, path.length), view, 0);
    });
    bench.add('replica: lock, lookup, copy of 1 KiB and stat', () => {
        const path = scene.nextPath();
        readerLock.acquire(noWork);
        const ref = tree.find(path, 0, path.length);
        const end = 24 + tree.copyData(ref, target, 24);
        tree.writeStat(ref, view, end);
        readerLock.release();
    });
    bench.add('replica: list 100 children', () => {
        let at = 0;
        const parent = scene.nextParent();
        for (let child = tree.firstChild(parent); child !== NO_ZNODE; child = tree.nextSibling(child)) {
            const length = tree.copyName(child, target, at + 4);
            view.setInt32(at, length);
            at += 4 + length;
        }
    });
}
function addWrites(bench, scene) {
    const { tree } = scene;
    const writerLock = new WriterLock(tree.memory);
    const path = Buffer.from('/services/service-0001/extra');
    const nameStart = path.lastIndexOf('/') + 1;
    const parent = scene.parents[1];
    const insert = () => scene.insert(path, nameStart, parent, DATA_BYTES);
    let ref = NO_ZNODE;
    bench.add('replica: insert (1 KiB)', () => {
        ref = insert();
    }, { afterEach: () => tree.deleteZnode(ref) });
    bench.add('replica: delete (1 KiB)', () => tree.deleteZnode(ref), {
        beforeEach: () => {
            ref = insert();
        },
    });
    bench.add('replica: setData (1 KiB, same length)', () => {
        const target = scene.nextPath();
        tree.setData(tree.find(target, 0, target.length), scene.data, 0, DATA_BYTES);
    });
    bench.add('replica: take and release the writer lock', () => {
        writerLock.acquire();
        writerLock.release();
    });
}
