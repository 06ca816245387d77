import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GrowingJuteWriter } from '../../src/jute/writer.ts';
import { OpCode } from '../../src/protocol/opcode.ts';
import type { ServerConfig } from '../../src/server/config.ts';
import { Database } from '../../src/server/database.ts';
import type { DiskGuard } from '../../src/server/disk-guard.ts';
import type { Logger } from '../../src/server/logging.ts';
import { MainCounters } from '../../src/server/main-counters.ts';
import { Snapshots } from '../../src/server/snapshots.ts';
import { SessionTracker } from '../../src/session/session-tracker.ts';
import { DataDirectory } from '../../src/storage/data-directory.ts';
import { nodeFileSystem } from '../../src/storage/file-system.ts';
import { type RecoveryResult, recover } from '../../src/storage/recovery.ts';
import { LeaderRole } from '../sim/leader-role.ts';
import { SIM_TXN_OPTIONS } from '../sim/sim-database.ts';
import { LogLines, temporaryDirectory } from '../storage/support.ts';
import { OPEN, writeRequest } from '../txn/requests.ts';

const SESSION = { sessionHigh: 1, sessionLow: 1, cxid: 0 };

function newDatabase(): Database {
  return new Database({ memoryBytesMax: 1 << 20, readersMax: 2, hashSeed: 7 }, SIM_TXN_OPTIONS);
}

/** Entries of a session and two znodes, as a leader makes them. */
function madeTxns(): Uint8Array[] {
  const database = newDatabase();
  database.startEmpty();
  const leader = new LeaderRole(1, database, 1_000, 0);
  const make = (opcode: number, body: Uint8Array): Uint8Array => {
    const { entry, counter } = leader.prepare({ ...SESSION, opcode, body }, 1, 0, 1_700_000_000_000);
    database.applyTxn(entry, 0, entry.length);
    leader.applied(counter, 0);
    return entry;
  };
  const create = (path: string): Uint8Array => {
    const writer = new GrowingJuteWriter();
    writeRequest(writer, { type: 'create', path, data: Buffer.from('x'), acl: OPEN, flags: 0 });
    return make(OpCode.create, writer.written().slice());
  };
  return [make(OpCode.createSession, Uint8Array.of(0, 0, 0x75, 0x30)), create('/a'), create('/b')];
}

/** A snapshot of a tree that shows all of the txns, but is named by the one before the last. */
async function snapshotAhead(directory: DataDirectory, isExact: boolean, txns: Uint8Array[]): Promise<void> {
  const database = newDatabase();
  database.startEmpty();
  for (const entry of txns) database.applyTxn(entry, 0, entry.length);
  database.tree.setLastZxid(1, txns.length - 1);
  const ignored = (): void => {};
  const snapshots = new Snapshots({
    config: {
      snapCount: 1000,
      snapSizeLimitBytes: 0,
      digestEnabled: true,
      serializeLastProcessedZxidEnabled: true,
      snapshotCompression: 'none',
    } as ServerConfig,
    tree: database.tree,
    tracker: new SessionTracker({ tickTimeMs: 1000, sessionsMax: 8, touchTable: new Int32Array(8) }, 0),
    directory: directory.snapshotDirectory,
    readerIndex: 0,
    logger: { info: ignored, warn: ignored, error: ignored } as unknown as Logger,
    counters: new MainCounters(),
    rollLog: ignored,
    diskGuard: { hasRoomForSnapshot: () => true } as unknown as DiskGuard,
    isExact: () => isExact,
  });
  await snapshots.take();
  await snapshots.stop();
}

function recovered(directory: DataDirectory): RecoveryResult<Database> {
  return recover({
    directory,
    newTarget: newDatabase,
    log: new LogLines(),
    entryBytesMax: 1 << 20,
    trustEmptySnapshot: false,
    digestEnabled: true,
    isEnsembleMember: true,
  });
}

test('a snapshot of a tree that is ahead of its zxid does not say that it is exact', async (context) => {
  const dataDir = temporaryDirectory(context);
  const directory = DataDirectory.open({
    dataDir,
    dataLogDir: dataDir,
    autocreate: true,
    fileSystem: nodeFileSystem,
    log: new LogLines(),
  });
  const txns = madeTxns();
  await snapshotAhead(directory, false, txns);
  const { isExact, target } = recovered(directory);
  assert.equal(isExact, false);
  // The leader sends the txn whose effects are there already.
  const last = txns.at(-1);
  assert.ok(last !== undefined);
  assert.equal(target.applyTxn(last, 0, last.length), 'equal');

  // A tree that is said to be exact has a digest that is believed.
  await snapshotAhead(directory, true, txns);
  assert.equal(recovered(directory).isExact, true);
  directory.release();
});
