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
function makeTables(): Int32Array[] {
  const first = new Int32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
    first[byte] = crc;
  }
  const all = [first];
  for (let k = 1; k < 8; k++) all.push(all[k - 1].map((crc) => first[crc & 0xff] ^ (crc >>> 8)));
  return all;
}

/** CRC-32 (as in gzip) of `bytes[start, end)`, going on from `crc` (0 to begin). An int32. */
export function crc32(bytes: Uint8Array, start: number, end: number, crc: number): number {
  if (end - start >= NATIVE_FROM_BYTES) return nativeCrc32(bytes.subarray(start, end), crc >>> 0) | 0;
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
  for (; i < end; i++) c = t0[(c ^ bytes[i]) & 0xff] ^ (c >>> 8);
  return ~c;
}

/** CRC-32 of the words' bytes in big-endian order, as Java writes them, going on from `crc`. An int32. */
export function crc32OfWords(words: Int32Array, crc: number): number {
  let c = ~crc;
  let i = 0;
  for (; i + 2 <= words.length; i += 2) {
    const first = words[i];
    const second = words[i + 1];
    c =
      t7[(c ^ (first >>> 24)) & 0xff] ^
      t6[((c >>> 8) ^ (first >>> 16)) & 0xff] ^
      t5[((c >>> 16) ^ (first >>> 8)) & 0xff] ^
      t4[((c >>> 24) ^ first) & 0xff] ^
      t3[second >>> 24] ^
      t2[(second >>> 16) & 0xff] ^
      t1[(second >>> 8) & 0xff] ^
      t0[second & 0xff];
  }
  for (; i < words.length; i++) {
    const word = words[i];
    c =
      t3[(c ^ (word >>> 24)) & 0xff] ^
      t2[((c >>> 8) ^ (word >>> 16)) & 0xff] ^
      t1[((c >>> 16) ^ (word >>> 8)) & 0xff] ^
      t0[((c >>> 24) ^ word) & 0xff];
  }
  return ~c;
}
