import { JuteError, type JuteReader } from '../jute/reader.ts';
import { OpCode } from '../protocol/opcode.ts';
import { CreateFlag } from './txn-layout.ts';

/** Bytes of MultiHeader: int type, boolean done, int err (protocol/client.md §1.1). */
export const MULTI_HEADER_BYTES = 9;

/**
 * Reads a whole MultiRequest (protocol/client.md §7) and gives the number of its ops, or -1 when one is of a type that
 * a multi cannot hold or has impossible create flags: the request is then refused as a whole. Throws JuteError when it
 * is cut short.
 */
export function countMultiOps(reader: JuteReader): number {
  for (let count = 0; ; count++) {
    const type = reader.readInt();
    const done = reader.readBoolean();
    reader.skip(4);
    if (done) return count;
    if (!skipMultiOp(reader, type)) return -1;
  }
}

/** Reads past an op of a multi, behind its MultiHeader; false when a multi cannot hold it. Throws JuteError. */
export function skipMultiOp(reader: JuteReader, type: number): boolean {
  switch (type) {
    case OpCode.create:
    case OpCode.create2:
    case OpCode.createContainer:
      return isCreateFlag(readCreateFlags(reader));
    case OpCode.createTTL: {
      const flags = readCreateFlags(reader);
      reader.skip(8);
      return isCreateFlag(flags);
    }
    case OpCode.delete:
    case OpCode.check:
      reader.readSpan();
      reader.skip(4);
      return true;
    case OpCode.setData:
      reader.readSpan();
      reader.readSpan();
      reader.skip(4);
      return true;
    default:
      return false;
  }
}

/** Reads a CreateRequest, or a CreateTTLRequest up to its TTL, and gives its flags. Throws JuteError. */
export function readCreateFlags(reader: JuteReader): number {
  reader.readSpan();
  reader.readSpan();
  const acls = reader.readCount(12);
  if (acls < -1) throw new JuteError(`negative count ${acls}`);
  for (let i = 0; i < acls; i++) {
    reader.skip(4);
    reader.readSpan();
    reader.readSpan();
  }
  return reader.readInt();
}

function isCreateFlag(flags: number): boolean {
  return flags >= CreateFlag.persistent && flags <= CreateFlag.persistentSequentialWithTtl;
}
