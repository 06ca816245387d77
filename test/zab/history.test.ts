import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { History } from '../../src/zab/history.ts';
import { counterOf, epochOf, zxidOf } from '../../src/zab/zxid.ts';

test('an empty history ends with its floor', () => {
  const history = new History(zxidOf(2, 7));
  assert.equal(history.floor, zxidOf(2, 7));
  assert.equal(history.last, zxidOf(2, 7));
  assert.equal(history.length, 0);
  assert.equal(history.preceding(zxidOf(2, 9)), zxidOf(2, 7));
  assert.equal(history.preceding(zxidOf(2, 6)), null);
  assert.equal(history.next(zxidOf(2, 7)), null);
});

test('only the next txn of the epoch, or the first of a later one, follows', () => {
  const history = new History(zxidOf(2, 7));
  for (const [epoch, counter, follows] of [
    [2, 8, true],
    [2, 7, false],
    [2, 9, false],
    [3, 1, true],
    [9, 1, true],
    [3, 2, false],
    [3, 0, false],
    [1, 1, false],
    [1, 8, false],
  ] as const) {
    assert.equal(history.follows(epoch, counter), follows, `${epoch}:${counter}`);
    if (!follows) assert.throws(() => history.append(epoch, counter), /do not follow 0x200000007/);
  }
  assert.throws(() => history.extend(3, 1, 0), /do not follow/);
});

test('counters are unsigned: they go on beyond 2^31', () => {
  const history = new History(zxidOf(1, 0x7fffffff));
  history.append(1, 0x80000000 | 0);
  history.append(1, 0x80000001);
  assert.equal(history.last, zxidOf(1, 0x80000001));
  assert.equal(history.lastCounter, 0x80000001);
  assert.equal(history.next(zxidOf(1, 0x7fffffff)), zxidOf(1, 0x80000000));
});

test('what is dropped must be there, and what is cut must not lie beyond the end', () => {
  const history = new History(0n);
  history.extend(1, 1, 5);
  assert.throws(() => history.dropUpTo(zxidOf(1, 6)), /no txn 0x100000006/);
  assert.throws(() => history.truncate(zxidOf(1, 6)), /the log ends before/);
});

interface Operation {
  readonly kind: 'append' | 'extend' | 'truncate' | 'drop' | 'reset';
  readonly amount: number;
}

const operations = fc.array(
  fc.record<Operation>({
    kind: fc.constantFrom('append', 'append', 'extend', 'extend', 'truncate', 'drop', 'reset'),
    amount: fc.nat(9),
  }),
  { maxLength: 40 },
);

test('as a list of zxids', () => {
  fc.assert(
    fc.property(operations, (list) => {
      const history = new History(zxidOf(1, 3));
      let floor = zxidOf(1, 3);
      let model: bigint[] = [];
      for (const { kind, amount } of list) {
        const last = model.at(-1) ?? floor;
        const epoch = amount % 3 === 0 ? epochOf(last) + 1 + (amount % 2) : epochOf(last);
        const first = epoch === epochOf(last) ? counterOf(last) + 1 : 1;
        const any = [floor, ...model][amount % (model.length + 1)]!;
        switch (kind) {
          case 'append':
            history.append(epoch, first);
            model.push(zxidOf(epoch, first));
            break;
          case 'extend':
            history.extend(epoch, first, first + amount);
            for (let counter = first; counter <= first + amount; counter++)
              model.push(zxidOf(epoch, counter));
            break;
          case 'truncate': {
            // Anywhere up to the end: between txns, at them, before what is at hand.
            const at = amount === 9 ? floor - 1n : any;
            history.truncate(at);
            if (at < floor) floor = at;
            model = model.filter((zxid) => zxid <= at);
            break;
          }
          case 'drop':
            history.dropUpTo(any);
            floor = any;
            model = model.filter((zxid) => zxid > any);
            break;
          default:
            floor = last + 2n;
            model = [];
            history.reset(floor);
        }
        check(history, floor, model);
      }
    }),
    { numRuns: 300 },
  );
});

function check(history: History, floor: bigint, model: readonly bigint[]): void {
  assert.equal(history.floor, floor);
  assert.equal(history.last, model.at(-1) ?? floor);
  assert.equal(history.length, model.length);
  const all = [floor, ...model];
  for (const zxid of all.flatMap((each) => [each - 1n, each, each + 1n])) {
    const before = all.findLast((each) => each <= zxid) ?? null;
    assert.equal(history.preceding(zxid), before);
    assert.equal(history.contains(zxid), before === zxid);
    assert.equal(history.next(zxid), zxid < floor ? null : (model.find((each) => each > zxid) ?? null));
  }
}
