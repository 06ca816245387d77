import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runOverload } from './overload.ts';

// The long form, reads, and the figures that count, are a command: node dist/test/overload/overload.js --help. Here the
// machine may be busy with other tests, so the bounds are wide: they are crossed when connections are starved, not by noise.
describe('far more than the server can do', { timeout: 60_000 }, () => {
  // With so many connections, writes once fell to a quarter, and sessions expired.
  it('ends no session of 600 that write as much as their sockets take, and most of the work is still done', async () => {
    const report = await runOverload('write', {
      rounds: 1,
      seconds: 1,
      idleSessions: 20,
      overloadConnections: 600,
      modest: [[32, 64]],
      warmUpMs: 500,
      sessionTimeoutMs: 4000,
    });
    const found = JSON.stringify(report);
    assert.equal(report.sessionsExpired, 0, found);
    assert.equal(report.connectionsLost, 0, found);
    assert.ok(report.ratio > 0.1, found);
    assert.ok(report.heartbeatMsMax < 3000, found);
    assert.ok(report.residentMbMax < 1000, found);
  });
});
