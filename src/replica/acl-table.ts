// Hot path: allocates no string; a list that exists already is found through its hash.

import { copyBytes } from '../jute/shared-copy.ts';
import { type Allocator, boundBytes, NO_BLOCK } from './allocator.ts';
import { halfSipHash, secondKey } from './hash.ts';
import { ACL_BYTES, ACL_CHAIN_NEXT, ACL_HASH, ACL_ID, ACL_LENGTH, ACL_REFERENCES } from './layout.ts';
import { ReplicaFullError, type SegmentViews } from './memory.ts';

/** The reference of the open ACL list, `[world:anyone:31]`; it takes no memory and is never released. */
export const OPEN_ACL = 0;

/** The open ACL list as a serialised `vector<ACL>`. */
export const OPEN_ACL_BYTES: Uint8Array = Buffer.from(
  '000000010000001f00000005776f726c6400000006616e796f6e65',
  'hex',
);

const ACL_ID_MAX = 0xffffffff;

/** The ACL lists in use, each stored once however many znodes have it. Main alone has one. */
export class AclTable {
  readonly #views: SegmentViews;
  readonly #allocator: Allocator;
  readonly #key0: number;
  readonly #key1: number;
  /** First list of each hash. */
  readonly #heads = new Map<number, number>();
  #lastId = 0;
  #count = 0;

  constructor(views: SegmentViews, allocator: Allocator, hashSeed: number) {
    this.#views = views;
    this.#allocator = allocator;
    this.#key0 = hashSeed;
    this.#key1 = secondKey(hashSeed);
  }

  /** Forgets all lists, whose blocks are free already. Ids go on: readers keep what they found out about a list by its id. */
  clear(): void {
    this.#heads.clear();
    this.#count = 0;
  }

  /** How many lists are stored; the open one is not counted. */
  get count(): number {
    return this.#count;
  }

  #word(ref: number, word: number): number {
    const { words, shift, mask } = this.#views;
    return words[ref >>> shift][((ref & mask) << 1) + word];
  }

  #setWord(ref: number, word: number, value: number): void {
    const { words, shift, mask } = this.#views;
    words[ref >>> shift][((ref & mask) << 1) + word] = value;
  }

  /** See DataTree.internAcl. */
  intern(bytes: Uint8Array, start: number, length: number): number {
    if (length === OPEN_ACL_BYTES.length && equalBytes(bytes, start, OPEN_ACL_BYTES, 0, length))
      return OPEN_ACL;
    const hash = halfSipHash(bytes, start, length, this.#key0, this.#key1);
    const head = this.#heads.get(hash) ?? NO_BLOCK;
    for (let ref = head; ref !== NO_BLOCK; ref = this.#word(ref, ACL_CHAIN_NEXT)) {
      if (this.#holds(ref, bytes, start, length)) {
        this.#setWord(ref, ACL_REFERENCES, this.#word(ref, ACL_REFERENCES) + 1);
        return ref;
      }
    }
    return this.#add(hash, head, bytes, start, length);
  }

  #holds(ref: number, bytes: Uint8Array, start: number, length: number): boolean {
    if (this.#word(ref, ACL_LENGTH) !== length) return false;
    const { shift, mask } = this.#views;
    const at = ((ref & mask) << 3) + ACL_BYTES * 4;
    return equalBytes(bytes, start, this.#views.bytes[ref >>> shift], at, length);
  }

  #add(hash: number, head: number, bytes: Uint8Array, start: number, length: number): number {
    if (this.#lastId === ACL_ID_MAX) throw new Error('replica: ACL ids are used up; restart the server');
    const ref = this.#allocator.allocate(aclBlockBytes(length));
    if (ref === NO_BLOCK) throw new ReplicaFullError(`no room for an ACL list of ${length} bytes`);
    this.#setWord(ref, ACL_ID, ++this.#lastId);
    this.#setWord(ref, ACL_REFERENCES, 1);
    this.#setWord(ref, ACL_LENGTH, length);
    this.#setWord(ref, ACL_HASH, hash);
    this.#setWord(ref, ACL_CHAIN_NEXT, head);
    const { shift, mask } = this.#views;
    const at = ((ref & mask) << 3) + ACL_BYTES * 4;
    copyBytes(bytes, start, this.#views.bytes[ref >>> shift], at, length);
    this.#heads.set(hash, ref);
    this.#count++;
    return ref;
  }

  /** Gives one reference back; the list goes with its last. */
  release(ref: number): void {
    if (ref === OPEN_ACL) return;
    const references = this.#word(ref, ACL_REFERENCES) - 1;
    if (references < 0) throw new Error(`replica: ACL list ${ref} released too often`);
    this.#setWord(ref, ACL_REFERENCES, references);
    if (references === 0) this.#remove(ref);
  }

  #remove(ref: number): void {
    const hash = this.#word(ref, ACL_HASH);
    const next = this.#word(ref, ACL_CHAIN_NEXT);
    let before = this.#heads.get(hash) ?? NO_BLOCK;
    if (before === ref) {
      if (next === NO_BLOCK) this.#heads.delete(hash);
      else this.#heads.set(hash, next);
    } else {
      while (this.#word(before, ACL_CHAIN_NEXT) !== ref) before = this.#word(before, ACL_CHAIN_NEXT);
      this.#setWord(before, ACL_CHAIN_NEXT, next);
    }
    this.#allocator.free(ref);
    this.#count--;
  }
}

/** Bytes that the block of an ACL list needs from its word 1 on. */
function aclBlockBytes(length: number): number {
  return (ACL_BYTES - 1) * 4 + length;
}

/** Upper bound of the memory that a new ACL list of `length` serialised bytes takes. */
export function aclBoundBytes(length: number): number {
  return boundBytes(aclBlockBytes(length));
}

function equalBytes(
  left: Uint8Array,
  leftStart: number,
  right: Uint8Array,
  rightStart: number,
  length: number,
): boolean {
  for (let i = 0; i < length; i++) if (left[leftStart + i] !== right[rightStart + i]) return false;
  return true;
}
