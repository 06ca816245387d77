// Generated from schemas/records.fbs by `npm run schemas`. Do not edit.
import * as flatbuffers from 'flatbuffers';
export class CommitHead {
    bb = null;
    bb_pos = 0;
    __init(i, bb) {
        this.bb_pos = i;
        this.bb = bb;
        return this;
    }
    kind() {
        return this.bb.readInt32(this.bb_pos);
    }
    mutate_kind(value) {
        this.bb.writeInt32(this.bb_pos + 0, value);
        return true;
    }
    worker() {
        return this.bb.readInt32(this.bb_pos + 4);
    }
    mutate_worker(value) {
        this.bb.writeInt32(this.bb_pos + 4, value);
        return true;
    }
    connection() {
        return this.bb.readUint32(this.bb_pos + 8);
    }
    mutate_connection(value) {
        this.bb.writeUint32(this.bb_pos + 8, value);
        return true;
    }
    xid() {
        return this.bb.readInt32(this.bb_pos + 12);
    }
    mutate_xid(value) {
        this.bb.writeInt32(this.bb_pos + 12, value);
        return true;
    }
    zxidHigh() {
        return this.bb.readInt32(this.bb_pos + 16);
    }
    mutate_zxid_high(value) {
        this.bb.writeInt32(this.bb_pos + 16, value);
        return true;
    }
    zxidLow() {
        return this.bb.readInt32(this.bb_pos + 20);
    }
    mutate_zxid_low(value) {
        this.bb.writeInt32(this.bb_pos + 20, value);
        return true;
    }
    error() {
        return this.bb.readInt32(this.bb_pos + 24);
    }
    mutate_error(value) {
        this.bb.writeInt32(this.bb_pos + 24, value);
        return true;
    }
    event() {
        return this.bb.readInt32(this.bb_pos + 28);
    }
    mutate_event(value) {
        this.bb.writeInt32(this.bb_pos + 28, value);
        return true;
    }
    sessionHigh() {
        return this.bb.readInt32(this.bb_pos + 32);
    }
    mutate_session_high(value) {
        this.bb.writeInt32(this.bb_pos + 32, value);
        return true;
    }
    sessionLow() {
        return this.bb.readInt32(this.bb_pos + 36);
    }
    mutate_session_low(value) {
        this.bb.writeInt32(this.bb_pos + 36, value);
        return true;
    }
    timeoutMs() {
        return this.bb.readInt32(this.bb_pos + 40);
    }
    mutate_timeout_ms(value) {
        this.bb.writeInt32(this.bb_pos + 40, value);
        return true;
    }
    slot() {
        return this.bb.readInt32(this.bb_pos + 44);
    }
    mutate_slot(value) {
        this.bb.writeInt32(this.bb_pos + 44, value);
        return true;
    }
    pathLength() {
        return this.bb.readUint32(this.bb_pos + 48);
    }
    mutate_path_length(value) {
        this.bb.writeUint32(this.bb_pos + 48, value);
        return true;
    }
    aclLength() {
        return this.bb.readUint32(this.bb_pos + 52);
    }
    mutate_acl_length(value) {
        this.bb.writeUint32(this.bb_pos + 52, value);
        return true;
    }
    parentAclLength() {
        return this.bb.readUint32(this.bb_pos + 56);
    }
    mutate_parent_acl_length(value) {
        this.bb.writeUint32(this.bb_pos + 56, value);
        return true;
    }
    bodyLength() {
        return this.bb.readUint32(this.bb_pos + 60);
    }
    mutate_body_length(value) {
        this.bb.writeUint32(this.bb_pos + 60, value);
        return true;
    }
    static sizeOf() {
        return 64;
    }
    static createCommitHead(builder, kind, worker, connection, xid, zxid_high, zxid_low, error, event, session_high, session_low, timeout_ms, slot, path_length, acl_length, parent_acl_length, body_length) {
        builder.prep(4, 64);
        builder.writeInt32(body_length);
        builder.writeInt32(parent_acl_length);
        builder.writeInt32(acl_length);
        builder.writeInt32(path_length);
        builder.writeInt32(slot);
        builder.writeInt32(timeout_ms);
        builder.writeInt32(session_low);
        builder.writeInt32(session_high);
        builder.writeInt32(event);
        builder.writeInt32(error);
        builder.writeInt32(zxid_low);
        builder.writeInt32(zxid_high);
        builder.writeInt32(xid);
        builder.writeInt32(connection);
        builder.writeInt32(worker);
        builder.writeInt32(kind);
        return builder.offset();
    }
}
export class LogHead {
    bb = null;
    bb_pos = 0;
    __init(i, bb) {
        this.bb_pos = i;
        this.bb = bb;
        return this;
    }
    kind() {
        return this.bb.readInt32(this.bb_pos);
    }
    mutate_kind(value) {
        this.bb.writeInt32(this.bb_pos + 0, value);
        return true;
    }
    worker() {
        return this.bb.readInt32(this.bb_pos + 4);
    }
    mutate_worker(value) {
        this.bb.writeInt32(this.bb_pos + 4, value);
        return true;
    }
    connection() {
        return this.bb.readUint32(this.bb_pos + 8);
    }
    mutate_connection(value) {
        this.bb.writeUint32(this.bb_pos + 8, value);
        return true;
    }
    xid() {
        return this.bb.readInt32(this.bb_pos + 12);
    }
    mutate_xid(value) {
        this.bb.writeInt32(this.bb_pos + 12, value);
        return true;
    }
    opcode() {
        return this.bb.readInt32(this.bb_pos + 16);
    }
    mutate_opcode(value) {
        this.bb.writeInt32(this.bb_pos + 16, value);
        return true;
    }
    zxidHigh() {
        return this.bb.readInt32(this.bb_pos + 20);
    }
    mutate_zxid_high(value) {
        this.bb.writeInt32(this.bb_pos + 20, value);
        return true;
    }
    zxidLow() {
        return this.bb.readInt32(this.bb_pos + 24);
    }
    mutate_zxid_low(value) {
        this.bb.writeInt32(this.bb_pos + 24, value);
        return true;
    }
    sessionHigh() {
        return this.bb.readInt32(this.bb_pos + 28);
    }
    mutate_session_high(value) {
        this.bb.writeInt32(this.bb_pos + 28, value);
        return true;
    }
    sessionLow() {
        return this.bb.readInt32(this.bb_pos + 32);
    }
    mutate_session_low(value) {
        this.bb.writeInt32(this.bb_pos + 32, value);
        return true;
    }
    admittedBytes() {
        return this.bb.readUint32(this.bb_pos + 36);
    }
    mutate_admitted_bytes(value) {
        this.bb.writeUint32(this.bb_pos + 36, value);
        return true;
    }
    entryOffset() {
        return this.bb.readUint32(this.bb_pos + 40);
    }
    mutate_entry_offset(value) {
        this.bb.writeUint32(this.bb_pos + 40, value);
        return true;
    }
    entryLength() {
        return this.bb.readUint32(this.bb_pos + 44);
    }
    mutate_entry_length(value) {
        this.bb.writeUint32(this.bb_pos + 44, value);
        return true;
    }
    contentCrc() {
        return this.bb.readInt32(this.bb_pos + 48);
    }
    mutate_content_crc(value) {
        this.bb.writeInt32(this.bb_pos + 48, value);
        return true;
    }
    hasContentCrc() {
        return this.bb.readInt32(this.bb_pos + 52);
    }
    mutate_has_content_crc(value) {
        this.bb.writeInt32(this.bb_pos + 52, value);
        return true;
    }
    static sizeOf() {
        return 56;
    }
    static createLogHead(builder, kind, worker, connection, xid, opcode, zxid_high, zxid_low, session_high, session_low, admitted_bytes, entry_offset, entry_length, content_crc, has_content_crc) {
        builder.prep(4, 56);
        builder.writeInt32(has_content_crc);
        builder.writeInt32(content_crc);
        builder.writeInt32(entry_length);
        builder.writeInt32(entry_offset);
        builder.writeInt32(admitted_bytes);
        builder.writeInt32(session_low);
        builder.writeInt32(session_high);
        builder.writeInt32(zxid_low);
        builder.writeInt32(zxid_high);
        builder.writeInt32(opcode);
        builder.writeInt32(xid);
        builder.writeInt32(connection);
        builder.writeInt32(worker);
        builder.writeInt32(kind);
        return builder.offset();
    }
}
export class RequestHead {
    bb = null;
    bb_pos = 0;
    __init(i, bb) {
        this.bb_pos = i;
        this.bb = bb;
        return this;
    }
    kind() {
        return this.bb.readInt32(this.bb_pos);
    }
    mutate_kind(value) {
        this.bb.writeInt32(this.bb_pos + 0, value);
        return true;
    }
    connection() {
        return this.bb.readUint32(this.bb_pos + 4);
    }
    mutate_connection(value) {
        this.bb.writeUint32(this.bb_pos + 4, value);
        return true;
    }
    xid() {
        return this.bb.readInt32(this.bb_pos + 8);
    }
    mutate_xid(value) {
        this.bb.writeInt32(this.bb_pos + 8, value);
        return true;
    }
    opcode() {
        return this.bb.readInt32(this.bb_pos + 12);
    }
    mutate_opcode(value) {
        this.bb.writeInt32(this.bb_pos + 12, value);
        return true;
    }
    sessionHigh() {
        return this.bb.readInt32(this.bb_pos + 16);
    }
    mutate_session_high(value) {
        this.bb.writeInt32(this.bb_pos + 16, value);
        return true;
    }
    sessionLow() {
        return this.bb.readInt32(this.bb_pos + 20);
    }
    mutate_session_low(value) {
        this.bb.writeInt32(this.bb_pos + 20, value);
        return true;
    }
    timeoutMs() {
        return this.bb.readInt32(this.bb_pos + 24);
    }
    mutate_timeout_ms(value) {
        this.bb.writeInt32(this.bb_pos + 24, value);
        return true;
    }
    payloadOffset() {
        return this.bb.readUint32(this.bb_pos + 28);
    }
    mutate_payload_offset(value) {
        this.bb.writeUint32(this.bb_pos + 28, value);
        return true;
    }
    payloadLength() {
        return this.bb.readUint32(this.bb_pos + 32);
    }
    mutate_payload_length(value) {
        this.bb.writeUint32(this.bb_pos + 32, value);
        return true;
    }
    static sizeOf() {
        return 36;
    }
    static createRequestHead(builder, kind, connection, xid, opcode, session_high, session_low, timeout_ms, payload_offset, payload_length) {
        builder.prep(4, 36);
        builder.writeInt32(payload_length);
        builder.writeInt32(payload_offset);
        builder.writeInt32(timeout_ms);
        builder.writeInt32(session_low);
        builder.writeInt32(session_high);
        builder.writeInt32(opcode);
        builder.writeInt32(xid);
        builder.writeInt32(connection);
        builder.writeInt32(kind);
        return builder.offset();
    }
}
