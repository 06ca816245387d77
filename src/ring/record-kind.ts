/** Bytes of the heads in schemas/records.fbs; a test compares them with the schema. */
export const REQUEST_HEAD_BYTES = 36;
export const LOG_HEAD_BYTES = 56;
export const COMMIT_HEAD_BYTES = 64;

/** What a record in `requests` is (schemas/records.fbs, RequestHead.kind). */
export const RequestKind = {
  /** A request that main must order or decide. */
  clientRequest: 1,
  /** A ConnectRequest with session id 0. */
  openSession: 2,
  /** A ConnectRequest for an existing session, its password already checked by the worker. */
  attachSession: 3,
  /** The connection is gone; its session lives on until it expires. */
  connectionClosed: 4,
  /** The connection's identities, whole, after an auth packet. */
  identities: 5,
  /** A ConnectRequest with a wrong password: it is refused, and still ends the connection that holds the session. */
  refuseAttach: 6,
} as const;
export type RequestKind = (typeof RequestKind)[keyof typeof RequestKind];

/** What a record in `log` is (LogHead.kind). */
export const LogKind = {
  txn: 1,
  /** Nothing to write: a place in the order of commits (sync). */
  marker: 2,
  /** Start a new log file with the next txn. */
  roll: 3,
  /** The history on disk loses everything behind the record's zxid; the worker answers with a message. */
  truncate: 4,
  /** The history on disk was replaced and now ends with the record's zxid: what follows goes on from there. */
  continueAfter: 5,
} as const;
export type LogKind = (typeof LogKind)[keyof typeof LogKind];

/** What a record in `commits` is (CommitHead.kind). */
export const CommitKind = {
  /** A znode changed: watches fire. */
  event: 1,
  /** The answer to a client's request. */
  reply: 2,
  /** The outcome of opening or attaching a session; timeout 0 refuses it. */
  sessionSettled: 3,
  /** The connection is to be closed once what was written to it is on its way. */
  closeConnection: 4,
} as const;
export type CommitKind = (typeof CommitKind)[keyof typeof CommitKind];

/** How a znode changed (CommitHead.event). */
export const ZnodeChange = { created: 1, deleted: 2, dataChanged: 3 } as const;
export type ZnodeChange = (typeof ZnodeChange)[keyof typeof ZnodeChange];
