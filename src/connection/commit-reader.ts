// Hot path: a record is read in place; a reply is copied once, from the ring into the connection's reply buffer.

import { longToBigInt } from '../protocol/long.ts';
import { AlignedBuffer } from '../ring/aligned-buffer.ts';
import { CommitHead } from '../ring/generated/records.ts';
import { COMMIT_HEAD_BYTES, CommitKind } from '../ring/record-kind.ts';
import { RingConsumer, type RingMemory } from '../ring/ring.ts';
import { sessionPassword } from '../session/password.ts';
import type { ClientConnection } from './client-connection.ts';
import { CONNECT_RESPONSE_BYTES } from './connect-request.ts';
import type { ReplyWriter } from './reply-writer.ts';
import type { CommittedChange, WatchEvents } from './watch-events.ts';

/** What a worker does about the records that concern its connections. */
export interface CommitHandlers {
  /** The connection with this number, if it is still there. */
  find(connection: number): ClientConnection | undefined;
  /** A request of the connection was answered. */
  answered(connection: ClientConnection): void;
  /** The session is settled, and its ConnectResponse written: the client's further packets may be processed. */
  settled(connection: ClientConnection): void;
}

/**
 * Follows the `commits` ring: every worker sees every committed txn once, in order, and takes from it what concerns its
 * own connections. Needs no lock, so that a worker can go on following while it waits for the replica.
 */
export class CommitReader {
  readonly #ring: RingConsumer;
  readonly #worker: number;
  readonly #replies: ReplyWriter;
  readonly #events: WatchEvents;
  readonly #handlers: CommitHandlers;
  readonly #buffer: AlignedBuffer;
  readonly #head = new CommitHead();
  readonly #change: CommittedChange;

  constructor(
    ring: RingMemory,
    worker: number,
    replies: ReplyWriter,
    events: WatchEvents,
    handlers: CommitHandlers,
  ) {
    this.#ring = new RingConsumer(ring, worker);
    this.#worker = worker;
    this.#replies = replies;
    this.#events = events;
    this.#handlers = handlers;
    this.#buffer = new AlignedBuffer(this.#ring.bytes);
    this.#change = {
      change: 1,
      zxidHigh: 0,
      zxidLow: 0,
      bytes: this.#ring.bytes,
      pathStart: 0,
      pathLength: 0,
      aclStart: 0,
      aclLength: 0,
      parentAclStart: 0,
      parentAclLength: 0,
    };
  }

  /** Whether records wait. Under the reader lock, false means: everything that the replica shows was announced. */
  hasMore(): boolean {
    return this.#ring.hasMore();
  }

  /** Handles all records that wait. Replies and events are put together, not yet flushed. */
  drain(): void {
    const ring = this.#ring;
    if (!ring.hasMore()) return;
    while (ring.next()) this.#handle(this.#head.__init(ring.start, this.#buffer));
    ring.release();
  }

  #handle(head: CommitHead): void {
    const kind = head.kind();
    if (kind === CommitKind.event) {
      this.#fire(head);
      return;
    }
    if (head.worker() !== this.#worker) return;
    const connection = this.#handlers.find(head.connection());
    if (connection === undefined) return;
    switch (kind) {
      case CommitKind.reply:
        this.#reply(head, connection);
        break;
      case CommitKind.sessionSettled:
        this.#settle(head, connection);
        break;
      case CommitKind.closeConnection:
        connection.closesAfterFlush = true;
        this.#replies.room(connection, 0);
        break;
      default:
        throw new Error(`unknown kind ${kind} in the commits ring`);
    }
  }

  #fire(head: CommitHead): void {
    const change = this.#change;
    const event = head.event();
    if (event !== 1 && event !== 2 && event !== 3)
      throw new Error(`unknown change ${event} in the commits ring`);
    change.change = event;
    change.zxidHigh = head.zxidHigh();
    change.zxidLow = head.zxidLow();
    change.pathStart = this.#ring.start + COMMIT_HEAD_BYTES;
    change.pathLength = head.pathLength();
    change.aclStart = change.pathStart + change.pathLength;
    change.aclLength = head.aclLength();
    change.parentAclStart = change.aclStart + change.aclLength;
    change.parentAclLength = head.parentAclLength();
    this.#events.fire(change);
  }

  #reply(head: CommitHead, connection: ClientConnection): void {
    const bodyLength = head.bodyLength();
    const reply = this.#replies.head(
      connection,
      head.xid(),
      head.zxidHigh(),
      head.zxidLow(),
      head.error(),
      bodyLength,
    );
    if (bodyLength > 0) {
      const start = this.#ring.start + COMMIT_HEAD_BYTES;
      reply.bytes.set(this.#ring.bytes.subarray(start, start + bodyLength), reply.position);
      reply.position += bodyLength;
    }
    connection.lastZxidHigh = head.zxidHigh();
    connection.lastZxidLow = head.zxidLow();
    this.#handlers.answered(connection);
  }

  /** Timeout 0 refuses: the client reads it as "session expired", and the connection is closed. */
  #settle(head: CommitHead, connection: ClientConnection): void {
    const timeoutMs = head.timeoutMs();
    const isRefused = timeoutMs === 0;
    connection.sessionHigh = isRefused ? 0 : head.sessionHigh();
    connection.sessionLow = isRefused ? 0 : head.sessionLow();
    connection.timeoutMs = timeoutMs;
    connection.slot = isRefused ? -1 : head.slot();
    writeConnectResponse(this.#replies, connection);
    if (isRefused) connection.closesAfterFlush = true;
    else this.#handlers.settled(connection);
  }
}

/** ConnectResponse (protocol/client.md §2) for what the connection's fields say; session 0 has a password of zeros. */
function writeConnectResponse(replies: ReplyWriter, connection: ClientConnection): void {
  const length = CONNECT_RESPONSE_BYTES + (connection.hasReadOnlyByte ? 1 : 0);
  const reply = replies.room(connection, length);
  const { view } = reply;
  const at = reply.position;
  view.setInt32(at, length - 4);
  view.setInt32(at + 4, 0);
  view.setInt32(at + 8, connection.timeoutMs);
  view.setInt32(at + 12, connection.sessionHigh);
  view.setInt32(at + 16, connection.sessionLow);
  const id = longToBigInt(connection.sessionHigh, connection.sessionLow);
  const password = id === 0n ? new Uint8Array(16) : sessionPassword(id);
  view.setInt32(at + 20, password.length);
  reply.bytes.set(password, at + 24);
  if (connection.hasReadOnlyByte) {
    reply.bytes[at + CONNECT_RESPONSE_BYTES] = connection.isReadOnly ? 1 : 0;
  }
  reply.position = at + length;
  connection.packetsSent++;
}
