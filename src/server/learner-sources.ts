import { fileURLToPath } from 'node:url';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { Piscina } from 'piscina';
import type { ReadLogTask } from '../../workers/tasks/read-log.ts';
import type { StreamSnapshotTask } from '../../workers/tasks/stream-snapshot.ts';
import type { SendSource, SourceTarget } from '../quorum/send-queue.ts';
import type { DataTree } from '../replica/data-tree.ts';
import type { LogSearch, ZxidWords } from '../storage/log-range.ts';
import type { SnapshotSessions } from '../storage/snapshot-body.ts';
import { ChunkReceiver } from './chunk-channel.ts';
import { workerUrl } from './worker-url.ts';

/** So many learners get a tree at a time; the others wait for their turn. */
export const LEARNER_TREES_MAX = 4;
/** So many parts of the log are read at a time. */
const LOGS_MAX = 4;
/** How much of the replica's memory the records of deleted znodes may take that a slow stream keeps from being freed. */
const QUARANTINE_SHARE_MAX = 1 / 8;
const CHECK_INTERVAL_MS = 1000;

/** What becomes of a source; not called from within. */
export interface SourceEvents {
  /** There is something to be taken, or the end. */
  ready(): void;
  /** It does not come to its end, nor does fill say so: the learner's connection must be closed. */
  failed(reason: string): void;
}

export interface LearnerSourcesParts {
  readonly tree: DataTree;
  /** The sessions as they are when it is called. */
  readonly sessions: () => SnapshotSessions;
  /** Places in the replica's reader lock that are theirs alone; at most so many trees are sent at a time. */
  readonly readerIndexes: readonly number[];
  /** `DataDirectory.logDirectory` */
  readonly logDirectory: string;
  readonly entryBytesMax: number;
}

interface Tree {
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
  readonly #waiting: Tree[] = [];
  /** Trees that are being sent, oldest first. */
  readonly #running = new Set<Tree>();
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
  tree(events: SourceEvents): SendSource {
    const { port1, port2 } = new MessageChannel();
    const source = new ChunkSource(port1, events);
    const waiting: Tree = {
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
          .finally(() => this.#treeEnded(waiting, readerIndex));
      },
      fail: (reason) => source.fail(reason),
    };
    source.onCancel = () => {
      const at = this.#waiting.indexOf(waiting);
      if (at >= 0) this.#waiting.splice(at, 1);
    };
    this.#waiting.push(waiting);
    this.#startWaiting();
    return source;
  }

  /**
   * Looks whether the log on disk leads from a learner's last zxid to `upTo`; never rejects. It does not help if that is not known
   * after `timeMaxMs`, with the time in which others had their turn.
   */
  async searchLog(peer: ZxidWords, upTo: ZxidWords, bytesMax: number, timeMaxMs: number): Promise<LogSearch> {
    const { logDirectory, entryBytesMax } = this.#parts;
    const options = { logDirectory, entryBytesMax, peer, upTo, bytesMax };
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), timeMaxMs);
    try {
      const found = await this.#logs.run({ kind: 'search', options }, { signal: abort.signal });
      return found ?? { kind: 'none', why: 'no answer' };
    } catch (error) {
      const why = abort.signal.aborted
        ? `the log was searched for ${timeMaxMs} ms`
        : (error as Error).message;
      return { kind: 'none', why };
    } finally {
      clearTimeout(timer);
    }
  }

  /** The txns in (after, upTo] from the log on disk, each as PROPOSAL and COMMIT. */
  log(after: ZxidWords, upTo: ZxidWords, events: SourceEvents): SendSource {
    const { logDirectory, entryBytesMax } = this.#parts;
    const { port1, port2 } = new MessageChannel();
    const source = new ChunkSource(port1, events);
    const options = { logDirectory, entryBytesMax, after, upTo };
    this.#logs
      .run({ kind: 'send', options, port: port2 }, { transferList: [port2] })
      .catch((error: Error) => source.fail(error.message));
    return source;
  }

  #startWaiting(): void {
    while (this.#waiting.length > 0 && this.#freeIndexes.length > 0) {
      const source = this.#waiting.shift()!;
      this.#running.add(source);
      source.start(this.#freeIndexes.shift()!);
    }
  }

  #treeEnded(source: Tree, readerIndex: number): void {
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

/** What a task sends, on its way to a learner. */
class ChunkSource implements SendSource {
  onCancel: () => void = () => {};
  readonly #chunks: ChunkReceiver;
  readonly #events: SourceEvents;
  #isOver = false;

  constructor(port: MessagePort, events: SourceEvents) {
    this.#chunks = new ChunkReceiver(port, events.ready);
    this.#events = events;
  }

  fill(target: SourceTarget): 'more' | 'later' | 'end' {
    const chunk = this.#isOver ? 'later' : this.#chunks.take();
    if (chunk === 'end') this.#end();
    if (typeof chunk === 'string') return chunk;
    target.raw(chunk);
    return 'more';
  }

  /** It does not come to its end. Nothing happens if it is over. */
  fail(reason: string): void {
    if (this.#isOver) return;
    this.#end();
    this.#events.failed(reason);
  }

  cancel(): void {
    this.#end();
    this.onCancel();
  }

  #end(): void {
    this.#isOver = true;
    this.#chunks.close();
  }
}
