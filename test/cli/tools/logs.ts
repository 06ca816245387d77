import fs from 'node:fs';
import path from 'node:path';
import { GrowingJuteWriter } from '../../../src/jute/writer.ts';
import { appendEntry, type EntryFields, makeEntry, newLogWriter } from '../../storage/support.ts';

type Acl = readonly [permissions: number, scheme: string | null, id: string | null];

const OPEN: readonly Acl[] = [[31, 'world', 'anyone']];

/** A txn's body, written field by field. */
function body(write: (writer: GrowingJuteWriter) => void): Uint8Array {
  const writer = new GrowingJuteWriter();
  write(writer);
  return writer.written().slice();
}

function writeAcl(writer: GrowingJuteWriter, acl: readonly Acl[] | null): void {
  writer.writeInt(acl === null ? -1 : acl.length);
  for (const [permissions, scheme, id] of acl ?? []) {
    writer.writeInt(permissions);
    writer.writeString(scheme);
    writer.writeString(id);
  }
}

function node(at: string, data: Uint8Array | null, acl: readonly Acl[] | null, rest: readonly number[]) {
  return body((writer) => {
    writer.writeString(at);
    writer.writeBuffer(data);
    writeAcl(writer, acl);
    for (const value of rest) writer.writeInt(value);
  });
}

/** CreateTxn; without its last field it is that of the first servers. */
function create(
  at: string,
  data: Uint8Array | null,
  acl: readonly Acl[] | null,
  parentCversion: number | null,
) {
  return body((writer) => {
    const head = node(at, data, acl, []);
    writer.writeBytes(head, 0, head.length);
    writer.writeBoolean(false);
    if (parentCversion !== null) writer.writeInt(parentCversion);
  });
}

function pathAndInt(at: string, data: Uint8Array | null | undefined, value: number | null): Uint8Array {
  return body((writer) => {
    writer.writeString(at);
    if (data !== undefined) writer.writeBuffer(data);
    if (value !== null) writer.writeInt(value);
  });
}

function ttl(): Uint8Array {
  return body((writer) => {
    const head = node('/ttl', Buffer.from('t'), OPEN, [7]);
    writer.writeBytes(head, 0, head.length);
    writer.writeLong(86_400_000n);
  });
}

function multi(): Uint8Array {
  return body((writer) => {
    const parts: readonly (readonly [number, Uint8Array])[] = [
      [1, create('/m', Buffer.from('in a multi'), OPEN, 3)],
      [2, pathAndInt('/m/gone', undefined, null)],
      [-1, body((error) => error.writeInt(-101))],
    ];
    writer.writeInt(parts.length);
    for (const [type, bytes] of parts) {
      writer.writeInt(type);
      writer.writeBuffer(bytes);
    }
  });
}

function paths(...list: readonly string[]): Uint8Array {
  return body((writer) => {
    writer.writeInt(list.length);
    for (const at of list) writer.writeString(at);
  });
}

const odd = '/odd,}%\r\n\u00fc\u4e2d';
const two: readonly Acl[] = [
  [31, 'digest', 'bob:fyVmFCwVbTJYrznoSu1koqYEYF0='],
  [1, 'ip', '10.0.0.0/8'],
];

/** One of each type that a log can hold, and what is odd about them. */
const entries: readonly Omit<EntryFields, 'zxid'>[] = [
  { type: -10, body: body((writer) => writer.writeInt(30_000)) },
  { type: 1, body: create('/a', Buffer.from('data'), OPEN, 1) },
  { type: 1, body: create('/null', null, null, 2) },
  { type: 1, body: create('/old', Buffer.from('v0'), two, null) },
  { type: 15, body: create(odd, Buffer.from([0xff, 0x00, 0xc3, 0x28]), two, -3) },
  { type: 19, body: node('/container', new Uint8Array(0), OPEN, [5]) },
  { type: 21, body: ttl() },
  { type: 5, body: pathAndInt('/a', Buffer.from('two\nlines\n'), 2) },
  { type: 5, body: pathAndInt('/a', null, 3) },
  { type: 16, body: pathAndInt('/zookeeper/config', Buffer.from('server.1=a:1:2'), -1) },
  {
    type: 7,
    body: body((writer) => {
      writer.writeString(odd);
      writeAcl(writer, two);
      writer.writeInt(4);
    }),
  },
  { type: 2, body: pathAndInt(odd, undefined, null) },
  { type: 20, body: pathAndInt('/container', undefined, null) },
  { type: 14, body: multi() },
  { type: -1, body: body((writer) => writer.writeInt(-110)) },
  { type: -11, session: -2n, body: paths('/e1', odd) },
  { type: -11, session: 0x1000_0000_0001n, body: paths() },
  { type: -11, body: new Uint8Array(0) },
];

/** Writes a log with one of each type, `log.1`. */
export function writeVariousLog(directory: string): string {
  const writer = newLogWriter(directory, { preallocationBytes: 1 << 16 });
  entries.forEach((fields, index) => {
    const zxid = BigInt(index + 1);
    appendEntry(writer, makeEntry({ ...fields, zxid }), zxid);
  });
  writer.sync();
  writer.close();
  return path.join(directory, 'log.1');
}

export const variousCount: number = entries.length;

/** Where each record of a log begins, and the end of the last one. */
export function recordOffsets(file: string): number[] {
  const bytes = fs.readFileSync(file);
  const offsets = [16];
  for (let at = 16; at + 12 <= bytes.length; ) {
    const length = bytes.readInt32BE(at + 8);
    if (length === 0) break;
    at += length + 13;
    offsets.push(at);
  }
  return offsets;
}

/** Changes a byte of a file. */
export function spoil(file: string, offset: number, change: (byte: number) => number): void {
  const bytes = fs.readFileSync(file);
  bytes[offset] = change(bytes[offset]);
  fs.writeFileSync(file, bytes);
}
