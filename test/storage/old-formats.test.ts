// What servers before 3.6 left behind: snapshots without digest and transactions in older forms.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { GrowingJuteWriter } from '../../src/jute/writer.ts';
import {
  appendEntry,
  makeEntry,
  newLogWriter,
  openDataDirectory,
  serialiseAcl,
  temporaryDirectory,
  unpackApacheData,
} from './support.ts';
import { dumpTree } from './test-database.ts';
import { run } from './test-server.ts';

/** ZxidDigest and its seal, which 3.6 added behind the first seal. */
const DIGEST_SECTION_BYTES = 20 + 13;
const OPEN = serialiseAcl([[31, 'world', 'anyone']]);

test('a snapshot of 3.4 ends with its first seal', (context) => {
  const dataDir = temporaryDirectory(context);
  unpackApacheData(dataDir);
  const directory = openDataDirectory(context, dataDir);
  const withDigest = run(directory);
  assert.equal(withDigest.digestCheck, 'equal');
  for (const { path: file } of directory.listSnapshots()) {
    fs.truncateSync(file, fs.statSync(file).size - DIGEST_SECTION_BYTES);
  }
  const without = run(directory);
  assert.equal(without.snapshot?.name, withDigest.snapshot?.name);
  // The log behind it has digests, and they are the tree's.
  assert.equal(without.digestCheck, 'equal');
  assert.deepEqual(dumpTree(without.target.tree), dumpTree(withDigest.target.tree));
  assert.equal(without.target.treeDigest, withDigest.target.treeDigest);
  assert.equal(without.target.sessions.size, withDigest.target.sessions.size);
});

interface OldTxn {
  readonly type: number;
  readonly session?: bigint;
  readonly body: (writer: GrowingJuteWriter) => void;
}

/** CreateTxnV0: no parentCVersion. */
function createV0(znodePath: string, isEphemeral = false): OldTxn {
  return {
    type: 1,
    session: isEphemeral ? 0x55n : 7n,
    body: (writer) => {
      writer.writeString(znodePath);
      writer.writeBuffer(Buffer.from('old'));
      writer.writeBytes(OPEN, 0, OPEN.length);
      writer.writeBoolean(isEphemeral);
    },
  };
}

test('transactions of 3.4: create without parentCVersion, closeSession without paths, none with a digest', (context) => {
  const dataDir = temporaryDirectory(context);
  const directory = openDataDirectory(context, dataDir);
  unpackApacheData(dataDir);
  for (const name of fs.readdirSync(directory.logDirectory)) {
    if (/^(log|snapshot)\./.test(name) && name !== 'snapshot.0') {
      fs.rmSync(path.join(directory.logDirectory, name));
    }
  }
  const snapshot = directory.listSnapshots()[0].path;
  fs.truncateSync(snapshot, fs.statSync(snapshot).size - DIGEST_SECTION_BYTES);
  const txns: OldTxn[] = [
    { type: -10, session: 0x55n, body: (writer) => writer.writeInt(8000) },
    { type: -10, session: 0x66n, body: (writer) => writer.writeInt(9000) },
    createV0('/old'),
    createV0('/old/a'),
    createV0('/old/b'),
    createV0('/old/eph', true),
    { type: 2, body: (writer) => writer.writeString('/old/a') },
    { type: -1, body: (writer) => writer.writeInt(-101) },
    createV0('/old/c'),
    { type: -11, session: 0x55n, body: () => {} },
  ];
  const writer = newLogWriter(directory.logDirectory);
  for (const [i, { type, session = 7n, body }] of txns.entries()) {
    const bytes = new GrowingJuteWriter();
    body(bytes);
    const zxid = BigInt(i + 1);
    appendEntry(writer, makeEntry({ zxid, type, session, body: bytes.written() }), zxid);
  }
  writer.close();
  const { target, lastZxidLow, txnsReplayed } = run(directory);
  assert.deepEqual([lastZxidLow, txnsReplayed], [10, 10]);
  const { tree } = target;
  const at = (znodePath: string): number => tree.find(Buffer.from(znodePath), 0, znodePath.length);
  assert.deepEqual(
    Object.keys(dumpTree(tree)).filter((znodePath) => znodePath.startsWith('/old')),
    ['/old', '/old/c', '/old/b'],
  );
  // Each create counts one; deletions are not in the stored number. The closeSession was the last to change the children.
  assert.equal(tree.cversion(at('/old')), 4);
  assert.equal(tree.pzxidLow(at('/old')), 10);
  assert.equal(tree.czxidLow(at('/old/c')), 9);
  assert.equal(tree.cversion(tree.root), 1);
  assert.equal(target.sessions.size, 1);
});
