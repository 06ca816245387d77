/** Compares two 64-bit values, each given as a signed high and a low 32-bit word: negative, 0 or positive. */
export function compareLongs(highA, lowA, highB, lowB) {
    return highA !== highB ? highA - highB : (lowA >>> 0) - (lowB >>> 0);
}
/** High word of a count of milliseconds (or any whole number up to 2^53). */
export function highWord(value) {
    return Math.floor(value / 4294967296) | 0;
}
/** Low word of a whole number up to 2^53. */
export function lowWord(value) {
    return (value >>> 0) | 0;
}
/** The two words as a whole number; exact for values up to 2^53 (times, sizes; not session ids). */
export function longToNumber(high, low) {
    return high * 4294967296 + (low >>> 0);
}
/** The two words as a signed bigint: for code off the hot path. */
export function longToBigInt(high, low) {
    return (BigInt(high) << 32n) | BigInt(low >>> 0);
}
/** `0x…` as ZooKeeper prints session ids and zxids: unsigned hex without padding. */
export function longToHex(high, low) {
    return `0x${BigInt.asUintN(64, longToBigInt(high, low)).toString(16)}`;
}
