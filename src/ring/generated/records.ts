// Generated from schemas/records.fbs by `npm run schemas`. Do not edit.

import * as flatbuffers from 'flatbuffers';

export class CommitHead {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):CommitHead {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

kind():number {
  return this.bb!.readInt32(this.bb_pos);
}

mutate_kind(value:number):boolean {
  this.bb!.writeInt32(this.bb_pos + 0, value);
  return true;
}

worker():number {
  return this.bb!.readInt32(this.bb_pos + 4);
}

mutate_worker(value:number):boolean {
  this.bb!.writeInt32(this.bb_pos + 4, value);
  return true;
}

connection():number {
  return this.bb!.readUint32(this.bb_pos + 8);
}

mutate_connection(value:number):boolean {
  this.bb!.writeUint32(this.bb_pos + 8, value);
  return true;
}

xid():number {
  return this.bb!.readInt32(this.bb_pos + 12);
}

mutate_xid(value:number):boolean {
  this.bb!.writeInt32(this.bb_pos + 12, value);
  return true;
}

zxidHigh():number {
  return this.bb!.readInt32(this.bb_pos + 16);
}

mutate_zxid_high(value:number):boolean {
  this.bb!.writeInt32(this.bb_pos + 16, value);
  return true;
}

zxidLow():number {
  return this.bb!.readInt32(this.bb_pos + 20);
}

mutate_zxid_low(value:number):boolean {
  this.bb!.writeInt32(this.bb_pos + 20, value);
  return true;
}

error():number {
  return this.bb!.readInt32(this.bb_pos + 24);
}

mutate_error(value:number):boolean {
  this.bb!.writeInt32(this.bb_pos + 24, value);
  return true;
}

event():number {
  return this.bb!.readInt32(this.bb_pos + 28);
}

mutate_event(value:number):boolean {
  this.bb!.writeInt32(this.bb_pos + 28, value);
  return true;
}

sessionHigh():number {
  return this.bb!.readInt32(this.bb_pos + 32);
}

mutate_session_high(value:number):boolean {
  this.bb!.writeInt32(this.bb_pos + 32, value);
  return true;
}

sessionLow():number {
  return this.bb!.readInt32(this.bb_pos + 36);
}

mutate_session_low(value:number):boolean {
  this.bb!.writeInt32(this.bb_pos + 36, value);
  return true;
}

timeoutMs():number {
  return this.bb!.readInt32(this.bb_pos + 40);
}

mutate_timeout_ms(value:number):boolean {
  this.bb!.writeInt32(this.bb_pos + 40, value);
  return true;
}

slot():number {
  return this.bb!.readInt32(this.bb_pos + 44);
}

mutate_slot(value:number):boolean {
  this.bb!.writeInt32(this.bb_pos + 44, value);
  return true;
}

pathLength():number {
  return this.bb!.readUint32(this.bb_pos + 48);
}

mutate_path_length(value:number):boolean {
  this.bb!.writeUint32(this.bb_pos + 48, value);
  return true;
}

aclLength():number {
  return this.bb!.readUint32(this.bb_pos + 52);
}

mutate_acl_length(value:number):boolean {
  this.bb!.writeUint32(this.bb_pos + 52, value);
  return true;
}

parentAclLength():number {
  return this.bb!.readUint32(this.bb_pos + 56);
}

mutate_parent_acl_length(value:number):boolean {
  this.bb!.writeUint32(this.bb_pos + 56, value);
  return true;
}

bodyLength():number {
  return this.bb!.readUint32(this.bb_pos + 60);
}

mutate_body_length(value:number):boolean {
  this.bb!.writeUint32(this.bb_pos + 60, value);
  return true;
}

static sizeOf():number {
  return 64;
}

static createCommitHead(builder:flatbuffers.Builder, kind: number, worker: number, connection: number, xid: number, zxid_high: number, zxid_low: number, error: number, event: number, session_high: number, session_low: number, timeout_ms: number, slot: number, path_length: number, acl_length: number, parent_acl_length: number, body_length: number):flatbuffers.Offset {
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
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):LogHead {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

kind():number {
  return this.bb!.readInt32(this.bb_pos);
}

mutate_kind(value:number):boolean {
  this.bb!.writeInt32(this.bb_pos + 0, value);
  return true;
}

worker():number {
  return this.bb!.readInt32(this.bb_pos + 4);
}

mutate_worker(value:number):boolean {
  this.bb!.writeInt32(this.bb_pos + 4, value);
  return true;
}

connection():number {
  return this.bb!.readUint32(this.bb_pos + 8);
}

mutate_connection(value:number):boolean {
  this.bb!.writeUint32(this.bb_pos + 8, value);
  return true;
}

xid():number {
  return this.bb!.readInt32(this.bb_pos + 12);
}

mutate_xid(value:number):boolean {
  this.bb!.writeInt32(this.bb_pos + 12, value);
  return true;
}

opcode():number {
  return this.bb!.readInt32(this.bb_pos + 16);
}

mutate_opcode(value:number):boolean {
  this.bb!.writeInt32(this.bb_pos + 16, value);
  return true;
}

zxidHigh():number {
  return this.bb!.readInt32(this.bb_pos + 20);
}

mutate_zxid_high(value:number):boolean {
  this.bb!.writeInt32(this.bb_pos + 20, value);
  return true;
}

zxidLow():number {
  return this.bb!.readInt32(this.bb_pos + 24);
}

mutate_zxid_low(value:number):boolean {
  this.bb!.writeInt32(this.bb_pos + 24, value);
  return true;
}

sessionHigh():number {
  return this.bb!.readInt32(this.bb_pos + 28);
}

mutate_session_high(value:number):boolean {
  this.bb!.writeInt32(this.bb_pos + 28, value);
  return true;
}

sessionLow():number {
  return this.bb!.readInt32(this.bb_pos + 32);
}

mutate_session_low(value:number):boolean {
  this.bb!.writeInt32(this.bb_pos + 32, value);
  return true;
}

admittedBytes():number {
  return this.bb!.readUint32(this.bb_pos + 36);
}

mutate_admitted_bytes(value:number):boolean {
  this.bb!.writeUint32(this.bb_pos + 36, value);
  return true;
}

entryOffset():number {
  return this.bb!.readUint32(this.bb_pos + 40);
}

mutate_entry_offset(value:number):boolean {
  this.bb!.writeUint32(this.bb_pos + 40, value);
  return true;
}

entryLength():number {
  return this.bb!.readUint32(this.bb_pos + 44);
}

mutate_entry_length(value:number):boolean {
  this.bb!.writeUint32(this.bb_pos + 44, value);
  return true;
}

contentCrc():number {
  return this.bb!.readInt32(this.bb_pos + 48);
}

mutate_content_crc(value:number):boolean {
  this.bb!.writeInt32(this.bb_pos + 48, value);
  return true;
}

hasContentCrc():number {
  return this.bb!.readInt32(this.bb_pos + 52);
}

mutate_has_content_crc(value:number):boolean {
  this.bb!.writeInt32(this.bb_pos + 52, value);
  return true;
}

static sizeOf():number {
  return 56;
}

static createLogHead(builder:flatbuffers.Builder, kind: number, worker: number, connection: number, xid: number, opcode: number, zxid_high: number, zxid_low: number, session_high: number, session_low: number, admitted_bytes: number, entry_offset: number, entry_length: number, content_crc: number, has_content_crc: number):flatbuffers.Offset {
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
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):RequestHead {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

kind():number {
  return this.bb!.readInt32(this.bb_pos);
}

mutate_kind(value:number):boolean {
  this.bb!.writeInt32(this.bb_pos + 0, value);
  return true;
}

connection():number {
  return this.bb!.readUint32(this.bb_pos + 4);
}

mutate_connection(value:number):boolean {
  this.bb!.writeUint32(this.bb_pos + 4, value);
  return true;
}

xid():number {
  return this.bb!.readInt32(this.bb_pos + 8);
}

mutate_xid(value:number):boolean {
  this.bb!.writeInt32(this.bb_pos + 8, value);
  return true;
}

opcode():number {
  return this.bb!.readInt32(this.bb_pos + 12);
}

mutate_opcode(value:number):boolean {
  this.bb!.writeInt32(this.bb_pos + 12, value);
  return true;
}

sessionHigh():number {
  return this.bb!.readInt32(this.bb_pos + 16);
}

mutate_session_high(value:number):boolean {
  this.bb!.writeInt32(this.bb_pos + 16, value);
  return true;
}

sessionLow():number {
  return this.bb!.readInt32(this.bb_pos + 20);
}

mutate_session_low(value:number):boolean {
  this.bb!.writeInt32(this.bb_pos + 20, value);
  return true;
}

timeoutMs():number {
  return this.bb!.readInt32(this.bb_pos + 24);
}

mutate_timeout_ms(value:number):boolean {
  this.bb!.writeInt32(this.bb_pos + 24, value);
  return true;
}

payloadOffset():number {
  return this.bb!.readUint32(this.bb_pos + 28);
}

mutate_payload_offset(value:number):boolean {
  this.bb!.writeUint32(this.bb_pos + 28, value);
  return true;
}

payloadLength():number {
  return this.bb!.readUint32(this.bb_pos + 32);
}

mutate_payload_length(value:number):boolean {
  this.bb!.writeUint32(this.bb_pos + 32, value);
  return true;
}

static sizeOf():number {
  return 36;
}

static createRequestHead(builder:flatbuffers.Builder, kind: number, connection: number, xid: number, opcode: number, session_high: number, session_low: number, timeout_ms: number, payload_offset: number, payload_length: number):flatbuffers.Offset {
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
