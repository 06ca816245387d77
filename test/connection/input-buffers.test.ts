import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { giveInputBuffer, takeInputBuffer } from '../../src/connection/input-buffers.ts';

describe('input buffers', () => {
  it('have room for what is asked, and for more', () => {
    for (const bytes of [1, 1000, 32 * 1024 - 1, 32 * 1024, 128 * 1024, 128 * 1024 + 1, 4 << 20]) {
      assert.ok(takeInputBuffer(bytes).length >= bytes);
    }
    assert.ok(takeInputBuffer(10).length <= 1024);
  });

  it('of the usual length serve again, others do not', () => {
    const usual = takeInputBuffer(100_000);
    giveInputBuffer(usual);
    assert.equal(takeInputBuffer(40_000), usual);
    const small = takeInputBuffer(10);
    giveInputBuffer(small);
    assert.notEqual(takeInputBuffer(10), small);
  });
});
