import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ByteSlab } from '../../src/jute/byte-slab.ts';

test('copies stay as they were made, whatever is copied behind them', () => {
  const source = new Uint8Array(new SharedArrayBuffer(512));
  for (let i = 0; i < source.length; i++) source[i] = i * 7;
  const span = fc.record({ start: fc.nat(200), length: fc.nat(300) });
  fc.assert(
    fc.property(fc.array(span, { maxLength: 60 }), (spans) => {
      const slab = new ByteSlab({ slabBytes: 512, sharedBytesMax: 200 });
      const copies = spans.map(({ start, length }) => slab.copy(source, start, length));
      for (const [i, { start, length }] of spans.entries())
        assert.deepEqual(copies[i], source.slice(start, start + length));
    }),
  );
});

test('small copies share memory, long ones have their own', () => {
  const slab = new ByteSlab({ slabBytes: 4096, sharedBytesMax: 1024 });
  const source = new Uint8Array(2000);
  const [first, second] = [slab.copy(source, 0, 100), slab.copy(source, 3, 100)];
  assert.equal(first.buffer, second.buffer);
  assert.equal((second.byteOffset - 3) % 8, 0);
  assert.equal(slab.copy(source, 0, 1025).buffer.byteLength, 1025);
});
