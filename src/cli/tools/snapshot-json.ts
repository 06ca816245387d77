import type { SnapshotInput } from '../../storage/snapshot-input.ts';
import type { SnapshotSink } from '../../storage/snapshot-scan.ts';
import type { Output } from './output.ts';
import { NO_SINK, pathText, readSnapshotFile } from './snapshot-file.ts';
import { ToolError } from './tool.ts';

const FIRST_INODE = 1001;

/**
 * Prints the tree as SnapshotFormatter -json of Apache does, for ncdu (https://dev.yorhel.nl/ncdu/jsonfmt): names and sizes.
 * Reads the file twice, so that nothing is printed of a damaged one.
 */
export function formatSnapshotJson(path: string, out: Output): void {
  readSnapshotFile(path, NO_SINK);
  const timestamp = Date.now();
  out.write(`[1,0,{"progname":"SnapshotFormatter.java","progver":"0.01","timestamp":${timestamp}}`);
  const tree = new JsonTree(path, out);
  readSnapshotFile(path, tree);
  out.write(']');
}

/** A znode with children opens a list that ends behind the last of them: so each is held until the next one is known. */
class JsonTree implements SnapshotSink {
  readonly #file: string;
  readonly #out: Output;
  /** Paths of the lists that are open. */
  readonly #open: string[] = [];
  #heldPath: string | null = null;
  #heldText = '';
  #inode = FIRST_INODE;

  constructor(file: string, out: Output) {
    this.#file = file;
    this.#out = out;
  }

  session(): void {}

  acl(): void {}

  znode(input: SnapshotInput, pathAt: number, pathLength: number, _data: number, dataLength: number): void {
    const path = pathText(input, pathAt, pathLength);
    const slash = path.lastIndexOf('/');
    const parent = path.slice(0, Math.max(0, slash));
    if (this.#heldPath !== null) this.#release(parent);
    const name = path === '' ? '/' : path.slice(slash + 1);
    const size = Math.max(0, dataLength);
    this.#heldPath = path;
    this.#heldText = `{"name":${JSON.stringify(name)},"asize":${size},"dsize":${size},"dev":0,"ino":${this.#inode++}}`;
  }

  end(): void {
    if (this.#heldPath !== null) this.#out.write(`,${this.#heldText}`);
    this.#out.write(']'.repeat(this.#open.length));
  }

  /** Writes the znode that is held; `parent` is that of the next one. */
  #release(parent: string): void {
    if (this.#heldPath === parent) {
      this.#open.push(parent);
      this.#out.write(`,[${this.#heldText}`);
      return;
    }
    this.#out.write(`,${this.#heldText}`);
    while (this.#open.length > 0 && this.#open.at(-1) !== parent) {
      this.#open.pop();
      this.#out.write(']');
    }
    if (this.#open.length === 0)
      throw new ToolError(`${this.#file}: children do not follow their parent: not written by a server`, 1);
  }
}
