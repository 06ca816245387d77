import type { DataTree } from '../../src/replica/data-tree.ts';
import { DataTreeReader } from '../../src/replica/data-tree-reader.ts';
import { ReaderLock } from '../../src/replica/lock.ts';
import { nodeFileSystem } from '../../src/storage/file-system.ts';
import {
  type SnapshotResult,
  type SnapshotWriterOptions,
  writeSnapshot,
} from '../../src/storage/snapshot-writer.ts';
import { NO_SESSIONS } from './test-server.ts';

/** Writes a tree to snapshot.9 of a directory, as the snapshot task does; no sessions, with all that 3.9 writes. */
export function snapshotTree(
  tree: DataTree,
  directory: string,
  changes: Partial<SnapshotWriterOptions> = {},
): SnapshotResult {
  tree.beginQuarantine();
  try {
    return writeSnapshot({
      fileSystem: nodeFileSystem,
      directory,
      reader: new DataTreeReader(tree.memory),
      lock: new ReaderLock(tree.memory, 0),
      zxidHigh: 0,
      zxidLow: 9,
      sessions: NO_SESSIONS,
      digestEnabled: true,
      lastProcessedZxidEnabled: true,
      ...changes,
    });
  } finally {
    tree.endQuarantine();
  }
}
