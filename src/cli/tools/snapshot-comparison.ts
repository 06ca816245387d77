import type { LineInput, Output } from './output.ts';
import type { SnapshotTree } from './snapshot-tree.ts';
import type { ZnodeSummary } from './sorted-znodes.ts';

export interface ComparisonOptions {
  readonly left: SnapshotTree;
  readonly right: SnapshotTree;
  /** Differences up to these are not shown. */
  readonly byteThreshold: number;
  readonly nodeThreshold: number;
  /** Tells each step. */
  readonly debug: boolean;
  /** Where to ask what to show next; null for all of it. */
  readonly input: LineInput | null;
  readonly out: Output;
}

type Side = 'left' | 'right';

/** Compares two trees depth by depth, with the lines of Apache's SnapshotComparer. */
export class SnapshotComparison {
  readonly #options: ComparisonOptions;
  readonly #out: Output;
  readonly #depths: number;

  constructor(options: ComparisonOptions) {
    this.#options = options;
    this.#out = options.out;
    this.#depths = Math.max(options.left.depths, options.right.depths);
  }

  run(): void {
    const { input } = this.#options;
    if (input === null) {
      this.#sayThresholds();
      for (let depth = 0; depth < this.#depths; depth++) this.#compareDepth(depth);
    } else if (!this.#converse(input)) return;
    this.#out.line('All layers compared.');
  }

  /** False when nobody answers any more. */
  #converse(input: LineInput): boolean {
    let depth = 0;
    while (depth < this.#depths) {
      this.#ask(depth);
      const line = input.next();
      if (line === null) return false;
      this.#sayThresholds();
      if (line === '') {
        this.#compareDepth(depth++);
      } else if (/^[+-]?\d+$/.test(line)) {
        const chosen = Number(line);
        if (chosen < 0 || chosen >= this.#depths) {
          this.#out.line(`Depth must be in range [0, ${this.#depths - 1}]`);
          continue;
        }
        depth = chosen;
        this.#compareDepth(depth);
      } else if (line.startsWith('/')) this.#compareBelow(line);
      else {
        this.#out.line(
          `Input ${line} is not valid. Depth must be in range [0, ${this.#depths - 1}]. ` +
            "Path must be an absolute path which starts with '/'.",
        );
      }
      this.#out.line();
    }
    return true;
  }

  #ask(depth: number): void {
    const out = this.#out;
    out.line(`Current depth is ${depth}`);
    out.line('- Press enter to move to print current depth layer;');
    out.line('- Type a number to jump to and print all nodes at a given depth;');
    out.line("- Enter an ABSOLUTE path to print the immediate subtree of a node. Path must start with '/'.");
    out.flush();
  }

  #sayThresholds(): void {
    const { byteThreshold, nodeThreshold } = this.#options;
    this.#out.line(
      `Printing analysis for nodes difference larger than ${byteThreshold} bytes or node count difference larger than ${nodeThreshold}.`,
    );
  }

  #compareDepth(depth: number): void {
    const { left, right } = this.#options;
    this.#out.line(`Analysis for depth ${depth}`);
    this.#compare(left.znodes.depth(depth), right.znodes.depth(depth));
  }

  #compareBelow(path: string): void {
    const { left, right } = this.#options;
    this.#out.line(`Analysis for node ${path}`);
    if (!hasZnode(left, path) && !hasZnode(right, path)) {
      this.#out.line(`Path ${path} is neither found in left tree nor right tree.`);
      return;
    }
    this.#compare(childrenOf(left, path), childrenOf(right, path));
  }

  /** Merges two sorted rows of znodes. */
  #compare(leftRow: Iterator<ZnodeSummary>, rightRow: Iterator<ZnodeSummary>): void {
    let left = currentOf(leftRow.next());
    let right = currentOf(rightRow.next());
    while (left !== null || right !== null) {
      const order = this.#order(left, right);
      if (left !== null && right !== null && order === 0) this.#showBoth(left, right);
      else if (left !== null && order < 0) this.#showOne('left', left);
      else if (right !== null) this.#showOne('right', right);
      if (order <= 0) left = currentOf(leftRow.next());
      if (order >= 0) right = currentOf(rightRow.next());
    }
  }

  #order(left: ZnodeSummary | null, right: ZnodeSummary | null): number {
    if (left === null) return 1;
    if (right === null) return -1;
    const order = left.path < right.path ? -1 : left.path > right.path ? 1 : 0;
    if (this.#options.debug) {
      this.#out.line(`Comparing ${left.path} to ${right.path}`);
      this.#out.line(order < 0 ? 'left is less' : order > 0 ? 'right is less' : 'same');
    }
    return order;
  }

  #showOne(side: Side, { path, bytes, descendants }: ZnodeSummary): void {
    const { byteThreshold, nodeThreshold } = this.#options;
    if (bytes > byteThreshold || descendants > nodeThreshold) {
      this.#out.line(
        `Node ${path} found only in ${side} tree. Descendant size: ${bytes}. Descendant count: ${descendants}`,
      );
    } else if (this.#saysFiltered) this.#out.line(`Filtered ${side} node ${path} of size ${bytes}`);
  }

  #showBoth(left: ZnodeSummary, right: ZnodeSummary): void {
    const { byteThreshold, nodeThreshold } = this.#options;
    const bytes = right.bytes - left.bytes;
    const descendants = right.descendants - left.descendants;
    if (Math.abs(bytes) > byteThreshold || Math.abs(descendants) > nodeThreshold) {
      this.#out.line(
        `Node ${left.path} found in both trees. Delta: ${bytes} bytes, ${descendants} descendants`,
      );
    } else if (this.#saysFiltered) {
      this.#out.line(`Filtered node ${left.path} of left size ${left.bytes}, right size ${right.bytes}`);
    }
  }

  get #saysFiltered(): boolean {
    return this.#options.debug || this.#options.input !== null;
  }
}

function currentOf(result: IteratorResult<ZnodeSummary>): ZnodeSummary | null {
  return result.done === true ? null : result.value;
}

function depthOf(path: string): number {
  return path.split('/').length - 1;
}

function hasZnode(tree: SnapshotTree, path: string): boolean {
  for (const znode of tree.znodes.depth(depthOf(path))) if (znode.path === path) return true;
  return false;
}

function* childrenOf(tree: SnapshotTree, path: string): Generator<ZnodeSummary, void, void> {
  const prefix = `${path}/`;
  for (const znode of tree.znodes.depth(depthOf(path) + 1)) if (znode.path.startsWith(prefix)) yield znode;
}
