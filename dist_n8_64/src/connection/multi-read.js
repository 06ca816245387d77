import { JuteError } from '../jute/reader.js';
import { GrowingJuteWriter } from '../jute/writer.js';
import { ErrorCode } from '../protocol/error-code.js';
import { OpCode, Permission } from '../protocol/opcode.js';
import { NO_ZNODE, STAT_BYTES } from '../replica/data-tree-reader.js';
import { childNamesBytes, writeChildNames } from './children-cache.js';
/**
 * multiRead: several getData and getChildren in one request, each with a result or an error of its own; their watch flags
 * are ignored (protocol/client.md §7). Here all are answered from one state of the tree. Called under the reader lock.
 */
export class MultiRead {
    #tree;
    #access;
    #replyBytesMax;
    /** `replyBytesMax`: a request of a megabyte could ask for 60,000 times the same large znode. */
    constructor(tree, access, replyBytesMax) {
        this.#tree = tree;
        this.#access = access;
        this.#replyBytesMax = replyBytesMax;
    }
    /**
     * Reads the request's body and gives the reply's. Throws JuteError when the body is cut short or holds another
     * operation, or when the reply would be too large.
     */
    answer(connection, reader) {
        const writer = new GrowingJuteWriter(this.#replyBytesMax);
        for (;;) {
            const type = reader.readInt();
            const done = reader.readBoolean();
            reader.skip(4);
            if (done)
                break;
            if (type !== OpCode.getData && type !== OpCode.getChildren) {
                throw new JuteError(`a multiRead cannot hold operation ${type}`);
            }
            const pathLength = reader.readSpan();
            const pathStart = reader.spanStart;
            reader.readBoolean();
            if (pathLength < 0)
                throw new JuteError('a read needs a path');
            this.#read(connection, type, this.#tree.find(reader.bytes, pathStart, pathLength), writer);
        }
        writeHeader(writer, -1, true, -1);
        return writer.written();
    }
    #read(connection, type, ref, writer) {
        const error = this.#check(connection, ref);
        if (error !== ErrorCode.OK) {
            writeHeader(writer, OpCode.error, false, error);
            writer.writeInt(error);
            return;
        }
        writeHeader(writer, type, false, ErrorCode.OK);
        if (type === OpCode.getData)
            this.#writeData(ref, writer);
        else
            this.#writeChildren(ref, writer);
    }
    #check(connection, ref) {
        if (ref === NO_ZNODE)
            return ErrorCode.NONODE;
        const isAllowed = this.#access.allows(this.#tree.aclRef(ref), Permission.read, connection.identities);
        return isAllowed ? ErrorCode.OK : ErrorCode.NOAUTH;
    }
    #writeData(ref, writer) {
        const length = this.#tree.dataLength(ref);
        writer.writeInt(length);
        const dataAt = writer.claim(Math.max(length, 0));
        if (length > 0)
            this.#tree.copyData(ref, writer.bytes, dataAt);
        const statAt = writer.claim(STAT_BYTES);
        this.#tree.writeStat(ref, writer.view, statAt);
    }
    #writeChildren(ref, writer) {
        const at = writer.claim(childNamesBytes(this.#tree, ref));
        writeChildNames(this.#tree, ref, writer.bytes, writer.view, at);
    }
}
function writeHeader(writer, type, done, error) {
    writer.writeInt(type);
    writer.writeBoolean(done);
    writer.writeInt(error);
}
