import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { pathProblem, withChroot, withoutChroot } from '../../src/client/paths.ts';
import { isValidPath } from '../../src/protocol/path.ts';

test('a path is refused here exactly when a server would refuse it', () => {
  const piece = fc.constantFrom(
    '/',
    '.',
    '..',
    'a',
    'bc',
    '\u0000',
    '\u001f',
    '\u007f',
    '\u009f',
    '\u00a0',
    '\ud7ff',
    '\ue000',
    '\uf8ff',
    '\ufff0',
    'é',
    '€',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const path = pieces.join('');
      const bytes = Buffer.from(path, 'utf8');
      assert.equal(pathProblem(path) === null, isValidPath(bytes, 0, bytes.length), JSON.stringify(path));
    }),
    { numRuns: 20_000 },
  );
});

test('surrogates and other things are named', () => {
  assert.match(pathProblem('/a\ud83d\ude00') ?? '', /U\+d83d at index 2/);
  assert.equal(pathProblem(''), 'is empty');
  assert.equal(pathProblem('/a/', true), null);
  assert.equal(pathProblem('/', true), null);
  assert.equal(pathProblem('/a//', true), 'has an empty component (//)');
  assert.equal(pathProblem('/a/.', true), null);
  assert.equal(pathProblem(7 as unknown as string), 'is not a string');
});

test('a chroot is put on and taken off', () => {
  for (const path of ['/', '/x', '/x/y']) assert.equal(withoutChroot(withChroot(path, '/c/d'), '/c/d'), path);
  assert.equal(withChroot('/', '/c'), '/c');
  assert.equal(withoutChroot('/cd', '/c'), '/cd');
  assert.equal(withoutChroot('/x', ''), '/x');
});
