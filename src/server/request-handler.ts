import type { Identity } from '../protocol/acl.ts';
import type { KnownConnection } from './client-sessions.ts';

/**
 * What becomes of the clients' requests that reach main: on a leader (and on a standalone server) they become proposals,
 * on a learner they go to the leader.
 */
export interface RequestHandler {
  /** A turn of requests begins. */
  beginTurn(): void;
  /** Whether one more request can be taken. */
  hasRoom(): boolean;
  /** A request of a connection with a session; its body is `bytes[start, end)`, valid during the call. */
  request(
    known: KnownConnection,
    worker: number,
    connection: number,
    xid: number,
    opcode: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void;
  /** A client wants a new session. */
  openSession(worker: number, connection: number, timeoutMs: number, identities: readonly Identity[]): void;
  /** A client comes back with its session, and the right password. */
  attachSession(
    worker: number,
    connection: number,
    idHigh: number,
    idLow: number,
    timeoutMs: number,
    identities: readonly Identity[],
  ): void;
  /** So many requests were taken in this turn so far; at its end `taken` is -1. */
  taken(taken: number): void;
}
