import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { WriterLock } from '../../src/replica/lock.ts';
import { SnapshotReceiver } from '../../src/server/snapshot-receiver.ts';
import { DataDirectory } from '../../src/storage/data-directory.ts';
import { EpochFiles } from '../../src/storage/epoch-files.ts';
import type { FileSystem } from '../../src/storage/file-system.ts';
import type { SnapshotSessions } from '../../src/storage/snapshot-body.ts';
import { snapshotStream } from '../../src/storage/snapshot-stream.ts';
import { writeSnapshot } from '../../src/storage/snapshot-writer.ts';
import {
  addZnode,
  appendEntry,
  LogLines,
  makeEntry,
  newLogWriter,
  serialiseAcl,
  toZxid,
} from '../storage/support.ts';
import { dumpTree, TestDatabase } from '../storage/test-database.ts';
import { run } from '../storage/test-server.ts';
import { CrashDisk, PowerLoss } from '../support/crash-disk.ts';
import { random } from '../support/random.ts';

const DATA = '/data';
const NO_LOCK = { acquire: () => {}, release: () => {} };
const SNAP_HIGH = 3;
const SNAP_LOW = 5;
const SNAP_ZXID = 0x3_0000_0005n;

function open(fileSystem: FileSystem): DataDirectory {
  return DataDirectory.open({
    dataDir: DATA,
    dataLogDir: DATA,
    autocreate: true,
    fileSystem,
    log: new LogLines(),
  });
}

function write(
  directory: DataDirectory,
  database: TestDatabase,
  sessions: SnapshotSessions,
  isAhead: boolean,
): string {
  const { tree } = database;
  return writeSnapshot({
    fileSystem: directory.fileSystem,
    directory: directory.snapshotDirectory,
    reader: tree,
    lock: NO_LOCK,
    zxidHigh: tree.lastZxidHigh,
    zxidLow: tree.lastZxidLow,
    sessions,
    digestEnabled: true,
    lastProcessedZxidEnabled: true,
    isAhead,
  }).path;
}

function sessions(...ids: number[]): SnapshotSessions {
  return {
    idsHigh: Int32Array.from(ids, () => 0),
    idsLow: Int32Array.from(ids),
    timeoutsMs: Int32Array.from(ids, () => 4000),
  };
}

/** The leader's tree, and its stream. */
function makeLeader(): { tree: ReturnType<typeof dumpTree>; stream: Buffer } {
  const leader = new TestDatabase();
  leader.startEmpty();
  for (let i = 0; i < 20; i++) {
    addZnode(
      leader.tree,
      `/leader${i}`,
      Buffer.alloc(i * 10, i),
      serialiseAcl([[31, 'ip', `10.0.0.${i}`]]),
      i,
      BigInt(i % 3),
    );
  }
  const stream = Buffer.concat([
    ...snapshotStream({ reader: leader.tree, lock: NO_LOCK, sessions: sessions(1, 2) }),
  ]);
  return { tree: dumpTree(leader.tree), stream };
}

/** A learner that is behind, with a tail that the leader does not have: znode /old, and txns up to 0x200000009. */
function makeLearner(): CrashDisk {
  const disk = new CrashDisk();
  const directory = open(disk.fileSystem);
  const old = new TestDatabase();
  old.startEmpty();
  addZnode(old.tree, '/old', null);
  old.tree.setLastZxid(2, 1);
  write(directory, old, sessions(7), true);
  const writer = newLogWriter(directory.logDirectory, {
    fileSystem: disk.fileSystem,
    lastZxidHigh: 2,
    lastZxidLow: 1,
  });
  for (let zxid = 0x2_0000_0002n; zxid <= 0x2_0000_0009n; zxid++)
    appendEntry(writer, makeEntry({ zxid }), zxid);
  writer.close();
  EpochFiles.load({
    fileSystem: disk.fileSystem,
    directory: directory.snapshotDirectory,
    lastEpoch: 2,
    log: new LogLines(),
  });
  directory.release();
  return disk;
}

/** As the server does it; the snapshot task is run in this thread. */
async function receive(directory: DataDirectory, database: TestDatabase, stream: Buffer): Promise<void> {
  const receiver = newReceiver(directory, database);
  await receiver.begin();
  for (let at = 0; at < stream.length; at += 500)
    receiver.write(stream, at, Math.min(stream.length, at + 500));
  await receiver.store();
}

function newReceiver(directory: DataDirectory, database: TestDatabase): SnapshotReceiver {
  const snapshots = {
    whenIdle: () => Promise.resolve(),
    store: async (all: SnapshotSessions) => write(directory, database, all, true),
  };
  return new SnapshotReceiver(
    {
      database,
      lock: new WriterLock(database.tree.memory),
      directory,
      snapshots,
      entryBytesMax: 1 << 20,
      digestEnabled: true,
    },
    'server 3',
    SNAP_HIGH,
    SNAP_LOW,
  );
}

function start(disk: CrashDisk) {
  const directory = open(disk.fileSystem);
  const result = run(directory, { isEnsembleMember: true });
  const { fileSystem, snapshotDirectory } = directory;
  const epochs = EpochFiles.load({
    fileSystem,
    directory: snapshotDirectory,
    lastEpoch: result.lastZxidHigh,
    log: new LogLines(),
  });
  directory.release();
  return { result, epochs, zxid: toZxid(result.lastZxidHigh, result.lastZxidLow) };
}

test('a learner has the old database, none, or the leader’s, whenever the power fails', async () => {
  const { tree, stream } = makeLeader();
  const old = dumpTree(start(makeLearner()).result.target.tree);
  const dice = random();
  const seen = { void: 0, old: 0, new: 0 };
  for (let failAt = 1; ; failAt++) {
    const disk = makeLearner();
    const directory = open(disk.fileSystem);
    const database = run(directory).target;
    disk.failAt = disk.changes + failAt;
    let isDone = true;
    try {
      EpochFiles.load({
        fileSystem: disk.fileSystem,
        directory: directory.snapshotDirectory,
        lastEpoch: 2,
        log: new LogLines(),
      }).storeAcceptedEpoch(4);
      await receive(directory, database, stream);
    } catch (error) {
      assert.ok(error instanceof PowerLoss, String(error));
      isDone = false;
    }
    for (const survival of ['none', 'all', dice, dice, dice, dice] as const) {
      const where = `seed ${dice.seed}, crash ${failAt}`;
      const after = disk.restarted(survival);
      const { result, epochs, zxid } = start(after);
      const found = dumpTree(result.target.tree);
      if (result.isVoid) {
        seen.void++;
        assert.deepEqual([zxid, Object.keys(found).length], [0n, 4], where);
        assert.equal(epochs.acceptedEpoch, 4, where);
      } else if (zxid === SNAP_ZXID) {
        seen.new++;
        assert.deepEqual(found, tree, where);
        assert.deepEqual(
          [...result.target.sessions.values()].map(({ idLow }) => idLow),
          [1, 2],
        );
        assert.equal(result.isExact, false);
        assert.equal(epochs.acceptedEpoch, 4, where);
      } else {
        seen.old++;
        assert.deepEqual([zxid, found], [0x2_0000_0009n, old], where);
        assert.deepEqual(
          [...result.target.sessions.values()].map(({ idLow }) => idLow),
          [7],
        );
      }
      assert.ok(!isDone || zxid === SNAP_ZXID, where);
      const again = open(after.fileSystem);
      epochs.storeAcceptedEpoch(4);
      await receive(again, result.target, stream);
      again.release();
      assert.deepEqual(dumpTree(start(after).result.target.tree), tree, where);
    }
    if (isDone) break;
  }
  assert.ok(seen.void > 20 && seen.old > 5 && seen.new > 5, JSON.stringify(seen));
});

test('what breaks off leaves an empty database without a vote', async () => {
  const { stream } = makeLeader();
  const disk = makeLearner();
  const directory = open(disk.fileSystem);
  const database = run(directory).target;
  const receiver = newReceiver(directory, database);
  await receiver.begin();
  receiver.write(stream, 0, stream.length - 300);
  assert.ok(database.tree.znodeCount > 1);
  await assert.rejects(receiver.store(), /not complete/);
  receiver.abandon();
  assert.equal(database.tree.znodeCount, 1);
  assert.equal(database.sessions.size, 0);
  directory.release();
  const { result } = start(disk.restarted('none'));
  assert.equal(result.isVoid, true);
  // what it had before is kept until there is something better
  assert.ok(disk.files().has(path.join(DATA, 'version-2', 'log.200000002')));
});

test('the log goes on behind the leader’s database, in its epoch or the next', async () => {
  const { tree, stream } = makeLeader();
  for (const next of [SNAP_ZXID + 1n, 0x4_0000_0001n]) {
    const disk = makeLearner();
    const directory = open(disk.fileSystem);
    await receive(directory, run(directory).target, stream);
    const writer = newLogWriter(directory.logDirectory, { fileSystem: disk.fileSystem });
    writer.continueAfter(SNAP_HIGH, SNAP_LOW);
    appendEntry(writer, makeEntry({ zxid: next }), next);
    writer.close();
    directory.release();
    const after = disk.restarted('none');
    const again = open(after.fileSystem);
    const result = run(again, { isEnsembleMember: true });
    assert.deepEqual([toZxid(result.lastZxidHigh, result.lastZxidLow), result.txnsReplayed], [next, 1]);
    assert.deepEqual(dumpTree(result.target.tree), tree);
  }
});
