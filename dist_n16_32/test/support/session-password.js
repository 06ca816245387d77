const MULTIPLIER = 0x5deece66dn;
const MASK = (1n << 48n) - 1n;
/**
 * A session's password as every ZooKeeper server makes it (protocol/client.md §2): 16 bytes of java.util.Random.
 * Written apart from the server's own, so that the tests do not ask the server whether it agrees with itself.
 */
export function expectedPassword(sessionId) {
    let state = (sessionId ^ 0xb3415c00n ^ MULTIPLIER) & MASK;
    const password = Buffer.alloc(16);
    for (let at = 0; at < 16; at += 4) {
        state = (state * MULTIPLIER + 0xbn) & MASK;
        password.writeInt32LE(Number(BigInt.asIntN(32, state >> 16n)), at);
    }
    return password;
}
