import type { DataTree } from '../../src/replica/data-tree.ts';
import { TreeWalk } from '../../src/replica/tree-walk.ts';
import type { RecoveryTarget } from '../../src/storage/recovery.ts';
import type { OnZnode } from '../../src/storage/snapshot-reader.ts';
import { TxnApplier, type TxnEffects } from '../../src/txn/apply.ts';
import { contentCrc, countsInDigest, TreeDigest, znodeDigest } from '../../src/txn/digest.ts';
import { EphemeralOwners, ownerKind } from '../../src/txn/ephemeral-owners.ts';
import { newTree, toZxid } from './support.ts';

/** A database as recovery fills it, with the server's own apply and digests. */
export class TestDatabase implements RecoveryTarget {
  readonly tree: DataTree;
  readonly sessions = new Map<bigint, number>();
  readonly ephemerals = new EphemeralOwners();
  isExact = false;
  readonly #applier: TxnApplier;
  readonly #digest = new TreeDigest();

  constructor(tree = newTree()) {
    this.tree = tree;
    const effects: TxnEffects = {
      znodeChanged: () => {},
      sessionCreated: (high, low, timeoutMs) => this.onSession(high, low, timeoutMs),
      sessionClosed: (high, low) => void this.sessions.delete(toZxid(high, low)),
    };
    const options = { digestEnabled: true, extendedTypesEnabled: false };
    this.#applier = new TxnApplier(tree, this.ephemerals, effects, options);
    this.#applier.isReplay = true;
    this.#applier.verifiesDigest = false;
  }

  onSession(high: number, low: number, timeoutMs: number): void {
    this.sessions.set(toZxid(high, low), timeoutMs);
  }

  readonly onZnode: OnZnode = (ref, bytes, pathStart, pathLength, dataStart, dataLength) => {
    const { tree } = this;
    const ownerHigh = tree.ephemeralOwnerHigh(ref);
    const ownerLow = tree.ephemeralOwnerLow(ref);
    if (ownerKind(ownerHigh, ownerLow, false) === 'ephemeral') this.ephemerals.add(ownerHigh, ownerLow, ref);
    if (!countsInDigest(bytes, pathStart, pathLength)) return;
    tree.setContentCrc(ref, contentCrc(bytes, pathStart, pathLength, bytes, dataStart, dataLength));
    tree.setDigest(ref, znodeDigest(tree, ref));
    this.#digest.add(tree.digest(ref));
  };

  snapshotLoaded(): void {
    this.tree.setTreeDigest(this.#digest.high, this.#digest.low);
  }

  exact(): void {
    this.isExact = true;
    this.#applier.isReplay = false;
    this.#applier.verifiesDigest = true;
  }

  applyTxn(bytes: Uint8Array, start: number, end: number): void {
    this.#applier.apply(bytes, start, end, null);
  }

  get treeDigest(): bigint {
    return BigInt.asUintN(64, toZxid(this.tree.treeDigestHigh, this.tree.treeDigestLow));
  }
}

/** A znode with everything that a snapshot keeps of it. */
export interface DumpedZnode {
  readonly data: string | null;
  readonly acl: string;
  readonly stat: string;
}

/** The whole tree, by path, for comparisons. */
export function dumpTree(tree: DataTree): Record<string, DumpedZnode> {
  const found: Record<string, DumpedZnode> = {};
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
