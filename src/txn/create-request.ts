// What a create asks for, beside the tree: what its flags mean, and the name of a sequential znode.

import { OpCode } from '../protocol/opcode.ts';
import { TTL_HIGH_MAX } from './ephemeral-owners.ts';
import { CreateFlag } from './txn-layout.ts';

/** `%010d` of an int has so many bytes at most. */
const SEQUENCE_BYTES_MAX = 11;

/** Whether these two words may be a TTL: it has 40 bits, and 0 is none. */
export function isValidTtl(high: number, low: number): boolean {
  return high >= 0 && high <= TTL_HIGH_MAX && (high !== 0 || low !== 0);
}

/**
 * The type of the txn, and so of the reply. In a multi the flags alone say what is created, whichever of the creating types
 * is given. Outside, createContainer makes a container whatever its flags say, while create and create2 make a persistent
 * znode of flag 4, as in Apache. What createTTL has without a TTL is answered as it is answered with one.
 */
export function createTxnType(type: number, flags: number, isInMulti: boolean): number {
  if (flags >= CreateFlag.persistentWithTtl) return OpCode.createTTL;
  if (flags === CreateFlag.container && (isInMulti || type === OpCode.createTTL))
    return OpCode.createContainer;
  if (type === OpCode.create || type === OpCode.create2) return type;
  if (isInMulti) return OpCode.create;
  return type === OpCode.createTTL ? OpCode.create2 : type;
}

/** Hot path: the path of a sequential znode, in memory that is used again. */
export class SequentialPath {
  /** Holds the path from its begin on, until the next one is written. */
  bytes = new Uint8Array(256);

  /** Writes the path and behind it the sequence, Java's `%010d` of the parent's stored cversion; gives their length. */
  write(path: Uint8Array, start: number, length: number, sequence: number): number {
    const lengthMax = length + SEQUENCE_BYTES_MAX;
    if (this.bytes.length < lengthMax) this.bytes = new Uint8Array(2 * lengthMax);
    const { bytes } = this;
    bytes.set(path.subarray(start, start + length));
    let at = length;
    let width = 10;
    if (sequence < 0) {
      bytes[at++] = 0x2d;
      width = 9;
    }
    let magnitude = Math.abs(sequence);
    if (magnitude >= 1e9) width = 10;
    for (let i = at + width - 1; i >= at; i--) {
      bytes[i] = 0x30 + (magnitude % 10);
      magnitude = Math.floor(magnitude / 10);
    }
    return at + width;
  }
}
