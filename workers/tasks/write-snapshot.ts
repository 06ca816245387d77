import { DataTreeReader } from '../../src/replica/data-tree-reader.ts';
import { ReaderLock } from '../../src/replica/lock.ts';
import type { ReplicaMemory } from '../../src/replica/memory.ts';
import { nodeFileSystem } from '../../src/storage/file-system.ts';
import type { SnapshotSessions } from '../../src/storage/snapshot-body.ts';
import type { SnapshotCompression } from '../../src/storage/snapshot-source.ts';
import { type SnapshotResult, writeSnapshot } from '../../src/storage/snapshot-writer.ts';
import { yieldToRequests } from './background.ts';

/** What main posts to the task pool for a snapshot; all of it can be cloned. */
export interface WriteSnapshotTask {
  readonly memory: ReplicaMemory;
  /** The place in the reader lock that is the snapshot task's alone: two tasks must not run at a time. */
  readonly readerIndex: number;
  /** `DataDirectory.snapshotDirectory` */
  readonly directory: string;
  /** The last zxid applied; the log was rolled behind it. */
  readonly zxidHigh: number;
  readonly zxidLow: number;
  readonly sessions: SnapshotSessions;
  /** Of the tree that is meant: if it is replaced before the end, there is no snapshot. */
  readonly generation: number;
  /** See SnapshotWriterOptions. */
  readonly isAhead: boolean;
  readonly replacesHistory: boolean;
  readonly digestEnabled: boolean;
  readonly lastProcessedZxidEnabled: boolean;
  readonly compression: SnapshotCompression;
}

/** Piscina task: writes a snapshot of the replica beside running writes. Main keeps a quarantine open meanwhile. */
export default function writeSnapshotTask(task: WriteSnapshotTask): SnapshotResult {
  yieldToRequests();
  return writeSnapshot({
    ...task,
    fileSystem: nodeFileSystem,
    reader: new DataTreeReader(task.memory),
    lock: new ReaderLock(task.memory, task.readerIndex),
  });
}
