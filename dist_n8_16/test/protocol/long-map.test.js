import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { LongMap } from '../../src/protocol/long-map.js';
const anyWord = fc.constantFrom(0, 1, -1, 0x7fffffff, -0x80000000);
const anyStep = fc.record({ high: anyWord, low: anyWord, value: fc.option(fc.nat(), { nil: null }) });
describe('a map by longs', () => {
    it('holds what a map by bigints would hold', () => {
        fc.assert(fc.property(fc.array(anyStep, { maxLength: 200 }), (steps) => {
            const map = new LongMap();
            const model = new Map();
            for (const { high, low, value } of steps) {
                const key = `${high} ${low}`;
                if (value === null) {
                    assert.equal(map.delete(high, low), model.delete(key));
                }
                else {
                    map.set(high, low, value);
                    model.set(key, value);
                }
                assert.equal(map.get(high, low), model.get(key));
                assert.equal(map.size, model.size);
            }
            const seen = new Map();
            map.forEach((value, high, low) => {
                seen.set(`${high} ${low}`, value);
            });
            assert.deepEqual([...seen].sort(), [...model].sort());
            assert.deepEqual([...map.values()].sort(), [...model.values()].sort());
        }));
    });
    it('may lose entries while they are visited', () => {
        const map = new LongMap();
        for (const high of [1, 2])
            for (const low of [1, 2, 3])
                map.set(high, low, `${high}.${low}`);
        const visited = [];
        map.forEach((value, high, low) => {
            visited.push(value);
            map.delete(high, low);
        });
        assert.equal(visited.length, 6);
        assert.equal(map.size, 0);
    });
});
