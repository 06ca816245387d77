/**
 * The bytes of a frame in hexadecimal, with names in place of what differs from run to run:
 *
 * - `{zxid+3}`: a zxid, counted from the first one that the file names;
 * - `{session:1}`, `{password:1}`: the id and the password of the file's first session;
 * - `{time}`: milliseconds since 1970, of about now;
 * - `{event:zxid+3}`: a watch event's zxid; servers before 3.9 say -1 in its place.
 */
export type Template = readonly Piece[];

type Piece =
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  | { readonly kind: 'zxid' | 'event'; readonly offset: bigint }
  | { readonly kind: 'session' | 'password'; readonly number: number }
  | { readonly kind: 'time' };

/** Clocks of two processes on one machine, and a test that takes long. */
const TIME_TOLERANCE_MS = 600_000n;

/** Reads a line's hexadecimal groups and names. Throws where it understands neither. */
export function parseTemplate(text: string): Template {
  return text
    .trim()
    .split(/\s+/)
    .filter((word) => word !== '')
    .map(parsePiece);
}

function parsePiece(word: string): Piece {
  if (/^([0-9a-f]{2})+$/.test(word)) return { kind: 'bytes', bytes: Buffer.from(word, 'hex') };
  const zxid = /^\{(event:)?zxid([+-]\d+)\}$/.exec(word);
  if (zxid !== null) return { kind: zxid[1] === undefined ? 'zxid' : 'event', offset: BigInt(zxid[2] ?? 0) };
  const secret = /^\{(session|password):(\d+)\}$/.exec(word);
  if (secret !== null) return { kind: secret[1] as 'session' | 'password', number: Number(secret[2]) };
  if (word === '{time}') return { kind: 'time' };
  throw new Error(`neither bytes nor a name: ${word}`);
}

/** What the names of one file stand for, as far as the server has said it. */
export class Bindings {
  readonly #values = new Map<string, Buffer>();
  readonly #saysZxidOfEvents: boolean;
  #zxidBase: bigint | null = null;

  constructor(saysZxidOfEvents: boolean) {
    this.#saysZxidOfEvents = saysZxidOfEvents;
  }

  /** The bytes to send. Throws where a name stands for nothing yet. */
  fill(template: Template): Buffer {
    return Buffer.concat(template.map((piece) => this.#known(piece)));
  }

  /**
   * Compares what came; names that are met for the first time stand from now on for what is in their place. Null, or what
   * differs.
   */
  difference(template: Template, actual: Uint8Array): string | null {
    const bytes = Buffer.from(actual);
    let at = 0;
    const seen: string[] = [];
    let isEqual = true;
    for (const piece of template) {
      const found = bytes.subarray(at, at + lengthOf(piece));
      isEqual = this.#agrees(piece, found) && isEqual;
      seen.push(found.toString('hex'));
      at += found.length;
    }
    if (isEqual && at === bytes.length) return null;
    seen.push(bytes.subarray(at).toString('hex'));
    return `expected ${template.map((piece) => this.#show(piece)).join(' ')}\n     got ${seen.join(' ').trim()}`;
  }

  #agrees(piece: Piece, found: Buffer): boolean {
    if (found.length < lengthOf(piece)) return false;
    switch (piece.kind) {
      case 'bytes':
        return found.equals(piece.bytes);
      case 'zxid':
      case 'event':
        if (piece.kind === 'event' && !this.#saysZxidOfEvents) return found.readBigInt64BE() === -1n;
        this.#zxidBase ??= found.readBigInt64BE() - piece.offset;
        return found.readBigInt64BE() === this.#zxidBase + piece.offset;
      case 'session':
      case 'password': {
        const name = `${piece.kind}:${piece.number}`;
        const known = this.#values.get(name);
        if (known === undefined) this.#values.set(name, Buffer.from(found));
        return known === undefined ? found.some((byte) => byte !== 0) : found.equals(known);
      }
      case 'time': {
        const distance = found.readBigInt64BE() - BigInt(Date.now());
        return distance < TIME_TOLERANCE_MS && -distance < TIME_TOLERANCE_MS;
      }
    }
  }

  #known(piece: Piece): Buffer {
    switch (piece.kind) {
      case 'bytes':
        return piece.bytes;
      case 'zxid': {
        if (this.#zxidBase === null) throw new Error('no zxid is known yet');
        const bytes = Buffer.alloc(8);
        bytes.writeBigInt64BE(this.#zxidBase + piece.offset);
        return bytes;
      }
      case 'session':
      case 'password': {
        const known = this.#values.get(`${piece.kind}:${piece.number}`);
        if (known === undefined) throw new Error(`${piece.kind} ${piece.number} is not known yet`);
        return known;
      }
      case 'event':
      case 'time':
        throw new Error(`clients send no ${piece.kind}`);
    }
  }

  #show(piece: Piece): string {
    if (piece.kind === 'time') return '{time}';
    if (piece.kind === 'event' && !this.#saysZxidOfEvents) return 'ffffffffffffffff';
    try {
      return this.#known(piece.kind === 'event' ? { ...piece, kind: 'zxid' } : piece).toString('hex');
    } catch {
      return `{${piece.kind}}`;
    }
  }
}

function lengthOf(piece: Piece): number {
  if (piece.kind === 'bytes') return piece.bytes.length;
  return piece.kind === 'password' ? 16 : 8;
}
