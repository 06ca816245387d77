import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { CoreInputs } from '../../src/server/core-inputs.ts';
import { settle, until } from '../connection/until.ts';

/** Inputs, and a line for each call that they lead to. */
class Recorded {
  readonly lines: string[] = [];
  readonly inputs: CoreInputs;
  nextDeadlineMs = Number.POSITIVE_INFINITY;

  constructor(context: TestContext) {
    const note = (line: string) => () => void this.lines.push(line);
    const deadlineMs = () => this.nextDeadlineMs;
    this.inputs = new CoreInputs({
      peer: {
        advance: note('time'),
        get nextDeadlineMs() {
          return deadlineMs();
        },
      },
      dropForgotten: note('forgotten'),
      onTurnEnd: note('end'),
      onWork: note('work'),
      onFatal: (error) => this.lines.push(`fatal ${error.message}`),
    });
    context.after(() => this.inputs.stop());
  }

  input(name: string): () => void {
    return () => void this.lines.push(name);
  }
}

test('a turn: the time once, inputs as they come, and those that an output led to behind them', async (context) => {
  const recorded = new Recorded(context);
  const { inputs, lines } = recorded;
  inputs.take(() => {
    inputs.later(recorded.input('stored'));
    lines.push('first');
  });
  inputs.take(recorded.input('second'));
  assert.deepEqual(lines, ['time', 'first', 'second']);
  await Promise.resolve();
  assert.deepEqual(lines.splice(0), ['time', 'first', 'second', 'forgotten', 'stored', 'end', 'work']);
  inputs.takeForSync(recorded.input('packet'));
  await Promise.resolve();
  assert.deepEqual(lines, ['time', 'forgotten', 'packet', 'end', 'work']);
});

test('the core is told the time when it has asked to be', async (context) => {
  const recorded = new Recorded(context);
  recorded.nextDeadlineMs = 0;
  recorded.inputs.take(recorded.input('dial'));
  await until(() => recorded.lines.filter((line) => line === 'time').length > 2, 'time passes');
  recorded.inputs.stop();
  recorded.lines.length = 0;
  await settle();
  assert.deepEqual(recorded.lines, []);
});

test('behind an error nothing is handed in', async (context) => {
  const { inputs, lines } = new Recorded(context);
  inputs.take(() => {
    throw new Error('a txn is missing');
  });
  inputs.take(() => lines.push('late'));
  await settle();
  assert.deepEqual(lines, ['time', 'fatal a txn is missing']);
  assert.equal(inputs.isStopped, true);
});
