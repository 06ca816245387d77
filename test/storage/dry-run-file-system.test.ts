import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { dryRunFileSystem } from '../../src/storage/dry-run-file-system.ts';
import { nodeFileSystem, readText, replaceText } from '../../src/storage/file-system.ts';
import { temporaryDirectory } from './support.ts';

test('what is done is so for whoever asks, and not on the disk', (context) => {
  const directory = temporaryDirectory(context);
  const at = (name: string) => path.join(directory, name);
  for (const name of ['a', 'b', 'c']) fs.writeFileSync(at(name), `content of ${name}`);
  const dry = dryRunFileSystem(nodeFileSystem);
  dry.unlink(at('a'));
  dry.rename(at('b'), at('d'));
  dry.rename(at('d'), at('e'));
  replaceText(dry, at('c'), 'other');
  const fd = dry.open(at('e'), 'r+');
  dry.truncate(fd, 0);
  dry.write(fd, Buffer.from('x'), 0, 1, 0);
  dry.fsync(fd);
  dry.close(fd);
  assert.deepEqual(dry.list(directory).sort(), ['c', 'e']);
  assert.equal(readText(dry, at('e')), 'content of b');
  for (const gone of ['a', 'b', 'd']) {
    assert.equal(dry.stat(at(gone)), null);
    assert.throws(() => dry.open(at(gone), 'r'), { code: 'ENOENT' });
    assert.throws(() => dry.unlink(at(gone)), { code: 'ENOENT' });
  }
  assert.equal(dry.stat(at('e'))?.size, 12);
  dry.makeDirectory(at('below/it'));
  assert.deepEqual(dry.list(at('below')), []);
  for (const name of ['a', 'b', 'c']) assert.equal(fs.readFileSync(at(name), 'utf8'), `content of ${name}`);
  assert.deepEqual(fs.readdirSync(directory), ['a', 'b', 'c']);
});
