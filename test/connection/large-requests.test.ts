import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { ClientConnection } from '../../src/connection/client-connection.ts';
import { LARGE_REQUESTS_BYTES, LargeRequests } from '../../src/connection/large-requests.ts';

function setUp(thresholdBytes = 100, bytesMax = 1000) {
  const memory = new SharedArrayBuffer(LARGE_REQUESTS_BYTES);
  const connect = (id: number) =>
    new ClientConnection(id, new Socket(), { address: '127.0.0.1', identities: [] }, id, 0);
  return {
    counted: new Int32Array(memory),
    limit: new LargeRequests(memory, thresholdBytes, bytesMax),
    other: new LargeRequests(memory, thresholdBytes, bytesMax),
    connect,
  };
}

test('small requests do not count, large ones count once, over all workers', () => {
  const { counted, limit, other, connect } = setUp();
  const [first, second] = [connect(1), connect(2)];
  assert.equal(limit.admits(first, 100), true);
  assert.equal(counted[0], 0);
  assert.equal(limit.admits(first, 600), true);
  assert.equal(limit.admits(first, 600), true, 'the same frame, looked at again');
  assert.equal(counted[0], 600);
  assert.equal(other.admits(second, 401), false);
  assert.equal(counted[0], 600);
  assert.equal(other.admits(second, 400), true);
  limit.closed(first);
  other.closed(second);
  assert.equal(counted[0], 0);
});

test('what was answered at once, and what main answers, no longer counts', () => {
  const { counted, limit, connect } = setUp();
  const connection = connect(1);
  const forward = (bytes: number) => {
    assert.equal(limit.admits(connection, bytes), true);
    connection.requestForwarded(0);
    if (connection.largeFrameBytes > 0) limit.dealtWith(connection, true);
  };
  const answer = () => {
    connection.requestAnswered();
    limit.answered(connection);
    return counted[0];
  };
  limit.admits(connection, 500);
  limit.dealtWith(connection, false);
  assert.equal(counted[0], 0);
  forward(10);
  forward(200);
  forward(20);
  forward(300);
  assert.equal(counted[0], 500);
  assert.deepEqual([answer(), answer(), answer(), answer()], [500, 300, 300, 0]);
});

test('the limit is off by default', () => {
  const { counted, limit, connect } = setUp(0, 10);
  assert.equal(limit.admits(connect(1), 1_000_000), true);
  assert.equal(counted[0], 0);
});
