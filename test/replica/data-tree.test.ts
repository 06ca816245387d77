import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DataTree, ReplicaFullError } from '../../src/replica/data-tree.ts';
import { DataTreeReader, NO_ZNODE, OPEN_ACL } from '../../src/replica/data-tree-reader.ts';
import { halfSipHash, secondKey } from '../../src/replica/hash.ts';
import { createReplicaMemory } from '../../src/replica/memory.ts';
import { childrenOf, createPath, dataOf, findPath, openTree, pathOf } from './tree-model.ts';

const MEMORY_BYTES = 1_000_000;
const HASH_SEED = 99;
/** Such that a freed block still holds the whole list: a stale link would find it. */
const LIST_BYTES = 44;

function createTree(memoryBytesMax = MEMORY_BYTES): DataTree {
  return DataTree.create({ memoryBytesMax, readersMax: 1, hashSeed: HASH_SEED });
}

/** A stat with a different value in each of its words. */
function sampleStat(): DataView {
  const view = new DataView(new ArrayBuffer(60));
  for (let at = 0; at < 60; at += 4) view.setInt32(at, 0x01010101 * (at / 4 + 1));
  return view;
}

/** Two different lists that the ACL table of {@link createTree} gives the same hash; some 80,000 tries find a pair. */
function listsOfOneHash(): [Buffer, Buffer] {
  const seen = new Map<number, number>();
  const make = (number: number): Buffer => {
    const list = Buffer.alloc(LIST_BYTES);
    list.writeInt32LE(number, 20);
    return list;
  };
  for (let number = 0; ; number++) {
    const hash = halfSipHash(make(number), 0, LIST_BYTES, HASH_SEED, secondKey(HASH_SEED));
    const earlier = seen.get(hash);
    if (earlier !== undefined) return [make(earlier), make(number)];
    seen.set(hash, number);
  }
}

function statOf(tree: DataTree, ref: number): string {
  const stat = Buffer.alloc(68);
  tree.writeStat(ref, new DataView(stat.buffer, stat.byteOffset), 0);
  return stat.toString('hex');
}

describe('DataTree', () => {
  it('starts with the root: zero stat, empty data that is not null, open ACL', () => {
    const tree = createTree();
    assert.equal(tree.znodeCount, 1);
    assert.equal(pathOf(tree, tree.root), '/');
    assert.deepEqual([tree.dataLength(tree.root), tree.aclRef(tree.root)], [0, OPEN_ACL]);
    assert.equal(statOf(tree, tree.root), '00'.repeat(68));
    assert.equal(tree.parent(tree.root), NO_ZNODE);
    assert.equal(tree.dataBytes, 1);
  });

  it('finds exact paths only', () => {
    const tree = createTree();
    const a = createPath(tree, '/a', null);
    const b = createPath(tree, '/a/b', null);
    assert.equal(findPath(tree, ''), tree.root);
    assert.equal(findPath(tree, '/'), tree.root);
    assert.deepEqual([findPath(tree, '/a'), findPath(tree, '/a/b')], [a, b]);
    for (const path of ['a', '/a/', '//a', '//', '/a//b', 'a/b', '/a/b/', '/b', '/a/bb', 'x/a', '/a\0'])
      assert.equal(findPath(tree, path), NO_ZNODE, path);
  });

  it('compares names where hashes are alike, prefixes and slashes included', () => {
    const options = { memoryBytesMax: MEMORY_BYTES, readersMax: 1, hashSeed: 1 };
    const tree = openTree(createReplicaMemory(options), MEMORY_BYTES, 1);
    const paths = ['/a', '/b', '/a/a', '/a/b', '/ab', '/b/a', '/a/a/a', '/aa'];
    const refs = paths.map((path) => createPath(tree, path, null));
    assert.deepEqual(
      paths.map((path) => findPath(tree, path)),
      refs,
    );
    for (const path of ['a', '/a/', '//a', '/', 'a/a', '/a/a/', '/c', '/b/b', '/aaa', 'xa', 'x/a'])
      assert.equal(findPath(tree, path), path === '/' ? tree.root : NO_ZNODE, path);
    tree.deleteZnode(refs[3]);
    tree.deleteZnode(refs[7]);
    assert.deepEqual([findPath(tree, '/a/b'), findPath(tree, '/aa')], [NO_ZNODE, NO_ZNODE]);
    assert.equal(findPath(tree, '/a/a/a'), refs[6]);
  });

  it('lists children newest first, and keeps the order of the others when one goes', () => {
    const tree = createTree();
    for (const name of ['a', 'b', 'c', 'd']) createPath(tree, `/${name}`, null);
    assert.deepEqual(childrenOf(tree, tree.root), ['d', 'c', 'b', 'a']);
    for (const [gone, left] of [
      ['c', 'dba'],
      ['d', 'ba'],
      ['a', 'b'],
      ['b', ''],
    ] as const) {
      tree.deleteZnode(findPath(tree, `/${gone}`));
      assert.equal(childrenOf(tree, tree.root).join(''), left);
    }
  });

  it('holds deep paths and long names', () => {
    const tree = createTree();
    let path = '';
    for (let depth = 0; depth < 1000; depth++) {
      path += `/${depth % 10}`;
      createPath(tree, path, null);
    }
    const long = `${path}/${'ü'.repeat(10_000)}`;
    const ref = createPath(tree, long, Buffer.from('deep'));
    assert.equal(findPath(tree, long), ref);
    assert.equal(pathOf(tree, ref), long);
    assert.equal(findPath(tree, long.replace('/3/', '/4/')), NO_ZNODE);
  });

  it('tells null data from empty data', () => {
    const tree = createTree();
    const ref = createPath(tree, '/a', null);
    assert.equal(dataOf(tree, ref), null);
    tree.setData(ref, new Uint8Array(0), 0, 0);
    assert.deepEqual(dataOf(tree, ref), Buffer.alloc(0));
    tree.setData(ref, Buffer.from('..data..'), 2, 4);
    assert.deepEqual(dataOf(tree, ref), Buffer.from('data'));
    tree.setData(ref, new Uint8Array(0), 0, -1);
    assert.equal(dataOf(tree, ref), null);
  });

  it('refuses what would break its shape', () => {
    const tree = createTree();
    const a = createPath(tree, '/a', null);
    createPath(tree, '/a/b', null);
    assert.throws(() => tree.deleteZnode(a), /has children/);
    assert.throws(() => tree.deleteZnode(tree.root), /root/);
    assert.throws(() => createPath(tree, '/a/', null), /name of 0 bytes/);
    const bad = Buffer.from('x/y');
    assert.throws(() => tree.createZnode(a, bad, 0, 3, 1, bad, 0, 0, OPEN_ACL, 0, 0, 0, 1, 0, 1), /slash/);
    assert.throws(() => new DataTree(tree.memory, MEMORY_BYTES), /holds a tree already/);
  });

  it('is seen by readers of the same memory', () => {
    const tree = createTree();
    const reader = new DataTreeReader(tree.memory);
    const ref = createPath(tree, '/a', Buffer.from('data'));
    tree.setLastZxid(3, -5);
    tree.setTreeDigest(-1, 7);
    const path = Buffer.from('/a');
    assert.equal(reader.find(path, 0, 2), ref);
    assert.equal(reader.findHashed(reader.hashPath(path, 0, 2), path, 0, 2), ref);
    assert.equal(reader.dataLength(ref), 4);
    assert.deepEqual(
      [reader.lastZxidHigh, reader.lastZxidLow, reader.treeDigestHigh, reader.treeDigestLow],
      [3, -5, -1, 7],
    );
  });
});

describe('the stat of a znode', () => {
  it('is zxid and time of the creation at first', () => {
    const tree = createTree();
    const ref = createPath(tree, '/a', Buffer.from('xyz'), OPEN_ACL, 0x55);
    const zxid = '0000000700000055';
    const time = '0000000900000055';
    assert.equal(
      statOf(tree, ref),
      `${zxid}${zxid}${time}${time}${'00'.repeat(12)}${'00'.repeat(8)}0000000300000000${zxid}`,
    );
  });

  it('goes through StatPersisted unchanged', () => {
    const tree = createTree();
    const ref = createPath(tree, '/a', null);
    const stat = sampleStat();
    tree.loadStatPersisted(ref, stat, 0);
    const written = new DataView(new ArrayBuffer(64));
    tree.writeStatPersisted(ref, written, 4);
    assert.deepEqual(Buffer.from(written.buffer, 4), Buffer.from(stat.buffer));
  });

  it('has every field in its place, as accessors, setters and layouts agree', () => {
    const tree = createTree();
    const ref = createPath(tree, '/a', null);
    tree.setCzxid(ref, 1, 2);
    tree.setMzxid(ref, 3, 4);
    tree.setCtime(ref, 5, 6);
    tree.setMtime(ref, 7, 8);
    tree.setVersion(ref, 9);
    tree.setCversion(ref, 10);
    tree.setAversion(ref, 11);
    tree.setEphemeralOwner(ref, 12, 13);
    tree.setPzxid(ref, 14, 15);
    tree.setDigest(ref, -16);
    tree.setContentCrc(ref, -17);
    const view = new DataView(new ArrayBuffer(60));
    tree.writeStatPersisted(ref, view, 0);
    for (let word = 0; word < 15; word++) assert.equal(view.getInt32(word * 4), word + 1);
    const longs = [tree.czxidHigh(ref), tree.czxidLow(ref), tree.mzxidHigh(ref), tree.mzxidLow(ref)];
    longs.push(tree.ctimeHigh(ref), tree.ctimeLow(ref), tree.mtimeHigh(ref), tree.mtimeLow(ref));
    const ints = [tree.version(ref), tree.cversion(ref), tree.aversion(ref)];
    const last = [tree.ephemeralOwnerHigh(ref), tree.ephemeralOwnerLow(ref)];
    last.push(tree.pzxidHigh(ref), tree.pzxidLow(ref), tree.digest(ref), tree.contentCrc(ref));
    assert.deepEqual(
      [...longs, ...ints, ...last],
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, -16, -17],
    );
  });

  it('shows clients a cversion that counts deletions, with wrap-around', () => {
    const tree = createTree();
    const ref = createPath(tree, '/a', null);
    createPath(tree, '/a/b', null);
    const cversionSent = (): number => Buffer.from(statOf(tree, ref), 'hex').readInt32BE(36);
    tree.setCversion(ref, 5);
    assert.equal(cversionSent(), 9);
    tree.setCversion(ref, 0x40000001);
    assert.equal(cversionSent(), -0x80000000 + 1);
  });

  it('hides container owners, and TTL owners only with extended types', () => {
    const tree = createTree();
    const ref = createPath(tree, '/a', null);
    const ownerSent = (): string => statOf(tree, ref).slice(88, 104);
    tree.setEphemeralOwner(ref, 0x80000000 | 0, 0);
    assert.equal(ownerSent(), '0000000000000000');
    tree.setEphemeralOwner(ref, 0x80000000 | 0, 1);
    assert.equal(ownerSent(), '8000000000000001');
    tree.setEphemeralOwner(ref, 0xff000000 | 0, 5000);
    assert.equal(ownerSent(), 'ff00000000001388');
    tree.extendedTypes = true;
    assert.equal(ownerSent(), '0000000000000000');
    tree.setEphemeralOwner(ref, 0x0100aabb, 7);
    assert.equal(ownerSent(), '0100aabb00000007');
  });
});

describe('ACL lists', () => {
  const list = (seed: number): Buffer => Buffer.alloc(40, seed);

  it('are stored once, with an id that no other ever has', () => {
    const tree = createTree();
    const first = tree.internAcl(list(1), 0, 40);
    const second = tree.internAcl(list(2), 0, 40);
    assert.equal(tree.internAcl(Buffer.concat([Buffer.alloc(3), list(1)]), 3, 40), first);
    assert.notEqual(first, second);
    assert.deepEqual([tree.aclId(first), tree.aclId(second), tree.statistics().aclLists], [1, 2, 2]);
    tree.releaseAcl(first);
    tree.releaseAcl(first);
    assert.equal(tree.statistics().aclLists, 1);
    assert.equal(tree.aclId(tree.internAcl(list(1), 0, 40)), 3);
  });

  it('know the open list, which takes no memory', () => {
    const tree = createTree();
    const open = Buffer.alloc(tree.aclLength(OPEN_ACL));
    tree.copyAcl(OPEN_ACL, open, 0);
    assert.equal(open.toString('hex'), '000000010000001f00000005776f726c6400000006616e796f6e65');
    assert.deepEqual([tree.internAcl(open, 0, open.length), tree.aclId(OPEN_ACL)], [OPEN_ACL, 0]);
    tree.releaseAcl(OPEN_ACL);
    open[7] = 1;
    assert.notEqual(tree.internAcl(open, 0, open.length), OPEN_ACL);
  });

  it('are told apart by their bytes where their hashes are alike', () => {
    const tree = createTree();
    const [older, newer] = listsOfOneHash();
    const olderRef = tree.internAcl(older, 0, newer.length);
    const newerRef = tree.internAcl(newer, 0, newer.length);
    assert.notEqual(olderRef, newerRef);
    assert.equal(tree.internAcl(older, 0, newer.length), olderRef);
    tree.releaseAcl(olderRef);
    tree.releaseAcl(olderRef);
    assert.equal(tree.internAcl(newer, 0, newer.length), newerRef);
    const again = tree.internAcl(older, 0, newer.length);
    assert.equal(tree.aclId(again), 3);
    tree.releaseAcl(again);
    tree.releaseAcl(newerRef);
    tree.releaseAcl(newerRef);
    assert.equal(tree.statistics().aclLists, 0);
    assert.throws(() => tree.releaseAcl(newerRef), /released too often/);
  });

  it('go with their last znode', () => {
    const tree = createTree();
    const a = createPath(tree, '/a', null, tree.internAcl(list(1), 0, 40));
    createPath(tree, '/b', null, tree.internAcl(list(1), 0, 40));
    tree.setAcl(a, tree.internAcl(list(2), 0, 40));
    assert.equal(tree.statistics().aclLists, 2);
    tree.deleteZnode(findPath(tree, '/b'));
    assert.equal(tree.statistics().aclLists, 1);
    tree.setAcl(a, OPEN_ACL);
    assert.equal(tree.statistics().aclLists, 0);
  });
});

describe('the memory budget', () => {
  it('refuses writes when it is used up, and takes them again after a delete', () => {
    const tree = createTree(200_000);
    const data = Buffer.alloc(1000, 1);
    let count = 0;
    assert.throws(() => {
      for (;;) createPath(tree, `/node-${count++}`, data);
    }, ReplicaFullError);
    assert.ok(count > 150, `${count} znodes`);
    const before = tree.statistics();
    const victim = findPath(tree, '/node-5');
    assert.throws(() => tree.setData(victim, Buffer.alloc(2000), 0, 2000), ReplicaFullError);
    const acl = Buffer.alloc(5000);
    assert.throws(() => tree.internAcl(acl, 0, 5000), ReplicaFullError);
    assert.deepEqual(tree.statistics(), before);
    assert.deepEqual(dataOf(tree, victim), data);
    tree.deleteZnode(victim);
    assert.notEqual(createPath(tree, '/again', data), NO_ZNODE);
  });

  it('admits by bounds that hold: what was promised before fits, in any order', () => {
    const tree = createTree(300_000);
    for (let i = 0; i < 100; i++) createPath(tree, `/old-${i}`, Buffer.alloc(i * 20));
    for (let i = 0; i < 100; i += 2) tree.deleteZnode(findPath(tree, `/old-${i}`));
    const aclLength = 33;
    let left = tree.allocatableBytes;
    let created = 0;
    for (let i = 0; ; i++) {
      const dataLength = (i * 379) % 3000;
      const bound = tree.znodeBytes(`new-${i}`.length, dataLength) + tree.aclBytes(aclLength);
      if (bound > left) break;
      left -= bound;
      const acl = Buffer.alloc(aclLength, i);
      createPath(tree, `/new-${i}`, Buffer.alloc(dataLength), tree.internAcl(acl, 0, aclLength));
      created++;
    }
    assert.ok(created > 50, `${created}`);
  });

  it('costs at most 150 bytes a znode beyond name and data', () => {
    const tree = createTree(64 * 1024 * 1024);
    const before = tree.statistics().usedBytes;
    const data = Buffer.alloc(100, 1);
    for (let i = 0; i < 100_000; i++) createPath(tree, `/${String(i).padStart(8, '0')}`, data);
    const overhead = (tree.statistics().usedBytes - before) / 100_000 - 108;
    assert.ok(overhead <= 150, `${overhead} bytes`);
  });

  it('reports use and fragmentation', () => {
    const tree = createTree();
    const empty = tree.statistics();
    assert.equal(empty.fragmentation, 0);
    assert.equal(empty.memoryBytesMax, MEMORY_BYTES);
    for (let i = 0; i < 500; i++) createPath(tree, `/node-${i}`, Buffer.alloc(1500));
    for (let i = 0; i < 500; i += 2) tree.deleteZnode(findPath(tree, `/node-${i}`));
    const { fragmentation, usedBytes, freeBytes, znodes, bytesPerZnode } = tree.statistics();
    assert.ok(fragmentation > 0.5 && fragmentation < 1, `${fragmentation}`);
    assert.equal(znodes, 251);
    assert.equal(bytesPerZnode, usedBytes / 251);
    assert.ok(usedBytes > 250 * 1500 && usedBytes + freeBytes <= MEMORY_BYTES);
  });
});

describe('DataTree.clear', () => {
  it('leaves what a new tree has, with the same room, however often', () => {
    const tree = createTree();
    const fresh = tree.statistics();
    const sizes: number[] = [];
    for (let round = 0; round < 3; round++) {
      let count = 0;
      assert.throws(() => {
        for (;;) createPath(tree, `/${count}`, Buffer.alloc((count++ * 37) % 2000));
      }, ReplicaFullError);
      sizes.push(count);
      assert.ok(tree.znodeCount > 500);
      tree.setLastZxid(3, 4);
      tree.setTreeDigest(5, 6);
      tree.clear();
      assert.deepEqual(tree.statistics(), fresh);
      assert.deepEqual([tree.lastZxidHigh, tree.lastZxidLow], [0, 0]);
      assert.deepEqual([tree.treeDigestHigh, tree.treeDigestLow, tree.dataBytes], [0, 0, 1]);
      assert.equal(statOf(tree, tree.root), '00'.repeat(68));
      assert.equal(findPath(tree, '/0'), NO_ZNODE);
    }
    assert.equal(new Set(sizes).size, 1, `${sizes}`);
  });

  it('never gives an id of an ACL list again', () => {
    const tree = createTree();
    const list = Buffer.alloc(LIST_BYTES, 1);
    const id = tree.aclId(tree.internAcl(list, 0, list.length));
    tree.clear();
    assert.notEqual(tree.aclId(tree.internAcl(list, 0, list.length)), id);
    assert.equal(tree.statistics().aclLists, 1);
  });

  it('is seen by readers, and leaves a quarantine open', () => {
    const tree = createTree();
    const reader = new DataTreeReader(tree.memory);
    const { generation } = reader;
    const a = createPath(tree, '/a', null);
    tree.beginQuarantine();
    tree.deleteZnode(a);
    tree.clear();
    assert.notEqual(reader.generation, generation);
    assert.equal(tree.statistics().quarantinedBytes, 0);
    tree.deleteZnode(createPath(tree, '/b', null));
    assert.ok(tree.statistics().quarantinedBytes > 0);
    tree.endQuarantine();
    assert.equal(tree.statistics().quarantinedBytes, 0);
    assert.throws(() => tree.endQuarantine(), /no quarantine is open/);
  });
});
