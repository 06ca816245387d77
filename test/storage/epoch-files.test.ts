import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EpochFiles } from '../../src/storage/epoch-files.ts';
import { readText, replaceText } from '../../src/storage/file-system.ts';
import { CrashDisk, PowerLoss } from '../support/crash-disk.ts';
import { random } from '../support/random.ts';
import { LogLines } from './support.ts';

const DIRECTORY = '/data/version-2';

function newDisk(files: Readonly<Record<string, string>> = {}): CrashDisk {
  const disk = new CrashDisk();
  disk.fileSystem.makeDirectory(DIRECTORY);
  for (const [name, text] of Object.entries(files)) {
    replaceText(disk.fileSystem, `${DIRECTORY}/${name}`, text);
  }
  return disk;
}

function load(disk: CrashDisk, lastEpoch: number, log = new LogLines()): EpochFiles {
  return EpochFiles.load({ fileSystem: disk.fileSystem, directory: DIRECTORY, lastEpoch, log });
}

function pair(files: EpochFiles): [accepted: number, current: number] {
  return [files.acceptedEpoch, files.currentEpoch];
}

function textOf(disk: CrashDisk, name: string): string {
  return readText(disk.fileSystem, `${DIRECTORY}/${name}`);
}

test('a server without the files begins with the epoch of its log, as Apache writes it', () => {
  const disk = newDisk();
  assert.deepEqual(pair(load(disk, 3)), [3, 3]);
  assert.deepEqual([textOf(disk, 'acceptedEpoch'), textOf(disk, 'currentEpoch')], ['3', '3']);
  assert.deepEqual(pair(load(disk.restarted('none'), 3)), [3, 3]);
});

test('what is stored is there after a restart', () => {
  const disk = newDisk({ acceptedEpoch: '7\n', currentEpoch: '5' });
  const files = load(disk, 4);
  assert.deepEqual(pair(files), [7, 5]);
  files.storeAcceptedEpoch(9);
  files.storeCurrentEpoch(9);
  assert.deepEqual(pair(load(disk.restarted('none'), 4)), [9, 9]);
});

test('one file missing begins with the epoch of the log, too', () => {
  assert.deepEqual(pair(load(newDisk({ acceptedEpoch: '7' }), 4)), [7, 4]);
  assert.deepEqual(pair(load(newDisk({ currentEpoch: '4' }), 4)), [4, 4]);
  assert.throws(() => load(newDisk({ currentEpoch: '5' }), 4), /acceptedEpoch is 4 and currentEpoch 5/);
});

test('files that contradict each other or the log are refused', () => {
  for (const [accepted, current, lastEpoch, message] of [
    ['4', '5', 3, /acceptedEpoch is 4 and currentEpoch 5, .*move the version-2/],
    ['4', '4', 5, /log ends in epoch 5, but acceptedEpoch is 4: .*move the version-2/],
    ['', '4', 4, /acceptedEpoch: "" is not an epoch/],
    ['4', 'x', 4, /currentEpoch: "x" is not an epoch/],
    ['4', '-1', 4, /currentEpoch: "-1" is not an epoch/],
    ['2147483648', '4', 4, /acceptedEpoch: "2147483648" is not an epoch/],
  ] as const) {
    const disk = newDisk({ acceptedEpoch: accepted, currentEpoch: current });
    assert.throws(() => load(disk, lastEpoch), { name: 'DataDirectoryError', message });
  }
});

test('a log that is already in the accepted epoch makes it the current one', () => {
  const disk = newDisk({ acceptedEpoch: '6', currentEpoch: '4' });
  const log = new LogLines();
  assert.deepEqual(pair(load(disk, 6, log)), [6, 6]);
  assert.match(log.lines[0], /currentEpoch: 6 instead of 4/);
  assert.equal(textOf(disk, 'currentEpoch'), '6');
});

test('epochs never go back, and currentEpoch never passes acceptedEpoch', () => {
  const files = load(newDisk({ acceptedEpoch: '7', currentEpoch: '5' }), 4);
  assert.throws(() => files.storeAcceptedEpoch(6), /from 7 to 6/);
  assert.throws(() => files.storeCurrentEpoch(4), /from 5 to 4/);
  assert.throws(() => files.storeCurrentEpoch(8), /from 5 to 8, acceptedEpoch is 7/);
  assert.throws(() => files.storeAcceptedEpoch(2 ** 31), /cannot go/);
  assert.deepEqual(pair(files), [7, 5]);
});

test('a crash at any call leaves the old or the new epoch, and what returned is kept', () => {
  const dice = random();
  let crashes = 0;
  for (let failAt = 1; ; failAt++) {
    const disk = newDisk({ acceptedEpoch: '3', currentEpoch: '3' });
    const files = load(disk, 3);
    disk.failAt = disk.changes + failAt;
    let isDone = true;
    try {
      files.storeAcceptedEpoch(5);
      files.storeCurrentEpoch(5);
      files.storeAcceptedEpoch(6);
    } catch (error) {
      assert.ok(error instanceof PowerLoss);
      isDone = false;
    }
    const [accepted, current] = pair(files);
    for (const survival of ['none', 'all', dice, dice, dice] as const) {
      const [acceptedAfter, currentAfter] = pair(load(disk.restarted(survival), 3));
      assert.ok(acceptedAfter >= accepted && currentAfter >= current, `seed ${dice.seed}, crash ${failAt}`);
      assert.ok([3, 5, 6].includes(acceptedAfter) && [3, 5].includes(currentAfter), `seed ${dice.seed}`);
      crashes++;
    }
    if (isDone) break;
  }
  assert.ok(crashes >= 5 * 12, `${crashes}`);
});
