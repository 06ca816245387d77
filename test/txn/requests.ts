import type { JuteWriter } from '../../src/jute/writer.ts';
import { OpCode } from '../../src/protocol/opcode.ts';

/** One entry of an ACL: permissions, scheme, id. */
export type AclEntry = readonly [number, string | null, string | null];
export type AclList = readonly AclEntry[];

export interface CreateOp {
  readonly type: 'create' | 'create2';
  readonly path: string;
  readonly data: Uint8Array | null;
  readonly acl: AclList | null;
  readonly flags: number;
}
export type Op =
  | CreateOp
  | { readonly type: 'delete'; readonly path: string; readonly version: number }
  | { readonly type: 'check'; readonly path: string; readonly version: number }
  | {
      readonly type: 'setData';
      readonly path: string;
      readonly data: Uint8Array | null;
      readonly version: number;
    }
  | {
      readonly type: 'setACL';
      readonly path: string;
      readonly acl: AclList | null;
      readonly version: number;
    };
export type MultiOp = Exclude<Op, { type: 'setACL' }>;
export type ClientRequest =
  | Exclude<Op, { type: 'check' }>
  | { readonly type: 'multi'; readonly ops: readonly MultiOp[] };

export const OPEN: AclList = [[31, 'world', 'anyone']];

export function opcodeOf(type: ClientRequest['type'] | 'check'): number {
  return OpCode[type];
}

export function writeAclList(writer: JuteWriter, acl: AclList | null): void {
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
export function writeRequest(writer: JuteWriter, request: ClientRequest | MultiOp): void {
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

export function writeMultiHeader(writer: JuteWriter, type: number, done: boolean, error: number): void {
  writer.writeInt(type);
  writer.writeBoolean(done);
  writer.writeInt(error);
}
