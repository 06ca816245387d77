import type { DataTree } from '../../src/replica/data-tree.ts';
import { NO_ZNODE } from '../../src/replica/data-tree-reader.ts';
import { ZnodeChange } from '../../src/ring/record-kind.ts';

/** A znode as it was from one zxid until the next change. */
export interface ZnodeState {
  /** The zxid of the txn that made it so, as one number (ledger.ts). */
  readonly sinceKey: number;
  readonly exists: boolean;
  readonly data: string;
  readonly version: number;
  /** As numbers like `sinceKey`. */
  readonly mzxid: number;
  readonly pzxid: number;
  readonly owner: string;
  /** Sorted names, joined. */
  readonly children: string;
}

/** What fires a watch on a path: once a txn, whichever of the kinds. */
interface WatchedChange {
  readonly key: number;
  readonly changesData: boolean;
  readonly changesChildren: boolean;
}

const ABSENT: ZnodeState = {
  sinceKey: 0,
  exists: false,
  data: '',
  version: 0,
  mzxid: 0,
  pzxid: 0,
  owner: '',
  children: '',
};

/** Every state that every znode was ever in, by zxid. */
export class ZnodeHistory {
  readonly #tree: DataTree;
  readonly #states = new Map<string, ZnodeState[]>();
  readonly #watched = new Map<string, WatchedChange[]>();
  readonly #changed = new Map<string, { data: boolean; children: boolean }>();

  constructor(tree: DataTree) {
    this.#tree = tree;
    this.#changed.set('/', { data: false, children: false });
    this.record(0);
  }

  /** Told by apply of each change; {@link record} follows when the txn is whole. */
  changed(change: ZnodeChange, bytes: Uint8Array, start: number, length: number): void {
    const path = Buffer.from(bytes.subarray(start, start + length)).toString();
    const own = this.#touch(path);
    own.data = true;
    if (change === ZnodeChange.dataChanged) return;
    // A deletion fires the child watches of the znode itself, too.
    if (change === ZnodeChange.deleted) own.children = true;
    this.#touch(parentOf(path)).children = true;
  }

  #touch(path: string): { data: boolean; children: boolean } {
    let found = this.#changed.get(path);
    if (found === undefined) {
      found = { data: false, children: false };
      this.#changed.set(path, found);
    }
    return found;
  }

  /** The txn with this zxid is applied. */
  record(key: number): void {
    for (const [path, { data, children }] of this.#changed) {
      append(this.#states, path, this.#read(path, key));
      append(this.#watched, path, { key, changesData: data, changesChildren: children });
    }
    this.#changed.clear();
  }

  /** The znode's state at a zxid. */
  at(path: string, key: number): ZnodeState {
    const states = this.#states.get(path) ?? [];
    let low = 0;
    let high = states.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (states[middle].sinceKey <= key) low = middle + 1;
      else high = middle;
    }
    return states[low - 1] ?? ABSENT;
  }

  /** The first zxid behind `afterKey` at which a watch on the path fires, or Infinity. */
  nextChange(path: string, kind: 'data' | 'children', afterKey: number): number {
    const changes = this.#watched.get(path) ?? [];
    let first = changes.length;
    while (first > 0 && changes[first - 1].key > afterKey) first--;
    for (let i = first; i < changes.length; i++) if (fires(changes[i], kind)) return changes[i].key;
    return Number.POSITIVE_INFINITY;
  }

  #read(path: string, key: number): ZnodeState {
    const tree = this.#tree;
    const bytes = Buffer.from(path);
    const ref = tree.find(bytes, 0, bytes.length);
    if (ref === NO_ZNODE) return { ...ABSENT, sinceKey: key };
    return {
      sinceKey: key,
      exists: true,
      data: dataText(tree, ref),
      version: tree.version(ref),
      mzxid: tree.mzxidHigh(ref) * 4294967296 + (tree.mzxidLow(ref) >>> 0),
      pzxid: tree.pzxidHigh(ref) * 4294967296 + (tree.pzxidLow(ref) >>> 0),
      owner: `${tree.ephemeralOwnerHigh(ref)}:${tree.ephemeralOwnerLow(ref)}`,
      children: childNames(tree, ref),
    };
  }
}

function fires(change: WatchedChange, kind: 'data' | 'children'): boolean {
  return kind === 'data' ? change.changesData : change.changesChildren;
}

function append<T>(map: Map<string, T[]>, path: string, item: T): void {
  const items = map.get(path);
  if (items === undefined) map.set(path, [item]);
  else items.push(item);
}

function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash <= 0 ? '/' : path.slice(0, slash);
}

function dataText(tree: DataTree, ref: number): string {
  const bytes = new Uint8Array(Math.max(0, tree.dataLength(ref)));
  tree.copyData(ref, bytes, 0);
  return Buffer.from(bytes).toString('latin1');
}

function childNames(tree: DataTree, ref: number): string {
  const names: string[] = [];
  for (let child = tree.firstChild(ref); child !== NO_ZNODE; child = tree.nextSibling(child)) {
    const bytes = new Uint8Array(tree.nameLength(child));
    tree.copyName(child, bytes, 0);
    names.push(Buffer.from(bytes).toString());
  }
  return names.sort().join(',');
}
