import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LearnerHandler } from '../../src/zab/learner-handler.ts';

const INIT_MS = 20_000;
const SYNC_MS = 10_000;

function synchronised(nowMs: number): LearnerHandler {
  const learner = new LearnerHandler(1, nowMs);
  learner.introduce(
    {
      type: 'learnerInfo',
      isObserver: false,
      acceptedEpoch: 1,
      sid: 2,
      protocolVersion: 0x10000,
      configVersion: 0n,
    },
    true,
  );
  learner.stage = 'synchronised';
  return learner;
}

test('who is silent for syncLimit is complained of; while it synchronises, initLimit is added', () => {
  const learner = synchronised(0);
  assert.equal(learner.complaint(SYNC_MS, 0, INIT_MS, SYNC_MS), null);
  assert.match(learner.complaint(SYNC_MS + 1, 0, INIT_MS, SYNC_MS)!, /nothing was heard of it for 10001 ms/);
  learner.heard(5000);
  assert.equal(learner.complaint(SYNC_MS + 1, 0, INIT_MS, SYNC_MS), null);
  learner.stage = 'synchronising';
  assert.equal(learner.complaint(5000 + INIT_MS + SYNC_MS, 0, INIT_MS, SYNC_MS), null);
  assert.notEqual(learner.complaint(5001 + INIT_MS + SYNC_MS, 0, INIT_MS, SYNC_MS), null);
});

test('who acknowledges nothing for syncLimit is complained of, however alive', () => {
  const learner = synchronised(0);
  const complaintAt = (ms: number, proposed: number) => {
    learner.heard(ms);
    return learner.complaint(ms, proposed, INIT_MS, SYNC_MS);
  };
  assert.equal(complaintAt(1000, 0), null);
  // Proposed some time after 1000, seen at 2000.
  assert.equal(complaintAt(2000, 5), null);
  assert.equal(complaintAt(12_000, 9), null);
  assert.match(complaintAt(12_001, 9)!, /not acknowledged a proposal for 10001 ms/);
  // It goes on: the next look begins a new wait.
  learner.acknowledged = 5;
  assert.equal(complaintAt(12_002, 9), null);
  assert.equal(complaintAt(22_002, 9), null);
  assert.notEqual(complaintAt(22_003, 9), null);
  learner.acknowledged = 9;
  assert.equal(complaintAt(60_000, 9), null);
});

test('an observer acknowledges nothing', () => {
  const learner = synchronised(0);
  learner.isObserver = true;
  for (const ms of [1000, 30_000]) {
    learner.heard(ms);
    assert.equal(learner.complaint(ms, 7, INIT_MS, SYNC_MS), null);
  }
});

test('an observer has no vote, whatever the list says', () => {
  const learner = new LearnerHandler(1, 0);
  assert.equal(learner.name, 'connection 1');
  const info = {
    type: 'learnerInfo',
    acceptedEpoch: 1,
    sid: 2,
    protocolVersion: 0x10000,
    configVersion: 0n,
  } as const;
  learner.introduce({ ...info, isObserver: true }, true);
  assert.equal(learner.isVoter, false);
  assert.equal(learner.name, 'observer 2');
});
