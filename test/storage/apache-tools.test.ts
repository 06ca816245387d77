// Apache's own readers on files that we wrote; skipped where the Debian packages zookeeper and a Java are not installed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GrowingJuteWriter } from '../../src/jute/writer.ts';
import { apache, apacheToolsMissing } from '../support/apache-tools.ts';
import { random } from '../support/random.ts';
import {
  addZnode,
  appendEntry,
  makeEntry,
  newLogWriter,
  newTree,
  serialiseAcl,
  temporaryDirectory,
} from './support.ts';
import { snapshotTree } from './tree-snapshot.ts';

/** What a tool of Apache's prints; it must succeed. */
function printed(mainClass: string, ...args: string[]): string {
  const { code, stdout, stderr } = apache(mainClass, args);
  assert.equal(code, 0, stderr);
  return stdout;
}

const skip = apacheToolsMissing();

test('SnapshotFormatter of Apache reads our snapshot', { skip }, (context) => {
  const tree = newTree();
  addZnode(tree, '/a', Buffer.from('hi'), serialiseAcl([[1, 'world', 'anyone']]), 2);
  addZnode(tree, '/a/eph', null, null, 3, 0x0100_0022_ffff_fffbn);
  addZnode(tree, '/big', Buffer.alloc(100_000, 1), null, 4);
  tree.setLastZxid(0, 9);
  tree.setTreeDigest(0, 77);
  const { path: file } = snapshotTree(tree, temporaryDirectory(context), {
    sessions: {
      idsHigh: Int32Array.of(0x01000022),
      idsLow: Int32Array.of(-5),
      timeoutsMs: Int32Array.of(10_000),
    },
  });
  const output = printed('SnapshotFormatter', '-d', file);
  // Apache counts the root twice, as "" and as "/".
  assert.match(output, /ZNode Details \(count=5\)/);
  assert.match(output, /\/a\n +cZxid = 0x0+2\n[^/]*aclVersion = 0\n[^/]*data = aGk=/);
  assert.match(output, /\/a\/eph\n[^/]*ephemeralOwner = 0x1000022fffffffb/);
  assert.match(output, /Session Details \(sid, timeout, ephemeralCount\):\n0x1000022fffffffb, 10000, 1/);
  assert.match(output, /Last zxid: 0x9/);
});

for (const compression of ['gz', 'snappy'] as const) {
  test(`SnapshotFormatter of Apache reads our ${compression} snapshot of many blocks`, {
    skip,
  }, (context) => {
    const tree = newTree();
    const draw = random(3);
    for (let i = 0; i < 90; i++) {
      addZnode(tree, `/n${i}`, Buffer.from(Array.from({ length: 60_000 }, () => draw.below(256))), null, 2);
    }
    const { path: file, bytes } = snapshotTree(tree, temporaryDirectory(context), { compression });
    assert.ok(bytes > 5_000_000, `${bytes} bytes`);
    const output = printed('SnapshotFormatter', file);
    // Apache counts the root twice, as "" and as "/".
    assert.match(output, /ZNode Details \(count=92\)/);
    assert.match(output, /\/n89\n/);
  });
}

test('TxnLogToolkit of Apache reads our log', { skip }, (context) => {
  const directory = temporaryDirectory(context);
  const writer = newLogWriter(directory, { preallocationBytes: 1 << 20 });
  const session = new GrowingJuteWriter();
  session.writeInt(10_000);
  const first = makeEntry({ zxid: 1n, type: -10, session: 0x77n, body: session.written() });
  appendEntry(writer, first, 1n);
  const acl = serialiseAcl([[31, 'world', 'anyone']]);
  for (let zxid = 2n; zxid <= 40n; zxid++) {
    const body = new GrowingJuteWriter();
    body.writeString(`/node-${zxid}`);
    body.writeBuffer(Buffer.from('data'));
    body.writeBytes(acl, 0, acl.length);
    body.writeBoolean(false);
    body.writeInt(Number(zxid));
    body.writeInt(2);
    body.writeLong(zxid + 1000n);
    appendEntry(writer, makeEntry({ zxid, type: 1, body: body.written() }), zxid);
    if (zxid % 7n === 0n) writer.sync();
  }
  writer.sync();
  const { path: file } = writer;
  writer.close();
  const output = printed('persistence.TxnLogToolkit', '-d', file);
  assert.match(output, /ZooKeeper Transactional Log File with dbid 0 txnlog format version 2/);
  assert.match(output, /session 0x77 cxid 0x1 zxid 0x1 createSession 10000/);
  assert.match(output, /zxid 0x28 create \/node-40,/);
  assert.doesNotMatch(output, /CRC ERROR/);
  assert.match(output, /EOF reached after 40 txns/);
});
