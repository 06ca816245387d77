// Hot path: a run of txns costs a head, a copy and four bytes each; no object per packet.

import { copyFromShared } from '../jute/shared-copy.ts';
import { JuteWriter } from '../jute/writer.ts';
import { highWord, lowWord } from '../protocol/long.ts';
import type { DurablePacket, ImmediatePacket } from '../zab/packet.ts';
import { counterOf, epochOf } from '../zab/zxid.ts';
import { PacketType, PROTOCOL_VERSION } from './packet-type.ts';
import type { Segment, SendBuffer, SendBufferPool } from './send-buffer.ts';

/** int type, long zxid, int data length; int -1 for no identities */
const HEAD_BYTES = 16;
const PACKET_BYTES = HEAD_BYTES + 4;
const TOUCH_BYTES = 12;

/** Packets that can be sent with {@link PacketBatch.packet}. */
export type SentPacket = ImmediatePacket | DurablePacket | { readonly type: 'snap'; readonly zxid: bigint };

/**
 * Encoded packets of the quorum port, in order (protocol/quorum.md §3). A batch is written once and can be sent to any
 * number of connections; each has one of its own besides. Keep a batch for good: what is written next goes behind what
 * was sent before, into the same memory, so that small packets which wait for a slow socket do not hold a buffer each.
 */
export class PacketBatch {
  readonly #pool: SendBufferPool;
  readonly #writer = new JuteWriter(new Uint8Array(0));
  readonly #segments: Segment[] = [];
  /** Where packets are written now. */
  #tail: SendBuffer | null = null;
  /** What the segments have of the tail already. */
  #tailStart = 0;

  constructor(pool: SendBufferPool) {
    this.#pool = pool;
  }

  /** PROPOSAL: the txn's entry is `source[start, start + length)`, in ordinary or shared memory. */
  proposal(epoch: number, counter: number, source: Uint8Array, start: number, length: number): void {
    this.#txn(PacketType.proposal, epoch, counter, source, start, length);
  }

  /** INFORM, as {@link proposal}. */
  inform(epoch: number, counter: number, source: Uint8Array, start: number, length: number): void {
    this.#txn(PacketType.inform, epoch, counter, source, start, length);
  }

  /** COMMIT of the txns [first, last] of an epoch. */
  commits(epoch: number, first: number, last: number): void {
    this.#empty(PacketType.commit, epoch, first, last);
  }

  /** ACK of the txns [first, last] of an epoch. */
  acknowledgements(epoch: number, first: number, last: number): void {
    this.#empty(PacketType.ack, epoch, first, last);
  }

  /**
   * REQUEST: a client's request with the body `source[start, start + length)`. The client's identities are a serialised
   * vector<Id> in `identities[identitiesStart, identitiesStart + identitiesLength)`.
   */
  request(
    sessionHigh: number,
    sessionLow: number,
    cxid: number,
    opcode: number,
    source: Uint8Array,
    start: number,
    length: number,
    identities: Uint8Array,
    identitiesStart: number,
    identitiesLength: number,
  ): void {
    const dataBytes = 16 + length;
    const writer = this.#begin(PacketType.request, -1, -1, dataBytes, identitiesLength);
    writer.writeLongWords(sessionHigh, sessionLow);
    writer.writeInt(cxid);
    writer.writeInt(opcode);
    copyFromShared(source, start, writer.bytes, writer.claim(length), length);
    copyFromShared(
      identities,
      identitiesStart,
      writer.bytes,
      writer.claim(identitiesLength),
      identitiesLength,
    );
  }

  /** REVALIDATE, as a learner asks. */
  revalidate(sessionHigh: number, sessionLow: number, timeoutMs: number): void {
    const writer = this.#begin(PacketType.revalidate, -1, -1, 12, 4);
    writer.writeLongWords(sessionHigh, sessionLow);
    writer.writeInt(timeoutMs);
    writer.writeInt(-1);
  }

  /** REVALIDATE, as a leader answers. */
  revalidated(sessionHigh: number, sessionLow: number, isValid: boolean): void {
    const writer = this.#begin(PacketType.revalidate, -1, -1, 9, 4);
    writer.writeLongWords(sessionHigh, sessionLow);
    writer.writeBoolean(isValid);
    writer.writeInt(-1);
  }

  /** SYNC: answers a learner's oldest sync. */
  sync(): void {
    this.#empty(PacketType.sync, 0, 0, 0);
  }

  /**
   * A learner's PING, with the sessions that were active: `touches` has high word, low word and timeout in ms of each,
   * for `count` sessions.
   */
  pingWithTouches(zxid: bigint, touches: Int32Array, count: number): void {
    const writer = this.#begin(PacketType.ping, epochOf(zxid), counterOf(zxid), TOUCH_BYTES * count, 4);
    for (let i = 0; i < 3 * count; i++) writer.writeInt(touches[i]);
    writer.writeInt(-1);
  }

  /** Any of the packets that the core sends. */
  packet(packet: SentPacket): void {
    switch (packet.type) {
      case 'learnerInfo':
        this.#learnerInfo(packet);
        break;
      case 'diff':
        this.#bare(PacketType.diff, packet.zxid);
        break;
      case 'trunc':
        this.#bare(PacketType.trunc, packet.zxid);
        break;
      case 'snap':
        this.#bare(PacketType.snap, packet.zxid);
        break;
      case 'upToDate':
        this.#bare(PacketType.upToDate, -1n);
        break;
      case 'ping':
        this.#bare(PacketType.ping, packet.zxid);
        break;
      case 'leaderInfo':
        this.#withInt(PacketType.leaderInfo, packet.epoch, 0, PROTOCOL_VERSION);
        break;
      case 'ackEpoch':
        this.#withInt(
          PacketType.ackEpoch,
          epochOf(packet.lastZxid),
          counterOf(packet.lastZxid),
          packet.currentEpoch,
        );
        break;
      case 'newLeader':
        this.#newLeader(packet.epoch, Buffer.from(packet.config, 'utf8'));
        break;
      case 'newLeaderAck':
        this.#empty(PacketType.ack, packet.epoch, 0, 0);
        break;
      default:
        packet satisfies never;
    }
  }

  /** Bytes as they are: encoded elsewhere, or no packets (the tree behind SNAP). Not copied: nobody may write to them any more. */
  raw(bytes: Uint8Array<ArrayBuffer>): void {
    this.#seal();
    this.#segments.push({ buffer: this.#pool.adopt(bytes), start: 0, end: bytes.length });
  }

  /** Hands over what was written since the last call: `take` holds each segment's buffer from then on. */
  drain(take: (segment: Segment) => void): void {
    this.#seal();
    for (const segment of this.#segments) take(segment);
    this.#segments.length = 0;
  }

  /** Shows what was written since the last {@link drain}; `see` retains what it keeps. */
  forEachSegment(see: (segment: Segment) => void): void {
    this.#seal();
    for (const segment of this.#segments) see(segment);
  }

  /** Forgets what was written; memory goes on to be used. */
  forget(): void {
    this.drain((segment) => segment.buffer.release());
  }

  /** Forgets what was written and gives the memory back. */
  clear(): void {
    this.forget();
    this.#tail?.release();
    this.#tail = null;
    this.#tailStart = 0;
  }

  #txn(
    type: number,
    epoch: number,
    counter: number,
    source: Uint8Array,
    start: number,
    length: number,
  ): void {
    const writer = this.#begin(type, epoch, counter, length, 4);
    copyFromShared(source, start, writer.bytes, writer.claim(length), length);
    writer.writeInt(-1);
  }

  /** Packets without data, for the counters [first, last] (unsigned). */
  #empty(type: number, epoch: number, first: number, last: number): void {
    for (let left = ((last - first) >>> 0) + 1, counter = first; left > 0; left--, counter++) {
      const at = this.#claim(PACKET_BYTES);
      const { view } = this.#writer;
      view.setInt32(at, type);
      view.setInt32(at + 4, epoch);
      view.setInt32(at + 8, counter);
      view.setInt32(at + 12, -1);
      view.setInt32(at + 16, -1);
    }
  }

  #bare(type: number, zxid: bigint): void {
    this.#empty(type, epochOf(zxid), counterOf(zxid), counterOf(zxid));
  }

  #withInt(type: number, epoch: number, counter: number, value: number): void {
    const writer = this.#begin(type, epoch, counter, 4, 4);
    writer.writeInt(value);
    writer.writeInt(-1);
  }

  #learnerInfo(packet: Extract<SentPacket, { type: 'learnerInfo' }>): void {
    const type = packet.isObserver ? PacketType.observerInfo : PacketType.followerInfo;
    const writer = this.#begin(type, packet.acceptedEpoch, 0, 20, 4);
    writer.writeLongWords(highWord(packet.sid), lowWord(packet.sid));
    writer.writeInt(PROTOCOL_VERSION);
    writer.writeLong(packet.configVersion);
    writer.writeInt(-1);
  }

  #newLeader(epoch: number, config: Uint8Array): void {
    const writer = this.#begin(PacketType.newLeader, epoch, 0, config.length, 4);
    writer.writeBytes(config, 0, config.length);
    writer.writeInt(-1);
  }

  /** Writes a packet's head; the caller writes `dataBytes`, and `authBytes` of identities. */
  #begin(type: number, high: number, low: number, dataBytes: number, authBytes: number): JuteWriter {
    const bytes = HEAD_BYTES + dataBytes + authBytes;
    const at = this.#claim(bytes);
    const writer = this.#writer;
    writer.reset(writer.bytes, at, at + bytes);
    writer.writeInt(type);
    writer.writeLongWords(high, low);
    writer.writeInt(dataBytes);
    return writer;
  }

  /** Room for `bytes` in one piece; the writer's `bytes` and `view` are those of its buffer. */
  #claim(bytes: number): number {
    let tail = this.#tail;
    if (tail === null || tail.used + bytes > tail.bytes.length) {
      this.#seal();
      tail?.release();
      tail = this.#pool.take(bytes);
      this.#tail = tail;
      this.#tailStart = 0;
      this.#writer.reset(tail.bytes, 0, 0);
    }
    const at = tail.used;
    tail.used += bytes;
    return at;
  }

  #seal(): void {
    const tail = this.#tail;
    if (tail === null || tail.used === this.#tailStart) return;
    tail.retain();
    this.#segments.push({ buffer: tail, start: this.#tailStart, end: tail.used });
    this.#tailStart = tail.used;
  }
}
