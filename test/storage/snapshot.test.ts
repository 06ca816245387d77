import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { DataTree } from '../../src/replica/data-tree.ts';
import { ReaderLock } from '../../src/replica/lock.ts';
import { nodeFileSystem } from '../../src/storage/file-system.ts';
import { SnapshotError } from '../../src/storage/snapshot-error.ts';
import { readSnapshot } from '../../src/storage/snapshot-reader.ts';
import { looksComplete, type ScannedSnapshot } from '../../src/storage/snapshot-scan.ts';
import type { SnapshotResult, SnapshotWriterOptions } from '../../src/storage/snapshot-writer.ts';
import { counting, withFaultAt, withFiles, withShortWrites } from '../support/faulty-file-system.ts';
import {
  addZnode,
  ignoreZnode,
  newTree,
  serialiseAcl,
  snapshotFile,
  temporaryDirectory,
  toZxid,
  unpackApacheData,
} from './support.ts';
import { dumpTree, TestDatabase } from './test-database.ts';
import { snapshotTree } from './tree-snapshot.ts';

const READ_ONLY = serialiseAcl([[1, 'world', 'anyone']]);
const BOB = serialiseAcl([
  [31, 'digest', 'bob:x'],
  [1, 'ip', '10.0.0.0/8'],
]);

const SESSIONS = {
  idsHigh: Int32Array.of(0x01000022, -1),
  idsLow: Int32Array.of(-5, 3),
  timeoutsMs: Int32Array.of(10_000, 4000),
};

function smallTree(): DataTree {
  const tree = newTree();
  addZnode(tree, '/a', Buffer.from('hi'), READ_ONLY, 2);
  addZnode(tree, '/a/b', null, BOB, 3);
  addZnode(tree, '/a/b/\u00fc', Buffer.alloc(0), READ_ONLY, 4, 0x0100_0022_ffff_fffbn);
  addZnode(tree, '/c', Buffer.alloc(5000, 7), null, 5);
  tree.setLastZxid(0, 9);
  tree.setTreeDigest(0x1234, -2);
  return tree;
}

function write(
  tree: DataTree,
  directory: string,
  changes: Partial<SnapshotWriterOptions> = {},
): SnapshotResult {
  return snapshotTree(tree, directory, { sessions: SESSIONS, ...changes });
}

interface Loaded extends ScannedSnapshot {
  readonly tree: DataTree;
  readonly sessionTimeouts: [bigint, number][];
}

function load(file: string, tree = newTree(), fileSystem = nodeFileSystem): Loaded {
  const sessionTimeouts: [bigint, number][] = [];
  const loaded = readSnapshot({
    fileSystem,
    file: snapshotFile(file),
    tree,
    onSession: (high, low, timeoutMs) => sessionTimeouts.push([toZxid(high, low), timeoutMs]),
    onZnode: ignoreZnode,
    computesDigests: false,
    entryBytesMax: 2 << 20,
  });
  return { ...loaded, tree, sessionTimeouts };
}

/** {@link load} as if `file` held `content`, into a tree that is quickly made. */
function loadAs(file: string, content: Uint8Array): Loaded {
  return load(file, newTree(1 << 18), withFiles(nodeFileSystem, new Map([[file, content]])));
}

test('what is written is read again: znodes, stats, ACLs, sessions and digest', (context) => {
  const directory = temporaryDirectory(context);
  const tree = smallTree();
  const result = write(tree, directory);
  assert.deepEqual(fs.readdirSync(directory), ['snapshot.9']);
  assert.equal(result.path, path.join(directory, 'snapshot.9'));
  assert.equal(result.bytes, fs.statSync(result.path).size);
  assert.equal(result.znodes, 5);
  const loaded = load(result.path);
  assert.deepEqual(dumpTree(loaded.tree), dumpTree(tree));
  assert.equal(loaded.tree.statistics().aclLists, 2);
  assert.deepEqual(loaded.sessionTimeouts, [
    [0x0100_0022_ffff_fffbn, 10_000],
    [toZxid(-1, 3), 4000],
  ]);
  const digest = { zxidHigh: 0, zxidLow: 9, version: 2, digestHigh: 0x1234, digestLow: -2 };
  assert.deepEqual(loaded.digest, digest);
  assert.equal(looksComplete(nodeFileSystem, snapshotFile(result.path)), true);
});

test('the trailer is told by its length: with and without digest and last zxid', (context) => {
  const tree = smallTree();
  const sizes: number[] = [];
  for (const digestEnabled of [true, false]) {
    for (const lastProcessedZxidEnabled of [true, false]) {
      const { path: file, bytes } = write(tree, temporaryDirectory(context), {
        digestEnabled,
        lastProcessedZxidEnabled,
      });
      assert.equal(load(file).digest !== null, digestEnabled);
      sizes.push(bytes);
    }
  }
  assert.deepEqual(
    sizes.map((size) => size - sizes[3]),
    [54, 33, 21, 0],
  );
});

test('the fresh tree of Apache is read, and written again with the same bytes but for the spare ACL key', (context) => {
  const dataDir = temporaryDirectory(context);
  unpackApacheData(dataDir);
  const apache = path.join(dataDir, 'version-2', 'snapshot.0');
  const loaded = load(apache);
  assert.equal(loaded.znodes, 4);
  assert.equal(loaded.digest, null);
  loaded.tree.setTreeDigest(0, 0);
  const { path: file } = write(loaded.tree, temporaryDirectory(context), {
    zxidLow: 0,
    sessions: { idsHigh: new Int32Array(0), idsLow: new Int32Array(0), timeoutsMs: new Int32Array(0) },
    lastProcessedZxidEnabled: false,
  });
  const [ours, theirs] = [fs.readFileSync(file), fs.readFileSync(apache)];
  const spare = 8 + 4 + 4 + 4 + 5 + 4 + 6;
  assert.equal(ours.length, theirs.length + spare);
  assert.deepEqual(ours.subarray(0, 20), theirs.subarray(0, 20));
  // children come in any order: compare what is loaded, and the trailer but for its checksums
  assert.deepEqual(dumpTree(load(file).tree), dumpTree(loaded.tree));
  assert.deepEqual(ours.subarray(-33, -13), theirs.subarray(-33, -13));
});

/** Runs `between` each time that the snapshot writer has let go of the lock. */
function interruptedLock(tree: DataTree, between: (hold: number) => void): SnapshotWriterOptions['lock'] {
  const lock = new ReaderLock(tree.memory, 0);
  let holds = 0;
  return {
    acquire: (whileWaiting) => lock.acquire(whileWaiting),
    release: () => {
      lock.release();
      between(holds++);
    },
  };
}

test('a znode whose ACL came into use after the ACL map was made is written closed', (context) => {
  const tree = smallTree();
  const fresh = serialiseAcl([[31, 'auth', 'later']]);
  const lock = interruptedLock(tree, (hold) => {
    if (hold === 0) addZnode(tree, '/later', null, fresh, 10);
  });
  const { path: file } = write(tree, temporaryDirectory(context), { lock });
  const closed = Buffer.from(serialiseAcl([[0, 'world', 'anyone']])).toString('hex');
  const dumped = dumpTree(load(file).tree);
  assert.equal(dumped['/later'].acl, closed);
  assert.deepEqual({ ...dumped, '/later': undefined }, { ...dumpTree(smallTree()), '/later': undefined });
});

test('holds the lock for a bounded number of znodes', (context) => {
  const tree = newTree(64 << 20);
  for (let i = 0; i < 3000; i++) addZnode(tree, `/n${i}`, Buffer.alloc(i < 100 ? 20_000 : 10), null, 2);
  let holds = 0;
  const lock = interruptedLock(tree, () => holds++);
  const { znodes, path: file } = write(tree, temporaryDirectory(context), { lock });
  assert.equal(znodes, 3001);
  assert.ok(holds >= 6 + 6 + 7, `${holds} holds`);
  assert.equal(load(file, newTree(64 << 20)).znodes, 3001);
});

test('an error leaves no snapshot, and nothing that looks like one', (context) => {
  const tree = smallTree();
  for (const kind of ['open', 'write', 'fsync', 'rename'] as const) {
    const directory = temporaryDirectory(context);
    const counted = counting(nodeFileSystem);
    write(tree, temporaryDirectory(context), { fileSystem: counted.fileSystem });
    for (let nth = 1; nth <= (counted.counts.get(kind) ?? 0); nth++) {
      const fileSystem = withFaultAt(nodeFileSystem, kind, nth);
      assert.throws(() => write(tree, directory, { fileSystem }), /EIO/);
      assert.deepEqual(fs.readdirSync(directory), []);
    }
  }
  const { path: file } = write(tree, temporaryDirectory(context), {
    fileSystem: withShortWrites(nodeFileSystem, 100),
  });
  assert.deepEqual(dumpTree(load(file).tree), dumpTree(tree));
});

test('every flipped byte and every cut is noticed, except a cut right before a trailer', (context) => {
  const directory = temporaryDirectory(context);
  const { path: file } = write(smallTree(), directory);
  const whole = fs.readFileSync(file);
  const step = (at: number): number => (at > 700 && at < whole.length - 300 ? 97 : 1);
  for (let at = 0; at < whole.length; at += step(at)) {
    const flipped = Buffer.from(whole);
    flipped[at] ^= 0x41;
    assert.throws(() => loadAs(file, flipped), SnapshotError, `flip at ${at}`);
    const cut = whole.subarray(0, at);
    if (at === whole.length - 54 || at === whole.length - 21) loadAs(file, cut);
    else assert.throws(() => loadAs(file, cut), SnapshotError, `cut at ${at}`);
  }
});

test('a checksum does not excuse nonsense: order, twice the same path, unknown ACL keys', (context) => {
  const directory = temporaryDirectory(context);
  const tree = newTree();
  addZnode(tree, '/aaa', null, READ_ONLY, 2);
  addZnode(tree, '/bbb', null, null, 2);
  const { path: file } = write(tree, directory, { digestEnabled: false, lastProcessedZxidEnabled: false });
  const whole = fs.readFileSync(file);
  const edits: [(bytes: Buffer) => void, RegExp][] = [
    [(bytes) => bytes.write('/aaa', bytes.indexOf('/bbb')), /expected each path once, found \/aaa/],
    [
      (bytes) => bytes.write('/x/y', bytes.indexOf('/bbb')),
      /expected a parent before its children, found \/x\/y/,
    ],
    [(bytes) => bytes.write('bbbb', bytes.indexOf('/bbb')), /expected an absolute path/],
    [(bytes) => bytes.write('/bb/', bytes.indexOf('/bbb')), /expected an absolute path/],
    [(bytes) => bytes.writeInt32BE(77, bytes.indexOf('/aaa') + 12), /a key of the snapshot's ACLs, found 77/],
    [(bytes) => bytes.writeInt32BE(-2, bytes.indexOf('/aaa') + 4), /expected a length of data .*found -2/],
    [(bytes) => bytes.writeInt32BE(0x7fffffff, 16), /expected 12 more bytes/],
    [(bytes) => bytes.writeInt32BE(-1, 16), /expected a count of sessions, found -1/],
  ];
  for (const [edit, message] of edits) {
    const bytes = Buffer.from(whole);
    edit(bytes);
    fs.writeFileSync(file, bytes);
    assert.throws(() => load(file), { name: 'SnapshotError', message });
  }
});

test('progress is reported by bytes', (context) => {
  const tree = newTree();
  for (let i = 0; i < 3000; i++) addZnode(tree, `/n${i}`, Buffer.alloc(1000), null, 2);
  const { path: file, bytes } = write(tree, temporaryDirectory(context));
  const realNow = performance.now;
  const seen: [number, number][] = [];
  let nowMs = 0;
  performance.now = () => (nowMs += 600);
  try {
    readSnapshot({
      fileSystem: nodeFileSystem,
      file: snapshotFile(file),
      tree: newTree(),
      onSession: () => {},
      onZnode: ignoreZnode,
      computesDigests: false,
      onProgress: (done, total) => seen.push([done, total]),
      entryBytesMax: 1 << 20,
    });
  } finally {
    performance.now = realNow;
  }
  assert.ok(seen.length >= 1);
  for (const [done, total] of seen) assert.ok(done > 0 && done < bytes && total === bytes);
});

test('digests of a snapshot of Apache are those computed from its znodes', (context) => {
  const dataDir = temporaryDirectory(context);
  unpackApacheData(dataDir);
  for (const name of ['snapshot.14', 'snapshot.1c']) {
    const database = new TestDatabase();
    const { digest } = readSnapshot({
      fileSystem: nodeFileSystem,
      file: snapshotFile(path.join(dataDir, 'version-2', name)),
      tree: database.tree,
      onSession: () => {},
      onZnode: database.onZnode,
      computesDigests: true,
      entryBytesMax: 1 << 20,
    });
    database.snapshotLoaded();
    assert.ok(digest !== null);
    assert.equal(toZxid(digest.zxidHigh, digest.zxidLow), BigInt(`0x${name.slice(9)}`));
    assert.equal(database.treeDigest, BigInt.asUintN(64, toZxid(digest.digestHigh, digest.digestLow)));
  }
});
