import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { CorruptLogError } from '../../src/storage/corrupt-log-error.ts';
import type { DataFile } from '../../src/storage/data-directory.ts';
import { nodeFileSystem } from '../../src/storage/file-system.ts';
import { cutTornTails } from '../../src/storage/torn-tail.ts';
import { TxnLogReader } from '../../src/storage/txn-log-reader.ts';
import { parseZxidHex } from '../../src/storage/zxid.ts';
import { withFiles } from '../support/faulty-file-system.ts';
import {
  appendEntry,
  highOf,
  LogLines,
  lowOf,
  makeEntry,
  newLogWriter,
  temporaryDirectory,
  toZxid,
  writeLog,
} from './support.ts';

function listLogs(directory: string): DataFile[] {
  return fs
    .readdirSync(directory)
    .map((name) => {
      const zxid = parseZxidHex(name.slice(4))!;
      return { name, path: path.join(directory, name), zxidHigh: zxid.high, zxidLow: zxid.low };
    })
    .sort((a, b) => Number(toZxid(a.zxidHigh, a.zxidLow) - toZxid(b.zxidHigh, b.zxidLow)));
}

function openReader(directory: string, from = 1n, fileSystem = nodeFileSystem): TxnLogReader {
  return new TxnLogReader({
    fileSystem,
    files: listLogs(directory),
    fromHigh: highOf(from),
    fromLow: lowOf(from),
    entryBytesMax: 2 << 20,
  });
}

/** Each record as text, to compare histories by content and not only by zxid. */
function readAll(
  directory: string,
  from = 1n,
  fileSystem = nodeFileSystem,
): { records: string[]; reader: TxnLogReader } {
  const reader = openReader(directory, from, fileSystem);
  const records: string[] = [];
  try {
    while (reader.next()) {
      records.push(Buffer.from(reader.bytes.subarray(reader.entryStart, reader.entryEnd)).toString('latin1'));
    }
  } finally {
    reader.close();
  }
  return { records, reader };
}

/** {@link readAll} as if `file` held `content`. */
function readAs(file: string, content: Uint8Array): ReturnType<typeof readAll> {
  return readAll(path.dirname(file), 1n, withFiles(nodeFileSystem, new Map([[file, content]])));
}

function readZxids(directory: string, from = 1n): bigint[] {
  const reader = openReader(directory, from);
  const zxids: bigint[] = [];
  try {
    while (reader.next()) zxids.push(toZxid(reader.zxidHigh, reader.zxidLow));
  } finally {
    reader.close();
  }
  return zxids;
}

function rewrite(file: string, change: (bytes: Buffer) => Buffer | undefined): void {
  const bytes = fs.readFileSync(file);
  fs.writeFileSync(file, change(bytes) ?? bytes);
}

const RECORD_BYTES = 13 + 36;
const recordAt = (index: number): number => 16 + index * RECORD_BYTES;

test('reads over files from a zxid on, and over epochs', (context) => {
  const directory = temporaryDirectory(context);
  writeLog(directory, [1n, 2n, 3n]);
  writeLog(directory, [4n, 5n]);
  writeLog(directory, [0x1_0000_0001n, 0x1_0000_0002n]);
  writeLog(directory, [0x3_0000_0001n]);
  const all = [1n, 2n, 3n, 4n, 5n, 0x1_0000_0001n, 0x1_0000_0002n, 0x3_0000_0001n];
  for (const from of [1n, 2n, 4n, 5n, 6n, 0x1_0000_0002n, 0x3_0000_0001n]) {
    assert.deepEqual(
      readZxids(directory, from),
      all.filter((zxid) => zxid >= from),
      `from ${from}`,
    );
  }
});

test('reads records larger than its buffer', (context) => {
  const directory = temporaryDirectory(context);
  const writer = newLogWriter(directory, { preallocationBytes: 1 << 20 });
  const bodies = [3_000_00, 1_500_000, 10].map((size, index) => new Uint8Array(size).fill(index + 1));
  bodies.forEach((body, index) => {
    appendEntry(writer, makeEntry({ zxid: BigInt(index + 1), body }), BigInt(index + 1));
  });
  writer.close();
  const { records } = readAll(directory);
  assert.deepEqual(
    records.map((record) => record.slice(32)),
    bodies.map((body) => Buffer.from(body).toString('latin1')),
  );
});

test('a log cut at any byte of its last records keeps every whole record, and can be written on', (context) => {
  const directory = temporaryDirectory(context);
  const file = writeLog(directory, [1n, 2n, 3n, 4n]);
  const whole = fs.readFileSync(file);
  for (const padding of [0, 6000]) {
    for (let cut = 0; cut <= whole.length; cut++) {
      if (cut > 0 && cut < 16 && padding > 0) continue; // half a header is not what a crash leaves
      const content = Buffer.concat([whole.subarray(0, cut), Buffer.alloc(padding)]);
      const kept = Math.max(0, Math.floor((cut - 16) / RECORD_BYTES));
      const { records, reader } = readAs(file, content);
      assert.equal(records.length, kept, `cut at ${cut}, padding ${padding}`);
      if (cut % 12 !== 4) continue;
      fs.writeFileSync(file, content);
      cutTornTails(nodeFileSystem, directory, reader.tornTails, new LogLines());
      assert.equal(fs.existsSync(file), kept > 0);
      const continuation = writeLog(directory, [BigInt(kept + 1)]);
      assert.deepEqual(readZxids(directory), [1n, 2n, 3n, 4n, 5n].slice(0, kept + 1));
      fs.rmSync(continuation);
      fs.writeFileSync(file, whole);
    }
  }
});

test('a flipped bit anywhere is detected, or takes at most the last record', (context) => {
  const directory = temporaryDirectory(context);
  const file = writeLog(directory, [1n, 2n, 3n, 4n]);
  const whole = Buffer.concat([fs.readFileSync(file), Buffer.alloc(64)]);
  const { records } = readAs(file, whole);
  const lastStart = recordAt(3);
  let cut = 0;
  for (let at = 0; at < whole.length; at++) {
    for (const flip of [0x01, 0x80, 0xff]) {
      const flipped = Buffer.from(whole);
      flipped[at] ^= flip;
      let found: string[] | null = null;
      try {
        found = readAs(file, flipped).records;
      } catch (error) {
        assert.ok(error instanceof CorruptLogError, String(error));
        assert.equal(error.damage.path, file);
        assert.match(
          error.message,
          new RegExp(`${file}: damaged at offset ${error.damage.offset}: expected`),
        );
      }
      if (found === null) continue;
      if (at >= 8 && at < 16) assert.deepEqual(found, records, 'dbid means nothing');
      else {
        assert.ok(at >= lastStart, `flip of ${flip} at ${at} was not noticed`);
        const atLeast = records.slice(0, at >= lastStart + RECORD_BYTES ? 4 : 3);
        assert.deepEqual(found, atLeast);
        cut++;
      }
    }
  }
  assert.ok(cut > 0);
});

test('lost blocks: zeros before an intact record are damage, at the end a torn tail', (context) => {
  const directory = temporaryDirectory(context);
  const file = writeLog(directory, [1n, 2n, 3n, 4n, 5n], 600);
  const bytes = 13 + 632;
  for (const lost of [1, 2]) {
    const whole = fs.readFileSync(file);
    rewrite(file, (content) => content.fill(0, 16 + lost * bytes, 16 + (lost + 1) * bytes));
    assert.throws(
      () => readAll(directory),
      (error: CorruptLogError) => error.damage.offset === 16 + lost * bytes,
    );
    fs.writeFileSync(file, whole);
  }
  // a block in the middle of the last record, and one that spans the end of the fourth and the begin of the fifth
  const whole = fs.readFileSync(file);
  rewrite(file, (content) => content.fill(0, 16 + 4 * bytes + 100, 16 + 4 * bytes + 400));
  assert.equal(readAll(directory).records.length, 4);
  fs.writeFileSync(file, whole);
  rewrite(file, (content) => content.fill(0, 16 + 3 * bytes + 500, 16 + 4 * bytes + 100));
  assert.equal(readAll(directory).records.length, 3);
});

test('zeros in the last record are cut off with one log line that names file and offset', (context) => {
  const directory = temporaryDirectory(context);
  const file = writeLog(directory, [1n, 2n, 3n]);
  rewrite(file, (content) => content.fill(0, recordAt(2) + 20));
  const { records, reader } = readAll(directory);
  assert.equal(records.length, 2);
  const log = new LogLines();
  cutTornTails(nodeFileSystem, directory, reader.tornTails, log);
  assert.equal(fs.statSync(file).size, recordAt(2));
  assert.equal(log.lines.length, 1);
  assert.match(log.lines[0], new RegExp(`${file}: .*offset ${recordAt(2)} .*cut off`));
  assert.deepEqual(readAll(directory).reader.tornTails, []);
});

test('a torn tail before a file that continues is cut; before a gap it is damage', (context) => {
  const directory = temporaryDirectory(context);
  const first = writeLog(directory, [1n, 2n, 3n]);
  writeLog(
    directory,
    [3n, 4n].map((zxid) => zxid),
  );
  rewrite(first, (content) => content.subarray(0, recordAt(2) + 30));
  const { records, reader } = readAll(directory);
  assert.equal(records.length, 4);
  assert.deepEqual(
    reader.tornTails.map((tail) => [tail.path, tail.keepBytes, tail.continued]),
    [[first, recordAt(2), true]],
  );
  rewrite(first, (content) => content.subarray(0, recordAt(1) + 30));
  assert.throws(
    () => readAll(directory),
    /log\.3: damaged at offset 16: expected the zxid after 0x1, found zxid 0x3/,
  );
});

test('a torn tail that a snapshot covers is left alone', (context) => {
  const directory = temporaryDirectory(context);
  const first = writeLog(directory, [1n, 2n, 3n]);
  writeLog(directory, [0x101n, 0x102n]);
  rewrite(first, (content) => content.subarray(0, recordAt(2) + 30));
  const { records, reader } = readAll(directory, 0x101n);
  assert.equal(records.length, 2);
  assert.deepEqual(
    reader.tornTails.map((tail) => tail.continued),
    [false],
  );
  const size = fs.statSync(first).size;
  cutTornTails(nodeFileSystem, directory, reader.tornTails, new LogLines());
  assert.equal(fs.statSync(first).size, size);
});

test('gaps, zxids that go back, and names that do not fit are damage', (context) => {
  const cases: [bigint[][], RegExp][] = [
    [[[1n, 2n, 4n]], /expected the zxid after 0x2, found zxid 0x4/],
    [[[1n, 2n], [4n]], /log\.4: damaged at offset 16: expected the zxid after 0x2/],
    [[[2n, 3n]], /expected the zxid after 0x0, found zxid 0x2 .*after the snapshot are missing/],
    [[[1n, 0x1_0000_0002n]], /expected the zxid after 0x1, found zxid 0x100000002/],
  ];
  for (const [files, message] of cases) {
    const directory = temporaryDirectory(context);
    for (const zxids of files) writeLog(directory, zxids);
    assert.throws(() => readAll(directory), { name: 'CorruptLogError', message });
  }
  const directory = temporaryDirectory(context);
  const file = writeLog(directory, [1n, 2n, 3n]);
  const other = temporaryDirectory(context);
  const writer = newLogWriter(other, { lastZxidLow: 1 });
  appendEntry(writer, makeEntry({ zxid: 2n, session: 8n }), 2n);
  writer.close();
  const record = fs.readFileSync(path.join(other, 'log.2')).subarray(recordAt(0));
  rewrite(file, (content) => Buffer.concat([content, record]));
  assert.throws(() => readAll(directory), /expected a zxid after 0x3, found zxid 0x2/);
  fs.renameSync(file, path.join(directory, 'log.2'));
  assert.throws(() => readAll(directory), /expected zxid 0x2 as in the file's name, found zxid 0x1/);
});

test('what Apache has logged twice is read once; other txns of the same zxids are damage', (context) => {
  const inOneFile = temporaryDirectory(context);
  writeLog(inOneFile, [1n, 2n, 3n, 4n, 2n, 3n, 4n, 5n, 3n, 4n, 5n, 6n]);
  assert.deepEqual(readZxids(inOneFile), [1n, 2n, 3n, 4n, 5n, 6n]);
  assert.deepEqual(readZxids(inOneFile, 4n), [4n, 5n, 6n]);

  const inTwoFiles = temporaryDirectory(context);
  writeLog(inTwoFiles, [0x1_0000_0001n, 0x1_0000_0002n, 0x2_0000_0001n]);
  writeLog(inTwoFiles, [0x1_0000_0002n, 0x2_0000_0001n, 0x2_0000_0002n]);
  const reader = openReader(inTwoFiles, 0x1_0000_0001n);
  const zxids: bigint[] = [];
  while (reader.next()) zxids.push(toZxid(reader.zxidHigh, reader.zxidLow));
  reader.close();
  assert.deepEqual(zxids, [0x1_0000_0001n, 0x1_0000_0002n, 0x2_0000_0001n, 0x2_0000_0002n]);
  assert.equal(reader.recordsRepeated, 2);

  // A failed multi is not written in the same words again.
  writeLog(inTwoFiles, [0x2_0000_0002n, 0x2_0000_0003n], 20);
  assert.equal(readZxids(inTwoFiles, 0x1_0000_0001n).at(-1), 0x2_0000_0003n);

  const different = temporaryDirectory(context);
  writeLog(different, [1n, 2n, 3n]);
  const writer = newLogWriter(different, { lastZxidLow: 1 });
  appendEntry(writer, makeEntry({ zxid: 2n, session: 8n }), 2n);
  writer.close();
  assert.throws(
    () => readZxids(different),
    (error: unknown) =>
      error instanceof CorruptLogError && /log\.2: damaged at offset 16/.test(error.message),
  );
});

test('a length that no writer writes is damage even in the last record', (context) => {
  for (const length of [-1, 0x7fffffff, 3 << 20]) {
    const directory = temporaryDirectory(context);
    const file = writeLog(directory, [1n, 2n]);
    rewrite(file, (content) => {
      content.writeInt32BE(length, recordAt(1) + 8);
      return undefined;
    });
    assert.throws(() => readAll(directory), /offset 65: expected an entry length .*jute\.maxbuffer/);
  }
});

test('an empty file or one of zeros is a crash at its creation only when it is the last', (context) => {
  for (const content of [
    Buffer.alloc(0),
    Buffer.alloc(5000),
    Buffer.from('5a4b4c47000000020000000000000000', 'hex'),
  ]) {
    const directory = temporaryDirectory(context);
    writeLog(directory, [1n]);
    const created = path.join(directory, 'log.2');
    fs.writeFileSync(created, content);
    const { records, reader } = readAll(directory);
    assert.equal(records.length, 1);
    cutTornTails(nodeFileSystem, directory, reader.tornTails, new LogLines());
    assert.ok(!fs.existsSync(created));
    fs.writeFileSync(created, content);
    writeLog(directory, [3n]);
    assert.throws(() => readAll(directory), CorruptLogError);
  }
});

test('fuzz: whatever the bytes, only typed errors, and no record that was not written', (context) => {
  const directory = temporaryDirectory(context);
  const file = writeLog(directory, [1n, 2n, 3n, 4n], 20);
  const whole = fs.readFileSync(file);
  const { records } = readAll(directory);
  const edit = fc.record({
    at: fc.nat(whole.length - 1),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 12 }),
  });
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 6 }), fc.nat(whole.length), (edits, length) => {
      const bytes = Buffer.from(whole);
      for (const { at, bytes: patch } of edits) bytes.set(patch.subarray(0, bytes.length - at), at);
      try {
        const found = readAs(file, bytes.subarray(0, length)).records;
        assert.deepEqual(found, records.slice(0, found.length));
      } catch (error) {
        if (!(error instanceof CorruptLogError)) throw error;
      }
    }),
    { numRuns: 500 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3000 }), (garbage) => {
      try {
        assert.deepEqual(readAs(file, Buffer.concat([whole.subarray(0, 16), garbage])).records, []);
      } catch (error) {
        if (!(error instanceof CorruptLogError)) throw error;
      }
    }),
    { numRuns: 300 },
  );
});
