import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { conformance } from '../support/conformance.ts';
import { wireCases } from './cases/index.ts';
import { fixturesDirectory } from './directory.ts';
import { type Fixture, parseFixture, replay } from './replay.ts';

const names = readdirSync(fixturesDirectory())
  .filter((name) => name.endsWith('.hex'))
  .map((name) => name.slice(0, -'.hex'.length));
const fixtures = new Map<string, Fixture>(
  names.map((name) => [name, parseFixture(readFileSync(join(fixturesDirectory(), `${name}.hex`), 'utf8'))]),
);
const configs = new Set([...fixtures.values()].map(({ config }) => config.join('\n')));

test('there is a file for each case, and no other', () => {
  assert.deepEqual(names.sort(), wireCases.map(({ name }) => name).sort());
});

for (const config of configs) {
  const options = { config: config === '' ? [] : config.split('\n') };
  conformance(`bytes taken from Apache 3.8${config === '' ? '' : ` with ${config}`}`, options, (subject) => {
    for (const [name, fixture] of fixtures) {
      if (fixture.config.join('\n') !== config) continue;
      test(`${name}: ${fixture.about}`, () => replay(fixture, subject.port, subject.since39(false, true)));
    }
  });
}
