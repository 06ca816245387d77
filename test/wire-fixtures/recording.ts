import type { JuteWriter } from '../../src/jute/writer.ts';
import { OpCode, Xid } from '../../src/protocol/opcode.ts';
import {
  type Acl,
  encode,
  type MultiOp,
  openAcl,
  type ReadOp,
  type WatchLists,
  writeAcl,
  writeCreate,
  writeMulti,
  writeMultiRead,
  writeStrings,
} from '../support/wire-records.ts';
import { FrameConnection } from './frame-connection.ts';
import * as layout from './layout.ts';

type Line =
  | { kind: 'note'; connection: string; text: 'open' | 'closed' }
  | { kind: 'raw' | 'connectRequest' | 'connectResponse' | 'request'; connection: string; bytes: Buffer }
  | { kind: 'reply'; connection: string; bytes: Buffer; type: number }
  | { kind: 'event'; connection: string; bytes: Buffer }
  | { kind: 'instead'; connection: string; tag: '3.9' | 'own'; text: string };

/** What a case may send instead of the usual things when it asks for a session. */
export interface ConnectFields {
  protocolVersion?: number;
  lastZxidSeen?: bigint;
  timeoutMs?: number;
  /** This connection's session, or one that is given. */
  session?: { id: bigint; password: Uint8Array };
  readOnly?: boolean | 'absent';
}

/** Plays a case against a server and keeps all bytes, in both directions and in their order. */
export class Recording {
  readonly #port: number;
  readonly #lines: Line[] = [];
  readonly #connections: RecordedConnection[] = [];

  constructor(port: number) {
    this.#port = port;
  }

  async open(name: string): Promise<RecordedConnection> {
    const frames = await FrameConnection.open(this.#port);
    const connection = new RecordedConnection(name, frames, this.#lines);
    this.#connections.push(connection);
    this.#lines.push({ kind: 'note', connection: name, text: 'open' });
    return connection;
  }

  /** A connection with a new session. */
  async session(name: string): Promise<RecordedConnection> {
    const connection = await this.open(name);
    await connection.connect();
    return connection;
  }

  /** Ends what is still open. */
  destroy(): void {
    for (const connection of this.#connections) connection.frames.destroy();
  }

  /** The file's lines. */
  toLines(): string[] {
    for (const connection of this.#connections) connection.frames.checkNothingLeft();
    const names = new layout.Names();
    const texts: string[] = [];
    this.#lines.forEach((line, index) => {
      texts.push(this.#text(line, index, names));
    });
    return texts;
  }

  #text(line: Line, index: number, names: layout.Names): string {
    if (line.kind === 'note') return `${line.connection} ${line.text}`;
    if (line.kind === 'instead') return `${line.connection}<${line.tag} ${line.text}`;
    const frame = new layout.FrameText(line.bytes, names);
    switch (line.kind) {
      case 'raw':
        break;
      case 'connectRequest':
        layout.connectRequest(frame);
        break;
      case 'connectResponse':
        layout.connectResponse(frame);
        break;
      case 'request':
        layout.request(frame);
        break;
      case 'reply':
        layout.reply(frame, line.type);
        break;
      case 'event':
        layout.event(frame, this.#cause(index, names));
        break;
    }
    const isSent = line.kind === 'raw' || line.kind === 'connectRequest' || line.kind === 'request';
    return `${line.connection}${isSent ? '>' : '<'} ${frame}`;
  }

  /** The zxid of the txn that caused an event: of the next reply, as nothing else happens; catch-up has none. */
  #cause(index: number, names: layout.Names): string | null {
    const next = this.#lines.slice(index).find((line) => line.kind === 'reply');
    if (next === undefined) throw new Error('an event, and no reply behind it');
    if (next.bytes.readInt32BE(4) === Xid.setWatches) return null;
    return names.zxid(next.bytes.readBigInt64BE(8));
  }
}

/** One connection of a {@link Recording}. Each request waits for its reply, so that all comes in one order. */
export class RecordedConnection {
  readonly frames: FrameConnection;
  readonly #name: string;
  readonly #lines: Line[];
  readonly #types: number[] = [];
  #xid = 0;
  #session: { id: bigint; password: Uint8Array } | null = null;
  #lastReply: Buffer = Buffer.alloc(0);

  constructor(name: string, frames: FrameConnection, lines: Line[]) {
    this.#name = name;
    this.frames = frames;
    this.#lines = lines;
  }

  get session(): { id: bigint; password: Uint8Array } {
    if (this.#session === null) throw new Error(`${this.#name} has no session`);
    return this.#session;
  }

  /** The zxid in the last reply. */
  get lastZxid(): bigint {
    return this.#lastReply.readBigInt64BE(8);
  }

  raw(bytes: Uint8Array): void {
    this.#sent('raw', Buffer.from(bytes));
  }

  /** Sends a ConnectRequest and does not wait. */
  sendConnect(fields: ConnectFields = {}): void {
    const payload = encode((writer) => {
      writer.writeInt(fields.protocolVersion ?? 0);
      writer.writeLong(fields.lastZxidSeen ?? 0n);
      writer.writeInt(fields.timeoutMs ?? 30_000);
      writer.writeLong(fields.session?.id ?? 0n);
      writer.writeBuffer(fields.session?.password ?? new Uint8Array(16));
      if (fields.readOnly !== 'absent') writer.writeBoolean(fields.readOnly ?? false);
    });
    this.#sent('connectRequest', framed(payload));
  }

  async connected(): Promise<void> {
    const bytes = Buffer.from(await this.frames.frame());
    this.#lines.push({ kind: 'connectResponse', connection: this.#name, bytes });
    this.#session = { id: bytes.readBigInt64BE(12), password: bytes.subarray(24, 40) };
  }

  async connect(fields: ConnectFields = {}): Promise<void> {
    this.sendConnect(fields);
    await this.connected();
  }

  /** Sends a request and does not wait for its reply. */
  send(type: number, write: (writer: JuteWriter) => void, xid: number = ++this.#xid): void {
    const payload = encode((writer) => {
      writer.writeInt(xid);
      writer.writeInt(type);
      write(writer);
    });
    this.#types.push(type);
    this.#sent('request', framed(payload));
  }

  /** The events that come before the next reply, and the reply. Gives its error code. */
  async reply(): Promise<number> {
    for (;;) {
      const bytes = Buffer.from(await this.frames.frame());
      if (bytes.readInt32BE(4) === Xid.notification) {
        this.#lines.push({ kind: 'event', connection: this.#name, bytes });
        continue;
      }
      const type = this.#types.shift();
      if (type === undefined) throw new Error('a reply to nothing');
      this.#lines.push({ kind: 'reply', connection: this.#name, bytes, type });
      this.#lastReply = bytes;
      return bytes.readInt32BE(16);
    }
  }

  /** The next frame must be an event. */
  async event(): Promise<void> {
    const bytes = Buffer.from(await this.frames.frame());
    if (bytes.readInt32BE(4) !== Xid.notification) throw new Error('a reply where an event was awaited');
    this.#lines.push({ kind: 'event', connection: this.#name, bytes });
  }

  async request(type: number, write: (writer: JuteWriter) => void, xid?: number): Promise<number> {
    this.send(type, write, xid);
    return await this.reply();
  }

  /** What 3.9 answers in place of the last reply, which is 3.8's. */
  since39(err: number, body = ''): void {
    this.#instead('3.9', err, body);
  }

  /** What Menagerie answers, on purpose (README), in place of the last reply. */
  otherwiseHere(err: number, body = ''): void {
    this.#instead('own', err, body);
  }

  /** The name of the zxid in the last reply, as the file will have it. */
  get zxidName(): string {
    return this.#namesSoFar().zxid(this.lastZxid) ?? '';
  }

  /** The server closes the connection. */
  async closed(): Promise<void> {
    await this.frames.end();
    this.#lines.push({ kind: 'note', connection: this.#name, text: 'closed' });
  }

  /** Ends the session and the connection. */
  async close(): Promise<void> {
    await this.request(OpCode.closeSession, () => {});
    await this.closed();
  }

  // --- requests ---

  create(path: string | null, options: CreateOptions = {}, type: number = OpCode.create): Promise<number> {
    const { data = Buffer.from('data'), flags = 0, acl = openAcl, ttlMs } = options;
    return this.request(type, (writer) => {
      writeCreate(writer, path, data, acl, flags);
      if (ttlMs !== undefined) writer.writeLong(ttlMs);
    });
  }

  delete(path: string, version = -1): Promise<number> {
    return this.request(OpCode.delete, pathAndInt(path, version));
  }

  setData(path: string, data: Uint8Array | null = Buffer.from('other'), version = -1): Promise<number> {
    return this.request(OpCode.setData, (writer) => {
      writer.writeString(path);
      writer.writeBuffer(data);
      writer.writeInt(version);
    });
  }

  setACL(path: string, acl: readonly Acl[] | null, version = -1): Promise<number> {
    return this.request(OpCode.setACL, (writer) => {
      writer.writeString(path);
      writeAcl(writer, acl);
      writer.writeInt(version);
    });
  }

  /** exists, getData, getChildren or getChildren2. */
  read(type: number, path: string | null, watch = false): Promise<number> {
    return this.request(type, (writer) => {
      writer.writeString(path);
      writer.writeBoolean(watch);
    });
  }

  /** A request that has nothing but a path. */
  path(type: number, path: string | null): Promise<number> {
    return this.request(type, (writer) => writer.writeString(path));
  }

  /** A request of a path and a number: addWatch, checkWatches, removeWatches. */
  pathAndInt(type: number, path: string, value: number): Promise<number> {
    return this.request(type, pathAndInt(path, value));
  }

  auth(scheme: string, auth: string): Promise<number> {
    const write = (writer: JuteWriter) => {
      writer.writeInt(0);
      writer.writeString(scheme);
      writer.writeBuffer(Buffer.from(auth));
    };
    return this.request(OpCode.auth, write, Xid.auth);
  }

  multi(operations: readonly MultiOp[]): Promise<number> {
    return this.request(OpCode.multi, (writer) => writeMulti(writer, operations));
  }

  multiRead(operations: readonly ReadOp[]): Promise<number> {
    return this.request(OpCode.multiRead, (writer) => writeMultiRead(writer, operations));
  }

  setWatches(relativeZxid: bigint, lists: WatchLists, type: number = OpCode.setWatches2): Promise<number> {
    const { data = [], exist = [], child = [], persistent = [], persistentRecursive = [] } = lists;
    const all =
      type === OpCode.setWatches2
        ? [data, exist, child, persistent, persistentRecursive]
        : [data, exist, child];
    return this.request(
      type,
      (writer) => {
        writer.writeLong(relativeZxid);
        for (const list of all) writeStrings(writer, list);
      },
      Xid.setWatches,
    );
  }

  #instead(tag: '3.9' | 'own', err: number, body: string): void {
    const xid = this.#lastReply.toString('hex', 4, 8);
    const head = [hexInt(16 + templateLength(body)), xid, this.zxidName, hexInt(err)];
    this.#lines.push({
      kind: 'instead',
      connection: this.#name,
      tag,
      text: `${head.join(' ')} ${body}`.trim(),
    });
  }

  #sent(kind: 'raw' | 'connectRequest' | 'request', bytes: Buffer): void {
    this.#lines.push({ kind, connection: this.#name, bytes });
    this.frames.send(bytes);
  }

  /** Names only grow: those of the lines so far stay what they are. */
  #namesSoFar(): layout.Names {
    const names = new layout.Names();
    for (const line of this.#lines) {
      if (line.kind === 'reply') layout.reply(new layout.FrameText(line.bytes, names), line.type);
      else if (line.kind === 'connectRequest') layout.connectRequest(new layout.FrameText(line.bytes, names));
      else if (line.kind === 'request') layout.request(new layout.FrameText(line.bytes, names));
    }
    return names;
  }
}

export interface CreateOptions {
  data?: Uint8Array | null;
  flags?: number;
  acl?: readonly Acl[] | null;
  /** createTTL alone. */
  ttlMs?: bigint;
}

/** A frame: its length, then its bytes. */
export function framed(payload: Uint8Array): Buffer {
  const frame = Buffer.alloc(4 + payload.length);
  frame.writeInt32BE(payload.length, 0);
  frame.set(payload, 4);
  return frame;
}

function hexInt(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0');
}

function templateLength(text: string): number {
  return text.split(/\s+/).reduce((total, word) => total + (word.startsWith('{') ? 8 : word.length / 2), 0);
}

function pathAndInt(path: string, value: number): (writer: JuteWriter) => void {
  return (writer) => {
    writer.writeString(path);
    writer.writeInt(value);
  };
}
