import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apacheMissing } from '../support/server-process.ts';
import { takeOver } from './take-over.ts';

const options = { skip: apacheMissing() ?? false, timeout: 300_000 };

// `npm run takeover` does the same for longer.
test('a live Apache ensemble becomes ours, server by server, and Apache again', options, async (context) => {
  const { exchanges, acknowledgedWrites, moves } = await takeOver({
    rounds: 1,
    progress: (line) => context.diagnostic(line),
  });
  assert.equal(exchanges.length, 6);
  assert.ok(exchanges.some(({ wasLeader }) => wasLeader));
  assert.ok(acknowledgedWrites > 100, `${acknowledgedWrites} writes`);
  assert.ok(moves >= exchanges.length / 2, `${moves} moves of sessions`);
});
