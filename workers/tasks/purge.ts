import { listLogs, listSnapshots } from '../../src/storage/data-directory.ts';
import { nodeFileSystem } from '../../src/storage/file-system.ts';
import type { ZxidWords } from '../../src/storage/log-range.ts';
import { type PurgeResult, purge } from '../../src/storage/purge.ts';

/** What main posts to the task pool for a purge. */
export interface PurgeTask {
  /** `DataDirectory.snapshotDirectory` and `logDirectory`. */
  readonly snapshotDirectory: string;
  readonly logDirectory: string;
  readonly retainCount: number;
  readonly entryBytesMax: number;
  readonly neededFrom: ZxidWords | null;
}

/** A purge's outcome with what there is to say of it: the task has no log of its own. */
export interface PurgeReport extends PurgeResult {
  readonly lines: readonly { readonly level: 'info' | 'warn'; readonly message: string }[];
}

/** Piscina task: reads the newest snapshots whole, then removes what none of those to be kept needs. */
export default function purgeTask(task: PurgeTask): PurgeReport {
  const lines: { level: 'info' | 'warn'; message: string }[] = [];
  const result = purge({
    ...task,
    snapshots: listSnapshots(nodeFileSystem, task.snapshotDirectory),
    logs: listLogs(nodeFileSystem, task.logDirectory),
    fileSystem: nodeFileSystem,
    log: {
      info: (message) => lines.push({ level: 'info', message }),
      warn: (message) => lines.push({ level: 'warn', message }),
    },
  });
  return { ...result, lines };
}
