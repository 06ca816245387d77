import { LongMap } from '../protocol/long-map.ts';

const NONE: ReadonlySet<number> = new Set();

/**
 * Which znodes do not live for ever, as references into the replica: the ephemerals of each session, containers, and znodes
 * with a TTL. Kept by apply; main thread only.
 */
export class EphemeralOwners {
  readonly #byOwner = new LongMap<Set<number>>();
  /** Ephemerals in all. */
  count = 0;
  readonly containers = new Set<number>();
  readonly ttls = new Set<number>();

  /** Forgets all znodes: the tree is empty. */
  clear(): void {
    this.#byOwner.clear();
    this.count = 0;
    this.containers.clear();
    this.ttls.clear();
  }

  /** A znode was made: remembers it if it does not live for ever. */
  track(ownerHigh: number, ownerLow: number, ref: number, extendedTypes: boolean): void {
    switch (ownerKind(ownerHigh, ownerLow, extendedTypes)) {
      case 'persistent':
        break;
      case 'ephemeral':
        this.add(ownerHigh, ownerLow, ref);
        break;
      case 'container':
        this.containers.add(ref);
        break;
      case 'ttl':
        this.ttls.add(ref);
        break;
    }
  }

  /** A znode is deleted. */
  untrack(ownerHigh: number, ownerLow: number, ref: number): void {
    if (ownerHigh === 0 && ownerLow === 0) return;
    if (this.containers.delete(ref) || this.ttls.delete(ref)) return;
    this.remove(ownerHigh, ownerLow, ref);
  }

  add(ownerHigh: number, ownerLow: number, ref: number): void {
    let refs = this.#byOwner.get(ownerHigh, ownerLow);
    if (refs === undefined) {
      refs = new Set();
      this.#byOwner.set(ownerHigh, ownerLow, refs);
    }
    if (!refs.has(ref)) this.count++;
    refs.add(ref);
  }

  remove(ownerHigh: number, ownerLow: number, ref: number): void {
    const refs = this.#byOwner.get(ownerHigh, ownerLow);
    if (refs?.delete(ref) !== true) return;
    this.count--;
    if (refs.size === 0) this.#byOwner.delete(ownerHigh, ownerLow);
  }

  /** The session's ephemerals; the set changes as they are deleted. */
  of(ownerHigh: number, ownerLow: number): ReadonlySet<number> {
    return this.#byOwner.get(ownerHigh, ownerLow) ?? NONE;
  }

  /** Calls back for each session that owns ephemerals. */
  forEachOwner(visit: (ownerHigh: number, ownerLow: number) => void): void {
    this.#byOwner.forEach((_refs, high, low) => {
      visit(high, low);
    });
  }
}

/** Owner codes that mark container and TTL znodes instead of naming a session (protocol/client.md §11). */
export const CONTAINER_OWNER_HIGH = 0x80000000 | 0;
/** Top byte of the owner of a TTL znode; the milliseconds are in the low 40 bits. */
export const TTL_OWNER_HIGH = 0xff000000 | 0;
/** The most that the high word of a TTL may be: it has 40 bits. */
export const TTL_HIGH_MAX = 0xff;

/** How a stored ephemeralOwner is to be read. */
export type OwnerKind = 'persistent' | 'ephemeral' | 'container' | 'ttl';

/** Reads an ephemeralOwner; without extended types (`extendedTypesEnabled`) TTLs are sessions' ids. */
export function ownerKind(high: number, low: number, extendedTypes: boolean): OwnerKind {
  if (high === 0 && low === 0) return 'persistent';
  if (high === CONTAINER_OWNER_HIGH && low === 0) return 'container';
  if (extendedTypes && high >>> 24 === 0xff) return 'ttl';
  return 'ephemeral';
}
