import { JuteError } from '../jute/reader.js';
import { OpCode } from '../protocol/opcode.js';
import { CreateFlag } from './txn-layout.js';
/** Bytes of MultiHeader: int type, boolean done, int err (protocol/client.md §1.1). */
export const MULTI_HEADER_BYTES = 9;
/**
 * Reads a whole MultiRequest (protocol/client.md §7) and gives the number of its ops, or -1 when one is of a type that
 * a multi cannot hold or has impossible create flags: the request is then refused as a whole. Throws JuteError when it
 * is cut short.
 */
export function countMultiOps(reader) {
    for (let count = 0;; count++) {
        const type = reader.readInt();
        const done = reader.readBoolean();
        reader.skip(4);
        if (done)
            return count;
        if (!skipOp(reader, type))
            return -1;
    }
}
function skipOp(reader, type) {
    switch (type) {
        case OpCode.create:
        case OpCode.create2:
        case OpCode.createContainer:
            return skipCreate(reader);
        case OpCode.createTTL: {
            const valid = skipCreate(reader);
            reader.skip(8);
            return valid;
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
function skipCreate(reader) {
    reader.readSpan();
    reader.readSpan();
    const acls = reader.readCount(12);
    if (acls < -1)
        throw new JuteError(`negative count ${acls}`);
    for (let i = 0; i < acls; i++) {
        reader.skip(4);
        reader.readSpan();
        reader.readSpan();
    }
    const flags = reader.readInt();
    return flags >= CreateFlag.persistent && flags <= CreateFlag.persistentSequentialWithTtl;
}
