import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ElectionNetwork, ensembleOf } from './election-network.ts';

describe('any election', () => {
  const histories = fc.array(fc.record({ epoch: fc.nat(2), counter: fc.nat(3) }), {
    minLength: 3,
    maxLength: 5,
  });

  it('ends with one leader that has the best history of a quorum, in any order of messages', () => {
    fc.assert(
      fc.property(
        histories,
        fc.infiniteStream(fc.nat(1000)),
        fc.boolean(),
        (servers, choices, isConnected) => {
          const network = new ElectionNetwork(ensembleOf(servers.length));
          if (isConnected) network.connect();
          for (const [i, { epoch, counter }] of servers.entries())
            network.start(i + 1, { zxid: BigInt(counter), peerEpoch: epoch });
          for (let turn = 0; network.leaders().includes(null); turn++) {
            assert.ok(turn < 50, 'no leader after ten seconds');
            // From one server to another messages keep their order; else any can be the next.
            while (network.pending.length > 0) {
              const pick = network.pending[choices.next().value % network.pending.length];
              const first = network.pending.findIndex(({ from, to }) => from === pick.from && to === pick.to);
              network.deliver(first);
            }
            network.pass(200);
          }
          assert.equal(new Set(network.leaders()).size, 1);
          const best = Math.max(...servers.map(({ epoch }) => epoch));
          const [leader] = network.leaders();
          if (isConnected) assert.equal(servers[(leader ?? 0) - 1].epoch, best);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('finds a leader among those who are left, whatever was lost before', () => {
    const faults = fc.array(fc.nat(999), { minLength: 5, maxLength: 60 });
    fc.assert(
      fc.property(fc.constantFrom(3, 5), faults, (voters, steps) => {
        const network = new ElectionNetwork(ensembleOf(voters));
        const minority = (voters - 1) / 2;
        network.connect();
        for (let sid = 1; sid <= voters; sid++) network.start(sid);
        for (const step of steps) {
          const sid = (step % voters) + 1;
          if (step % 7 === 0) {
            network.crash(sid);
            network.start(sid, { zxid: BigInt(step % 3) });
            network.connect();
          } else if (step % 7 === 1) network.start(sid, { zxid: BigInt(step % 3) });
          else if (step % 7 === 2) network.pass(step);
          else if (network.pending.length > 0) {
            if (step % 7 === 3) network.pending.splice(step % network.pending.length, 1);
            else network.deliver();
          }
        }
        // Now a minority stays dead and everybody else, having lost touch with all, looks again.
        const alive = Array.from({ length: voters - minority }, (_, i) => i + 1);
        for (let sid = voters - minority + 1; sid <= voters; sid++) network.crash(sid);
        for (const sid of alive) network.start(sid);
        network.connect(alive);
        const isFound = () => new Set(alive.map((sid) => network.of(sid).result?.leader)).size === 1;
        for (let turn = 0; !isFound() || network.of(1).result === null; turn++) {
          assert.ok(turn < 100, `no leader after ${turn} turns: ${network.leaders().join()}`);
          network.settle(({ to }) => !alive.includes(to));
          network.pass(200);
          // A message of a former life may have misled one of them. The quorum port tells a follower at once that
          // nobody leads there, and a leader, after initLimit, that nobody follows: they look again.
          for (const sid of alive) {
            const leader = network.of(sid).result?.leader;
            if (leader === undefined) continue;
            const isLonely = leader === sid && turn % 10 === 9 && !isFound();
            if (isLonely || network.of(leader).result?.leader !== leader) network.start(sid);
          }
        }
        assert.ok(alive.includes(network.of(1).result?.leader ?? 0));
      }),
      { numRuns: 300 },
    );
  });
});
