import { fileURLToPath } from 'node:url';
import { MessageChannel } from 'node:worker_threads';
import { Piscina } from 'piscina';
import type { ReadLogTask } from '../../workers/tasks/read-log.ts';
import type { StreamSnapshotTask } from '../../workers/tasks/stream-snapshot.ts';
import type { DataTree } from '../replica/data-tree.ts';
import type { LogSearch, ZxidWords } from '../storage/log-range.ts';
import type { SnapshotSessions } from '../storage/snapshot-body.ts';
import { TXN_HEADER_ZXID } from '../storage/txn-log-format.ts';
import { ChunkReceiver } from './chunk-channel.ts';
import { workerUrl } from './worker-url.ts';

/** So many learners get a tree at a time; the others wait for their turn. */
export const LEARNER_TREES_MAX = 4;
/** So many parts of the log are read at a time. */
const LOGS_MAX = 4;
/** How much of the replica's memory the records of deleted znodes may take that a slow stream keeps from being freed. */
const QUARANTINE_SHARE_MAX = 1 / 8;
const CHECK_INTERVAL_MS = 1000;

/** Where a source writes: a quorum connection's batch of packets fits. */
export interface SourceTarget {
  raw(source: Uint8Array, start: number, length: number): void;
  proposal(epoch: number, counter: number, source: Uint8Array, start: number, length: number): void;
  commits(epoch: number, first: number, last: number): void;
}

/** Gives the bytes of something long as they are taken. */
export interface LearnerSource {
  /**
   * Writes some more, about 256 KiB. 'later': there is nothing now, `ready` is called when there is. 'end': that was all;
   * never after a failure, as nothing may follow what is not whole.
   */
  fill(target: SourceTarget): 'more' | 'later' | 'end';
  /** It is not wanted any more. */
  cancel(): void;
}

export interface LearnerSourceEvents {
  /** There is something to be taken, or the end. */
  ready(): void;
  /** It does not come to its end: the learner's connection must be closed. */
  failed(reason: string): void;
}

export interface LearnerSourcesParts {
  readonly tree: DataTree;
  /** The sessions as they are when it is called. */
  readonly sessions: () => SnapshotSessions;
  /** Places in the replica's reader lock that are theirs alone; at most so many trees are sent at a time. */
  readonly readerIndexes: readonly number[];
  /** `DataDirectory.snapshotDirectory` and `logDirectory`. */
  readonly snapshotDirectory: string;
  readonly logDirectory: string;
  readonly entryBytesMax: number;
  readonly snapshotSizeFactor: number;
}

interface TreeSource {
  readonly start: (readerIndex: number) => void;
  readonly fail: (reason: string) => void;
}

/**
 * What a leader sends to learners that are far behind: the tree, or a part of the log on disk. Tasks read it beside the
 * running service, no faster than a learner takes it, with some chunks in memory each.
 */
export class LearnerSources {
  readonly #parts: LearnerSourcesParts;
  readonly #trees: Piscina<StreamSnapshotTask, void>;
  readonly #logs: Piscina<ReadLogTask, LogSearch | null>;
  readonly #freeIndexes: number[];
  /** Trees that wait for a place, in order. */
  readonly #waiting: TreeSource[] = [];
  /** Trees that are being sent, oldest first. */
  readonly #running = new Set<TreeSource>();
  readonly #check: NodeJS.Timeout;

  constructor(parts: LearnerSourcesParts) {
    this.#parts = parts;
    this.#freeIndexes = [...parts.readerIndexes];
    this.#trees = newPool('tasks/stream-snapshot', parts.readerIndexes.length);
    this.#logs = newPool('tasks/read-log', LOGS_MAX);
    this.#check = setInterval(() => this.#dropSlow(), CHECK_INTERVAL_MS);
    this.#check.unref();
  }

  /**
   * The tree as it is now or a little later, with the signature: what follows SNAP at the zxid that the tree has now. The
   * txns behind that zxid must follow, see snapshotStream.
   */
  tree(events: LearnerSourceEvents): LearnerSource {
    const { port1, port2 } = new MessageChannel();
    const chunks = new ChunkReceiver(port1, events.ready);
    let isOver = false;
    const end = (): void => {
      isOver = true;
      chunks.close();
    };
    const source: TreeSource = {
      start: (readerIndex) => {
        const { tree, sessions } = this.#parts;
        const task = {
          memory: tree.memory,
          readerIndex,
          sessions: sessions(),
          generation: tree.generation,
          port: port2,
        };
        tree.beginQuarantine();
        this.#trees
          .run(task, { transferList: [port2] })
          .catch((error: Error) => source.fail(error.message))
          .finally(() => this.#treeEnded(source, readerIndex));
      },
      fail: (reason) => {
        if (isOver) return;
        end();
        events.failed(reason);
      },
    };
    this.#waiting.push(source);
    this.#startWaiting();
    return {
      fill: (target) => {
        const chunk = isOver ? 'later' : chunks.take();
        if (typeof chunk === 'string') {
          if (chunk === 'end') end();
          return chunk;
        }
        target.raw(chunk, 0, chunk.length);
        return 'more';
      },
      cancel: () => {
        end();
        const at = this.#waiting.indexOf(source);
        if (at >= 0) this.#waiting.splice(at, 1);
      },
    };
  }

  /** Looks whether the log on disk leads from a learner's last zxid to `upTo`; never rejects. */
  async searchLog(peer: ZxidWords, upTo: ZxidWords): Promise<LogSearch> {
    const { snapshotDirectory, logDirectory, entryBytesMax, snapshotSizeFactor } = this.#parts;
    const options = { snapshotDirectory, logDirectory, entryBytesMax, snapshotSizeFactor, peer, upTo };
    try {
      return (await this.#logs.run({ kind: 'search', options })) ?? { kind: 'none', reason: 'no answer' };
    } catch (error) {
      return { kind: 'none', reason: (error as Error).message };
    }
  }

  /** The txns in (after, upTo] from the log on disk, each as PROPOSAL and COMMIT. */
  log(after: ZxidWords, upTo: ZxidWords, events: LearnerSourceEvents): LearnerSource {
    const { logDirectory, entryBytesMax } = this.#parts;
    const { port1, port2 } = new MessageChannel();
    const chunks = new ChunkReceiver(port1, events.ready);
    let isOver = false;
    const end = (): void => {
      isOver = true;
      chunks.close();
    };
    const task: ReadLogTask = {
      kind: 'send',
      options: { logDirectory, entryBytesMax, after, upTo },
      port: port2,
    };
    this.#logs.run(task, { transferList: [port2] }).catch((error: Error) => {
      if (isOver) return;
      end();
      events.failed(error.message);
    });
    return {
      fill: (target) => {
        const chunk = isOver ? 'later' : chunks.take();
        if (typeof chunk === 'string') {
          if (chunk === 'end') end();
          return chunk;
        }
        writeTxns(chunk, target);
        return 'more';
      },
      cancel: end,
    };
  }

  #startWaiting(): void {
    while (this.#waiting.length > 0 && this.#freeIndexes.length > 0) {
      const source = this.#waiting.shift()!;
      this.#running.add(source);
      source.start(this.#freeIndexes.shift()!);
    }
  }

  #treeEnded(source: TreeSource, readerIndex: number): void {
    this.#parts.tree.endQuarantine();
    this.#running.delete(source);
    this.#freeIndexes.push(readerIndex);
    this.#startWaiting();
  }

  /** While a tree is sent, records of znodes that are deleted are not freed: a learner that takes for ever costs memory. */
  #dropSlow(): void {
    const oldest = this.#running.values().next().value;
    if (oldest === undefined) return;
    const { quarantinedBytes, memoryBytesMax } = this.#parts.tree.statistics();
    if (quarantinedBytes <= memoryBytesMax * QUARANTINE_SHARE_MAX) return;
    oldest.fail(
      `it takes the tree so slowly that what was deleted meanwhile fills ${Math.round(quarantinedBytes / 1048576)} MiB`,
    );
  }

  /** Gives up everything that is under way. */
  async stop(): Promise<void> {
    clearInterval(this.#check);
    this.#waiting.length = 0;
    await Promise.all([this.#trees.destroy(), this.#logs.destroy()]);
  }
}

function newPool<Task, Result>(name: string, threads: number): Piscina<Task, Result> {
  return new Piscina({
    filename: fileURLToPath(workerUrl(name)),
    minThreads: 0,
    maxThreads: threads,
    idleTimeout: 1000,
  });
}

/** A chunk of readLogRange, as packets. */
function writeTxns(chunk: Uint8Array, target: SourceTarget): void {
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  for (let at = 0; at < chunk.length; ) {
    const length = view.getInt32(at);
    const start = at + 4;
    const epoch = view.getInt32(start + TXN_HEADER_ZXID);
    const counter = view.getInt32(start + TXN_HEADER_ZXID + 4);
    target.proposal(epoch, counter, chunk, start, length);
    target.commits(epoch, counter, counter);
    at = start + length;
  }
}
