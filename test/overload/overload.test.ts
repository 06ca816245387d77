import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runOverload } from './overload.ts';

// The long form: node dist/test/overload/overload.js --help
for (const kind of ['write', 'read'] as const) {
  test(`far more ${kind}s than the server can do: sessions live, goodput stays`, {
    timeout: 120_000,
  }, async (t) => {
    // The rates are measured one after the other: on a machine that does other things too they need a second chance.
    for (let attempt = 1; ; attempt++) {
      const report = await runOverload(kind, { seconds: 5, progress: (line) => t.diagnostic(line) });
      t.diagnostic(JSON.stringify(report));
      assert.equal(report.sessionsExpired, 0);
      assert.equal(report.connectionsLost, 0);
      if (report.goodput >= 0.8 * report.peak) return;
      assert.ok(attempt < 3, `${report.goodput}/s of ${report.peak}/s`);
    }
  });
}
