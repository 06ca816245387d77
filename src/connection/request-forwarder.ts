// Hot path: a request is copied once, from the socket's buffer into the ring.

import { ByteBuffer } from 'flatbuffers';
import { copyBytes } from '../jute/writer.ts';
import { Doorbell, type DoorbellMemory } from '../ring/doorbell.ts';
import { RequestHead } from '../ring/generated/records.ts';
import { REQUEST_HEAD_BYTES, type RequestKind } from '../ring/record-kind.ts';
import { type RingMemory, RingProducer } from '../ring/ring.ts';
import type { ClientConnection } from './client-connection.ts';

/** The worker's end of its `requests` ring. */
export class RequestForwarder {
  readonly #ring: RingProducer;
  readonly #doorbell: Doorbell;
  readonly #buffer: ByteBuffer;
  readonly #head = new RequestHead();
  #hasUnpublished = false;

  constructor(ring: RingMemory, mainDoorbell: DoorbellMemory) {
    this.#ring = new RingProducer(ring);
    this.#doorbell = new Doorbell(mainDoorbell);
    this.#buffer = new ByteBuffer(this.#ring.bytes);
  }

  /**
   * Puts a record for main into the ring, with `bytes[start, start + length)` behind it; false when the ring is full:
   * try again when main has made progress. Not seen by main before {@link publish}.
   */
  forward(
    kind: RequestKind,
    connection: ClientConnection,
    xid: number,
    opcode: number,
    timeoutMs: number,
    bytes: Uint8Array,
    start: number,
    length: number,
  ): boolean {
    const ring = this.#ring;
    const at = ring.reserve(REQUEST_HEAD_BYTES + length);
    if (at < 0) return false;
    const head = this.#head.__init(at, this.#buffer);
    head.mutate_kind(kind);
    head.mutate_connection(connection.id);
    head.mutate_xid(xid);
    head.mutate_opcode(opcode);
    head.mutate_session_high(connection.sessionHigh);
    head.mutate_session_low(connection.sessionLow);
    head.mutate_timeout_ms(timeoutMs);
    head.mutate_payload_length(length);
    copyBytes(bytes, start, ring.bytes, at + REQUEST_HEAD_BYTES, length);
    ring.commit(REQUEST_HEAD_BYTES + length);
    this.#hasUnpublished = true;
    return true;
  }

  get hasUnpublished(): boolean {
    return this.#hasUnpublished;
  }

  /** Shows main what was forwarded, and wakes it: once a batch. */
  publish(): void {
    if (!this.#hasUnpublished) return;
    this.#hasUnpublished = false;
    this.#ring.publish();
    this.#doorbell.ring();
  }
}
