import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Progress } from '../../../src/cli/tools/progress.ts';

test('progress is said after a second, and then each second', () => {
  const lines: string[] = [];
  let nowMs = 5000;
  const progress = new Progress(
    'log.1',
    (line) => lines.push(line),
    () => nowMs,
  );
  const at = (ms: number, done: number): void => {
    nowMs = ms;
    progress.report(done << 20, 400 << 20);
  };
  at(5999, 10);
  assert.deepEqual(lines, []);
  at(6000, 100);
  at(6500, 150);
  at(7100, 200);
  assert.deepEqual(lines, ['log.1: 100 of 400 MiB, 25 %', 'log.1: 200 of 400 MiB, 50 %']);
});
