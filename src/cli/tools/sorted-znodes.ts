import fs from 'node:fs';
import os from 'node:os';
import nodePath from 'node:path';
import { nodeFileSystem } from '../../storage/file-system.ts';
import { FileWindow } from '../../storage/file-window.ts';

/** What is compared of a znode. */
export interface ZnodeSummary {
  /** `""` for the root. */
  readonly path: string;
  /** Bytes of data, those of all znodes below it included. */
  readonly bytes: number;
  /** Znodes below it. */
  readonly descendants: number;
}

/** int path length, double bytes, double descendants; then the path in UTF-8 */
const RECORD_HEAD_BYTES = 20;
/** What a summary takes in memory beside its path, about. */
const SUMMARY_BYTES = 100;
const RUN_BYTES = 128 * 1024 * 1024;

/** A sorted part of all summaries. */
interface Run {
  /** Those of a depth, by path. */
  depth(depth: number): Iterator<ZnodeSummary>;
  close(): void;
}

/**
 * Summaries of a tree's znodes, to be gone through depth by depth in the order of their paths (as String.compareTo of Java
 * has it). What does not fit in memory is sorted in parts, in files of the system's temporary directory.
 */
export class SortedZnodes {
  /** Znodes at each depth; the root is at 0. */
  readonly counts: number[] = [];
  readonly #runBytesMax: number;
  readonly #runs: Run[] = [];
  #depths: ZnodeSummary[][] = [];
  #bytes = 0;
  #directory: string | null = null;

  constructor(runBytesMax = RUN_BYTES) {
    this.#runBytesMax = runBytesMax;
  }

  /** How many parts are in files. */
  get spilledRuns(): number {
    return this.#directory === null ? 0 : this.#runs.length;
  }

  add(depth: number, summary: ZnodeSummary): void {
    while (this.#depths.length <= depth) this.#depths.push([]);
    this.#depths[depth].push(summary);
    this.counts[depth] = (this.counts[depth] ?? 0) + 1;
    this.#bytes += SUMMARY_BYTES + 2 * summary.path.length;
    if (this.#bytes >= this.#runBytesMax) this.#spill();
  }

  /** To be called once, behind the last {@link add}. */
  finish(): void {
    if (this.#directory !== null) {
      if (this.#bytes > 0) this.#spill();
      return;
    }
    const depths = this.#sorted();
    this.#runs.push({ depth: (depth) => (depths[depth] ?? []).values(), close: () => {} });
  }

  /** The znodes of a depth in their order. */
  *depth(depth: number): Generator<ZnodeSummary, void, void> {
    const heads = this.#runs.map((run) => new Head(run.depth(depth)));
    for (;;) {
      let least: Head | null = null;
      for (const head of heads) {
        if (head.current === null) continue;
        if (least === null || head.current.path < least.current!.path) least = head;
      }
      if (least === null) return;
      yield least.current!;
      least.advance();
    }
  }

  close(): void {
    for (const run of this.#runs) run.close();
    if (this.#directory !== null) fs.rmSync(this.#directory, { recursive: true, force: true });
  }

  #sorted(): ZnodeSummary[][] {
    const depths = this.#depths;
    for (const summaries of depths)
      summaries.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
    this.#depths = [];
    this.#bytes = 0;
    return depths;
  }

  #spill(): void {
    this.#directory ??= fs.mkdtempSync(nodePath.join(os.tmpdir(), 'zk-snapshot-comparer-'));
    const path = nodePath.join(this.#directory, `run-${this.#runs.length}`);
    this.#runs.push(new FileRun(path, this.#sorted()));
  }
}

class Head {
  current: ZnodeSummary | null = null;
  readonly #iterator: Iterator<ZnodeSummary>;

  constructor(iterator: Iterator<ZnodeSummary>) {
    this.#iterator = iterator;
    this.advance();
  }

  advance(): void {
    const next = this.#iterator.next();
    this.current = next.done === true ? null : next.value;
  }
}

const WRITE_BYTES = 1 << 20;

class FileRun implements Run {
  readonly #path: string;
  /** Where each depth begins; behind the last one, the file's end. */
  readonly #offsets: number[] = [0];
  readonly #windows = new Set<FileWindow>();

  constructor(path: string, depths: readonly (readonly ZnodeSummary[])[]) {
    this.#path = path;
    const fd = fs.openSync(path, 'wx', 0o600);
    let offset = 0;
    let pieces: Buffer[] = [];
    let waiting = 0;
    const flush = (): void => {
      const bytes = Buffer.concat(pieces);
      for (let at = 0; at < bytes.length; ) at += fs.writeSync(fd, bytes, at);
      pieces = [];
      waiting = 0;
    };
    for (const summaries of depths) {
      for (const summary of summaries) {
        const bytes = encode(summary);
        pieces.push(bytes);
        offset += bytes.length;
        waiting += bytes.length;
        if (waiting >= WRITE_BYTES) flush();
      }
      this.#offsets.push(offset);
    }
    flush();
    fs.closeSync(fd);
  }

  *depth(depth: number): Generator<ZnodeSummary, void, void> {
    const end = this.#offsets[depth + 1];
    if (end === undefined) return;
    const window = new FileWindow(nodeFileSystem, this.#path);
    this.#windows.add(window);
    for (let offset = this.#offsets[depth]; offset < end; ) {
      const length = window.view.getInt32(window.load(offset, RECORD_HEAD_BYTES));
      const at = window.load(offset, RECORD_HEAD_BYTES + length);
      const { view } = window;
      const start = at + RECORD_HEAD_BYTES;
      const path = Buffer.from(window.bytes.buffer, start, length).toString('utf8');
      yield { path, bytes: view.getFloat64(at + 4), descendants: view.getFloat64(at + 12) };
      offset += RECORD_HEAD_BYTES + length;
    }
    this.#windows.delete(window);
    window.close();
  }

  close(): void {
    for (const window of this.#windows) window.close();
    this.#windows.clear();
  }
}

function encode({ path, bytes, descendants }: ZnodeSummary): Buffer {
  const length = Buffer.byteLength(path);
  const record = Buffer.alloc(RECORD_HEAD_BYTES + length);
  record.writeInt32BE(length, 0);
  record.writeDoubleBE(bytes, 4);
  record.writeDoubleBE(descendants, 12);
  record.write(path, RECORD_HEAD_BYTES);
  return record;
}
