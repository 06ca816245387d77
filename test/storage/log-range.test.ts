import assert from 'node:assert/strict';
import fs from 'node:fs';
import { type TestContext, test } from 'node:test';
import { nodeFileSystem } from '../../src/storage/file-system.ts';
import { type LogSearch, readLogRange, searchLog } from '../../src/storage/log-range.ts';
import {
  appendEntry,
  highOf,
  lowOf,
  makeEntry,
  newLogWriter,
  temporaryDirectory,
  toZxid,
  writeLog,
} from './support.ts';

const EPOCH_2 = 0x2_0000_0000n;
const ENTRY_BYTES_MAX = 1 << 20;

function words(zxid: bigint) {
  return { zxidHigh: highOf(zxid), zxidLow: lowOf(zxid) };
}

/** Txns 3 to 10 in two files, then 0x200000001 to 5. */
function makeLogs(context: TestContext): string {
  const directory = temporaryDirectory(context);
  writeLog(directory, [3n, 4n, 5n, 6n], 100);
  writeLog(directory, [7n, 8n, 9n, 10n], 100);
  writeLog(
    directory,
    [1n, 2n, 3n, 4n, 5n].map((counter) => EPOCH_2 + counter),
    100,
  );
  return directory;
}

function search(
  directory: string,
  peer: bigint,
  upTo: bigint,
  bytesMax = Number.POSITIVE_INFINITY,
): LogSearch {
  return searchLog({
    fileSystem: nodeFileSystem,
    logDirectory: directory,
    entryBytesMax: ENTRY_BYTES_MAX,
    peer: words(peer),
    upTo: words(upTo),
    bytesMax,
  });
}

function baseOf(found: LogSearch): bigint | string {
  return found.kind === 'found' ? toZxid(found.base.zxidHigh, found.base.zxidLow) : found.why;
}

/** The zxids of the txns in (after, upTo]. */
function read(directory: string, after: bigint, upTo: bigint): bigint[] {
  const options = { fileSystem: nodeFileSystem, logDirectory: directory, entryBytesMax: ENTRY_BYTES_MAX };
  const zxids: bigint[] = [];
  for (const txn of readLogRange({ ...options, after: words(after), upTo: words(upTo) })) {
    zxids.push(toZxid(txn.zxidHigh, txn.zxidLow));
  }
  return zxids;
}

test('finds the last txn at or before that of a learner', (context) => {
  const directory = makeLogs(context);
  for (const [peer, base] of [
    [3n, 3n],
    [6n, 6n],
    [7n, 7n],
    [10n, 10n],
    // a tail that the leader never had, the start of an epoch, and an epoch that has no txn
    [14n, 10n],
    [EPOCH_2, 10n],
    [0x1_0000_0007n, 10n],
    [EPOCH_2 + 3n, EPOCH_2 + 3n],
    [EPOCH_2 + 4n, EPOCH_2 + 4n],
  ]) {
    assert.equal(baseOf(search(directory, peer, EPOCH_2 + 4n)), base, `${peer}`);
  }
});

test('does not help where txns are missing, or were never there', (context) => {
  const directory = makeLogs(context);
  assert.match(`${baseOf(search(directory, 2n, 10n))}`, /no log goes back to 0x2/);
  assert.match(`${baseOf(search(directory, 5n, EPOCH_2 + 6n))}`, /the log ends before 0x200000006/);
  assert.match(`${baseOf(search(directory, 5n, 11n))}`, /0xb is not in the log/);
  fs.rmSync(`${directory}/log.7`);
  assert.equal(baseOf(search(directory, 5n, 6n)), 5n);
  writeLog(directory, [8n, 9n, 10n]);
  assert.match(`${baseOf(search(directory, 5n, 10n))}`, /transactions between them are missing/);
  assert.equal(baseOf(search(directory, 8n, 10n)), 8n);
  const torn = fs.readFileSync(`${directory}/log.8`);
  fs.writeFileSync(`${directory}/log.8`, torn.subarray(0, torn.length - 20));
  fs.rmSync(`${directory}/log.200000001`);
  assert.match(`${baseOf(search(directory, 8n, 10n))}`, /the log ends before 0xa/);
  fs.rmSync(directory, { recursive: true });
  assert.match(`${baseOf(search(directory, 8n, 10n))}`, /ENOENT/);
});

test('does not help where it is longer than wanted', (context) => {
  const record = 100 + 32 + 13;
  const directory = makeLogs(context);
  assert.equal(baseOf(search(directory, 7n, 10n, 3 * record)), 7n);
  assert.match(
    `${baseOf(search(directory, 6n, 10n, 3 * record))}`,
    /more than 435 bytes \(snapshotSizeFactor\)/,
  );
  assert.equal(baseOf(search(directory, 3n, EPOCH_2 + 5n, 12 * record)), 3n);
  assert.match(`${baseOf(search(directory, 3n, EPOCH_2 + 5n, 12 * record - 1))}`, /more than/);
});

test('gives the txns behind one up to another, over files and epochs', (context) => {
  const directory = makeLogs(context);
  assert.deepEqual(read(directory, 3n, 5n), [4n, 5n]);
  assert.deepEqual(read(directory, 5n, 8n), [6n, 7n, 8n]);
  assert.deepEqual(read(directory, 10n, EPOCH_2 + 2n), [EPOCH_2 + 1n, EPOCH_2 + 2n]);
  assert.deepEqual(read(directory, 6n, 6n), []);
  for (const [after, upTo, message] of [
    [2n, 5n, /no log goes back to 0x2/],
    [11n, EPOCH_2 + 1n, /0xb is not in the log/],
    [5n, 12n, /0xc is not in the log/],
    [5n, EPOCH_2 + 6n, /the log ends before 0x200000006/],
  ] as const) {
    assert.throws(() => read(directory, after, upTo), message);
  }
});

test('gives entries as they were logged, while the log goes on', (context) => {
  const directory = temporaryDirectory(context);
  const writer = newLogWriter(directory, { preallocationBytes: 1 << 20 });
  const entries = Array.from({ length: 40 }, (_, i) =>
    makeEntry({ zxid: BigInt(i + 1), body: Buffer.alloc(i === 20 ? 600_000 : 20_000, i) }),
  );
  for (const [i, entry] of entries.entries()) appendEntry(writer, entry, BigInt(i + 1));
  writer.sync();
  const txns = readLogRange({
    fileSystem: nodeFileSystem,
    logDirectory: directory,
    entryBytesMax: ENTRY_BYTES_MAX,
    after: words(3n),
    upTo: words(39n),
  });
  const found: Buffer[] = [];
  for (const { bytes, entryStart, entryEnd } of txns) {
    const next = BigInt(41 + found.length);
    appendEntry(writer, makeEntry({ zxid: next }), next);
    writer.sync();
    found.push(Buffer.from(bytes.slice(entryStart, entryEnd)));
  }
  writer.close();
  assert.deepEqual(
    found,
    entries.slice(3, 39).map((entry) => Buffer.from(entry)),
  );
});
