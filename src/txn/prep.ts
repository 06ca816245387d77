// Hot path: the entry is written in place in the log ring; a request that uses plain ACLs allocates nothing but what
// PendingChanges may.

import { JuteError, JuteReader } from '../jute/reader.ts';
import type { JuteWriter } from '../jute/writer.ts';
import { OPEN_ACL_BYTES } from '../protocol/acl.ts';
import { ErrorCode } from '../protocol/error-code.ts';
import { OpCode, Permission } from '../protocol/opcode.ts';
import { hasNul, isValidPath, lastSlash } from '../protocol/path.ts';
import type { DataTree } from '../replica/data-tree.ts';
import { OPEN_ACL } from '../replica/data-tree-reader.ts';
import { AccessControl } from './access-control.ts';
import { fixUpAcls } from './acl-fixup.ts';
import { Admission, type EnforcedQuotas } from './admission.ts';
import { ephemeralsToClose } from './closing-session.ts';
import { createTxnType, isValidTtl, SequentialPath } from './create-request.ts';
import { contentCrc, DigestStat } from './digest.ts';
import { CONTAINER_OWNER_HIGH, type EphemeralOwners, ownerKind, TTL_OWNER_HIGH } from './ephemeral-owners.ts';
import { countMultiOps, MULTI_HEADER_BYTES } from './multi-request.ts';
import { type PendingChange, PendingChanges } from './pending-changes.ts';
import type { PrepRequest } from './prep-request.ts';
import { CreateFlag, TXN_DIGEST_BYTES, TxnHeader, writeTxnDigest } from './txn-layout.ts';

export interface PrepOptions {
  readonly skipAcl: boolean;
  readonly digestEnabled: boolean;
  readonly closeSessionTxnEnabled: boolean;
  readonly extendedTypesEnabled: boolean;
  readonly reconfigEnabled: boolean;
}

const PROTECTED_PATHS = ['/', '/zookeeper', '/zookeeper/quota', '/zookeeper/config'].map((path) =>
  Buffer.from(path),
);

/**
 * Turns requests into txns (Apache's PrepRequestProcessor): checks each against the tree and the changes still under
 * way, in the order of protocol/client.md §6, and writes the log entry: TxnHeader, txn, TxnDigest. A request that must
 * be refused becomes an error txn, which takes a zxid too.
 */
export class Prep {
  /** The error of the last request: 0, or the code that its error txn carries. */
  error: number = ErrorCode.OK;
  /** CRC over path and data of the znode that the last txn creates or sets, if {@link hasContentCrc}: apply may use it. */
  contentCrc = 0;
  hasContentCrc = false;
  readonly #tree: DataTree;
  readonly #ephemerals: EphemeralOwners;
  readonly #options: PrepOptions;
  readonly #access: AccessControl;
  readonly #admission: Admission;
  #changes: PendingChanges;
  readonly #reader = new JuteReader();
  #request!: PrepRequest;
  #writer!: JuteWriter;
  #txnType = 0;
  readonly #sequentialPath = new SequentialPath();

  /** `quotas`: checks limits, and says so in the log; null when they are not enforced. */
  constructor(
    tree: DataTree,
    ephemerals: EphemeralOwners,
    options: PrepOptions,
    quotas: EnforcedQuotas | null = null,
  ) {
    this.#tree = tree;
    this.#ephemerals = ephemerals;
    this.#options = options;
    this.#access = new AccessControl(tree, options.skipAcl);
    this.#admission = new Admission(tree, quotas);
    this.#changes = new PendingChanges(tree);
  }

  /** Writes the entry for `request` at the writer's position. Throws JuteError only if not even an error txn fits. */
  prepare(request: PrepRequest, writer: JuteWriter): void {
    this.#request = request;
    this.#writer = writer;
    this.#admission.bytes = 0;
    this.hasContentCrc = false;
    this.#txnType = request.opcode;
    const start = writer.position;
    const isMulti = request.opcode === OpCode.multi;
    this.#reader.reset(request.bytes, request.start, request.end);
    this.#changes.beginTxn(request.zxidLow, isMulti);
    writer.claim(TxnHeader.bytes);
    // The digest's room is kept back, so that nothing can fail once the changes are made.
    writer.end -= TXN_DIGEST_BYTES;
    this.error = this.#tryPrepare(isMulti);
    writer.end += TXN_DIGEST_BYTES;
    if (this.error !== ErrorCode.OK) {
      if (isMulti) this.#changes.rollBack();
      this.#admission.bytes = 0;
      this.#txnType = OpCode.error;
      writer.position = start + TxnHeader.bytes;
      writer.writeInt(this.error);
    } else if (this.#options.digestEnabled) {
      writeTxnDigest(writer, this.#changes.digest.high, this.#changes.digest.low);
    }
    this.#changes.endTxn();
    this.#admission.keep();
    this.#writeHeader(start);
  }

  /** The txn with this counter was applied; `admittedBytes` as it was when it was made. */
  applied(zxidLow: number, admittedBytes: number): void {
    this.#changes.applied(zxidLow);
    this.#admission.release(admittedBytes);
  }

  /** The server begins to lead: whatever was made before and not applied is not known any more. */
  reset(): void {
    this.#changes = new PendingChanges(this.#tree);
    this.#admission.reset();
  }

  /** Replica memory that the last txn will need at most; goes back through {@link applied}. */
  get admittedBytes(): number {
    return this.#admission.bytes;
  }

  /** Znodes with changes that are made but not yet applied. */
  get outstandingChanges(): number {
    return this.#changes.outstanding;
  }

  #writeHeader(start: number): void {
    const request = this.#request;
    const view = this.#writer.view;
    view.setInt32(start + TxnHeader.session, request.session.idHigh);
    view.setInt32(start + TxnHeader.session + 4, request.session.idLow);
    view.setInt32(start + TxnHeader.cxid, request.cxid);
    view.setInt32(start + TxnHeader.zxid, request.zxidHigh);
    view.setInt32(start + TxnHeader.zxid + 4, request.zxidLow);
    view.setInt32(start + TxnHeader.time, request.timeHigh);
    view.setInt32(start + TxnHeader.time + 4, request.timeLow);
    view.setInt32(start + TxnHeader.type, this.#txnType);
  }

  /** A body that does not hold what its layout asks for, or a txn that would be too large, is MARSHALLINGERROR. */
  #tryPrepare(isMulti: boolean): number {
    const { session, opcode } = this.#request;
    // In one piece, multis too: the txn must show to the server that has the session now that it is not its own client's.
    if (session.isMoved === true && opcode !== OpCode.closeSession) {
      return session.isClosing ? ErrorCode.SESSIONEXPIRED : ErrorCode.SESSIONMOVED;
    }
    try {
      // Single ops write everything before they change anything: what throws has changed nothing.
      return isMulti ? this.#prepareMulti() : this.#prepareOp(this.#request.opcode);
    } catch (error) {
      if (error instanceof JuteError) return ErrorCode.MARSHALLINGERROR;
      throw error;
    }
  }

  #prepareOp(type: number): number {
    switch (type) {
      case OpCode.create:
      case OpCode.create2:
      case OpCode.createContainer:
      case OpCode.createTTL:
        return this.#prepareCreate(type);
      case OpCode.delete:
        return this.#prepareDelete();
      case OpCode.deleteContainer:
        return this.#prepareDeleteContainer();
      case OpCode.reconfig:
        return this.#refuseReconfig();
      case OpCode.setData:
        return this.#prepareSetData();
      case OpCode.setACL:
        return this.#prepareSetAcl();
      case OpCode.check:
        return this.#prepareCheck();
      case OpCode.createSession:
        return this.#prepareCreateSession();
      case OpCode.closeSession:
        return this.#prepareCloseSession();
      // A session's move, for the history (LeaderSessions.revalidate).
      case OpCode.error:
        return ErrorCode.SESSIONMOVED;
      default:
        return ErrorCode.UNIMPLEMENTED;
    }
  }

  #sessionError(): number {
    const { session } = this.#request;
    if (session.isClosing) return ErrorCode.SESSIONEXPIRED;
    return session.isMoved === true ? ErrorCode.SESSIONMOVED : ErrorCode.OK;
  }

  #prepareCreate(type: number): number {
    const reader = this.#reader;
    const request = this.#request;
    let pathLength = reader.readSpan();
    let path = reader.bytes;
    let pathStart = reader.spanStart;
    const dataLength = reader.readSpan();
    const dataStart = reader.spanStart;
    const acls = fixUpAcls(reader, request.identities, this.#writer.end - this.#writer.position);
    const flags = reader.readInt();
    const ttlHigh = type === OpCode.createTTL ? reader.readInt() : -1;
    const ttlLow = type === OpCode.createTTL ? reader.readInt() : -1;

    if (pathLength < 0) return ErrorCode.MARSHALLINGERROR;
    if (flags < CreateFlag.persistent || flags > CreateFlag.persistentSequentialWithTtl) {
      return ErrorCode.BADARGUMENTS;
    }
    const hasTtl = flags >= CreateFlag.persistentWithTtl;
    if (hasTtl && !this.#options.extendedTypesEnabled) return ErrorCode.UNIMPLEMENTED;
    if (hasTtl ? !isValidTtl(ttlHigh, ttlLow) : ttlHigh >= 0) return ErrorCode.BADARGUMENTS;
    const txnType = createTxnType(type, flags, request.opcode === OpCode.multi);
    const isPlain = txnType === OpCode.create || txnType === OpCode.create2;
    const isEphemeral = isPlain && (flags & 1) !== 0;
    const isSequential = (flags & 2) !== 0;
    const sessionError = this.#sessionError();
    if (sessionError !== ErrorCode.OK) return sessionError;
    if (isEphemeral && request.session.isLocal === true) {
      return request.session.isElsewhere === true
        ? ErrorCode.SESSIONEXPIRED
        : ErrorCode.EPHEMERALONLOCALSESSION;
    }
    const slash = lastSlash(path, pathStart, pathLength);
    if (slash < 0 || hasNul(path, pathStart, pathLength)) return ErrorCode.BADARGUMENTS;
    if (acls === null) return ErrorCode.INVALIDACL;
    const parentLength = slash - pathStart;
    const parent = this.#changes.find(path, pathStart, parentLength);
    if (parent === null) return ErrorCode.NONODE;
    if (!this.#access.allows(parent.aclRef, Permission.create, request.identities)) return ErrorCode.NOAUTH;
    if (isSequential) {
      pathLength = this.#sequentialPath.write(path, pathStart, pathLength, parent.cversion);
      path = this.#sequentialPath.bytes;
      pathStart = 0;
    }
    if (!isValidPath(path, pathStart, pathLength)) return ErrorCode.BADARGUMENTS;
    if (this.#changes.find(path, pathStart, pathLength) !== null) return ErrorCode.NODEEXISTS;
    if (this.#isEphemeral(parent)) return ErrorCode.NOCHILDRENFOREPHEMERALS;
    if (!this.#admission.fitsQuota(path, pathStart, pathLength, 1, Math.max(0, dataLength))) {
      return ErrorCode.QUOTAEXCEEDED;
    }
    const nameLength = pathLength - parentLength - 1;
    const needed = this.#tree.znodeBytes(nameLength, dataLength) + this.#tree.aclBytes(acls.length);
    if (!this.#admission.admit(needed)) return ErrorCode.QUOTAEXCEEDED;

    const writer = this.#writer;
    const parentCversion = (parent.cversion + 1) | 0;
    writer.writeSpan(path, pathStart, pathLength);
    writer.writeSpan(reader.bytes, dataStart, dataLength);
    writer.writeBytes(acls, 0, acls.length);
    if (isPlain) writer.writeBoolean(isEphemeral);
    writer.writeInt(parentCversion);
    if (hasTtl) writer.writeLongWords(ttlHigh, ttlLow);
    this.#txnType = txnType;

    this.#changes.touch(parent);
    parent.childCount++;
    parent.stat.setInt32(DigestStat.cversion, parentCversion);
    parent.setLong(DigestStat.pzxid, request.zxidHigh, request.zxidLow);
    this.#changes.updateDigest(parent, true);
    const node = this.#changes.create(path, pathStart, pathLength);
    this.#changes.setAcl(node, this.#intern(acls));
    node.setLong(DigestStat.czxid, request.zxidHigh, request.zxidLow);
    node.setLong(DigestStat.mzxid, request.zxidHigh, request.zxidLow);
    node.setLong(DigestStat.pzxid, request.zxidHigh, request.zxidLow);
    node.setLong(DigestStat.ctime, request.timeHigh, request.timeLow);
    node.setLong(DigestStat.mtime, request.timeHigh, request.timeLow);
    if (isEphemeral) {
      node.setLong(DigestStat.ephemeralOwner, request.session.idHigh, request.session.idLow);
    } else if (txnType === OpCode.createContainer) {
      node.setLong(DigestStat.ephemeralOwner, CONTAINER_OWNER_HIGH, 0);
    } else if (hasTtl) {
      node.setLong(DigestStat.ephemeralOwner, TTL_OWNER_HIGH | ttlHigh, ttlLow);
    }
    this.#setContent(node, path, pathStart, pathLength, dataStart, dataLength);
    this.#changes.updateDigest(node, false);
    return ErrorCode.OK;
  }

  #intern(acls: Uint8Array): number {
    return acls === OPEN_ACL_BYTES ? OPEN_ACL : this.#tree.internAcl(acls, 0, acls.length);
  }

  #isEphemeral(change: PendingChange): boolean {
    return ownerKind(change.ownerHigh, change.ownerLow, this.#options.extendedTypesEnabled) === 'ephemeral';
  }

  #setContent(
    change: PendingChange,
    path: Uint8Array,
    pathStart: number,
    pathLength: number,
    dataStart: number,
    dataLength: number,
  ): void {
    if (!this.#options.digestEnabled || !change.countsInDigest) return;
    const data = this.#reader.bytes;
    change.contentCrc = contentCrc(path, pathStart, pathLength, data, dataStart, dataLength);
    this.contentCrc = change.contentCrc;
    this.hasContentCrc = this.#request.opcode !== OpCode.multi;
  }

  #prepareDelete(): number {
    const reader = this.#reader;
    const request = this.#request;
    const pathLength = reader.readSpan();
    const pathStart = reader.spanStart;
    const version = reader.readInt();

    if (pathLength < 0) return ErrorCode.MARSHALLINGERROR;
    const sessionError = this.#sessionError();
    if (sessionError !== ErrorCode.OK) return sessionError;
    const slash = lastSlash(reader.bytes, pathStart, pathLength);
    if (slash < 0 || hasNul(reader.bytes, pathStart, pathLength)) return ErrorCode.BADARGUMENTS;
    if (isProtected(reader.bytes, pathStart, pathLength)) return ErrorCode.BADARGUMENTS;
    const parent = this.#changes.find(reader.bytes, pathStart, slash - pathStart);
    if (parent === null) return ErrorCode.NONODE;
    if (!this.#access.allows(parent.aclRef, Permission.delete, request.identities)) return ErrorCode.NOAUTH;
    const node = this.#changes.find(reader.bytes, pathStart, pathLength);
    if (node === null) return ErrorCode.NONODE;
    if (version !== -1 && version !== node.version) return ErrorCode.BADVERSION;
    if (node.childCount > 0) return ErrorCode.NOTEMPTY;

    this.#writer.writeSpan(reader.bytes, pathStart, pathLength);
    this.#txnType = OpCode.delete;
    this.#removeChange(node, parent);
    return ErrorCode.OK;
  }

  /**
   * What the container manager asks for, with identities that may do anything. Apache lets any client delete any znode that
   * is no ephemeral by it, whatever the ACLs say (protocol/client.md §4); here a client needs what `delete` needs.
   */
  #prepareDeleteContainer(): number {
    const reader = this.#reader;
    const pathLength = reader.readSpan();
    const pathStart = reader.spanStart;

    if (pathLength < 0) return ErrorCode.MARSHALLINGERROR;
    const sessionError = this.#sessionError();
    if (sessionError !== ErrorCode.OK) return sessionError;
    const slash = lastSlash(reader.bytes, pathStart, pathLength);
    if (slash < 0 || hasNul(reader.bytes, pathStart, pathLength)) return ErrorCode.BADARGUMENTS;
    if (isProtected(reader.bytes, pathStart, pathLength)) return ErrorCode.BADARGUMENTS;
    const node = this.#changes.find(reader.bytes, pathStart, pathLength);
    if (node === null) return ErrorCode.NONODE;
    if (node.childCount > 0) return ErrorCode.NOTEMPTY;
    if (this.#isEphemeral(node)) return ErrorCode.BADVERSION;
    const parent = this.#changes.find(reader.bytes, pathStart, slash - pathStart);
    if (parent === null) return ErrorCode.NONODE;
    if (!this.#access.allows(parent.aclRef, Permission.delete, this.#request.identities)) {
      return ErrorCode.NOAUTH;
    }

    this.#writer.writeSpan(reader.bytes, pathStart, pathLength);
    this.#txnType = OpCode.deleteContainer;
    this.#removeChange(node, parent);
    return ErrorCode.OK;
  }

  /** A standalone server has no ensemble to reconfigure (protocol/client.md §6). */
  #refuseReconfig(): number {
    for (let i = 0; i < 3; i++) this.#reader.readSpan();
    this.#reader.skip(8);
    return this.#options.reconfigEnabled ? ErrorCode.UNIMPLEMENTED : ErrorCode.RECONFIGDISABLED;
  }

  #removeChange(node: PendingChange, parent: PendingChange): void {
    this.#changes.touch(node);
    this.#changes.remove(node);
    this.#changes.touch(parent);
    parent.childCount--;
    parent.setLong(DigestStat.pzxid, this.#request.zxidHigh, this.#request.zxidLow);
    this.#changes.updateDigest(parent, true);
  }

  #prepareSetData(): number {
    const reader = this.#reader;
    const request = this.#request;
    const pathLength = reader.readSpan();
    const pathStart = reader.spanStart;
    const dataLength = reader.readSpan();
    const dataStart = reader.spanStart;
    const version = reader.readInt();

    const sessionError = this.#sessionError();
    if (sessionError !== ErrorCode.OK) return sessionError;
    if (!isValidPath(reader.bytes, pathStart, pathLength)) return ErrorCode.BADARGUMENTS;
    const node = this.#changes.find(reader.bytes, pathStart, pathLength);
    if (node === null) return ErrorCode.NONODE;
    if (!this.#access.allows(node.aclRef, Permission.write, request.identities)) return ErrorCode.NOAUTH;
    if (!this.#admission.fitsQuotaWithData(reader.bytes, pathStart, pathLength, dataLength)) {
      return ErrorCode.QUOTAEXCEEDED;
    }
    if (version !== -1 && version !== node.version) return ErrorCode.BADVERSION;
    if (!this.#admission.admit(this.#tree.valueBytes(dataLength))) return ErrorCode.QUOTAEXCEEDED;

    const writer = this.#writer;
    const newVersion = nextVersion(node.version);
    writer.writeSpan(reader.bytes, pathStart, pathLength);
    writer.writeSpan(reader.bytes, dataStart, dataLength);
    writer.writeInt(newVersion);
    this.#txnType = OpCode.setData;

    this.#changes.touch(node);
    node.stat.setInt32(DigestStat.version, newVersion);
    node.setLong(DigestStat.mzxid, request.zxidHigh, request.zxidLow);
    node.setLong(DigestStat.mtime, request.timeHigh, request.timeLow);
    this.#setContent(node, reader.bytes, pathStart, pathLength, dataStart, dataLength);
    this.#changes.updateDigest(node, true);
    return ErrorCode.OK;
  }

  #prepareSetAcl(): number {
    const reader = this.#reader;
    const request = this.#request;
    const pathLength = reader.readSpan();
    const pathStart = reader.spanStart;
    const acls = fixUpAcls(reader, request.identities, this.#writer.end - this.#writer.position);
    const version = reader.readInt();

    const sessionError = this.#sessionError();
    if (sessionError !== ErrorCode.OK) return sessionError;
    if (!isValidPath(reader.bytes, pathStart, pathLength)) return ErrorCode.BADARGUMENTS;
    if (acls === null) return ErrorCode.INVALIDACL;
    const node = this.#changes.find(reader.bytes, pathStart, pathLength);
    if (node === null) return ErrorCode.NONODE;
    if (!this.#access.allows(node.aclRef, Permission.admin, request.identities)) return ErrorCode.NOAUTH;
    if (version !== -1 && version !== node.aversion) return ErrorCode.BADVERSION;
    if (!this.#admission.admit(this.#tree.aclBytes(acls.length))) return ErrorCode.QUOTAEXCEEDED;

    const newVersion = nextVersion(node.aversion);
    this.#writer.writeSpan(reader.bytes, pathStart, pathLength);
    this.#writer.writeBytes(acls, 0, acls.length);
    this.#writer.writeInt(newVersion);
    this.#txnType = OpCode.setACL;

    this.#changes.touch(node);
    node.stat.setInt32(DigestStat.aversion, newVersion);
    this.#changes.setAcl(node, this.#intern(acls));
    this.#changes.updateDigest(node, true);
    return ErrorCode.OK;
  }

  #prepareCheck(): number {
    const reader = this.#reader;
    const pathLength = reader.readSpan();
    const pathStart = reader.spanStart;
    const version = reader.readInt();

    const sessionError = this.#sessionError();
    if (sessionError !== ErrorCode.OK) return sessionError;
    if (!isValidPath(reader.bytes, pathStart, pathLength)) return ErrorCode.BADARGUMENTS;
    const node = this.#changes.find(reader.bytes, pathStart, pathLength);
    if (node === null) return ErrorCode.NONODE;
    if (!this.#access.allows(node.aclRef, Permission.read, this.#request.identities)) return ErrorCode.NOAUTH;
    if (version !== -1 && version !== node.version) return ErrorCode.BADVERSION;

    this.#writer.writeSpan(reader.bytes, pathStart, pathLength);
    this.#writer.writeInt(nextVersion(node.version));
    this.#txnType = OpCode.check;
    return ErrorCode.OK;
  }

  #prepareCreateSession(): number {
    this.#writer.writeInt(this.#reader.readInt());
    return ErrorCode.OK;
  }

  #prepareCloseSession(): number {
    const { session } = this.#request;
    const paths = ephemeralsToClose(session, this.#tree, this.#ephemerals, this.#changes);
    for (const path of paths) {
      const node = this.#changes.find(path, 0, path.length);
      const parentLength = lastSlash(path, 0, path.length);
      const parent = this.#changes.find(path, 0, parentLength);
      if (node === null || parent === null)
        throw new Error(`ephemeral ${Buffer.from(path)} is not in the tree`);
      this.#removeChange(node, parent);
    }
    this.#writePathsToDelete(paths);
    session.isClosing = true;
    return ErrorCode.OK;
  }

  /**
   * The list may be larger than any txn may be. The older form without a list says the same (apply deletes whatever
   * the session owns), so a session can always be closed.
   */
  #writePathsToDelete(paths: readonly Uint8Array[]): void {
    if (!this.#options.closeSessionTxnEnabled) return;
    const writer = this.#writer;
    let bytes = 4;
    for (const path of paths) bytes += 4 + path.length;
    if (bytes > writer.end - writer.position) return;
    writer.writeInt(paths.length);
    for (const path of paths) writer.writeSpan(path, 0, path.length);
  }

  /** All or nothing (protocol/client.md §7, disk.md §3.1): after a failure the rest of the list are error txns. */
  #prepareMulti(): number {
    const reader = this.#reader;
    const writer = this.#writer;
    const count = countMultiOps(reader);
    if (count < 0) return ErrorCode.MARSHALLINGERROR;
    reader.reset(this.#request.bytes, this.#request.start, this.#request.end);
    writer.writeInt(count);
    let failed = false;
    for (let i = 0; i < count; i++) {
      if (failed) {
        writeErrorSubTxn(writer, ErrorCode.RUNTIMEINCONSISTENCY);
        continue;
      }
      const type = reader.readInt();
      reader.skip(MULTI_HEADER_BYTES - 4);
      const start = writer.position;
      writer.claim(8);
      const error = this.#prepareOp(type);
      if (error === ErrorCode.OK) {
        writer.view.setInt32(start, this.#txnType);
        writer.view.setInt32(start + 4, writer.position - start - 8);
      } else {
        failed = true;
        writer.position = start;
        writeErrorSubTxn(writer, error);
        this.#changes.rollBack();
        this.#admission.bytes = 0;
      }
    }
    this.#txnType = OpCode.multi;
    return ErrorCode.OK;
  }
}

function writeErrorSubTxn(writer: JuteWriter, error: number): void {
  writer.writeInt(OpCode.error);
  writer.writeInt(4);
  writer.writeInt(error);
}

/** Versions wrap like Java's int, but pass over -1, which means "any" in requests (ZOOKEEPER-4743). */
function nextVersion(version: number): number {
  const next = (version + 1) | 0;
  return next === -1 ? 0 : next;
}

function isProtected(bytes: Uint8Array, start: number, length: number): boolean {
  for (const path of PROTECTED_PATHS) {
    if (path.length !== length) continue;
    let i = 0;
    while (i < length && bytes[start + i] === path[i]) i++;
    if (i === length) return true;
  }
  return false;
}
