import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzQuorumMessages } from './quorum-messages.ts';
import { fuzzQuorumPorts } from './quorum-ports.ts';

// The long form: node dist/test/fuzz/quorum-messages.js --help
test('harmed messages of other servers', (t) => {
  const { seed, accepted } = fuzzQuorumMessages({ inputs: 3000 });
  t.diagnostic(`seed ${seed}, ${accepted} packets taken`);
  assert.ok(accepted > 3000, 'hardly anything is taken: the harm is too great to test much');
});

// The long form: node dist/test/fuzz/quorum-ports.js --help
test('harmed connections to the ports between servers', { timeout: 60_000 }, async (t) => {
  t.diagnostic(`seed ${(await fuzzQuorumPorts({ connections: 400 })).seed}`);
});
