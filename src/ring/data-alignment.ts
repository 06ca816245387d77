// Hot path: allocates nothing.
//
// V8 copies between shared memories three times as fast where both ends are alike modulo 8 (jute/shared-copy.ts). The data of
// a setData or create goes from the requests ring into the log ring and from there into the replica: whoever puts it into a
// ring first leaves so many bytes free before it that it begins where it will in the replica, modulo 8.

import { OpCode } from '../protocol/opcode.ts';

/** Where data begins in the replica, modulo 8: behind the 4 bytes of a block's header. */
const DATA_ALIGNMENT = 4;
/** Shorter records are copied byte by byte anyway. */
const ALIGN_FROM_BYTES = 256;
/** The most that {@link paddingBefore} gives. */
export const PADDING_MAX = 7;

/**
 * Bytes to leave free between `at`, an offset in a ring, and a request's body or a txn's record, `bytes[start, start +
 * length)`. Both begin with the path's length, the path and the data's length where there is data.
 */
export function paddingBefore(
  at: number,
  opcode: number,
  bytes: Uint8Array,
  start: number,
  length: number,
): number {
  if (length < ALIGN_FROM_BYTES) return 0;
  if (opcode !== OpCode.setData && opcode !== OpCode.create && opcode !== OpCode.create2) return 0;
  const pathLength =
    (bytes[start] << 24) | (bytes[start + 1] << 16) | (bytes[start + 2] << 8) | bytes[start + 3];
  return (DATA_ALIGNMENT - at - 8 - pathLength) & PADDING_MAX;
}
