// Hot path: txns are handed over where they stand, COMMITs are gathered into runs; no object per packet.

import type { ReceivedPacket } from '../zab/packet.ts';
import { zxidOf } from '../zab/zxid.ts';
import { configText, epochAt, type PacketSizes, tooShort } from './learner-packets.ts';
import { PacketError } from './packet-error.ts';
import { intAt, noPackets, type PacketHandler, type StreamLimits } from './packet-stream.ts';
import { PacketType, PROTOCOL_VERSION, packetTypeName } from './packet-type.ts';

/** Takes what a leader sends to its learners (protocol/quorum.md §3). Bytes are valid during the call. */
export interface LeaderPacketSink {
  received(packet: ReceivedPacket): void;
  /** PROPOSAL: the txn's entry (header, txn, digest) is in `bytes[start, start + length)`. */
  proposal(epoch: number, counter: number, bytes: Uint8Array, start: number, length: number): void;
  /** INFORM: a committed txn, for an observer. */
  inform(epoch: number, counter: number, bytes: Uint8Array, start: number, length: number): void;
  /** COMMIT of the txns [first, last] of an epoch, one packet each. */
  committed(epoch: number, first: number, last: number): void;
  /** The answer to REVALIDATE. */
  revalidated(sessionHigh: number, sessionLow: number, isValid: boolean): void;
  /** SYNC: the oldest sync that was sent to the leader is done. */
  synced(): void;
}

/** The longest configuration text; Apache's limit is that of a znode. */
const SMALL_BYTES_MAX = 64;

/** What a learner lets its leader send. */
export function limitsForLeader(sizes: PacketSizes): StreamLimits {
  const dataBytesMax = noPackets();
  const { commit, ping, revalidate, sync, upToDate, diff, trunc, snap, leaderInfo } = PacketType;
  for (const type of [commit, ping, revalidate, sync, upToDate, diff, trunc, snap, leaderInfo]) {
    dataBytesMax[type] = SMALL_BYTES_MAX;
  }
  const { proposal, inform, newLeader, commitAndActivate, informAndActivate } = PacketType;
  for (const type of [proposal, inform, newLeader, commitAndActivate, informAndActivate]) {
    dataBytesMax[type] = sizes.packetBytesMax;
  }
  return {
    dataBytesMax,
    identitiesMax: sizes.identitiesMax,
    identitiesBytesMax: sizes.identitiesBytesMax,
  };
}

/** Takes apart what leaders send. */
export class LeaderPackets implements PacketHandler {
  readonly #sink: LeaderPacketSink;
  readonly #onDifferentHistory: () => void;
  // The run of commits that is being gathered; empty when #commitFirst is 0.
  #commitEpoch = 0;
  #commitFirst = 0;
  #commitLast = 0;

  /**
   * `onDifferentHistory` is called before a TRUNC or SNAP is handed over: what follows in the stream can only be taken
   * when these are done.
   */
  constructor(sink: LeaderPacketSink, onDifferentHistory: () => void) {
    this.#sink = sink;
    this.#onDifferentHistory = onDifferentHistory;
  }

  packet(
    type: number,
    zxidHigh: number,
    zxidLow: number,
    bytes: Uint8Array,
    start: number,
    length: number,
  ): void {
    if (type === PacketType.commit) {
      this.#commit(zxidHigh, zxidLow);
      return;
    }
    this.endOfChunk();
    switch (type) {
      case PacketType.proposal:
        this.#sink.proposal(zxidHigh, zxidLow, bytes, start, checkedTxn(type, length));
        break;
      case PacketType.inform:
        this.#sink.inform(zxidHigh, zxidLow, bytes, start, checkedTxn(type, length));
        break;
      case PacketType.sync:
        this.#sink.synced();
        break;
      case PacketType.revalidate:
        this.#revalidated(bytes, start, length);
        break;
      default:
        this.#received(type, zxidHigh, zxidLow, bytes, start, length);
    }
  }

  endOfChunk(): void {
    if (this.#commitFirst === 0) return;
    const first = this.#commitFirst;
    this.#commitFirst = 0;
    this.#sink.committed(this.#commitEpoch, first, this.#commitLast);
  }

  #commit(epoch: number, counter: number): void {
    if (counter === 0) throw new PacketError(`COMMIT of zxid ${zxidOf(epoch, counter)}, which is no txn`);
    if (this.#commitFirst !== 0 && epoch === this.#commitEpoch && counter === ((this.#commitLast + 1) | 0)) {
      this.#commitLast = counter;
      return;
    }
    this.endOfChunk();
    this.#commitEpoch = epoch;
    this.#commitFirst = counter;
    this.#commitLast = counter;
  }

  #revalidated(bytes: Uint8Array, start: number, length: number): void {
    if (length < 9) throw tooShort(PacketType.revalidate, length);
    this.#sink.revalidated(intAt(bytes, start), intAt(bytes, start + 4), bytes[start + 8] !== 0);
  }

  #received(
    type: number,
    zxidHigh: number,
    zxidLow: number,
    bytes: Uint8Array,
    start: number,
    length: number,
  ): void {
    const zxid = zxidOf(zxidHigh, zxidLow);
    switch (type) {
      case PacketType.ping:
        this.#sink.received({ type: 'ping', zxid });
        break;
      case PacketType.leaderInfo:
        checkProtocol(bytes, start, length);
        this.#sink.received({ type: 'leaderInfo', epoch: epochAt(type, zxidHigh, zxidLow) });
        break;
      case PacketType.newLeader:
        this.#sink.received({
          type: 'newLeader',
          epoch: epochAt(type, zxidHigh, zxidLow),
          config: configText(bytes, start, length),
        });
        break;
      case PacketType.upToDate:
        this.#sink.received({ type: 'upToDate' });
        break;
      case PacketType.diff:
        this.#sink.received({ type: 'diff', zxid });
        break;
      case PacketType.trunc:
        this.#onDifferentHistory();
        this.#sink.received({ type: 'trunc', zxid });
        break;
      case PacketType.snap:
        this.#onDifferentHistory();
        this.#sink.received({ type: 'snap', zxid });
        break;
      default:
        throw new PacketError(
          `${packetTypeName(type)}: the leader changes the configuration, which is not built yet`,
        );
    }
  }
}

function checkedTxn(type: number, length: number): number {
  if (length <= 0) throw new PacketError(`${packetTypeName(type)} without a txn`);
  return length;
}

/** Nothing before ZAB 1.0 is spoken (protocol/quorum.md §3). */
function checkProtocol(bytes: Uint8Array, start: number, length: number): void {
  if (length < 4) throw tooShort(PacketType.leaderInfo, length);
  const version = intAt(bytes, start);
  if (version < PROTOCOL_VERSION) {
    throw new PacketError(
      `the leader speaks protocol 0x${version.toString(16)}; 0x10000 (ZooKeeper 3.4) is the oldest`,
    );
  }
}
