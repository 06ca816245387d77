// Cold path: once a connect.
const PASSWORD_SEED = 0xb3415c00n;
const MULTIPLIER = 0x5deece66dn;
const MASK_48 = (1n << 48n) - 1n;
export const PASSWORD_BYTES = 16;
/**
 * The password of a session: `java.util.Random(id XOR 0xB3415C00).nextBytes(16)` (protocol/client.md §2), the same on
 * every server, Apache's too, so that clients can move between them.
 */
export function sessionPassword(sessionId) {
    const password = new Uint8Array(PASSWORD_BYTES);
    let state = (BigInt.asUintN(64, sessionId) ^ PASSWORD_SEED ^ MULTIPLIER) & MASK_48;
    for (let at = 0; at < PASSWORD_BYTES; at += 4) {
        state = (state * MULTIPLIER + 0xbn) & MASK_48;
        const word = Number((state >> 16n) & 0xffffffffn);
        for (let i = 0; i < 4; i++)
            password[at + i] = word >>> (8 * i);
    }
    return password;
}
/** Whether `password` opens the session; id 0 is never valid. */
export function isSessionPassword(sessionId, password) {
    return sessionId !== 0n && Buffer.from(sessionPassword(sessionId)).equals(password);
}
