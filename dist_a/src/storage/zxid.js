import { longToHex } from '../protocol/long.js';
// Zxids here are two 32-bit words (int32 each), as everywhere on a path that runs once per transaction.
/**
 * Whether `next` may directly follow `last` in a log: the next counter of the same epoch, or the first transaction
 * (counter 1, or 0 where a standalone server counted over the end of its epoch) of a later epoch (quorum.md §1).
 */
export function continuesZxid(lastHigh, lastLow, nextHigh, nextLow) {
    const counter = nextLow >>> 0;
    if (nextHigh === lastHigh)
        return counter === (lastLow >>> 0) + 1;
    if (nextHigh < lastHigh)
        return false;
    return counter === 1 || (counter === 0 && lastLow >>> 0 === 0xffffffff && nextHigh === lastHigh + 1);
}
/** Lower-case hex without padding or prefix, as in the names of log and snapshot files. */
export function zxidHex(high, low) {
    return longToHex(high, low).slice(2);
}
/** The words of a zxid given in hex without prefix, or null when it is not at most 16 hex digits. */
export function parseZxidHex(hex) {
    if (!/^[0-9a-fA-F]{1,16}$/.test(hex))
        return null;
    const value = BigInt(`0x${hex}`);
    return { high: Number(BigInt.asIntN(32, value >> 32n)), low: Number(BigInt.asIntN(32, value)) };
}
