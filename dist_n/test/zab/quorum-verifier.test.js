import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { MajorityQuorum } from '../../src/zab/quorum-verifier.js';
describe('a majority quorum', () => {
    it('is more than half of the voters', () => {
        const sizes = [
            [1, 1],
            [2, 2],
            [3, 2],
            [4, 3],
            [5, 3],
            [7, 4],
        ];
        for (const [size, quorum] of sizes) {
            const voters = Array.from({ length: size }, (_, i) => i + 1);
            const verifier = new MajorityQuorum(voters);
            assert.ok(verifier.containsQuorum(new Set(voters.slice(0, quorum))));
            assert.equal(verifier.containsQuorum(new Set(voters.slice(0, quorum - 1))), false);
            assert.equal(verifier.containsQuorum(new Set()), false);
        }
    });
    it('does not count servers without a vote', () => {
        const verifier = new MajorityQuorum([1, 2, 3]);
        assert.equal(verifier.containsQuorum(new Set([1, 7, 8, 9])), false);
    });
    it('overlaps with every other in a voter: two majorities never decide apart', () => {
        const voters = [1, 2, 3, 4, 5, 6];
        const verifier = new MajorityQuorum(voters);
        fc.assert(fc.property(fc.subarray(voters), fc.subarray(voters), (a, b) => {
            fc.pre(verifier.containsQuorum(new Set(a)) && verifier.containsQuorum(new Set(b)));
            assert.ok(a.some((sid) => b.includes(sid)));
        }));
    });
    it('refuses an ensemble without voters, and a voter that is named twice', () => {
        assert.throws(() => new MajorityQuorum([]), RangeError);
        assert.throws(() => new MajorityQuorum([1, 1, 2]), /twice/);
    });
});
