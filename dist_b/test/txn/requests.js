import { OpCode } from '../../src/protocol/opcode.js';
export const OPEN = [[31, 'world', 'anyone']];
export function opcodeOf(type) {
    return OpCode[type];
}
export function writeAclList(writer, acl) {
    if (acl === null) {
        writer.writeInt(-1);
        return;
    }
    writer.writeInt(acl.length);
    for (const [permissions, scheme, id] of acl) {
        writer.writeInt(permissions);
        writer.writeString(scheme);
        writer.writeString(id);
    }
}
/** The body of a request, or of an op of a multi. */
export function writeRequest(writer, request) {
    switch (request.type) {
        case 'create':
        case 'create2':
            writer.writeString(request.path);
            writer.writeBuffer(request.data);
            writeAclList(writer, request.acl);
            writer.writeInt(request.flags);
            break;
        case 'delete':
        case 'check':
            writer.writeString(request.path);
            writer.writeInt(request.version);
            break;
        case 'setData':
            writer.writeString(request.path);
            writer.writeBuffer(request.data);
            writer.writeInt(request.version);
            break;
        case 'setACL':
            writer.writeString(request.path);
            writeAclList(writer, request.acl);
            writer.writeInt(request.version);
            break;
        case 'multi':
            for (const op of request.ops) {
                writeMultiHeader(writer, opcodeOf(op.type), false, -1);
                writeRequest(writer, op);
            }
            writeMultiHeader(writer, -1, true, -1);
            break;
    }
}
export function writeMultiHeader(writer, type, done, error) {
    writer.writeInt(type);
    writer.writeBoolean(done);
    writer.writeInt(error);
}
