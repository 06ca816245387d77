import { JuteReader } from '../../src/jute/reader.ts';
import { GrowingJuteWriter, type JuteWriter } from '../../src/jute/writer.ts';
import { OpCode } from '../../src/protocol/opcode.ts';

/** A znode's Stat (protocol/client.md §1.1). */
export interface Stat {
  czxid: bigint;
  mzxid: bigint;
  ctime: bigint;
  mtime: bigint;
  version: number;
  cversion: number;
  aversion: number;
  ephemeralOwner: bigint;
  dataLength: number;
  numChildren: number;
  pzxid: bigint;
}

/** One entry of an ACL; `scheme` and `id` may be null to send what a broken client sends. */
export interface Acl {
  perms: number;
  scheme: string | null;
  id: string | null;
}

export const openAcl: readonly Acl[] = [{ perms: 31, scheme: 'world', id: 'anyone' }];
export const readOnlyAcl: readonly Acl[] = [{ perms: 1, scheme: 'world', id: 'anyone' }];

/** Bits of CreateRequest.flags (protocol/client.md §4.1). */
export const Flag = {
  persistent: 0,
  ephemeral: 1,
  sequential: 2,
  ephemeralSequential: 3,
  container: 4,
  ttl: 5,
  ttlSequential: 6,
} as const;

/** A sub-operation of multi. */
export type MultiOp =
  | {
      type: 'create' | 'create2' | 'createContainer' | 'createTTL';
      path: string;
      data?: Uint8Array | null;
      acl?: readonly Acl[] | null;
      flags?: number;
      /** createTTL alone. */
      ttlMs?: bigint;
    }
  | { type: 'delete'; path: string; version?: number }
  | { type: 'setData'; path: string; data: Uint8Array | null; version?: number }
  | { type: 'check'; path: string; version?: number };

/** A result of multi; `type` is the number on the wire, -1 for an error. */
export interface MultiResult {
  type: number;
  err: number;
  path?: string | null;
  stat?: Stat;
}

/** Jute bytes of what `write` writes. */
export function encode(write: (writer: JuteWriter) => void): Uint8Array {
  const writer = new GrowingJuteWriter();
  write(writer);
  return writer.written().slice();
}

export function text(value: string): Uint8Array {
  return Buffer.from(value, 'utf8');
}

/** Data as a string; null as null. */
export function asText(data: Uint8Array | null): string | null {
  return data === null ? null : Buffer.from(data).toString('utf8');
}

export function readStat(reader: JuteReader): Stat {
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

export function writeAcl(writer: JuteWriter, acl: readonly Acl[] | null): void {
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

export function readAcl(reader: JuteReader): Acl[] {
  return Array.from({ length: reader.readCount(12) }, () => ({
    perms: reader.readInt(),
    scheme: reader.readString(),
    id: reader.readString(),
  }));
}

export function writeStrings(writer: JuteWriter, values: readonly string[]): void {
  writer.writeInt(values.length);
  for (const value of values) writer.writeString(value);
}

export function readStrings(reader: JuteReader): string[] {
  return Array.from({ length: reader.readCount(4) }, () => reader.readString() ?? '');
}

/** A MultiHeader as clients send it. */
export function writeMultiHeader(writer: JuteWriter, type: number, done: boolean): void {
  writer.writeInt(type);
  writer.writeBoolean(done);
  writer.writeInt(-1);
}

/** CreateRequest. */
export function writeCreate(
  writer: JuteWriter,
  path: string | null,
  data: Uint8Array | null,
  acl: readonly Acl[] | null,
  flags: number,
): void {
  writer.writeString(path);
  writer.writeBuffer(data);
  writeAcl(writer, acl);
  writer.writeInt(flags);
}

/** The body of a multi request, its end header included. */
export function writeMulti(writer: JuteWriter, operations: readonly MultiOp[]): void {
  for (const operation of operations) {
    writeMultiHeader(writer, OpCode[operation.type], false);
    switch (operation.type) {
      case 'create':
      case 'create2':
      case 'createContainer':
      case 'createTTL': {
        const { path, data = new Uint8Array(0), acl = openAcl, flags = 0 } = operation;
        writeCreate(writer, path, data, acl, flags);
        if (operation.type === 'createTTL') writer.writeLong(operation.ttlMs ?? -1n);
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
export function readMultiResults(reader: JuteReader): MultiResult[] {
  const results: MultiResult[] = [];
  for (;;) {
    const type = reader.readInt();
    const done = reader.readBoolean();
    const err = reader.readInt();
    if (done) return results;
    results.push(readMultiResult(reader, type, err));
  }
}

function readMultiResult(reader: JuteReader, type: number, err: number): MultiResult {
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
export function readerOf(bytes: Uint8Array): JuteReader {
  return new JuteReader(bytes);
}

/** The reply to create2, createContainer and createTTL. */
export interface Created {
  path: string | null;
  stat: Stat;
}

export function readCreated(reader: JuteReader): Created {
  return { path: reader.readString(), stat: readStat(reader) };
}

/** The lists of SetWatches2. */
export interface WatchLists {
  data?: readonly string[];
  exist?: readonly string[];
  child?: readonly string[];
  persistent?: readonly string[];
  persistentRecursive?: readonly string[];
}

/** A sub-operation of multiRead. */
export interface ReadOp {
  type: 'getData' | 'getChildren';
  path: string;
  watch?: boolean;
}

export type ReadResult =
  | { type: 'getData'; data: Uint8Array | null; stat: Stat }
  | { type: 'getChildren'; children: string[] }
  | { type: 'error'; err: number };

export function writeMultiRead(writer: JuteWriter, operations: readonly ReadOp[]): void {
  for (const { type, path, watch = false } of operations) {
    writeMultiHeader(writer, OpCode[type], false);
    writer.writeString(path);
    writer.writeBoolean(watch);
  }
  writeMultiHeader(writer, -1, true);
}

/** The body of a multiRead reply; throws where a header does not fit its result. */
export function readMultiReadResults(reader: JuteReader): ReadResult[] {
  const results: ReadResult[] = [];
  for (;;) {
    const type = reader.readInt();
    const done = reader.readBoolean();
    const err = reader.readInt();
    if (done) return results;
    if (type === OpCode.getData && err === 0) {
      results.push({ type: 'getData', data: reader.readBuffer(), stat: readStat(reader) });
    } else if (type === OpCode.getChildren && err === 0) {
      results.push({ type: 'getChildren', children: readStrings(reader) });
    } else if (type === OpCode.error && err === reader.readInt()) {
      results.push({ type: 'error', err });
    } else {
      throw new Error(`multiRead result of type ${type} with error ${err}`);
    }
  }
}
