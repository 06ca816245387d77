import { JuteReader } from '../../src/jute/reader.js';
import { GrowingJuteWriter } from '../../src/jute/writer.js';
import { OpCode } from '../../src/protocol/opcode.js';
export const openAcl = [{ perms: 31, scheme: 'world', id: 'anyone' }];
export const readOnlyAcl = [{ perms: 1, scheme: 'world', id: 'anyone' }];
/** Bits of CreateRequest.flags (protocol/client.md §4.1). */
export const Flag = {
    persistent: 0,
    ephemeral: 1,
    sequential: 2,
    ephemeralSequential: 3,
    container: 4,
    ttl: 5,
    ttlSequential: 6,
};
/** Jute bytes of what `write` writes. */
export function encode(write) {
    const writer = new GrowingJuteWriter();
    write(writer);
    return writer.written().slice();
}
export function text(value) {
    return Buffer.from(value, 'utf8');
}
export function readStat(reader) {
    return {
        czxid: reader.readLong(),
        mzxid: reader.readLong(),
        ctime: reader.readLong(),
        mtime: reader.readLong(),
        version: reader.readInt(),
        cversion: reader.readInt(),
        aversion: reader.readInt(),
        ephemeralOwner: reader.readLong(),
        dataLength: reader.readInt(),
        numChildren: reader.readInt(),
        pzxid: reader.readLong(),
    };
}
export function writeAcl(writer, acl) {
    if (acl === null) {
        writer.writeInt(-1);
        return;
    }
    writer.writeInt(acl.length);
    for (const { perms, scheme, id } of acl) {
        writer.writeInt(perms);
        writer.writeString(scheme);
        writer.writeString(id);
    }
}
export function readAcl(reader) {
    return Array.from({ length: reader.readCount(12) }, () => ({
        perms: reader.readInt(),
        scheme: reader.readString(),
        id: reader.readString(),
    }));
}
export function writeStrings(writer, values) {
    writer.writeInt(values.length);
    for (const value of values)
        writer.writeString(value);
}
export function readStrings(reader) {
    return Array.from({ length: reader.readCount(4) }, () => reader.readString() ?? '');
}
/** A MultiHeader as clients send it. */
export function writeMultiHeader(writer, type, done) {
    writer.writeInt(type);
    writer.writeBoolean(done);
    writer.writeInt(-1);
}
/** CreateRequest. */
export function writeCreate(writer, path, data, acl, flags) {
    writer.writeString(path);
    writer.writeBuffer(data);
    writeAcl(writer, acl);
    writer.writeInt(flags);
}
/** The body of a multi request, its end header included. */
export function writeMulti(writer, operations) {
    for (const operation of operations) {
        writeMultiHeader(writer, OpCode[operation.type], false);
        switch (operation.type) {
            case 'create':
            case 'create2':
            case 'createContainer':
            case 'createTTL': {
                const { path, data = new Uint8Array(0), acl = openAcl, flags = 0 } = operation;
                writeCreate(writer, path, data, acl, flags);
                if (operation.type === 'createTTL')
                    writer.writeLong(operation.ttlMs ?? -1n);
                break;
            }
            case 'delete':
            case 'check':
                writer.writeString(operation.path);
                writer.writeInt(operation.version ?? -1);
                break;
            case 'setData':
                writer.writeString(operation.path);
                writer.writeBuffer(operation.data);
                writer.writeInt(operation.version ?? -1);
                break;
        }
    }
    writeMultiHeader(writer, -1, true);
}
/** The body of a multi reply; throws where an error result carries two different codes. */
export function readMultiResults(reader) {
    const results = [];
    for (;;) {
        const type = reader.readInt();
        const done = reader.readBoolean();
        const err = reader.readInt();
        if (done)
            return results;
        results.push(readMultiResult(reader, type, err));
    }
}
function readMultiResult(reader, type, err) {
    switch (type) {
        case OpCode.create:
            return { type, err, path: reader.readString() };
        case OpCode.create2:
            return { type, err, path: reader.readString(), stat: readStat(reader) };
        case OpCode.setData:
            return { type, err, stat: readStat(reader) };
        case OpCode.delete:
        case OpCode.check:
            return { type, err };
        case OpCode.error: {
            const bodyErr = reader.readInt();
            if (bodyErr !== err)
                throw new Error(`multi error result says ${err} in its header, ${bodyErr} in its body`);
            return { type, err };
        }
        default:
            throw new Error(`multi result of type ${type}`);
    }
}
/** A reader over all of `bytes`. */
export function readerOf(bytes) {
    return new JuteReader(bytes);
}
export function readCreated(reader) {
    return { path: reader.readString(), stat: readStat(reader) };
}
export function writeMultiRead(writer, operations) {
    for (const { type, path, watch = false } of operations) {
        writeMultiHeader(writer, OpCode[type], false);
        writer.writeString(path);
        writer.writeBoolean(watch);
    }
    writeMultiHeader(writer, -1, true);
}
/** The body of a multiRead reply; throws where a header does not fit its result. */
export function readMultiReadResults(reader) {
    const results = [];
    for (;;) {
        const type = reader.readInt();
        const done = reader.readBoolean();
        const err = reader.readInt();
        if (done)
            return results;
        if (type === OpCode.getData && err === 0) {
            results.push({ type: 'getData', data: reader.readBuffer(), stat: readStat(reader) });
        }
        else if (type === OpCode.getChildren && err === 0) {
            results.push({ type: 'getChildren', children: readStrings(reader) });
        }
        else if (type === OpCode.error && err === reader.readInt()) {
            results.push({ type: 'error', err });
        }
        else {
            throw new Error(`multiRead result of type ${type} with error ${err}`);
        }
    }
}
