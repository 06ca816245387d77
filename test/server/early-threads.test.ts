import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EarlyThreads } from '../../src/server/early-threads.ts';

describe('early threads', { timeout: 30_000 }, () => {
  it('are given away once; whoever comes later gets a fresh one', async () => {
    const threads = new EarlyThreads(2);
    const first = threads.take('connection', 'connection-1');
    const second = threads.take('connection', 'connection-1');
    assert.notEqual(first, second);
    await Promise.all([first.terminate(), second.terminate(), threads.end()]);
  });
});
