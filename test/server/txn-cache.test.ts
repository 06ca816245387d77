import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { TxnCache } from '../../src/server/txn-cache.ts';
import { zxidOf } from '../../src/zab/zxid.ts';

function entry(seed: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (seed * 31 + i) & 0xff);
}

function shown(cache: TxnCache, after: bigint, upTo: bigint): { zxid: bigint; bytes: number[] }[] {
  const found: { zxid: bigint; bytes: number[] }[] = [];
  cache.forEach(after, upTo, (epoch, counter, bytes, start, length) => {
    found.push({ zxid: zxidOf(epoch, counter), bytes: [...bytes.subarray(start, start + length)] });
  });
  return found;
}

describe('the cache of txns', () => {
  it('gives back what a list of everything would, from its floor on', () => {
    const step = fc.oneof(
      {
        weight: 8,
        arbitrary: fc.record({ kind: fc.constant('add' as const), length: fc.integer({ min: 1, max: 60 }) }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('truncate' as const), back: fc.nat(6) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('epoch' as const) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const cache = new TxnCache({ bytesMax: 256, txnsMax: 9 }, zxidOf(1, 0));
        let all: { zxid: bigint; bytes: number[] }[] = [];
        let [epoch, counter] = [1, 0];
        for (const [number, action] of steps.entries()) {
          switch (action.kind) {
            case 'add': {
              const bytes = entry(number, action.length);
              counter++;
              cache.add(epoch, counter, bytes, 0, bytes.length);
              all.push({ zxid: zxidOf(epoch, counter), bytes: [...bytes] });
              break;
            }
            case 'truncate': {
              const to = all.at(-1 - action.back)?.zxid ?? zxidOf(1, 0);
              cache.truncate(to);
              all = all.filter(({ zxid }) => zxid <= to);
              break;
            }
            case 'epoch':
              epoch++;
              counter = 0;
              break;
          }
          const { floor } = cache;
          const expected = all.filter(({ zxid }) => zxid > floor);
          assert.deepEqual(shown(cache, floor, 2n ** 62n), expected);
          assert.equal(cache.length, expected.length);
          const middle = expected[expected.length >> 1];
          if (middle === undefined) continue;
          assert.deepEqual(
            shown(cache, floor, middle.zxid),
            expected.filter(({ zxid }) => zxid <= middle.zxid),
          );
          assert.deepEqual(
            shown(cache, middle.zxid, 2n ** 62n),
            expected.filter(({ zxid }) => zxid > middle.zxid),
          );
        }
      }),
      { numRuns: 300 },
    );
  });

  it('says so when it is asked for what is gone', () => {
    const cache = new TxnCache({ bytesMax: 64, txnsMax: 2 }, 0n);
    for (let counter = 1; counter <= 4; counter++) cache.add(0, counter, entry(counter, 8), 0, 8);
    assert.equal(cache.floor, 2n);
    assert.throws(() => shown(cache, 1n, 4n), /not at hand/);
    assert.equal(shown(cache, 2n, 4n).length, 2);
    assert.throws(() => cache.add(0, 5, entry(5, 65), 0, 65), RangeError);
  });
});
