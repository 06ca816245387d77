// Hot path: allocates nothing.
/**
 * HalfSipHash-1-3 of `bytes[start, start + length)`: 32 bits, as an int32. A keyed hash, because clients choose the paths:
 * faster hashes have collisions that hold under every seed, and chains made of them would stall the thread.
 */
export function halfSipHash(bytes, start, length, key0, key1) {
    let v0 = key0;
    let v1 = key1;
    let v2 = 0x6c796765 ^ key0;
    let v3 = 0x74656462 ^ key1;
    const blocks = length >>> 2;
    let at = start;
    // One pass per whole block, one for the tail with the length, three to finish (their block is zero).
    for (let pass = 0; pass < blocks + 4; pass++) {
        let block = 0;
        if (pass < blocks) {
            block = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
            at += 4;
        }
        else if (pass === blocks) {
            block = length << 24;
            for (let i = 0; i < (length & 3); i++)
                block |= bytes[at + i] << (i << 3);
        }
        v3 ^= block;
        v0 = (v0 + v1) | 0;
        v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
        v0 = (v0 << 16) | (v0 >>> 16);
        v2 = (v2 + v3) | 0;
        v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
        v0 = (v0 + v3) | 0;
        v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
        v2 = (v2 + v1) | 0;
        v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
        v2 = (v2 << 16) | (v2 >>> 16);
        v0 ^= block;
        if (pass === blocks)
            v2 ^= 0xff;
    }
    return v1 ^ v3;
}
/** The second key word for {@link halfSipHash}, made from a 32-bit seed that is the first. */
export function secondKey(seed) {
    let mixed = (seed ^ 0x9e3779b9) | 0;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return mixed ^ (mixed >>> 16);
}
