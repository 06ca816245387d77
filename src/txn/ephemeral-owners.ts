import { LongMap } from '../protocol/long-map.ts';

const NONE: ReadonlySet<number> = new Set();

/** The ephemeral znodes of each session, as references into the replica. Kept by apply; main thread only. */
export class EphemeralOwners {
  readonly #byOwner = new LongMap<Set<number>>();
  count = 0;

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

/** How a stored ephemeralOwner is to be read. */
export type OwnerKind = 'persistent' | 'ephemeral' | 'container' | 'ttl';

export function ownerKind(high: number, low: number, extendedTypes: boolean): OwnerKind {
  if (high === 0 && low === 0) return 'persistent';
  if (high === CONTAINER_OWNER_HIGH && low === 0) return 'container';
  if (extendedTypes && high >>> 24 === 0xff) return 'ttl';
  return 'ephemeral';
}
