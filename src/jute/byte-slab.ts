// Hot path: a view is all that is made for a small copy.

import { copyFromShared } from './shared-copy.ts';

export interface ByteSlabOptions {
  /** Memory that copies share; it is freed when none of them is held any more. */
  readonly slabBytes: number;
  /** Longer copies get memory of their own. */
  readonly sharedBytesMax: number;
}

/**
 * Makes copies of bytes that live for a while, small ones side by side in slabs, as Node's own pool has it: memory of its own
 * for each costs more than everything else about a copy of 1 KiB.
 */
export class ByteSlab {
  readonly #options: ByteSlabOptions;
  #slab: ArrayBuffer;
  #used = 0;

  constructor(options: ByteSlabOptions) {
    this.#options = options;
    this.#slab = new ArrayBuffer(options.slabBytes);
  }

  /** A copy of `source[start, start + length)`, out of shared memory or ordinary memory. */
  copy(source: Uint8Array, start: number, length: number): Uint8Array {
    const alignment = (source.byteOffset + start) & 7;
    const copy =
      length > this.#options.sharedBytesMax ? new Uint8Array(length) : this.#carve(length, alignment);
    copyFromShared(source, start, copy, 0, length);
    return copy;
  }

  /** Aligned as the source is, modulo 8: so copies out of shared memory are fastest. */
  #carve(length: number, alignment: number): Uint8Array {
    if (this.#used + alignment + length > this.#options.slabBytes) {
      this.#slab = new ArrayBuffer(this.#options.slabBytes);
      this.#used = 0;
    }
    const at = this.#used + alignment;
    this.#used = (at + length + 7) & ~7;
    return new Uint8Array(this.#slab, at, length);
  }
}
