import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LeaderSessions } from '../../src/session/leader-sessions.ts';
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
  assert.equal(sessions.revalidate(1, 7, 400, 2, 1_000), true);
  assert.equal(sessions.requested(1, 7, 3).isMoved, true);
  assert.equal(sessions.requested(1, 7, 2).isMoved ?? false, false);
});

test('a session that is not known, not made yet or closing is not revalidated', () => {
  const { sessions, tracker } = make();
  assert.equal(sessions.revalidate(5, 5, 400, 2, 1_000), false);
  sessions.created(1, 8, 400, 2, 1_000);
  assert.equal(sessions.revalidate(1, 8, 400, 2, 1_000), false);
  tracker.get(1, 7)!.isClosing = true;
  assert.equal(sessions.revalidate(1, 7, 400, 2, 1_000), false);
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
