import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { DataTree } from '../../src/replica/data-tree.ts';
import { NO_ZNODE } from '../../src/replica/data-tree-reader.ts';
import { TreeWalk } from '../../src/replica/tree-walk.ts';
import { createPath, findPath, pathOf } from './tree-model.ts';

function createTree(): DataTree {
  return DataTree.create({ memoryBytesMax: 1_000_000, readersMax: 1, hashSeed: 3 });
}

function walkAll(tree: DataTree): string[] {
  const walk = new TreeWalk(tree);
  const paths: string[] = [];
  for (let ref = walk.next(); ref !== NO_ZNODE; ref = walk.next()) paths.push(pathOf(tree, ref));
  assert.equal(walk.next(), NO_ZNODE);
  return paths;
}

/** The tree's paths, and random changes to it. */
class Garden {
  readonly tree = createTree();
  readonly #paths = ['/'];
  readonly #childCounts = new Map<string, number>([['/', 0]]);
  #serial = 0;

  get paths(): readonly string[] {
    return this.#paths;
  }

  create(pick: number): void {
    const parent = this.#paths[pick % this.#paths.length];
    const path = `${parent === '/' ? '' : parent}/${this.#serial++ % 7}-${pick % 3}`;
    if (this.#childCounts.has(path)) return;
    createPath(this.tree, path, Buffer.alloc(pick % 50));
    this.#paths.push(path);
    this.#childCounts.set(path, 0);
    this.#childCounts.set(parent, this.#childCounts.get(parent)! + 1);
  }

  delete(pick: number): void {
    const leaves = this.#paths.filter((path) => path !== '/' && this.#childCounts.get(path) === 0);
    if (leaves.length > 0) this.deletePath(leaves[pick % leaves.length]);
  }

  deletePath(path: string): void {
    this.tree.deleteZnode(findPath(this.tree, path));
    this.#paths.splice(this.#paths.indexOf(path), 1);
    this.#childCounts.delete(path);
    const parent = path.slice(0, path.lastIndexOf('/')) || '/';
    this.#childCounts.set(parent, this.#childCounts.get(parent)! - 1);
  }

  /** Deletes a znode with all below it, leaves first. */
  deleteSubtree(top: string): void {
    const below = this.#paths.filter((path) => path === top || path.startsWith(`${top}/`));
    for (const path of below.sort((a, b) => b.length - a.length)) this.deletePath(path);
  }
}

type Change = readonly ['create' | 'delete' | 'deleteAtWalk', number];

describe('TreeWalk', () => {
  it('goes parent before child, through every znode once', () => {
    const tree = createTree();
    for (const path of ['/a', '/a/x', '/a/y', '/b', '/b/z', '/b/z/w']) createPath(tree, path, null);
    assert.deepEqual(walkAll(tree), ['/', '/b', '/b/z', '/b/z/w', '/a', '/a/y', '/a/x']);
    assert.deepEqual(walkAll(createTree()), ['/']);
  });

  it('goes on where it stands when that znode, its followers and its parent are deleted', () => {
    const garden = new Garden();
    const { tree } = garden;
    for (const path of ['/a', '/b', '/b/1', '/b/2', '/b/3', '/c']) createPath(tree, path, null);
    tree.beginQuarantine();
    const walk = new TreeWalk(tree);
    for (const expected of ['/', '/c', '/b', '/b/3']) assert.equal(pathOf(tree, walk.next()), expected);
    for (const path of ['/b/3', '/b/1', '/b/2', '/b']) tree.deleteZnode(findPath(tree, path));
    // Would take the place of the deleted record if that were freed.
    createPath(tree, '/b', null);
    assert.equal(pathOf(tree, walk.next()), '/a');
    assert.equal(walk.next(), NO_ZNODE);
    tree.endQuarantine();
  });

  it('misses no znode that lives throughout, and meets none twice, whatever changes between its steps', () => {
    const change: fc.Arbitrary<Change> = fc.tuple(
      fc.constantFrom('create', 'delete', 'deleteAtWalk'),
      fc.nat(),
    );
    const slices = fc.array(fc.tuple(fc.nat(6), fc.array(change, { maxLength: 8, size: 'max' })), {
      maxLength: 60,
      size: 'max',
    });
    fc.assert(
      fc.property(fc.array(fc.nat(), { minLength: 5, maxLength: 120, size: 'max' }), slices, checkWalk),
      { seed: 4242, numRuns: 100 },
    );
  });
});

/** Walks in slices with changes in between, and compares with what lived from the first to the last step. */
function checkWalk(picks: number[], slices: [number, Change[]][]): void {
  const garden = new Garden();
  const { tree } = garden;
  for (const pick of picks) garden.create(pick);
  const survivors = new Set(garden.paths.map((path) => findPath(tree, path)));
  const freeBytesWithout = (): number => tree.statistics().freeBytes + tree.statistics().quarantinedBytes;

  tree.beginQuarantine();
  const walk = new TreeWalk(tree);
  const met = new Set<number>();
  const step = (): string => {
    const ref = walk.next();
    if (ref === NO_ZNODE) return '';
    const path = pathOf(tree, ref);
    assert.equal(findPath(tree, path), ref, 'a living znode');
    assert.ok(!met.has(ref), `${path} twice`);
    assert.ok(path === '/' || met.has(tree.parent(ref)), `${path} before its parent`);
    met.add(ref);
    return path;
  };
  for (const [steps, changes] of slices) {
    let at = '';
    for (let i = 0; i < steps; i++) at = step();
    for (const [kind, pick] of changes) {
      if (kind === 'create') garden.create(pick);
      else if (kind === 'delete') garden.delete(pick);
      else if (at.length > 1 && garden.paths.includes(at)) garden.deleteSubtree(at);
      for (const ref of survivors) if (tree.isDeleted(ref)) survivors.delete(ref);
    }
  }
  while (step() !== '');
  for (const ref of survivors) assert.ok(met.has(ref), `missed ${pathOf(tree, ref)}`);

  const expectedFree = freeBytesWithout();
  tree.endQuarantine();
  assert.equal(tree.statistics().quarantinedBytes, 0);
  assert.equal(tree.statistics().freeBytes, expectedFree);
}

describe('the quarantine', () => {
  it('keeps records until the last one ends, then frees a bounded number at once', () => {
    const tree = DataTree.create({ memoryBytesMax: 16_000_000, readersMax: 1, hashSeed: 3 });
    for (let i = 0; i < 20_000; i++) createPath(tree, `/node-${i}`, null);
    tree.beginQuarantine();
    tree.beginQuarantine();
    for (let i = 0; i < 20_000; i++) tree.deleteZnode(findPath(tree, `/node-${i}`));
    const kept = tree.statistics().quarantinedBytes;
    assert.ok(kept >= 20_000 * 116, `${kept}`);
    tree.endQuarantine();
    assert.equal(tree.statistics().quarantinedBytes, kept);
    tree.endQuarantine();
    const left = tree.statistics().quarantinedBytes;
    assert.ok(left > kept * 0.9 && left < kept, `${left} of ${kept}`);
    assert.throws(() => tree.endQuarantine(), /no quarantine is open/);
  });

  it('frees what it left over with later quarantines, with writes and by reclaim', () => {
    const tree = DataTree.create({ memoryBytesMax: 16_000_000, readersMax: 1, hashSeed: 3 });
    const fresh = tree.statistics().freeBytes;
    const left = (): number => tree.statistics().quarantinedBytes;
    const fillAndEmpty = (): void => {
      for (let i = 0; i < 40_000; i++) createPath(tree, `/node-${i}`, null);
      tree.beginQuarantine();
      for (let i = 0; i < 40_000; i++) tree.deleteZnode(findPath(tree, `/node-${i}`));
      tree.endQuarantine();
    };
    fillAndEmpty();
    const before = left();
    tree.beginQuarantine();
    const kept = createPath(tree, '/kept', null);
    assert.ok(left() < before && left() > 0);
    tree.deleteZnode(kept);
    tree.endQuarantine();
    assert.ok(left() < before && left() > 0);
    while (tree.reclaim(100) > 0);
    assert.deepEqual([left(), tree.statistics().freeBytes], [0, fresh]);
  });

  it('keeps stat and way of a deleted znode readable, and frees its data at once', () => {
    const tree = createTree();
    const ref = createPath(tree, '/a', Buffer.alloc(5000), 0, 0x77);
    tree.beginQuarantine();
    const before = tree.statistics().freeBytes;
    assert.equal(tree.isDeleted(ref), false);
    tree.deleteZnode(ref);
    assert.ok(tree.statistics().freeBytes >= before + 5000);
    assert.equal(tree.isDeleted(ref), true);
    assert.throws(() => tree.deleteZnode(ref), /deleted twice/);
    assert.deepEqual([tree.czxidLow(ref), tree.nameLength(ref), tree.dataLength(ref)], [0x77, 1, -1]);
    assert.equal(tree.parent(ref), tree.root);
  });
});
