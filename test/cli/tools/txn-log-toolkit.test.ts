import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import {
  appendEntry,
  makeEntry,
  newLogWriter,
  temporaryDirectory,
  unpackApacheData,
  writeLog,
} from '../../storage/support.ts';
import { apache, apacheToolsMissing } from '../../support/apache-tools.ts';
import { recordOffsets, spoil, variousCount, writeVariousLog } from './logs.ts';
import { script, tool } from './support.ts';

const NAME = 'zk-txn-log-toolkit';
const APACHE = 'persistence.TxnLogToolkit';
const skip = apacheToolsMissing();
const LARGE_RECORDS = 4000;
const LARGE_BYTES = 20_000;

test("a log of Apache's and one of ours are printed as Apache prints them", { skip }, (context) => {
  const directory = temporaryDirectory(context);
  unpackApacheData(directory);
  for (const file of [path.join(directory, 'version-2', 'log.1'), writeVariousLog(directory)]) {
    const ours = tool(NAME, ['-d', file]);
    assert.equal(ours.stdout, apache(APACHE, ['-d', file]).stdout);
    assert.equal(ours.code, 0);
    assert.equal(ours.stderr, '');
  }
});

test('wrong checksums are shown, asked for and repaired as by Apache', { skip }, (context) => {
  const directory = temporaryDirectory(context);
  const file = writeVariousLog(directory);
  const offsets = recordOffsets(file);
  spoil(file, offsets[1] + 12 + 42, (byte) => byte ^ 1);
  spoil(file, offsets[5] + 6, (byte) => byte ^ 1);
  assert.equal(tool(NAME, [file]).stdout, apache(APACHE, [file]).stdout);

  const runs: readonly { readonly args: readonly string[]; readonly input: string }[] = [
    { args: ['-r', '-v', '-y'], input: '' },
    { args: ['--recover'], input: 'what?\nNo\nyes\n' },
  ];
  for (const { args, input } of runs) {
    const ours = tool(NAME, [...args, file], { input });
    const copy = fs.readFileSync(`${file}.fixed`);
    fs.rmSync(`${file}.fixed`);
    const theirs = apache(APACHE, [...args, file], { input });
    const theirCopy = fs.readFileSync(`${file}.fixed`);
    fs.rmSync(`${file}.fixed`);
    assert.equal(ours.stdout, theirs.stdout);
    assert.equal(ours.code, theirs.code);
    // Apache pads its copy.
    assert.ok(copy.equals(theirCopy.subarray(0, copy.length)), `${args}`);
    assert.ok(theirCopy.subarray(copy.length).every((byte) => byte === 0));
  }
});

test('a log is chopped as by Apache', { skip }, (context) => {
  const directory = temporaryDirectory(context);
  const file = writeVariousLog(directory);
  const target = `${file}.chopped5`;
  const theirs = apache(APACHE, ['-c', '-z', '0x5', file]);
  const theirCopy = fs.readFileSync(target);
  fs.rmSync(target);
  const ours = tool(NAME, ['-c', '-z', '0x5', file]);
  assert.equal(ours.stdout, theirs.stdout);
  assert.ok(fs.readFileSync(target).equals(theirCopy));
  assert.equal(tool(NAME, ['-c', '-z', '5', file]).code, 1, 'an older file is not overwritten');
});

test('what cannot be chopped leaves no file', (context) => {
  const directory = temporaryDirectory(context);
  const file = writeVariousLog(directory);
  const beyond = tool(NAME, ['-c', '-z', '99', file]);
  assert.equal(beyond.code, 2);
  assert.match(beyond.stdout, new RegExp(`EOF reached after ${variousCount} txns`));
  assert.match(beyond.stderr, /Failed to chop log\.1/);
  assert.match(tool(NAME, ['-c', '-z', 'five', file]).stderr, /five: -z takes a zxid/);
  assert.deepEqual(fs.readdirSync(directory), ['log.1']);
});

test('a repair that is not agreed to leaves no file', (context) => {
  const directory = temporaryDirectory(context);
  const file = writeVariousLog(directory);
  spoil(file, recordOffsets(file)[2] + 5, (byte) => byte ^ 1);
  for (const input of ['a\n', '']) {
    const { code, stdout, stderr } = tool(NAME, ['-r', file], { input });
    assert.equal(code, 0);
    assert.match(stdout, /Would you like to fix it \(Yes\/No\/Abort\) \? $/);
    assert.match(stderr, /Recovery aborted\./);
  }
  assert.deepEqual(fs.readdirSync(directory), ['log.1']);
  assert.match(tool(NAME, ['-r', '-n', file]).stdout, /has been written with 0 fixed CRC error/);
  const again = tool(NAME, ['-r', '-y', file]);
  assert.equal(again.code, 1);
  assert.match(again.stderr, /log\.1\.fixed already exists or not writable/);
});

test('bytes that are no transaction keep their wrong checksum', (context) => {
  const directory = temporaryDirectory(context);
  const file = writeVariousLog(directory);
  // The type in the header of the third entry.
  spoil(file, recordOffsets(file)[2] + 12 + 31, () => 99);
  const { code, stdout, stderr } = tool(NAME, ['-r', '-y', file]);
  assert.equal(code, 1);
  assert.match(stdout, /CRC ERROR - \d+ bytes at offset \d+ that cannot be read as a transaction/);
  assert.match(stdout, /has been written with 0 fixed/);
  assert.match(stderr, /1 record\(s\) cannot be read as transactions/);
  assert.equal(tool(NAME, ['--verify', `${file}.fixed`]).code, 1);
});

test('verify tells a whole log, a torn one and a damaged one apart', (context) => {
  const directory = temporaryDirectory(context);
  const file = writeVariousLog(directory);
  const offsets = recordOffsets(file);
  const whole = script('zkTxnLogToolkit.sh', ['-verify', file]);
  assert.equal(whole.code, 0);
  const line = `log.1: ${variousCount} transactions, zxid 0x1 to 0x${variousCount.toString(16)}, 0 with a digest`;
  assert.ok(whole.stdout.startsWith(line), whole.stdout);
  assert.match(whole.stdout, /no damage found/);

  const torn = path.join(directory, 'torn');
  fs.writeFileSync(torn, fs.readFileSync(file).subarray(0, offsets[7] + 20));
  const tornOutcome = tool(NAME, ['--verify', torn]);
  assert.equal(tornOutcome.code, 0);
  assert.match(tornOutcome.stdout, new RegExp(`unfinished record at offset ${offsets[7]} `));
  const dumped = tool(NAME, [torn]);
  assert.equal(dumped.code, 0);
  assert.match(dumped.stderr, new RegExp(`an unfinished record at offset ${offsets[7]}:`));

  spoil(file, offsets[3] + 30, (byte) => byte ^ 0x10);
  const damaged = tool(NAME, ['--verify', file]);
  assert.equal(damaged.code, 1);
  assert.match(damaged.stdout, new RegExp(`damaged at offset ${offsets[3]}: expected an intact record`));
});

test('verify says which transactions a start passes over', (context) => {
  const file = writeLog(temporaryDirectory(context), [1n, 2n, 3n, 2n, 3n, 4n]);
  const { code, stdout } = tool(NAME, ['--verify', file]);
  assert.equal(code, 0);
  assert.match(stdout, /log\.1: 4 transactions, zxid 0x1 to 0x4/);
  assert.match(stdout, /log\.1: 2 transactions stand there twice, .* a start passes them over\n/);
  assert.match(stdout, /no damage found/);
});

test('a partial record, a length that cannot be and a file that is no log end with one line', (context) => {
  const directory = temporaryDirectory(context);
  const file = writeVariousLog(directory);
  const offsets = recordOffsets(file);
  const spoilt = (offset: number, byte: number): string => {
    const copy = path.join(directory, `spoilt-${offset}`);
    fs.copyFileSync(file, copy);
    spoil(copy, offset, () => byte);
    return copy;
  };
  const partial = spoilt(offsets[4] - 1, 0x41);
  for (const args of [[partial], ['-r', '-y', partial]]) {
    const { code, stderr } = tool(NAME, args);
    assert.equal(code, 1);
    assert.equal(stderr, 'Last transaction was partial.\n');
  }
  assert.equal(tool(NAME, ['--verify', `${partial}.fixed`]).code, 0, 'what stood before it');
  const { code, stderr } = tool(NAME, [spoilt(offsets[4] + 8, 0x7f)]);
  assert.equal(code, 1);
  assert.match(stderr, /^Unreasonable length = 21307\d+ \(at offset \d+\)\n$/);
  const none = tool(NAME, [spoilt(0, 1)]);
  assert.deepEqual([none.code, none.stderr], [2, 'Invalid magic number for spoilt-0\n']);
  const missing = tool(NAME, [path.join(directory, 'missing')]);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /^File doesn't exist or not readable: /);
});

test('arguments that cannot be, and help', () => {
  const none = tool(NAME, []);
  assert.equal(none.code, 1);
  assert.match(none.stderr, /missing required argument/);
  assert.equal(tool(NAME, ['-q', 'file']).code, 1);
  for (const option of ['-h', '--help', '-help']) {
    const { code, stdout } = tool(NAME, [option]);
    assert.equal(code, 0);
    assert.match(stdout, /-r, --recover/);
  }
});

test('a log larger than memory is printed', (context) => {
  const directory = temporaryDirectory(context);
  const writer = newLogWriter(directory);
  const data = Buffer.alloc(LARGE_BYTES, 'x');
  for (let i = 1; i <= LARGE_RECORDS; i++) {
    const size = Buffer.alloc(4);
    size.writeInt32BE(LARGE_BYTES);
    const body = Buffer.concat([Buffer.from([0, 0, 0, 2]), Buffer.from('/a'), size, data, Buffer.alloc(4)]);
    appendEntry(writer, makeEntry({ zxid: BigInt(i), type: 5, body }), BigInt(i));
  }
  writer.sync();
  writer.close();
  const { code, stdout } = tool(NAME, [path.join(directory, 'log.1')], {
    nodeOptions: ['--max-old-space-size=32'],
  });
  assert.equal(code, 0);
  assert.ok(stdout.length > LARGE_RECORDS * LARGE_BYTES);
  assert.ok(stdout.endsWith(`EOF reached after ${LARGE_RECORDS} txns.\n`));
});
