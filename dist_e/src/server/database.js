import { LongMap } from '../protocol/long-map.js';
import { DataTree } from '../replica/data-tree.js';
import { TxnApplier } from '../txn/apply.js';
import { contentCrc, countsInDigest, TreeDigest, znodeDigest } from '../txn/digest.js';
import { DigestHistory } from '../txn/digest-history.js';
import { EphemeralOwners } from '../txn/ephemeral-owners.js';
const ROOT = Uint8Array.of(0x2f);
/** Tree, ephemerals and sessions as recovery fills them from disk; afterwards the server's own. */
export class Database {
    tree;
    ephemerals = new EphemeralOwners();
    sessions = new LongMap();
    /** From the replay on, where the tree is exact: what a fuzzy snapshot had seen before is no tree of any zxid. */
    digests = new DigestHistory();
    #options;
    #applier;
    #digest = new TreeDigest();
    constructor(replica, options) {
        this.#options = options;
        this.tree = DataTree.create(replica);
        this.tree.extendedTypes = options.extendedTypesEnabled;
        this.#applier = new TxnApplier(this.tree, this.ephemerals, {
            znodeChanged: () => { },
            sessionCreated: (idHigh, idLow, timeoutMs) => this.onSession(idHigh, idLow, timeoutMs),
            sessionClosed: (idHigh, idLow) => this.sessions.delete(idHigh, idLow),
        }, options);
        this.#applier.isReplay = true;
        this.#applier.verifiesDigest = false;
        this.#countDigest(this.tree.root, ROOT);
        this.snapshotLoaded();
    }
    onSession(idHigh, idLow, timeoutMs) {
        this.sessions.set(idHigh, idLow, { idHigh, idLow, timeoutMs });
    }
    onZnode = (ref, bytes, pathStart, pathLength, contentCrc, digest) => {
        // The root was counted as it stood before the snapshot.
        if (pathLength === 0)
            this.#digest.set(0, 0);
        if (this.#options.digestEnabled && countsInDigest(bytes, pathStart, pathLength)) {
            this.tree.setContentCrc(ref, contentCrc);
            this.tree.setDigest(ref, digest);
            this.#digest.add(digest);
        }
        const high = this.tree.ephemeralOwnerHigh(ref);
        const low = this.tree.ephemeralOwnerLow(ref);
        this.ephemerals.track(high, low, ref, this.#options.extendedTypesEnabled);
    };
    snapshotLoaded() {
        this.tree.setTreeDigest(this.#digest.high, this.#digest.low);
    }
    exact() {
        this.#applier.isReplay = false;
        this.#applier.verifiesDigest = this.#options.digestEnabled;
    }
    applyTxn(bytes, start, end) {
        this.#applier.apply(bytes, start, end, null);
        if (this.#applier.isReplay)
            return;
        const { tree } = this;
        this.digests.record(tree.lastZxidHigh, tree.lastZxidLow, tree.treeDigestHigh, tree.treeDigestLow);
    }
    /** Creates what every tree begins with (protocol/client.md §9.3): for a database without any data. */
    startEmpty() {
        const readable = Buffer.from('0000000100000001 00000005776f726c64 00000006616e796f6e65'.replace(/ /g, ''), 'hex');
        this.#makeInitialZnode('/zookeeper', null);
        this.#makeInitialZnode('/zookeeper/quota', null);
        const config = this.#makeInitialZnode('/zookeeper/config', readable);
        this.tree.setAversion(config, -1);
        this.snapshotLoaded();
    }
    #makeInitialZnode(path, acls) {
        const { tree } = this;
        const bytes = Buffer.from(path);
        const slash = bytes.lastIndexOf('/');
        const parent = tree.find(bytes, 0, slash);
        const hash = tree.hashPath(bytes, 0, bytes.length);
        const aclRef = acls === null ? 0 : tree.internAcl(acls, 0, acls.length);
        const nameLength = bytes.length - slash - 1;
        const none = new Uint8Array(0);
        const ref = tree.createZnode(parent, bytes, slash + 1, nameLength, hash, none, 0, 0, aclRef, 0, 0, 0, 0, 0, 0);
        this.#countDigest(ref, bytes);
        return ref;
    }
    /** Counts a znode without data. */
    #countDigest(ref, path) {
        if (!this.#options.digestEnabled || !countsInDigest(path, 0, path.length))
            return;
        this.tree.setContentCrc(ref, contentCrc(path, 0, path.length, path, 0, 0));
        this.tree.setDigest(ref, znodeDigest(this.tree, ref));
        this.#digest.add(this.tree.digest(ref));
    }
}
