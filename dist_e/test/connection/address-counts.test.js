import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ADDRESS_COUNTS_BYTES, AddressCounts } from '../../src/connection/address-counts.js';
describe('AddressCounts', () => {
    it('counts per address, over all workers that share the memory', () => {
        const memory = new SharedArrayBuffer(ADDRESS_COUNTS_BYTES);
        const [one, other] = [new AddressCounts(memory), new AddressCounts(memory)];
        assert.equal(one.add('10.0.0.1'), 1);
        assert.equal(other.add('10.0.0.1'), 2);
        assert.equal(one.add('10.0.0.2'), 1);
        other.remove('10.0.0.1');
        assert.equal(one.add('10.0.0.1'), 2);
    });
    it('hardly ever takes two addresses of a network for one', () => {
        const counts = new AddressCounts(new SharedArrayBuffer(ADDRESS_COUNTS_BYTES));
        let shared = 0;
        for (let i = 0; i < 10_000; i++)
            if (counts.add(`10.1.${i >> 8}.${i & 255}`) > 1)
                shared++;
        // 10,000 in 2^18 words: by chance about 190.
        assert.ok(shared < 400, `${shared}`);
    });
});
