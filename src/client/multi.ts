import type { JuteReader } from '../jute/reader.ts';
import { ErrorCode } from '../protocol/error-code.ts';
import { OpCode } from '../protocol/opcode.ts';
import { ProtocolError, serverError, type ZooKeeperError } from './errors.ts';
import { type DataAndStat, readDataAndStat, readStrings } from './operations.ts';
import type { OutputBuffer } from './output-buffer.ts';
import { withoutChroot } from './paths.ts';
import type { Operation, Request } from './request.ts';
import { readStat, type Stat } from './stat.ts';

/** What one operation of a transaction gave. */
export type TransactionResult =
  | { readonly type: 'create'; readonly path: string; readonly stat: Stat | null }
  | { readonly type: 'delete' }
  | { readonly type: 'setData'; readonly stat: Stat }
  | { readonly type: 'check' };

/** What one read of a multiRead gave. */
export type ReadResult =
  | ({ readonly type: 'getData' } & DataAndStat)
  | { readonly type: 'getChildren'; readonly children: string[] }
  | { readonly type: 'error'; readonly error: ZooKeeperError };

function writeParts(output: OutputBuffer, parts: readonly Request[]): void {
  for (const part of parts) {
    writeHeader(output, part.operation.type, false);
    part.operation.write(output, part);
  }
  writeHeader(output, -1, true);
}

function writeHeader(output: OutputBuffer, type: number, isEnd: boolean): void {
  output.writeInt(type);
  output.writeBoolean(isEnd);
  output.writeInt(-1);
}

/** Reads a MultiHeader: the result's type, or null for the end. For errors (-1) the code follows. */
function readHeader(reader: JuteReader): number | null {
  const type = reader.readInt();
  const isEnd = reader.readBoolean();
  reader.skip(4);
  return isEnd ? null : type;
}

/** All or nothing (protocol/client.md §7). A failure is the error of the operation that failed. */
export function multi(parts: readonly Request[]): Operation<TransactionResult[]> {
  return {
    type: OpCode.multi,
    name: 'transaction',
    write: (output) => writeParts(output, parts),
    read(reader) {
      const results: TransactionResult[] = [];
      const codes: number[] = [];
      for (let type = readHeader(reader); type !== null; type = readHeader(reader)) {
        const part = parts[codes.length];
        if (part === undefined) throw new ProtocolError('answers a transaction with too many results');
        if (type === -1) {
          codes.push(reader.readInt());
        } else {
          codes.push(0);
          results.push(readResult(type, reader, part));
        }
      }
      if (codes.length !== parts.length)
        throw new ProtocolError(`answers ${codes.length} of ${parts.length} operations of a transaction`);
      throwFailure(parts, codes);
      return results;
    },
  };
}

function readResult(type: number, reader: JuteReader, part: Request): TransactionResult {
  const readPath = () => withoutChroot(reader.readString() ?? '', part.chroot);
  switch (type) {
    case OpCode.create:
      return { type: 'create', path: readPath(), stat: null };
    case OpCode.create2:
      return { type: 'create', path: readPath(), stat: readStat(reader) };
    case OpCode.delete:
      return { type: 'delete' };
    case OpCode.setData:
      return { type: 'setData', stat: readStat(reader) };
    case OpCode.check:
      return { type: 'check' };
    default:
      throw new ProtocolError(`answers a transaction with a result of type ${type}`);
  }
}

function throwFailure(parts: readonly Request[], codes: readonly number[]): void {
  // Operations behind the one that failed carry RUNTIMEINCONSISTENCY, those before it OK.
  let index = codes.findIndex((code) => code !== 0 && code !== ErrorCode.RUNTIMEINCONSISTENCY);
  if (index < 0) index = codes.findIndex((code) => code !== 0);
  if (index < 0) return;
  const { operation, path } = parts[index];
  throw serverError(codes[index], {
    operation: `transaction, ${operation.name}`,
    path,
    transaction: { index, codes },
  });
}

/** Several reads in one frame; each succeeds or fails for itself. */
export function multiRead(parts: readonly Request[]): Operation<ReadResult[]> {
  return {
    type: OpCode.multiRead,
    name: 'multiRead',
    write: (output) => writeParts(output, parts),
    read(reader) {
      const results: ReadResult[] = [];
      for (let type = readHeader(reader); type !== null; type = readHeader(reader)) {
        const part = parts[results.length];
        if (part === undefined) throw new ProtocolError('answers a multiRead with too many results');
        results.push(readReadResult(type, reader, part));
      }
      return results;
    },
  };
}

function readReadResult(type: number, reader: JuteReader, part: Request): ReadResult {
  switch (type) {
    case OpCode.getData:
      return { type: 'getData', ...readDataAndStat(reader) };
    case OpCode.getChildren:
      return { type: 'getChildren', children: readStrings(reader) };
    case -1: {
      const details = { operation: `multiRead, ${part.operation.name}`, path: part.path };
      return { type: 'error', error: serverError(reader.readInt(), details) };
    }
    default:
      throw new ProtocolError(`answers a multiRead with a result of type ${type}`);
  }
}
