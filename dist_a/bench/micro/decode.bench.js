import { JuteReader } from '../../src/jute/reader.js';
import { OpCode } from '../../src/protocol/opcode.js';
import { isValidPath } from '../../src/protocol/path.js';
import { fixUpAcls } from '../../src/txn/acl-fixup.js';
import { countMultiOps } from '../../src/txn/multi-request.js';
import { bytesOf, writeCreate, writeMulti, writePathAndWatch, writeSetData } from './requests.js';
import { addBatch, BATCH } from './timed-batch.js';
const PATH = '/services/service-0042/node-0017';
const KIBIBYTE = new Uint8Array(1024).fill(7);
const MULTI_OPS = 10;
/** Registers the decoding of the hot requests: frames are taken in place, as the connection workers do. */
export function decodeBenchmarks(bench) {
    const reader = new JuteReader();
    const add = (name, opcode, body, decode) => {
        const frame = bytesOf((writer) => {
            writer.writeInt(1);
            writer.writeInt(opcode);
            body(writer);
        });
        addBatch(bench, `decode: ${name}`, () => {
            for (let i = 0; i < BATCH; i++) {
                reader.reset(frame, 0, frame.length);
                const isExpected = reader.readInt() === 1 && reader.readInt() === opcode && decode();
                if (!isExpected)
                    throw new Error(`${name} was decoded wrongly`);
            }
        });
    };
    const pathAndWatch = () => reader.readSpan() === PATH.length && !reader.readBoolean();
    const withPath = (writer) => writePathAndWatch(writer, PATH);
    add('getData', OpCode.getData, withPath, pathAndWatch);
    add('exists', OpCode.exists, withPath, pathAndWatch);
    add('getChildren2', OpCode.getChildren2, withPath, pathAndWatch);
    add('setData of 1 KiB, path checked', OpCode.setData, (writer) => writeSetData(writer, PATH, KIBIBYTE), () => {
        const pathLength = reader.readSpan();
        const pathStart = reader.spanStart;
        return (reader.readSpan() === 1024 &&
            reader.readInt() === -1 &&
            isValidPath(reader.bytes, pathStart, pathLength));
    });
    add('create of 1 KiB, path checked, open ACL', OpCode.create, (writer) => writeCreate(writer, PATH, KIBIBYTE), () => {
        const pathLength = reader.readSpan();
        const pathStart = reader.spanStart;
        reader.readSpan();
        const acls = fixUpAcls(reader, [], 1024);
        return acls !== null && reader.readInt() === 0 && isValidPath(reader.bytes, pathStart, pathLength);
    });
    add(`multi of ${MULTI_OPS} setData, counted`, OpCode.multi, (writer) => writeMulti(writer, new Array(MULTI_OPS).fill(PATH), KIBIBYTE), () => countMultiOps(reader) === MULTI_OPS);
}
