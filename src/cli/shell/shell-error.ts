import { ZooKeeperError } from '../../client/errors.ts';
import { ErrorCode } from '../../protocol/error-code.ts';

/** A command that failed: its message goes to stderr, its code is the exit code in one-shot mode. */
export class ShellError extends Error {
  override readonly name = 'ShellError';
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** What Apache's command line says of a server's error: a sentence of its own for some, else the code's name. */
export function describeError(error: unknown): string {
  if (!(error instanceof ZooKeeperError)) return error instanceof Error ? error.message : String(error);
  const path = error.path ?? 'null';
  const sentence = sentences.get(error.code);
  if (sentence !== undefined) return sentence.includes('%') ? sentence.replace('%', path) : sentence;
  return keeperErrorText(error);
}

/** The message of Apache's KeeperException. */
export function keeperErrorText(error: ZooKeeperError): string {
  const name = codeNames.get(error.code);
  if (name === undefined) return error.message;
  return `KeeperErrorCode = ${name}${error.path === undefined ? '' : ` for ${error.path}`}`;
}

const sentences = new Map<number, string>([
  [ErrorCode.NONODE, 'Node does not exist: %'],
  [ErrorCode.NOCHILDRENFOREPHEMERALS, 'Ephemerals cannot have children: %'],
  [ErrorCode.NODEEXISTS, 'Node already exists: %'],
  [ErrorCode.NOTEMPTY, 'Node not empty: %'],
  [ErrorCode.NOTREADONLY, 'Not a read-only call: %'],
  [ErrorCode.INVALIDACL, 'Acl is not valid : %'],
  [ErrorCode.NOAUTH, 'Insufficient permission : %'],
  [ErrorCode.BADARGUMENTS, 'Arguments are not valid : %'],
  [ErrorCode.BADVERSION, 'version No is not valid : %'],
  [ErrorCode.QUOTAEXCEEDED, 'Quota has exceeded : %'],
  [
    ErrorCode.RECONFIGINPROGRESS,
    'Another reconfiguration is in progress -- concurrent reconfigs not supported (yet)',
  ],
  [
    ErrorCode.NEWCONFIGNOQUORUM,
    'No quorum of new config is connected and up-to-date with the leader of last commmitted config - ' +
      'try invoking reconfiguration after new servers are connected and synced',
  ],
]);

const codeNames = new Map<number, string>([
  [ErrorCode.SYSTEMERROR, 'SystemError'],
  [ErrorCode.RUNTIMEINCONSISTENCY, 'RuntimeInconsistency'],
  [ErrorCode.DATAINCONSISTENCY, 'DataInconsistency'],
  [ErrorCode.CONNECTIONLOSS, 'ConnectionLoss'],
  [ErrorCode.MARSHALLINGERROR, 'MarshallingError'],
  [ErrorCode.UNIMPLEMENTED, 'Unimplemented'],
  [ErrorCode.OPERATIONTIMEOUT, 'OperationTimeout'],
  [ErrorCode.AUTHFAILED, 'AuthFailed'],
  [ErrorCode.SESSIONEXPIRED, 'Session expired'],
  [ErrorCode.SESSIONMOVED, 'Session moved'],
  [ErrorCode.EPHEMERALONLOCALSESSION, 'Ephemeral node on local session'],
  [ErrorCode.INVALIDACL, 'InvalidACL'],
  [ErrorCode.NOWATCHER, 'No such watcher'],
  [ErrorCode.REQUESTTIMEOUT, 'Request timeout'],
  [ErrorCode.RECONFIGDISABLED, 'Reconfig is disabled'],
  [ErrorCode.SESSIONCLOSEDREQUIRESASLAUTH, 'Session closed because client failed to authenticate'],
  [ErrorCode.THROTTLEDOP, 'Op throttled due to high load'],
]);
