import type { Identity } from '../protocol/acl.ts';

/** What prep must know of a session. */
export interface PrepSession {
  readonly idHigh: number;
  readonly idLow: number;
  /** A closeSession for it is under way: everything else is refused. */
  isClosing: boolean;
  /** Its client is connected to another server than the one the request came through. */
  readonly isMoved?: boolean;
  /** One server alone knows it: it cannot own ephemerals. */
  readonly isLocal?: boolean;
  /** That server is another one; then it is for that one to tell whether the session exists. */
  readonly isElsewhere?: boolean;
}

/** One request on its way to a txn; the caller may use one object again and again. */
export interface PrepRequest {
  opcode: number;
  cxid: number;
  session: PrepSession;
  identities: readonly Identity[];
  /** The request's body, `bytes[start, end)`. */
  bytes: Uint8Array;
  start: number;
  end: number;
  zxidHigh: number;
  zxidLow: number;
  /** Wall clock, milliseconds since 1970, as two words. */
  timeHigh: number;
  timeLow: number;
}
