import { type Allocator, NO_BLOCK } from './allocator.ts';
import { CHAIN_NEXT } from './layout.ts';
import type { SegmentViews } from './memory.ts';

/**
 * Keeps the records of znodes that are deleted while a walk over the tree goes on (TreeWalk says why). The records are
 * chained through the word that chained them in the path index, so keeping them takes no memory. Main alone has one.
 */
export class Quarantine {
  readonly #views: SegmentViews;
  readonly #allocator: Allocator;
  #openCount = 0;
  #bytes = 0;
  /** Kept for the open quarantines: a chain with its last record, to be moved in one step. */
  #keptFirst: number = NO_BLOCK;
  #keptLast: number = NO_BLOCK;
  /** Of no use to any walk: one that begins now starts at the root, and no living znode links here. */
  #waste: number = NO_BLOCK;

  constructor(views: SegmentViews, allocator: Allocator) {
    this.#views = views;
    this.#allocator = allocator;
  }

  /** Forgets all records, whose blocks are free already. Quarantines that are open stay so. */
  clear(): void {
    this.#bytes = 0;
    this.#keptFirst = NO_BLOCK;
    this.#keptLast = NO_BLOCK;
    this.#waste = NO_BLOCK;
  }

  get isOpen(): boolean {
    return this.#openCount > 0;
  }

  /** Bytes of records not yet freed. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Opens one more quarantine. */
  begin(): void {
    this.#openCount++;
  }

  /** Closes one; after the last, what was kept waits for {@link reclaim}. */
  end(): void {
    if (this.#openCount === 0) throw new Error('replica: no quarantine is open');
    this.#openCount--;
    if (this.#openCount > 0 || this.#keptFirst === NO_BLOCK) return;
    this.#setChainNext(this.#keptLast, this.#waste);
    this.#waste = this.#keptFirst;
    this.#keptFirst = NO_BLOCK;
    this.#keptLast = NO_BLOCK;
  }

  /** Keeps a record that is out of the path index. */
  add(ref: number): void {
    this.#setChainNext(ref, this.#keptFirst);
    this.#keptFirst = ref;
    if (this.#keptLast === NO_BLOCK) this.#keptLast = ref;
    this.#bytes += this.#allocator.blockBytes(ref);
  }

  /** Frees up to `recordsMax` records; gives how many. */
  reclaim(recordsMax: number): number {
    let freed = 0;
    for (; freed < recordsMax && this.#waste !== NO_BLOCK; freed++) {
      const ref = this.#waste;
      const { words, shift, mask } = this.#views;
      this.#waste = words[ref >>> shift][((ref & mask) << 1) + CHAIN_NEXT];
      this.#bytes -= this.#allocator.blockBytes(ref);
      this.#allocator.free(ref);
    }
    return freed;
  }

  #setChainNext(ref: number, next: number): void {
    const { words, shift, mask } = this.#views;
    words[ref >>> shift][((ref & mask) << 1) + CHAIN_NEXT] = next;
  }
}
