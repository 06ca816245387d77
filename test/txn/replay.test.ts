import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { DataTreeReader, OPEN_ACL } from '../../src/replica/data-tree-reader.ts';
import type { ReplicaMemory } from '../../src/replica/memory.ts';
import type { Database } from '../../src/server/database.ts';
import { DataDirectory } from '../../src/storage/data-directory.ts';
import { nodeFileSystem } from '../../src/storage/file-system.ts';
import { recover } from '../../src/storage/recovery.ts';
import { writeSnapshot } from '../../src/storage/snapshot-writer.ts';
import { newLogWriter } from '../storage/support.ts';
import { dumpTree } from '../storage/test-database.ts';
import { history, runs, type Step } from './histories.ts';
import { ModelRunner } from './model-runner.ts';
import { OPEN } from './requests.ts';
import { type MadeTxn, newDatabase, type TxnMachine } from './txn-machine.ts';

/** Everything that recovery must bring back. */
function contentOf(database: Database) {
  const { tree, ephemerals } = database;
  const owned: Record<string, string[]> = {};
  ephemerals.forEachOwner((high, low) => {
    const paths = [...ephemerals.of(high, low)].map((ref) => {
      const path = Buffer.alloc(tree.pathLength(ref));
      tree.copyPath(ref, path, 0);
      return path.toString();
    });
    owned[`${high}:${low}`] = paths.sort();
  });
  return {
    znodes: dumpTree(tree),
    digest: [tree.treeDigestHigh, tree.treeDigestLow],
    zxid: [tree.lastZxidHigh, tree.lastZxidLow],
    aclLists: tree.statistics().aclLists,
    owned,
    ephemerals: ephemerals.count,
  };
}

function replay(database: Database, txns: readonly MadeTxn[]): void {
  for (const { entry } of txns) database.applyTxn(entry, 0, entry.length);
}

function sessionsOf(database: Database): [bigint, number][] {
  return [...database.sessions.values()]
    .map(({ idHigh, idLow, timeoutMs }): [bigint, number] => [
      (BigInt(idHigh) << 32n) | BigInt(idLow >>> 0),
      timeoutMs,
    ])
    .sort(([a], [b]) => Number(a - b));
}

function assertRecovered(database: Database, machine: TxnMachine): void {
  assert.deepEqual(contentOf(database), contentOf(machine.database));
  const live = [...machine.sessions].sort(([a], [b]) => Number(a - b));
  assert.deepEqual(sessionsOf(database), live);
}

describe('replay over a tree that already holds some of it', { timeout: 600_000 }, () => {
  it('gives the tree of the plain history, wherever it begins and however far the tree was', () => {
    const property = fc.property(history(80), fc.nat(), fc.nat(), (steps, from, upTo) => {
      const runner = new ModelRunner();
      runner.run(steps);
      runner.check();
      const { log } = runner.machine;
      const reached = upTo % (log.length + 1);
      const start = from % (reached + 1);
      const database = newDatabase();
      database.startEmpty();
      replay(database, log.slice(0, reached));
      replay(database, log.slice(start));
      assertRecovered(database, runner.machine);
    });
    fc.assert(property, runs(150));
  });

  it('fits exactly, digests included, where nothing was seen twice', () => {
    const property = fc.property(history(40), (steps) => {
      const runner = new ModelRunner();
      runner.run(steps);
      runner.check();
      const database = newDatabase();
      database.startEmpty();
      database.exact();
      replay(database, runner.machine.log);
      assertRecovered(database, runner.machine);
    });
    fc.assert(property, runs(50));
  });

  it('refuses, where the tree is said to be exact, a txn that does not fit it', () => {
    const runner = new ModelRunner();
    const create = { type: 'create', path: '/a', data: null, acl: OPEN, flags: 0 } as const;
    runner.step({ session: 0, applies: 0, action: create });
    runner.step({ session: 0, applies: 0, action: { type: 'setData', path: '/a', data: null, version: -1 } });
    runner.step({ session: 0, applies: 0, action: { type: 'delete', path: '/a', version: -1 } });
    const [made, set, removed] = runner.machine.log.slice(-3);
    const sessions = runner.machine.log.slice(0, -3);
    for (const wrong of [[made, made], [set], [removed]]) {
      const database = newDatabase();
      database.startEmpty();
      database.exact();
      replay(database, sessions);
      assert.throws(() => replay(database, wrong), /does not fit the tree/);
    }
  });

  it('takes twice what no digest covers: below /zookeeper a tree may be ahead of the digest that proved it', () => {
    const runner = new ModelRunner();
    const path = '/zookeeper/quota/a';
    runner.step({
      session: 0,
      applies: 0,
      action: { type: 'create', path, data: null, acl: OPEN, flags: 0 },
    });
    runner.step({ session: 0, applies: 0, action: { type: 'delete', path, version: -1 } });
    runner.check();
    const database = newDatabase();
    database.startEmpty();
    replay(database, runner.machine.log.slice(0, -1));
    database.exact();
    replay(database, runner.machine.log.slice(-2));
    replay(database, runner.machine.log.slice(-1));
    assertRecovered(database, runner.machine);
  });
});

/** Lets the writer come to its turn after every single znode, where the real one keeps the lock for hundreds. */
class SteppingReader extends DataTreeReader {
  readonly #onStep: () => void;
  #isWriting = false;

  constructor(memory: ReplicaMemory, onStep: () => void) {
    super(memory);
    this.#onStep = onStep;
  }

  /** The first look that the collecting of ACL lists takes at a znode, and the last one if the list is open. */
  override aclRef(ref: number): number {
    const aclRef = super.aclRef(ref);
    if (!this.#isWriting && aclRef === OPEN_ACL) this.#onStep();
    return aclRef;
  }

  override dataLength(ref: number): number {
    this.#isWriting = true;
    return super.dataLength(ref);
  }

  /** The last thing that is written of a znode. */
  override writeStatPersisted(ref: number, view: DataView, at: number): void {
    super.writeStatPersisted(ref, view, at);
    this.#onStep();
  }
}

/** Writes a snapshot, with `onStep` between any two of its znodes. */
function snapshot(machine: TxnMachine, directory: string, onStep: () => void): void {
  const { tree } = machine;
  const ids = [...machine.sessions.keys()];
  tree.beginQuarantine();
  writeSnapshot({
    fileSystem: nodeFileSystem,
    directory,
    reader: new SteppingReader(tree.memory, onStep),
    lock: { acquire: () => {}, release: onStep },
    zxidHigh: tree.lastZxidHigh,
    zxidLow: tree.lastZxidLow,
    sessions: {
      idsHigh: Int32Array.from(ids, (id) => Number(BigInt.asIntN(32, id >> 32n))),
      idsLow: Int32Array.from(ids, (id) => Number(BigInt.asIntN(32, id))),
      timeoutsMs: Int32Array.from(machine.sessions.values()),
    },
    digestEnabled: true,
    lastProcessedZxidEnabled: true,
  });
  tree.endQuarantine();
}

function writeLog(machine: TxnMachine, directory: string, txns: readonly MadeTxn[]): void {
  const { zxidHigh } = machine;
  const lastZxidLow = (txns[0]?.zxid ?? 1) - 1;
  const writer = newLogWriter(directory, { lastZxidHigh: zxidHigh, lastZxidLow, forceSync: false });
  for (const { entry, zxid } of txns) writer.append(entry, 0, entry.length, zxidHigh, zxid);
  writer.sync();
  writer.close();
}

/** History before the snapshot, beside it (so many steps at each znode), and after it; then recovery from disk. */
function fuzzy(
  before: readonly Step[],
  beside: readonly Step[],
  pace: readonly number[],
  after: readonly Step[],
): void {
  const dataDir = mkdtempSync(join(tmpdir(), 'menagerie-fuzzy-'));
  const log = { info: () => {}, warn: () => {} };
  const directory = DataDirectory.open({
    dataDir,
    dataLogDir: dataDir,
    autocreate: true,
    fileSystem: nodeFileSystem,
    log,
  });
  try {
    const runner = new ModelRunner();
    runner.run(before);
    runner.check();
    const { machine } = runner;
    const firstUnseen = machine.log.length;
    let done = 0;
    let turn = 0;
    snapshot(machine, directory.snapshotDirectory, () => {
      const steps = pace[turn++ % pace.length];
      for (let i = 0; i < steps && done < beside.length; i++) runner.step(beside[done++]);
    });
    runner.run(beside.slice(done));
    runner.run(after);
    runner.check();
    writeLog(machine, directory.logDirectory, machine.log.slice(firstUnseen));
    const { target, digestCheck } = recover({
      directory,
      newTarget: () => newDatabase(),
      log,
      entryBytesMax: 1 << 20,
      trustEmptySnapshot: false,
      digestEnabled: true,
      isEnsembleMember: false,
    });
    assert.equal(digestCheck, 'equal');
    assertRecovered(target, machine);
  } finally {
    directory.release();
    rmSync(dataDir, { recursive: true });
  }
}

describe('replay over a fuzzy snapshot', { timeout: 600_000 }, () => {
  it('gives the live tree, sessions and ephemerals, whatever was written beside the snapshot', () => {
    const pace = fc.array(fc.nat(4), { minLength: 1, maxLength: 5 });
    const property = fc.property(history(60), history(80), pace, history(5), fuzzy);
    fc.assert(property, runs(200));
  });

  it('brings a parent up to date whose child was seen though its creation was not', () => {
    for (const type of ['create', 'create2'] as const) {
      for (const inMulti of [false, true]) {
        const create = (path: string) => ({ type, path, data: null, acl: OPEN, flags: 0 }) as const;
        const step = (action: Step['action']): Step => ({ session: 0, applies: 1000, action });
        const child = create('/p/child');
        // The walk stands on /p when its child is made, and finds it next.
        const beside = [step(inMulti ? { type: 'multi', ops: [child] } : child), step(create('/last'))];
        const after = [step(create('/p/another'))];
        for (let at = 0; at < 12; at++) {
          const pace = [...Array.from({ length: at }, () => 0), 2, ...Array.from({ length: 20 }, () => 0)];
          fuzzy([step(create('/p')), step(create('/q'))], beside, pace, after);
        }
      }
    }
  });
});
