import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { longToHex } from '../../src/protocol/long.ts';
import { DataDirectory } from '../../src/storage/data-directory.ts';
import { type FileSystem, nodeFileSystem } from '../../src/storage/file-system.ts';
import { type TruncationOutcome, truncateHistory } from '../../src/storage/history-truncation.ts';
import { CrashDisk, PowerLoss } from '../support/crash-disk.ts';
import { counting, withFaultAt } from '../support/faulty-file-system.ts';
import { random } from '../support/random.ts';
import { highOf, LogLines, lowOf, newLogWriter, temporaryDirectory, toZxid, writeLog } from './support.ts';
import { type DumpedZnode, dumpTree } from './test-database.ts';
import { run, TestServer } from './test-server.ts';

const EPOCH_2 = 0x2_0000_0000n;

interface Made {
  readonly dataDir: string;
  readonly trees: ReadonlyMap<bigint, Record<string, DumpedZnode>>;
}

/**
 * A history over two epochs and several files: txns 1 to 4, snapshot.4, 5 to 8 in two more logs, then 0x200000001 to 4,
 * of which the last two are behind snapshot.200000002. What the tree was at each zxid.
 */
function makeHistory(context: TestContext): Made {
  const dataDir = temporaryDirectory(context);
  const directory = open(dataDir, nodeFileSystem);
  const server = new TestServer(directory, run(directory));
  const trees = new Map<bigint, Record<string, DumpedZnode>>();
  const note = (): void => void trees.set(server.zxid, dumpTree(server.database.tree));
  const create = (count: number): void => {
    for (let i = 0; i < count; i++) {
      server.create(`/n${server.zxid}`, 'x'.repeat(300));
      note();
    }
    server.sync();
  };
  server.snapshot();
  note();
  create(4);
  server.snapshot();
  create(2);
  server.writer.roll();
  create(2);
  server.writer.roll();
  server.zxid = EPOCH_2;
  create(2);
  server.snapshot();
  create(2);
  server.writer.close();
  directory.release();
  return { dataDir, trees };
}

function done(zxid: bigint): TruncationOutcome {
  return { kind: 'done', zxidHigh: highOf(zxid), zxidLow: lowOf(zxid) };
}

function truncate(directory: DataDirectory, zxid: bigint, log = new LogLines()): TruncationOutcome {
  const { fileSystem, snapshotDirectory, logDirectory } = directory;
  return truncateHistory(
    { fileSystem, snapshotDirectory, logDirectory, entryBytesMax: 2 << 20, log },
    highOf(zxid),
    lowOf(zxid),
  );
}

function open(dataDir: string, fileSystem: FileSystem): DataDirectory {
  return DataDirectory.open({
    dataDir,
    dataLogDir: path.join(dataDir, 'logs'),
    autocreate: true,
    fileSystem,
    log: new LogLines(),
  });
}

/** Snapshots and logs apart, so that a sync of one directory does not help the other. */
function directoriesOf(dataDir: string): string[] {
  return [path.join(dataDir, 'version-2'), path.join(dataDir, 'logs', 'version-2')];
}

/** The same directories on a disk that can lose its power. */
function copyToDisk(dataDir: string): CrashDisk {
  const disk = new CrashDisk();
  for (const directory of directoriesOf(dataDir)) {
    disk.fileSystem.makeDirectory(directory);
    for (const name of fs.readdirSync(directory)) {
      const content = fs.readFileSync(path.join(directory, name));
      const fd = disk.fileSystem.open(path.join(directory, name), 'w');
      disk.fileSystem.write(fd, content, 0, content.length, 0);
      disk.fileSystem.fsync(fd);
      disk.fileSystem.close(fd);
    }
    disk.fileSystem.fsyncDirectory(directory);
  }
  return disk;
}

/** The zxid that a start on this disk ends at, and its tree. */
function recovered(disk: CrashDisk, dataDir: string): { zxid: bigint; tree: Record<string, DumpedZnode> } {
  const directory = open(dataDir, disk.fileSystem);
  const result = run(directory, { isEnsembleMember: true });
  directory.release();
  return { zxid: toZxid(result.lastZxidHigh, result.lastZxidLow), tree: dumpTree(result.target.tree) };
}

test('the history ends where it was cut, at any zxid of it, and goes on from there', (context) => {
  const { dataDir, trees } = makeHistory(context);
  for (const [zxid, tree] of trees) {
    const disk = copyToDisk(dataDir);
    const directory = open(dataDir, disk.fileSystem);
    const log = new LogLines();
    assert.deepEqual(truncate(directory, zxid, log), done(zxid));
    assert.match(log.lines[0], new RegExp(`goes on from ${longToHex(highOf(zxid), lowOf(zxid))}:`));
    directory.release();
    const found = recovered(disk, dataDir);
    assert.equal(found.zxid, zxid);
    assert.deepEqual(found.tree, tree);
    for (const { zxidHigh, zxidLow } of [...directory.listSnapshots(), ...directory.listLogs()]) {
      assert.ok(toZxid(zxidHigh, zxidLow) <= zxid);
    }
    // what follows: the next of the epoch, in a file that may bear the name of a removed one, or a new epoch
    const writer = newLogWriter(directory.logDirectory, { fileSystem: disk.fileSystem });
    writer.continueAfter(highOf(zxid), lowOf(zxid));
    assert.deepEqual(truncate(directory, zxid), done(zxid));
    writer.close();
  }
});

test('a zxid at which an epoch starts stands for the last one before it', (context) => {
  const { dataDir, trees } = makeHistory(context);
  for (const [asked, kept] of [
    [0x1_0000_0000n, 8n],
    [EPOCH_2, 8n],
    [0x3_0000_0000n, EPOCH_2 + 4n],
    [0n, 0n],
  ]) {
    const disk = copyToDisk(dataDir);
    const directory = open(dataDir, disk.fileSystem);
    assert.deepEqual(truncate(directory, asked), done(kept));
    directory.release();
    const found = recovered(disk, dataDir);
    assert.deepEqual(found, { zxid: kept, tree: trees.get(kept) });
  }
});

test('a history that does not hold the zxid is left as it is', (context) => {
  const { dataDir } = makeHistory(context);
  const before = copyToDisk(dataDir).files();
  for (const [zxid, reason] of [
    [EPOCH_2 + 5n, /the log ends before 0x200000005/],
    [9n, /the log goes on with 0x200000001 before 0x9/],
    [0x1_0000_0001n, /goes on with 0x200000001/],
  ] as const) {
    const disk = copyToDisk(dataDir);
    const outcome = truncate(open(dataDir, disk.fileSystem), zxid);
    assert.match(outcome.kind === 'impossible' ? outcome.reason : 'done', reason);
    const files = disk.files();
    for (const each of directoriesOf(dataDir)) files.delete(path.join(each, 'menagerie.lock'));
    assert.deepEqual(files, before);
  }
});

test('without an earlier snapshot that is whole, or a log from it on, nothing is cut', (context) => {
  const { dataDir } = makeHistory(context);
  const [snapshots, logs] = directoriesOf(dataDir);
  const attempt = (zxid: bigint, ...without: string[]): string => {
    const disk = copyToDisk(dataDir);
    for (const name of without) {
      disk.fileSystem.unlink(path.join(name.startsWith('log') ? logs : snapshots, name));
    }
    const outcome = truncate(open(dataDir, disk.fileSystem), zxid);
    assert.ok(disk.files().has(path.join(snapshots, 'snapshot.200000002')));
    return outcome.kind === 'impossible' ? outcome.reason : outcome.kind;
  };
  assert.match(attempt(6n, 'snapshot.0', 'snapshot.4'), /no whole snapshot up to 0x6/);
  assert.match(attempt(3n, 'snapshot.0'), /no whole snapshot up to 0x3/);
  assert.match(attempt(8n, 'log.5'), /transactions after the snapshot are missing/);
  fs.truncateSync(path.join(snapshots, 'snapshot.4'), 200);
  assert.match(attempt(6n, 'snapshot.0'), /no whole snapshot up to 0x6/);
  assert.match(attempt(6n, 'log.1'), /transactions after the snapshot are missing/);
});

test('a crash at any call leaves the old history up to some later zxid, and it can be cut again', (context) => {
  const { dataDir, trees } = makeHistory(context);
  const dice = random();
  let images = 0;
  for (const target of [0n, 3n, 4n, 5n, 7n, 8n, EPOCH_2 + 1n, EPOCH_2 + 2n, EPOCH_2 + 3n]) {
    for (let failAt = 1; ; failAt++) {
      const disk = copyToDisk(dataDir);
      const directory = open(dataDir, disk.fileSystem);
      disk.failAt = disk.changes + failAt;
      let isDone = true;
      try {
        truncate(directory, target);
      } catch (error) {
        assert.ok(error instanceof PowerLoss, String(error));
        isDone = false;
      }
      for (const survival of ['none', 'all', dice, dice, dice] as const) {
        const where = `seed ${dice.seed}, to ${target}, crash ${failAt}`;
        const after = disk.restarted(survival);
        const found = recovered(after, dataDir);
        assert.ok(isDone ? found.zxid === target : found.zxid >= target, `${where}: ${found.zxid}`);
        assert.deepEqual(found.tree, trees.get(found.zxid), where);
        const again = after.restarted('none');
        const reopened = open(dataDir, again.fileSystem);
        assert.deepEqual(truncate(reopened, target), done(target));
        reopened.release();
        assert.equal(recovered(again, dataDir).zxid, target);
        images++;
      }
      if (isDone) break;
    }
  }
  assert.ok(images > 200, `${images}`);
});

test('any failure of the disk is thrown, not swallowed', (context) => {
  const { dataDir } = makeHistory(context);
  const counted = counting(copyToDisk(dataDir).fileSystem);
  truncate(open(dataDir, counted.fileSystem), 3n);
  let faults = 0;
  for (const kind of ['unlink', 'fsyncDirectory', 'truncate', 'fsync'] as const) {
    const calls = counted.counts.get(kind) ?? 0;
    assert.ok(calls > 0, kind);
    for (let nth = 1; nth <= calls; nth++) {
      const directory = open(dataDir, copyToDisk(dataDir).fileSystem);
      const fileSystem = withFaultAt(directory.fileSystem, kind, nth, 'ENOSPC');
      const { snapshotDirectory, logDirectory } = directory;
      const options = {
        fileSystem,
        snapshotDirectory,
        logDirectory,
        entryBytesMax: 2 << 20,
        log: new LogLines(),
      };
      assert.throws(() => truncateHistory(options, 0, 3), /ENOSPC/);
      faults++;
    }
  }
  assert.ok(faults >= 8, `${faults}`);
});

test('a cut on a real disk', (context) => {
  const { dataDir, trees } = makeHistory(context);
  const directory = open(dataDir, nodeFileSystem);
  context.after(() => directory.release());
  assert.deepEqual(truncate(directory, 7n), done(7n));
  const result = run(directory);
  assert.equal(result.lastZxidLow, 7);
  assert.deepEqual(dumpTree(result.target.tree), trees.get(7n));
});

test('txns that stand in a second file again are cut off with it', (context) => {
  const dataDir = temporaryDirectory(context);
  const directory = open(dataDir, nodeFileSystem);
  const server = new TestServer(directory, run(directory));
  server.snapshot();
  const { logDirectory } = directory;
  writeLog(logDirectory, [1n, 2n, 3n, 4n]);
  writeLog(logDirectory, [2n, 3n, 4n, 5n]);
  assert.deepEqual(truncate(directory, 3n), { kind: 'done', zxidHigh: 0, zxidLow: 3 });
  assert.deepEqual(
    directory.listLogs().map(({ name }) => name),
    ['log.1'],
  );
  const recovered = run(directory);
  assert.equal(toZxid(recovered.lastZxidHigh, recovered.lastZxidLow), 3n);
  directory.release();
});
