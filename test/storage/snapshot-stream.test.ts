import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GrowingJuteWriter } from '../../src/jute/writer.ts';
import { NO_ZNODE } from '../../src/replica/data-tree-reader.ts';
import { ReplicaFullError } from '../../src/replica/memory.ts';
import { Database } from '../../src/server/database.ts';
import { snapshotStream } from '../../src/storage/snapshot-stream.ts';
import { SnapshotStreamReader } from '../../src/storage/snapshot-stream-reader.ts';
import { random } from '../support/random.ts';
import { addZnode, serialiseAcl } from './support.ts';
import { dumpTree, TestDatabase } from './test-database.ts';

const ENTRY_BYTES_MAX = 100_000;
const NO_LOCK = { acquire: () => {}, release: () => {} };

function newReader(database: Database): SnapshotStreamReader {
  return new SnapshotStreamReader({
    name: 'server 2',
    entryBytesMax: ENTRY_BYTES_MAX,
    tree: database.tree,
    onSession: (high, low, timeoutMs) => database.onSession(high, low, timeoutMs),
    onZnode: database.onZnode,
    computesDigests: true,
  });
}

function newSource(znodes = 100): TestDatabase {
  const database = new TestDatabase();
  database.startEmpty();
  const { tree } = database;
  addZnode(tree, '/a', null);
  addZnode(tree, '/a/large', Buffer.alloc(90_000, 3), serialiseAcl([[31, 'digest', 'x:y']]));
  for (let i = 0; i < znodes; i++) {
    addZnode(
      tree,
      `/a/n${i}`,
      Buffer.from(`${i}`),
      serialiseAcl([[i, 'ip', `10.0.0.${i % 7}`]]),
      i,
      BigInt(i % 3),
    );
  }
  return database;
}

function streamOf(database: TestDatabase): Buffer {
  const sessions = {
    idsHigh: Int32Array.of(0, 0x01000000),
    idsLow: Int32Array.of(1, 2),
    timeoutsMs: Int32Array.of(4000, 5000),
  };
  return Buffer.concat([...snapshotStream({ reader: database.tree, lock: NO_LOCK, sessions })]);
}

test('what has arrived is found by its path, after a stream that broke off, too', () => {
  const source = newSource(700);
  const bytes = streamOf(source);
  const database = new TestDatabase();
  for (const length of [bytes.length / 2, bytes.length]) {
    const reader = newReader(database);
    database.clear();
    reader.write(bytes, 0, Math.floor(length));
    if (!reader.isComplete) reader.close();
  }
  for (let i = 0; i < 700; i++) {
    const path = Buffer.from(`/a/n${i}`);
    assert.notEqual(database.tree.find(path, 0, path.length), NO_ZNODE, path.toString());
  }
});

test('what a leader sends arrives, and nothing of what follows it is taken', () => {
  const source = newSource();
  const bytes = Buffer.concat([streamOf(source), Buffer.from('next packet')]);
  for (const length of [1, 3, 1000, 65_536, bytes.length]) {
    const database = new TestDatabase();
    const reader = newReader(database);
    let taken = 0;
    for (let at = 0; !reader.isComplete; at += length) {
      const end = Math.min(bytes.length, at + length);
      taken = reader.write(bytes, at, end);
      if (!reader.isComplete) assert.equal(taken, end);
    }
    assert.equal(bytes.toString('latin1', taken), 'next packet');
    assert.equal(reader.znodes, source.tree.znodeCount);
    database.snapshotLoaded();
    assert.deepEqual(dumpTree(database.tree), dumpTree(source.tree));
    assert.deepEqual(
      [...database.sessions.values()].map(({ idHigh, idLow, timeoutMs }) => [idHigh, idLow, timeoutMs]),
      [
        [0, 1, 4000],
        [0x01000000, 2, 5000],
      ],
    );
    assert.throws(() => reader.write(bytes, 0, 1), /closed/);
  }
});

test('the stream is that of Apache: no header, no checksums, a signature', () => {
  const database = new TestDatabase();
  database.startEmpty();
  const bytes = streamOf(database);
  assert.equal(bytes.readInt32BE(0), 2);
  assert.equal(bytes.toString('hex', 4, 16), '000000000000000100000fa0');
  assert.equal(bytes.toString('latin1', bytes.length - 19), '\0\0\0\x01/\0\0\0\nBenWasHere');
});

type Damage = (writer: GrowingJuteWriter) => void;

/** A stream that is right up to where the damage begins. */
function damaged(stage: 'sessions' | 'acls' | 'znodes' | 'signature', damage: Damage): Uint8Array {
  const writer = new GrowingJuteWriter();
  const stat = Buffer.alloc(60);
  if (stage !== 'sessions') writer.writeInt(0);
  if (stage === 'znodes' || stage === 'signature') writer.writeInt(0);
  if (stage === 'signature') {
    znode(writer, '', -1n, stat);
    writer.writeString('/');
  }
  damage(writer);
  return writer.written();
}

function znode(writer: GrowingJuteWriter, path: string, aclKey = -1n, stat = Buffer.alloc(60)): void {
  writer.writeString(path);
  writer.writeBuffer(Buffer.from('x'));
  writer.writeLong(aclKey);
  writer.writeBytes(stat, 0, stat.length);
}

test('nothing in it is trusted', () => {
  const cases: [Uint8Array, RegExp][] = [
    [damaged('sessions', (w) => w.writeInt(-1)), /a count of sessions/],
    [
      damaged('sessions', (w) => w.writeInt(0x7fffffff)),
      /a count of sessions up to 16777216, found 2147483647/,
    ],
    [damaged('acls', (w) => w.writeInt(-5)), /a count of ACLs/],
    [
      damaged('acls', (w) => {
        w.writeInt(1);
        w.writeLong(-1n);
        w.writeInt(0);
      }),
      /an ACL key of its own, found -1/,
    ],
    [
      damaged('acls', (w) => {
        w.writeInt(1);
        w.writeLong(2n ** 60n);
        w.writeInt(0);
      }),
      /an ACL key of its own/,
    ],
    [
      damaged('acls', (w) => {
        w.writeInt(2);
        for (let i = 0; i < 2; i++) {
          w.writeLong(3n);
          w.writeInt(0);
        }
      }),
      /an ACL key of its own, found 3/,
    ],
    [
      damaged('acls', (w) => {
        w.writeInt(1);
        w.writeLong(3n);
        w.writeInt(1);
        w.writeInt(31);
        w.writeInt(ENTRY_BYTES_MAX + 1);
      }),
      /a length of an ACL's scheme/,
    ],
    [
      damaged('acls', (w) => {
        w.writeInt(1);
        w.writeLong(3n);
        w.writeInt(0x7fffffff);
        for (let i = 0; i < 20_000; i++) {
          w.writeInt(31);
          w.writeString('ip');
          w.writeString('1');
        }
      }),
      /an ACL of at most 100000 bytes/,
    ],
    [damaged('znodes', (w) => znode(w, '/a')), /the root first/],
    [damaged('znodes', (w) => w.writeString('/')), /the root, found the end mark/],
    [damaged('znodes', (w) => w.writeInt(-1)), /a length of a path/],
    [damaged('znodes', (w) => w.writeInt(ENTRY_BYTES_MAX + 1)), /a length of a path/],
    [
      damaged('znodes', (w) => {
        w.writeString('');
        w.writeInt(-2);
      }),
      /a length of data/,
    ],
    ...(
      [
        ['a', /an absolute path/],
        ['/a/', /an absolute path/],
        ['x', /the end mark, found another path/],
        ['/a/b', /a parent before its children/],
      ] as const
    ).map(([path, message]): [Uint8Array, RegExp] => [
      damaged('znodes', (w) => {
        znode(w, '');
        znode(w, path === 'a' ? 'aa' : path);
      }),
      message,
    ]),
    [
      damaged('znodes', (w) => {
        znode(w, '');
        znode(w, '/a');
        znode(w, '/a');
        for (let i = 0; i < 300; i++) znode(w, `/n${i}`);
        w.writeString('/');
        w.writeString('BenWasHere');
      }),
      /each path once/,
    ],
    [
      damaged('znodes', (w) => {
        znode(w, '');
        znode(w, '/a', 7n);
      }),
      /a key of the snapshot's ACLs, found 7/,
    ],
    [damaged('signature', (w) => w.writeString('BenWasThere')), /the signature BenWasHere/],
    [damaged('signature', (w) => w.writeString('BenIsHere.')), /the signature BenWasHere/],
  ];
  for (const [bytes, message] of cases) {
    for (const length of [1, 7, bytes.length]) {
      const reader = newReader(new TestDatabase());
      const attempt = (): void => {
        for (let at = 0; at < bytes.length; at += length) {
          reader.write(bytes, at, Math.min(bytes.length, at + length));
        }
      };
      assert.throws(attempt, { name: 'SnapshotError', message });
      assert.match(String(assertThrown(attempt)), /closed/);
    }
  }
});

function assertThrown(action: () => void): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return assert.fail('nothing was thrown');
}

test('bytes that were harmed are refused, or make a tree; never anything else', () => {
  const dice = random();
  const bytes = streamOf(newSource(30));
  let refused = 0;
  for (let round = 0; round < 400; round++) {
    const harmed = Buffer.from(bytes);
    // Most of it is one large value: the harm is wanted outside.
    const at = round % 2 === 0 ? dice.below(600) : harmed.length - 1 - dice.below(3000);
    harmed[at] = dice.below(256);
    const database = new TestDatabase();
    const reader = newReader(database);
    try {
      for (let from = 0; from < harmed.length && !reader.isComplete; from += 777) {
        reader.write(harmed, from, Math.min(harmed.length, from + 777));
      }
    } catch (error) {
      assert.equal((error as Error).name, 'SnapshotError', `seed ${dice.seed}, round ${round}: ${error}`);
      refused++;
    }
    database.clear();
    assert.equal(database.tree.znodeCount, 1);
  }
  assert.ok(refused > 20, `${refused} refused`);
});

test('a tree that does not fit is refused', () => {
  const replica = { memoryBytesMax: 100_000, readersMax: 1, hashSeed: 1, segmentBytes: 65_536 };
  const database = new Database(replica, { digestEnabled: true, extendedTypesEnabled: false });
  const bytes = streamOf(newSource());
  assert.throws(() => newReader(database).write(bytes, 0, bytes.length), ReplicaFullError);
});

test('a stream of a tree that is replaced meanwhile ends with an error', () => {
  const source = newSource(20_000);
  source.tree.beginQuarantine();
  const chunks = snapshotStream({
    reader: source.tree,
    lock: NO_LOCK,
    sessions: { idsHigh: new Int32Array(0), idsLow: new Int32Array(0), timeoutsMs: new Int32Array(0) },
  });
  assert.equal(chunks.next().done, false);
  source.clear();
  assert.throws(() => [...chunks], { name: 'TreeReplacedError' });
  source.tree.endQuarantine();
});
