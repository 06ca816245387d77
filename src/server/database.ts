import { LongMap } from '../protocol/long-map.ts';
import { DataTree } from '../replica/data-tree.ts';
import type { ReplicaOptions } from '../replica/memory.ts';
import type { RecoveryTarget } from '../storage/recovery.ts';
import type { OnZnode } from '../storage/snapshot-reader.ts';
import { type ApplyOptions, TxnApplier, type TxnDigestCheck } from '../txn/apply.ts';
import { contentCrc, countsInDigest, TreeDigest, znodeDigest } from '../txn/digest.ts';
import { DigestHistory } from '../txn/digest-history.ts';
import { EphemeralOwners } from '../txn/ephemeral-owners.ts';
import { TxnHeader } from '../txn/txn-layout.ts';
import type { SeeTxn } from './txn-cache.ts';

const ROOT = Uint8Array.of(0x2f);

export interface RecoveredSession {
  readonly idHigh: number;
  readonly idLow: number;
  readonly timeoutMs: number;
}

/** Tree, ephemerals and sessions as recovery fills them from disk; afterwards the server's own. */
export class Database implements RecoveryTarget {
  readonly tree: DataTree;
  readonly ephemerals = new EphemeralOwners();
  readonly sessions = new LongMap<RecoveredSession>();
  /** From the replay on, where the tree is exact: what a fuzzy snapshot had seen before is no tree of any zxid. */
  readonly digests = new DigestHistory();
  /** Sees each txn that recovery applies, before it is. */
  onTxn: SeeTxn | null = null;
  readonly #options: ApplyOptions;
  readonly #applier: TxnApplier;
  readonly #digest = new TreeDigest();

  constructor(replica: ReplicaOptions, options: ApplyOptions) {
    this.#options = options;
    this.tree = DataTree.create(replica);
    this.tree.extendedTypes = options.extendedTypesEnabled;
    this.#applier = new TxnApplier(
      this.tree,
      this.ephemerals,
      {
        znodeChanged: () => {},
        sessionCreated: (idHigh, idLow, timeoutMs) => this.onSession(idHigh, idLow, timeoutMs),
        sessionClosed: (idHigh, idLow) => this.sessions.delete(idHigh, idLow),
      },
      options,
    );
    this.#begin();
  }

  #begin(): void {
    this.#applier.isReplay = true;
    this.#applier.verifiesDigest = false;
    this.#digest.set(0, 0);
    this.#countDigest(this.tree.root, ROOT);
    this.snapshotLoaded();
  }

  /**
   * Forgets everything, to be filled again from a disk or a leader in the same memory. Under the writer's lock. Whoever
   * keeps something beside the database (sessions' timeouts, quotas, changes under way) has to begin anew, too.
   */
  clear(): void {
    this.tree.clear();
    this.ephemerals.clear();
    this.sessions.clear();
    this.digests.clear();
    this.#begin();
  }

  onSession(idHigh: number, idLow: number, timeoutMs: number): void {
    this.sessions.set(idHigh, idLow, { idHigh, idLow, timeoutMs });
  }

  readonly onZnode: OnZnode = (ref, bytes, pathStart, pathLength, contentCrc, digest) => {
    // The root was counted as it stood before the snapshot.
    if (pathLength === 0) this.#digest.set(0, 0);
    if (this.#options.digestEnabled && countsInDigest(bytes, pathStart, pathLength)) {
      this.tree.setDigests(ref, contentCrc, digest);
      this.#digest.add(digest);
    }
    const high = this.tree.ephemeralOwnerHigh(ref);
    const low = this.tree.ephemeralOwnerLow(ref);
    this.ephemerals.track(high, low, ref, this.#options.extendedTypesEnabled);
  };

  snapshotLoaded(): void {
    this.tree.setTreeDigest(this.#digest.high, this.#digest.low);
  }

  exact(): void {
    this.#applier.isReplay = false;
    this.#applier.verifiesDigest = this.#options.digestEnabled;
  }

  applyTxn(bytes: Uint8Array, start: number, end: number): TxnDigestCheck {
    if (this.onTxn !== null) {
      const view = new DataView(bytes.buffer, bytes.byteOffset + start, TxnHeader.bytes);
      const epoch = view.getInt32(TxnHeader.zxid);
      this.onTxn(epoch, view.getInt32(TxnHeader.zxid + 4), bytes, start, end - start);
    }
    this.#applier.apply(bytes, start, end, null);
    const { tree } = this;
    if (this.#applier.verifiesDigest) {
      this.digests.record(tree.lastZxidHigh, tree.lastZxidLow, tree.treeDigestHigh, tree.treeDigestLow);
    }
    return this.#applier.digestCheck;
  }

  /** Creates what every tree begins with (protocol/client.md §9.3): for a database without any data. */
  startEmpty(): void {
    const readable = Buffer.from(
      '0000000100000001 00000005776f726c64 00000006616e796f6e65'.replace(/ /g, ''),
      'hex',
    );
    this.#makeInitialZnode('/zookeeper', null);
    this.#makeInitialZnode('/zookeeper/quota', null);
    const config = this.#makeInitialZnode('/zookeeper/config', readable);
    this.tree.setAversion(config, -1);
    this.snapshotLoaded();
  }

  #makeInitialZnode(path: string, acls: Uint8Array | null): number {
    const { tree } = this;
    const bytes = Buffer.from(path);
    const slash = bytes.lastIndexOf('/');
    const parent = tree.find(bytes, 0, slash);
    const hash = tree.hashPath(bytes, 0, bytes.length);
    const aclRef = acls === null ? 0 : tree.internAcl(acls, 0, acls.length);
    const nameLength = bytes.length - slash - 1;
    const none = new Uint8Array(0);
    const ref = tree.createZnode(
      parent,
      bytes,
      slash + 1,
      nameLength,
      hash,
      none,
      0,
      0,
      aclRef,
      0,
      0,
      0,
      0,
      0,
      0,
    );
    this.#countDigest(ref, bytes);
    return ref;
  }

  /** Counts a znode without data. */
  #countDigest(ref: number, path: Uint8Array): void {
    if (!this.#options.digestEnabled || !countsInDigest(path, 0, path.length)) return;
    this.tree.setContentCrc(ref, contentCrc(path, 0, path.length, path, 0, 0));
    this.tree.setDigest(ref, znodeDigest(this.tree, ref));
    this.#digest.add(this.tree.digest(ref));
  }
}
