import { ErrorCode } from '../protocol/error-code.ts';

/** Whether sessions are kept from the ensemble until they need it (protocol/client.md §13); a standalone server has none. */
export interface LocalSessionRules {
  /** localSessionsEnabled: new sessions are known to the server alone that they connect to. */
  readonly isEnabled: boolean;
  /** localSessionsUpgradingEnabled: a session that creates an ephemeral becomes one of the whole ensemble. */
  readonly isUpgradingEnabled: boolean;
}

export const NO_LOCAL_SESSIONS: LocalSessionRules = { isEnabled: false, isUpgradingEnabled: false };

/** Bytes of one result of a multi that has failed: MultiHeader, int err. */
const FAILED_RESULT_BYTES = 13;

/**
 * A leader can only say of another server's local session that it does not know it. The session's own server knows
 * better, and says so in the reply of a multi, `[0, replyBytes)`, in place.
 */
export function correctMultiReply(reply: Uint8Array, replyBytes: number): void {
  const view = new DataView(reply.buffer, reply.byteOffset, replyBytes);
  for (let at = 0; at + FAILED_RESULT_BYTES <= replyBytes; at += FAILED_RESULT_BYTES) {
    // Only a multi that has failed consists of results of this size: in others a first result is none of an error.
    if (view.getInt32(at) !== -1 || view.getUint8(at + 4) !== 0) return;
    if (view.getInt32(at + 5) !== ErrorCode.SESSIONEXPIRED) continue;
    view.setInt32(at + 5, ErrorCode.EPHEMERALONLOCALSESSION);
    view.setInt32(at + 9, ErrorCode.EPHEMERALONLOCALSESSION);
  }
}
