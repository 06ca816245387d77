import { PacketError } from './packet-error.ts';

/** As Apache's QuorumCnxManager: the longest message (protocol/quorum.md §2.2). */
const ELECTION_FRAME_BYTES_MAX = 524_288;

/** The first half of the magic number that begins a QuorumAuthPacket (protocol/quorum.md §9). */
const QUORUM_SASL_HEAD = 0x5f243501;

/** Finds the messages in the byte stream of an election connection: int length, payload. */
export class ElectionFrames {
  readonly #onFrame: (frame: Buffer) => void;
  readonly #head = Buffer.alloc(4);
  #headBytes = 0;
  #body: Buffer | null = null;
  #bodyBytes = 0;

  /** `onFrame` gets each payload; it may keep it. */
  constructor(onFrame: (frame: Buffer) => void) {
    this.#onFrame = onFrame;
  }

  /** Throws PacketError at a length that may not be. */
  read(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#body === null) {
        const taken = chunk.copy(this.#head, this.#headBytes, at, at + 4 - this.#headBytes);
        at += taken;
        this.#headBytes += taken;
        if (this.#headBytes === 4) this.#begin(this.#head.readInt32BE(0));
      } else {
        const taken = chunk.copy(this.#body, this.#bodyBytes, at);
        at += taken;
        this.#bodyBytes += taken;
      }
      if (this.#body !== null && this.#bodyBytes === this.#body.length) this.#end(this.#body);
    }
  }

  #begin(length: number): void {
    if (length === QUORUM_SASL_HEAD) {
      throw new PacketError('the start of quorum SASL authentication, which is not built yet');
    }
    if (length < 1 || length > ELECTION_FRAME_BYTES_MAX) {
      throw new PacketError(`a message of ${length} bytes, 1 to ${ELECTION_FRAME_BYTES_MAX} may be`);
    }
    this.#body = Buffer.alloc(length);
    this.#bodyBytes = 0;
  }

  #end(body: Buffer): void {
    this.#body = null;
    this.#headBytes = 0;
    this.#onFrame(body);
  }
}
