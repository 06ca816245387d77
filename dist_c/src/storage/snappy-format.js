/**
 * The stream of the xerial snappy-java library, which Apache uses (disk.md §4):
 *
 *     magic 82 "SNAPPY" 00, int version, int least version that reads it
 *     (int length, a block in Snappy's raw format)*
 */
export const SNAPPY_MAGIC = Uint8Array.of(0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00);
/** Magic and the two versions. */
export const SNAPPY_HEADER_BYTES = 16;
/** Both versions, since snappy-java 1.0. */
export const SNAPPY_VERSION = 1;
/** Uncompressed bytes of a block as snappy-java writes it. */
export const SNAPPY_BLOCK_BYTES = 32 * 1024;
/** The longest block that is read: far above what any writer makes, and no burden on memory. */
export const SNAPPY_BLOCK_BYTES_MAX = 16 << 20;
/** The length that a raw Snappy block says it has uncompressed (a varint), -1 for none that can be. */
export function snappyLength(block) {
    let length = 0;
    for (let i = 0; i < 5 && i < block.length; i++) {
        length += (block[i] & 0x7f) * 2 ** (7 * i);
        if (block[i] < 0x80)
            return length <= 0xffffffff ? length : -1;
    }
    return -1;
}
