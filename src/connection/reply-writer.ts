// Hot path: one buffer and one `write` per connection and batch.

import type { ClientConnection } from './client-connection.ts';
import { type ReplyBuffer, ReplyBufferPool } from './reply-buffer.ts';

/** Bytes of the length and ReplyHeader that begin every reply. */
export const REPLY_HEAD_BYTES = 20;

/** Puts replies together and writes them to the sockets. */
export class ReplyWriter {
  bytesWritten = 0;
  /** Memory that replies hold until the next {@link flush}. */
  waitingBytes = 0;
  readonly #outputBytesMax: number;
  readonly #pool = new ReplyBufferPool();
  readonly #dirty: ClientConnection[] = [];
  readonly #onOverflow: (connection: ClientConnection) => void;
  readonly #onFlushedToClose: (connection: ClientConnection) => void;

  /** `onOverflow`: the client does not read its replies, and more than `outputBytesMax` bytes wait for it. */
  constructor(
    outputBytesMax: number,
    onOverflow: (connection: ClientConnection) => void,
    onFlushedToClose: (connection: ClientConnection) => void,
  ) {
    this.#outputBytesMax = outputBytesMax;
    this.#onOverflow = onOverflow;
    this.#onFlushedToClose = onFlushedToClose;
  }

  /** The connection's buffer with room for `bytes` at its position. */
  room(connection: ClientConnection, bytes: number): ReplyBuffer {
    let reply = connection.reply;
    if (reply !== null && reply.bytes.length - reply.position < bytes) {
      this.#write(connection, reply);
      reply = null;
    }
    if (reply === null) {
      reply = this.#pool.take(bytes);
      connection.reply = reply;
      this.waitingBytes += reply.bytes.length;
    }
    if (!connection.isDirty) {
      connection.isDirty = true;
      this.#dirty.push(connection);
    }
    return reply;
  }

  /**
   * Writes length and ReplyHeader of a reply whose body takes `bodyBytes`, and gives the buffer with the position at
   * the body; the caller writes the body and moves the position.
   */
  head(
    connection: ClientConnection,
    xid: number,
    zxidHigh: number,
    zxidLow: number,
    error: number,
    bodyBytes: number,
  ): ReplyBuffer {
    const reply = this.room(connection, REPLY_HEAD_BYTES + bodyBytes);
    const { view } = reply;
    const at = reply.position;
    view.setInt32(at, REPLY_HEAD_BYTES - 4 + bodyBytes);
    view.setInt32(at + 4, xid);
    view.setInt32(at + 8, zxidHigh);
    view.setInt32(at + 12, zxidLow);
    view.setInt32(at + 16, error);
    reply.position = at + REPLY_HEAD_BYTES;
    connection.packetsSent++;
    return reply;
  }

  /** Sends everything that was put together since the last time. */
  flush(): void {
    const dirty = this.#dirty;
    for (let i = 0; i < dirty.length; i++) {
      const connection = dirty[i];
      connection.isDirty = false;
      const { reply } = connection;
      connection.reply = null;
      if (connection.state === 'closed') {
        if (reply !== null) this.#pool.give(reply);
        continue;
      }
      if (reply !== null) this.#write(connection, reply);
      if (connection.closesAfterFlush) this.#onFlushedToClose(connection);
    }
    // Not `length = 0`, which gives the memory back.
    while (dirty.length > 0) dirty.pop();
    this.waitingBytes = 0;
  }

  #write(connection: ClientConnection, reply: ReplyBuffer): void {
    const length = reply.position;
    this.bytesWritten += length;
    const isTaken = length === 0 || connection.output.write(connection, reply.bytes.subarray(0, length));
    if (isTaken) {
      this.#pool.give(reply);
      return;
    }
    this.#pool.forget(reply);
    if (connection.unsentBytes > this.#outputBytesMax) this.#onOverflow(connection);
  }
}
