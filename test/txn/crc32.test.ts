import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { crc32 as zlibCrc32 } from 'node:zlib';
import fc from 'fast-check';
import { crc32, crc32OfWords } from '../../src/txn/crc32.ts';
import { runs } from './histories.ts';

describe('crc32', () => {
  it('equals zlib for any bytes, wherever they lie and whatever it goes on from', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.uint8Array({ minLength: 100, maxLength: 400, size: 'max' }),
    );
    const property = fc.property(bytes, fc.nat(9), fc.integer(), (content, offset, before) => {
      for (const memory of [ArrayBuffer, SharedArrayBuffer]) {
        const all = new Uint8Array(new memory(offset + content.length + 5)).fill(0xee);
        all.set(content, offset);
        assert.equal(
          crc32(all, offset, offset + content.length, before) >>> 0,
          zlibCrc32(content, before >>> 0),
        );
      }
    });
    fc.assert(property, runs(300));
  });

  it('of words is that of their bytes as Java writes them', () => {
    const property = fc.property(fc.array(fc.integer(), { maxLength: 17 }), fc.integer(), (words, before) => {
      const bytes = Buffer.alloc(4 * words.length);
      for (const [i, word] of words.entries()) bytes.writeInt32BE(word, 4 * i);
      assert.equal(crc32OfWords(Int32Array.from(words), before), crc32(bytes, 0, bytes.length, before));
    });
    fc.assert(property, runs(300));
  });

  it('is the same in pieces as in one, around the length at which native code takes over', () => {
    const content = Buffer.from(Array.from({ length: 260 }, (_, i) => (i * 73) & 0xff));
    for (let length = 120; length <= 260; length++) {
      const whole = zlibCrc32(content.subarray(0, length));
      for (const cut of [0, 1, 7, 8, 100, length]) {
        const first = crc32(content, 0, cut, 0);
        assert.equal(crc32(content, cut, length, first) >>> 0, whole, `${cut} of ${length}`);
      }
    }
  });
});
