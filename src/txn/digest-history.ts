// Hot path: record() is called for every txn and does nothing for 127 of 128.

/** Every so many zxids the tree's digest is kept (Apache's DIGEST_LOG_INTERVAL). */
const INTERVAL = 128;
/** The newest so many are kept (Apache's DIGEST_LOG_LIMIT). */
const ENTRIES_MAX = 1024;
const WORDS = 4;

/** The tree's digest as it was at a zxid. */
export interface RecordedDigest {
  readonly zxidHigh: number;
  readonly zxidLow: number;
  readonly digestHigh: number;
  readonly digestLow: number;
}

/** What the tree's digest was at past zxids: `hash` shows it, so that two servers can be compared (protocol/client.md §12). */
export class DigestHistory {
  readonly #words = new Int32Array(ENTRIES_MAX * WORDS);
  #recorded = 0;

  /** Takes note of the tree's digest after the txn with this zxid, if it is one of those that are kept. */
  record(zxidHigh: number, zxidLow: number, digestHigh: number, digestLow: number): void {
    if ((zxidLow & (INTERVAL - 1)) !== 0) return;
    const at = (this.#recorded++ % ENTRIES_MAX) * WORDS;
    this.#words[at] = zxidHigh;
    this.#words[at + 1] = zxidLow;
    this.#words[at + 2] = digestHigh;
    this.#words[at + 3] = digestLow;
  }

  /** Forgets what is kept: it may be of txns that are no longer part of the history. */
  clear(): void {
    this.#recorded = 0;
  }

  /** What is kept, oldest first. */
  entries(): RecordedDigest[] {
    const count = Math.min(this.#recorded, ENTRIES_MAX);
    return Array.from({ length: count }, (_, i) => {
      const at = ((this.#recorded - count + i) % ENTRIES_MAX) * WORDS;
      const [zxidHigh, zxidLow, digestHigh, digestLow] = this.#words.subarray(at, at + WORDS);
      return { zxidHigh, zxidLow, digestHigh, digestLow };
    });
  }
}
