import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runEnsembleChaos } from '../crash/ensemble-chaos.ts';
import { apacheMissing } from '../support/server-process.ts';

const options = { skip: apacheMissing() ?? false, timeout: 300_000 };

// `npm run chaos -- --apache 1` does the same for longer.
for (const apache of [1, 2]) {
  test(`servers killed and stopped under load, ${apache} of three Apache's`, options, async (context) => {
    const report = await runEnsembleChaos({
      servers: 3,
      seconds: 5,
      kind: (sid) => (sid <= apache ? 'apache' : 'menagerie'),
      progress: (line) => context.diagnostic(line),
    });
    assert.ok(report.acknowledgedWrites > 100, `${report.acknowledgedWrites} writes`);
  });
}
