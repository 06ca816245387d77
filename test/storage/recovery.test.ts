import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import type { DataDirectory } from '../../src/storage/data-directory.ts';
import { nodeFileSystem } from '../../src/storage/file-system.ts';
import { withFaultAt } from '../support/faulty-file-system.ts';
import {
  expectedApacheData,
  LogLines,
  makeEntry,
  openDataDirectory,
  serialiseAcl,
  temporaryDirectory,
  toZxid,
  unpackApacheData,
} from './support.ts';
import { dumpTree, type TestDatabase } from './test-database.ts';
import { run, TestServer } from './test-server.ts';

function newServer(context: TestContext): TestServer {
  const directory = openDataDirectory(context, temporaryDirectory(context));
  const server = new TestServer(directory, run(directory));
  server.snapshot();
  return server;
}

test('an empty directory is a fresh database', (context) => {
  const result = run(openDataDirectory(context, temporaryDirectory(context)));
  assert.equal(result.isFresh, true);
  assert.equal(toZxid(result.lastZxidHigh, result.lastZxidLow), 0n);
  assert.equal(result.snapshot, null);
});

test('the data of a real Apache server comes back: tree, stats, ACLs, sessions, digests', (context) => {
  const dataDir = temporaryDirectory(context);
  unpackApacheData(dataDir);
  const files = ['snapshot.1c', 'snapshot.14', 'snapshot.0'];
  const directory = openDataDirectory(context, dataDir);
  // with fewer and fewer snapshots more and more of the logs is replayed, to the same end
  for (const name of files) {
    const log = new LogLines();
    const result = run(directory, { log });
    const { target } = result;
    assert.equal(result.snapshot?.name, name);
    assert.equal(result.lastZxidLow, 0x1d);
    assert.equal(result.txnsReplayed, 0x1d - Number.parseInt(name.slice(9), 16));
    assert.equal(result.digestCheck, 'equal');
    assert.match(log.lines.at(-1) ?? '', new RegExp(`from ${name} and ${result.txnsReplayed} logged`));
    assert.equal(target.treeDigest, lastLoggedDigest(directory));
    assertEqualsExpected(target);
    assert.equal(target.sessions.size, 2);
    fs.rmSync(path.join(directory.snapshotDirectory, name));
  }
  assert.throws(() => run(directory), {
    name: 'RecoveryError',
    message: /has no snapshot.*snapshot\.trust\.empty=true/,
  });
});

/** The digest behind the last record (createSession) of the fixture's last log. */
function lastLoggedDigest(directory: DataDirectory): bigint {
  const bytes = fs.readFileSync(path.join(directory.logDirectory, 'log.1d'));
  return bytes.readBigUInt64BE(16 + 12 + bytes.readInt32BE(16 + 8) - 8);
}

function assertEqualsExpected({ tree }: TestDatabase): void {
  const expected = expectedApacheData();
  assert.deepEqual(Object.keys(dumpTree(tree)).sort(), Object.keys(expected).sort());
  for (const [znodePath, { data, acl, stat }] of Object.entries(expected)) {
    const found = dumpTree(tree)[znodePath];
    assert.equal(found.data ?? '', data, znodePath);
    assert.equal(found.acl, Buffer.from(serialiseAcl(acl)).toString('hex'), znodePath);
    const ref = tree.find(Buffer.from(znodePath), 0, Buffer.byteLength(znodePath));
    const bytes = Buffer.alloc(68);
    tree.writeStat(ref, new DataView(bytes.buffer, bytes.byteOffset, 68), 0);
    const read = {
      czxid: Number(bytes.readBigInt64BE(0)),
      mzxid: Number(bytes.readBigInt64BE(8)),
      ctime: Number(bytes.readBigInt64BE(16)),
      mtime: Number(bytes.readBigInt64BE(24)),
      version: bytes.readInt32BE(32),
      cversion: bytes.readInt32BE(36),
      aversion: bytes.readInt32BE(40),
      ephemeralOwner: Number(bytes.readBigInt64BE(44)),
      dataLength: bytes.readInt32BE(52),
      numChildren: bytes.readInt32BE(56),
      pzxid: Number(bytes.readBigInt64BE(60)),
    };
    assert.deepEqual(read, stat, znodePath);
  }
}

test('a start after a start after a start: logs, snapshots and torn tails between', (context) => {
  let server = newServer(context);
  const { directory } = server;
  for (let round = 0; round < 5; round++) {
    for (let i = 0; i < 10; i++) server.create(`/r${round}-${i}`, 'x'.repeat(i * 10));
    server.delete(`/r${round}-3`);
    server.sync();
    const expected = dumpTree(server.database.tree);
    if (round % 2 === 0) server.snapshot();
    // one more, torn in the middle: its sync never returned
    const { zxid } = server;
    server.create(`/torn${round}`, 'lost');
    server.sync();
    const file = server.writer.path;
    server.writer.close();
    const bytes = fs.readFileSync(file);
    const end = bytes.lastIndexOf(0x42) + 1;
    fs.writeFileSync(file, Buffer.concat([bytes.subarray(0, end - 20), Buffer.alloc(100)]));
    const result = run(directory);
    assert.equal(toZxid(result.lastZxidHigh, result.lastZxidLow), zxid);
    assert.equal(result.tornTails.length, 1);
    assert.deepEqual(dumpTree(result.target.tree), expected);
    assert.deepEqual(run(directory).tornTails, []);
    server = new TestServer(directory, result);
  }
  server.writer.close();
});

test('a snapshot taken beside writes and the log behind it give the tree of the last write', (context) => {
  const server = newServer(context);
  for (let i = 0; i < 1500; i++) server.create(`/n${i}`, `${i}`);
  server.sync();
  let step = 0;
  const file = server.snapshot(() => {
    const i = step++;
    server.create(`/new${i}`, 'new', serialiseAcl([[31, 'digest', `user${i}`]]));
    server.create(`/n${1400 - i}/below`, 'below');
    server.setData(`/n${i}`, 'changed');
    server.setAcl(`/n${i + 50}`, serialiseAcl([[1, 'ip', `10.0.0.${i}`]]));
    server.delete(`/n${700 + i}`);
    server.create(`/n${700 + i}`, 'again');
    server.delete(`/n${100 + i}`);
  });
  assert.ok(step >= 6, `${step} interruptions`);
  server.sync();
  const result = run(server.directory);
  assert.equal(result.snapshot?.path, file);
  assert.equal(result.digestCheck, 'equal');
  assert.equal(result.target.isExact, true);
  assert.deepEqual(dumpTree(result.target.tree), dumpTree(server.database.tree));
  assert.equal(result.target.treeDigest, server.database.treeDigest);
  server.writer.close();
});

test('a damaged newest snapshot is passed over with a warning, if the logs reach back', (context) => {
  const server = newServer(context);
  server.create('/a', '1');
  server.sync();
  const file = server.snapshot();
  server.create('/b', '2');
  server.sync();
  server.writer.close();
  const bytes = fs.readFileSync(file);
  for (const damage of [
    (b: Buffer) => b.fill(1, 40, 44),
    (b: Buffer) => b.subarray(0, 100),
    () => Buffer.alloc(0),
  ]) {
    fs.writeFileSync(file, damage(Buffer.from(bytes)));
    const log = new LogLines();
    const result = run(server.directory, { log });
    assert.equal(result.snapshot?.name, 'snapshot.0');
    assert.match(log.lines[0], new RegExp(`^WARN skipped a snapshot, trying an older one: ${file}: `));
    assert.deepEqual(dumpTree(result.target.tree), dumpTree(server.database.tree));
  }
  fs.rmSync(server.directory.logPath(0, 1));
  assert.throws(() => run(server.directory), {
    name: 'CorruptLogError',
    message: /transactions after the snapshot are missing/,
  });
  fs.rmSync(server.directory.logPath(0, 2));
  assert.throws(() => run(server.directory), {
    name: 'RecoveryError',
    message: /snapshot\.1 cannot be loaded.*would be lost/,
  });
  fs.rmSync(path.join(server.directory.snapshotDirectory, 'snapshot.0'));
  assert.throws(() => run(server.directory), {
    name: 'RecoveryError',
    message: /none of 1 snapshots can be loaded/,
  });
});

test('logs without a snapshot are replayed only when told to', (context) => {
  const server = newServer(context);
  server.create('/a', '1');
  server.sync();
  server.writer.close();
  fs.rmSync(path.join(server.directory.snapshotDirectory, 'snapshot.0'));
  assert.throws(() => run(server.directory), { name: 'RecoveryError' });
  const result = run(server.directory, { trustEmptySnapshot: true });
  assert.equal(result.isFresh, false);
  assert.equal(result.txnsReplayed, 1);
  assert.deepEqual(dumpTree(result.target.tree), dumpTree(server.database.tree));
});

test('a tree whose digest is not the one in the snapshot is refused unless digests are off', (context) => {
  const server = newServer(context);
  server.create('/a', '1');
  server.sync();
  const { tree } = server.database;
  tree.setTreeDigest(5, 5);
  server.snapshot();
  server.writer.close();
  assert.throws(() => run(server.directory), {
    name: 'RecoveryError',
    message: /digest .* at zxid 0x1.*snapshot says 0x500000005/,
  });
  assert.equal(run(server.directory, { digestEnabled: false }).digestCheck, 'disabled');
});

test('a snapshot that ended amid a transaction is believed when the digest behind that transaction is equal', (context) => {
  const server = newServer(context);
  server.create('/a', '1');
  const { tree } = server.database;
  const { treeDigestHigh, treeDigestLow } = tree;
  server.create('/b', '2');
  server.sync();
  const expected = dumpTree(tree);
  // As Apache's snapshot thread sees it: /b is there, while zxid and digest are still those before it.
  tree.setTreeDigest(treeDigestHigh, treeDigestLow);
  tree.setLastZxid(0, 1);
  server.zxid = 1n;
  server.snapshot();
  server.writer.close();
  const result = run(server.directory);
  assert.deepEqual(dumpTree(result.target.tree), expected);
  assert.deepEqual([result.digestCheck, result.isExact, result.txnsReplayed], ['equal', true, 1]);
});

test('a log that ends before the snapshot was finished misses transactions', (context) => {
  const server = newServer(context);
  server.create('/a', '1');
  let once = true;
  server.snapshot(() => {
    if (once) server.create('/b', '2');
    once = false;
  });
  server.writer.close();
  fs.rmSync(server.directory.logPath(0, 2));
  assert.throws(() => run(server.directory), {
    name: 'RecoveryError',
    message: /written up to zxid 0x2, but the log ends at 0x1/,
  });
  assert.equal(run(server.directory, { isEnsembleMember: true }).digestCheck, 'not reached');
});

test('a transaction that cannot be replayed is named', (context) => {
  const server = newServer(context);
  server.writer.append(makeEntry({ zxid: 1n, type: 99 }), 0, 36, 0, 1);
  server.writer.close();
  assert.throws(() => run(server.directory), {
    name: 'RecoveryError',
    message: /log\.1: transaction 0x1 cannot be replayed: unknown txn type 99/,
  });
});

test('an error while a tail is cut ends the start', (context) => {
  const server = newServer(context);
  server.create('/a', '1');
  server.create('/b', '1');
  server.writer.close();
  const file = server.directory.logPath(0, 1);
  fs.truncateSync(file, 150);
  for (const kind of ['truncate', 'fsync'] as const) {
    const again = openDataDirectory(
      context,
      temporaryDirectory(context),
      withFaultAt(nodeFileSystem, kind, 1),
    );
    fs.cpSync(server.directory.logDirectory, again.logDirectory, {
      recursive: true,
      filter: (f) => !f.endsWith('lock'),
    });
    assert.throws(() => run(again), /EIO/);
  }
  assert.equal(run(server.directory).lastZxidLow, 1);
});
