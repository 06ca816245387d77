import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { temporaryDirectory, unpackApacheData, writeLog } from '../../storage/support.ts';
import { apache, apacheToolsMissing } from '../../support/apache-tools.ts';
import { script, tool } from './support.ts';

const NAME = 'zk-cleanup';
const skip = apacheToolsMissing();

/** Apache's files with two more whole snapshots (0, 14, 1c, 1e, 20) and a later log (1, 15, 1d, 1f). */
function dataDirectory(context: TestContext): { directory: string; files: string } {
  const directory = temporaryDirectory(context);
  unpackApacheData(directory);
  const files = path.join(directory, 'version-2');
  for (const name of ['snapshot.1e', 'snapshot.20'])
    fs.copyFileSync(path.join(files, 'snapshot.1c'), path.join(files, name));
  writeLog(files, [0x1fn, 0x20n]);
  return { directory, files };
}

test('what stays is what Apache leaves', { skip }, (context) => {
  for (const count of ['3', '4']) {
    const ours = dataDirectory(context);
    const theirs = dataDirectory(context);
    const outcome = tool(NAME, [ours.directory, '-n', count]);
    const theirOutcome = apache('PurgeTxnLog', [theirs.directory, '-n', count]);
    assert.deepEqual(fs.readdirSync(ours.files), fs.readdirSync(theirs.files));
    const lines = (text: string) =>
      text
        .split('\n')
        .map((line) => line.replace(/^(Removing file: ).*\t.*\//, '$1'))
        .sort();
    assert.deepEqual(lines(outcome.stdout), lines(theirOutcome.stdout));
    assert.match(outcome.stdout, /^Removing file: [A-Z][a-z]{2} \d+, \d{4}, \d+:\d\d:\d\d [AP]M\t/);
    assert.equal(outcome.code, 0);
  }
});

test('the directories are those of the configuration', (context) => {
  const { directory, files } = dataDirectory(context);
  const logs = path.join(directory, 'logs', 'version-2');
  fs.mkdirSync(logs, { recursive: true });
  for (const name of fs.readdirSync(files).filter((file) => file.startsWith('log.')))
    fs.renameSync(path.join(files, name), path.join(logs, name));
  const config = path.join(directory, 'some.cfg');
  fs.writeFileSync(config, `dataDir=${directory}\ndataLogDir=${path.join(directory, 'logs')}\n`);
  const env = { ZOOCFGDIR: directory, ZOOCFG: 'some.cfg' };
  assert.equal(script('zkCleanup.sh', ['-n', '4'], { env }).code, 0);
  assert.deepEqual(fs.readdirSync(files).sort(), [
    'snapshot.14',
    'snapshot.1c',
    'snapshot.1e',
    'snapshot.20',
  ]);
  assert.equal(tool(NAME, [config, '-n', '3']).code, 0);
  assert.deepEqual(fs.readdirSync(files).sort(), ['snapshot.1c', 'snapshot.1e', 'snapshot.20']);
  assert.deepEqual(fs.readdirSync(logs).sort(), ['log.15', 'log.1d', 'log.1f']);
});

test('a snapshot that cannot be read does not count as one to keep', (context) => {
  const { directory, files } = dataDirectory(context);
  const newest = path.join(files, 'snapshot.20');
  const bytes = fs.readFileSync(newest);
  bytes[100] ^= 1;
  fs.writeFileSync(newest, bytes);
  const { code, stderr } = tool(NAME, [directory, '-n', '3']);
  assert.equal(code, 0);
  assert.match(stderr, /snapshot\.20: damaged at offset .*does not count/);
  assert.ok(fs.existsSync(path.join(files, 'snapshot.14')));
  assert.ok(!fs.existsSync(path.join(files, 'snapshot.0')));
});

test('bad arguments change nothing', (context) => {
  const { directory, files } = dataDirectory(context);
  const before = fs.readdirSync(files);
  const runs: readonly (readonly [readonly string[], RegExp])[] = [
    [[directory, '-n', '2'], /count should be greater than or equal to 3/],
    [[directory, '-n', 'many'], /'many' can not be parsed to integer\./],
    [[directory], /required option '-n <count>'/],
    [[path.join(directory, 'missing'), '-n', '3'], /Path '.*missing' does not exist/],
    [[directory, directory, directory, '-n', '3'], /too many arguments/],
    [[files, '-n', '3'], /no version-2 in it/],
  ];
  for (const [args, message] of runs) {
    const { code, stderr } = tool(NAME, args);
    assert.equal(code, 1, `${args}`);
    assert.match(stderr, message);
  }
  assert.deepEqual(fs.readdirSync(files), before);
});
