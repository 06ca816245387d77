import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Acknowledgements } from '../../src/zab/acknowledgements.ts';
import { MajorityQuorum } from '../../src/zab/quorum-verifier.ts';

function acknowledgements(voters: readonly number[]): Acknowledgements {
  return new Acknowledgements(new MajorityQuorum(voters), 1, 0);
}

function toBigInt(epoch: number, counter: number): bigint {
  return (BigInt(epoch) << 32n) | BigInt(counter >>> 0);
}

describe('acknowledgements', () => {
  it('of a standalone server commit at once', () => {
    const acks = acknowledgements([1]);
    assert.equal(acks.acknowledge(1, 1, 1), true);
    assert.equal(acks.committed.toString(), '0x100000001');
    assert.equal(acks.acknowledge(1, 1, 1), false, 'nothing new');
    assert.equal(acks.acknowledge(1, 1, 5), true);
    assert.equal(acks.committed.toString(), '0x100000005');
  });

  it('commit what a majority of three has', () => {
    const acks = acknowledgements([1, 2, 3]);
    assert.equal(acks.acknowledge(1, 1, 9), false);
    assert.equal(acks.acknowledge(2, 1, 4), true);
    assert.equal(acks.committed.toString(), '0x100000004');
    assert.equal(acks.acknowledge(3, 1, 6), true);
    assert.equal(acks.committed.toString(), '0x100000006');
    assert.equal(acks.acknowledge(2, 1, 5), false, 'fewer than another pair has');
    assert.equal(acks.acknowledge(2, 1, 3), false, 'an acknowledgement that was overtaken');
    assert.equal(acks.committed.toString(), '0x100000006');
  });

  it('start from what is committed already', () => {
    const acks = new Acknowledgements(new MajorityQuorum([1, 2, 3]), 2, 50);
    assert.equal(acks.acknowledge(1, 2, 10), false);
    assert.equal(acks.acknowledge(2, 2, 40), false);
    assert.equal(acks.committed.toString(), '0x200000032');
    assert.equal(acks.acknowledge(1, 2, 51), false);
    assert.equal(acks.acknowledge(2, 2, 51), true);
  });

  it('commit the highest zxid that a quorum has acknowledged, and never go back', () => {
    const ensembles = fc.constantFrom([1], [1, 2, 3], [1, 2, 3, 4, 5], [10, 20]);
    const anyAck = fc.record({
      voter: fc.nat(5),
      epoch: fc.integer({ min: 1, max: 2 }),
      counter: fc.oneof(fc.nat(12), fc.integer({ min: 0x7ffffffe, max: 0x80000001 })),
    });
    fc.assert(
      fc.property(ensembles, fc.array(anyAck, { maxLength: 60 }), (voters, acks) => {
        const subject = acknowledgements(voters);
        const highest = new Map<number, bigint>();
        let committed = toBigInt(1, 0);
        for (const { voter, epoch, counter } of acks) {
          // One beyond the voters: an observer, whose acknowledgements count for nothing.
          const sid =
            voter % (voters.length + 1) === voters.length ? 99 : voters[voter % (voters.length + 1)];
          const before = committed;
          const zxid = toBigInt(epoch, counter);
          if (zxid > (highest.get(sid) ?? -1n)) highest.set(sid, zxid);
          const sorted = voters
            .map((one) => highest.get(one) ?? 0n)
            .sort((a, b) => (a < b ? 1 : a > b ? -1 : 0));
          const byQuorum = sorted[Math.floor(voters.length / 2)];
          if (byQuorum > committed) committed = byQuorum;
          assert.equal(subject.acknowledge(sid, epoch, counter), committed > before);
          assert.equal(toBigInt(subject.committed.epoch, subject.committed.counter), committed);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('of a server that was forgotten do not count', () => {
    const acks = acknowledgements([1, 2, 3]);
    assert.equal(acks.acknowledge(2, 1, 5), false);
    acks.forget(2);
    assert.equal(acks.acknowledge(1, 1, 5), false);
    assert.equal(acks.acknowledge(2, 1, 4), true);
    assert.equal(acks.committed.counter, 4);
  });
});
