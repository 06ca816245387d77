import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DataTree } from '../../src/replica/data-tree.ts';
import { NO_ZNODE, OPEN_ACL } from '../../src/replica/data-tree-reader.ts';
import { createPath, dataOf, findPath, pathOf } from './tree-model.ts';

const STAT_BYTES = 60;

function newTree(): DataTree {
  return DataTree.create({ memoryBytesMax: 16_000_000, readersMax: 1, hashSeed: 3 });
}

/** Loads a znode as the snapshot reader does: path, data and stat lie in one array, at any alignment. */
function load(tree: DataTree, path: string, data: Uint8Array | null, padding = 0): number {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const parent = findPath(tree, path.slice(0, path.lastIndexOf('/')) || '/');
  const bytes = new Uint8Array(padding + path.length + (data?.length ?? 0) + STAT_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(Buffer.from(path), padding);
  const dataAt = padding + path.length;
  if (data !== null) bytes.set(data, dataAt);
  const statAt = bytes.length - STAT_BYTES;
  for (let i = 0; i < STAT_BYTES; i++) bytes[statAt + i] = i + 1;
  const nameAt = padding + path.length - name.length;
  const hash = tree.hashPath(bytes, padding, path.length);
  return tree.loadZnode(
    parent,
    bytes,
    view,
    nameAt,
    name.length,
    hash,
    dataAt,
    data === null ? -1 : data.length,
    OPEN_ACL,
    statAt,
    path.length,
  );
}

describe('loaded znodes', () => {
  it('are as created ones, with the stat that they are given, for names and data of every length', () => {
    const tree = newTree();
    for (let length = 1; length <= 40; length++) {
      const name = 'n'.repeat(length);
      const data = length === 1 ? null : Uint8Array.from({ length: length * 30 }, (_, i) => i * 7 + length);
      const ref = load(tree, `/${name}`, data, length % 8);
      assert.equal(tree.indexLoaded(), NO_ZNODE);
      assert.equal(findPath(tree, `/${name}`), ref);
      assert.equal(pathOf(tree, ref), `/${name}`);
      assert.deepEqual(dataOf(tree, ref), data === null ? null : Buffer.from(data));
      const stat = new Uint8Array(STAT_BYTES);
      tree.writeStatPersisted(ref, new DataView(stat.buffer), 0);
      assert.deepEqual(
        stat,
        Uint8Array.from({ length: STAT_BYTES }, (_, i) => i + 1),
      );
      assert.deepEqual([tree.digest(ref), tree.contentCrc(ref), tree.childCount(ref)], [0, 0, 0]);
    }
    assert.deepEqual(
      [tree.znodeCount, tree.childCount(tree.root), tree.descendantCount(tree.root)],
      [41, 40, 40],
    );
  });

  it('count the same bytes and take the same memory as created ones', () => {
    const [loaded, created] = [newTree(), newTree()];
    for (let i = 0; i < 200; i++) {
      load(loaded, `/znode-${i}`, Buffer.alloc(i));
      createPath(created, `/znode-${i}`, Buffer.alloc(i));
    }
    assert.equal(loaded.indexLoaded(), NO_ZNODE);
    assert.equal(loaded.dataBytes, created.dataBytes);
    assert.equal(loaded.statistics().usedBytes, created.statistics().usedBytes);
  });

  it('are found when they are entered, many at a time', () => {
    const tree = newTree();
    load(tree, '/first', null);
    assert.equal(findPath(tree, '/first'), NO_ZNODE);
    let count = 1;
    while (!tree.mustIndexLoaded) load(tree, `/more-${count++}`, null);
    assert.throws(() => load(tree, '/one-too-many', null), /indexLoaded must be called first/);
    assert.equal(tree.indexLoaded(), NO_ZNODE);
    assert.notEqual(findPath(tree, '/first'), NO_ZNODE);
    for (let i = 1; i < count; i++) assert.notEqual(findPath(tree, `/more-${i}`), NO_ZNODE);
  });

  it('are told when a path is there twice, in one batch or in two', () => {
    for (const isEnteredBetween of [false, true]) {
      const tree = newTree();
      load(tree, '/a', null);
      load(tree, '/b', null);
      if (isEnteredBetween) assert.equal(tree.indexLoaded(), NO_ZNODE);
      const twice = load(tree, '/a', null);
      assert.equal(tree.indexLoaded(), twice);
    }
  });

  it('are found in an index that was made ready for more or for fewer', () => {
    for (const reserved of [1, 100, 50_000]) {
      const tree = newTree();
      for (let i = 0; i < 100; i++) createPath(tree, `/early-${i}`, null);
      tree.reserveIndex(reserved);
      for (let i = 0; i < 1000; i++) {
        if (tree.mustIndexLoaded) assert.equal(tree.indexLoaded(), NO_ZNODE);
        load(tree, `/late-${i}`, null);
      }
      assert.equal(tree.indexLoaded(), NO_ZNODE);
      for (let i = 0; i < 100; i++) assert.notEqual(findPath(tree, `/early-${i}`), NO_ZNODE);
      for (let i = 0; i < 1000; i++) assert.notEqual(findPath(tree, `/late-${i}`), NO_ZNODE);
    }
  });
});
