import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RequestLimits, requestCountsBytes } from '../../src/connection/request-limits.ts';
import { fakeConnection } from './fake-connection.ts';

function limits(outstandingMax: number): RequestLimits {
  return new RequestLimits(new SharedArrayBuffer(requestCountsBytes(1)), 0, {
    outstandingMax,
    inProcessMax: 0,
  });
}

describe('the limit of outstanding requests', () => {
  it('stops whoever waits for an answer, and nobody else', () => {
    const limit = limits(2);
    const { connection: first } = fakeConnection();
    const { connection: second } = fakeConnection();
    for (let i = 0; i < 2; i++) {
      assert.ok(limit.admits(first));
      limit.forwarded(first);
      first.requestForwarded(0);
    }
    assert.equal(limit.admits(first), false);
    assert.ok(limit.admits(second));
    limit.settled(1);
    assert.ok(limit.admits(first));
  });

  it('lets nobody in who waits for a turn, and as many as the turn allows then', () => {
    const limit = limits(100);
    const { connection } = fakeConnection();
    connection.isHeldBack = true;
    assert.equal(limit.admits(connection), false);
    connection.isHeldBack = false;
    connection.allowance = 3;
    let forwarded = 0;
    for (; limit.admits(connection); forwarded++) limit.forwarded(connection);
    assert.equal(forwarded, 3);
  });

  it('gives one that waits alone all the room, many that wait enough for a write each, and none where there is no room', () => {
    const limit = limits(1000);
    const { connection } = fakeConnection();
    assert.deepEqual(
      [1, 10, 31, 600].map((waiting) => limit.allowance(waiting)),
      [1000, 100, 32, 32],
    );
    for (let i = 0; i < 950; i++) limit.forwarded(connection);
    assert.deepEqual([limit.allowance(1), limit.allowance(600)], [50, 32]);
    for (let i = 0; i < 20; i++) limit.forwarded(connection);
    assert.equal(limit.allowance(1), 0);
  });

  it('can be as small as one', () => {
    const limit = limits(1);
    const { connection } = fakeConnection();
    assert.equal(limit.allowance(5), 1);
    limit.forwarded(connection);
    assert.equal(limit.allowance(5), 0);
  });
});
