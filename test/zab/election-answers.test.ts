import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FastLeaderElection } from '../../src/zab/fast-leader-election.ts';
import { PeerState } from '../../src/zab/peer-state.ts';
import type { Notification, Vote } from '../../src/zab/vote.ts';
import { ElectionNetwork, ensembleOf } from './election-network.ts';

function told(vote: Vote | null, round: number, state: PeerState, version = 2): Notification {
  return { vote, round, state, version, config: '' };
}

function leaderOf(election: FastLeaderElection): number | null {
  return election.result?.leader ?? null;
}

describe('who looks while others have a leader', () => {
  function withLeader(): ElectionNetwork {
    const network = new ElectionNetwork(ensembleOf(3, 1));
    network.connect([1, 2, 3, 4]);
    for (const sid of [1, 2, 3]) network.start(sid);
    network.settle();
    assert.deepEqual(network.leaders(), [3, 3, 3, null]);
    return network;
  }

  it('learns of it by asking', () => {
    const network = withLeader();
    network.crash(1);
    network.connect([1, 2, 3]);
    network.start(1);
    network.settle();
    assert.equal(network.of(1).result?.leader, 3);
  });

  it('is told when it gets its connections, before it asks', () => {
    const network = withLeader();
    network.crash(1);
    network.start(1);
    network.pending = [];
    network.connect([1, 2, 3]);
    network.settle(({ from }) => from === 1);
    assert.equal(leaderOf(network.of(1)), 3);
  });

  it('learns of it though the others are synchronised and rounds ahead', () => {
    const network = withLeader();
    const vote = { leader: 3, zxid: 0n, peerEpoch: 8 };
    network.of(2).setFinalVote(vote, 5, PeerState.following);
    network.of(3).setFinalVote(vote, 6, PeerState.leading);
    network.crash(1);
    network.connect([1, 2, 3]);
    network.start(1, { zxid: 99n, peerEpoch: 7 });
    network.settle();
    assert.equal(network.of(1).result?.leader, 3);
    assert.equal(network.of(1).result?.peerEpoch, 8);
  });

  it('does not believe a leader that nobody follows, nor followers whose leader is silent', () => {
    const network = new ElectionNetwork(ensembleOf(5));
    network.connect();
    const election = network.of(1);
    const vote = { leader: 3, zxid: 0n, peerEpoch: 2 };
    election.start(0, { leader: 1, zxid: 0n, peerEpoch: 1 });
    election.notification(3, told(vote, 4, PeerState.leading), 0);
    election.notification(2, told(vote, 4, PeerState.following), 0);
    assert.equal(leaderOf(election), null);
    election.voterUnreachable(3);
    for (const sid of [4, 5]) election.notification(sid, told(vote, 4, PeerState.following), 0);
    assert.equal(leaderOf(election), null, 'three follow, but the leader is gone');
    election.notification(3, told(vote, 4, PeerState.leading), 0);
    assert.equal(leaderOf(election), 3);
  });

  it('does not take followers of its former life for a mandate', () => {
    const network = new ElectionNetwork(ensembleOf(3));
    network.connect();
    const election = network.of(3);
    election.start(0, { leader: 3, zxid: 0x200000007n, peerEpoch: 2 });
    const former = { leader: 3, zxid: 0x100000009n, peerEpoch: 2 };
    for (const sid of [1, 2]) election.notification(sid, told(former, 1, PeerState.following), 0);
    election.advance(200);
    assert.equal(leaderOf(election), null);
    const own = { leader: 3, zxid: 0x200000007n, peerEpoch: 2 };
    election.notification(1, told(own, 1, PeerState.following), 200);
    assert.equal(leaderOf(election), 3, 'this one has voted for what it is now');
  });

  it('a decided voter that looks again no longer counts as a follower', () => {
    const network = new ElectionNetwork(ensembleOf(3));
    network.connect();
    const election = network.of(1);
    const vote = { leader: 3, zxid: 0n, peerEpoch: 2 };
    election.start(0, { leader: 1, zxid: 0n, peerEpoch: 2 });
    election.notification(2, told(vote, 4, PeerState.following), 0);
    election.notification(2, told({ leader: 2, zxid: 0n, peerEpoch: 2 }, 1, PeerState.looking), 0);
    election.notification(3, told(vote, 4, PeerState.leading), 0);
    assert.equal(leaderOf(election), null);
  });

  it('an observer finds the leader, and nobody counts it', () => {
    const network = withLeader();
    network.start(4);
    assert.ok(network.pending.every(({ notification }) => notification.vote === null));
    network.settle();
    assert.equal(network.of(4).result?.leader, 3);
    network.of(4).notification(1, told({ leader: 1, zxid: 0n, peerEpoch: 0 }, 3, PeerState.looking), 0);
    assert.deepEqual(network.pending, [], 'and it answers nobody');
  });

  it('an observer that asked too early is told when there is a leader', () => {
    const network = new ElectionNetwork(ensembleOf(3, 1));
    network.connect();
    network.start(1);
    for (let round = 1; round <= 7; round++) network.start(4);
    network.settle();
    assert.equal(network.of(4).result, null);
    for (const sid of [2, 3]) network.start(sid);
    network.settle();
    assert.deepEqual(network.leaders(), [3, 3, 3, 3], 'without any time passing');
  });

  it('an observer that is rounds ahead is answered when there is something to say', () => {
    const network = new ElectionNetwork(ensembleOf(3, 1));
    network.connect();
    const election = network.of(1);
    election.start(0, { leader: 1, zxid: 0n, peerEpoch: 0 });
    network.pending = [];
    election.notification(4, told(null, 5, PeerState.looking), 0);
    assert.equal(network.pending.length, 0, "Apache's observers would reply to it, without end");
    election.setFinalVote({ leader: 1, zxid: 0n, peerEpoch: 0 }, 1, PeerState.leading);
    assert.deepEqual(
      network.pending.map(({ to, notification }) => [to, notification.state]),
      [[4, PeerState.leading]],
    );
  });

  it('followers and leader of its own round agree whether or not they are synchronised', () => {
    const network = new ElectionNetwork(ensembleOf(3));
    const election = network.of(1);
    election.start(0, { leader: 1, zxid: 0n, peerEpoch: 0 });
    election.notification(2, told({ leader: 3, zxid: 0n, peerEpoch: 0 }, 1, PeerState.following), 0);
    election.notification(3, told({ leader: 3, zxid: 0n, peerEpoch: 1 }, 1, PeerState.leading), 0);
    assert.equal(leaderOf(election), 3);
  });

  it('votes of old layouts, which have no epoch, count by their leader', () => {
    const network = new ElectionNetwork(ensembleOf(3));
    const election = network.of(1);
    election.start(0, { leader: 1, zxid: 0n, peerEpoch: 0 });
    election.notification(2, told({ leader: 3, zxid: 0n, peerEpoch: 0 }, 4, PeerState.following, 0), 0);
    election.notification(3, told({ leader: 3, zxid: 0n, peerEpoch: 6 }, 4, PeerState.leading), 0);
    assert.equal(leaderOf(election), 3);
  });
});
