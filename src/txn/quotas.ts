// Hot path while quotas are set: a change below a quota parses and writes a line of text, any other costs a look-up per
// path element. While none are set a change costs one comparison.

import { lastSlash } from '../protocol/path.ts';
import { type PathEntry, PathMap } from '../protocol/path-map.ts';
import type { DataTree } from '../replica/data-tree.ts';
import { ReplicaFullError } from '../replica/data-tree.ts';
import { NO_ZNODE } from '../replica/data-tree-reader.ts';
import { QuotaText } from './quota-text.ts';

const QUOTA_ROOT = Buffer.from('/zookeeper/quota');
const ZOOKEEPER = Buffer.from('/zookeeper');
const LIMITS_NAME = Buffer.from('/zookeeper_limits');
const STATS_NAME = Buffer.from('/zookeeper_stats');

/** What quotas limit and what is used; null where no znode says so. A limit of -1, none, is in the sum too, as in Apache's. */
export interface QuotaTotals {
  countLimit: number | null;
  bytesLimit: number | null;
  countUsage: number | null;
  bytesUsage: number | null;
}

/** A path with a quota on its subtree. */
class QuotaPrefix implements PathEntry {
  readonly hash: number;
  readonly path: Uint8Array;
  readonly pathLength: number;
  nextInBucket: this | null = null;
  readonly limitsPath: Uint8Array;
  readonly statsPath: Uint8Array;

  constructor(hash: number, path: Uint8Array) {
    this.hash = hash;
    this.path = path;
    this.pathLength = path.length;
    this.limitsPath = Buffer.concat([QUOTA_ROOT, path, LIMITS_NAME]);
    this.statsPath = Buffer.concat([QUOTA_ROOT, path, STATS_NAME]);
  }
}

/**
 * Quotas (protocol/client.md §10): `/zookeeper/quota<path>/zookeeper_limits` sets one on a subtree, `zookeeper_stats` beside
 * it shows what is used. Apply tells of every change; the stats follow in memory alone, without a txn, a version or a
 * zxid, and are counted anew at the start. Only the quota nearest to a znode counts it.
 */
export class Quotas {
  readonly #tree: DataTree;
  #prefixes = new PathMap<QuotaPrefix>();

  constructor(tree: DataTree) {
    this.#tree = tree;
  }

  /** How many quotas are set. */
  get size(): number {
    return this.#prefixes.size;
  }

  /** Finds the quotas in the tree and counts what each uses: after recovery, and when the tree was replaced. */
  load(): void {
    const tree = this.#tree;
    this.#prefixes = new PathMap();
    const top = tree.find(QUOTA_ROOT, 0, QUOTA_ROOT.length);
    if (top === NO_ZNODE) return;
    this.#eachBelow(top, (ref) => {
      const path = new Uint8Array(tree.pathLength(ref));
      tree.copyPath(ref, path, 0);
      this.#noticeLimits(path, 0, path.length);
    });
  }

  /** A znode was created. */
  created(path: Uint8Array, start: number, length: number, dataLength: number): void {
    if (startsWith(path, start, length, QUOTA_ROOT)) {
      this.#noticeLimits(path, start, length);
      this.#noticeStats(path, start, length);
    }
    if (this.size > 0) this.#count(path, start, length, 1, Math.max(0, dataLength));
  }

  /** A znode was deleted. */
  deleted(path: Uint8Array, start: number, length: number, dataLength: number): void {
    if (this.size === 0) return;
    const prefix = quotaPath(path, start, length, LIMITS_NAME);
    if (prefix !== null) {
      const known = this.#find(prefix, 0, prefix.length);
      if (known !== null) this.#prefixes.remove(known);
    }
    this.#count(path, start, length, -1, -Math.max(0, dataLength));
  }

  /** A znode's data grew by so many bytes. */
  dataChanged(path: Uint8Array, start: number, length: number, difference: number): void {
    if (this.size > 0) this.#count(path, start, length, 0, difference);
  }

  /**
   * Whether so many more znodes and bytes at the path would exceed a limit: null, or what is exceeded. Goes, as Apache does,
   * by what is applied, not by what is under way.
   */
  exceeded(
    path: Uint8Array,
    start: number,
    length: number,
    countDifference: number,
    bytesDifference: number,
  ): QuotaExcess | null {
    if (this.size === 0) return null;
    const prefix = this.#nearest(path, start, length);
    if (prefix === null) return null;
    const limits = this.#read(prefix.limitsPath);
    const used = this.#read(prefix.statsPath);
    if (limits === null || used === null) return null;
    const count = countDifference === 0 ? -1 : used.count + countDifference;
    const bytes = bytesDifference === 0 ? -1 : used.bytes + bytesDifference;
    const ofCount = excess(prefix.path, 'count', count, limits.count, limits.countHardLimit);
    const ofBytes = excess(prefix.path, 'bytes', bytes, limits.bytes, limits.byteHardLimit);
    return ofBytes?.isHard === true ? ofBytes : (ofCount ?? ofBytes);
  }

  /** The sums over all quotas below each top-level znode, by its name: for mntr. */
  totals(): Map<string, QuotaTotals> {
    const tree = this.#tree;
    const totals = new Map<string, QuotaTotals>();
    const top = tree.find(QUOTA_ROOT, 0, QUOTA_ROOT.length);
    if (top === NO_ZNODE) return totals;
    this.#eachBelow(top, (ref) => {
      if (tree.firstChild(ref) !== NO_ZNODE || tree.dataLength(ref) < 0) return;
      const path = new Uint8Array(tree.pathLength(ref));
      tree.copyPath(ref, path, 0);
      const limited = quotaPath(path, 0, path.length, LIMITS_NAME);
      const counted = quotaPath(path, 0, path.length, STATS_NAME);
      const of = limited ?? counted;
      if (of === null) return;
      const name = namespaceOf(of);
      const sums = totals.get(name) ?? {
        countLimit: null,
        bytesLimit: null,
        countUsage: null,
        bytesUsage: null,
      };
      totals.set(name, sums);
      addTo(sums, new QuotaText(this.#textOf(ref)), limited !== null);
    });
    return totals;
  }

  /** If the znode holds limits, its quota is set from now on. */
  #noticeLimits(path: Uint8Array, start: number, length: number): void {
    const limited = quotaPath(path, start, length, LIMITS_NAME);
    if (limited === null || this.#find(limited, 0, limited.length) !== null) return;
    const prefix = new QuotaPrefix(this.#tree.hashPath(limited, 0, limited.length), limited);
    this.#prefixes.insert(prefix);
    this.#recount(prefix.path, prefix.statsPath);
  }

  /** If the znode holds stats, they are filled in. */
  #noticeStats(path: Uint8Array, start: number, length: number): void {
    const counted = quotaPath(path, start, length, STATS_NAME);
    if (counted !== null) this.#recount(counted, path.subarray(start, start + length));
  }

  /** Counts the subtree: the number is known, the bytes take a walk. Rare: a quota is set, or the server starts. */
  #recount(path: Uint8Array, statsPath: Uint8Array): void {
    const tree = this.#tree;
    const stats = tree.find(statsPath, 0, statsPath.length);
    if (stats === NO_ZNODE) return;
    const top = tree.find(path, 0, path.length);
    let count = 0;
    let bytes = 0;
    if (top !== NO_ZNODE) {
      count = 1 + tree.descendantCount(top);
      bytes = Math.max(0, tree.dataLength(top));
      this.#eachBelow(top, (ref) => {
        bytes += Math.max(0, tree.dataLength(ref));
      });
    }
    const text = new QuotaText('');
    text.set(count, bytes);
    this.#write(stats, text);
  }

  #count(path: Uint8Array, start: number, length: number, count: number, bytes: number): void {
    const prefix = this.#nearest(path, start, length);
    if (prefix === null) return;
    const stats = this.#tree.find(prefix.statsPath, 0, prefix.statsPath.length);
    if (stats === NO_ZNODE) return;
    const text = new QuotaText(this.#textOf(stats));
    text.set(text.count + count, text.bytes + bytes);
    this.#write(stats, text);
  }

  /** Without memory for a longer text the old one stays: a wrong number, until the server starts again. */
  #write(stats: number, text: QuotaText): void {
    const bytes = Buffer.from(text.toString());
    try {
      this.#tree.setData(stats, bytes, 0, bytes.length);
    } catch (error) {
      if (!(error instanceof ReplicaFullError)) throw error;
    }
  }

  #read(path: Uint8Array): QuotaText | null {
    const ref = this.#tree.find(path, 0, path.length);
    return ref === NO_ZNODE ? null : new QuotaText(this.#textOf(ref));
  }

  #textOf(ref: number): string {
    const bytes = Buffer.alloc(Math.max(0, this.#tree.dataLength(ref)));
    this.#tree.copyData(ref, bytes, 0);
    return bytes.toString();
  }

  #find(path: Uint8Array, start: number, length: number): QuotaPrefix | null {
    return this.#prefixes.find(this.#tree.hashPath(path, start, length), path, start, length);
  }

  /** The quota on the path itself or on its nearest ancestor that has one. */
  #nearest(path: Uint8Array, start: number, length: number): QuotaPrefix | null {
    for (let end = length; end > 0; end = lastSlash(path, start, end) - start) {
      const prefix = this.#find(path, start, end);
      if (prefix !== null) return prefix;
    }
    return null;
  }

  #eachBelow(top: number, visit: (ref: number) => void): void {
    const tree = this.#tree;
    let at = tree.firstChild(top);
    while (at !== NO_ZNODE) {
      visit(at);
      let next = tree.firstChild(at);
      while (next === NO_ZNODE) {
        next = tree.nextSibling(at);
        if (next === NO_ZNODE) at = tree.parent(at);
        if (at === top) return;
      }
      at = next;
    }
  }
}

/** A limit that a change would exceed. A soft one is only worth a line in the log. */
export interface QuotaExcess {
  readonly isHard: boolean;
  /** The name of the top-level znode that the quota is on or below. */
  readonly namespace: string;
  readonly message: string;
}

/** `value` -1: it does not change, and so is not checked. A hard limit takes the place of a soft one. */
function excess(
  path: Uint8Array,
  what: 'count' | 'bytes',
  value: number,
  softLimit: number,
  hardLimit: number,
): QuotaExcess | null {
  const isHard = hardLimit > -1;
  const limit = isHard ? hardLimit : softLimit;
  if (limit < 0 || value <= limit) return null;
  const kind = isHard ? 'hard' : 'soft';
  return {
    isHard,
    namespace: namespaceOf(path),
    message: `${Buffer.from(path)}: ${what} of ${value} exceeds the ${kind} limit of ${limit}`,
  };
}

/** The first name of a path. */
function namespaceOf(path: Uint8Array): string {
  return Buffer.from(path).toString('utf8').split('/')[1];
}

/** A hard limit takes the place of a soft one. */
function addTo(sums: QuotaTotals, text: QuotaText, isLimits: boolean): void {
  const count = isLimits && text.countHardLimit > -1 ? text.countHardLimit : text.count;
  const bytes = isLimits && text.byteHardLimit > -1 ? text.byteHardLimit : text.bytes;
  if (isLimits) {
    sums.countLimit = (sums.countLimit ?? 0) + count;
    sums.bytesLimit = (sums.bytesLimit ?? 0) + bytes;
  } else {
    sums.countUsage = (sums.countUsage ?? 0) + count;
    sums.bytesUsage = (sums.bytesUsage ?? 0) + bytes;
  }
}

/** The path that a znode below /zookeeper/quota with this name speaks of; null for other znodes, and for the root. */
function quotaPath(path: Uint8Array, start: number, length: number, name: Uint8Array): Uint8Array | null {
  const prefixLength = length - QUOTA_ROOT.length - name.length;
  if (prefixLength <= 0 || !startsWith(path, start, length, QUOTA_ROOT)) return null;
  if (!startsWith(path, start + length - name.length, name.length, name)) return null;
  const prefix = new Uint8Array(prefixLength);
  const prefixStart = start + QUOTA_ROOT.length;
  for (let i = 0; i < prefixLength; i++) prefix[i] = path[prefixStart + i];
  const isZookeeper = prefixLength === ZOOKEEPER.length && startsWith(prefix, 0, prefixLength, ZOOKEEPER);
  return isZookeeper ? null : prefix;
}

function startsWith(bytes: Uint8Array, start: number, length: number, prefix: Uint8Array): boolean {
  if (length < prefix.length) return false;
  for (let i = 0; i < prefix.length; i++) if (bytes[start + i] !== prefix[i]) return false;
  return true;
}
