import { OpCode } from '../../src/protocol/opcode.js';
import { fourLetterWords } from '../../src/server/four-letter-words.js';
import { encode, openAcl, text, writeAcl, writeCreate, writeMulti, writeStrings, } from '../support/wire-records.js';
const PATHS = ['/a', '/b', '/a/b', '/a/b/c', '/', '', '/a/', '//', '/a/..', '/zookeeper/quota', '/\0', '/ä'];
const LENGTHS = [-1, -2, 0, 1, 0x7fffffff, -0x80000000, 0xffff, 0x100000];
const ACLS = [
    openAcl,
    [],
    [{ perms: 31, scheme: 'auth', id: '' }],
    [{ perms: -1, scheme: 'digest', id: 'a:b:c' }],
    [{ perms: 1, scheme: 'ip', id: '127.0.0.1/33' }],
];
const opcodes = Object.values(OpCode);
function pick(draw, values) {
    return values[draw.below(values.length)];
}
function someBytes(draw, lengthMax) {
    return Uint8Array.from({ length: draw.below(lengthMax + 1) }, () => draw.below(256));
}
/** The body of a request that its opcode allows, of whichever kind. */
export function validBody(draw, opcode) {
    const path = pick(draw, PATHS);
    const data = someBytes(draw, 64);
    const flags = draw.below(8);
    const acl = pick(draw, ACLS);
    return (writer) => {
        switch (opcode) {
            case OpCode.create:
            case OpCode.create2:
                writeCreate(writer, path, data, acl, flags);
                break;
            case OpCode.setData:
                writer.writeString(path);
                writer.writeBuffer(data);
                writer.writeInt(draw.below(3) - 1);
                break;
            case OpCode.setACL:
                writer.writeString(path);
                writeAcl(writer, acl);
                writer.writeInt(-1);
                break;
            case OpCode.multi:
                writeMulti(writer, [
                    { type: 'create', path, data, acl, flags },
                    { type: 'setData', path: pick(draw, PATHS), data },
                    { type: 'check', path: pick(draw, PATHS) },
                    { type: 'delete', path: pick(draw, PATHS) },
                ]);
                break;
            case OpCode.setWatches:
                writer.writeLong(BigInt(draw.below(100)));
                for (let i = 0; i < 3; i++)
                    writeStrings(writer, [path, pick(draw, PATHS)]);
                break;
            case OpCode.auth:
                writer.writeInt(0);
                writer.writeString(pick(draw, ['digest', 'ip', 'super', 'sasl', '']));
                writer.writeBuffer(data);
                break;
            default:
                writer.writeString(path);
                writer.writeInt(draw.below(3) - 1);
        }
    };
}
/** The bytes with some harm done to them, or none. */
export function mutate(draw, bytes) {
    let result = bytes.slice();
    for (let harm = draw.below(4); harm > 0 && result.length > 0; harm--) {
        const at = draw.below(result.length);
        switch (draw.below(5)) {
            case 0:
                result[at] ^= 1 << draw.below(8);
                break;
            case 1:
                result = result.slice(0, at);
                break;
            case 2:
                result = Uint8Array.from([...result.subarray(0, at), ...someBytes(draw, 8), ...result.subarray(at)]);
                break;
            case 3:
                if (at + 4 <= result.length)
                    new DataView(result.buffer).setInt32(at, pick(draw, LENGTHS));
                break;
            case 4:
                result = Uint8Array.from([...result, ...someBytes(draw, 16)]);
                break;
        }
    }
    return result;
}
/** A request: header and body, without the length. Its opcode is one that exists, most of the time. */
export function requestFrame(draw) {
    const opcode = draw.below(20) === 0 ? draw.below(256) - 16 : pick(draw, opcodes);
    const whole = encode((writer) => {
        writer.writeInt(draw.below(1000));
        writer.writeInt(opcode);
        validBody(draw, opcode)(writer);
    });
    // The header is left whole as a rule: otherwise hardly anything would get further than it.
    if (draw.below(8) === 0)
        return mutate(draw, whole);
    return Uint8Array.from([...whole.subarray(0, 8), ...mutate(draw, whole.subarray(8))]);
}
/** A ConnectRequest, without the length. */
export function connectFrame(draw, timeoutMs) {
    return encode((writer) => {
        writer.writeInt(0);
        writer.writeLong(0n);
        writer.writeInt(timeoutMs);
        writer.writeLong(draw.below(4) === 0 ? BigInt(draw.below(1 << 30)) : 0n);
        writer.writeBuffer(new Uint8Array(16));
        writer.writeBoolean(false);
    });
}
/** What a connection may begin with that is no ConnectRequest. */
export function strangeBeginning(draw) {
    switch (draw.below(4)) {
        case 0:
            return Uint8Array.from([...text(pick(draw, fourLetterWords).slice(0, 4)), ...someBytes(draw, 12)]);
        case 1:
            return text(pick(draw, ['GET / HTTP/1.1\r\n\r\n', 'SSH-2.0-x\r\n', '\x16\x03\x01\x02\x00\x01\x00']));
        case 2:
            return withLength(mutate(draw, connectFrame(draw, 1000)), draw);
        default:
            return someBytes(draw, 64);
    }
}
/** The frame behind its length, which is seldom a wrong one. */
export function withLength(frame, draw) {
    const bytes = new Uint8Array(4 + frame.length);
    const length = draw.below(200) === 0 ? pick(draw, LENGTHS) : frame.length;
    new DataView(bytes.buffer).setInt32(0, length);
    bytes.set(frame, 4);
    return bytes;
}
