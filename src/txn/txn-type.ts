// Hot path: unknownType() is called for every txn of a leader's. It makes no object.

import { OpCode } from '../protocol/opcode.ts';
import { TxnHeader } from './txn-layout.ts';

/**
 * The type of the entry in `bytes[start, end)`, or of the first one in its multi, that apply does not know (protocol/disk.md
 * §3.1); null when it knows all of them. The entry has a header; what follows it may be anything.
 */
export function unknownType(bytes: Uint8Array, start: number, end: number): number | null {
  const type = intAt(bytes, start + TxnHeader.type);
  if (type !== OpCode.multi) return isKnown(type) ? null : type;
  let at = start + TxnHeader.bytes;
  if (at + 4 > end) return null;
  let count = intAt(bytes, at);
  at += 4;
  // Of a multi that is cut short apply says so.
  for (; count > 0 && at + 8 <= end; count--) {
    const part = intAt(bytes, at);
    if (part === OpCode.multi || !isKnown(part)) return part;
    at += 8 + Math.max(0, intAt(bytes, at + 4));
  }
  return null;
}

function isKnown(type: number): boolean {
  switch (type) {
    case OpCode.create:
    case OpCode.create2:
    case OpCode.createContainer:
    case OpCode.createTTL:
    case OpCode.delete:
    case OpCode.deleteContainer:
    case OpCode.setData:
    case OpCode.reconfig:
    case OpCode.setACL:
    case OpCode.check:
    case OpCode.createSession:
    case OpCode.closeSession:
    case OpCode.error:
    case OpCode.multi:
      return true;
    default:
      return false;
  }
}

function intAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
}
