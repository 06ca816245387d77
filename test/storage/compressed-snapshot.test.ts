import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import zlib from 'node:zlib';
import { compressSync } from 'snappy';
import type { DataTree } from '../../src/replica/data-tree.ts';
import { nodeFileSystem } from '../../src/storage/file-system.ts';
import { SnapshotError } from '../../src/storage/snapshot-error.ts';
import { readSnapshot } from '../../src/storage/snapshot-reader.ts';
import { looksComplete } from '../../src/storage/snapshot-scan.ts';
import { openSnapshotSource, type SnapshotCompression } from '../../src/storage/snapshot-source.ts';
import type { SnapshotResult } from '../../src/storage/snapshot-writer.ts';
import { counting, withFaultAt } from '../support/faulty-file-system.ts';
import { random } from '../support/random.ts';
import {
  addZnode,
  ignoreZnode,
  newTree,
  openDataDirectory,
  serialiseAcl,
  snapshotFile,
  temporaryDirectory,
} from './support.ts';
import { dumpTree } from './test-database.ts';
import { run, TestServer } from './test-server.ts';
import { snapshotTree } from './tree-snapshot.ts';

const COMPRESSIONS: SnapshotCompression[] = ['gz', 'snappy'];

/** A tree whose snapshot has about `bytes` bytes that cannot be compressed much. */
function treeOf(bytes: number): DataTree {
  const tree = newTree(64 << 20);
  const draw = random(7);
  const acl = serialiseAcl([[1, 'world', 'anyone']]);
  for (let i = 0; i < bytes / 10_000; i++) {
    const data = Buffer.from(Array.from({ length: 9900 }, () => draw.below(256)));
    addZnode(tree, `/n${i}`, data, i % 2 === 0 ? acl : null, 2);
  }
  tree.setLastZxid(0, 9);
  return tree;
}

function write(
  tree: DataTree,
  directory: string,
  compression: SnapshotCompression,
  fileSystem = nodeFileSystem,
): SnapshotResult {
  return snapshotTree(tree, directory, { fileSystem, compression });
}

function load(file: string): DataTree {
  const tree = newTree(64 << 20);
  readSnapshot({
    fileSystem: nodeFileSystem,
    file: snapshotFile(file),
    tree,
    onSession: () => {},
    onZnode: ignoreZnode,
    computesDigests: false,
    entryBytesMax: 2 << 20,
  });
  return tree;
}

/** The uncompressed content, in pieces of odd length. */
function contentOf(file: string): Buffer {
  const source = openSnapshotSource(nodeFileSystem, snapshotFile(file));
  const pieces: Buffer[] = [];
  const piece = Buffer.alloc(77_777);
  for (;;) {
    const count = source.read(piece, 0, piece.length);
    if (count === 0) break;
    pieces.push(Buffer.from(piece.subarray(0, count)));
  }
  assert.ok(source.fileBytesRead <= source.fileBytes);
  source.close();
  return Buffer.concat(pieces);
}

for (const compression of COMPRESSIONS) {
  // Around the limits of blocks and members, and of what is uncompressed in the calling thread.
  for (const bytes of [0, 50_000, 5_000_000]) {
    test(`${compression}: ${bytes} bytes are the plain file's, compressed`, (context) => {
      const directory = temporaryDirectory(context);
      const tree = treeOf(bytes);
      const plain = write(tree, directory, 'none');
      const compressed = write(tree, directory, compression);
      assert.equal(path.basename(compressed.path), `snapshot.9.${compression}`);
      assert.equal(compressed.bytes, fs.statSync(compressed.path).size);
      assert.ok(looksComplete(nodeFileSystem, snapshotFile(compressed.path)));
      assert.ok(contentOf(compressed.path).equals(fs.readFileSync(plain.path)));
      assert.deepEqual(dumpTree(load(compressed.path)), dumpTree(tree));
    });
  }

  test(`${compression}: an error while writing leaves no file`, (context) => {
    const tree = treeOf(2_000_000);
    for (const kind of ['open', 'write', 'fsync', 'rename'] as const) {
      const directory = temporaryDirectory(context);
      const counted = counting(nodeFileSystem);
      write(tree, temporaryDirectory(context), compression, counted.fileSystem);
      const nth = counted.counts.get(kind) ?? 0;
      assert.throws(() => write(tree, directory, compression, withFaultAt(nodeFileSystem, kind, nth)), /EIO/);
      assert.deepEqual(fs.readdirSync(directory), []);
    }
  });

  test(`${compression}: cuts and flipped bytes are noticed, in a small file and in a large one`, (context) => {
    const directory = temporaryDirectory(context);
    for (const bytes of [0, 3_000_000]) {
      const { path: file } = write(treeOf(bytes), directory, compression);
      const whole = fs.readFileSync(file);
      const places = [0, 3, 10, 20, Math.floor(whole.length / 2), whole.length - 2];
      for (const at of places) {
        const flipped = Buffer.from(whole);
        flipped[at] ^= 0x41;
        fs.writeFileSync(file, flipped);
        // The file's time and the compressor's name in gzip's header mean nothing.
        if (compression === 'gz' && at >= 4 && at < 10) continue;
        // Nor does snappy-java's own version.
        if (compression === 'snappy' && at === 10) continue;
        assert.throws(() => load(file), SnapshotError, `flip at ${at} of ${whole.length}`);
        fs.writeFileSync(file, whole.subarray(0, at));
        assert.throws(() => load(file), SnapshotError, `cut at ${at} of ${whole.length}`);
      }
    }
  });
}

test('gz: one member that was written by another program, also if it grows a thousand times', (context) => {
  const directory = temporaryDirectory(context);
  const tree = newTree(64 << 20);
  for (let i = 0; i < 700; i++) addZnode(tree, `/zeros${i}`, Buffer.alloc(60_000), null, 2);
  const plain = write(tree, directory, 'none');
  const file = `${plain.path}.gz`;
  fs.writeFileSync(file, zlib.gzipSync(fs.readFileSync(plain.path)));
  assert.ok(fs.statSync(file).size < 1 << 20);
  assert.equal(load(file).znodeCount, 701);
});

test('gz: a file whose directory is gone is an error of the disk, not of the file', (context) => {
  const directory = temporaryDirectory(context);
  assert.throws(() => load(path.join(directory, 'snapshot.9.gz')), { code: 'ENOENT' });
});

test('snappy: streams that were joined, and lengths that no writer writes', (context) => {
  const directory = temporaryDirectory(context);
  const file = path.join(directory, 'snapshot.9.snappy');
  const header = Buffer.from('82534e41505059000000000100000001', 'hex');
  const block = (content: Uint8Array): Buffer => {
    const compressed = compressSync(content);
    const length = Buffer.alloc(4);
    length.writeInt32BE(compressed.length);
    return Buffer.concat([length, compressed]);
  };
  const words = [
    Buffer.from('one'),
    Buffer.from('two'.repeat(30_000)),
    Buffer.alloc(0),
    Buffer.from('three'),
  ];
  fs.writeFileSync(
    file,
    Buffer.concat([header, block(words[0]), block(words[1]), header, block(words[2]), block(words[3])]),
  );
  assert.ok(contentOf(file).equals(Buffer.concat(words)));
  for (const bad of ['00000000', 'ffffffff', '7fffffff', '00000005ffffffff0f', '00000006ffffffffff0f']) {
    fs.writeFileSync(file, Buffer.concat([header, block(words[0]), Buffer.from(bad, 'hex')]));
    assert.throws(() => contentOf(file), SnapshotError, bad);
  }
  const newer = Buffer.from(header);
  newer[15] = 2;
  fs.writeFileSync(file, newer);
  assert.throws(() => contentOf(file), /offset 12: expected a stream for version 1, found 2/);
});

test('recovery takes the newest snapshot of any kind, and passes over a damaged one', (context) => {
  const directory = openDataDirectory(context, temporaryDirectory(context));
  const server = new TestServer(directory, run(directory));
  server.snapshot();
  const files: string[] = [];
  for (const compression of ['gz', 'snappy'] as const) {
    server.create(`/${compression}`, 'x');
    files.unshift(server.snapshot(() => {}, compression));
  }
  server.create('/last', 'x');
  server.sync();
  server.writer.close();
  const expected = dumpTree(server.database.tree);
  for (const file of files) {
    const recovered = run(directory);
    assert.equal(recovered.snapshot?.path, file);
    assert.equal(recovered.digestCheck, 'equal');
    assert.deepEqual(dumpTree(recovered.target.tree), expected);
    const bytes = fs.readFileSync(file);
    bytes[bytes.length >> 1] ^= 0x10;
    fs.writeFileSync(file, bytes);
  }
  assert.equal(run(directory).snapshot?.name, 'snapshot.0');
});
