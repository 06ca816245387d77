import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { MUTANTS } from './catalogue.ts';
import { ENTRY, loadTrial } from './hunt.ts';
import type { Mutant } from './mutant.ts';
import { copyWithMutant, StaleMutantError } from './mutated-copy.ts';
import { type Finding, trial } from './trial.ts';

/** What a trial of the server as it is finds; several mutants share a seed. */
const clean = new Map<string, Finding | null>();

function cleanTrial(mutant: Mutant): Finding | null {
  const key = JSON.stringify([mutant.finder, mutant.given, mutant.seed]);
  const known = clean.get(key);
  if (known !== undefined) return known;
  const finding = trial(mutant, mutant.seed);
  clean.set(key, finding);
  return finding;
}

for (const mutant of MUTANTS) {
  test(`${mutant.name} is found: ${mutant.what}`, async (context) => {
    const copy = copyWithMutant(mutant, ENTRY);
    try {
      const mutantTrial = await loadTrial(copy.url);
      const finding = mutantTrial(mutant, mutant.seed);
      assert.ok(
        finding !== null,
        `not found with seed ${mutant.seed} any more; npm run sim:mutants -- ${mutant.name} looks for another`,
      );
      assert.ok(mutant.checks.includes(finding.check), `found by another check: ${finding.message}`);
      context.diagnostic(finding.message.split('\n', 1)[0] ?? '');
    } finally {
      copy.remove();
    }
    assert.equal(cleanTrial(mutant)?.message ?? null, null, 'the same seed without the mutant');
  });
}

test('there are enough of them, and no two of a name', () => {
  assert.ok(MUTANTS.length >= 20);
  assert.equal(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length);
});

test('a mutant that does not fit the code any more, or code that is not run, is refused', () => {
  const [some] = MUTANTS;
  assert.ok(some !== undefined);
  const stale = (file: string, find: string, times?: number): Mutant => ({
    ...some,
    name: 'stale',
    edits: [{ file, find, replace: '', ...(times === undefined ? {} : { times }) }],
  });
  const file = 'src/zab/learner.js';
  assert.throws(() => copyWithMutant(stale(file, 'no such code'), ENTRY), StaleMutantError);
  assert.throws(() => copyWithMutant(stale(file, 'this.#enter(', 1), ENTRY), StaleMutantError);
  assert.throws(() => copyWithMutant(stale('src/cli/zk-server.js', 'import'), ENTRY), /does not run/);
  assert.throws(() => copyWithMutant(stale(file, 'import ', 5), ENTRY), /instead of 5/);
  assert.equal(fs.existsSync(new URL(`../../mutants/${process.pid}-stale`, import.meta.url)), false);
});
