import { ErrorCode, errorName } from '../protocol/error-code.ts';

/**
 * What became of a request that got no answer: `not-sent` (it never left this process and has changed nothing), `unknown`
 * (it was sent; the server may or may not have carried it out).
 */
export type Outcome = 'not-sent' | 'unknown';

/** What an error tells beside its text. */
export interface ErrorDetails {
  /** The client's name of the operation, as in `getData`. */
  readonly operation?: string | undefined;
  /** The path as the caller gave it. */
  readonly path?: string | undefined;
  readonly outcome?: Outcome | undefined;
  readonly cause?: unknown;
  /** Which operation of a transaction failed, counted from 0, and the code of every one. */
  readonly transaction?: { readonly index: number; readonly codes: readonly number[] } | undefined;
}

/** The base of all errors that the client rejects with. `code` is ZooKeeper's (protocol/client.md §5), `name` the class's. */
export class ZooKeeperError extends Error {
  readonly code: number;
  readonly operation: string | undefined;
  readonly path: string | undefined;
  readonly outcome: Outcome | undefined;
  readonly transaction: ErrorDetails['transaction'];

  constructor(code: number, reason: string, details: ErrorDetails = {}) {
    const what = [details.operation, details.path].filter((part) => part !== undefined).join(' ');
    const name = code === 0 ? '' : ` (${errorName(code)})`;
    super(
      `${what === '' ? '' : `${what}: `}${reason}${name}`,
      details.cause === undefined ? undefined : { cause: details.cause },
    );
    this.name = new.target.name;
    this.code = code;
    this.operation = details.operation;
    this.path = details.path;
    this.outcome = details.outcome;
    this.transaction = details.transaction;
  }
}

/** The server answered with an error for which there is no class of its own. */
export class ServerError extends ZooKeeperError {}
/** The znode is not there; of a create: its parent. */
export class NoNodeError extends ZooKeeperError {}
/** The znode is there already. */
export class NodeExistsError extends ZooKeeperError {}
/** The znode has another version than the call names. */
export class BadVersionError extends ZooKeeperError {}
/** The znode to be deleted has children. */
export class NotEmptyError extends ZooKeeperError {}
/** The znode's ACL gives this client no such right. */
export class NoAuthError extends ZooKeeperError {}
/** The parent is an ephemeral. */
export class NoChildrenForEphemeralsError extends ZooKeeperError {}
/** The server has no leader, and serves reads only. */
export class NotReadOnlyError extends ZooKeeperError {}
/** There is no watch to be removed. */
export class NoWatcherError extends ZooKeeperError {}
/** A quota, the server's memory or its disk is used up. */
export class QuotaExceededError extends ZooKeeperError {}
/** The server has more requests than it takes. */
export class ThrottledError extends ZooKeeperError {}
/** The server does not know the operation. */
export class UnimplementedError extends ZooKeeperError {}
/** The ensemble's members cannot be changed: reconfigEnabled is not set. */
export class ReconfigDisabledError extends ZooKeeperError {}
/** Refused by the server, or by this client because the server would refuse it: the message tells why. */
export class BadArgumentsError extends ZooKeeperError {}
/** The path is none that a znode can have. */
export class InvalidPathError extends BadArgumentsError {}
/** The ACL is empty, or names what the server does not know. */
export class InvalidAclError extends ZooKeeperError {}
/** The request, or the answer, is larger than a frame may be. */
export class TooLargeError extends ZooKeeperError {}
/** The connection broke; `outcome` tells what is known of the request. */
export class ConnectionLossError extends ZooKeeperError {}
/** The time limit of the call is over; `outcome` tells what is known of the request. */
export class TimeoutError extends ZooKeeperError {}
/** The call's AbortSignal fired; its reason is the `cause`. `outcome` tells what is known of the request. */
export class AbortError extends ZooKeeperError {}
/** The servers ended the session: its ephemerals and watches are gone. Final; open a new client. */
export class SessionExpiredError extends ZooKeeperError {}
/** The client was closed. */
export class ClosedError extends ZooKeeperError {}
/** A server refused a credential. Final; open a new client. */
export class AuthFailedError extends ZooKeeperError {}
/** Too many requests wait to be sent; nothing was sent. */
export class OverloadedError extends ZooKeeperError {}
/** No server could be reached; `failures` has the reason for each address that was tried last. */
export class ConnectError extends ZooKeeperError {
  readonly failures: readonly string[];
  constructor(reason: string, failures: readonly string[], details: ErrorDetails = {}) {
    super(
      ErrorCode.CONNECTIONLOSS,
      [reason, ...failures.map((failure) => `  ${failure}`)].join('\n'),
      details,
    );
    this.failures = failures;
  }
}
/** What a peer sent is not ZooKeeper's protocol. The connection is dropped. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
}

type ErrorClass = new (code: number, reason: string, details?: ErrorDetails) => ZooKeeperError;

const classes = new Map<number, readonly [ErrorClass, string]>([
  [ErrorCode.NONODE, [NoNodeError, 'the znode does not exist']],
  [ErrorCode.NODEEXISTS, [NodeExistsError, 'the znode exists already']],
  [ErrorCode.BADVERSION, [BadVersionError, 'the version is not the expected one']],
  [ErrorCode.NOTEMPTY, [NotEmptyError, 'the znode has children']],
  [ErrorCode.NOAUTH, [NoAuthError, 'the ACL does not allow it']],
  [
    ErrorCode.NOCHILDRENFOREPHEMERALS,
    [NoChildrenForEphemeralsError, 'ephemeral znodes cannot have children'],
  ],
  [ErrorCode.NOTREADONLY, [NotReadOnlyError, 'the server is read-only']],
  [ErrorCode.NOWATCHER, [NoWatcherError, 'there is no such watch']],
  [ErrorCode.QUOTAEXCEEDED, [QuotaExceededError, 'a quota would be exceeded']],
  [ErrorCode.THROTTLEDOP, [ThrottledError, 'the server is overloaded and did not process the request']],
  [ErrorCode.UNIMPLEMENTED, [UnimplementedError, 'the server does not have this operation']],
  [ErrorCode.RECONFIGDISABLED, [ReconfigDisabledError, 'the server does not allow reconfig']],
  [ErrorCode.BADARGUMENTS, [BadArgumentsError, 'the server refuses the arguments']],
  [ErrorCode.INVALIDACL, [InvalidAclError, 'the server refuses the ACL']],
  [ErrorCode.SESSIONEXPIRED, [SessionExpiredError, 'the session has expired']],
  [ErrorCode.AUTHFAILED, [AuthFailedError, 'authentication failed']],
  [ErrorCode.CONNECTIONLOSS, [ConnectionLossError, 'the connection was lost']],
]);

/** The error for a code that a server sent. */
export function serverError(code: number, details: ErrorDetails): ZooKeeperError {
  const known = classes.get(code);
  if (known === undefined) return new ServerError(code, 'the server answered with an error', details);
  const [Class, reason] = known;
  return new Class(code, reason, details);
}
