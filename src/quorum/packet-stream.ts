// Hot path: every packet of the quorum port passes here. A packet that lies whole in what the socket gave is handed out
// where it stands; only one that is cut by the end of a chunk is copied, into a buffer that is used again. No object is
// made per packet.

import { PacketError } from './packet-error.ts';
import { PACKET_TYPES, packetTypeName } from './packet-type.ts';

/** Takes the packets of a stream apart. The bytes are valid during the call. */
export interface PacketHandler {
  /**
   * One packet. The zxid is given as its two words; `dataLength` is -1 for null; the authinfo is a serialised
   * vector<Id>.
   */
  packet(
    type: number,
    zxidHigh: number,
    zxidLow: number,
    bytes: Uint8Array,
    dataStart: number,
    dataLength: number,
    authStart: number,
    authLength: number,
  ): void;
  /** Nothing more follows at once: what was held back to be handed over as one run is to be handed over now. */
  endOfChunk(): void;
}

/** What a side of the quorum port may be sent. */
export interface StreamLimits {
  /** The most bytes of data for each packet type; -1 for types that may not come. */
  readonly dataBytesMax: Int32Array;
  /** The most identities of a packet, and their bytes. */
  readonly identitiesMax: number;
  readonly identitiesBytesMax: number;
}

/** Limits under which no packet may come; to be filled in. */
export function noPackets(): Int32Array {
  return new Int32Array(PACKET_TYPES).fill(-1);
}

/** int type, long zxid, int data length */
const HEAD_BYTES = 16;
/** A buffer for cut packets that has grown beyond it is given up when its packet is done. */
const KEPT_BYTES_MAX = 256 * 1024;

/**
 * Finds the packets in the byte stream of a quorum connection, which has no length prefixes (protocol/quorum.md §3).
 * Whatever way it is cut into chunks, at most one packet is held, and no more than its limits allow.
 */
export class PacketStream {
  /** May be changed while a packet is handled; holds from the next one on. */
  limits: StreamLimits;
  readonly #handler: PacketHandler;
  /** The beginning of a packet whose rest has not come. */
  #carry = new Uint8Array(256);
  #carried = 0;
  #isStopped = false;
  // Of the packet that was measured last.
  #dataLength = 0;
  #authStart = 0;

  constructor(limits: StreamLimits, handler: PacketHandler) {
    this.limits = limits;
    this.#handler = handler;
  }

  /**
   * Hands out the packets in `bytes[start, end)` and gives the index of the first byte that was not taken: `end`, unless
   * {@link stop} was called. Throws PacketError at the first packet that may not be; the stream is of no use then.
   */
  read(bytes: Uint8Array, start: number, end: number): number {
    this.#isStopped = false;
    try {
      return this.#readPackets(bytes, start, end);
    } finally {
      // In front of an error, too: what is handed over does not depend on how the stream was cut.
      this.#handler.endOfChunk();
    }
  }

  /** Called from within a packet's handling: {@link read} returns behind this packet. */
  stop(): void {
    this.#isStopped = true;
  }

  #readPackets(bytes: Uint8Array, start: number, end: number): number {
    let at = this.#carried > 0 ? this.#finishCarried(bytes, start, end) : start;
    while (at < end && !this.#isStopped) {
      const length = this.#measure(bytes, at, end);
      if (length < 0) {
        this.#carryOver(bytes, at, end);
        return end;
      }
      this.#deliver(bytes, at, length);
      at += length;
    }
    return at;
  }

  /** Takes as much as the cut packet lacks, never more. */
  #finishCarried(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    for (;;) {
      const length = this.#measure(this.#carry, 0, this.#carried);
      if (length >= 0) {
        this.#carried = 0;
        this.#deliver(this.#carry, 0, length);
        if (this.#carry.length > KEPT_BYTES_MAX) this.#carry = new Uint8Array(256);
        return at;
      }
      const taken = Math.min(-length - this.#carried, end - at);
      if (taken === 0) return at;
      this.#carryOver(bytes, at, at + taken);
      at += taken;
    }
  }

  #carryOver(bytes: Uint8Array, start: number, end: number): void {
    const needed = this.#carried + end - start;
    if (needed > this.#carry.length) {
      const grown = new Uint8Array(Math.max(needed, 2 * this.#carry.length));
      grown.set(this.#carry.subarray(0, this.#carried));
      this.#carry = grown;
    }
    this.#carry.set(bytes.subarray(start, end), this.#carried);
    this.#carried = needed;
  }

  /** The length of the packet at `at`; or, negative, the length that is needed at least to know it. */
  #measure(bytes: Uint8Array, at: number, end: number): number {
    const available = end - at;
    if (available < 4) return -4;
    const type = intAt(bytes, at);
    const dataMax = type > 0 && type < PACKET_TYPES ? this.limits.dataBytesMax[type] : -1;
    if (dataMax < 0) throw new PacketError(`${packetTypeName(type)} is no packet that may come here`);
    if (available < HEAD_BYTES) return -HEAD_BYTES;
    const dataLength = intAt(bytes, at + 12);
    if (dataLength < -1 || dataLength > dataMax) {
      throw new PacketError(
        `${packetTypeName(type)} with ${dataLength} bytes of data; at most ${dataMax} may be`,
      );
    }
    const authStart = HEAD_BYTES + Math.max(0, dataLength);
    if (available < authStart + 4) return -(authStart + 4);
    this.#dataLength = dataLength;
    this.#authStart = authStart;
    const identities = intAt(bytes, at + authStart);
    return identities <= 0 && identities >= -1
      ? authStart + 4
      : this.#measureIdentities(type, identities, bytes, at, available);
  }

  #measureIdentities(type: number, count: number, bytes: Uint8Array, at: number, available: number): number {
    const { identitiesMax, identitiesBytesMax } = this.limits;
    if (count < 0 || count > identitiesMax) {
      throw new PacketError(
        `${packetTypeName(type)} with ${count} identities; at most ${identitiesMax} may be`,
      );
    }
    let length = this.#authStart + 4;
    // Two strings each; the least that is still missing is four bytes for each of them.
    for (let strings = 2 * count; strings > 0; strings--) {
      if (available < length + 4) return -(length + 4 * strings);
      const stringLength = intAt(bytes, at + length);
      length += 4 + Math.max(0, stringLength);
      if (stringLength < -1 || length - this.#authStart > identitiesBytesMax) {
        throw new PacketError(
          `${packetTypeName(type)} with an identity of ${stringLength} bytes; ${identitiesBytesMax} may be in all`,
        );
      }
    }
    return available < length ? -length : length;
  }

  #deliver(bytes: Uint8Array, at: number, length: number): void {
    const authStart = this.#authStart;
    this.#handler.packet(
      intAt(bytes, at),
      intAt(bytes, at + 4),
      intAt(bytes, at + 8),
      bytes,
      at + HEAD_BYTES,
      this.#dataLength,
      at + authStart,
      length - authStart,
    );
  }
}

/** An int at an index, which must be within the bytes. */
export function intAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
}
