import { TreeWalk } from '../../src/replica/tree-walk.js';
import { Database } from '../../src/server/database.js';
import { toZxid } from './support.js';
/** The server's database in little memory. */
export class TestDatabase extends Database {
    isExact = false;
    constructor() {
        const replica = { memoryBytesMax: 16 << 20, readersMax: 2, hashSeed: 12345, segmentBytes: 1 << 17 };
        super(replica, { digestEnabled: true, extendedTypesEnabled: false });
    }
    exact() {
        this.isExact = true;
        super.exact();
    }
    get treeDigest() {
        return BigInt.asUintN(64, toZxid(this.tree.treeDigestHigh, this.tree.treeDigestLow));
    }
}
/** The whole tree, by path, for comparisons. */
export function dumpTree(tree) {
    const found = {};
    const walk = new TreeWalk(tree);
    for (let ref = walk.next(); ref !== 0; ref = walk.next()) {
        const path = Buffer.alloc(tree.pathLength(ref));
        tree.copyPath(ref, path, 0);
        const data = Buffer.alloc(Math.max(0, tree.dataLength(ref)));
        tree.copyData(ref, data, 0);
        const acl = Buffer.alloc(tree.aclLength(tree.aclRef(ref)));
        tree.copyAcl(tree.aclRef(ref), acl, 0);
        const stat = Buffer.alloc(60);
        tree.writeStatPersisted(ref, new DataView(stat.buffer, stat.byteOffset, 60), 0);
        found[path.toString()] = {
            data: tree.dataLength(ref) < 0 ? null : data.toString('base64'),
            acl: acl.toString('hex'),
            stat: stat.toString('hex'),
        };
    }
    return found;
}
