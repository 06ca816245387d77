import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type DurableActs, DurableState } from '../../src/zab/durable-state.ts';

/** Writes down what is begun and sent. */
class Recorder implements DurableActs {
  readonly lines: string[] = [];

  append(epoch: number, counter: number): void {
    this.lines.push(`append ${epoch}:${counter}`);
  }
  storeAcceptedEpoch(epoch: number): void {
    this.lines.push(`acceptedEpoch ${epoch}`);
  }
  storeCurrentEpoch(epoch: number): void {
    this.lines.push(`currentEpoch ${epoch}`);
  }
  truncate(connection: number, zxid: bigint): void {
    this.lines.push(`truncate ${connection} ${zxid}`);
  }
  receiveSnapshot(connection: number, zxid: bigint): void {
    this.lines.push(`snapshot ${connection} ${zxid}`);
  }
  send(connection: number, packet: { readonly type: string }): void {
    this.lines.push(`send ${connection} ${packet.type}`);
  }
  acknowledge(connection: number, epoch: number, first: number, last: number): void {
    this.lines.push(`ack ${connection} ${epoch}:${first}..${last}`);
  }
  /** What came since the last call. */
  take(): string[] {
    return this.lines.splice(0);
  }
}

function newState(accepted = 1, current = 1): { state: DurableState; acts: Recorder } {
  const acts = new Recorder();
  return { acts, state: new DurableState(acts, accepted, current) };
}

test('a packet leaves at once when nothing is under way', () => {
  const { state, acts } = newState();
  state.sendAfterSync(5, { type: 'newLeaderAck', epoch: 1 });
  assert.deepEqual(acts.take(), ['send 5 newLeaderAck']);
  assert.ok(state.isIdle);
});

test('history, then epoch, then the acknowledgement', () => {
  const { state, acts } = newState();
  state.storeAcceptedEpoch(2);
  state.sendAfterSync(5, { type: 'ackEpoch', lastZxid: 0n, currentEpoch: 1 });
  assert.deepEqual(acts.take(), ['acceptedEpoch 2']);
  state.acceptedEpochStored(2);
  assert.deepEqual(acts.take(), ['send 5 ackEpoch']);
  state.append(1, 1);
  state.append(1, 2);
  state.storeCurrentEpoch(2);
  state.sendAfterSync(5, { type: 'newLeaderAck', epoch: 2 });
  assert.deepEqual(acts.take(), ['append 1:1', 'append 1:2']);
  state.durable(1, 1);
  assert.deepEqual(acts.take(), []);
  state.durable(1, 2);
  assert.deepEqual(acts.take(), ['currentEpoch 2']);
  state.currentEpochStored(2);
  assert.deepEqual(acts.take(), ['send 5 newLeaderAck']);
});

test('txns behind a change are held back until it is done', () => {
  const { state, acts } = newState(2, 1);
  state.storeCurrentEpoch(2);
  state.append(2, 1);
  state.append(2, 2);
  assert.deepEqual(acts.take(), ['currentEpoch 2']);
  state.currentEpochStored(2);
  assert.deepEqual(acts.take(), ['append 2:2']);
  assert.ok(!state.isIdle);
  state.durable(2, 2);
  assert.ok(state.isIdle);
});

test('acknowledgements follow the disk, run by run, and never run ahead of it', () => {
  const { state, acts } = newState();
  for (let counter = 1; counter <= 6; counter++) {
    state.append(1, counter);
    state.acknowledgeAfterSync(5, counter, counter);
  }
  acts.take();
  state.durable(1, 4);
  assert.deepEqual(acts.take(), ['ack 5 1:1..4']);
  state.durable(1, 4);
  assert.deepEqual(acts.take(), []);
  state.durable(1, 6);
  assert.deepEqual(acts.take(), ['ack 5 1:5..6']);
  state.acknowledgeAfterSync(5, 6, 6);
  assert.deepEqual(acts.take(), ['ack 5 1:6..6']);
});

test('acknowledgements of proposals come behind that of NEWLEADER (ZOOKEEPER-4685)', () => {
  const { state, acts } = newState();
  state.append(1, 1);
  state.append(1, 2);
  state.sendAfterSync(5, { type: 'newLeaderAck', epoch: 1 });
  state.acknowledgeAfterSync(5, 1, 2);
  state.append(1, 3);
  state.acknowledgeAfterSync(5, 3, 3);
  acts.take();
  state.durable(1, 3);
  assert.deepEqual(acts.take(), ['send 5 newLeaderAck', 'ack 5 1:1..2', 'ack 5 1:3..3']);
});

test('nothing is sent to a connection that is closed; a new one starts anew', () => {
  const { state, acts } = newState();
  state.append(1, 1);
  state.acknowledgeAfterSync(5, 1, 1);
  state.sendAfterSync(5, { type: 'newLeaderAck', epoch: 1 });
  state.closed(5);
  state.append(1, 2);
  state.acknowledgeAfterSync(6, 2, 2);
  acts.take();
  state.durable(1, 2);
  assert.deepEqual(acts.take(), ['ack 6 1:2..2']);
});

test('truncating waits for the log, and holds back what is behind it', () => {
  const { state, acts } = newState();
  state.append(1, 4);
  state.truncate(5, 2n);
  state.append(1, 3);
  state.acknowledgeAfterSync(5, 3, 3);
  assert.deepEqual(acts.take(), ['append 1:4']);
  state.durable(1, 4);
  assert.deepEqual(acts.take(), ['truncate 5 2']);
  // What the log says of before the cut counts for nothing that is behind it.
  state.durable(1, 4);
  assert.deepEqual(acts.take(), []);
  state.historyReplaced(5);
  assert.deepEqual(acts.take(), ['append 1:3']);
  state.durable(1, 3);
  assert.deepEqual(acts.take(), ['ack 5 1:3..3']);
});

test('what can never be right throws', () => {
  const { state } = newState(3, 2);
  assert.throws(() => state.append(3, 1), /epoch 3 cannot be logged in epoch 2/);
  assert.throws(() => state.storeAcceptedEpoch(3), /acceptedEpoch cannot become 3/);
  assert.throws(() => state.storeCurrentEpoch(2), /currentEpoch cannot become 2/);
  assert.throws(() => state.storeCurrentEpoch(4), /currentEpoch cannot become 4/);
  assert.throws(() => state.acceptedEpochStored(4), /nobody waits/);
  assert.throws(() => state.historyReplaced(1), /no history was being replaced/);
  state.append(2, 5);
  assert.throws(() => state.append(2, 5), /appended before/);
  state.storeCurrentEpoch(3);
  assert.throws(() => state.currentEpochStored(3), /nobody waits/);
  state.truncate(1, 0n);
  assert.throws(() => state.historyReplaced(1), /no history was being replaced/);
});

type Step = 'append' | 'accept' | 'enter' | 'cut' | 'send' | 'done';

test('nothing overtakes anything, whatever the order of things', () => {
  const steps = fc.array(
    fc.constantFrom<Step>('append', 'append', 'append', 'accept', 'enter', 'cut', 'send', 'done', 'done'),
    {
      maxLength: 80,
    },
  );
  fc.assert(
    fc.property(steps, (list) => {
      const driver = new Driver();
      for (const step of list) driver.step(step);
      driver.finish();
    }),
    { numRuns: 300 },
  );
});

/** Does random things in order, lets the disk finish them in order, and knows when a packet may leave. */
class Driver implements DurableActs {
  readonly #state = new DurableState(this, 1, 1);
  /** What was given, in order: an act that is not complete, or the number of a packet. */
  readonly #given: (string | number)[] = [];
  /** What the disk is at. */
  readonly #begun: string[] = [];
  #accepted = 1;
  #current = 1;
  #counter = 0;
  #packets = 0;

  step(step: Step): void {
    switch (step) {
      case 'append':
        this.#counter++;
        this.#given.push(`append ${this.#current}:${this.#counter}`);
        this.#state.append(this.#current, this.#counter);
        break;
      case 'accept':
        this.#given.push(`accepted ${++this.#accepted}`);
        this.#state.storeAcceptedEpoch(this.#accepted);
        break;
      case 'enter':
        if (this.#current === this.#accepted) break;
        this.#current = this.#accepted;
        this.#counter = 0;
        this.#given.push(`current ${this.#current}`);
        this.#state.storeCurrentEpoch(this.#current);
        break;
      case 'cut':
        if (this.#given.some((act) => act === 'cut')) break;
        this.#given.push('cut');
        this.#state.truncate(1, 0n);
        break;
      case 'send':
        this.#given.push(++this.#packets);
        this.#state.sendAfterSync(1, { type: 'leaderInfo', epoch: this.#packets });
        break;
      default:
        this.#finishOne();
    }
  }

  finish(): void {
    while (this.#begun.length > 0) this.#finishOne();
    assert.deepEqual(this.#given, []);
    assert.ok(this.#state.isIdle);
  }

  #finishOne(): void {
    const act = this.#begun.shift();
    if (act === undefined) return;
    const [kind, value = ''] = act.split(' ');
    const [epoch, counter] = value.split(':').map(Number);
    // Everything appended up to there is complete.
    const index = this.#given.indexOf(act);
    assert.ok(
      index >= 0 && this.#given.slice(0, index).every((one) => String(one).startsWith('append')),
      act,
    );
    this.#given.splice(0, index + 1);
    if (kind === 'append') this.#state.durable(epoch!, counter!);
    else if (kind === 'accepted') this.#state.acceptedEpochStored(epoch!);
    else if (kind === 'current') this.#state.currentEpochStored(epoch!);
    else this.#state.historyReplaced(1);
  }

  /** A change begins when it is the first of all that is not complete. */
  #begin(act: string): void {
    assert.equal(this.#given[0], act);
    this.#begun.push(act);
  }

  append(epoch: number, counter: number): void {
    const before = this.#given.slice(0, this.#given.indexOf(`append ${epoch}:${counter}`));
    assert.ok(before.every((act) => typeof act === 'number' || act.startsWith('append')));
    this.#begun.push(`append ${epoch}:${counter}`);
  }
  storeAcceptedEpoch(epoch: number): void {
    this.#begin(`accepted ${epoch}`);
  }
  storeCurrentEpoch(epoch: number): void {
    this.#begin(`current ${epoch}`);
  }
  truncate(): void {
    this.#begin('cut');
  }
  receiveSnapshot(): void {
    assert.fail('no snapshot was asked for');
  }
  send(_connection: number, packet: { readonly type: string; readonly epoch?: number }): void {
    assert.equal(this.#given.shift(), packet.epoch);
  }
  acknowledge(): void {
    assert.fail('nothing was to be acknowledged');
  }
}
