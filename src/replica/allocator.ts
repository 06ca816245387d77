// Hot path: allocates no JavaScript object per call.

import { GRANULE_BYTES, type SegmentViews } from './memory.ts';

/** What {@link Allocator.allocate} gives when there is no room: no block has this reference. */
export const NO_BLOCK = 0;

// A block begins with one word: its length in granules, shifted over two flags. A free block holds its neighbours in the
// free list in words 1 and 2, and its length again in its last word, for the block behind it to find its start.
const FREE = 1;
const PREVIOUS_FREE = 2;
const LENGTH_SHIFT = 2;
const NEXT_IN_LIST = 1;
const PREVIOUS_IN_LIST = 2;
const BLOCK_GRANULES_MIN = 2;

// Size classes: rows by power of two, 32 classes a row. Rows 0 and 1 (below 64 granules) hold one length a class.
const COLUMN_BITS = 5;
const COLUMNS = 1 << COLUMN_BITS;
const EXACT_GRANULES = 2 * COLUMNS;
const ROWS = 28;

/**
 * A two-level segregated-fit allocator (TLSF) over the segments: allocate and free take constant time whatever the
 * state of the memory, and free blocks join their free neighbours at once, so that memory given back can serve any size.
 * A block never spans segments. Main alone has one; its lists' heads are not shared.
 */
export class Allocator {
  readonly #words: readonly Int32Array[];
  readonly #shift: number;
  readonly #mask: number;
  readonly #heads = new Int32Array(ROWS * COLUMNS);
  readonly #columnBits = new Int32Array(ROWS);
  #rowBits = 0;
  #freeGranules = 0;
  #totalGranules = 0;
  /** First granule and end of each segment's blocks. */
  readonly #spans: { start: number; end: number }[] = [];

  /** Takes over segments, whatever was in them. Touches only their first and last pages. */
  constructor(views: SegmentViews) {
    this.#words = views.words;
    this.#shift = views.shift;
    this.#mask = views.mask;
    this.#addSegments();
  }

  /** Takes all blocks back at once, whatever is in them: as after the construction. */
  clear(): void {
    this.#heads.fill(NO_BLOCK);
    this.#columnBits.fill(0);
    this.#rowBits = 0;
    this.#freeGranules = 0;
    this.#totalGranules = 0;
    this.#spans.length = 0;
    this.#addSegments();
  }

  /** Backwards, so that the first segment is the first to be taken from its free list. */
  #addSegments(): void {
    for (let segment = this.#words.length - 1; segment >= 0; segment--) this.#addSegment(segment);
  }

  /**
   * Granule 0 of every segment, and the last one of the last segment, are blocks in use for ever. So every block has a
   * neighbour on both sides, none joins over a segment's border, and reference 0 stays invalid.
   */
  #addSegment(segment: number): void {
    const start = (segment << this.#shift) + 1;
    const isLast = segment === this.#words.length - 1;
    const end = start - 1 + (this.#words[segment].length >>> 1) - (isLast ? 1 : 0);
    this.#setWord(start - 1, 0, 1 << LENGTH_SHIFT);
    if (isLast) this.#setWord(end, 0, 1 << LENGTH_SHIFT);
    this.#spans.unshift({ start, end });
    this.#totalGranules += end - start;
    this.#freeGranules += end - start;
    this.#putFree(start, end - start, 0);
  }

  #word(ref: number, word: number): number {
    return this.#words[ref >>> this.#shift][((ref & this.#mask) << 1) + word];
  }

  #setWord(ref: number, word: number, value: number): void {
    this.#words[ref >>> this.#shift][((ref & this.#mask) << 1) + word] = value;
  }

  /** A block for `bytes` bytes from its word 1 on: its reference, or {@link NO_BLOCK}. */
  allocate(bytes: number): number {
    const granules = blockGranules(bytes);
    const ref = this.#findFit(granules);
    if (ref === NO_BLOCK) return NO_BLOCK;
    const header = this.#word(ref, 0);
    const found = header >>> LENGTH_SHIFT;
    const rest = found - granules;
    if (rest >= EXACT_GRANULES && classOf(rest) === classOf(found)) {
      this.#cutHead(ref, granules, rest);
      return ref;
    }
    this.#unlist(ref, found);
    let taken = granules;
    if (rest >= BLOCK_GRANULES_MIN) {
      // The block behind keeps its flag: what is before it stays free.
      this.#putFree(ref + granules, rest, 0);
    } else {
      taken = found;
      this.#setWord(ref + found, 0, this.#word(ref + found, 0) & ~PREVIOUS_FREE);
    }
    this.#setWord(ref, 0, (taken << LENGTH_SHIFT) | (header & PREVIOUS_FREE));
    this.#freeGranules -= taken;
    return ref;
  }

  /**
   * Takes `granules` off a free block that is its list's head; what is left stays of the same class, and takes over its
   * place in the list. While memory is filled it is nearly always so.
   */
  #cutHead(ref: number, granules: number, rest: number): void {
    const words = this.#words[ref >>> this.#shift];
    const base = (ref & this.#mask) << 1;
    const restAt = base + (granules << 1);
    const next = words[base + NEXT_IN_LIST];
    words[restAt] = (rest << LENGTH_SHIFT) | FREE;
    words[restAt + NEXT_IN_LIST] = next;
    words[restAt + PREVIOUS_IN_LIST] = NO_BLOCK;
    words[restAt + (rest << 1) - 1] = rest;
    if (next !== NO_BLOCK) this.#setWord(next, PREVIOUS_IN_LIST, ref + granules);
    this.#heads[classOf(rest)] = ref + granules;
    words[base] = (granules << LENGTH_SHIFT) | (words[base] & PREVIOUS_FREE);
    this.#freeGranules -= granules;
  }

  /** Gives a block back; it joins its free neighbours. */
  free(ref: number): void {
    const header = this.#word(ref, 0);
    if ((header & FREE) !== 0 || ref === NO_BLOCK) throw new Error(`replica: block ${ref} freed twice`);
    let start = ref;
    let granules = header >>> LENGTH_SHIFT;
    this.#freeGranules += granules;
    const next = this.#word(ref + granules, 0);
    if ((next & FREE) !== 0) {
      const nextGranules = next >>> LENGTH_SHIFT;
      this.#unlist(ref + granules, nextGranules);
      granules += nextGranules;
    }
    if ((header & PREVIOUS_FREE) !== 0) {
      const previousGranules = this.#word(ref - 1, 1);
      start = ref - previousGranules;
      this.#unlist(start, previousGranules);
      granules += previousGranules;
    }
    this.#putFree(start, granules, this.#word(start, 0) & PREVIOUS_FREE);
  }

  /** Length of a block in bytes, its own word included. */
  blockBytes(ref: number): number {
    return (this.#word(ref, 0) >>> LENGTH_SHIFT) * GRANULE_BYTES;
  }

  /** Whether a block is what {@link allocate} would choose for `bytes`: then a new value can take the old one's place. */
  fits(ref: number, bytes: number): boolean {
    const spare = (this.#word(ref, 0) >>> LENGTH_SHIFT) - blockGranules(bytes);
    return spare >= 0 && spare < BLOCK_GRANULES_MIN;
  }

  /** Bytes in blocks, free or not. */
  get totalBytes(): number {
    return this.#totalGranules * GRANULE_BYTES;
  }

  get freeBytes(): number {
    return this.#freeGranules * GRANULE_BYTES;
  }

  /**
   * A lower bound of the largest free block: the least length of its size class. Any series of allocations whose
   * {@link boundBytes} sum to no more is certain to succeed. Proof: let b be the largest block. Each allocation takes from
   * another block, or from b, so a block of at least b minus what was taken is left, hence one that is at least as long as
   * the next bound; and a bound is the least length of the class in which the search begins. Frees only make blocks longer.
   */
  get allocatableBytes(): number {
    const index = this.#topClass();
    return index < 0 ? 0 : classGranules(index) * GRANULE_BYTES;
  }

  /** The largest free block, looked for among the first of its size class; for metrics. */
  get largestFreeBytes(): number {
    const index = this.#topClass();
    let largest = 0;
    let ref = index < 0 ? NO_BLOCK : this.#heads[index];
    for (let looked = 0; ref !== NO_BLOCK && looked < 64; looked++) {
      largest = Math.max(largest, this.blockBytes(ref));
      ref = this.#word(ref, NEXT_IN_LIST);
    }
    return largest;
  }

  #topClass(): number {
    if (this.#rowBits === 0) return -1;
    const row = 31 - Math.clz32(this.#rowBits);
    return row * COLUMNS + 31 - Math.clz32(this.#columnBits[row]);
  }

  /** The first block of the least class whose blocks are all long enough. */
  #findFit(granules: number): number {
    const index = classOf(roundToClass(granules));
    let row = index >>> COLUMN_BITS;
    if (row >= ROWS) return NO_BLOCK;
    let columns = this.#columnBits[row] & (-1 << (index & (COLUMNS - 1)));
    if (columns === 0) {
      const rows = this.#rowBits & (-2 << row);
      if (rows === 0) return NO_BLOCK;
      row = lowestBit(rows);
      columns = this.#columnBits[row];
    }
    return this.#heads[row * COLUMNS + lowestBit(columns)];
  }

  /** Makes a free block of `granules` at `ref`, lists it and tells the block behind. */
  #putFree(ref: number, granules: number, previousFree: number): void {
    this.#setWord(ref, 0, (granules << LENGTH_SHIFT) | previousFree | FREE);
    this.#setWord(ref + granules - 1, 1, granules);
    const behind = ref + granules;
    this.#setWord(behind, 0, this.#word(behind, 0) | PREVIOUS_FREE);

    const index = classOf(granules);
    const head = this.#heads[index];
    this.#setWord(ref, NEXT_IN_LIST, head);
    this.#setWord(ref, PREVIOUS_IN_LIST, NO_BLOCK);
    if (head !== NO_BLOCK) this.#setWord(head, PREVIOUS_IN_LIST, ref);
    this.#heads[index] = ref;
    this.#columnBits[index >>> COLUMN_BITS] |= 1 << (index & (COLUMNS - 1));
    this.#rowBits |= 1 << (index >>> COLUMN_BITS);
  }

  #unlist(ref: number, granules: number): void {
    const index = classOf(granules);
    const next = this.#word(ref, NEXT_IN_LIST);
    const previous = this.#word(ref, PREVIOUS_IN_LIST);
    if (next !== NO_BLOCK) this.#setWord(next, PREVIOUS_IN_LIST, previous);
    if (previous !== NO_BLOCK) {
      this.#setWord(previous, NEXT_IN_LIST, next);
      return;
    }
    this.#heads[index] = next;
    if (next !== NO_BLOCK) return;
    const row = index >>> COLUMN_BITS;
    this.#columnBits[row] &= ~(1 << (index & (COLUMNS - 1)));
    if (this.#columnBits[row] === 0) this.#rowBits &= ~(1 << row);
  }

  /**
   * Walks all blocks and lists, and throws if they contradict each other. Gives the number of free and used blocks.
   * Takes time in proportion to the blocks: for tests and for debugging.
   */
  checkInvariants(): { freeBlocks: number; usedBlocks: number } {
    let freeBlocks = 0;
    let usedBlocks = 0;
    let freeGranules = 0;
    for (const { start, end } of this.#spans) {
      let previousFree = false;
      let ref = start;
      while (ref < end) {
        const header = this.#word(ref, 0);
        const granules = header >>> LENGTH_SHIFT;
        const isFree = (header & FREE) !== 0;
        ensure(granules >= BLOCK_GRANULES_MIN && ref + granules <= end, 'length', ref);
        ensure(((header & PREVIOUS_FREE) !== 0) === previousFree, 'flag of the block before', ref);
        ensure(!(isFree && previousFree), 'free neighbours not joined', ref);
        if (isFree) {
          ensure(this.#word(ref + granules - 1, 1) === granules, 'length at the end', ref);
          freeBlocks++;
          freeGranules += granules;
        } else usedBlocks++;
        previousFree = isFree;
        ref += granules;
      }
      ensure(ref === end, 'end of segment', ref);
    }
    ensure(freeGranules === this.#freeGranules, 'count of free granules', 0);
    ensure(this.#checkLists() === freeBlocks, 'number of listed blocks', 0);
    return { freeBlocks, usedBlocks };
  }

  #checkLists(): number {
    let listed = 0;
    for (let index = 0; index < this.#heads.length; index++) {
      const row = index >>> COLUMN_BITS;
      const isMarked = ((this.#columnBits[row] >>> (index & (COLUMNS - 1))) & 1) === 1;
      ensure(isMarked === (this.#heads[index] !== NO_BLOCK), 'bit of the class', index);
      ensure(!isMarked || ((this.#rowBits >>> row) & 1) === 1, 'bit of the row', row);
      let previous = NO_BLOCK;
      for (let ref = this.#heads[index]; ref !== NO_BLOCK; ref = this.#word(ref, NEXT_IN_LIST)) {
        const header = this.#word(ref, 0);
        ensure((header & FREE) !== 0 && classOf(header >>> LENGTH_SHIFT) === index, 'class', ref);
        ensure(this.#word(ref, PREVIOUS_IN_LIST) === previous, 'link back', ref);
        previous = ref;
        listed++;
      }
    }
    for (let row = 0; row < ROWS; row++)
      ensure(((this.#rowBits >>> row) & 1) === (this.#columnBits[row] !== 0 ? 1 : 0), 'bit of the row', row);
    return listed;
  }
}

function ensure(holds: boolean, what: string, where: number): void {
  if (!holds) throw new Error(`replica: allocator broken at ${where}: ${what}`);
}

/** Granules that a block for `bytes` takes, its own word included. */
function blockGranules(bytes: number): number {
  return Math.max(BLOCK_GRANULES_MIN, Math.ceil((bytes + 4) / GRANULE_BYTES));
}

/** Upper bound, in bytes, of what {@link Allocator.allocate} of `bytes` takes from {@link Allocator.allocatableBytes}. */
export function boundBytes(bytes: number): number {
  return roundToClass(blockGranules(bytes)) * GRANULE_BYTES;
}

/** The least length of a size class that is not below `granules`. */
function roundToClass(granules: number): number {
  if (granules < EXACT_GRANULES) return granules;
  const step = 2 ** (31 - Math.clz32(granules) - COLUMN_BITS);
  return Math.ceil(granules / step) * step;
}

/** The size class of a block. */
function classOf(granules: number): number {
  if (granules < COLUMNS) return granules;
  const power = 31 - Math.clz32(granules);
  const row = power - COLUMN_BITS + 1;
  return row * COLUMNS + ((granules >>> (power - COLUMN_BITS)) & (COLUMNS - 1));
}

/** The least length in a size class: the inverse of {@link classOf}. */
function classGranules(index: number): number {
  const row = index >>> COLUMN_BITS;
  const column = index & (COLUMNS - 1);
  return row === 0 ? column : (COLUMNS + column) << (row - 1);
}

function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}
