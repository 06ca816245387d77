// Hot path: called for every znode that a txn touches.
import { crc32 as nativeCrc32 } from 'node:zlib';
/**
 * Above this length the call into native code (about 0.4 µs, most of it making the view) is repaid by its speed;
 * below it, the tables win.
 */
const NATIVE_FROM_BYTES = 128;
const tables = makeTables();
const [t0, t1, t2, t3, t4, t5, t6, t7] = tables;
/** Eight tables, so that eight bytes are folded in one step: `tables[k][b]` is the CRC of `b` followed by k zeros. */
function makeTables() {
    const first = new Int32Array(256);
    for (let byte = 0; byte < 256; byte++) {
        let crc = byte;
        for (let bit = 0; bit < 8; bit++)
            crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
        first[byte] = crc;
    }
    const all = [first];
    for (let k = 1; k < 8; k++)
        all.push(all[k - 1].map((crc) => first[crc & 0xff] ^ (crc >>> 8)));
    return all;
}
/** CRC-32 (as in gzip) of `bytes[start, end)`, going on from `crc` (0 to begin). An int32. */
export function crc32(bytes, start, end, crc) {
    if (end - start >= NATIVE_FROM_BYTES)
        return nativeCrc32(bytes.subarray(start, end), crc >>> 0) | 0;
    let c = ~crc;
    let i = start;
    for (; i + 8 <= end; i += 8) {
        const low = c ^ (bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24));
        c =
            t7[low & 0xff] ^
                t6[(low >>> 8) & 0xff] ^
                t5[(low >>> 16) & 0xff] ^
                t4[low >>> 24] ^
                t3[bytes[i + 4]] ^
                t2[bytes[i + 5]] ^
                t1[bytes[i + 6]] ^
                t0[bytes[i + 7]];
    }
    for (; i < end; i++)
        c = t0[(c ^ bytes[i]) & 0xff] ^ (c >>> 8);
    return ~c;
}
