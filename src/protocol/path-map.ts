// Hot path: finding, inserting and removing allocate nothing; only growing does.

/**
 * What an entry of a {@link PathMap} carries for the map; `path[0, pathLength)` are the path's bytes, or as many characters
 * of a string, one for each byte: short strings take a fifth of the memory.
 */
export interface PathEntry {
  hash: number;
  path: Uint8Array | string;
  pathLength: number;
  /** The next entry in the same bucket. Owned by the map. */
  nextInBucket: this | null;
}

const BUCKETS_AT_START = 16;

/**
 * A map keyed by path bytes, so that a path in a frame need not become a string to be looked up. Chains run through the
 * entries; as many buckets as the map ever had entries, so that coming and going moves nothing (a Map by hash makes a new
 * table each time that it has emptied and filled).
 */
export class PathMap<E extends PathEntry> {
  #buckets: (E | null)[] = emptyBuckets(BUCKETS_AT_START);
  size = 0;

  /** The entry whose path is `bytes[start, start + length)`; `hash` must come from the function that gave entries theirs. */
  find(hash: number, bytes: Uint8Array, start: number, length: number): E | null {
    let entry = this.#buckets[hash & (this.#buckets.length - 1)];
    while (entry !== null && !(entry.hash === hash && samePath(entry, bytes, start, length)))
      entry = entry.nextInBucket;
    return entry;
  }

  /** Adds an entry whose path is not in the map yet. */
  insert(entry: E): void {
    if (this.size === this.#buckets.length) this.#grow();
    this.size++;
    link(this.#buckets, entry);
  }

  /** Takes out an entry that is in the map. */
  remove(entry: E): void {
    const bucket = entry.hash & (this.#buckets.length - 1);
    let before = this.#buckets[bucket];
    if (before === entry) {
      this.#buckets[bucket] = entry.nextInBucket;
    } else {
      while (before !== null && before.nextInBucket !== entry) before = before.nextInBucket;
      if (before === null) throw new Error('the entry is not in the map');
      before.nextInBucket = entry.nextInBucket;
    }
    entry.nextInBucket = null;
    this.size--;
  }

  #grow(): void {
    const grown = emptyBuckets<E>(2 * this.#buckets.length);
    for (const first of this.#buckets) {
      for (let entry = first; entry !== null; ) {
        const next: E | null = entry.nextInBucket;
        link(grown, entry);
        entry = next;
      }
    }
    this.#buckets = grown;
  }
}

function emptyBuckets<E>(count: number): (E | null)[] {
  return new Array<E | null>(count).fill(null);
}

function link<E extends PathEntry>(buckets: (E | null)[], entry: E): void {
  const bucket = entry.hash & (buckets.length - 1);
  entry.nextInBucket = buckets[bucket];
  buckets[bucket] = entry;
}

function samePath(entry: PathEntry, bytes: Uint8Array, start: number, length: number): boolean {
  if (entry.pathLength !== length) return false;
  const { path } = entry;
  if (typeof path === 'string') {
    for (let i = 0; i < length; i++) if (path.charCodeAt(i) !== bytes[start + i]) return false;
    return true;
  }
  for (let i = 0; i < length; i++) if (path[i] !== bytes[start + i]) return false;
  return true;
}
