// Hot path: a frame is looked at in place, in the buffer that the socket was read into.

import { JuteError, JuteReader } from '../jute/reader.ts';
import { GrowingJuteWriter } from '../jute/writer.ts';
import { type Identity, writeIdentities } from '../protocol/acl.ts';
import { ErrorCode } from '../protocol/error-code.ts';
import { compareLongs, longToBigInt } from '../protocol/long.ts';
import { OpCode, opName, Xid } from '../protocol/opcode.ts';
import type { DataTreeReader } from '../replica/data-tree-reader.ts';
import { RequestKind } from '../ring/record-kind.ts';
import { authenticate, withIdentities } from '../session/authentication.ts';
import { monotonicMs } from '../session/monotonic-clock.ts';
import { isSessionPassword } from '../session/password.ts';
import type { ClientConnection } from './client-connection.ts';
import { clientInfos } from './client-infos.ts';
import type { Complain } from './complaint.ts';
import { readConnectRequest } from './connect-request.ts';
import type { MultiRead } from './multi-read.ts';
import type { ReadOperations } from './read-operations.ts';
import type { ReplyWriter } from './reply-writer.ts';
import type { RequestForwarder } from './request-forwarder.ts';
import type { RequestLimits } from './request-limits.ts';
import type { SetWatches } from './set-watches.ts';
import type { WatchRequests } from './watch-requests.ts';
import type { CounterValues } from './worker-counters.ts';
import type { ConnectionWorkerOptions } from './worker-data.ts';

/** What became of a frame. */
export const Outcome = {
  /** It was dealt with. */
  done: 0,
  /** It must stay and be tried again when the connection has been answered, or main has made progress. */
  wait: 1,
  /** The connection is to be closed at once. */
  close: 2,
} as const;
export type Outcome = (typeof Outcome)[keyof typeof Outcome];

/** Gets the replica for reading, level with everything announced; see connection-worker.ts. */
export interface ReplicaEntrance {
  enter(): void;
}

export interface RouterParts {
  readonly tree: DataTreeReader;
  readonly replica: ReplicaEntrance;
  readonly replies: ReplyWriter;
  readonly forwarder: RequestForwarder;
  readonly reads: ReadOperations;
  readonly multiRead: MultiRead;
  readonly setWatches: SetWatches;
  readonly watchRequests: WatchRequests;
  readonly options: ConnectionWorkerOptions;
  readonly counters: CounterValues;
  readonly limits: RequestLimits;
  readonly complain: Complain;
}

/** Deals with one frame of a connection. */
export class RequestRouter {
  /** When the bytes being processed were received. */
  receivedAtMs = 0;
  /** Requests answered without main since the caller set this to 0. */
  answeredNow = 0;
  /** The server has no quorum: it serves clients that are content to read. */
  isReadOnly = false;
  readonly #parts: RouterParts;
  readonly #reader = new JuteReader();

  constructor(parts: RouterParts) {
    this.#parts = parts;
  }

  /** The first frame of a connection: a ConnectRequest. */
  connect(connection: ClientConnection, bytes: Uint8Array, start: number, end: number): Outcome {
    const { tree, forwarder, options, complain } = this.#parts;
    this.#reader.reset(bytes, start, end);
    const request = readConnectRequest(this.#reader);
    if (this.isReadOnly && !request.readOnly) {
      const problem = 'refused: without a quorum this server is read-only, and the client wants to write';
      complain(connection, 'refused connection', problem);
      return Outcome.close;
    }
    const seenHigh = request.lastZxidSeenHigh;
    const seenLow = request.lastZxidSeenLow;
    // The replica's zxid may move while it is read: high and low words agree only under the lock.
    this.#parts.replica.enter();
    if (compareLongs(seenHigh, seenLow, tree.lastZxidHigh, tree.lastZxidLow) > 0) {
      complain(
        connection,
        'refused connection',
        'refused: the client has seen a later zxid than this server; it should try another',
      );
      return Outcome.close;
    }
    const timeoutMs = Math.min(
      Math.max(request.timeoutMs, options.minSessionTimeoutMs),
      options.maxSessionTimeoutMs,
    );
    connection.isReadOnly = this.isReadOnly;
    connection.hasReadOnlyByte = request.hasReadOnlyByte;
    connection.sessionHigh = request.sessionHigh;
    connection.sessionLow = request.sessionLow;
    const kind = connectKind(request.sessionHigh, request.sessionLow, request.password);
    const identities = serialiseIdentities(connection.identities);
    if (!forwarder.forward(kind, connection, 0, 0, timeoutMs, identities, 0, identities.length)) {
      return Outcome.wait;
    }
    connection.state = 'settling';
    connection.packetsReceived++;
    return Outcome.done;
  }

  /** Any later frame: RequestHeader and body in `bytes[start, end)`. */
  request(connection: ClientConnection, bytes: Uint8Array, start: number, end: number): Outcome {
    const reader = this.#reader;
    reader.reset(bytes, start, end);
    if (end - start < 8) {
      this.#parts.complain(
        connection,
        'bad frame',
        `closed: a frame of ${end - start} bytes has no request header`,
      );
      return Outcome.close;
    }
    const xid = reader.readInt();
    const opcode = reader.readInt();
    const outcome = this.#route(connection, xid, opcode, bytes, end);
    if (outcome === Outcome.done) {
      connection.packetsReceived++;
      connection.lastOpcode = opcode;
      if (xid > 0) connection.lastCxid = xid;
    }
    return outcome;
  }

  #route(connection: ClientConnection, xid: number, opcode: number, bytes: Uint8Array, end: number): Outcome {
    switch (opcode) {
      case OpCode.getData:
      case OpCode.exists:
      case OpCode.getChildren:
      case OpCode.getChildren2:
      case OpCode.getACL:
      case OpCode.getAllChildrenNumber:
        return this.#read(connection, xid, opcode);
      case OpCode.ping:
        return this.#ping(connection);
      case OpCode.setData:
      case OpCode.create:
      case OpCode.create2:
      case OpCode.delete:
      case OpCode.setACL:
      case OpCode.multi:
      case OpCode.createContainer:
      case OpCode.createTTL:
      case OpCode.deleteContainer:
      case OpCode.reconfig:
      case OpCode.closeSession:
        return this.#forward(connection, xid, opcode, bytes, end);
      case OpCode.sync:
      case OpCode.getEphemerals:
        return this.#forwardPath(connection, xid, opcode, bytes, end);
      case OpCode.multiRead:
        return this.#multiRead(connection, xid);
      case OpCode.whoAmI:
        return this.#whoAmI(connection, xid);
      case OpCode.setWatches:
        return this.#setWatches(connection, xid, 3);
      case OpCode.setWatches2:
        return this.#setWatches(connection, xid, 5);
      case OpCode.addWatch:
      case OpCode.checkWatches:
      case OpCode.removeWatches:
        return this.#watchRequest(connection, xid, opcode);
      case OpCode.auth:
        return this.#auth(connection, xid);
      case OpCode.sasl:
        return this.#sasl(connection, xid);
      default:
        return this.#unknown(connection, xid, opcode);
    }
  }

  /** A session's requests take effect in the order in which they were sent: a read waits for the earlier writes. */
  #mustWait(connection: ClientConnection): boolean {
    return connection.outstanding > 0;
  }

  #read(connection: ClientConnection, xid: number, opcode: number): Outcome {
    if (this.#mustWait(connection)) return Outcome.wait;
    const { tree, replica, replies, reads } = this.#parts;
    replica.enter();
    try {
      reads.answer(connection, xid, opcode, this.#reader);
    } catch (error) {
      if (!(error instanceof JuteError)) throw error;
      replies.head(connection, xid, tree.lastZxidHigh, tree.lastZxidLow, ErrorCode.MARSHALLINGERROR, 0);
    }
    connection.lastZxidHigh = tree.lastZxidHigh;
    connection.lastZxidLow = tree.lastZxidLow;
    this.answeredNow++;
    return Outcome.done;
  }

  #ping(connection: ClientConnection): Outcome {
    if (this.#mustWait(connection)) return Outcome.wait;
    this.#replyNow(connection, Xid.ping, ErrorCode.OK);
    return Outcome.done;
  }

  /** A reply without a body, at the zxid that the replica has reached. */
  #replyNow(connection: ClientConnection, xid: number, error: number): void {
    const { tree, replica, replies } = this.#parts;
    replica.enter();
    replies.head(connection, xid, tree.lastZxidHigh, tree.lastZxidLow, error, 0);
    this.answeredNow++;
  }

  /**
   * To main. No read of this session waits before it (the connection stops at the first one that must), so a write can
   * follow other writes without waiting for them, and still no read can see a write that was sent after it.
   */
  #forward(
    connection: ClientConnection,
    xid: number,
    opcode: number,
    bytes: Uint8Array,
    end: number,
  ): Outcome {
    if (connection.isReadOnly && opcode !== OpCode.closeSession && opcode !== OpCode.getEphemerals) {
      return this.#refuseWrite(connection, xid);
    }
    const { limits } = this.#parts;
    const admission = this.#admit(connection, xid, opcode);
    if (admission !== null) return admission;
    const { position } = this.#reader;
    const isForwarded = this.#parts.forwarder.forward(
      RequestKind.clientRequest,
      connection,
      xid,
      opcode,
      0,
      bytes,
      position,
      end - position,
    );
    if (!isForwarded) return Outcome.wait;
    limits.forwarded(connection);
    connection.requestForwarded(this.receivedAtMs);
    return Outcome.done;
  }

  /** Nothing can be written without a quorum. */
  #refuseWrite(connection: ClientConnection, xid: number): Outcome {
    if (this.#mustWait(connection)) return Outcome.wait;
    this.#replyNow(connection, xid, ErrorCode.NOTREADONLY);
    return Outcome.done;
  }

  /**
   * Whether main may have one more request (null), or what else becomes of it: it waits, or has waited so long for
   * request_throttle_max_requests that it is answered with THROTTLEDOP.
   */
  #admit(connection: ClientConnection, xid: number, opcode: number): Outcome | null {
    const { limits, counters, options } = this.#parts;
    const isFull = limits.isFull;
    connection.isThrottled = isFull || !limits.admits(connection);
    if (isFull && connection.throttledSinceMs === 0) {
      connection.throttledSinceMs = monotonicMs();
      counters.throttleWaits++;
    }
    if (connection.isThrottled) {
      connection.rejoinsAt = connection.outstanding >> 1;
      return Outcome.wait;
    }
    if (connection.throttledSinceMs === 0) return null;
    const { throttledOpWaitMs } = options;
    const waitedMs = monotonicMs() - connection.throttledSinceMs;
    const isLate = throttledOpWaitMs > 0 && waitedMs > throttledOpWaitMs && opcode !== OpCode.closeSession;
    if (isLate && this.#mustWait(connection)) return Outcome.wait;
    connection.throttledSinceMs = 0;
    if (!isLate) return null;
    counters.throttledOps++;
    this.#replyNow(connection, xid, ErrorCode.THROTTLEDOP);
    return Outcome.done;
  }

  /**
   * To main, which answers in order (sync, getEphemerals). It makes no txn that could carry an error, so a body that is cut
   * short gets its answer here, in its turn.
   */
  #forwardPath(
    connection: ClientConnection,
    xid: number,
    opcode: number,
    bytes: Uint8Array,
    end: number,
  ): Outcome {
    const reader = this.#reader;
    const { position } = reader;
    try {
      reader.readSpan();
    } catch (error) {
      if (!(error instanceof JuteError)) throw error;
      if (this.#mustWait(connection)) return Outcome.wait;
      this.#replyNow(connection, xid, ErrorCode.MARSHALLINGERROR);
      return Outcome.done;
    }
    reader.position = position;
    return this.#forward(connection, xid, opcode, bytes, end);
  }

  #multiRead(connection: ClientConnection, xid: number): Outcome {
    if (this.#mustWait(connection)) return Outcome.wait;
    this.#parts.replica.enter();
    let results: Uint8Array;
    try {
      results = this.#parts.multiRead.answer(connection, this.#reader);
    } catch (error) {
      if (!(error instanceof JuteError)) throw error;
      this.#parts.complain(connection, 'bad request', `answered with MARSHALLINGERROR: ${error.message}`);
      this.#replyNow(connection, xid, ErrorCode.MARSHALLINGERROR);
      return Outcome.done;
    }
    this.#replyWith(connection, xid, results);
    return Outcome.done;
  }

  #whoAmI(connection: ClientConnection, xid: number): Outcome {
    if (this.#mustWait(connection)) return Outcome.wait;
    this.#parts.replica.enter();
    this.#replyWith(connection, xid, clientInfos(connection.identities));
    return Outcome.done;
  }

  /** A reply with a body, at the zxid that the replica has reached; the replica is entered. */
  #replyWith(connection: ClientConnection, xid: number, body: Uint8Array): void {
    const { tree, replies } = this.#parts;
    const { lastZxidHigh, lastZxidLow } = tree;
    const reply = replies.head(connection, xid, lastZxidHigh, lastZxidLow, ErrorCode.OK, body.length);
    reply.bytes.set(body, reply.position);
    reply.position += body.length;
    this.answeredNow++;
  }

  #setWatches(connection: ClientConnection, xid: number, lists: 3 | 5): Outcome {
    if (this.#mustWait(connection)) return Outcome.wait;
    this.#parts.replica.enter();
    let error: number = ErrorCode.OK;
    try {
      this.#parts.setWatches.carryOut(connection, this.#reader, lists);
    } catch (thrown) {
      if (!(thrown instanceof JuteError)) throw thrown;
      error = ErrorCode.MARSHALLINGERROR;
    }
    this.#replyNow(connection, xid, error);
    return Outcome.done;
  }

  #watchRequest(connection: ClientConnection, xid: number, opcode: number): Outcome {
    if (this.#mustWait(connection)) return Outcome.wait;
    const { tree, replica, replies, watchRequests } = this.#parts;
    replica.enter();
    let error: number = ErrorCode.MARSHALLINGERROR;
    try {
      error = watchRequests.carryOut(connection, opcode, this.#reader);
    } catch (thrown) {
      if (!(thrown instanceof JuteError)) throw thrown;
    }
    // addWatch alone is answered with a body, an ErrorResponse that says 0.
    const bodyBytes = opcode === OpCode.addWatch && error === ErrorCode.OK ? 4 : 0;
    const reply = replies.head(connection, xid, tree.lastZxidHigh, tree.lastZxidLow, error, bodyBytes);
    if (bodyBytes > 0) reply.view.setInt32(reply.position, ErrorCode.OK);
    reply.position += bodyBytes;
    this.answeredNow++;
    return Outcome.done;
  }

  /** The reply's zxid is 0; a failure closes the connection behind it (protocol/client.md §9.1). */
  #auth(connection: ClientConnection, xid: number): Outcome {
    const { replies, forwarder, options, complain } = this.#parts;
    const reader = this.#reader;
    reader.skip(4);
    const scheme = reader.readString() ?? '';
    const auth = reader.readBuffer() ?? new Uint8Array(0);
    const proven = authenticate(scheme, auth, connection.address, options.authentication);
    if (proven === null) {
      this.#parts.counters.authFailed++;
      complain(
        connection,
        'failed authentication',
        `closed: authentication under scheme ${JSON.stringify(scheme.slice(0, 32))} failed`,
      );
      replies.head(connection, xid, 0, 0, ErrorCode.AUTHFAILED, 0);
      connection.closesAfterFlush = true;
      return Outcome.done;
    }
    const identities = withIdentities(connection.identities, proven);
    const record = serialiseIdentities(identities);
    if (!forwarder.forward(RequestKind.identities, connection, 0, 0, 0, record, 0, record.length)) {
      return Outcome.wait;
    }
    connection.identities = identities;
    replies.head(connection, xid, 0, 0, ErrorCode.OK, 0);
    return Outcome.done;
  }

  /** SASL is not configured: a null token tells the client to go on without (protocol/client.md §9.5). */
  #sasl(connection: ClientConnection, xid: number): Outcome {
    if (this.#mustWait(connection)) return Outcome.wait;
    const reply = this.#parts.replies.head(connection, xid, 0, 0, ErrorCode.OK, 4);
    reply.view.setInt32(reply.position, -1);
    reply.position += 4;
    return Outcome.done;
  }

  #unknown(connection: ClientConnection, xid: number, opcode: number): Outcome {
    if (connection.isReadOnly && opcode === OpCode.check) return this.#refuseWrite(connection, xid);
    if (this.#mustWait(connection)) return Outcome.wait;
    this.#parts.complain(connection, 'unknown operation', `closed: ${opName(opcode)} is no request`);
    this.#parts.replies.head(connection, xid, -1, -1, ErrorCode.UNIMPLEMENTED, 0);
    connection.closesAfterFlush = true;
    return Outcome.done;
  }
}

function serialiseIdentities(identities: readonly Identity[]): Uint8Array {
  const writer = new GrowingJuteWriter();
  writeIdentities(writer, identities);
  return writer.written();
}

function connectKind(sessionHigh: number, sessionLow: number, password: Uint8Array): RequestKind {
  if (sessionHigh === 0 && sessionLow === 0) return RequestKind.openSession;
  return isSessionPassword(longToBigInt(sessionHigh, sessionLow), password)
    ? RequestKind.attachSession
    : RequestKind.refuseAttach;
}
