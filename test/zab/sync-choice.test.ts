import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { History } from '../../src/zab/history.ts';
import {
  chooseSync,
  type DiskSearch,
  diskBytesMax,
  type SyncChoice,
  type SyncQuestion,
} from '../../src/zab/sync-choice.ts';
import { counterOf, epochOf, zxidOf } from '../../src/zab/zxid.ts';

/** Runs [epoch, first, last] behind `floor`. */
function historyOf(floor: bigint, ...runs: readonly (readonly [number, number, number])[]): History {
  const history = new History(floor);
  for (const [epoch, first, last] of runs) history.extend(epoch, first, last);
  return history;
}

function choose(peerZxid: bigint, history: History, more: Partial<SyncQuestion> = {}): SyncChoice {
  return chooseSync({
    peerZxid,
    history,
    settled: history.last,
    forceSnapshot: false,
    disk: null,
    ...more,
  });
}

// 1:4 is the last txn that is not in memory; 3:3 and 3:4 are not committed.
const history = historyOf(zxidOf(1, 4), [1, 5, 8], [3, 1, 4]);
const settled = zxidOf(3, 2);
const found = (base: bigint): DiskSearch => ({ kind: 'found', base });
const diff = (after: bigint): SyncChoice => ({ kind: 'diff', after });
const trunc = (to: bigint): SyncChoice => ({ kind: 'trunc', to });

for (const [name, peerZxid, expected] of [
  ['in step', zxidOf(3, 2), diff(settled)],
  ['one behind', zxidOf(3, 1), diff(zxidOf(3, 1))],
  ['in an earlier epoch', zxidOf(1, 6), diff(zxidOf(1, 6))],
  ['at the last txn not in memory', zxidOf(1, 4), diff(zxidOf(1, 4))],
  ['with what is not committed', zxidOf(3, 4), trunc(settled)],
  ['beyond, in the same epoch', zxidOf(3, 9), trunc(settled)],
  ['beyond, in a later epoch', zxidOf(4, 1), trunc(settled)],
  ['with a tail of an earlier epoch', zxidOf(1, 11), trunc(zxidOf(1, 8))],
  ['at the start of an epoch with txns here', zxidOf(3, 0), diff(zxidOf(1, 8))],
  ['at the start of an epoch without txns here', zxidOf(2, 0), diff(zxidOf(1, 8))],
  ['at the start of a later epoch', zxidOf(4, 0), diff(settled)],
] as const) {
  test(`a learner ${name}`, () => {
    assert.deepEqual(choose(peerZxid, history, { settled }), expected);
  });
}

test('an epoch of which the leader has nothing: a snapshot (ZOOKEEPER-1154)', () => {
  assert.equal(choose(zxidOf(2, 1), history, { settled }).kind, 'snap');
});

test('an empty learner, and one without a database, get a snapshot (ZOOKEEPER-4352)', () => {
  const whole = historyOf(0n, [1, 1, 3]);
  assert.equal(choose(0n, whole).kind, 'snap');
  assert.equal(choose(-1n, whole).kind, 'snap');
  assert.deepEqual(choose(0n, new History(0n)), diff(0n));
  assert.equal(choose(-1n, new History(0n)).kind, 'snap');
  assert.equal(choose(zxidOf(1, 2), historyOf(0n, [1, 1, 3]), { settled: 0n }).kind, 'snap');
  // Nothing of epoch 0 is here: nobody knows what the learner has.
  assert.equal(choose(3n, whole).kind, 'snap');
});

test('forceSnapshotSync', () => {
  assert.equal(choose(settled, history, { settled, forceSnapshot: true }).kind, 'snap');
});

test('before what is in memory: the disk is searched first', () => {
  assert.deepEqual(choose(zxidOf(1, 2), history), { kind: 'searchDisk' });
  assert.deepEqual(choose(zxidOf(1, 2), history, { disk: found(zxidOf(1, 2)) }), diff(zxidOf(1, 2)));
  assert.deepEqual(choose(zxidOf(1, 3), history, { disk: found(zxidOf(1, 2)) }), trunc(zxidOf(1, 2)));
  const why = 'the log is too long';
  assert.deepEqual(choose(zxidOf(1, 2), history, { disk: { kind: 'none', why } }), { kind: 'snap', why });
  assert.equal(choose(zxidOf(1, 2), history, { disk: found(zxidOf(1, 3)) }).kind, 'snap');
});

test('snapshotSizeFactor: how much of the log is sent in place of a snapshot', () => {
  assert.equal(diskBytesMax(0.33, 1000), 330);
  assert.equal(diskBytesMax(2, 1000), 2000);
  assert.equal(diskBytesMax(0, 1000), Number.POSITIVE_INFINITY);
  assert.equal(diskBytesMax(-1, 1000), null);
});

/**
 * Histories as ZAB makes them: leaders of rising epochs, each elected by a quorum of whose histories it has the longest,
 * propose; of what they propose a quorum takes over a prefix, the others less, or none.
 */
const rounds = fc.array(
  fc.record({
    voters: fc.shuffledSubarray([0, 1, 2], { minLength: 2 }),
    proposals: fc.nat(3),
    reach: fc.array(fc.nat(3), { minLength: 3, maxLength: 3 }),
  }),
  { minLength: 1, maxLength: 6 },
);

test('what the learner ends with is what the leader has, for all histories that can be', () => {
  let diffs = 0;
  let truncs = 0;
  fc.assert(
    fc.property(rounds, fc.nat(8), (list, dropped) => {
      const servers = elections(list.slice(0, -1));
      const { voters } = list.at(-1)!;
      const leader = elect(servers, voters);
      const own = servers[leader]!.log;
      const memory = new History(own[(dropped % (own.length + 1)) - 1] ?? 0n);
      for (const zxid of own) if (zxid > memory.floor) memory.append(epochOf(zxid), counterOf(zxid));
      for (const { log } of servers) {
        const peerZxid = log.at(-1) ?? 0n;
        const base = own.findLast((zxid) => zxid <= peerZxid);
        const disk: DiskSearch = base === undefined ? { kind: 'none', why: 'too old' } : found(base);
        const choice = choose(peerZxid, memory, { disk });
        if (choice.kind === 'snap') continue;
        assert.notEqual(choice.kind, 'searchDisk');
        if (choice.kind === 'searchDisk') continue;
        if (choice.kind === 'diff') diffs++;
        else truncs++;
        const from = choice.kind === 'diff' ? choice.after : choice.to;
        const kept = choice.kind === 'diff' ? log : log.filter((zxid) => zxid <= choice.to);
        assert.deepEqual([...kept, ...own.filter((zxid) => zxid > from)], own);
      }
    }),
    { numRuns: 2000 },
  );
  assert.ok(diffs > 100 && truncs > 100, `${diffs} DIFFs and ${truncs} TRUNCs`);
});

interface Server {
  currentEpoch: number;
  log: bigint[];
}

function elect(servers: readonly Server[], voters: readonly number[]): number {
  const rank = (sid: number) =>
    zxidOf(servers[sid]!.currentEpoch, 0) * 2n ** 64n + (servers[sid]!.log.at(-1) ?? 0n);
  return [...voters].sort((a, b) => (rank(a) < rank(b) ? 1 : -1))[0]!;
}

function elections(
  list: readonly {
    readonly voters: readonly number[];
    readonly proposals: number;
    readonly reach: readonly number[];
  }[],
): Server[] {
  const servers: Server[] = [0, 1, 2].map(() => ({ currentEpoch: 0, log: [] }));
  for (const [index, { voters, proposals, reach }] of list.entries()) {
    const epoch = index + 1;
    const leader = elect(servers, voters);
    const initial = [...servers[leader]!.log];
    for (const sid of voters) {
      const taken = sid === leader ? proposals : Math.min(proposals, reach[sid]!);
      const proposed = Array.from({ length: taken }, (_, counter) => zxidOf(epoch, counter + 1));
      servers[sid] = { currentEpoch: epoch, log: [...initial, ...proposed] };
    }
  }
  return servers;
}
