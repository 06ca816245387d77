import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { clockOffsetMs, monotonicMs } from '../../src/session/monotonic-clock.js';
describe('the monotonic clock', () => {
    it('shows every thread the same time, though each began to count at its own start', async () => {
        const clock = new URL('../../src/session/monotonic-clock.js', import.meta.url);
        const script = `
      import(${JSON.stringify(clock.href)}).then(({ monotonicMs }) => {
        const { parentPort } = require('node:worker_threads');
        parentPort.postMessage(monotonicMs());
      });`;
        const beforeMs = monotonicMs();
        const worker = new Worker(script, { eval: true });
        const [there] = await once(worker, 'message');
        const afterMs = monotonicMs();
        assert.ok(beforeMs - 1 <= there && there <= afterMs + 1, `${beforeMs} <= ${there} <= ${afterMs}`);
    });
    it('is set right though its thread was interrupted between readings', () => {
        let timeMs = 1000;
        let readings = 0;
        const read = (aheadMs) => () => {
            timeMs += readings++ % 4 === 0 ? 30 : 0.001;
            return timeMs + aheadMs;
        };
        const offsetMs = clockOffsetMs(read(0), read(500));
        assert.ok(Math.abs(offsetMs - 500) < 0.01, `${offsetMs} ms`);
    });
    it('never goes back', () => {
        let last = monotonicMs();
        for (let i = 0; i < 10_000; i++) {
            const now = monotonicMs();
            assert.ok(now >= last);
            last = now;
        }
    });
});
