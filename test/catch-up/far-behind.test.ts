import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runFarBehind, type Way } from './far-behind.ts';

// A hundred thousand writes, and the figures that count, are a command: node dist/test/catch-up/far-behind.js --help.
describe('a server that lacks more than the others keep in memory', { timeout: 240_000 }, () => {
  for (const [way, name] of [
    ['log', 'from the log on disk'],
    ['snapshot', 'by a snapshot'],
  ] as const satisfies readonly (readonly [Way, string])[]) {
    it(`is brought into step ${name}, while the others write on, and is equal then`, async () => {
      const report = await runFarBehind({ way, writes: 3000, dataBytes: 4000, rate: 200, seconds: 1 });
      assert.ok(report.before.count > 0 && report.meanwhile.count > 0, JSON.stringify(report));
    });
  }

  // More is written meanwhile than may wait for a learner: it is not made to wait there (menagerie.learnerQueueMb).
  it('may stand still amid its snapshot: nobody waits for it, and it is not cut off', async () => {
    const amid = { writes: 3000, writesAmid: 2000, dataBytes: 4000, rate: 200, seconds: 1 };
    const report = await runFarBehind({ way: 'snapshot', ...amid });
    assert.ok(report.meanwhile.count > 0, JSON.stringify(report));
  });
});
