import type { MessagePort } from 'node:worker_threads';
import { DataTreeReader } from '../../src/replica/data-tree-reader.ts';
import { ReaderLock } from '../../src/replica/lock.ts';
import type { ReplicaMemory } from '../../src/replica/memory.ts';
import { ChunkSender } from '../../src/server/chunk-channel.ts';
import type { SnapshotSessions } from '../../src/storage/snapshot-body.ts';
import { snapshotStream } from '../../src/storage/snapshot-stream.ts';
import { yieldToRequests } from './background.ts';

/** What main posts to the task pool for a learner that gets the whole tree. */
export interface StreamSnapshotTask {
  readonly memory: ReplicaMemory;
  /** A place in the reader lock that is this task's alone. */
  readonly readerIndex: number;
  readonly sessions: SnapshotSessions;
  /** Of the tree that is meant. */
  readonly generation: number;
  /** Where the chunks go. */
  readonly port: MessagePort;
}

/** Piscina task: sends the tree beside running writes, as fast as it is taken. Main keeps a quarantine open meanwhile. */
export default async function streamSnapshotTask(task: StreamSnapshotTask): Promise<void> {
  yieldToRequests();
  const { memory, readerIndex, sessions, generation, port } = task;
  const reader = new DataTreeReader(memory);
  const lock = new ReaderLock(memory, readerIndex);
  await new ChunkSender(port).send(snapshotStream({ reader, lock, sessions, generation }));
}
