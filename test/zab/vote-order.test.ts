import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PeerState } from '../../src/zab/peer-state.ts';
import { MajorityQuorum } from '../../src/zab/quorum-verifier.ts';
import type { Vote } from '../../src/zab/vote.ts';
import {
  type CastVote,
  countsForSameLeader,
  isBetterVote,
  isSameProposal,
} from '../../src/zab/vote-order.ts';

const verifier = new MajorityQuorum([1, 2, 3]);
const anyVote = fc.record({
  leader: fc.integer({ min: 1, max: 3 }),
  zxid: fc.bigInt({ min: -1n, max: 2n }),
  peerEpoch: fc.nat(2),
});

test('votes have one order: of two different ones exactly one is better', () => {
  fc.assert(
    fc.property(anyVote, anyVote, anyVote, (a, b, c) => {
      const better = (x: Vote, y: Vote) => isBetterVote(x, y, verifier);
      assert.equal(Number(better(a, b)) + Number(better(b, a)), isSameProposal(a, b) ? 0 : 1);
      if (better(a, b) && better(b, c)) assert.ok(better(a, c));
    }),
  );
});

test('anybody is better than nobody, and nobody than none', () => {
  const vote: Vote = { leader: 1, zxid: 0n, peerEpoch: 0 };
  assert.equal(isBetterVote(vote, null, verifier), true);
  assert.equal(isBetterVote(null, vote, verifier), false);
  assert.equal(isBetterVote(null, null, verifier), false);
  assert.equal(isSameProposal(null, null), true);
  assert.equal(isSameProposal(null, vote), false);
});

test('votes count together: all fields while somebody looks, leader and epoch among the decided', () => {
  const looking: CastVote = {
    ...{ leader: 3, zxid: 5n, peerEpoch: 2, round: 4 },
    ...{ state: PeerState.looking, version: 2 },
  };
  const following: CastVote = { ...looking, state: PeerState.following };
  const changes: [Partial<CastVote>, ofLooking: boolean, ofDecided: boolean][] = [
    [{}, true, true],
    [{ leader: 2 }, false, false],
    [{ zxid: 6n }, false, true],
    [{ round: 5 }, false, true],
    [{ peerEpoch: 3 }, false, false],
    [{ peerEpoch: 3, version: 0 }, false, true],
    [{ state: PeerState.leading }, true, true],
  ];
  for (const [change, ofLooking, ofDecided] of changes) {
    const other = { ...following, ...change };
    assert.equal(countsForSameLeader(looking, other), ofLooking, JSON.stringify(Object.keys(change)));
    assert.equal(countsForSameLeader(other, looking), ofLooking);
    assert.equal(countsForSameLeader(following, other), ofDecided);
    assert.equal(countsForSameLeader(other, following), ofDecided);
  }
});
