import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runOverload } from './overload.ts';

// The long form, and the figures that count, are a command: node dist/test/overload/overload.js --help. Here the machine
// may be busy with other tests, so the bounds are wide: they are crossed when connections are starved, not by noise.
describe('far more than the server can do', { timeout: 60_000 }, () => {
  // With 600 writing connections, writes once fell to a quarter, and sessions expired.
  for (const [kind, overloadConnections] of [
    ['write', 600],
    ['read', 100],
  ] as const) {
    it(`ends no session, and most of the work is still done: ${kind}s`, async () => {
      const report = await runOverload(kind, {
        rounds: 1,
        seconds: 1,
        idleSessions: 20,
        overloadConnections,
        modest: [[32, 64]],
        warmUpMs: 500,
      });
      const found = JSON.stringify(report);
      assert.equal(report.sessionsExpired, 0, found);
      assert.equal(report.connectionsLost, 0, found);
      assert.ok(report.ratio > 0.3, found);
      assert.ok(report.heartbeatMsMax < 1500, found);
      assert.ok(report.residentMbMax < 1000, found);
    });
  }
});
