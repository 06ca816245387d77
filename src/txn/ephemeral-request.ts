import { JuteError, JuteReader } from '../jute/reader.ts';
import { OpCode } from '../protocol/opcode.ts';
import { MULTI_HEADER_BYTES, readCreateFlags, skipMultiOp } from './multi-request.ts';
import { CreateFlag } from './txn-layout.ts';

const reader = new JuteReader();

/**
 * Whether the request, whose body is `bytes[start, end)`, creates an ephemeral, be it within a multi: what only a session
 * that the whole ensemble knows can own (protocol/client.md §13). One that cannot be read creates nothing.
 */
export function createsEphemeral(opcode: number, bytes: Uint8Array, start: number, end: number): boolean {
  reader.reset(bytes, start, end);
  try {
    switch (opcode) {
      case OpCode.create:
      case OpCode.create2:
      case OpCode.createTTL:
        return isEphemeral(readCreateFlags(reader));
      case OpCode.multi:
        return multiCreatesEphemeral();
      default:
        return false;
    }
  } catch (error) {
    if (error instanceof JuteError) return false;
    throw error;
  }
}

function isEphemeral(flags: number): boolean {
  return flags === CreateFlag.ephemeral || flags === CreateFlag.ephemeralSequential;
}

/** In a multi the flags alone say what is created, whichever of the creating types is given. */
function multiCreatesEphemeral(): boolean {
  let found = false;
  for (;;) {
    const type = reader.readInt();
    const done = reader.readBoolean();
    reader.skip(MULTI_HEADER_BYTES - 5);
    if (done) return found;
    const start = reader.position;
    // A multi that is refused as a whole upgrades nobody.
    if (!skipMultiOp(reader, type)) return false;
    if (found || !CREATES.has(type)) continue;
    const next = reader.position;
    reader.position = start;
    found = isEphemeral(readCreateFlags(reader));
    reader.position = next;
  }
}

const CREATES: ReadonlySet<number> = new Set<number>([
  OpCode.create,
  OpCode.create2,
  OpCode.createContainer,
  OpCode.createTTL,
]);
