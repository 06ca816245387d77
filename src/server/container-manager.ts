import type { DataTreeReader } from '../replica/data-tree-reader.ts';
import { type EphemeralOwners, TTL_HIGH_MAX } from '../txn/ephemeral-owners.ts';

/** The manager works in steps of this length, so that main's other work goes on between them. */
const STEP_MS = 100;
/** Znodes looked at in one step: about a millisecond. */
const LOOKED_AT_PER_STEP = 10_000;
const MINUTE_MS = 60_000;

export interface ContainerManagerOptions {
  /** From the beginning of one search to that of the next. */
  readonly checkIntervalMs: number;
  readonly deletionsPerMinuteMax: number;
  /** A container that never had a child is kept so long; 0: for ever. */
  readonly neverUsedIntervalMsMax: number;
  /** Proposes that the znode be deleted; prep decides whether it still may be. */
  readonly deleteContainer: (path: Uint8Array) => void;
  /** Something was proposed. */
  readonly flush: () => void;
}

/**
 * Deletes containers whose children are gone and TTL znodes whose time is over (protocol/client.md §11). Looks only at
 * those, in small steps, on main, which reads the tree without a lock.
 */
export class ContainerManager {
  readonly #tree: DataTreeReader;
  readonly #ephemerals: EphemeralOwners;
  readonly #options: ContainerManagerOptions;
  #timer: NodeJS.Timeout | null = null;
  #search: Iterator<number> | null = null;
  #searchBeganMs = 0;
  /** Deletions that the limit allows now. */
  #allowance = 0;

  constructor(tree: DataTreeReader, ephemerals: EphemeralOwners, options: ContainerManagerOptions) {
    this.#tree = tree;
    this.#ephemerals = ephemerals;
    this.#options = options;
  }

  /** The first search is one interval away. */
  start(): void {
    this.#after(this.#options.checkIntervalMs);
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #after(delayMs: number): void {
    this.#timer = setTimeout(() => this.#onTimer(), delayMs);
  }

  #onTimer(): void {
    const nowMs = Date.now();
    if (this.#search === null) {
      this.#search = this.#mortals();
      this.#searchBeganMs = nowMs;
    }
    const perStep = (this.#options.deletionsPerMinuteMax * STEP_MS) / MINUTE_MS;
    this.#allowance = Math.min(this.#allowance + perStep, Math.max(perStep, 1));
    if (this.#step(this.#search, nowMs)) {
      this.#search = null;
      const silentMs = Date.now() - this.#searchBeganMs;
      this.#after(Math.max(1, this.#options.checkIntervalMs - Math.max(0, silentMs)));
    } else {
      this.#after(STEP_MS);
    }
    this.#options.flush();
  }

  /** Goes on with the search; true when it is at its end. */
  #step(search: Iterator<number>, nowMs: number): boolean {
    for (let lookedAt = 0; lookedAt < LOOKED_AT_PER_STEP && this.#allowance >= 1; lookedAt++) {
      const next = search.next();
      if (next.done === true) return true;
      if (!this.#isOver(next.value, nowMs)) continue;
      this.#allowance--;
      const path = new Uint8Array(this.#tree.pathLength(next.value));
      this.#tree.copyPath(next.value, path, 0);
      this.#options.deleteContainer(path);
    }
    return false;
  }

  /** The sets may change between two steps: iterators of a Set skip what was deleted. */
  *#mortals(): Generator<number> {
    yield* this.#ephemerals.containers;
    yield* this.#ephemerals.ttls;
  }

  #isOver(ref: number, nowMs: number): boolean {
    const tree = this.#tree;
    if (tree.childCount(ref) > 0) return false;
    const silentMs = nowMs - (tree.mtimeHigh(ref) * 2 ** 32 + (tree.mtimeLow(ref) >>> 0));
    if (this.#ephemerals.ttls.has(ref)) {
      const ttlHigh = tree.ephemeralOwnerHigh(ref) & TTL_HIGH_MAX;
      return silentMs > ttlHigh * 2 ** 32 + (tree.ephemeralOwnerLow(ref) >>> 0);
    }
    // A new container must not go before its first child comes.
    if (tree.cversion(ref) > 0) return true;
    const { neverUsedIntervalMsMax } = this.#options;
    return neverUsedIntervalMsMax > 0 && silentMs > neverUsedIntervalMsMax;
  }
}
