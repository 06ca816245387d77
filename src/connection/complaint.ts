import type { ClientConnection } from './client-connection.ts';

/** What can be wrong with a client; the log limits its lines per kind. */
export type ComplaintKind =
  | 'bad frame'
  | 'bad request'
  | 'failed authentication'
  | 'large request'
  | 'no session'
  | 'refused connection'
  | 'slow reader'
  | 'unknown operation';

/** Says one line to the log about a client that does not keep to the protocol or its limits. */
export type Complain = (connection: ClientConnection, kind: ComplaintKind, problem: string) => void;
