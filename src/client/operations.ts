// Hot path: an operation writes its request in place and reads its reply where it lies in the frame.

import type { JuteReader } from '../jute/reader.ts';
import { type Acl, OPEN_ACL_BYTES, readAcls } from '../protocol/acl.ts';
import { OpCode } from '../protocol/opcode.ts';
import { openAcl } from './acls.ts';
import type { OutputBuffer } from './output-buffer.ts';
import { withoutChroot } from './paths.ts';
import type { Operation, Request } from './request.ts';
import { readStat, type Stat } from './stat.ts';
import { copyValue } from './value-slab.ts';

/** A znode's data and Stat. `data` is null where the znode was created with null data, as Java clients may. */
export interface DataAndStat {
  readonly data: Uint8Array | null;
  readonly stat: Stat;
}

export interface ChildrenAndStat {
  readonly children: string[];
  readonly stat: Stat;
}

export interface AclAndStat {
  readonly acls: Acl[];
  readonly stat: Stat;
}

export interface PathAndStat {
  readonly path: string;
  readonly stat: Stat;
}

/** Who the server takes the connection for. */
export interface ClientIdentity {
  readonly scheme: string;
  readonly user: string;
}

function writePathAndWatch(output: OutputBuffer, request: Request): void {
  output.writeString(request.serverPath);
  output.writeBoolean(request.listener !== null);
}

function writePath(output: OutputBuffer, request: Request): void {
  output.writeString(request.serverPath);
}

function writePathAndNumber(output: OutputBuffer, request: Request): void {
  output.writeString(request.serverPath);
  output.writeInt(request.number);
}

/** Also the body of a create within a multi. */
export function writeCreate(output: OutputBuffer, request: Request): void {
  output.writeString(request.serverPath);
  output.writeBuffer(request.data);
  writeAclList(output, request.acls ?? openAcl);
  output.writeInt(request.number);
  if (request.ttlMs >= 0) output.writeLong(BigInt(request.ttlMs));
}

function writeAclList(output: OutputBuffer, acls: readonly Acl[]): void {
  if (acls === openAcl) {
    output.writeBytes(OPEN_ACL_BYTES, 0, OPEN_ACL_BYTES.length);
    return;
  }
  output.writeInt(acls.length);
  for (const { permissions, scheme, id } of acls) {
    output.writeInt(permissions);
    output.writeString(scheme);
    output.writeString(id);
  }
}

/** Also the body of a setData within a multi. */
export function writeSetData(output: OutputBuffer, request: Request): void {
  output.writeString(request.serverPath);
  output.writeBuffer(request.data);
  output.writeInt(request.number);
}

/** A value; null where a Java client stored null. */
export function readData(reader: JuteReader): Uint8Array | null {
  const length = reader.readSpan();
  return length < 0 ? null : copyValue(reader.bytes, reader.spanStart, length);
}

/** A value and its Stat: the answer to getData and reconfig. */
export function readDataAndStat(reader: JuteReader): DataAndStat {
  return { data: readData(reader), stat: readStat(reader) };
}

/** vector<ustring>: children, or paths. */
export function readStrings(reader: JuteReader): string[] {
  const count = reader.readCount(4);
  const strings: string[] = [];
  for (let i = 0; i < count; i++) strings.push(reader.readString() ?? '');
  return strings;
}

function readText(reader: JuteReader): string {
  return reader.readString() ?? '';
}

function readPath(reader: JuteReader, request: Request): string {
  return withoutChroot(readText(reader), request.chroot);
}

function readPathAndStat(reader: JuteReader, request: Request): PathAndStat {
  return { path: readPath(reader, request), stat: readStat(reader) };
}

function readNothing(): void {}

export const getData: Operation<DataAndStat> = {
  type: OpCode.getData,
  name: 'getData',
  watchKind: 'data',
  write: writePathAndWatch,
  read: readDataAndStat,
};

export const exists: Operation<Stat | null> = {
  type: OpCode.exists,
  name: 'exists',
  watchKind: 'exists',
  missingIsNull: true,
  write: writePathAndWatch,
  read: readStat,
};

export const getChildren: Operation<string[]> = {
  type: OpCode.getChildren,
  name: 'getChildren',
  watchKind: 'children',
  write: writePathAndWatch,
  read: readStrings,
};

export const getChildrenWithStat: Operation<ChildrenAndStat> = {
  type: OpCode.getChildren2,
  name: 'getChildrenWithStat',
  watchKind: 'children',
  write: writePathAndWatch,
  read: (reader) => ({ children: readStrings(reader), stat: readStat(reader) }),
};

export const setData: Operation<Stat> = {
  type: OpCode.setData,
  name: 'setData',
  write: writeSetData,
  read: readStat,
};

export const remove: Operation<void> = {
  type: OpCode.delete,
  name: 'delete',
  write: writePathAndNumber,
  read: readNothing,
};

export const create: Operation<string> = {
  type: OpCode.create,
  name: 'create',
  write: writeCreate,
  read: readPath,
};

/** Containers and TTL znodes are answered with a Stat, asked for or not. */
export const createContainerPath: Operation<string> = { ...create, type: OpCode.createContainer };
export const createTtlPath: Operation<string> = { ...create, type: OpCode.createTTL };

function createReturningStat(type: number): Operation<PathAndStat> {
  return { type, name: 'create', write: writeCreate, read: readPathAndStat };
}

export const createWithStat = createReturningStat(OpCode.create2);
export const createContainer = createReturningStat(OpCode.createContainer);
export const createTtl = createReturningStat(OpCode.createTTL);

export const getAcl: Operation<AclAndStat> = {
  type: OpCode.getACL,
  name: 'getAcl',
  write: writePath,
  read: (reader) => ({ acls: readAcls(reader) ?? [], stat: readStat(reader) }),
};

export const setAcl: Operation<Stat> = {
  type: OpCode.setACL,
  name: 'setAcl',
  write(output, request) {
    output.writeString(request.serverPath);
    writeAclList(output, request.acls ?? openAcl);
    output.writeInt(request.number);
  },
  read: readStat,
};

export const sync: Operation<void> = { type: OpCode.sync, name: 'sync', write: writePath, read: readNothing };

export const getEphemerals: Operation<string[]> = {
  type: OpCode.getEphemerals,
  name: 'getEphemerals',
  write: writePath,
  read: (reader, request) => readStrings(reader).map((path) => withoutChroot(path, request.chroot)),
};

export const getAllChildrenNumber: Operation<number> = {
  type: OpCode.getAllChildrenNumber,
  name: 'getAllChildrenNumber',
  write: writePath,
  read: (reader) => reader.readInt(),
};

export const whoAmI: Operation<ClientIdentity[]> = {
  type: OpCode.whoAmI,
  name: 'whoAmI',
  write: readNothing,
  read(reader) {
    const count = reader.readCount(8);
    const identities: ClientIdentity[] = [];
    for (let i = 0; i < count; i++) identities.push({ scheme: readText(reader), user: readText(reader) });
    return identities;
  },
};

export const addWatch: Operation<void> = {
  type: OpCode.addWatch,
  name: 'addWatch',
  write: writePathAndNumber,
  read: readNothing,
};

export const removeWatches: Operation<void> = {
  type: OpCode.removeWatches,
  name: 'removeWatches',
  write: writePathAndNumber,
  read: readNothing,
};

export const checkWatches: Operation<void> = {
  type: OpCode.checkWatches,
  name: 'checkWatches',
  write: writePathAndNumber,
  read: readNothing,
};

export const closeSession: Operation<void> = {
  type: OpCode.closeSession,
  name: 'close',
  write: readNothing,
  read: readNothing,
};

/** What a dynamic reconfiguration asks for; each list is comma-separated, as in Apache's reconfig command. */
export interface Reconfiguration {
  readonly joining?: string | undefined;
  readonly leaving?: string | undefined;
  readonly members?: string | undefined;
  /** The version of the configuration that this changes; any if not given. */
  readonly fromConfig?: bigint | undefined;
}

/** Changes the ensemble's members, and gives the configuration as it is then. */
export function reconfig(change: Reconfiguration): Operation<DataAndStat> {
  return {
    type: OpCode.reconfig,
    name: 'reconfig',
    write(output) {
      output.writeString(change.joining ?? null);
      output.writeString(change.leaving ?? null);
      output.writeString(change.members ?? null);
      output.writeLong(change.fromConfig ?? -1n);
    },
    read: readDataAndStat,
  };
}
