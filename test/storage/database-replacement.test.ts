import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { DataDirectory } from '../../src/storage/data-directory.ts';
import { finishReplacement } from '../../src/storage/database-replacement.ts';
import type { FileSystem } from '../../src/storage/file-system.ts';
import { writeSnapshot } from '../../src/storage/snapshot-writer.ts';
import { CrashDisk, PowerLoss } from '../support/crash-disk.ts';
import { counting, withFaultAt } from '../support/faulty-file-system.ts';
import { random } from '../support/random.ts';
import { addZnode, appendEntry, LogLines, makeEntry, newLogWriter, toZxid } from './support.ts';
import { dumpTree, TestDatabase } from './test-database.ts';
import { NO_SESSIONS, run } from './test-server.ts';

const DATA = '/data';
const LOGS = '/logs';

function open(fileSystem: FileSystem): DataDirectory {
  return DataDirectory.open({
    dataDir: DATA,
    dataLogDir: LOGS,
    autocreate: true,
    fileSystem,
    log: new LogLines(),
  });
}

/** A database with one znode named so, stored as the snapshot at this zxid. */
function store(
  directory: DataDirectory,
  name: string,
  zxid: bigint,
  isAhead = false,
  replacesHistory = false,
): string {
  const database = new TestDatabase();
  database.startEmpty();
  addZnode(database.tree, name, Buffer.from('x'));
  const [zxidHigh, zxidLow] = [Number(zxid >> 32n), Number(zxid & 0xffffffffn)];
  database.tree.setLastZxid(zxidHigh, zxidLow);
  return writeSnapshot({
    fileSystem: directory.fileSystem,
    directory: directory.snapshotDirectory,
    reader: database.tree,
    lock: { acquire: () => {}, release: () => {} },
    zxidHigh,
    zxidLow,
    sessions: NO_SESSIONS,
    digestEnabled: !isAhead,
    lastProcessedZxidEnabled: true,
    isAhead,
    replacesHistory,
  }).path;
}

/** An old history: a snapshot at 2 and, in two logs, error txns from 3 to 8. */
function makeOld(): CrashDisk {
  const disk = new CrashDisk();
  const directory = open(disk.fileSystem);
  store(directory, '/old', 2n, true);
  const { fileSystem, logDirectory } = directory;
  const writer = newLogWriter(logDirectory, { fileSystem, lastZxidLow: 2 });
  for (let zxid = 3n; zxid <= 8n; zxid++) {
    appendEntry(writer, makeEntry({ zxid }), zxid);
    if (zxid === 5n) writer.roll();
  }
  writer.close();
  directory.release();
  return disk;
}

interface Found {
  readonly kind: 'old' | 'new';
  readonly zxid: bigint;
}

/** What a start on the disk finds. */
function start(disk: CrashDisk): Found {
  const directory = open(disk.fileSystem);
  const result = run(directory, { isEnsembleMember: true });
  directory.release();
  const zxid = toZxid(result.lastZxidHigh, result.lastZxidLow);
  const names = Object.keys(dumpTree(result.target.tree)).filter((name) => /^\/(old|new)$/.test(name));
  assert.equal(names.length, 1);
  return { kind: names[0].slice(1) as 'old' | 'new', zxid };
}

/** Gets the new database: before, beside, or behind the old log's end. */
function replace(directory: DataDirectory, zxid: bigint): void {
  store(directory, '/new', zxid, true, true);
  finishReplacement(directory);
}

for (const zxid of [1n, 2n, 5n, 8n, 0x3_0000_0000n, 0x3_0000_0009n]) {
  test(`the old log is never joined with a new database at ${zxid}, whenever the power fails`, () => {
    const dice = random();
    const seen = { old: 0, new: 0 };
    for (let failAt = 1; ; failAt++) {
      const disk = makeOld();
      const directory = open(disk.fileSystem);
      disk.failAt = disk.changes + failAt;
      let isDone = true;
      try {
        replace(directory, zxid);
      } catch (error) {
        assert.ok(error instanceof PowerLoss, String(error));
        isDone = false;
      }
      for (const survival of ['none', 'all', dice, dice, dice, dice] as const) {
        const after = disk.restarted(survival);
        const found = start(after);
        seen[found.kind]++;
        const where = `seed ${dice.seed}, crash ${failAt}`;
        if (isDone) assert.equal(found.kind, 'new', where);
        if (found.kind === 'old') assert.equal(found.zxid, 8n, where);
        if (found.kind === 'new') assert.equal(found.zxid, zxid, where);
        // the leader sends it again
        const again = open(after.fileSystem);
        replace(again, zxid);
        again.release();
        assert.deepEqual(start(after), { kind: 'new', zxid }, where);
      }
      if (isDone) break;
    }
    assert.ok(seen.old > 20 && seen.new > 20, JSON.stringify(seen));
  });
}

test('a new database that breaks off leaves the old one', () => {
  const disk = makeOld();
  const directory = open(disk.fileSystem);
  disk.failAt = disk.changes + 3;
  assert.throws(() => store(directory, '/new', 9n, true, true), PowerLoss);
  const after = disk.restarted('all');
  assert.deepEqual(start(after), { kind: 'old', zxid: 8n });
  assert.throws(
    () => finishReplacement(open(after.fileSystem)),
    /nothing is there that could be the new database/,
  );
});

test('a new database that is damaged is not put in the place of the old one', () => {
  const disk = makeOld();
  const directory = open(disk.fileSystem);
  const stored = store(directory, '/new', 9n, true, true);
  assert.equal(path.basename(stored), 'replacement-snapshot.9');
  const fd = disk.fileSystem.open(stored, 'r+');
  disk.fileSystem.write(fd, Uint8Array.of(0xff), 0, 1, 20);
  disk.fileSystem.close(fd);
  assert.throws(() => run(directory, { isEnsembleMember: true }), {
    name: 'RecoveryError',
    message: /replacement-snapshot\.9: the database that was got from the leader is damaged/,
  });
  assert.deepEqual(
    directory.listLogs().map(({ name }) => name),
    ['log.3', 'log.6'],
  );
});

test('what holds changes later than its zxid says so by having no digest', () => {
  const disk = makeOld();
  replace(open(disk.fileSystem), 9n);
  const after = disk.restarted('none');
  const result = run(open(after.fileSystem), { isEnsembleMember: true });
  assert.deepEqual([result.digestCheck, result.isExact, result.target.isExact], ['absent', false, false]);
});

test('any failure of the disk is thrown', () => {
  const counted = counting(makeOld().fileSystem);
  replace(open(counted.fileSystem), 9n);
  for (const kind of ['open', 'write', 'fsync', 'rename', 'unlink', 'fsyncDirectory'] as const) {
    const calls = counted.counts.get(kind) ?? 0;
    assert.ok(calls > 0);
    for (let nth = calls; nth > Math.max(0, calls - 3); nth--) {
      const disk = makeOld();
      const faulty = withFaultAt(disk.fileSystem, kind, nth);
      assert.throws(() => replace(open(faulty), 9n), /EIO/, `${kind} ${nth}`);
    }
  }
});
