import { OpCode, Xid } from '../../src/protocol/opcode.ts';

/** Numbers the variable parts of one file's frames in the order in which they come. */
export class Names {
  readonly #sessions: bigint[] = [];
  #zxidBase: bigint | null = null;

  /** Bytes of a session's id, or of a znode's owner: 0 is nobody. */
  session(value: bigint): string | null {
    if (value === 0n) return null;
    let index = this.#sessions.indexOf(value);
    if (index === -1) index = this.#sessions.push(value) - 1;
    return `{session:${index + 1}}`;
  }

  /** 0 (before the first txn) and -1 (none) stand for themselves. */
  zxid(value: bigint): string | null {
    if (value === 0n || value === -1n) return null;
    this.#zxidBase ??= value;
    const offset = value - this.#zxidBase;
    return `{zxid${offset < 0n ? '' : '+'}${offset}}`;
  }

  /** The password of the session named last. */
  password(bytes: Buffer): string | null {
    return bytes.every((byte) => byte === 0) ? null : `{password:${this.#sessions.length}}`;
  }
}

/** Takes a frame apart, field by field; what is left belongs to no field that varies. */
export class FrameText {
  readonly #bytes: Buffer;
  readonly #names: Names;
  readonly #groups: string[] = [];
  #at = 0;

  constructor(bytes: Uint8Array, names: Names) {
    this.#bytes = Buffer.from(bytes);
    this.#names = names;
  }

  int(): number {
    const value = this.#bytes.readInt32BE(this.#at);
    this.raw(4);
    return value;
  }

  raw(length: number): void {
    if (length <= 0) return;
    this.#groups.push(this.#bytes.toString('hex', this.#at, this.#at + length));
    this.#at += length;
  }

  /** A string or a buffer. */
  counted(): void {
    this.raw(this.int());
  }

  zxid(): void {
    this.#named((value) => this.#names.zxid(value));
  }

  session(): void {
    this.#named((value) => this.#names.session(value));
  }

  time(): void {
    this.#named((value) => (value === 0n ? null : '{time}'));
  }

  password(): void {
    this.int();
    const name = this.#names.password(this.#bytes.subarray(this.#at, this.#at + 16));
    if (name === null) {
      this.raw(16);
    } else {
      this.#groups.push(name);
      this.#at += 16;
    }
  }

  stat(): void {
    this.zxid();
    this.zxid();
    this.time();
    this.time();
    this.raw(4);
    this.raw(4);
    this.raw(4);
    this.session();
    this.raw(4);
    this.raw(4);
    this.zxid();
  }

  /** A zxid that servers before 3.9 do not say: -1 is there. */
  event(zxidName: string): void {
    this.#groups.push(`{event:${zxidName.slice(1)}`);
    this.#at += 8;
  }

  /** All groups; the rest of the frame is one more. */
  toString(): string {
    this.raw(this.#bytes.length - this.#at);
    return this.#groups.join(' ');
  }

  #named(name: (value: bigint) => string | null): void {
    const found = name(this.#bytes.readBigInt64BE(this.#at));
    if (found === null) {
      this.raw(8);
    } else {
      this.#groups.push(found);
      this.#at += 8;
    }
  }
}

/** A ConnectRequest. */
export function connectRequest(frame: FrameText): void {
  frame.raw(4);
  frame.raw(4);
  frame.zxid();
  frame.raw(4);
  frame.session();
  frame.password();
}

/** A ConnectResponse. */
export function connectResponse(frame: FrameText): void {
  frame.raw(4);
  frame.raw(4);
  frame.raw(4);
  frame.session();
  frame.password();
}

/** Any other request. */
export function request(frame: FrameText): void {
  frame.raw(4);
  const xid = frame.int();
  frame.raw(4);
  if (xid === Xid.setWatches) frame.zxid();
}

/** A watch event; `zxidName` is null for one that catches up with what happened without a connection. */
export function event(frame: FrameText, zxidName: string | null): void {
  frame.raw(4);
  frame.raw(4);
  if (zxidName === null) frame.raw(8);
  else frame.event(zxidName);
  frame.raw(4);
  frame.raw(4);
  frame.raw(4);
}

/** A reply to a request of this type. */
export function reply(frame: FrameText, type: number): void {
  frame.raw(4);
  frame.raw(4);
  frame.zxid();
  if (frame.int() === 0) body(frame, type);
}

function body(frame: FrameText, type: number): void {
  switch (type) {
    case OpCode.create:
      frame.counted();
      break;
    case OpCode.create2:
    case OpCode.createContainer:
    case OpCode.createTTL:
    case OpCode.getData:
      frame.counted();
      frame.stat();
      break;
    case OpCode.exists:
    case OpCode.setData:
    case OpCode.setACL:
      frame.stat();
      break;
    case OpCode.getACL:
      for (let left = frame.int(); left > 0; left--) {
        frame.raw(4);
        frame.counted();
        frame.counted();
      }
      frame.stat();
      break;
    case OpCode.getChildren:
    case OpCode.getChildren2:
      for (let left = frame.int(); left > 0; left--) frame.counted();
      if (type === OpCode.getChildren2) frame.stat();
      break;
    case OpCode.multi:
    case OpCode.multiRead:
      while (result(frame));
      break;
  }
}

/** One result of multi or multiRead; false for the header that ends them. */
function result(frame: FrameText): boolean {
  const type = frame.int();
  frame.raw(1);
  const err = frame.int();
  if (type === OpCode.error) {
    if (err !== -1) frame.raw(4);
    return err !== -1;
  }
  body(frame, type);
  return true;
}
