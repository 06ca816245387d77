import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { HierarchicalQuorum, WeightedQuorum } from '../../src/zab/hierarchical-quorum.ts';

const nine = [1, 2, 3, 4, 5, 6, 7, 8, 9];
const threeGroups = new Map([
  [1, [1, 2, 3]],
  [2, [4, 5, 6]],
  [3, [7, 8, 9]],
]);

describe('a weighted quorum', () => {
  it('is more than half of the weight', () => {
    const verifier = new WeightedQuorum([1, 2, 3], new Map([[1, 3]]));
    assert.equal(verifier.containsQuorum(new Set([1])), true);
    assert.equal(verifier.containsQuorum(new Set([2, 3])), false);
    const even = new WeightedQuorum([1, 2], new Map());
    assert.equal(even.containsQuorum(new Set([1])), false, 'half is not enough');
    assert.equal(even.containsQuorum(new Set([1, 9])), false, 'strangers do not count');
    assert.equal(even.containsQuorum(new Set([1, 2])), true);
    assert.deepEqual([verifier.weightOf(1), verifier.weightOf(2), verifier.weightOf(9)], [3, 1, 0]);
  });

  it('refuses weights that are none', () => {
    assert.throws(() => new WeightedQuorum([1], new Map([[1, -1]])), RangeError);
    assert.throws(() => new WeightedQuorum([1], new Map([[1, 0.5]])), RangeError);
    assert.throws(() => new WeightedQuorum([1], new Map([[1, 0]])), /weigh nothing/);
    assert.throws(() => new WeightedQuorum([1, 1], new Map()), /twice/);
  });
});

describe('a hierarchical quorum', () => {
  it('is a majority of groups, each by its own majority', () => {
    const verifier = new HierarchicalQuorum(nine, threeGroups, new Map());
    assert.equal(verifier.containsQuorum(new Set([1, 2, 4, 5])), true, 'four of nine in two groups');
    assert.equal(
      verifier.containsQuorum(new Set([1, 2, 3, 4, 7])),
      false,
      'five of nine, but one group only',
    );
  });

  it('leaves out groups that weigh nothing', () => {
    const weights = new Map([
      [7, 0],
      [8, 0],
      [9, 0],
    ]);
    const verifier = new HierarchicalQuorum(nine, threeGroups, weights);
    assert.equal(verifier.containsQuorum(new Set([1, 2, 7, 8, 9])), false, 'one group of the two that count');
    assert.equal(verifier.containsQuorum(new Set([1, 2, 5, 6])), true);
    assert.equal(verifier.weightOf(7), 0);
    assert.equal(verifier.weightOf(1), 1);
  });

  it('overlaps with every other quorum', () => {
    const weights = fc.array(fc.nat(3), { minLength: 9, maxLength: 9 });
    fc.assert(
      fc.property(weights, fc.subarray(nine), fc.subarray(nine), (numbers, a, b) => {
        fc.pre(numbers.some((weight) => weight > 0));
        const byServer = new Map(numbers.map((weight, i) => [i + 1, weight]));
        const verifier = new HierarchicalQuorum(nine, threeGroups, byServer);
        fc.pre(verifier.containsQuorum(new Set(a)) && verifier.containsQuorum(new Set(b)));
        assert.ok(a.some((sid) => b.includes(sid)));
      }),
    );
  });

  it('refuses groups that do not fit the voters', () => {
    const refused = (groups: [number, number[]][], problem: RegExp, weights: [number, number][] = []) =>
      assert.throws(() => new HierarchicalQuorum([1, 2], new Map(groups), new Map(weights)), problem);
    refused([[1, [1]]], /server 2 is in no group/);
    refused([[1, [1, 2, 3]]], /group 1 names server 3, which is no voter/);
    refused([[1, [1, 2, 2]]], /group 1 names server 2 twice/);
    refused(
      [
        [1, [1, 2]],
        [2, [2]],
      ],
      /server 2 is in group 1 and in group 2/,
    );
    refused([[1, [1, 2]]], /no group weighs anything/, [
      [1, 0],
      [2, 0],
    ]);
  });
});
