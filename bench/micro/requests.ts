// Requests as they stand in a frame, for the benchmarks.

import { GrowingJuteWriter, type JuteWriter } from '../../src/jute/writer.ts';
import { OPEN_ACL_BYTES } from '../../src/protocol/acl.ts';
import { OpCode } from '../../src/protocol/opcode.ts';

/** The bytes that `write` writes. */
export function bytesOf(write: (writer: JuteWriter) => void): Uint8Array {
  const writer = new GrowingJuteWriter();
  write(writer);
  return writer.written().slice();
}

/** Body of exists, getData, getChildren and getChildren2. */
export function writePathAndWatch(writer: JuteWriter, path: string): void {
  writer.writeString(path);
  writer.writeBoolean(false);
}

export function writeSetData(writer: JuteWriter, path: string, data: Uint8Array): void {
  writer.writeString(path);
  writer.writeBuffer(data);
  writer.writeInt(-1);
}

/** A persistent znode with the open ACL list. */
export function writeCreate(writer: JuteWriter, path: string, data: Uint8Array): void {
  writer.writeString(path);
  writer.writeBuffer(data);
  writer.writeBytes(OPEN_ACL_BYTES, 0, OPEN_ACL_BYTES.length);
  writer.writeInt(0);
}

export function writeDelete(writer: JuteWriter, path: string): void {
  writer.writeString(path);
  writer.writeInt(-1);
}

/** A multi of setData ops. */
export function writeMulti(writer: JuteWriter, paths: readonly string[], data: Uint8Array): void {
  for (const path of paths) {
    writeMultiHeader(writer, OpCode.setData, false);
    writeSetData(writer, path, data);
  }
  writeMultiHeader(writer, -1, true);
}

function writeMultiHeader(writer: JuteWriter, type: number, done: boolean): void {
  writer.writeInt(type);
  writer.writeBoolean(done);
  writer.writeInt(-1);
}
