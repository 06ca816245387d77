// Hot path: an entry is written once, in place in the log ring, where the log worker and apply read it.

import { copyToShared } from '../jute/shared-copy.ts';
import { JuteWriter } from '../jute/writer.ts';
import { longToHex } from '../protocol/long.ts';
import { AlignedBuffer } from '../ring/aligned-buffer.ts';
import { PADDING_MAX, paddingBefore } from '../ring/data-alignment.ts';
import { Doorbell, type DoorbellMemory } from '../ring/doorbell.ts';
import { LogHead } from '../ring/generated/records.ts';
import { LOG_HEAD_BYTES, LogKind } from '../ring/record-kind.ts';
import { type RingMemory, RingProducer } from '../ring/ring.ts';
import type { Prep } from '../txn/prep.ts';
import type { PrepRequest } from '../txn/prep-request.ts';
import { TxnHeader } from '../txn/txn-layout.ts';
import { Zxid } from '../zab/zxid.ts';
import type { SeeTxn } from './txn-cache.ts';

/** A createSession may go before the request that needs it. */
const SPARE_BYTES = 256;

/** Main's writing end of the `log` ring: makes the txns and queues them for the disk. */
export class LogAppender {
  /** The last zxid given out. */
  readonly lastProposed: Zxid;
  /** The last zxid that the log worker was shown. */
  readonly lastPublished = new Zxid();
  /**
   * Called instead of giving room when the epoch has no more zxids: in an ensemble only an election begins another one. null:
   * this server may begin it by itself.
   */
  onEpochEnd: (() => void) | null = null;
  /** Called for each txn that is queued, with its entry, `bytes[start, start + length)`. */
  onTxn: SeeTxn | null = null;
  /** Entries are bounded by this: jute.maxbuffer and the slack that readers allow. */
  readonly #entryBytesMax: number;
  readonly #ring: RingProducer;
  readonly #doorbell: Doorbell;
  readonly #prep: Prep;
  readonly #buffer: AlignedBuffer;
  readonly #head = new LogHead();
  readonly #writer: JuteWriter;
  hasUnpublished = false;

  constructor(
    ring: RingMemory,
    logDoorbell: DoorbellMemory,
    prep: Prep,
    lastProposed: Zxid,
    entryBytesMax: number,
  ) {
    this.#ring = new RingProducer(ring);
    this.#doorbell = new Doorbell(logDoorbell);
    this.#prep = prep;
    this.lastProposed = lastProposed;
    this.#entryBytesMax = entryBytesMax;
    this.#buffer = new AlignedBuffer(this.#ring.bytes);
    this.#writer = new JuteWriter(this.#ring.bytes);
  }

  /** Whether the ring has room for any one txn and a createSession before it; ask before {@link propose} or {@link mark}. */
  hasRoom(): boolean {
    if (this.onEpochEnd !== null && this.lastProposed.counter === -1) {
      this.onEpochEnd();
      return false;
    }
    return this.#ring.reserve(LOG_HEAD_BYTES + PADDING_MAX + this.#entryBytesMax + SPARE_BYTES) >= 0;
  }

  /** Gives the request the next zxid, makes its txn and queues it. */
  propose(request: PrepRequest, worker: number, connection: number): void {
    const at = this.#reserve();
    this.#advanceZxid();
    request.zxidHigh = this.lastProposed.epoch;
    request.zxidLow = this.lastProposed.counter;
    const { opcode, bytes, end } = request;
    const recordAt = at + LOG_HEAD_BYTES + TxnHeader.bytes;
    const padding = paddingBefore(recordAt, opcode, bytes, request.start, end - request.start);
    const offset = LOG_HEAD_BYTES + padding;
    const start = at + offset;
    this.#writer.reset(this.#ring.bytes, start, start + this.#entryBytesMax);
    this.#prep.prepare(request, this.#writer);
    const length = this.#writer.position - start;
    const head = this.#begin(at, LogKind.txn, worker, connection, request.cxid, request.opcode);
    head.mutate_zxid_high(request.zxidHigh);
    head.mutate_zxid_low(request.zxidLow);
    head.mutate_session_high(request.session.idHigh);
    head.mutate_session_low(request.session.idLow);
    head.mutate_admitted_bytes(this.#prep.admittedBytes);
    head.mutate_entry_offset(offset);
    head.mutate_entry_length(length);
    head.mutate_content_crc(this.#prep.contentCrc);
    head.mutate_has_content_crc(this.#prep.hasContentCrc ? 1 : 0);
    this.onTxn?.(request.zxidHigh, request.zxidLow, this.#ring.bytes, start, length);
    this.#commit(offset + length);
  }

  /**
   * Queues a txn that a leader has made: its entry is `source[start, start + length)`, of the limit's length at most. Ask
   * {@link hasRoom} before.
   */
  appendForeign(epoch: number, counter: number, source: Uint8Array, start: number, length: number): void {
    if (length > this.#entryBytesMax) {
      throw new Error(
        `txn ${longToHex(epoch, counter)} has ${length} bytes, more than jute.maxbuffer and its extrasize allow here (${this.#entryBytesMax})`,
      );
    }
    const at = this.#reserve();
    this.lastProposed.set(epoch, counter);
    const type = readWord(source, start + TxnHeader.type);
    const recordAt = at + LOG_HEAD_BYTES + TxnHeader.bytes;
    const recordStart = start + TxnHeader.bytes;
    const padding = paddingBefore(recordAt, type, source, recordStart, length - TxnHeader.bytes);
    const offset = LOG_HEAD_BYTES + padding;
    copyToShared(source, start, this.#ring.bytes, at + offset, length);
    const cxid = readWord(source, start + TxnHeader.cxid);
    const head = this.#begin(at, LogKind.txn, -1, 0, cxid, type);
    head.mutate_zxid_high(epoch);
    head.mutate_zxid_low(counter);
    head.mutate_session_high(readWord(source, start + TxnHeader.session));
    head.mutate_session_low(readWord(source, start + TxnHeader.session + 4));
    head.mutate_entry_offset(offset);
    head.mutate_entry_length(length);
    head.mutate_has_content_crc(0);
    this.onTxn?.(epoch, counter, source, start, length);
    this.#commit(offset + length);
  }

  /**
   * Queues a place in the order of commits: it is reached when everything proposed before is applied (sync, getEphemerals).
   * The request's body, `bytes[start, start + length)`, goes with it.
   * A write that the disk guard refused is answered there with QUOTAEXCEEDED.
   */
  mark(
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
    const at = this.#reserve();
    const head = this.#begin(at, LogKind.marker, worker, connection, xid, opcode);
    head.mutate_session_high(sessionHigh);
    head.mutate_session_low(sessionLow);
    head.mutate_entry_length(length);
    copyToShared(bytes, start, this.#ring.bytes, at + LOG_HEAD_BYTES, length);
    this.#commit(LOG_HEAD_BYTES + length);
  }

  /** Tells the log worker to go on in a new file. */
  roll(): void {
    this.#begin(this.#reserve(), LogKind.roll, -1, 0, 0, 0);
    this.#commit(LOG_HEAD_BYTES);
  }

  /** Has the log worker take everything behind the zxid off the history on disk; {@link LogWorker.truncation} tells how it went. */
  truncate(zxidHigh: number, zxidLow: number): void {
    this.#order(LogKind.truncate, zxidHigh, zxidLow);
  }

  /** Tells the log worker that the history on disk was replaced by one that ends with the zxid. */
  continueAfter(zxidHigh: number, zxidLow: number): void {
    this.#order(LogKind.continueAfter, zxidHigh, zxidLow);
  }

  #order(kind: LogKind, zxidHigh: number, zxidLow: number): void {
    const head = this.#begin(this.#reserve(), kind, -1, 0, 0, 0);
    head.mutate_zxid_high(zxidHigh);
    head.mutate_zxid_low(zxidLow);
    this.#commit(LOG_HEAD_BYTES);
  }

  /** Shows the log worker what was queued, and wakes it: once a batch. */
  publish(): void {
    if (!this.hasUnpublished) return;
    this.hasUnpublished = false;
    // Before an epoch's first txn marks may be all there is: the disk will never be at counter 0.
    const { epoch, counter } = this.lastProposed;
    if (counter !== 0) this.lastPublished.set(epoch, counter);
    this.#ring.publish();
    this.#doorbell.ring();
  }

  /** Takes back what was queued and not published; the log goes on behind this zxid, the last one that was. */
  forgetUnpublished(epoch: number, counter: number): void {
    this.hasUnpublished = false;
    this.lastProposed.set(epoch, counter);
    this.#ring.forget();
  }

  /** A standalone server may begin a new epoch by itself when the counter has run out; it is its own quorum. */
  #advanceZxid(): void {
    if (!this.lastProposed.advance()) this.lastProposed.set(this.lastProposed.epoch + 1, 1);
  }

  #reserve(): number {
    const at = this.#ring.reserve(LOG_HEAD_BYTES + PADDING_MAX + this.#entryBytesMax);
    if (at < 0) throw new Error('the log ring is full: hasRoom was not asked');
    return at;
  }

  #begin(
    at: number,
    kind: LogKind,
    worker: number,
    connection: number,
    xid: number,
    opcode: number,
  ): LogHead {
    const head = this.#head.__init(at, this.#buffer);
    head.mutate_kind(kind);
    head.mutate_worker(worker);
    head.mutate_connection(connection);
    head.mutate_xid(xid);
    head.mutate_opcode(opcode);
    head.mutate_admitted_bytes(0);
    head.mutate_entry_offset(LOG_HEAD_BYTES);
    head.mutate_entry_length(0);
    return head;
  }

  #commit(bytes: number): void {
    this.#ring.commit(bytes);
    this.hasUnpublished = true;
  }
}

function readWord(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
}
