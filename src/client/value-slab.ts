// Hot path: small values share slabs, as Node's own pool has it: memory of its own for each costs more than the rest of a read.

import { copyBytes } from '../jute/shared-copy.ts';

const SLAB_BYTES = 16 * 1024;
const SHARED_BYTES_MAX = 2 * 1024;

let slab = new ArrayBuffer(SLAB_BYTES);
let used = 0;

/** A copy of `bytes[start, start + length)`. */
export function copyValue(bytes: Uint8Array, start: number, length: number): Uint8Array {
  const copy = length > SHARED_BYTES_MAX ? new Uint8Array(length) : carve(length);
  copyBytes(bytes, start, copy, 0, length);
  return copy;
}

function carve(length: number): Uint8Array {
  if (length > SLAB_BYTES - used) {
    slab = new ArrayBuffer(SLAB_BYTES);
    used = 0;
  }
  const at = used;
  used = (used + length + 7) & ~7;
  return new Uint8Array(slab, at, length);
}
