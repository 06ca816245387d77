// Hot path: finding, inserting and removing allocate nothing beyond what Map does by itself.

/**
 * What an entry of a {@link PathMap} carries for the map; `path[0, pathLength)` are the path's bytes, or as many characters
 * of a string, one for each byte: short strings take a fifth of the memory.
 */
export interface PathEntry {
  hash: number;
  path: Uint8Array | string;
  pathLength: number;
  /** The next entry with the same hash. Owned by the map. */
  nextInBucket: this | null;
}

/** A map keyed by path bytes, so that a path in a frame need not become a string to be looked up. */
export class PathMap<E extends PathEntry> {
  readonly #buckets = new Map<number, E>();
  size = 0;

  /** The entry whose path is `bytes[start, start + length)`; `hash` must come from the function that gave entries theirs. */
  find(hash: number, bytes: Uint8Array, start: number, length: number): E | null {
    let entry: E | null = this.#buckets.get(hash) ?? null;
    while (entry !== null && !samePath(entry, bytes, start, length)) entry = entry.nextInBucket;
    return entry;
  }

  /** Adds an entry whose path is not in the map yet. */
  insert(entry: E): void {
    entry.nextInBucket = this.#buckets.get(entry.hash) ?? null;
    this.#buckets.set(entry.hash, entry);
    this.size++;
  }

  /** Takes out an entry that is in the map. */
  remove(entry: E): void {
    const first = this.#buckets.get(entry.hash);
    if (first === entry) {
      if (entry.nextInBucket === null) this.#buckets.delete(entry.hash);
      else this.#buckets.set(entry.hash, entry.nextInBucket);
    } else {
      let before: E | undefined = first;
      while (before !== undefined && before.nextInBucket !== entry) before = before.nextInBucket ?? undefined;
      if (before === undefined) throw new Error('the entry is not in the map');
      before.nextInBucket = entry.nextInBucket;
    }
    entry.nextInBucket = null;
    this.size--;
  }
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
