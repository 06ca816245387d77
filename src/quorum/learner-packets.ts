// Hot path: ACKs of txns are gathered into runs, requests are handed over where they stand; no object per packet.

import { decodeUtf8 } from '../jute/reader.ts';
import type { ReceivedPacket } from '../zab/packet.ts';
import { zxidOf } from '../zab/zxid.ts';
import { PacketError } from './packet-error.ts';
import { intAt, noPackets, type PacketHandler, type StreamLimits } from './packet-stream.ts';
import { PacketType, packetTypeName, SID_MAX } from './packet-type.ts';

/** Takes what a learner sends to its leader (protocol/quorum.md §3). Bytes are valid during the call. */
export interface LearnerPacketSink {
  received(packet: ReceivedPacket): void;
  /** ACK of the txns [first, last] of an epoch, one packet each. */
  acknowledged(epoch: number, first: number, last: number): void;
  /**
   * REQUEST: a client's request, its body in `bytes[start, start + length)`; the client's identities are a serialised
   * vector<Id> in `bytes[identitiesStart, identitiesStart + identitiesLength)`.
   */
  request(
    sessionHigh: number,
    sessionLow: number,
    cxid: number,
    opcode: number,
    bytes: Uint8Array,
    start: number,
    length: number,
    identitiesStart: number,
    identitiesLength: number,
  ): void;
  /** REVALIDATE: a client comes back to the learner with this session. */
  revalidate(sessionHigh: number, sessionLow: number, timeoutMs: number): void;
  /** The session was active at the learner; comes before the `ping` that brought it. */
  touched(sessionHigh: number, sessionLow: number, timeoutMs: number): void;
}

/** long sessionId, int cxid, int opcode */
const REQUEST_HEAD_BYTES = 16;
const TOUCH_BYTES = 12;
/** LearnerInfo has 20 bytes; something is left for later versions of it. */
const LEARNER_INFO_BYTES_MAX = 64;
const ACK_BYTES_MAX = 64;

export interface PacketSizes {
  /** The longest request body or txn: jute.maxbuffer and jute.maxbuffer.extrasize. */
  readonly packetBytesMax: number;
  /** The most sessions that a PING can name. */
  readonly sessionsMax: number;
  /** The most identities of a client, and their bytes. */
  readonly identitiesMax: number;
  readonly identitiesBytesMax: number;
}

/** What a leader lets anybody send who has not said yet which learner it is. */
export function limitsForStranger(): StreamLimits {
  const dataBytesMax = noPackets();
  dataBytesMax[PacketType.followerInfo] = LEARNER_INFO_BYTES_MAX;
  dataBytesMax[PacketType.observerInfo] = LEARNER_INFO_BYTES_MAX;
  return { dataBytesMax, identitiesMax: 0, identitiesBytesMax: 0 };
}

/** What a leader lets a learner send from then on. */
export function limitsForLearner(sizes: PacketSizes): StreamLimits {
  const dataBytesMax = noPackets();
  dataBytesMax[PacketType.ackEpoch] = ACK_BYTES_MAX;
  dataBytesMax[PacketType.ack] = ACK_BYTES_MAX;
  dataBytesMax[PacketType.request] = REQUEST_HEAD_BYTES + sizes.packetBytesMax;
  dataBytesMax[PacketType.ping] = TOUCH_BYTES * sizes.sessionsMax;
  dataBytesMax[PacketType.revalidate] = ACK_BYTES_MAX;
  return {
    dataBytesMax,
    identitiesMax: sizes.identitiesMax,
    identitiesBytesMax: sizes.identitiesBytesMax,
  };
}

/** What a connection itself has to know of what its learner has sent; told before it is handed over. */
export interface LearnerProgress {
  /** FOLLOWERINFO or OBSERVERINFO: from now on the limits are others. */
  introduced(): void;
  /** The ACK of NEWLEADER: from now on the learner is in step. */
  inStep(): void;
}

/** Takes apart what learners send. */
export class LearnerPackets implements PacketHandler {
  readonly #sink: LearnerPacketSink;
  readonly #progress: LearnerProgress;
  // The run of acknowledgements that is being gathered; empty when #ackFirst is 0.
  #ackEpoch = 0;
  #ackFirst = 0;
  #ackLast = 0;

  constructor(sink: LearnerPacketSink, progress: LearnerProgress) {
    this.#sink = sink;
    this.#progress = progress;
  }

  packet(
    type: number,
    zxidHigh: number,
    zxidLow: number,
    bytes: Uint8Array,
    start: number,
    length: number,
    authStart: number,
    authLength: number,
  ): void {
    if (type === PacketType.ack && zxidLow !== 0) {
      this.#acknowledge(zxidHigh, zxidLow);
      return;
    }
    this.endOfChunk();
    switch (type) {
      case PacketType.request:
        if (length < REQUEST_HEAD_BYTES) throw tooShort(type, length);
        this.#sink.request(
          intAt(bytes, start),
          intAt(bytes, start + 4),
          intAt(bytes, start + 8),
          intAt(bytes, start + 12),
          bytes,
          start + REQUEST_HEAD_BYTES,
          length - REQUEST_HEAD_BYTES,
          authStart,
          authLength,
        );
        break;
      case PacketType.ping:
        this.#touches(bytes, start, Math.max(0, length));
        this.#sink.received({ type: 'ping', zxid: zxidOf(zxidHigh, zxidLow) });
        break;
      case PacketType.revalidate:
        if (length < TOUCH_BYTES) throw tooShort(type, length);
        this.#sink.revalidate(intAt(bytes, start), intAt(bytes, start + 4), intAt(bytes, start + 8));
        break;
      case PacketType.ack:
        this.#progress.inStep();
        this.#sink.received({ type: 'newLeaderAck', epoch: epochAt(type, zxidHigh, zxidLow) });
        break;
      case PacketType.ackEpoch:
        if (length < 4) throw tooShort(type, length);
        this.#sink.received({
          type: 'ackEpoch',
          lastZxid: zxidOf(zxidHigh, zxidLow),
          currentEpoch: intAt(bytes, start),
        });
        break;
      default:
        this.#progress.introduced();
        this.#sink.received(learnerInfo(type, epochAt(type, zxidHigh, zxidLow), bytes, start, length));
    }
  }

  endOfChunk(): void {
    if (this.#ackFirst === 0) return;
    const first = this.#ackFirst;
    this.#ackFirst = 0;
    this.#sink.acknowledged(this.#ackEpoch, first, this.#ackLast);
  }

  #acknowledge(epoch: number, counter: number): void {
    if (this.#ackFirst !== 0 && epoch === this.#ackEpoch && counter === ((this.#ackLast + 1) | 0)) {
      this.#ackLast = counter;
      return;
    }
    this.endOfChunk();
    this.#ackEpoch = epoch;
    this.#ackFirst = counter;
    this.#ackLast = counter;
  }

  #touches(bytes: Uint8Array, start: number, length: number): void {
    if (length % TOUCH_BYTES !== 0) throw tooShort(PacketType.ping, length);
    for (let at = start; at < start + length; at += TOUCH_BYTES) {
      this.#sink.touched(intAt(bytes, at), intAt(bytes, at + 4), intAt(bytes, at + 8));
    }
  }
}

/** FOLLOWERINFO and OBSERVERINFO: 20 bytes, or 8 or 12 from old releases. */
function learnerInfo(
  type: number,
  acceptedEpoch: number,
  bytes: Uint8Array,
  start: number,
  length: number,
): ReceivedPacket {
  if (length < 8) throw tooShort(type, length);
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, length);
  const sid = view.getBigInt64(0);
  if (sid < 0n || sid > BigInt(SID_MAX)) throw new PacketError(`server id ${sid} in ${packetTypeName(type)}`);
  return {
    type: 'learnerInfo',
    isObserver: type === PacketType.observerInfo,
    acceptedEpoch,
    sid: Number(sid),
    protocolVersion: length >= 12 ? view.getInt32(8) : 1,
    configVersion: length >= 20 ? view.getBigInt64(12) : 0n,
  };
}

/** The epoch of a zxid that says nothing but an epoch. */
export function epochAt(type: number, zxidHigh: number, zxidLow: number): number {
  if (zxidHigh < 0 || zxidLow !== 0) {
    throw new PacketError(`${packetTypeName(type)} for zxid ${zxidOf(zxidHigh, zxidLow)}, which is no epoch`);
  }
  return zxidHigh;
}

/** The data of a packet are not as long as what has to stand there. */
export function tooShort(type: number, length: number): PacketError {
  return new PacketError(
    `${packetTypeName(type)} with ${length} bytes of data, which is not what it consists of`,
  );
}

/** A configuration's text; Apache takes up to one byte for none. */
export function configText(bytes: Uint8Array, start: number, length: number): string {
  return length <= 1 ? '' : decodeUtf8(bytes, start, start + length);
}
