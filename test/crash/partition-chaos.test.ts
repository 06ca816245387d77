import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runPartitionChaos } from './partition-chaos.ts';

const FAULTS = {
  3: ['leader alone', 'leader and a follower apart', 'links of the leader flap'],
  5: ['leader among two of five', 'leader is not heard'],
} as const;

// `npm run chaos:partitions` does the same for longer, with all faults.
for (const servers of [3, 5] as const) {
  const faults = FAULTS[servers];
  test(`links between ${servers} servers cut under load: ${faults.join(', ')}`, {
    timeout: 300_000,
  }, async (t) => {
    const report = await runPartitionChaos({
      ...{ servers, faults, rounds: 1, seconds: 300 },
      progress: (line) => t.diagnostic(line),
    });
    assert.deepEqual(Object.keys(report.faults), faults, 'each has befallen the servers');
    assert.ok(report.acknowledgedWrites > 100, `${report.acknowledgedWrites} writes`);
  });
}
