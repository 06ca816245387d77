// Hot path: applies a txn from the bytes of its log entry, in place; allocates nothing for plain creates, deletes and
// sets of data.

import { JuteError, JuteReader } from '../jute/reader.ts';
import type { JuteWriter } from '../jute/writer.ts';
import { ErrorCode } from '../protocol/error-code.ts';
import { compareLongs, longToHex } from '../protocol/long.ts';
import { OpCode } from '../protocol/opcode.ts';
import { lastSlash } from '../protocol/path.ts';
import type { DataTree } from '../replica/data-tree.ts';
import { NO_ZNODE } from '../replica/data-tree-reader.ts';
import { ZnodeChange } from '../ring/record-kind.ts';
import { contentCrc, countsInDigest, DIGEST_VERSION, TreeDigest, znodeDigest } from './digest.ts';
import { CONTAINER_OWNER_HIGH, type EphemeralOwners, TTL_OWNER_HIGH } from './ephemeral-owners.ts';
import type { Quotas } from './quotas.ts';
import { TXN_DIGEST_BYTES, TxnHeader } from './txn-layout.ts';

/** What applying a txn means beyond the tree. Called in the order in which things happen. */
export interface TxnEffects {
  /** A znode changed; for a deletion, called just before. `parentAclRef` matters for creations and deletions. */
  znodeChanged(
    change: ZnodeChange,
    path: Uint8Array,
    start: number,
    length: number,
    aclRef: number,
    parentAclRef: number,
  ): void;
  sessionCreated(idHigh: number, idLow: number, timeoutMs: number): void;
  sessionClosed(idHigh: number, idLow: number): void;
}

export interface ApplyOptions {
  readonly digestEnabled: boolean;
  readonly extendedTypesEnabled: boolean;
}

/** What was logged by a quorum does not go with the tree here: they have parted at some time. */
export class DivergedTreeError extends Error {
  override readonly name: string = 'DivergedTreeError';
}

/** The tree after a txn is not the tree that the txn's maker had: this replica must not go on. */
export class DigestMismatchError extends DivergedTreeError {
  override readonly name = 'DigestMismatchError';
}

/** How the tree's digest compared with the one in a txn's entry; absent also while digests are off. */
export type TxnDigestCheck = 'absent' | 'equal' | 'different';

const STAT_BYTES = 68;

/**
 * The one apply function, used by leader, followers, recovery and tools alike: brings the tree from one zxid to the
 * next. Idempotent per znode by the rules of protocol/disk.md §6, so that txns can be replayed over a snapshot that was
 * written while they were applied.
 */
export class TxnApplier {
  /** Outcome of the last txn: 0, or the code of an error txn. A failed multi is 0: its results say what failed. */
  error: number = ErrorCode.OK;
  /** Header of the last txn. */
  type = 0;
  sessionHigh = 0;
  sessionLow = 0;
  zxidHigh = 0;
  zxidLow = 0;
  /**
   * Whether the tree may already hold what a txn does (replay over a fuzzy snapshot). Otherwise a txn that does not fit
   * the tree is a contradiction, and ends the server.
   */
  isReplay: boolean;
  /** Whether the tree's digest must equal the one in the entry. */
  verifiesDigest: boolean;
  /** Of the last txn. */
  digestCheck: TxnDigestCheck = 'absent';
  /**
   * CRC over path and data of the znode that the next create or setData writes, if {@link hasContentCrc}: whoever made
   * the txn on this server had to compute it. Used once.
   */
  contentCrc = 0;
  hasContentCrc = false;
  readonly #tree: DataTree;
  readonly #ephemerals: EphemeralOwners;
  readonly #effects: TxnEffects;
  readonly #options: ApplyOptions;
  readonly #quotas: Quotas | null;
  readonly #digest = new TreeDigest();
  readonly #reader = new JuteReader();
  #reply: JuteWriter | null = null;
  #timeHigh = 0;
  #timeLow = 0;

  /** `quotas`: null while the tree is not whole; they are counted when it is. */
  constructor(
    tree: DataTree,
    ephemerals: EphemeralOwners,
    effects: TxnEffects,
    options: ApplyOptions,
    quotas: Quotas | null = null,
  ) {
    this.#quotas = quotas;
    this.#tree = tree;
    this.#ephemerals = ephemerals;
    this.#effects = effects;
    this.#options = options;
    this.isReplay = false;
    this.verifiesDigest = options.digestEnabled;
  }

  /**
   * Applies the entry (TxnHeader, txn, perhaps TxnDigest) in `bytes[start, end)`. `reply`, if given, receives the body
   * of the reply to the client's request; nothing is written for an error.
   */
  apply(bytes: Uint8Array, start: number, end: number, reply: JuteWriter | null): void {
    const reader = this.#reader;
    reader.reset(bytes, start, end);
    if (end - start < TxnHeader.bytes) throw new JuteError(`a txn of ${end - start} bytes has no header`);
    this.sessionHigh = reader.readInt();
    this.sessionLow = reader.readInt();
    reader.skip(4);
    this.zxidHigh = reader.readInt();
    this.zxidLow = reader.readInt();
    this.#timeHigh = reader.readInt();
    this.#timeLow = reader.readInt();
    this.type = reader.readInt();
    this.#reply = reply;
    this.error = ErrorCode.OK;
    this.#digest.set(this.#tree.treeDigestHigh, this.#tree.treeDigestLow);
    if (this.type === OpCode.multi) this.#applyMulti();
    else this.#applyOp(this.type);
    this.hasContentCrc = false;
    this.#tree.setTreeDigest(this.#digest.high, this.#digest.low);
    this.#tree.setLastZxid(this.zxidHigh, this.zxidLow);
    if (this.#options.digestEnabled) this.#compareDigest(end);
  }

  #applyOp(type: number): void {
    switch (type) {
      case OpCode.create:
      case OpCode.create2:
      case OpCode.createContainer:
      case OpCode.createTTL:
        this.#create(type);
        break;
      case OpCode.delete:
      case OpCode.deleteContainer:
        this.#delete();
        break;
      case OpCode.setData:
      case OpCode.reconfig:
        this.#setData();
        break;
      case OpCode.setACL:
        this.#setAcl();
        break;
      case OpCode.check:
        this.#reader.readSpan();
        this.#reader.skip(4);
        break;
      case OpCode.createSession:
        this.#effects.sessionCreated(this.sessionHigh, this.sessionLow, this.#reader.readInt());
        break;
      case OpCode.closeSession:
        this.#closeSession();
        break;
      case OpCode.error:
        this.error = this.#reader.readInt();
        break;
      default:
        throw new JuteError(`unknown txn type ${type} at zxid ${longToHex(this.zxidHigh, this.zxidLow)}`);
    }
  }

  /** Plain error txns carry no digest; older logs carry none at all. */
  #compareDigest(end: number): void {
    const reader = this.#reader;
    this.digestCheck = 'absent';
    if (end - reader.position < TXN_DIGEST_BYTES || this.type === OpCode.error) return;
    if (reader.readInt() !== DIGEST_VERSION) return;
    const high = reader.readInt();
    const low = reader.readInt();
    this.digestCheck = high === this.#digest.high && low === this.#digest.low ? 'equal' : 'different';
    if (this.digestCheck === 'equal' || !this.verifiesDigest) return;
    throw new DigestMismatchError(
      `tree digest after zxid ${longToHex(this.zxidHigh, this.zxidLow)} is ` +
        `${longToHex(this.#digest.high, this.#digest.low)}, the txn says ${longToHex(high, low)}`,
    );
  }

  /**
   * A txn does not fit the tree: expected while replaying over a fuzzy snapshot, otherwise a contradiction. Below /zookeeper
   * it proves nothing: a tree that has the digest of its zxid may still hold later quotas, which are in no digest.
   */
  #contradiction(error: number, what: string, start: number, length: number): void {
    if (!this.isReplay && countsInDigest(this.#reader.bytes, start, length)) {
      const path = Buffer.from(this.#reader.bytes.subarray(start, start + length)).toString();
      throw new DivergedTreeError(
        `txn ${longToHex(this.zxidHigh, this.zxidLow)} does not fit the tree: ${what} ${path}`,
      );
    }
    this.error = error;
  }

  #create(type: number): void {
    const reader = this.#reader;
    const tree = this.#tree;
    const bytes = reader.bytes;
    const pathLength = reader.readSpan();
    const pathStart = reader.spanStart;
    const dataLength = reader.readSpan();
    const dataStart = reader.spanStart;
    const aclStart = reader.position;
    skipAcls(reader);
    const aclLength = reader.position - aclStart;
    const isEphemeral = type === OpCode.create || type === OpCode.create2 ? reader.readBoolean() : false;
    // Logs of ZooKeeper 3.3 have no parentCVersion (protocol/disk.md §3.1).
    const parentCversion = reader.remaining >= 4 ? reader.readInt() : -1;
    let ownerHigh = isEphemeral ? this.sessionHigh : 0;
    let ownerLow = isEphemeral ? this.sessionLow : 0;
    if (type === OpCode.createContainer) ownerHigh = CONTAINER_OWNER_HIGH;
    if (type === OpCode.createTTL) {
      ownerHigh = TTL_OWNER_HIGH | reader.readInt();
      ownerLow = reader.readInt();
    }

    const slash = lastSlash(bytes, pathStart, pathLength);
    const parent = slash < 0 ? NO_ZNODE : tree.find(bytes, pathStart, slash - pathStart);
    if (parent === NO_ZNODE) {
      this.#contradiction(ErrorCode.NONODE, 'no parent of', pathStart, pathLength);
      return;
    }
    const hash = tree.hashPath(bytes, pathStart, pathLength);
    const existing = tree.findHashed(hash, bytes, pathStart, pathLength);
    const aclRef = tree.internAcl(bytes, aclStart, aclLength);
    if (existing !== NO_ZNODE) {
      tree.setAcl(existing, aclRef);
      // Apache does so for `create` alone: its replay leaves the parent of a create2 behind (protocol/disk.md §6).
      this.#raiseCversion(parent, parentCversion);
      this.#contradiction(ErrorCode.NODEEXISTS, 'exists already:', pathStart, pathLength);
      return;
    }
    const nameStart = slash + 1;
    const ref = tree.createZnode(
      parent,
      bytes,
      nameStart,
      pathStart + pathLength - nameStart,
      hash,
      bytes,
      dataStart,
      dataLength,
      aclRef,
      ownerHigh,
      ownerLow,
      this.zxidHigh,
      this.zxidLow,
      this.#timeHigh,
      this.#timeLow,
    );
    if (this.#digestCounts(pathStart, pathLength)) {
      tree.setContentCrc(ref, this.#contentCrc(pathStart, pathLength, dataStart, dataLength));
      tree.setDigest(ref, znodeDigest(tree, ref));
      this.#digest.add(tree.digest(ref));
    }
    this.#raiseCversion(parent, parentCversion === -1 ? (tree.cversion(parent) + 1) | 0 : parentCversion);
    this.#ephemerals.track(ownerHigh, ownerLow, ref, this.#options.extendedTypesEnabled);
    this.#quotas?.created(bytes, pathStart, pathLength, dataLength);
    this.#effects.znodeChanged(
      ZnodeChange.created,
      bytes,
      pathStart,
      pathLength,
      aclRef,
      tree.aclRef(parent),
    );
    if (this.#reply === null) return;
    this.#reply.writeSpan(bytes, pathStart, pathLength);
    if (type !== OpCode.create) this.#writeStat(ref);
  }

  /** A replayed create must not take a parent's cversion and pzxid back (ZOOKEEPER-3125). Later is told over the wrap. */
  #raiseCversion(parent: number, cversion: number): void {
    const tree = this.#tree;
    if (((cversion - tree.cversion(parent)) | 0) <= 0) return;
    tree.setCversion(parent, cversion);
    tree.setPzxid(parent, this.zxidHigh, this.zxidLow);
    this.#updateDigest(parent);
  }

  #delete(): void {
    const length = this.#reader.readSpan();
    const start = this.#reader.spanStart;
    this.#deletePath(this.#reader.bytes, start, length);
  }

  #deletePath(bytes: Uint8Array, start: number, length: number): void {
    const tree = this.#tree;
    const slash = lastSlash(bytes, start, length);
    const parent = slash < 0 ? NO_ZNODE : tree.find(bytes, start, slash - start);
    if (parent === NO_ZNODE) {
      this.#contradiction(ErrorCode.NONODE, 'no parent of', start, length);
      return;
    }
    const ref = tree.find(bytes, start, length);
    if (ref !== NO_ZNODE) {
      this.#effects.znodeChanged(
        ZnodeChange.deleted,
        bytes,
        start,
        length,
        tree.aclRef(ref),
        tree.aclRef(parent),
      );
      const dataLength = tree.dataLength(ref);
      this.#remove(ref);
      this.#quotas?.deleted(bytes, start, length, dataLength);
    }
    const { zxidHigh, zxidLow } = this;
    if (compareLongs(zxidHigh, zxidLow, tree.pzxidHigh(parent), tree.pzxidLow(parent)) > 0) {
      tree.setPzxid(parent, zxidHigh, zxidLow);
      this.#updateDigest(parent);
    }
    if (ref === NO_ZNODE) this.#contradiction(ErrorCode.NONODE, 'no znode', start, length);
  }

  /**
   * Children are there only in replay: the snapshot then holds a later incarnation of this znode, whose children were
   * created by txns still to be replayed, so they go with it.
   */
  #remove(ref: number): void {
    const tree = this.#tree;
    const path = new Uint8Array(tree.pathLength(ref));
    tree.copyPath(ref, path, 0);
    if (tree.childCount(ref) > 0 && !this.isReplay) {
      throw new Error(
        `txn ${longToHex(this.zxidHigh, this.zxidLow)} deletes ${Buffer.from(path)}, which has children`,
      );
    }
    let at = ref;
    for (;;) {
      const child = tree.firstChild(at);
      if (child !== NO_ZNODE) {
        at = child;
        continue;
      }
      const parent = tree.parent(at);
      if (this.#options.digestEnabled && isUnderDigest(path)) this.#digest.subtract(tree.digest(at));
      this.#ephemerals.untrack(tree.ephemeralOwnerHigh(at), tree.ephemeralOwnerLow(at), at);
      tree.deleteZnode(at);
      if (at === ref) return;
      at = parent;
    }
  }

  #setData(): void {
    const reader = this.#reader;
    const tree = this.#tree;
    const pathLength = reader.readSpan();
    const pathStart = reader.spanStart;
    const dataLength = reader.readSpan();
    const dataStart = reader.spanStart;
    const version = reader.readInt();
    const bytes = reader.bytes;
    const ref = tree.find(bytes, pathStart, pathLength);
    if (ref === NO_ZNODE) {
      this.#contradiction(ErrorCode.NONODE, 'no znode', pathStart, pathLength);
      return;
    }
    const grownBytes = Math.max(0, dataLength) - Math.max(0, tree.dataLength(ref));
    tree.setData(ref, bytes, dataStart, dataLength);
    tree.setVersion(ref, version);
    tree.setMzxid(ref, this.zxidHigh, this.zxidLow);
    tree.setMtime(ref, this.#timeHigh, this.#timeLow);
    if (this.#digestCounts(pathStart, pathLength)) {
      tree.setContentCrc(ref, this.#contentCrc(pathStart, pathLength, dataStart, dataLength));
      this.#replaceDigest(ref);
    }
    this.#quotas?.dataChanged(bytes, pathStart, pathLength, grownBytes);
    this.#effects.znodeChanged(ZnodeChange.dataChanged, bytes, pathStart, pathLength, tree.aclRef(ref), 0);
    this.#writeStat(ref);
  }

  #setAcl(): void {
    const reader = this.#reader;
    const tree = this.#tree;
    const pathLength = reader.readSpan();
    const pathStart = reader.spanStart;
    const aclStart = reader.position;
    skipAcls(reader);
    const aclLength = reader.position - aclStart;
    const aversion = reader.readInt();
    const ref = tree.find(reader.bytes, pathStart, pathLength);
    if (ref === NO_ZNODE) {
      this.#contradiction(ErrorCode.NONODE, 'no znode', pathStart, pathLength);
      return;
    }
    tree.setAcl(ref, tree.internAcl(reader.bytes, aclStart, aclLength));
    tree.setAversion(ref, aversion);
    this.#updateDigest(ref);
    this.#writeStat(ref);
  }

  /** Deletes the listed paths, then whatever else the session owns: logs without a list have all of it there. */
  #closeSession(): void {
    const reader = this.#reader;
    if (reader.remaining >= 4 && !this.#isDigestAlone()) {
      const count = reader.readCount(4);
      for (let i = 0; i < count; i++) this.#deleteEphemeral();
    }
    const left: Uint8Array[] = [];
    for (const ref of this.#ephemerals.of(this.sessionHigh, this.sessionLow)) {
      const path = new Uint8Array(this.#tree.pathLength(ref));
      this.#tree.copyPath(ref, path, 0);
      left.push(path);
    }
    for (const path of left) this.#deletePath(path, 0, path.length);
    this.#effects.sessionClosed(this.sessionHigh, this.sessionLow);
  }

  /** A digest may follow a body that is not there. Read as a list it would hold two paths, for which it is too short. */
  #isDigestAlone(): boolean {
    const reader = this.#reader;
    if (reader.remaining !== TXN_DIGEST_BYTES) return false;
    const version = reader.readInt();
    reader.position -= 4;
    return version === DIGEST_VERSION;
  }

  #deleteEphemeral(): void {
    const length = this.#reader.readSpan();
    this.#deletePath(this.#reader.bytes, this.#reader.spanStart, length);
  }

  /** If one op failed nothing is applied, and every result is an error (protocol/client.md §7). */
  #applyMulti(): void {
    const reader = this.#reader;
    const count = reader.readCount(8);
    const start = reader.position;
    let failedAt = -1;
    for (let i = 0; i < count; i++) {
      if (reader.readInt() === OpCode.error && failedAt < 0) failedAt = i;
      reader.readSpan();
    }
    const end = reader.position;
    const entryEnd = reader.end;
    reader.position = start;
    for (let i = 0; i < count; i++) {
      const type = reader.readInt();
      const length = reader.readSpan();
      const next = reader.position;
      reader.position = reader.spanStart;
      reader.end = reader.spanStart + length;
      if (failedAt < 0) this.#applySubTxn(type);
      else this.#writeErrorResult(i < failedAt ? ErrorCode.OK : reader.readInt());
      reader.end = entryEnd;
      reader.position = next;
    }
    reader.position = end;
    this.#writeMultiHeader(-1, true, -1);
  }

  #applySubTxn(type: number): void {
    const resultType = type === OpCode.createContainer || type === OpCode.createTTL ? OpCode.create2 : type;
    this.#writeMultiHeader(resultType, false, 0);
    this.#applyOp(type);
  }

  #writeErrorResult(error: number): void {
    this.#writeMultiHeader(-1, false, error);
    this.#reply?.writeInt(error);
  }

  #writeMultiHeader(type: number, done: boolean, error: number): void {
    if (this.#reply === null) return;
    this.#reply.writeInt(type);
    this.#reply.writeBoolean(done);
    this.#reply.writeInt(error);
  }

  #writeStat(ref: number): void {
    const reply = this.#reply;
    if (reply === null) return;
    const at = reply.claim(STAT_BYTES);
    this.#tree.writeStat(ref, reply.view, at);
  }

  #contentCrc(pathStart: number, pathLength: number, dataStart: number, dataLength: number): number {
    if (this.hasContentCrc) return this.contentCrc;
    const { bytes } = this.#reader;
    return contentCrc(bytes, pathStart, pathLength, bytes, dataStart, dataLength);
  }

  #digestCounts(pathStart: number, pathLength: number): boolean {
    return this.#options.digestEnabled && countsInDigest(this.#reader.bytes, pathStart, pathLength);
  }

  /** After a change of stat fields alone. */
  #updateDigest(ref: number): void {
    // Znodes that do not count keep digest and content CRC 0.
    if (!this.#options.digestEnabled || !this.#counts(ref)) return;
    this.#replaceDigest(ref);
  }

  #replaceDigest(ref: number): void {
    this.#digest.subtract(this.#tree.digest(ref));
    this.#tree.setDigest(ref, znodeDigest(this.#tree, ref));
    this.#digest.add(this.#tree.digest(ref));
  }

  /** Whether the znode counts in the digest, told from its ancestors: only what lies below /zookeeper does not. */
  #counts(ref: number): boolean {
    return !isBelowZookeeper(this.#tree, ref);
  }
}

const ZOOKEEPER_NAME = Buffer.from('zookeeper');
const nameScratch = new Uint8Array(ZOOKEEPER_NAME.length);

/** Whether a znode lies below (and is not itself) `/zookeeper`. */
function isBelowZookeeper(tree: DataTree, ref: number): boolean {
  let child = ref;
  let at = tree.parent(ref);
  if (ref === tree.root || at === tree.root) return false;
  while (at !== tree.root) {
    child = at;
    at = tree.parent(at);
  }
  if (tree.nameLength(child) !== ZOOKEEPER_NAME.length) return false;
  tree.copyName(child, nameScratch, 0);
  return ZOOKEEPER_NAME.equals(nameScratch);
}

function isUnderDigest(path: Uint8Array): boolean {
  return countsInDigest(path, 0, path.length);
}

function skipAcls(reader: JuteReader): void {
  const count = reader.readCount(12);
  for (let i = 0; i < count; i++) {
    reader.skip(4);
    reader.readSpan();
    reader.readSpan();
  }
}
