import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FileSystem, readText, replaceText } from '../../src/storage/file-system.ts';
import { ProcessCrash, SimDisk } from './disk.ts';
import { SimRandom } from './random.ts';

function put(fileSystem: FileSystem, path: string, text: string, flags: 'w' | 'wx' | 'r+' = 'w'): number {
  const fd = fileSystem.open(path, flags);
  const bytes = Buffer.from(text);
  fileSystem.write(fd, bytes, 0, bytes.length, 0);
  return fd;
}

function newDisk(): { disk: SimDisk; fileSystem: FileSystem } {
  const disk = new SimDisk();
  const fileSystem = disk.mount();
  fileSystem.makeDirectory('/d');
  return { disk, fileSystem };
}

/** What is in a file after a power loss, over many dice; null when it is not there. */
function outcomes(path: string, prepare: (fileSystem: FileSystem) => void): Set<string | null> {
  const found = new Set<string | null>();
  for (let seed = 1; seed <= 200; seed++) {
    const { disk, fileSystem } = newDisk();
    prepare(fileSystem);
    disk.powerLoss(new SimRandom(seed));
    const after = disk.mount();
    found.add(after.stat(path) === null ? null : readText(after, path));
  }
  return found;
}

test('what is synced, file and directory, survives everything', () => {
  const found = outcomes('/d/a', (fileSystem) => {
    fileSystem.fsync(put(fileSystem, '/d/a', 'hello'));
    fileSystem.fsyncDirectory('/d');
  });
  assert.deepEqual([...found], ['hello']);
});

test('a file whose directory was not synced may be missing, one that was not synced itself may be empty', () => {
  const noEntry = outcomes('/d/a', (fileSystem) => fileSystem.fsync(put(fileSystem, '/d/a', 'hello')));
  assert.deepEqual(noEntry, new Set([null, 'hello']));
  const noContent = outcomes('/d/a', (fileSystem) => {
    put(fileSystem, '/d/a', 'hello');
    fileSystem.fsyncDirectory('/d');
  });
  assert.deepEqual(noContent, new Set(['', 'hello']));
});

test('a replaced file is the old one or the new one', () => {
  const found = outcomes('/d/a', (fileSystem) => {
    replaceText(fileSystem, '/d/a', 'old');
    fileSystem.fsync(put(fileSystem, '/d/a.tmp', 'new'));
    fileSystem.rename('/d/a.tmp', '/d/a');
  });
  assert.deepEqual(found, new Set(['old', 'new']));
});

test('writes are torn at sectors, from the end', () => {
  const lengths = new Set<number>();
  for (const text of outcomes('/d/a', (fileSystem) => {
    put(fileSystem, '/d/a', 'x'.repeat(1200));
    fileSystem.fsyncDirectory('/d');
  })) {
    lengths.add(text?.length ?? -1);
  }
  assert.deepEqual(
    [...lengths].sort((a, b) => a - b),
    [0, 512, 1024, 1200],
  );
});

test('a killed process loses nothing, and can do nothing any more', () => {
  const { disk, fileSystem } = newDisk();
  put(fileSystem, '/d/log.1', 'hello');
  disk.kill();
  assert.throws(() => fileSystem.list('/d'), ProcessCrash);
  assert.equal(readText(disk.mount(), '/d/log.1'), 'hello');
  assert.equal(disk.hasUnsynced('log.'), true);
  assert.equal(disk.hasUnsynced('snapshot.'), false);
});

test('errors are those of the system', () => {
  const { disk, fileSystem } = newDisk();
  put(fileSystem, '/d/a', 'x', 'wx');
  assert.throws(() => fileSystem.open('/d/a', 'wx'), { code: 'EEXIST' });
  assert.throws(() => fileSystem.open('/d/b', 'r'), { code: 'ENOENT' });
  assert.throws(() => fileSystem.unlink('/d/b'), { code: 'ENOENT' });
  const failing = disk.mount((kind) => {
    if (kind === 'fsync') throw Object.assign(new Error('EIO'), { code: 'EIO' });
  });
  assert.throws(() => failing.fsync(put(failing, '/d/a', 'y')), { code: 'EIO' });
});
