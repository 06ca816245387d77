import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { AppliedTo, type SessionWrite, SessionWrites } from '../../src/server/session-writes.ts';

function write(cxid: number, isSync = false, session = 7): SessionWrite<string> {
  return { sessionHigh: 1, sessionLow: session, cxid, isSync, request: `${session}/${cxid}` };
}

function attached(): SessionWrites<string> {
  const writes = new SessionWrites<string>();
  writes.attached(1, 7, 2, 100);
  return writes;
}

test('a txn answers the oldest write of its session, by cxid', () => {
  const writes = attached();
  writes.add(write(1));
  writes.add(write(2));
  assert.equal(writes.applied(1, 7, 1, 2, 101, ErrorCode.NONODE), AppliedTo.write);
  assert.equal(writes.answered?.request, '7/1');
  assert.equal(writes.applied(9, 9, 2, 2, 102, 0), AppliedTo.nobody);
  assert.equal(writes.answered, null);
  assert.equal(writes.applied(1, 7, 2, 2, 103, 0), AppliedTo.write);
  assert.equal(writes.size, 0);
});

test('a txn of the session that did not come through its connection says that it has moved', () => {
  const writes = attached();
  writes.add(write(5));
  assert.equal(writes.applied(1, 7, 6, 2, 101, 0), AppliedTo.moved);
  assert.equal(writes.applied(1, 7, 4, 3, 1, 0), AppliedTo.moved);
});

test('what was proposed before the connection concerns nobody, even with the same cxid', () => {
  const writes = attached();
  writes.add(write(1));
  assert.equal(writes.applied(1, 7, 1, 2, 100, 0), AppliedTo.nobody);
  assert.equal(writes.applied(1, 7, 1, 1, 0xffffffff, 0), AppliedTo.nobody);
  assert.equal(writes.applied(1, 7, 1, 2, 101, 0), AppliedTo.write);
});

test('SESSIONMOVED concerns the connection that sent the write, and no other', () => {
  const writes = attached();
  writes.add(write(5));
  assert.equal(writes.applied(1, 7, 3, 2, 101, ErrorCode.SESSIONMOVED), AppliedTo.nobody);
  assert.equal(writes.applied(1, 7, 5, 2, 102, ErrorCode.SESSIONMOVED), AppliedTo.moved);
});

test('a move of the session is known by its cxid, unless the connection is the one that it has moved to', () => {
  const writes = attached();
  assert.equal(writes.applied(1, 7, 0, 2, 100, ErrorCode.SESSIONMOVED), AppliedTo.nobody);
  assert.equal(writes.applied(1, 7, 0, 2, 101, ErrorCode.SESSIONMOVED), AppliedTo.moved);
  writes.add(write(5));
  assert.equal(writes.applied(1, 7, 0, 2, 102, ErrorCode.SESSIONMOVED), AppliedTo.moved);
});

test('syncs are answered in the order in which they were sent, over all sessions', () => {
  const writes = attached();
  writes.attached(1, 8, 2, 100);
  writes.add(write(1, true));
  writes.add(write(1, true, 8));
  writes.add(write(2, true));
  writes.detached(1, 8);
  assert.equal(writes.synced()?.request, '7/1');
  assert.equal(writes.synced(), null, 'nobody waits for this one any more');
  assert.equal(writes.synced()?.request, '7/2');
  assert.equal(writes.synced(), null);
  assert.equal(writes.size, 0);
});

test('a write takes along the syncs before it', () => {
  const writes = attached();
  writes.add(write(1, true));
  writes.add(write(2, true));
  writes.add(write(3));
  writes.add(write(4));
  assert.equal(writes.applied(1, 7, 3, 2, 101, 0), AppliedTo.write);
  assert.deepEqual(
    writes.syncsBefore.map(({ cxid }) => cxid),
    [1, 2],
  );
  assert.equal(writes.size, 1);
  // The leader's answers to them come all the same.
  assert.equal(writes.synced(), null);
  assert.equal(writes.applied(1, 7, 4, 2, 102, 0), AppliedTo.write);
  assert.deepEqual(writes.syncsBefore, []);
});

test('to another leader goes, in order, what its history does not hold', () => {
  const writes = attached();
  for (const next of [write(1), write(2, true), write(3), write(4)]) writes.add(next);
  const again = writes.again(({ cxid }) => cxid === 1);
  assert.deepEqual(
    again.map(({ cxid }) => cxid),
    [2, 3, 4],
  );
  assert.equal(writes.size, 4);
  assert.equal(writes.applied(1, 7, 1, 3, 1, 0), AppliedTo.write);
  assert.equal(writes.synced()?.cxid, 2);
  assert.deepEqual(writes.sessionsInDoubt(), [[1, 7]]);
});

test('a session with nothing but syncs is not in doubt', () => {
  const writes = attached();
  writes.add(write(1, true));
  assert.deepEqual(writes.sessionsInDoubt(), []);
  writes.clear();
  assert.equal(writes.isAttached(1, 7), false);
  assert.equal(writes.size, 0);
  assert.throws(() => writes.add(write(2)), /not connected/);
});
