import { ByteSlab } from '../jute/byte-slab.ts';

const values = new ByteSlab({ slabBytes: 16 * 1024, sharedBytesMax: 2 * 1024 });

/** A copy of `bytes[start, start + length)`, for a caller to keep. */
export function copyValue(bytes: Uint8Array, start: number, length: number): Uint8Array {
  return values.copy(bytes, start, length);
}
