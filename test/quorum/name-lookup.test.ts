import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NameLookup } from '../../src/quorum/name-lookup.ts';

function failure(code: string): Error {
  return Object.assign(new Error(`getaddrinfo ${code}`), { code });
}

test('addresses are taken as they are', async () => {
  const names = new NameLookup(() => Promise.reject(new Error('must not be asked')));
  assert.deepEqual(await names.addresses('127.0.0.1'), ['127.0.0.1']);
  assert.deepEqual(await names.addresses('::1'), ['::1']);
});

test('names are resolved anew each time, but with one question at a time', async () => {
  let asked = 0;
  const names = new NameLookup(async () => [`10.0.0.${++asked}`]);
  assert.deepEqual(await Promise.all([names.addresses('a'), names.addresses('a')]), [
    ['10.0.0.1'],
    ['10.0.0.1'],
  ]);
  assert.deepEqual(await names.addresses('a'), ['10.0.0.2']);
});

test('while the name service is slow or out of order the last answer serves', async () => {
  let answer: () => Promise<readonly string[]> = async () => ['10.0.0.1'];
  const names = new NameLookup(() => answer(), 10);
  await names.addresses('a');
  answer = () => Promise.reject(failure('EAI_AGAIN'));
  assert.deepEqual(await names.addresses('a'), ['10.0.0.1']);
  let release: (found: readonly string[]) => void = () => {};
  let asked = 0;
  answer = () => {
    asked++;
    return new Promise((resolve) => {
      release = resolve;
    });
  };
  assert.deepEqual(await names.addresses('a'), ['10.0.0.1']);
  assert.deepEqual(await names.addresses('a'), ['10.0.0.1']);
  assert.equal(asked, 1, 'a question without an answer is not asked again');
  release(['10.0.0.2']);
  answer = () => Promise.reject(failure('EAI_AGAIN'));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(await names.addresses('a'), ['10.0.0.2']);
});

test('a name that is gone is gone', async () => {
  let answer = async () => ['10.0.0.1'];
  const names = new NameLookup(() => answer());
  await names.addresses('a');
  answer = () => Promise.reject(failure('ENOTFOUND'));
  await assert.rejects(names.addresses('a'), /ENOTFOUND/);
  await assert.rejects(new NameLookup(async () => []).addresses('b'), /b has no address/);
});
