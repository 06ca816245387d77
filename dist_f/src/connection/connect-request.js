import { PASSWORD_BYTES } from '../session/password.js';
/** Reads a ConnectRequest. Throws JuteError when it is cut short. */
export function readConnectRequest(reader) {
    reader.skip(4);
    const lastZxidSeenHigh = reader.readInt();
    const lastZxidSeenLow = reader.readInt();
    const timeoutMs = reader.readInt();
    const sessionHigh = reader.readInt();
    const sessionLow = reader.readInt();
    const password = reader.readBuffer() ?? new Uint8Array(0);
    const hasReadOnlyByte = reader.remaining > 0;
    const readOnly = hasReadOnlyByte && reader.readBoolean();
    return {
        lastZxidSeenHigh,
        lastZxidSeenLow,
        timeoutMs,
        sessionHigh,
        sessionLow,
        password,
        readOnly,
        hasReadOnlyByte,
    };
}
/** Bytes of a ConnectResponse with its length, without the readOnly byte. */
export const CONNECT_RESPONSE_BYTES = 4 + 20 + PASSWORD_BYTES;
