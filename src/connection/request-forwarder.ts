// Hot path: a request is copied once, from the socket's buffer into the ring.

import { copyToShared } from '../jute/shared-copy.ts';
import { AlignedBuffer } from '../ring/aligned-buffer.ts';
import { PADDING_MAX, paddingBefore } from '../ring/data-alignment.ts';
import { Doorbell, type DoorbellMemory } from '../ring/doorbell.ts';
import { RequestHead } from '../ring/generated/records.ts';
import { REQUEST_HEAD_BYTES, type RequestKind } from '../ring/record-kind.ts';
import { type RingMemory, RingProducer } from '../ring/ring.ts';
import type { ClientConnection } from './client-connection.ts';

/**
 * So many requests are shown to main without waiting for the end of the worker's turn. Otherwise all clients would move in
 * step: their requests would reach main together, their replies leave together, and each thread would idle while another
 * works (measured with 64 clients: one batch of 53 going round in 2 ms, of which the disk took 0.4).
 */
const PUBLISH_AT_REQUESTS = 16;

/** The worker's end of its `requests` ring. */
export class RequestForwarder {
  readonly #ring: RingProducer;
  readonly #doorbell: Doorbell;
  readonly #buffer: AlignedBuffer;
  readonly #head = new RequestHead();
  #unpublished = 0;

  constructor(ring: RingMemory, mainDoorbell: DoorbellMemory) {
    this.#ring = new RingProducer(ring);
    this.#doorbell = new Doorbell(mainDoorbell);
    this.#buffer = new AlignedBuffer(this.#ring.bytes);
  }

  /**
   * Puts a record for main into the ring, with `bytes[start, start + length)` behind it; false when the ring is full:
   * try again when main has made progress. Not seen by main before {@link publish}, which comes by
   * itself after some.
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
    const at = ring.reserve(REQUEST_HEAD_BYTES + PADDING_MAX + length);
    if (at < 0) return false;
    const offset = REQUEST_HEAD_BYTES + paddingBefore(at + REQUEST_HEAD_BYTES, opcode, bytes, start, length);
    const head = this.#head.__init(at, this.#buffer);
    head.mutate_kind(kind);
    head.mutate_connection(connection.id);
    head.mutate_xid(xid);
    head.mutate_opcode(opcode);
    head.mutate_session_high(connection.sessionHigh);
    head.mutate_session_low(connection.sessionLow);
    head.mutate_timeout_ms(timeoutMs);
    head.mutate_payload_offset(offset);
    head.mutate_payload_length(length);
    copyToShared(bytes, start, ring.bytes, at + offset, length);
    ring.commit(offset + length);
    if (++this.#unpublished === PUBLISH_AT_REQUESTS) this.publish();
    return true;
  }

  get hasUnpublished(): boolean {
    return this.#unpublished > 0;
  }

  /** Shows main what was forwarded, and wakes it unless it is busy with an earlier batch. */
  publish(): void {
    if (this.#unpublished === 0) return;
    this.#unpublished = 0;
    this.#ring.publish();
    this.#doorbell.ring();
  }
}
