// The tree that a learner gets beside running writes, and what it makes of the txns that follow.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { DataTreeReader } from '../../src/replica/data-tree-reader.ts';
import type { Database } from '../../src/server/database.ts';
import { snapshotStream } from '../../src/storage/snapshot-stream.ts';
import { SnapshotStreamReader } from '../../src/storage/snapshot-stream-reader.ts';
import { dumpTree } from '../storage/test-database.ts';
import { history, runs, type Step } from './histories.ts';
import { ModelRunner } from './model-runner.ts';
import { newDatabase, type TxnMachine } from './txn-machine.ts';

function contentOf(database: Database) {
  const { tree, ephemerals } = database;
  const owned: string[] = [];
  ephemerals.forEachOwner((high, low) => owned.push(`${high}:${low} ${ephemerals.of(high, low).size}`));
  return {
    znodes: dumpTree(tree),
    digest: [tree.treeDigestHigh, tree.treeDigestLow],
    zxid: [tree.lastZxidHigh, tree.lastZxidLow],
    aclLists: tree.statistics().aclLists,
    owned: owned.sort(),
    ephemerals: ephemerals.count,
  };
}

function sessionsOf(machine: TxnMachine) {
  const ids = [...machine.sessions.keys()];
  return {
    idsHigh: Int32Array.from(ids, (id) => Number(BigInt.asIntN(32, id >> 32n))),
    idsLow: Int32Array.from(ids, (id) => Number(BigInt.asIntN(32, id))),
    timeoutsMs: Int32Array.from(machine.sessions.values()),
  };
}

/** Lets the writer come to its turn between any two znodes. */
class SteppingReader extends DataTreeReader {
  onStep: () => void = () => {};

  override writeStatPersisted(ref: number, view: DataView, at: number): void {
    super.writeStatPersisted(ref, view, at);
    this.onStep();
  }
}

/** The bytes of a stream, with `onStep` between any two znodes and behind each hold of the lock. */
function stream(machine: TxnMachine, onStep: () => void): Buffer {
  const { tree } = machine;
  const reader = new SteppingReader(tree.memory);
  reader.onStep = onStep;
  tree.beginQuarantine();
  const chunks = [
    ...snapshotStream({
      reader,
      lock: { acquire: () => {}, release: onStep },
      sessions: sessionsOf(machine),
    }),
  ];
  tree.endQuarantine();
  return Buffer.concat(chunks);
}

function newReader(database: Database): SnapshotStreamReader {
  return new SnapshotStreamReader({
    name: 'the leader',
    entryBytesMax: 1 << 20,
    tree: database.tree,
    onSession: (high, low, timeoutMs) => database.onSession(high, low, timeoutMs),
    onZnode: database.onZnode,
    computesDigests: true,
  });
}

/** Hands the bytes over in pieces of these lengths, in turn. */
function feed(database: Database, bytes: Uint8Array, lengths: readonly number[]): void {
  const reader = newReader(database);
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const end = Math.min(bytes.length, at + lengths[turn % lengths.length]);
    assert.equal(reader.isComplete, false);
    assert.equal(reader.write(bytes, at, end), end);
    at = end;
  }
  assert.equal(reader.isComplete, true);
  assert.equal(reader.bytes, bytes.length);
  database.snapshotLoaded();
}

/** History before SNAP, beside the stream (so many steps at each znode), and after it; the learner follows. */
function follow(
  before: readonly Step[],
  beside: readonly Step[],
  pace: readonly number[],
  after: readonly Step[],
  lengths: readonly number[],
): number {
  const runner = new ModelRunner();
  runner.run(before);
  runner.check();
  const { machine } = runner;
  const behindSnap = machine.log.length;
  const learner = newDatabase();
  learner.tree.setLastZxid(machine.tree.lastZxidHigh, machine.tree.lastZxidLow);
  let done = 0;
  let turn = 0;
  const bytes = stream(machine, () => {
    const steps = pace[turn++ % pace.length];
    for (let i = 0; i < steps && done < beside.length; i++) runner.step(beside[done++]);
  });
  runner.check();
  feed(learner, bytes, lengths);
  const uptodate = machine.log.length;
  for (const { entry } of machine.log.slice(behindSnap, uptodate)) learner.applyTxn(entry, 0, entry.length);
  if (uptodate > behindSnap) assert.deepEqual(contentOf(learner), contentOf(machine.database));
  // From UPTODATE on nothing may contradict the tree, digests included.
  learner.exact();
  runner.run(after);
  runner.check();
  for (const { entry } of machine.log.slice(uptodate)) learner.applyTxn(entry, 0, entry.length);
  assert.deepEqual(contentOf(learner), contentOf(machine.database));
  const expected = [...machine.sessions].map(([id, timeoutMs]) => `${BigInt.asIntN(64, id)} ${timeoutMs}`);
  const found = [...learner.sessions.values()].map(
    ({ idHigh, idLow, timeoutMs }) => `${(BigInt(idHigh) << 32n) | BigInt(idLow >>> 0)} ${timeoutMs}`,
  );
  assert.deepEqual(found.sort(), expected.sort());
  return uptodate - behindSnap;
}

describe('SNAP', { timeout: 600_000 }, () => {
  it('and the txns behind it give the leader’s tree, however it changed meanwhile', () => {
    let beside = 0;
    const property = fc.property(
      history(60),
      history(60),
      fc.array(fc.constantFrom(0, 0, 1, 1, 2, 7), { minLength: 1, maxLength: 8 }),
      history(20),
      fc.array(fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 5000 })), {
        minLength: 1,
        maxLength: 6,
      }),
      (before, besideSteps, pace, after, lengths) => {
        beside += follow(before, besideSteps, pace, after, lengths);
      },
    );
    fc.assert(property, runs(120));
    assert.ok(beside > 500, `${beside} txns beside`);
  });

  it('may come byte by byte', () => {
    const property = fc.property(history(40), (steps) => {
      follow(steps, [], [0], [], [1]);
    });
    fc.assert(property, runs(10));
  });
});
