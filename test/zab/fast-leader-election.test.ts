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

describe('an election', () => {
  it('of one server is over at once', () => {
    const network = new ElectionNetwork(ensembleOf(1));
    network.start(1, { zxid: 5n });
    assert.deepEqual(network.of(1).result, { leader: 1, zxid: 5n, peerEpoch: 0, round: 1 });
    assert.equal(network.of(1).nextDeadlineMs, Number.POSITIVE_INFINITY);
  });

  const orders: [name: string, votes: Partial<Vote>[], leader: number][] = [
    ['the highest sid, all else equal', [{}, {}, {}], 3],
    ['the longest history', [{ zxid: 0x100000002n }, { zxid: 0x100000003n }, {}], 2],
    ['the highest epoch before the longest history', [{ peerEpoch: 2 }, { zxid: 9n, peerEpoch: 1 }, {}], 1],
    ['zxids as signed longs', [{ zxid: 1n }, { zxid: -2n }, { zxid: -2n }], 1],
  ];
  for (const [name, votes, leader] of orders) {
    it(`is won by ${name}`, () => {
      const network = new ElectionNetwork(ensembleOf(3));
      network.connect();
      for (const [i, vote] of votes.entries()) network.start(i + 1, vote);
      network.settle();
      assert.deepEqual(network.leaders(), [leader, leader, leader], 'without any time passing');
    });
  }

  it('waits 200 ms for a better vote of a voter that may be there', () => {
    const network = new ElectionNetwork(ensembleOf(3));
    network.connect([1, 2, 3]);
    network.start(1);
    network.start(2);
    network.settle(({ to }) => to === 3);
    assert.deepEqual(network.leaders(), [null, null, null]);
    network.pass(199);
    assert.deepEqual(network.leaders(), [null, null, null]);
    network.pass(1);
    assert.deepEqual(network.leaders(), [2, 2, null]);
  });

  it('goes on when a better vote comes in that time, and waits anew', () => {
    const network = new ElectionNetwork(ensembleOf(5));
    network.connect();
    for (const sid of [1, 2, 3]) network.start(sid);
    network.settle(({ to }) => to > 3);
    network.pass(150);
    network.start(4);
    network.settle(({ to }) => to === 5);
    network.pass(150);
    assert.deepEqual(network.leaders(), [null, null, null, null, null]);
    network.pass(50);
    assert.deepEqual(network.leaders(), [4, 4, 4, 4, null]);
  });

  it('waits anew also if the better vote has a quorum at once', () => {
    const network = new ElectionNetwork(ensembleOf(3));
    network.connect();
    const election = network.of(1);
    const vote = (leader: number) => told({ leader, zxid: 0n, peerEpoch: 0 }, 1, PeerState.looking);
    election.start(0, { leader: 1, zxid: 0n, peerEpoch: 0 });
    election.notification(2, vote(2), 0);
    election.notification(3, vote(3), 150);
    election.advance(349);
    assert.equal(leaderOf(election), null);
    election.advance(350);
    assert.equal(leaderOf(election), 3);
  });

  it('does not wait for voters that cannot be reached', () => {
    const network = new ElectionNetwork(ensembleOf(5));
    network.connect([1, 2, 4]);
    for (const sid of [1, 2, 4]) network.start(sid);
    network.settle();
    assert.deepEqual(network.leaders(), [4, 4, null, 4, null]);
  });

  it('does not wait any longer when the last voter that is missing goes away', () => {
    const network = new ElectionNetwork(ensembleOf(3));
    network.connect();
    network.start(1);
    network.start(2);
    network.settle(({ to }) => to === 3);
    for (const sid of [1, 2]) network.of(sid).voterUnreachable(3);
    assert.deepEqual(network.leaders(), [2, 2, null]);
  });

  it('does not end at once with a leader that has gone away', () => {
    const network = new ElectionNetwork(ensembleOf(5));
    network.connect();
    const election = network.of(1);
    election.start(0, { leader: 1, zxid: 0n, peerEpoch: 0 });
    const vote = { leader: 5, zxid: 0n, peerEpoch: 0 };
    for (const sid of [2, 5]) election.notification(sid, told(vote, 1, PeerState.looking), 0);
    assert.equal(leaderOf(election), null);
    election.voterUnreachable(5);
    for (const sid of [3, 4]) election.notification(sid, told(vote, 1, PeerState.looking), 0);
    assert.equal(leaderOf(election), null, 'all who are left have voted for 5, but 5 is gone');
    election.advance(200);
    assert.equal(leaderOf(election), 5, 'the quorum port will tell');
  });

  it('votes by hearsay for a server that it has followed in vain only when nothing else comes of it', () => {
    const network = new ElectionNetwork(ensembleOf(3));
    network.connect();
    const election = network.of(2);
    election.start(0, { leader: 2, zxid: 0n, peerEpoch: 0 }, 3);
    const vote = { leader: 3, zxid: 7n, peerEpoch: 0 };
    election.notification(1, told(vote, 1, PeerState.looking), 0);
    for (const nowMs of [200, 600]) election.advance(nowMs);
    assert.equal(leaderOf(election), null);
    assert.ok(!network.pending.some(({ notification }) => notification.vote?.leader === 3));
    for (const nowMs of [1400, 1600]) election.advance(nowMs);
    assert.equal(leaderOf(election), 3, '1 would wait for ever');
  });

  it('votes at once for a server that it has followed in vain when that says what it votes for', () => {
    const network = new ElectionNetwork(ensembleOf(3));
    network.connect();
    const election = network.of(2);
    election.start(0, { leader: 2, zxid: 0n, peerEpoch: 0 }, 3);
    const vote = { leader: 3, zxid: 7n, peerEpoch: 0 };
    for (const sid of [1, 3]) election.notification(sid, told(vote, 1, PeerState.looking), 0);
    assert.equal(leaderOf(election), 3);
  });

  it('forgets the vote of a voter that went away', () => {
    const network = new ElectionNetwork(ensembleOf(3));
    network.connect();
    const election = network.of(2);
    election.start(0, { leader: 2, zxid: 0n, peerEpoch: 0 });
    election.notification(1, told({ leader: 2, zxid: 0n, peerEpoch: 0 }, 1, PeerState.looking), 0);
    assert.equal(leaderOf(election), null);
    election.voterUnreachable(1);
    election.advance(200);
    election.advance(400);
    assert.equal(leaderOf(election), null, 'its own vote alone is no quorum');
  });

  it('takes up a later round, and answers those who are behind', () => {
    const network = new ElectionNetwork(ensembleOf(3));
    network.connect();
    const election = network.of(1);
    for (let round = 1; round <= 3; round++) election.start(0, { leader: 1, zxid: 7n, peerEpoch: 0 });
    network.pending = [];
    election.notification(3, told({ leader: 3, zxid: 0n, peerEpoch: 0 }, 2, PeerState.looking), 0);
    assert.deepEqual(
      network.pending.map(({ to, notification }) => [to, notification.round, notification.vote?.leader]),
      [[3, 3, 1]],
    );
    network.pending = [];
    election.notification(2, told({ leader: 3, zxid: 6n, peerEpoch: 0 }, 9, PeerState.looking), 0);
    assert.equal(election.round, 9);
    assert.deepEqual(
      network.pending.map(({ to, notification }) => [to, notification.round, notification.vote?.leader]),
      [
        [2, 9, 1],
        [3, 9, 1],
      ],
      'its own vote is better',
    );
  });

  for (const first of [1, 2]) {
    it(`of those whose leader has died takes no time, also when ${first} notices first`, () => {
      const network = new ElectionNetwork(ensembleOf(3));
      network.connect();
      for (const sid of [1, 2, 3]) network.start(sid);
      network.settle();
      network.crash(3);
      network.start(first);
      network.settle();
      assert.equal(leaderOf(network.of(first)), null);
      network.start(3 - first);
      network.settle();
      assert.deepEqual(network.leaders(), [2, 2, null]);
    });
  }

  it('sends its vote again, less and less often, and tries connections every second', () => {
    const network = new ElectionNetwork(ensembleOf(3));
    const election = network.of(1);
    election.start(0, { leader: 1, zxid: 0n, peerEpoch: 0 });
    election.voterReachable(2, 0);
    election.voterUnreachable(3, 0);
    const resends: number[] = [];
    const tries: number[] = [];
    let nowMs = 0;
    while (nowMs < 30_000) {
      network.pending = [];
      network.reconnects.length = 0;
      nowMs = election.nextDeadlineMs;
      election.advance(nowMs);
      if (network.pending.length > 0) resends.push(nowMs);
      for (const { to } of network.reconnects) {
        assert.deepEqual(to, [3]);
        tries.push(nowMs);
      }
    }
    assert.deepEqual(resends, [200, 600, 1400, 3000, 6200, 12_600, 25_400]);
    for (const [i, at] of tries.slice(1).entries()) assert.ok(at - tries[i] <= 1000, `${tries[i]} ${at}`);
    assert.deepEqual(network.reports, [
      '1 warn: no leader after 6 s (round 1): heard of servers: none; not connected: 3',
      '1 warn: no leader after 13 s (round 1): heard of servers: none; not connected: 3',
      '1 warn: no leader after 25 s (round 1): heard of servers: none; not connected: 3',
    ]);
    network.pending = [];
    election.voterReachable(3, nowMs);
    assert.deepEqual(
      network.pending.map(({ to }) => to),
      [3],
      'told at once',
    );
    assert.equal(election.nextDeadlineMs, nowMs + 200);
  });

  it('ignores what cannot count', () => {
    const network = new ElectionNetwork(ensembleOf(3, 1));
    network.connect();
    const election = network.of(3);
    election.start(0, { leader: 3, zxid: 0n, peerEpoch: 0 });
    network.pending = [];
    const best = { leader: 3, zxid: 0n, peerEpoch: 0 };
    const useless: [from: number, notification: Notification][] = [
      [4, told(best, 1, PeerState.following)],
      [9, told(best, 1, PeerState.following)],
      [2, told({ ...best, leader: 4 }, 1, PeerState.looking)],
      [2, told({ ...best, leader: 77 }, 1, PeerState.leading)],
      [2, told(null, 1, PeerState.looking)],
      [2, told(best, 1, PeerState.observing)],
      [2, told({ ...best, zxid: -1n }, 1, PeerState.looking)],
      [2, told(best, 2 ** 60, PeerState.looking)],
      [2, told(best, -3, PeerState.looking)],
      [2, told(best, Number.NaN, PeerState.looking)],
      [3, told(best, 7, PeerState.looking)],
    ];
    for (const [from, notification] of useless) election.notification(from, notification, 0);
    assert.equal(leaderOf(election), null);
    assert.equal(election.round, 1);
    assert.deepEqual(network.pending, []);
    assert.equal(network.reports.length, 3);
    election.notification(2, told(best, 1, PeerState.looking), 0);
    election.notification(1, told(best, 1, PeerState.looking), 0);
    assert.equal(leaderOf(election), 3);
  });

  it('says nothing before it has begun', () => {
    const network = new ElectionNetwork(ensembleOf(3));
    network.connect();
    network.of(1).notification(2, told({ leader: 2, zxid: 0n, peerEpoch: 0 }, 1, PeerState.looking), 0);
    assert.deepEqual(network.pending, []);
    network.of(1).advance(5000);
    assert.equal(network.of(1).nextDeadlineMs, Number.POSITIVE_INFINITY);
  });
});

describe('votes that are void', () => {
  const looks = (leader: number, round: number) =>
    told({ leader, zxid: 0n, peerEpoch: 0 }, round, PeerState.looking);

  function started(sid: number, voters = 3): FastLeaderElection {
    const network = new ElectionNetwork(ensembleOf(voters, 1));
    network.connect();
    const election = network.of(sid);
    election.start(0, { leader: sid, zxid: 0n, peerEpoch: 0 });
    return election;
  }

  it('one of a voter that has found a leader in another round', () => {
    const election = started(2);
    election.notification(1, looks(2, 1), 0);
    assert.equal(election.nextDeadlineMs, 200);
    election.notification(1, told({ leader: 3, zxid: 0n, peerEpoch: 0 }, 9, PeerState.following), 0);
    election.advance(200);
    assert.equal(leaderOf(election), null);
  });

  it('one of a voter that has begun anew in an earlier round', () => {
    const election = started(2);
    election.start(0, { leader: 2, zxid: 0n, peerEpoch: 0 });
    election.notification(1, looks(2, 2), 0);
    election.notification(1, looks(1, 1), 0);
    election.advance(200);
    assert.equal(leaderOf(election), null);
  });

  it('those of an earlier round', () => {
    const election = started(1, 5);
    election.notification(2, looks(5, 1), 0);
    election.notification(3, looks(5, 2), 0);
    election.advance(200);
    assert.equal(leaderOf(election), null, 'two of five in this round');
    election.notification(2, looks(5, 2), 200);
    election.advance(400);
    assert.equal(leaderOf(election), 5);
  });

  it('those of rounds that no ensemble reaches', () => {
    const election = started(1);
    election.notification(2, looks(2, 2 ** 50), 0);
    assert.equal(election.round, 1);
  });
});

describe('a server whose database may not vote', () => {
  it('neither leads nor counts nor is waited for, and is told who leads', () => {
    const network = new ElectionNetwork(ensembleOf(3));
    network.connect();
    network.start(3, { zxid: -1n });
    network.settle();
    network.start(1);
    network.settle();
    network.pass(200);
    network.settle();
    assert.deepEqual(network.leaders(), [null, null, null]);
    network.start(2);
    network.settle();
    assert.deepEqual(network.leaders(), [2, 2, 2], 'without any time passing');
  });
});

describe('a server that weighs nothing', () => {
  it('never leads, whatever it has', () => {
    const lines = ['group.1=1:2:3', 'weight.3=0'];
    const network = new ElectionNetwork(ensembleOf(3, 0, lines));
    network.connect();
    network.start(1);
    network.start(2);
    network.start(3, { zxid: 99n, peerEpoch: 9 });
    network.settle();
    assert.deepEqual(network.leaders(), [2, 2, 2]);
  });
});
