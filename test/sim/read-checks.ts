import type { JuteReader } from '../../src/jute/reader.ts';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { OpCode } from '../../src/protocol/opcode.ts';
import { keyText } from './ledger.ts';
import { Violation } from './violation.ts';
import type { ZnodeHistory } from './znode-history.ts';

/** Compares what reads give with the tree as it was at the zxid that the reply carries. */
export class ReadChecks {
  readonly #znodes: ZnodeHistory;

  constructor(znodes: ZnodeHistory) {
    this.#znodes = znodes;
  }

  /** `reader` stands at the reply's body. */
  check(
    client: string,
    opcode: number,
    path: string,
    zxidKey: number,
    error: number,
    reader: JuteReader,
  ): void {
    const expected = this.#znodes.at(path, zxidKey);
    const wrong = (what: string): Violation =>
      new Violation('reads', `${client} reads ${path} at ${keyText(zxidKey)}: ${what}`);
    if (error !== (expected.exists ? ErrorCode.OK : ErrorCode.NONODE)) {
      throw wrong(`error ${error}, but the znode ${expected.exists ? 'exists' : 'does not exist'}`);
    }
    if (error !== ErrorCode.OK) return;
    if (opcode === OpCode.getData) {
      const data = Buffer.from(reader.readBuffer() ?? []).toString('latin1');
      if (data !== expected.data) throw wrong(`data "${data}" instead of "${expected.data}"`);
    } else if (opcode === OpCode.getChildren2) {
      const children = readNames(reader).sort().join(',');
      if (children !== expected.children) throw wrong(`children ${children} instead of ${expected.children}`);
    }
    reader.skip(8);
    const mzxid = reader.readInt() * 4294967296 + (reader.readInt() >>> 0);
    reader.skip(16);
    const version = reader.readInt();
    if (mzxid !== expected.mzxid || version !== expected.version) {
      throw wrong(
        `version ${version} of ${keyText(mzxid)} instead of ${expected.version} of ${keyText(expected.mzxid)}`,
      );
    }
  }
}

function readNames(reader: JuteReader): string[] {
  return Array.from({ length: Math.max(0, reader.readCount(4)) }, () => reader.readString() ?? '');
}
