import nodePath from 'node:path';
import type { FileStatus, FileSystem } from './file-system.ts';

const NO_FILE: FileStatus = { size: 0, modifiedMs: 0, isDirectory: false };

/**
 * A file system on which everything can be done and nothing is: files are read where they are, what is written goes nowhere,
 * and names that were removed or changed are so from then on for whoever asks here. So a start can be gone through without
 * a trace. A missing directory has no files in it.
 */
export function dryRunFileSystem(real: FileSystem): FileSystem {
  return new DryRun(real).fileSystem;
}

class DryRun {
  readonly #real: FileSystem;
  readonly #removed = new Set<string>();
  /** Where the file of a new name really is; null for one that was written here. */
  readonly #moved = new Map<string, string | null>();
  /** Below zero: no file is behind them. */
  #lastFd = 0;

  constructor(real: FileSystem) {
    this.#real = real;
  }

  get fileSystem(): FileSystem {
    const real = this.#real;
    const nothing = (): void => {};
    return {
      open: (path, flags) => {
        if (flags === 'r' || flags === 'r+') return real.open(this.#existing(path), 'r');
        this.#add(path, null);
        return --this.#lastFd;
      },
      close: (fd) => {
        if (fd >= 0) real.close(fd);
      },
      read: (fd, bytes, start, length, position) =>
        fd < 0 ? 0 : real.read(fd, bytes, start, length, position),
      write: (_fd, _bytes, _start, length) => length,
      fdatasync: nothing,
      fsync: nothing,
      fsyncDirectory: nothing,
      truncate: nothing,
      rename: (from, to) => {
        const source = this.#moved.has(from) ? this.#moved.get(from)! : this.#existing(from);
        this.#remove(from);
        this.#add(to, source);
      },
      unlink: (path) => {
        if (!this.#moved.has(path)) this.#existing(path);
        this.#remove(path);
      },
      stat: (path) => this.#stat(path),
      statOpen: (fd) => (fd < 0 ? NO_FILE : real.statOpen(fd)),
      makeDirectory: nothing,
      list: (path) => this.#list(path),
    };
  }

  #add(path: string, source: string | null): void {
    this.#removed.delete(path);
    this.#moved.set(path, source);
  }

  #remove(path: string): void {
    this.#moved.delete(path);
    this.#removed.add(path);
  }

  /** Where the file of that name really is. Throws as the real one does for a file that is not there. */
  #existing(path: string): string {
    const source = this.#moved.get(path);
    if (typeof source === 'string') return source;
    if (source === null || this.#removed.has(path)) {
      const error: NodeJS.ErrnoException = new Error(`ENOENT: no such file or directory, '${path}'`);
      error.code = 'ENOENT';
      throw error;
    }
    return path;
  }

  #stat(path: string): FileStatus | null {
    const source = this.#moved.get(path);
    if (source === null) return NO_FILE;
    if (source === undefined && this.#removed.has(path)) return null;
    return this.#real.stat(source ?? path);
  }

  #list(path: string): string[] {
    const names = new Set<string>();
    if (this.#real.stat(path) !== null) {
      for (const name of this.#real.list(path))
        if (!this.#removed.has(nodePath.join(path, name))) names.add(name);
    }
    for (const moved of this.#moved.keys())
      if (nodePath.dirname(moved) === path) names.add(nodePath.basename(moved));
    return [...names];
  }
}
