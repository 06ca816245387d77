// Loads millions of znodes at start: no string or array per znode, paths and data go from the file's buffer into the tree.

import type { DataTree } from '../replica/data-tree.ts';
import { NO_ZNODE, OPEN_ACL } from '../replica/data-tree-reader.ts';
import type { SnapshotInput } from './snapshot-input.ts';
import {
  readAclKey,
  type ScannedSnapshot,
  type SnapshotScanOptions,
  type SnapshotSink,
  scanSnapshot,
} from './snapshot-scan.ts';

const SLASH = 0x2f;
/**
 * When so many znodes are loaded, the path index is made ready for those to come: up to the next of these numbers, as the
 * guess may be wrong (small znodes first, large ones behind them), and buckets are not given back.
 */
const RESERVE_AT_ZNODES: readonly number[] = [2 ** 10, 2 ** 14, 2 ** 20, 2 ** 23, 2 ** 26, 2 ** 29];
/** The log brings some more. */
const RESERVE_SLACK = 1.125;

/**
 * Told of each znode after it is in the tree with all its fields: `bytes[pathStart, + pathLength)` is its path as in
 * the file ("" for the root). With digests computed, `contentCrc` is its CRC over path and data and `digest` its digest
 * (disk.md §7), both int32; else both are 0.
 */
export type OnZnode = (
  ref: number,
  bytes: Uint8Array,
  pathStart: number,
  pathLength: number,
  contentCrc: number,
  digest: number,
) => void;

/** Where a tree is loaded to. */
export interface TreeLoaderOptions {
  /** A tree that holds nothing but its root. After an error it holds part of the snapshot: throw it away. */
  readonly tree: DataTree;
  readonly onSession: (idHigh: number, idLow: number, timeoutMs: number) => void;
  readonly onZnode: OnZnode;
  /** Whether the znodes' digests are wanted. */
  readonly computesDigests: boolean;
}

export interface SnapshotReaderOptions extends SnapshotScanOptions, TreeLoaderOptions {}

/**
 * Loads a snapshot into a fresh tree, with the checks of {@link scanSnapshot} and of the tree's shape: each parent before
 * its children, each path once, each ACL key known. Throws SnapshotError.
 */
export function readSnapshot(options: SnapshotReaderOptions): ScannedSnapshot {
  return scanSnapshot(options, new TreeLoader(options));
}

/** Puts what is read into the tree, and checks the tree's shape. May throw what SnapshotInput.error gives. */
export class TreeLoader implements SnapshotSink {
  readonly #options: TreeLoaderOptions;
  readonly #tree: DataTree;
  /** The serialised list of each ACL key in the file, null for the open one. */
  readonly #acls = new Map<number, Uint8Array | null>();
  #znodes = 0;
  #reserves = 0;
  /**
   * The znodes from the root to the last one, with the lengths of their paths; the last one's path holds all the others'.
   * In the file's order a znode's parent is among them, and need not be looked for.
   */
  #path = new Uint8Array(1024);
  readonly #refs: number[] = [];
  readonly #ends: number[] = [];
  #depth = 0;

  constructor(options: TreeLoaderOptions) {
    this.#options = options;
    this.#tree = options.tree;
  }

  session(idHigh: number, idLow: number, timeoutMs: number): void {
    this.#options.onSession(idHigh, idLow, timeoutMs);
  }

  acl(key: number, serialised: Uint8Array): void {
    const ref = this.#tree.internAcl(serialised, 0, serialised.length);
    // Apache gives the open list a key of its own when a client names it, as nearly all do.
    this.#acls.set(key, ref === OPEN_ACL ? null : serialised);
    this.#tree.releaseAcl(ref);
  }

  znode(
    input: SnapshotInput,
    pathAt: number,
    pathLength: number,
    dataAt: number,
    dataLength: number,
    keyAt: number,
  ): void {
    const { bytes, view } = input;
    const tree = this.#tree;
    const aclRef = this.#aclRef(input, keyAt);
    const statAt = keyAt + 8;
    let ref: number;
    if (this.#znodes === RESERVE_AT_ZNODES[this.#reserves]) this.#reserve(input);
    if (this.#znodes++ === 0) {
      ref = tree.root;
      tree.setData(ref, bytes, dataAt, dataLength);
      tree.setAcl(ref, aclRef);
      tree.loadStatPersisted(ref, view, statAt);
      this.#enter(ref, bytes, pathAt, 0, 0);
    } else {
      ref = this.#create(input, pathAt, pathLength, dataAt, dataLength, aclRef, statAt);
    }
    if (this.#options.computesDigests) {
      const digest = input.memory.digest(pathAt, pathLength, dataAt, dataLength, statAt);
      this.#options.onZnode(ref, bytes, pathAt, pathLength, input.memory.contentCrc, digest);
    } else {
      this.#options.onZnode(ref, bytes, pathAt, pathLength, 0, 0);
    }
  }

  /** The file does not say how many znodes it holds: as many more, probably, as the part that is left is larger. */
  #reserve(input: SnapshotInput): void {
    const guess = Math.ceil((this.#znodes / input.fractionRead) * RESERVE_SLACK);
    this.#reserves++;
    this.#tree.reserveIndex(Math.min(guess, RESERVE_AT_ZNODES[this.#reserves] ?? guess));
  }

  #create(
    input: SnapshotInput,
    pathAt: number,
    pathLength: number,
    dataAt: number,
    dataLength: number,
    aclRef: number,
    statAt: number,
  ): number {
    const { bytes, view } = input;
    const tree = this.#tree;
    const end = pathAt + pathLength;
    let nameAt = end;
    while (nameAt > pathAt && bytes[nameAt - 1] !== SLASH) nameAt--;
    if (nameAt === pathAt || nameAt === end) throw input.error('an absolute path', 'another');
    const parentLength = nameAt - 1 - pathAt;
    const parent = this.#parent(input, pathAt, parentLength);
    if (parent === NO_ZNODE) {
      throw input.error('a parent before its children', pathText(bytes, pathAt, pathLength));
    }
    if (tree.mustIndexLoaded) this.#index(input);
    const hash = tree.hashPath(bytes, pathAt, pathLength);
    const ref = tree.loadZnode(
      parent,
      bytes,
      view,
      nameAt,
      end - nameAt,
      hash,
      dataAt,
      dataLength,
      aclRef,
      statAt,
      pathLength,
    );
    this.#enter(ref, bytes, pathAt, parentLength, pathLength);
    return ref;
  }

  /** The znode at `bytes[at, at + length)`, which becomes the last one entered if it was one of them. */
  #parent(input: SnapshotInput, at: number, length: number): number {
    const { bytes } = input;
    const ends = this.#ends;
    let last = this.#depth - 1;
    while (ends[last] > length) last--;
    this.#depth = last + 1;
    if (ends[last] !== length || !this.#beginsWith(bytes, at, length)) return this.#find(input, at, length);
    return this.#refs[last];
  }

  #beginsWith(bytes: Uint8Array, at: number, length: number): boolean {
    const path = this.#path;
    for (let i = length - 1; i >= 0; i--) if (path[i] !== bytes[at + i]) return false;
    return true;
  }

  /** A file in another order than Apache's, but with parents before their children, loads too. */
  #find(input: SnapshotInput, at: number, length: number): number {
    const { bytes } = input;
    this.#index(input);
    const ref = this.#tree.find(bytes, at, length);
    this.#depth = 1;
    if (length > 0 && ref !== NO_ZNODE) this.#enter(ref, bytes, at, 0, length);
    return ref;
  }

  end(input: SnapshotInput): void {
    this.#index(input);
  }

  /** Has what was loaded found by its path. */
  #index(input: SnapshotInput): void {
    const twice = this.#tree.indexLoaded();
    if (twice === NO_ZNODE) return;
    const path = new Uint8Array(this.#tree.pathLength(twice));
    this.#tree.copyPath(twice, path, 0);
    throw input.error('each path once', pathText(path, 0, path.length));
  }

  /** Puts a znode behind its parent, whose path has `parentLength` bytes. */
  #enter(ref: number, bytes: Uint8Array, at: number, parentLength: number, length: number): void {
    if (length > this.#path.length) {
      const longer = new Uint8Array(2 * length);
      longer.set(this.#path);
      this.#path = longer;
    }
    for (let i = parentLength; i < length; i++) this.#path[i] = bytes[at + i];
    this.#refs[this.#depth] = ref;
    this.#ends[this.#depth++] = length;
  }

  /** One reference of the ACL with the key at `keyAt`, for the znode to take over. */
  #aclRef(input: SnapshotInput, keyAt: number): number {
    const { view } = input;
    if (view.getInt32(keyAt + 4) === -1 && view.getInt32(keyAt) === -1) return OPEN_ACL;
    const key = readAclKey(view, keyAt);
    const acl = this.#acls.get(key);
    if (acl === undefined) throw input.error("a key of the snapshot's ACLs", `${key}`);
    return acl === null ? OPEN_ACL : this.#tree.internAcl(acl, 0, acl.length);
  }
}

function pathText(bytes: Uint8Array, at: number, length: number): string {
  return Buffer.from(bytes.slice(at, at + Math.min(length, 200))).toString('utf8');
}
