import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runEnsembleChaos } from './ensemble-chaos.ts';

const SECONDS = 12;

test(`${SECONDS} seconds of servers killed and stopped under load: nothing acknowledged is lost`, {
  timeout: 180_000,
}, async (t) => {
  const report = await runEnsembleChaos({ servers: 3, seconds: SECONDS });
  t.diagnostic(JSON.stringify(report));
  const faults = Object.values(report.faults).reduce((total, count) => total + count, 0);
  assert.ok(faults >= 2, 'servers were killed or stopped');
  assert.ok(report.acknowledgedWrites > 100, 'there was load');
});
