import { JuteReader } from '../../jute/reader.ts';
import { type Acl, readAcls } from '../../protocol/acl.ts';
import { longToNumber } from '../../protocol/long.ts';
import { OpCode, opName } from '../../protocol/opcode.ts';
import { DIGEST_VERSION } from '../../txn/digest.ts';
import { TXN_DIGEST_BYTES } from '../../txn/txn-layout.ts';
import { hexDigits, javaShortDate, juteText } from './java-text.ts';

/**
 * A log entry (TxnHeader, txn, perhaps TxnDigest) as TxnLogToolkit of Apache prints it, without the end of its last line.
 * Throws JuteError for bytes that are no entry.
 */
export class TxnPrinter {
  readonly #reader = new JuteReader();
  #second = Number.NaN;
  #secondText = '';

  print(bytes: Uint8Array, start: number, end: number): string {
    const reader = this.#reader;
    reader.reset(bytes, start, end);
    const session = hexDigits(reader.readInt(), reader.readInt());
    const cxid = reader.readInt();
    const zxid = hexDigits(reader.readInt(), reader.readInt());
    const timeMs = longToNumber(reader.readInt(), reader.readInt());
    const type = reader.readInt();
    const cxidText = hexDigits(cxid < 0 ? -1 : 0, cxid);
    const head = `${this.#date(timeMs)} session 0x${session} cxid 0x${cxidText} zxid 0x${zxid}`;
    return `${head} ${operation(type)} ${this.#txn(type)}`;
  }

  /** Where the txn ends that was printed last: a digest may follow. */
  get end(): number {
    return this.#reader.position;
  }

  /** Most records of a log are of the same second as the one before. */
  #date(ms: number): string {
    const second = Math.floor(ms / 1000);
    if (second !== this.#second) this.#secondText = javaShortDate(ms);
    this.#second = second;
    return this.#secondText;
  }

  #txn(type: number): string {
    const reader = this.#reader;
    switch (type) {
      case OpCode.create:
      case OpCode.create2:
        return this.#create(type);
      case OpCode.createContainer:
        return `${this.#pathAndData()},${aclList(readAcls(reader))},${reader.readInt()}`;
      case OpCode.createTTL:
        return `${this.#pathAndData()},${aclList(readAcls(reader))},${reader.readInt()},${reader.readLong()}`;
      case OpCode.delete:
      case OpCode.deleteContainer:
        return juteText(reader.readString());
      case OpCode.setData:
      case OpCode.reconfig:
        return `${this.#pathAndData()},${reader.readInt()}`;
      case OpCode.setACL:
        return `${juteText(reader.readString())},${aclVector(readAcls(reader))},${reader.readInt()}`;
      case OpCode.createSession:
      case OpCode.error:
        return `${reader.readInt()}`;
      case OpCode.closeSession:
        return this.#closeSession();
      case OpCode.multi:
        return this.#multi();
      default:
        throw new Error(`unknown transaction type ${type}`);
    }
  }

  /** The first servers wrote no parentCVersion: it counts as -1 then (disk.md §3.1). */
  #create(type: number): string {
    const reader = this.#reader;
    const head = `${this.#pathAndData()},${aclList(readAcls(reader))},${reader.readBoolean()}`;
    const isOld = type === OpCode.create && reader.remaining < 4;
    return `${head},${isOld ? -1 : reader.readInt()}`;
  }

  #pathAndData(): string {
    const reader = this.#reader;
    const path = reader.readString();
    return `${path},${text(reader.readBuffer())}`;
  }

  /** Servers before 3.6 wrote no list; a digest may stand in its place. */
  #closeSession(): string {
    const reader = this.#reader;
    if (reader.remaining < 4) return '';
    if (reader.remaining === TXN_DIGEST_BYTES) {
      const first = reader.readInt();
      reader.position -= 4;
      if (first === DIGEST_VERSION) return '';
    }
    const paths: string[] = [];
    const count = reader.readCount(4);
    for (let i = 0; i < count; i++) paths.push(juteText(reader.readString()));
    return `v{${paths.join(',')}}`;
  }

  #multi(): string {
    const reader = this.#reader;
    const parts: string[] = [];
    const count = reader.readCount(8);
    for (let i = 0; i < count; i++) {
      const type = reader.readInt();
      parts.push(`${operation(type)}:${text(reader.readBuffer())}`);
    }
    return parts.join(';');
  }
}

/** Apache's names in these lines are those of the opcodes, but for one. */
function operation(type: number): string {
  if (type === OpCode.createTTL) return 'createTtl';
  return opName(type).replace(/^op /, 'unknown ');
}

function text(data: Uint8Array | null): string {
  return data === null ? '' : Buffer.from(data.buffer, data.byteOffset, data.length).toString('utf8');
}

/** As java.util.List prints records, each of which ends its own line. */
function aclList(acls: readonly Acl[] | null): string {
  if (acls === null) return 'null';
  const entries = acls.map((acl) => `${acl.permissions},${identity(acl)}\n`);
  return `[${entries.join(', ')}]`;
}

/** As a list prints within a record. */
function aclVector(acls: readonly Acl[] | null): string {
  return `v{${(acls ?? []).map((acl) => `s{${acl.permissions},${identity(acl)}}`).join(',')}}`;
}

function identity({ scheme, id }: Acl): string {
  return `s{${juteText(scheme)},${juteText(id)}}`;
}
