import nodePath from 'node:path';
import type { SnapshotInput } from '../../storage/snapshot-input.ts';
import type { SnapshotSink } from '../../storage/snapshot-scan.ts';
import type { Output } from './output.ts';
import { pathText, readSnapshotFile } from './snapshot-file.ts';
import { SortedZnodes } from './sorted-znodes.ts';
import { ToolError } from './tool.ts';

interface OpenZnode {
  readonly path: string;
  bytes: number;
  descendants: number;
}

/** A snapshot's znodes with the sums of what is below each, depth by depth. */
export class SnapshotTree {
  readonly znodes: SortedZnodes;
  readonly count: number;
  readonly bytes: number;

  private constructor(znodes: SortedZnodes, count: number, bytes: number) {
    this.znodes = znodes;
    this.count = count;
    this.bytes = bytes;
  }

  /** Reads a snapshot in one pass. Throws {@link ToolError}. */
  static read(path: string, out: Output, runBytesMax?: number): SnapshotTree {
    const startedMs = performance.now();
    const znodes = new SortedZnodes(runBytesMax);
    try {
      const sums = new Sums(path, znodes);
      const { znodes: count } = readSnapshotFile(path, sums);
      const readMs = performance.now();
      out.line(
        `Deserialized snapshot in ${nodePath.basename(path)} in ${seconds(readMs - startedMs)} seconds`,
      );
      znodes.finish();
      out.line(`Processed data tree in ${seconds(performance.now() - readMs)} seconds`);
      return new SnapshotTree(znodes, count, sums.bytes);
    } catch (error) {
      znodes.close();
      throw error;
    }
  }

  /** How many depths there are. */
  get depths(): number {
    return this.znodes.counts.length;
  }

  describe(out: Output): void {
    out.line(`Node count: ${this.count}`);
    out.line(`Total size: ${this.bytes}`);
    out.line(`Max depth: ${this.depths}`);
    for (const [depth, count] of this.znodes.counts.entries())
      out.line(`Count of nodes at depth ${depth}: ${count}`);
    out.line();
  }

  close(): void {
    this.znodes.close();
  }
}

/** Adds up what is below each znode: it is known when the first znode comes that is not below. */
class Sums implements SnapshotSink {
  bytes = 0;
  readonly #file: string;
  readonly #znodes: SortedZnodes;
  /** The znodes from the root to the last one. */
  readonly #open: OpenZnode[] = [];

  constructor(file: string, znodes: SortedZnodes) {
    this.#file = file;
    this.#znodes = znodes;
  }

  session(): void {}

  acl(): void {}

  znode(input: SnapshotInput, pathAt: number, pathLength: number, _data: number, dataLength: number): void {
    const path = pathText(input, pathAt, pathLength);
    const size = Math.max(0, dataLength);
    this.bytes += size;
    if (path !== '') this.#closeDownTo(path.slice(0, path.lastIndexOf('/')));
    this.#open.push({ path, bytes: size, descendants: 0 });
  }

  end(): void {
    while (this.#open.length > 0) this.#close();
  }

  #closeDownTo(parent: string): void {
    while (this.#open.length > 0 && this.#open.at(-1)?.path !== parent) this.#close();
    if (this.#open.length === 0)
      throw new ToolError(`${this.#file}: children do not follow their parent: not written by a server`, 1);
  }

  #close(): void {
    const done = this.#open.pop();
    if (done === undefined) return;
    const parent = this.#open.at(-1);
    if (parent !== undefined) {
      parent.bytes += done.bytes;
      parent.descendants += done.descendants + 1;
    }
    this.#znodes.add(this.#open.length, done);
  }
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(6);
}
