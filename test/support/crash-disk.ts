import nodePath from 'node:path';
import type { FileSystem } from '../../src/storage/file-system.ts';
import type { Random } from './random.ts';

/** What every call throws from the moment on at which the power failed. */
export class PowerLoss extends Error {
  override readonly name = 'PowerLoss';
}

type ContentChange =
  | { readonly kind: 'write'; readonly position: number; readonly bytes: Uint8Array }
  | { readonly kind: 'truncate'; readonly length: number };

/** Names set (to an inode) and removed (null), all at once or not at all: a journal does not tear a rename. */
interface EntryChange {
  readonly directory: string;
  readonly entries: readonly (readonly [name: string, inode: Inode | null])[];
}

interface Inode {
  content: Uint8Array;
  /** What was there at the last sync, and what was done since. */
  synced: Uint8Array;
  unsynced: ContentChange[];
}

interface Directory {
  readonly current: Map<string, Inode>;
  readonly synced: Map<string, Inode>;
}

const SECTOR_BYTES = 512;
const LOCK = 'menagerie.lock';

/**
 * How much of what was not synced a crash leaves: nothing, all, or whatever the dice say; `inOrder`: of each file's changes the
 * first few, and of the next one the first few sectors, as a disk does that does not reorder writes.
 */
export type Survival = 'none' | 'all' | Random | { readonly inOrder: Random };

/**
 * A disk in memory that can lose its power at any call that changes it. Behind that, each change of a directory that was
 * not synced is there or not, one by one, and of file contents each change, or some sectors of it. Directories are
 * made durably at once. Lock files do not survive: their owner seems to live on, being the test.
 */
export class CrashDisk {
  readonly fileSystem: FileSystem;
  /** Calls so far that changed something, or made it durable. */
  changes = 0;
  /** The change, counted from 1, at which the power fails: half done, and nothing works after it. */
  failAt = Number.POSITIVE_INFINITY;
  /** Called behind each change: at each of them the power may fail. */
  onChange: () => void = () => {};
  /**
   * Files of which something was lost while something behind it, written after the same sync, survived: they look as if they
   * had been damaged later.
   */
  readonly holes = new Set<string>();
  readonly #directories = new Map<string, Directory>();
  #unsyncedEntries: EntryChange[] = [];
  readonly #open = new Map<number, Inode>();
  #lastFd = 2;

  constructor() {
    this.fileSystem = this.#calls();
  }

  /** The disk as it is found when power is back. This one stays as it is, so that many outcomes can be tried. */
  restarted(survival: Survival): CrashDisk {
    const after = new CrashDisk();
    const inodes = new Map<Inode, Inode>();
    const withHoles = new Set<Inode>();
    const copy = (inode: Inode): Inode => {
      let found = inodes.get(inode);
      if (found === undefined) {
        const { content, hasHole } = survivingContent(inode, survival);
        found = { content, synced: content.slice(), unsynced: [] };
        inodes.set(inode, found);
        if (hasHole) withHoles.add(found);
      }
      return found;
    };
    for (const [path, { synced }] of this.#directories) {
      const entries = new Map([...synced].map(([name, inode]) => [name, copy(inode)]));
      after.#directories.set(path, { current: entries, synced: new Map(entries) });
    }
    for (const { directory, entries } of this.#unsyncedEntries) {
      if (!survives(survival)) continue;
      const { current, synced } = after.#directory(directory);
      for (const [name, inode] of entries) {
        for (const names of [current, synced]) {
          if (inode === null) names.delete(name);
          else names.set(name, copy(inode));
        }
      }
    }
    for (const [path, { current, synced }] of after.#directories) {
      current.delete(LOCK);
      synced.delete(LOCK);
      for (const [name, inode] of current)
        if (withHoles.has(inode)) after.holes.add(nodePath.join(path, name));
    }
    return after;
  }

  /** The content of every file, by path. */
  files(): Map<string, Uint8Array> {
    const found = new Map<string, Uint8Array>();
    for (const [path, { current }] of this.#directories) {
      for (const [name, { content }] of current) found.set(nodePath.join(path, name), content);
    }
    return found;
  }

  /** Whether the power has failed. */
  get isOff(): boolean {
    return this.changes >= this.failAt;
  }

  #change(): void {
    this.#check();
    this.changes++;
  }

  /** To be called when the change is in effect, though not durable. */
  #changed(): void {
    this.#check();
    this.onChange();
  }

  #check(): void {
    if (this.isOff) throw new PowerLoss(`power lost at change ${this.changes}`);
  }

  #directory(path: string): Directory {
    const found = this.#directories.get(path);
    if (found === undefined) throw systemError('ENOENT', path);
    return found;
  }

  #inode(fd: number): Inode {
    const inode = this.#open.get(fd);
    if (inode === undefined) throw systemError('EBADF', `${fd}`);
    return inode;
  }

  #setEntries(path: string, entries: EntryChange['entries']): void {
    const { current } = this.#directory(path);
    for (const [name, inode] of entries) {
      if (inode === null) current.delete(name);
      else current.set(name, inode);
    }
    this.#unsyncedEntries.push({ directory: path, entries });
  }

  #openFile(path: string, flags: string): number {
    this.#check();
    const directory = nodePath.dirname(path);
    const name = nodePath.basename(path);
    let inode = this.#directory(directory).current.get(name);
    if (inode !== undefined && flags === 'wx') throw systemError('EEXIST', path);
    if (inode === undefined) {
      if (flags === 'r' || flags === 'r+') throw systemError('ENOENT', path);
      this.#change();
      inode = { content: new Uint8Array(0), synced: new Uint8Array(0), unsynced: [] };
      this.#setEntries(directory, [[name, inode]]);
      this.#changed();
    } else if (flags === 'w' && inode.content.length > 0) {
      this.#change();
      applyChange(inode, { kind: 'truncate', length: 0 });
      this.#changed();
    }
    this.#open.set(++this.#lastFd, inode);
    return this.#lastFd;
  }

  #calls(): FileSystem {
    return {
      open: (path, flags) => this.#openFile(path, flags),
      close: (fd) => void this.#open.delete(fd),
      read: (fd, bytes, start, length, position) => {
        this.#check();
        const piece = this.#inode(fd).content.subarray(position, position + length);
        bytes.set(piece, start);
        return piece.length;
      },
      write: (fd, bytes, start, length, position) => {
        this.#change();
        const piece = Uint8Array.from(bytes.subarray(start, start + length));
        applyChange(this.#inode(fd), { kind: 'write', position, bytes: piece });
        this.#changed();
        return length;
      },
      fdatasync: (fd) => this.#sync(fd),
      fsync: (fd) => this.#sync(fd),
      fsyncDirectory: (path) => {
        this.#change();
        this.#changed();
        const { current, synced } = this.#directory(path);
        synced.clear();
        for (const [name, inode] of current) synced.set(name, inode);
        this.#unsyncedEntries = this.#unsyncedEntries.filter((change) => change.directory !== path);
      },
      truncate: (fd, length) => {
        this.#change();
        applyChange(this.#inode(fd), { kind: 'truncate', length });
        this.#changed();
      },
      rename: (from, to) => {
        this.#change();
        const directory = nodePath.dirname(from);
        if (directory !== nodePath.dirname(to)) throw systemError('EXDEV', to);
        const inode = this.#directory(directory).current.get(nodePath.basename(from));
        if (inode === undefined) throw systemError('ENOENT', from);
        this.#setEntries(directory, [
          [nodePath.basename(from), null],
          [nodePath.basename(to), inode],
        ]);
        this.#changed();
      },
      unlink: (path) => {
        this.#change();
        const directory = nodePath.dirname(path);
        const name = nodePath.basename(path);
        if (!this.#directory(directory).current.has(name)) throw systemError('ENOENT', path);
        this.#setEntries(directory, [[name, null]]);
        this.#changed();
      },
      stat: (path) => {
        this.#check();
        if (this.#directories.has(path)) return { size: 0, modifiedMs: 0, isDirectory: true };
        const inode = this.#directories.get(nodePath.dirname(path))?.current.get(nodePath.basename(path));
        return inode === undefined ? null : status(inode);
      },
      statOpen: (fd) => status(this.#inode(fd)),
      makeDirectory: (path) => {
        for (let at = path; !this.#directories.has(at); at = nodePath.dirname(at)) {
          this.#directories.set(at, { current: new Map(), synced: new Map() });
        }
      },
      list: (path) => {
        this.#check();
        return [...this.#directory(path).current.keys()];
      },
    };
  }

  #sync(fd: number): void {
    this.#change();
    this.#changed();
    const inode = this.#inode(fd);
    inode.synced = inode.content.slice();
    inode.unsynced = [];
  }
}

function status(inode: Inode): { size: number; modifiedMs: number; isDirectory: boolean } {
  return { size: inode.content.length, modifiedMs: 0, isDirectory: false };
}

function systemError(code: string, what: string): Error {
  return Object.assign(new Error(`${code}: ${what}`), { code });
}

function applyChange(inode: Inode, change: ContentChange): void {
  inode.content = changed(inode.content, change);
  inode.unsynced.push(change);
}

function changed(content: Uint8Array, change: ContentChange): Uint8Array {
  const length =
    change.kind === 'truncate'
      ? change.length
      : Math.max(content.length, change.position + change.bytes.length);
  const result = length === content.length ? content : new Uint8Array(length);
  if (result !== content) result.set(content.subarray(0, length));
  if (change.kind === 'write') result.set(change.bytes, change.position);
  return result;
}

function survives(survival: Survival): boolean {
  if (survival === 'none') return false;
  return survival === 'all' || diceOf(survival).below(2) === 1;
}

function diceOf(survival: Random | { readonly inOrder: Random }): Random {
  return 'inOrder' in survival ? survival.inOrder : survival;
}

interface Surviving {
  readonly content: Uint8Array;
  readonly hasHole: boolean;
}

function survivingContent(inode: Inode, survival: Survival): Surviving {
  if (survival === 'none' || inode.unsynced.length === 0) {
    return { content: inode.synced.slice(), hasHole: false };
  }
  if (survival === 'all') return { content: inode.content.slice(), hasHole: false };
  if ('inOrder' in survival) return { content: firstChanges(inode, survival.inOrder), hasHole: false };
  return anyChanges(inode, survival);
}

function firstChanges({ synced, unsynced }: Inode, dice: Random): Uint8Array {
  let content: Uint8Array = synced.slice();
  const whole = dice.below(unsynced.length + 1);
  for (const change of unsynced.slice(0, whole)) content = changed(content, change);
  const next = unsynced[whole];
  if (next?.kind !== 'write') return content;
  const pieces = sectorsOf(next);
  for (const piece of pieces.slice(0, dice.below(pieces.length + 1))) content = changed(content, piece);
  return content;
}

function anyChanges({ synced, unsynced }: Inode, dice: Random): Surviving {
  let content: Uint8Array = synced.slice();
  let lostFrom = Number.POSITIVE_INFINITY;
  let keptUpTo = 0;
  for (const change of unsynced) {
    if (change.kind === 'truncate') {
      if (dice.below(2) === 1) content = changed(content, change);
      continue;
    }
    // A third of the writes are whole, a third are lost, of the rest it is the sectors that are.
    const fate = dice.below(3);
    for (const piece of sectorsOf(change)) {
      const isKept = fate === 0 || (fate === 1 && dice.below(2) === 1);
      if (isKept) content = changed(content, piece);
      if (piece.bytes.every((byte) => byte === 0)) continue;
      if (isKept) keptUpTo = Math.max(keptUpTo, piece.position + piece.bytes.length);
      else lostFrom = Math.min(lostFrom, piece.position);
    }
  }
  return { content, hasHole: lostFrom < keptUpTo };
}

/** A write, cut where sectors end. */
function sectorsOf({
  position,
  bytes,
}: ContentChange & { kind: 'write' }): (ContentChange & { kind: 'write' })[] {
  const pieces: (ContentChange & { kind: 'write' })[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + SECTOR_BYTES - ((position + at) % SECTOR_BYTES));
    pieces.push({ kind: 'write', position: position + at, bytes: bytes.subarray(at, end) });
    at = end;
  }
  return pieces;
}
