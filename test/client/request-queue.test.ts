import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { closeSession } from '../../src/client/operations.ts';
import { Request } from '../../src/client/request.ts';
import { RequestQueue } from '../../src/client/request-queue.ts';

test('first in, first out, through growing and wrapping', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -90, max: 100 }), { maxLength: 30 }), (steps) => {
      const queue = new RequestQueue();
      const model: Request[] = [];
      for (const step of steps) {
        for (let i = 0; i < step; i++) {
          const request = new Request(closeSession, undefined, '', '');
          queue.push(request);
          model.push(request);
        }
        for (let i = 0; i > step; i--) {
          assert.equal(queue.peek(), model[0] ?? null);
          assert.equal(queue.shift(), model.shift() ?? null);
        }
        assert.equal(queue.length, model.length);
      }
      const seen: Request[] = [];
      queue.forEach((request) => {
        seen.push(request);
      });
      assert.deepEqual(seen.length, model.length);
      assert.ok(seen.every((request, i) => request === model[i]));
      assert.equal(queue.drain().length, model.length);
      assert.equal(queue.length, 0);
    }),
  );
});
