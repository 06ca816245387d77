// Requests as they stand in a frame, for the benchmarks.
import { GrowingJuteWriter } from '../../src/jute/writer.js';
import { OPEN_ACL_BYTES } from '../../src/protocol/acl.js';
import { OpCode } from '../../src/protocol/opcode.js';
/** The bytes that `write` writes. */
export function bytesOf(write) {
    const writer = new GrowingJuteWriter();
    write(writer);
    return writer.written().slice();
}
/** Body of exists, getData, getChildren and getChildren2. */
export function writePathAndWatch(writer, path) {
    writer.writeString(path);
    writer.writeBoolean(false);
}
export function writeSetData(writer, path, data) {
    writer.writeString(path);
    writer.writeBuffer(data);
    writer.writeInt(-1);
}
/** A persistent znode with the open ACL list. */
export function writeCreate(writer, path, data) {
    writer.writeString(path);
    writer.writeBuffer(data);
    writer.writeBytes(OPEN_ACL_BYTES, 0, OPEN_ACL_BYTES.length);
    writer.writeInt(0);
}
export function writeDelete(writer, path) {
    writer.writeString(path);
    writer.writeInt(-1);
}
/** A multi of setData ops. */
export function writeMulti(writer, paths, data) {
    for (const path of paths) {
        writeMultiHeader(writer, OpCode.setData, false);
        writeSetData(writer, path, data);
    }
    writeMultiHeader(writer, -1, true);
}
function writeMultiHeader(writer, type, done) {
    writer.writeInt(type);
    writer.writeBoolean(done);
    writer.writeInt(-1);
}
