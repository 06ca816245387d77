import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { Piscina } from 'piscina';
import type { DataDirectory } from '../../src/storage/data-directory.ts';
import { type FileSystem, nodeFileSystem } from '../../src/storage/file-system.ts';
import type { ZxidWords } from '../../src/storage/log-range.ts';
import { type PurgeResult, purge } from '../../src/storage/purge.ts';
import type { PurgeReport, PurgeTask } from '../../workers/tasks/purge.ts';
import { counting, withFaultAt } from '../support/faulty-file-system.ts';
import { random } from '../support/random.ts';
import { LogLines, openDataDirectory, temporaryDirectory, toZxid } from './support.ts';
import { dumpTree } from './test-database.ts';
import { run, TestServer } from './test-server.ts';

const ENTRY_BYTES_MAX = 2 << 20;

function purgeIn(
  directory: DataDirectory,
  retainCount = 3,
  log = new LogLines(),
  fileSystem: FileSystem = nodeFileSystem,
  neededFrom: ZxidWords | null = null,
): PurgeResult {
  return purge({
    fileSystem,
    snapshotDirectory: directory.snapshotDirectory,
    logDirectory: directory.logDirectory,
    snapshots: directory.listSnapshots(),
    logs: directory.listLogs(),
    retainCount,
    entryBytesMax: ENTRY_BYTES_MAX,
    neededFrom,
    log,
  });
}

/** A server that took `snapshots` snapshots after snapshot.0, with ten writes before each and after the last. */
function serverWith(context: TestContext, snapshots: number): TestServer {
  const directory = openDataDirectory(context, temporaryDirectory(context));
  const server = new TestServer(directory, run(directory));
  server.snapshot();
  for (let round = 0; round <= snapshots; round++) {
    for (let i = 0; i < 10; i++) server.create(`/r${round}-${i}`, 'x');
    server.sync();
    const compression = (['none', 'gz', 'snappy'] as const)[round % 3];
    if (round < snapshots) server.snapshot(() => {}, compression);
  }
  server.writer.close();
  return server;
}

function names(directory: DataDirectory): { snapshots: string[]; logs: string[] } {
  return {
    snapshots: directory.listSnapshots().map((file) => file.name),
    logs: directory.listLogs().map((file) => file.name),
  };
}

function damage(file: string): void {
  const bytes = fs.readFileSync(file);
  bytes[bytes.length >> 1] ^= 1;
  fs.writeFileSync(file, bytes);
}

/** Every snapshot that is there, taken as the newest, must lead to the server's tree. */
function assertEveryStartWorks(server: TestServer): void {
  const { directory } = server;
  const expected = dumpTree(server.database.tree);
  const aside = path.join(directory.snapshotDirectory, 'aside');
  fs.mkdirSync(aside);
  const files = directory.listSnapshots();
  for (const file of [...files].reverse()) {
    assert.deepEqual(dumpTree(run(directory).target.tree), expected, file.name);
    fs.renameSync(file.path, path.join(aside, file.name));
  }
  for (const file of files) fs.renameSync(path.join(aside, file.name), file.path);
  fs.rmdirSync(aside);
}

test('keeps the newest three and all that they need, and says what went', (context) => {
  const server = serverWith(context, 6);
  const log = new LogLines();
  const result = purgeIn(server.directory, 3, log);
  assert.deepEqual(result.snapshots, ['snapshot.0', 'snapshot.a', 'snapshot.14.gz', 'snapshot.1e.snappy']);
  assert.deepEqual(result.logs, ['log.1', 'log.b', 'log.15']);
  assert.ok(result.bytesFreed > 3 * 60_000);
  assert.deepEqual(names(server.directory), {
    snapshots: ['snapshot.28', 'snapshot.32.gz', 'snapshot.3c.snappy'],
    logs: ['log.1f', 'log.29', 'log.33', 'log.3d'],
  });
  assert.deepEqual(log.lines, [
    'purge: removed 4 snapshots and 3 logs, 0 MiB, which the 3 newest whole snapshots, from snapshot.28 on, do not need: ' +
      'snapshot.0, snapshot.a, snapshot.14.gz, snapshot.1e.snappy, log.1, log.b, log.15',
  ]);
  assertEveryStartWorks(server);
  assert.deepEqual(purgeIn(server.directory).snapshots, []);
});

test('a log that began long before the oldest kept snapshot stays (ZOOKEEPER-2574)', (context) => {
  const directory = openDataDirectory(context, temporaryDirectory(context));
  const server = new TestServer(directory, run(directory));
  server.snapshot();
  // The log is not rolled before these snapshots, as it was not while a follower synchronised: one log covers all.
  const roll = server.writer.roll.bind(server.writer);
  for (let round = 0; round < 5; round++) {
    server.create(`/r${round}`, 'x');
    server.sync();
    server.writer.roll = () => {};
    server.snapshot();
  }
  server.create('/last', 'x');
  server.writer.roll = roll;
  server.writer.close();
  assert.deepEqual(purgeIn(directory).logs, []);
  assert.deepEqual(names(directory), {
    snapshots: ['snapshot.3', 'snapshot.4', 'snapshot.5'],
    logs: ['log.1'],
  });
  assertEveryStartWorks(server);
});

test('snapshots that are not whole do not count (ZOOKEEPER-3231)', (context) => {
  const server = serverWith(context, 8);
  const { directory } = server;
  const files = directory.listSnapshots().reverse();
  // Of the nine the newest four cannot be used: cut off, empty, damaged under a seal, damaged in compression.
  fs.truncateSync(files[0].path, 100);
  fs.truncateSync(files[1].path, 0);
  for (const file of files.slice(2, 4)) damage(file.path);
  const log = new LogLines();
  const result = purgeIn(directory, 3, log);
  assert.equal(
    log.lines.filter((line) => /^WARN purge: .*does not count as a snapshot/.test(line)).length,
    4,
  );
  assert.deepEqual(result.snapshots, ['snapshot.0', 'snapshot.a']);
  assert.deepEqual(result.logs, ['log.1']);
  // The newest is what recovery would start from; with its damage it goes on to the kept ones.
  const recovered = run(directory);
  assert.equal(recovered.snapshot?.name, files[4].name);
  assert.deepEqual(dumpTree(recovered.target.tree), dumpTree(server.database.tree));
});

test('with too few whole snapshots nothing goes', (context) => {
  const server = serverWith(context, 5);
  const { directory } = server;
  for (const file of directory.listSnapshots().slice(2)) damage(file.path);
  const before = names(directory);
  const log = new LogLines();
  assert.deepEqual(purgeIn(directory, 3, log), { snapshots: [], logs: [], bytesFreed: 0 });
  assert.deepEqual(names(directory), before);
  assert.match(
    log.lines.at(-1) ?? '',
    /nothing removed, only 2 of 6 snapshots are whole and 3 are to be kept/,
  );
  assert.deepEqual(dumpTree(run(directory).target.tree), dumpTree(server.database.tree));
});

test('after a crash between any two calls every start that worked before still works', (context) => {
  const sizes = counting(nodeFileSystem);
  const first = serverWith(context, 6);
  purgeIn(first.directory, 3, new LogLines(), sizes.fileSystem);
  for (const kind of ['unlink', 'fsyncDirectory'] as const) {
    const calls = sizes.counts.get(kind) ?? 0;
    assert.ok(calls >= 2, `${calls} calls of ${kind}`);
    for (let nth = 1; nth <= calls; nth++) {
      const server = serverWith(context, 6);
      const fileSystem = withFaultAt(nodeFileSystem, kind, nth);
      assert.throws(() => purgeIn(server.directory, 3, new LogLines(), fileSystem), /EIO/);
      assertEveryStartWorks(server);
      purgeIn(server.directory);
      assert.deepEqual(names(server.directory), names(first.directory));
    }
  }
});

test('whatever is damaged, nothing that recovery needs goes', (context) => {
  const draw = random(42);
  for (let round = 0; round < 40; round++) {
    const server = serverWith(context, 1 + draw.below(8));
    const { directory } = server;
    for (const file of directory.listSnapshots()) if (draw.below(3) === 0) damage(file.path);
    const before = outcome(directory);
    purgeIn(directory, 3 + draw.below(2));
    assert.deepEqual(outcome(directory), before, `seed ${draw.seed}, round ${round}`);
  }
});

/** What a start gives: the last zxid, or why not. */
function outcome(directory: DataDirectory): string {
  try {
    const { lastZxidHigh, lastZxidLow } = run(directory);
    return `${toZxid(lastZxidHigh, lastZxidLow)}`;
  } catch (error) {
    return (error as Error).name;
  }
}

test('logs that a learner is being sent stay, whatever snapshots need', (context) => {
  const { directory } = serverWith(context, 5);
  const words = (zxidLow: number): ZxidWords => ({ zxidHigh: 0, zxidLow });
  const purgeWith = (neededFrom: ZxidWords | null): string[] => {
    purgeIn(directory, 3, new LogLines(), nodeFileSystem, neededFrom);
    return names(directory).logs;
  };
  assert.deepEqual(names(directory).logs.slice(0, 4), ['log.1', 'log.b', 'log.15', 'log.1f']);
  // The learner has 0x14: what is behind it begins in the next file, but nobody needs to know.
  assert.deepEqual(purgeWith(words(0x14)).slice(0, 2), ['log.b', 'log.15']);
  assert.deepEqual(purgeWith(words(0x15)).slice(0, 2), ['log.15', 'log.1f']);
  assert.equal(purgeWith(words(0x30))[0], purgeWith(null)[0]);
});

test('the task in its own thread purges and brings its log lines', async (context) => {
  const server = serverWith(context, 4);
  const { directory } = server;
  const filename = new URL('../../workers/tasks/purge.js', import.meta.url).href;
  const pool = new Piscina<PurgeTask, PurgeReport>({ filename, minThreads: 0, maxThreads: 1 });
  context.after(() => pool.destroy());
  const report = await pool.run({
    snapshotDirectory: directory.snapshotDirectory,
    logDirectory: directory.logDirectory,
    retainCount: 3,
    entryBytesMax: ENTRY_BYTES_MAX,
    neededFrom: null,
  });
  assert.deepEqual(report.snapshots, ['snapshot.0', 'snapshot.a']);
  assert.match(report.lines[0].message, /^purge: removed 2 snapshots and 1 logs/);
  assert.equal(report.lines[0].level, 'info');
});
