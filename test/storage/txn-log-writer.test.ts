import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { adler32 } from '../../src/storage/adler32.ts';
import { nodeFileSystem } from '../../src/storage/file-system.ts';
import { FAULT_KINDS, faultsFromEnvironment } from '../../src/storage/injected-faults.ts';
import { preallocatedBytes } from '../../src/storage/txn-log-format.ts';
import { TxnLogError, type TxnLogWriter } from '../../src/storage/txn-log-writer.ts';
import { counting, withFaultAt, withRoomFor, withShortWrites } from '../support/faulty-file-system.ts';
import { appendEntry, LogLines, makeEntry, newLogWriter, temporaryDirectory, toZxid } from './support.ts';

const MEBIBYTE = 1 << 20;

test('writes header, records and padding as Apache does', (context) => {
  const directory = temporaryDirectory(context);
  const writer = newLogWriter(directory, { preallocationBytes: 64 * MEBIBYTE, lastZxidLow: 0x2e });
  const entries = [
    makeEntry({ zxid: 0x2fn }),
    makeEntry({ zxid: 0x30n, body: new Uint8Array(3000).fill(9) }),
  ];
  appendEntry(writer, entries[0], 0x2fn);
  appendEntry(writer, entries[1], 0x30n);
  writer.sync();
  writer.close();
  assert.deepEqual(fs.readdirSync(directory), ['log.2f']);
  const bytes = fs.readFileSync(`${directory}/log.2f`);
  assert.equal(bytes.length, 67108880);
  assert.equal(bytes.toString('hex', 0, 16), '5a4b4c47000000020000000000000000');
  let at = 16;
  for (const entry of entries) {
    assert.equal(bytes.readBigInt64BE(at), BigInt(adler32(entry, 0, entry.length)));
    assert.equal(bytes.readInt32BE(at + 8), entry.length);
    assert.deepEqual(bytes.subarray(at + 12, at + 12 + entry.length), Buffer.from(entry));
    assert.equal(bytes[at + 12 + entry.length], 0x42);
    at += 13 + entry.length;
  }
  assert.ok(bytes.subarray(at).equals(Buffer.alloc(bytes.length - at)));
});

test('preallocates by the rule of Apache', () => {
  const step = 64 * MEBIBYTE;
  assert.equal(preallocatedBytes(16, 16, step), 67108880);
  assert.equal(preallocatedBytes(67108880 - 4097, 67108880, step), 67108880);
  assert.equal(preallocatedBytes(67108880 - 4096, 67108880, step), 67108880 + step);
  assert.equal(preallocatedBytes(67108880 + 5, 67108880, step), 2 * step);
  assert.equal(preallocatedBytes(500, 16, 0), 16);
});

test('makes durable only what a completed sync covers', (context) => {
  const writer = newLogWriter(temporaryDirectory(context), { lastZxidLow: 4 });
  appendEntry(writer, makeEntry({ zxid: 5n }), 5n);
  assert.equal(durableZxid(writer), 4n);
  writer.sync();
  assert.equal(durableZxid(writer), 5n);
  writer.close();
});

function durableZxid(writer: TxnLogWriter): bigint {
  return toZxid(writer.durableZxidHigh, writer.durableZxidLow);
}

test('syncs file and directory once per new file, then only the file', (context) => {
  const { fileSystem, counts } = counting(nodeFileSystem);
  const synced: number[] = [];
  const writer = newLogWriter(temporaryDirectory(context), {
    fileSystem,
    onSync: (_durationMs, bytes) => synced.push(bytes),
  });
  for (let zxid = 1n; zxid <= 3n; zxid++) {
    appendEntry(writer, makeEntry({ zxid }), zxid);
    writer.sync();
  }
  writer.sync();
  assert.equal(counts.get('fdatasync'), 3);
  assert.equal(counts.get('fsyncDirectory'), 1);
  assert.deepEqual(synced, [16 + 49, 49, 49]);
  writer.close();
});

test('forceSync off writes without syncing', (context) => {
  const { fileSystem, counts } = counting(nodeFileSystem);
  const directory = temporaryDirectory(context);
  const writer = newLogWriter(directory, { fileSystem, forceSync: false });
  appendEntry(writer, makeEntry({ zxid: 1n }), 1n);
  writer.sync();
  assert.equal(counts.get('fdatasync'), undefined);
  assert.equal(fs.statSync(`${directory}/log.1`).size, 16 + 49);
  writer.close();
});

test('rolls on demand and beyond the size limit, and never appends to an existing file', (context) => {
  const directory = temporaryDirectory(context);
  const writer = newLogWriter(directory, { fileBytesMax: 200, preallocationBytes: 4096 });
  for (let zxid = 1n; zxid <= 6n; zxid++) {
    appendEntry(writer, makeEntry({ zxid }), zxid);
    writer.sync();
    if (zxid === 1n) writer.roll();
  }
  writer.close();
  assert.deepEqual(fs.readdirSync(directory).sort(), ['log.1', 'log.2', 'log.6']);
  const again = newLogWriter(directory, { lastZxidLow: 5 });
  assert.throws(() => appendEntry(again, makeEntry({ zxid: 6n }), 6n), TxnLogError);
});

test('refuses a zxid that does not follow or is not the one in the entry', (context) => {
  for (const [given, inEntry] of [
    [7n, 7n],
    [6n, 6n],
    [9n, 8n],
    [9n, 9n],
    [0x1_0000_0002n, 0x1_0000_0002n],
    [0x1_0000_0000n, 0x1_0000_0000n],
    [0x1_0000_0008n, 8n],
  ]) {
    const writer = newLogWriter(temporaryDirectory(context), { lastZxidLow: 7 });
    assert.throws(() => appendEntry(writer, makeEntry({ zxid: inEntry }), given), TxnLogError);
    writer.close();
  }
});

test('puts records larger than its buffer and batches of many into the file, over short writes too', (context) => {
  const directory = temporaryDirectory(context);
  const fileSystem = withShortWrites(nodeFileSystem, 100_001);
  const writer = newLogWriter(directory, { fileSystem, preallocationBytes: MEBIBYTE });
  const sizes = [10, 3 * MEBIBYTE, 400_000, 400_000, 400_000, 20];
  sizes.forEach((size, index) => {
    const zxid = BigInt(index + 1);
    appendEntry(writer, makeEntry({ zxid, body: new Uint8Array(size).fill(index + 1) }), zxid);
  });
  writer.sync();
  writer.close();
  const bytes = fs.readFileSync(`${directory}/log.1`);
  let at = 16;
  for (const size of sizes) {
    const length = bytes.readInt32BE(at + 8);
    assert.equal(length, 32 + size);
    assert.equal(bytes.readUInt32BE(at + 4), adler32(bytes, at + 12, at + 12 + length));
    at += 13 + length;
  }
  assert.ok(bytes.subarray(at).equals(Buffer.alloc(bytes.length - at)));
});

test('goes on with a new epoch at its first transaction', (context) => {
  const directory = temporaryDirectory(context);
  const writer = newLogWriter(directory, { lastZxidLow: 7 });
  const zxids = [8n, 0x1_0000_0001n, 0x1_0000_0002n, 0x5_0000_0001n];
  for (const zxid of zxids) appendEntry(writer, makeEntry({ zxid }), zxid);
  writer.sync();
  assert.equal(durableZxid(writer), 0x5_0000_0001n);
  writer.close();
  assert.deepEqual(fs.readdirSync(directory), ['log.8']);
});

test('goes on from where its history was cut or replaced', (context) => {
  const directory = temporaryDirectory(context);
  const writer = newLogWriter(directory);
  for (const zxid of [1n, 2n, 3n]) appendEntry(writer, makeEntry({ zxid }), zxid);
  assert.throws(() => writer.continueAfter(0, 1), /not rolled/);
  writer.roll();
  writer.continueAfter(0, 1);
  assert.equal(durableZxid(writer), 1n);
  appendEntry(writer, makeEntry({ zxid: 2n }), 2n);
  writer.roll();
  writer.continueAfter(3, 0);
  appendEntry(writer, makeEntry({ zxid: 0x3_0000_0001n }), 0x3_0000_0001n);
  writer.close();
  assert.deepEqual(fs.readdirSync(directory).sort(), ['log.1', 'log.2', 'log.300000001']);
});

test('an error is final and nothing after the last good sync counts as durable', (context) => {
  for (const kind of ['open', 'write', 'fdatasync', 'fsyncDirectory'] as const) {
    const counted = counting(nodeFileSystem);
    runWriter(
      newLogWriter(temporaryDirectory(context), { fileSystem: counted.fileSystem, fileBytesMax: 150 }),
    );
    const calls = counted.counts.get(kind) ?? 0;
    assert.ok(calls > 1, `${kind} is called`);
    for (let nth = 1; nth <= calls; nth++) {
      const fileSystem = withFaultAt(nodeFileSystem, kind, nth, kind === 'write' ? 'ENOSPC' : 'EIO');
      const writer = newLogWriter(temporaryDirectory(context), { fileSystem, fileBytesMax: 150 });
      const returned = runWriter(writer);
      assert.ok(returned.error instanceof TxnLogError, `${kind} ${nth}`);
      assert.equal(durableZxid(writer), returned.synced);
      assert.throws(() => writer.sync(), TxnLogError);
      assert.throws(() => appendEntry(writer, makeEntry({ zxid: 99n }), 99n), TxnLogError);
      assert.throws(() => writer.roll(), TxnLogError);
      writer.close();
    }
  }
});

/** Ten transactions in batches of two; gives the last zxid whose sync returned. */
function runWriter(writer: TxnLogWriter): { synced: bigint; error: unknown } {
  let synced = 0n;
  try {
    for (let zxid = 1n; zxid <= 10n; zxid += 2n) {
      appendEntry(writer, makeEntry({ zxid }), zxid);
      appendEntry(writer, makeEntry({ zxid: zxid + 1n }), zxid + 1n);
      writer.sync();
      synced = zxid + 1n;
    }
    writer.close();
    return { synced, error: null };
  } catch (error) {
    return { synced, error };
  }
}

test('a full disk stops the writer', (context) => {
  const fileSystem = withRoomFor(nodeFileSystem, 200);
  const writer = newLogWriter(temporaryDirectory(context), { fileSystem });
  const { synced, error } = runWriter(writer);
  assert.match(String(error), /ENOSPC/);
  assert.equal(durableZxid(writer), synced);
  assert.equal(synced, 2n);
  writer.close();
});

test('a slow sync is counted and warned of', (context) => {
  const log = new LogLines();
  const writer = newLogWriter(temporaryDirectory(context), { log, syncWarningMs: -1 });
  appendEntry(writer, makeEntry({ zxid: 1n }), 1n);
  writer.sync();
  assert.equal(writer.slowSyncs, 1);
  assert.match(log.lines.join('\n'), /^WARN .*log\.1: writing and syncing 65 bytes took/);
  writer.close();
});

test('a fault comes from the environment only when asked for, and loudly', (context) => {
  const log = new LogLines();
  assert.equal(faultsFromEnvironment({}, nodeFileSystem, log), nodeFileSystem);
  assert.deepEqual(log.lines, []);
  const environment = { MENAGERIE_TEST_FAULT: 'fdatasync:2:EIO' };
  const fileSystem = faultsFromEnvironment(environment, nodeFileSystem, log);
  assert.match(log.lines[0], /^WARN MENAGERIE_TEST_FAULT=fdatasync:2:EIO/);
  const writer = newLogWriter(temporaryDirectory(context), { fileSystem });
  const { synced, error } = runWriter(writer);
  assert.equal(synced, 2n);
  assert.match(String(error), /EIO/);
  writer.close();
  for (const wrong of ['fdatasync', 'fdatasync:0:EIO', 'nothing:1:EIO', 'write:1:eio']) {
    assert.throws(
      () => faultsFromEnvironment({ MENAGERIE_TEST_FAULT: wrong }, nodeFileSystem, log),
      /expected/,
    );
  }
  assert.ok(FAULT_KINDS.includes('fdatasync'));
});
