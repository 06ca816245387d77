import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { optionsOf } from './options.ts';
import { addResult, noTotals, reportOf } from './report.ts';
import { run } from './run.ts';

const SEEDS = 300;
/** What 300 seeds have to come to at least, or the faults and the work that they are about did not happen. */
const AT_LEAST: Readonly<Record<string, number>> = {
  acknowledged: 10_000,
  reads: 10_000,
  watchEvents: 1_000,
  kills: 300,
  powerLosses: 300,
  diskErrors: 30,
  pauses: 100,
  partitions: 300,
  resets: 1_000,
  truncations: 5,
  snapshotsSent: 100,
  logsSent: 50,
  sessionsExpired: 100,
  moves: 300,
};

test(`an ensemble keeps its promises, ${SEEDS} seeds`, (context) => {
  const totals = noTotals();
  const startedMs = performance.now();
  for (let seed = 1; seed <= SEEDS; seed++) addResult(totals, run(optionsOf(seed)));
  const report = reportOf(totals, performance.now() - startedMs, 1);
  assert.deepEqual(totals.failures, [], report);
  for (const [name, least] of Object.entries(AT_LEAST)) {
    assert.ok((totals.figures[name] ?? 0) >= least, `${name}: less than ${least}\n${report}`);
  }
  for (const line of report.split('\n')) context.diagnostic(line);
});

test('a seed gives the same run, event by event', () => {
  const digestOf = (seed: number): string => {
    const hash = createHash('sha256');
    run(optionsOf(seed), (line) => hash.update(line));
    return hash.digest('hex');
  };
  for (const seed of [3, 18, 27]) assert.equal(digestOf(seed), digestOf(seed), `seed ${seed}`);
  assert.notEqual(digestOf(3), digestOf(4));
});
