// Hot path: committed entries are applied from where they stand in the log ring.

import { JuteReader } from '../jute/reader.ts';
import { GrowingJuteWriter } from '../jute/writer.ts';
import { ErrorCode } from '../protocol/error-code.ts';
import { OpCode, Permission } from '../protocol/opcode.ts';
import type { DataTree } from '../replica/data-tree.ts';
import type { WriterLock } from '../replica/lock.ts';
import { AlignedBuffer } from '../ring/aligned-buffer.ts';
import { LogHead } from '../ring/generated/records.ts';
import { LogKind, type ZnodeChange } from '../ring/record-kind.ts';
import { RingConsumer, type RingMemory } from '../ring/ring.ts';
import { LogConsumer } from '../storage/log-worker-data.ts';
import { AccessControl } from '../txn/access-control.ts';
import {
  type ApplyOptions,
  DigestMismatchError,
  DivergedTreeError,
  TxnApplier,
  type TxnEffects,
} from '../txn/apply.ts';
import type { DigestHistory } from '../txn/digest-history.ts';
import type { EphemeralOwners } from '../txn/ephemeral-owners.ts';
import type { Prep } from '../txn/prep.ts';
import type { Quotas } from '../txn/quotas.ts';
import { Zxid } from '../zab/zxid.ts';
import type { CommitPublisher } from './commit-publisher.ts';
import type { EphemeralListing } from './ephemeral-listing.ts';
import type { MainCounters } from './main-counters.ts';

/** Txns applied under one hold of the replica's lock: readers wait for so many at most. */
const TXNS_PER_LOCK = 128;

/** What happens to sessions when their txns are applied. */
export interface SessionEffects {
  /** The createSession of the connection's session was applied: it gets its answer. */
  sessionCreated(idHigh: number, idLow: number, timeoutMs: number, worker: number, connection: number): void;
  /** Whoever holds the session's connection, which has moved here, may have its answer. */
  sessionMoved(idHigh: number, idLow: number, worker: number, connection: number): void;
  /** The session is gone, ephemerals and all: whoever holds it is disconnected, behind its reply. */
  sessionClosed(idHigh: number, idLow: number): void;
}

/** Sees txns that were not made of requests of this server's own connections; on a learner those may be among them. */
export interface ForeignTxns {
  /** A txn was applied; `reply` is the body of its answer, `[0, replyBytes)`, empty after an error. */
  applied(
    applier: TxnApplier,
    cxid: number,
    zxidHigh: number,
    zxidLow: number,
    reply: Uint8Array,
    replyBytes: number,
  ): void;
}

export interface CommitStageParts {
  readonly log: RingMemory;
  readonly tree: DataTree;
  readonly lock: WriterLock;
  readonly ephemerals: EphemeralOwners;
  readonly quotas: Quotas;
  readonly prep: Prep;
  readonly publisher: CommitPublisher;
  readonly sessions: SessionEffects;
  readonly digests: DigestHistory;
  readonly counters: MainCounters;
  readonly ephemeralListing: EphemeralListing;
  /** One word a connection worker: its number of watches. */
  readonly watchCounts: Int32Array;
  readonly options: ApplyOptions & { readonly skipAcl: boolean };
}

/**
 * Applies committed txns to the replica and announces them. Under the lock, in this order: apply, publish; then unlock,
 * then wake the workers. So whoever sees a txn's effect in the replica finds its events in the ring.
 */
export class CommitStage implements TxnEffects {
  /** Txns and log bytes applied since {@link resetCounts}: they decide when a snapshot is due. */
  txnsApplied = 0;
  bytesApplied = 0;
  readonly #parts: CommitStageParts;
  readonly #ring: RingConsumer;
  readonly #buffer: AlignedBuffer;
  readonly #head = new LogHead();
  readonly #applier: TxnApplier;
  readonly #access: AccessControl;
  readonly #reply = new GrowingJuteWriter();
  readonly #markReply = new GrowingJuteWriter();
  readonly #reader = new JuteReader();
  /** Set while this server is a member of an ensemble that does not lead. */
  foreign: ForeignTxns | null = null;
  /** The epoch whose txns prep has made here; null: all of them. */
  preparedEpoch: number | null = null;
  /** Txns behind this zxid that stand in the ring before the order to truncate are not history any more. */
  #cutAt: Zxid | null = null;
  #isDiverged = false;
  /** Told that a txn's digest is not that of the tree, or that it does not fit. Null: it is thrown, nobody has a better tree. */
  onDiverged: ((error: DivergedTreeError) => void) | null = null;
  #announcesEvents = false;
  #worker = -1;
  #connection = 0;
  #closedHigh = 0;
  #closedLow = 0;
  #hasClosed = false;

  constructor(parts: CommitStageParts) {
    this.#parts = parts;
    this.#ring = new RingConsumer(parts.log, LogConsumer.apply);
    this.#buffer = new AlignedBuffer(this.#ring.bytes);
    this.#applier = new TxnApplier(parts.tree, parts.ephemerals, this, parts.options, parts.quotas);
    this.#access = new AccessControl(parts.tree, parts.options.skipAcl);
  }

  /**
   * Whether the tree is exactly that of its last zxid, as it always is unless it came from a leader that went on meanwhile
   * (RecoveryResult.isExact). While it is not, txns may find their effects in the tree already, and its digest is no tree's.
   */
  get isExact(): boolean {
    return !this.#applier.isReplay;
  }

  set isExact(isExact: boolean) {
    this.#applier.isReplay = !isExact;
    this.#applier.verifiesDigest = isExact && this.#parts.options.digestEnabled;
  }

  /** Whether the tree is another one than that of the leader: it is not to be shown, and nothing is applied to it. */
  get isDiverged(): boolean {
    return this.#isDiverged;
  }

  resetCounts(): void {
    this.txnsApplied = 0;
    this.bytesApplied = 0;
  }

  /**
   * The order to truncate at this zxid, or to go on behind a new history (zxid -1), is queued next: what stands before it in
   * the ring and is later than the zxid will be passed over.
   */
  cutAt(epoch: number, counter: number): void {
    this.#isDiverged = false;
    this.#cutAt = new Zxid(epoch, counter);
  }

  /** Whether something is to be passed over still. */
  get isCutting(): boolean {
    return this.#cutAt !== null;
  }

  /** Applies everything that is committed. Takes as long as it takes. */
  advanceFully(committed: Zxid): void {
    while (this.#isReady(committed)) this.#advance(committed);
  }

  /** Applies what is committed, up to one hold of the lock; true when more is ready to be applied. */
  advance(committed: Zxid): boolean {
    if (!this.#isReady(committed) || !this.#parts.publisher.hasRoom()) return false;
    this.#advance(committed);
    return this.#isReady(committed);
  }

  #advance(committed: Zxid): void {
    const { lock, publisher, watchCounts } = this.#parts;
    let divergence: DivergedTreeError | null = null;
    lock.acquire();
    try {
      // A worker registers a watch under its reader lock: what is registered now is counted, and sees this batch.
      this.#announcesEvents = watchCounts.some((count) => count !== 0);
      for (let txns = 0; txns < TXNS_PER_LOCK && this.#isReady(committed); txns++) this.#takeNext();
      publisher.publish();
    } catch (error) {
      if (!(error instanceof DivergedTreeError) || this.onDiverged === null) throw error;
      divergence = error;
      this.#isDiverged = true;
      // What was applied before is right, and is answered.
      publisher.publish();
    } finally {
      lock.release();
    }
    this.#ring.release();
    publisher.ring();
    if (divergence !== null) this.#diverged(divergence);
  }

  #diverged(error: DivergedTreeError): void {
    if (error instanceof DigestMismatchError) this.#parts.counters.digestMismatches++;
    this.resetCounts();
    this.onDiverged?.(error);
  }

  /** Whether something can be applied as soon as the workers have made room. */
  hasReady(committed: Zxid): boolean {
    return this.#isReady(committed);
  }

  /** Whether the next record may be taken: a txn that is committed, or a mark, behind which nothing waits. */
  #isReady(committed: Zxid): boolean {
    if (this.#isDiverged || !this.#ring.peek()) return false;
    const head = this.#head.__init(this.#ring.start, this.#buffer);
    if (head.kind() !== LogKind.txn) return true;
    return committed.compare(head.zxidHigh(), head.zxidLow()) >= 0 || this.#isCut(head);
  }

  #isCut(head: LogHead): boolean {
    return this.#cutAt !== null && this.#cutAt.compare(head.zxidHigh(), head.zxidLow()) < 0;
  }

  #takeNext(): void {
    const head = this.#head;
    this.#ring.advance();
    switch (head.kind()) {
      case LogKind.txn:
        if (!this.#isCut(head)) this.#apply(head);
        break;
      case LogKind.marker:
        this.#answerMark(head);
        break;
      case LogKind.truncate:
      case LogKind.continueAfter:
        this.#cutAt = null;
        break;
      case LogKind.roll:
        break;
      default:
        throw new Error(`unknown kind ${head.kind()} in the log ring`);
    }
  }

  #apply(head: LogHead): void {
    const { publisher, prep, tree, digests, counters } = this.#parts;
    const start = this.#ring.start + head.entryOffset();
    const length = head.entryLength();
    const opcode = head.opcode();
    this.#worker = head.worker();
    this.#connection = head.connection();
    const isForeign = this.#worker < 0 && this.foreign !== null;
    const isConnecting = opcode === OpCode.createSession || opcode === OpCode.error;
    const wantsReply = isForeign || (this.#worker >= 0 && !isConnecting);
    this.#reply.position = 0;
    this.#applier.contentCrc = head.contentCrc();
    this.#applier.hasContentCrc = head.hasContentCrc() === 1;
    this.#applier.apply(this.#ring.bytes, start, start + length, wantsReply ? this.#reply : null);
    if (isForeign) {
      this.foreign?.applied(
        this.#applier,
        head.xid(),
        head.zxidHigh(),
        head.zxidLow(),
        this.#reply.bytes,
        this.#applier.error === 0 ? this.#reply.position : 0,
      );
    } else if (wantsReply) {
      publisher.reply(
        this.#worker,
        this.#connection,
        head.xid(),
        head.zxidHigh(),
        head.zxidLow(),
        this.#applier.error,
        this.#reply.bytes,
        this.#applier.error === 0 ? this.#reply.position : 0,
      );
    }
    if (this.#worker >= 0 && opcode === OpCode.error) {
      const { sessions } = this.#parts;
      sessions.sessionMoved(head.sessionHigh(), head.sessionLow(), this.#worker, this.#connection);
    }
    this.#announceClosed();
    if (this.preparedEpoch === null || this.preparedEpoch === head.zxidHigh())
      prep.applied(head.zxidLow(), head.admittedBytes());
    // A tree that is ahead of its zxid has the digest of no zxid.
    if (this.#applier.verifiesDigest) {
      digests.record(head.zxidHigh(), head.zxidLow(), tree.treeDigestHigh, tree.treeDigestLow);
    }
    counters.commits++;
    this.txnsApplied++;
    this.bytesApplied += length;
  }

  /** The connection of a closed session is told to close behind the reply to its closeSession. */
  #announceClosed(): void {
    if (!this.#hasClosed) return;
    this.#hasClosed = false;
    this.#parts.sessions.sessionClosed(this.#closedHigh, this.#closedLow);
  }

  #answerMark(head: LogHead): void {
    this.answerMark(
      head.worker(),
      head.connection(),
      head.xid(),
      head.opcode(),
      head.sessionHigh(),
      head.sessionLow(),
      this.#ring.bytes,
      this.#ring.start + head.entryOffset(),
      head.entryLength(),
    );
  }

  /**
   * Everything proposed before it is applied now. sync: the client reads its own path back. getEphemerals: what the session
   * owns at this moment, its own earlier writes included. `bytes[start, start + length)` is the request's body.
   * closeSession: a local session ends.
   * Any other opcode is a write that was refused, as the disk is nearly full, in its place among the session's replies.
   */
  answerMark(
    worker: number,
    connection: number,
    xid: number,
    opcode: number,
    sessionHigh: number,
    sessionLow: number,
    bytes: Uint8Array,
    start: number,
    length: number,
  ): void {
    const { tree, publisher, ephemeralListing } = this.#parts;
    // Not the reply of a txn that is being applied.
    const reply = this.#markReply;
    reply.position = 0;
    let error: number = ErrorCode.OK;
    switch (opcode) {
      case OpCode.sync:
        reply.writeBytes(bytes, start, length);
        break;
      case OpCode.getEphemerals:
        this.#reader.reset(bytes, start, start + length);
        error = ephemeralListing.write(sessionHigh, sessionLow, this.#reader, reply);
        break;
      case OpCode.closeSession:
        break;
      default:
        error = ErrorCode.QUOTAEXCEEDED;
    }
    const replyBytes = error === ErrorCode.OK ? reply.position : 0;
    const { lastZxidHigh, lastZxidLow } = tree;
    publisher.reply(worker, connection, xid, lastZxidHigh, lastZxidLow, error, reply.bytes, replyBytes);
    if (opcode === OpCode.closeSession) this.#parts.sessions.sessionClosed(sessionHigh, sessionLow);
  }

  // ── TxnEffects ──

  znodeChanged(
    change: ZnodeChange,
    path: Uint8Array,
    start: number,
    length: number,
    aclRef: number,
    parentAclRef: number,
  ): void {
    if (!this.#announcesEvents) return;
    this.#parts.publisher.event(
      change,
      this.#applier.zxidHigh,
      this.#applier.zxidLow,
      path,
      start,
      length,
      this.#parts.tree,
      this.#access.allowsWorld(aclRef, Permission.read) ? -1 : aclRef,
      this.#access.allowsWorld(parentAclRef, Permission.read) ? -1 : parentAclRef,
    );
  }

  sessionCreated(idHigh: number, idLow: number, timeoutMs: number): void {
    this.#parts.sessions.sessionCreated(idHigh, idLow, timeoutMs, this.#worker, this.#connection);
  }

  sessionClosed(idHigh: number, idLow: number): void {
    this.#hasClosed = true;
    this.#closedHigh = idHigh;
    this.#closedLow = idLow;
  }
}
