/**
 * What a client's session is in.
 *
 * `connecting`: no session yet. `connected`: a server serves it. `readOnly`: a server cut off from its quorum serves reads.
 * `suspended`: the connection is lost; the session may live on, or may already have expired at the servers. The last three
 * are final: `expired` (the servers ended it), `closed` (we did), `authFailed` (a server refused a credential).
 */
export type SessionState =
  | 'connecting'
  | 'connected'
  | 'readOnly'
  | 'suspended'
  | 'expired'
  | 'closed'
  | 'authFailed';

/** Whether a session in this state never serves again. */
export function isFinal(state: SessionState): boolean {
  return state === 'expired' || state === 'closed' || state === 'authFailed';
}

/** Whether a server answers requests now. */
export function isServed(state: SessionState): boolean {
  return state === 'connected' || state === 'readOnly';
}
