import nodePath from 'node:path';
import type { FileStatus, FileSystem, OpenFlags } from '../../src/storage/file-system.ts';
import type { SimRandom } from './random.ts';

/** Thrown out of a file call at which the process is to die: nothing after it in the process happens. */
export class ProcessCrash extends Error {
  override readonly name = 'ProcessCrash';
}

/** A call about to be made; whoever listens may throw in its place. */
export type BeforeCall = (kind: keyof FileSystem, path: string) => void;

type Change =
  | { readonly kind: 'write'; readonly position: number; readonly bytes: Uint8Array }
  | { readonly kind: 'truncate'; readonly length: number };

const SECTOR_BYTES = 512;

/** Bytes of a file that may grow. */
class Content {
  bytes = new Uint8Array(0);
  size = 0;

  apply(change: Change): void {
    if (change.kind === 'truncate') this.#resize(change.length);
    else {
      const end = change.position + change.bytes.length;
      if (end > this.size) this.#resize(end);
      this.bytes.set(change.bytes, change.position);
    }
  }

  #resize(size: number): void {
    if (size > this.bytes.length) {
      const grown = new Uint8Array(Math.max(size, 2 * this.bytes.length, 256));
      grown.set(this.bytes.subarray(0, this.size));
      this.bytes = grown;
    } else if (size < this.size) this.bytes.fill(0, size, this.size);
    this.size = size;
  }
}

/** A file: as programs see it, as it is on the platter, and what lies between. */
class Inode {
  readonly seen = new Content();
  readonly durable = new Content();
  unsynced: Change[] = [];

  change(change: Change): void {
    this.seen.apply(change);
    this.unsynced.push(change);
  }

  sync(): void {
    for (const change of this.unsynced) this.durable.apply(change);
    this.unsynced = [];
  }
}

/** A directory's entries: as programs see them, as they are on the platter, and the changes between, in order. */
class Directory {
  readonly seen = new Map<string, Inode>();
  readonly durable = new Map<string, Inode>();
  unsynced: (readonly (readonly [string, Inode | null])[])[] = [];

  change(...entries: (readonly [string, Inode | null])[]): void {
    for (const [name, inode] of entries) setEntry(this.seen, name, inode);
    this.unsynced.push(entries);
  }

  sync(): void {
    for (const entries of this.unsynced) {
      for (const [name, inode] of entries) setEntry(this.durable, name, inode);
    }
    this.unsynced = [];
  }
}

function setEntry(entries: Map<string, Inode>, name: string, inode: Inode | null): void {
  if (inode === null) entries.delete(name);
  else entries.set(name, inode);
}

/**
 * A disk in memory that knows what is durable: contents after fsync of the file, names after fsync of the directory, and
 * nothing else. A process mounts it; when that is killed what it wrote stays in the page cache; a power loss keeps of what
 * was not synced a random part, torn at sectors.
 */
export class SimDisk {
  readonly #directories = new Map<string, Directory>();
  #mounts = 0;

  /** The file system as one process sees it; every earlier mount is dead, its calls throw {@link ProcessCrash}. */
  mount(beforeCall: BeforeCall = () => {}): FileSystem {
    const mount = ++this.#mounts;
    const open: (OpenFile | null)[] = [null];
    const call = (kind: keyof FileSystem, path: string): void => {
      if (mount !== this.#mounts) throw new ProcessCrash(`${kind} ${path} by a process that is dead`);
      beforeCall(kind, path);
    };
    const file = (kind: keyof FileSystem, fd: number): OpenFile => {
      const found = open[fd];
      if (found === undefined || found === null) throw systemError('EBADF', kind, `fd ${fd}`);
      call(kind, found.path);
      return found;
    };
    return {
      open: (path, flags) => {
        call('open', path);
        return open.push({ path, inode: this.#open(path, flags) }) - 1;
      },
      close: (fd) => {
        file('close', fd);
        open[fd] = null;
      },
      read: (fd, bytes, start, length, position) => {
        const { seen } = file('read', fd).inode;
        const piece = seen.bytes.subarray(
          position,
          Math.max(position, Math.min(seen.size, position + length)),
        );
        bytes.set(piece, start);
        return piece.length;
      },
      write: (fd, bytes, start, length, position) => {
        const { inode } = file('write', fd);
        inode.change({
          kind: 'write',
          position,
          bytes: new Uint8Array(bytes.subarray(start, start + length)),
        });
        return length;
      },
      fdatasync: (fd) => file('fdatasync', fd).inode.sync(),
      fsync: (fd) => file('fsync', fd).inode.sync(),
      fsyncDirectory: (path) => {
        call('fsyncDirectory', path);
        this.#directory(path).sync();
      },
      truncate: (fd, length) => file('truncate', fd).inode.change({ kind: 'truncate', length }),
      rename: (from, to) => {
        call('rename', from);
        this.#rename(from, to);
      },
      unlink: (path) => {
        call('unlink', path);
        this.#find(path, 'unlink');
        this.#parent(path).change([nodePath.basename(path), null]);
      },
      stat: (path) => {
        call('stat', path);
        if (this.#directories.has(path)) return { size: 0, modifiedMs: 0, isDirectory: true };
        const inode = this.#directories.get(nodePath.dirname(path))?.seen.get(nodePath.basename(path));
        return inode === undefined ? null : statusOf(inode);
      },
      statOpen: (fd) => statusOf(file('statOpen', fd).inode),
      makeDirectory: (path) => {
        call('makeDirectory', path);
        for (let at = path; !this.#directories.has(at); at = nodePath.dirname(at)) {
          this.#directories.set(at, new Directory());
          if (nodePath.dirname(at) === at) break;
        }
      },
      list: (path) => {
        call('list', path);
        return [...this.#directory(path).seen.keys()];
      },
    };
  }

  /** The process is gone; what it wrote is in the page cache. */
  kill(): void {
    this.#mounts++;
  }

  /** The power fails: of what was not synced, `random` decides what is left. */
  powerLoss(random: SimRandom): void {
    this.kill();
    const inodes = new Set<Inode>();
    for (const directory of this.#directories.values()) {
      for (const inode of directory.seen.values()) inodes.add(inode);
      for (const inode of directory.durable.values()) inodes.add(inode);
    }
    for (const inode of inodes) losePart(inode, random);
    for (const directory of this.#directories.values()) {
      const survives = survival(directory.unsynced.length, random);
      directory.unsynced = directory.unsynced.filter((_, index) => survives(index));
      directory.sync();
      directory.seen.clear();
      for (const [name, inode] of directory.durable) directory.seen.set(name, inode);
    }
  }

  /** Whether a power loss could change anything about files whose names begin so. */
  hasUnsynced(prefix: string): boolean {
    for (const directory of this.#directories.values()) {
      if (directory.unsynced.some((entries) => entries.some(([name]) => name.startsWith(prefix))))
        return true;
      for (const [name, inode] of directory.seen) {
        if (name.startsWith(prefix) && inode.unsynced.length > 0) return true;
      }
    }
    return false;
  }

  #directory(path: string): Directory {
    const directory = this.#directories.get(path);
    if (directory === undefined) throw systemError('ENOENT', 'list', path);
    return directory;
  }

  #parent(path: string): Directory {
    return this.#directory(nodePath.dirname(path));
  }

  #find(path: string, kind: string): Inode {
    const inode = this.#parent(path).seen.get(nodePath.basename(path));
    if (inode === undefined) throw systemError('ENOENT', kind, path);
    return inode;
  }

  #open(path: string, flags: OpenFlags): Inode {
    if (flags === 'r' || flags === 'r+') return this.#find(path, 'open');
    const directory = this.#parent(path);
    const existing = directory.seen.get(nodePath.basename(path));
    if (existing === undefined) {
      const inode = new Inode();
      directory.change([nodePath.basename(path), inode]);
      return inode;
    }
    if (flags === 'wx') throw systemError('EEXIST', 'open', path);
    existing.change({ kind: 'truncate', length: 0 });
    return existing;
  }

  #rename(from: string, to: string): void {
    const inode = this.#find(from, 'rename');
    if (nodePath.dirname(from) !== nodePath.dirname(to)) throw systemError('EXDEV', 'rename', from);
    this.#parent(from).change([nodePath.basename(from), null], [nodePath.basename(to), inode]);
  }
}

interface OpenFile {
  readonly path: string;
  readonly inode: Inode;
}

function statusOf(inode: Inode): FileStatus {
  return { size: inode.seen.size, modifiedMs: 0, isDirectory: false };
}

/** Which of `count` changes of a directory reach the platter: all, none, the first few, or any. */
function survival(count: number, random: SimRandom): (index: number) => boolean {
  const kept = prefix(count, random);
  if (random.chance(0.3)) return () => random.chance(0.5);
  return (index) => index < kept;
}

/** How many of `count`, from the first: all, none, or some. */
function prefix(count: number, random: SimRandom): number {
  const kept = random.below(count + 3) - 1;
  return Math.max(0, Math.min(count, kept));
}

/**
 * A file keeps the first few of its changes, and of the one behind them the first few sectors. Not any subset: recovery
 * takes an intact record behind a damaged one for a sign of corruption, and refuses to start rather than cut.
 */
function losePart(inode: Inode, random: SimRandom): void {
  const kept = prefix(inode.unsynced.length, random);
  const torn = inode.unsynced[kept];
  inode.unsynced.length = Math.min(inode.unsynced.length, kept);
  if (torn?.kind === 'write') inode.unsynced.push(tear(torn, random));
  inode.sync();
  inode.seen.bytes = inode.durable.bytes.slice();
  inode.seen.size = inode.durable.size;
}

/** The first few sectors of a write. */
function tear(change: Change & { kind: 'write' }, random: SimRandom): Change {
  const start = change.position % SECTOR_BYTES;
  const sectors = Math.ceil((start + change.bytes.length) / SECTOR_BYTES);
  const end = Math.max(0, prefix(sectors, random) * SECTOR_BYTES - start);
  return { ...change, bytes: change.bytes.subarray(0, end) };
}

/** An error as Node's file calls throw it. */
export function systemError(code: string, syscall: string, path: string): Error {
  return Object.assign(new Error(`${code}: simulated, ${syscall} '${path}'`), { code, syscall, path });
}
