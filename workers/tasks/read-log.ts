import type { MessagePort } from 'node:worker_threads';
import { ChunkSender } from '../../src/server/chunk-channel.ts';
import { logPackets } from '../../src/server/log-packets.ts';
import { nodeFileSystem } from '../../src/storage/file-system.ts';
import {
  type LogRangeOptions,
  type LogSearch,
  type LogSearchOptions,
  readLogRange,
  searchLog,
} from '../../src/storage/log-range.ts';
import { yieldToRequests } from './background.ts';

/** What main posts to the task pool for a learner that may be served from the log on disk. */
export type ReadLogTask =
  | { readonly kind: 'search'; readonly options: Omit<LogSearchOptions, 'fileSystem'> }
  | {
      readonly kind: 'send';
      readonly options: Omit<LogRangeOptions, 'fileSystem'>;
      /** Where the chunks go. */
      readonly port: MessagePort;
    };

/** Piscina task: looks for txns in the log on disk, or sends them. Gives null for the latter. */
export default async function readLogTask(task: ReadLogTask): Promise<LogSearch | null> {
  yieldToRequests();
  switch (task.kind) {
    case 'search':
      return searchLog({ ...task.options, fileSystem: nodeFileSystem });
    case 'send': {
      const txns = readLogRange({ ...task.options, fileSystem: nodeFileSystem });
      await new ChunkSender(task.port).send(logPackets(txns));
      return null;
    }
  }
}
