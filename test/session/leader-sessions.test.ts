import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LeaderSessions, Revalidation } from '../../src/session/leader-sessions.ts';
import { SessionTracker } from '../../src/session/session-tracker.ts';

function make(): { sessions: LeaderSessions; tracker: SessionTracker } {
  const tracker = new SessionTracker(
    { tickTimeMs: 100, sessionsMax: 4, touchTable: new Int32Array(4) },
    1_000,
  );
  const session = tracker.add(1, 7, 400, 1_000);
  session.isCommitted = true;
  return { sessions: new LeaderSessions(tracker), tracker };
}

test('the first server heard of owns a session whose owner is not known', () => {
  const { sessions } = make();
  assert.equal(sessions.requested(1, 7, 3).isMoved ?? false, false);
  assert.equal(sessions.requested(1, 7, 2).isMoved, true);
  assert.equal(sessions.requested(1, 7, 3).isMoved ?? false, false);
});

test('a session goes to the server that revalidates it', () => {
  const { sessions } = make();
  sessions.requested(1, 7, 3);
  assert.equal(sessions.revalidate(1, 7, 400, 2, 1_000), Revalidation.moved);
  assert.equal(sessions.revalidate(1, 7, 400, 2, 1_000), Revalidation.kept);
  assert.equal(sessions.requested(1, 7, 3).isMoved, true);
  assert.equal(sessions.requested(1, 7, 2).isMoved ?? false, false);
});

test('a session that is not known, not made yet or closing is not revalidated', () => {
  const { sessions, tracker } = make();
  assert.equal(sessions.revalidate(5, 5, 400, 2, 1_000), Revalidation.refused);
  sessions.created(1, 8, 400, 2, 1_000);
  assert.equal(sessions.revalidate(1, 8, 400, 2, 1_000), Revalidation.refused);
  tracker.get(1, 7)!.isClosing = true;
  assert.equal(sessions.revalidate(1, 7, 400, 2, 1_000), Revalidation.refused);
});

test('requests of a session that is not known are refused as those of one that ends', () => {
  const { sessions } = make();
  assert.equal(sessions.requested(5, 5, 2).isClosing, true);
});

test('a close through the wrong server closes the session all the same', () => {
  const { sessions, tracker } = make();
  sessions.requested(1, 7, 3);
  const moved = sessions.requested(1, 7, 2);
  moved.isClosing = true;
  assert.equal(tracker.get(1, 7)?.isClosing, true);
  assert.equal(sessions.requested(1, 7, 3).isClosing, true);
});

test('a learner’s word keeps a session alive, with the timeout that it negotiated', () => {
  const { sessions, tracker } = make();
  sessions.heard(1, 7, 1_000, 1_300);
  sessions.heard(9, 9, 1_000, 1_300);
  assert.deepEqual(tracker.takeExpired(2_250), []);
  assert.equal(tracker.takeExpired(2_500).length, 1);
});

test('where sessions may be local, one that is not known passes as another server’s, unless it is of this one or has ended', () => {
  const { tracker } = make();
  const sessions = new LeaderSessions(tracker, 5);
  const elsewhere = sessions.requested(0x04000000, 9, 4);
  assert.equal(elsewhere.isClosing, false);
  assert.equal(elsewhere.isLocal, true);
  assert.equal(elsewhere.isElsewhere, true);
  assert.equal(sessions.requested(0x05000000, 9, 4).isClosing, true);
  assert.equal(sessions.requested(0xff000000 | 0, 9, 4).isClosing, false);
  sessions.ended(0x04000000, 9);
  assert.equal(sessions.requested(0x04000000, 9, 4).isClosing, true);
  assert.equal(sessions.revalidate(0x04000000, 10, 400, 4, 1_000), Revalidation.refused);
});

test('so many ends are remembered as matter, and no more', () => {
  const sessions = new LeaderSessions(make().tracker, 5);
  for (let low = 0; low < 200_000; low++) sessions.ended(0x04000000, low);
  assert.equal(sessions.requested(0x04000000, 199_999 - 32_000, 4).isClosing, true);
  assert.equal(sessions.requested(0x04000000, 0, 4).isClosing, false);
});

test('whether a session has moved cannot be told while its owner is not known', () => {
  const { sessions } = make();
  assert.equal(sessions.revalidate(1, 7, 400, 2, 1_000), Revalidation.moved);
});
