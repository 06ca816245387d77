import fs from 'node:fs';
import nodePath from 'node:path';

/** What storage needs to know of a file. */
export interface FileStatus {
  readonly size: number;
  readonly modifiedMs: number;
  readonly isDirectory: boolean;
}

export type OpenFlags = 'r' | 'r+' | 'w' | 'wx';

/**
 * The few synchronous file calls that storage makes. Narrow, so that tests can put a disk with faults in its place;
 * synchronous, because the log worker has nothing else to do while a sync runs and a promise per call costs more
 * than the call. Every call throws Node's system errors (`code`, `path`); none
 * uses `this`, so that a faulty one can be put together from its parts.
 */
export interface FileSystem {
  readonly open: (path: string, flags: OpenFlags) => number;
  readonly close: (fd: number) => void;
  /** Reads into `bytes[start, start + length)` from file offset `position`; gives the count read, 0 at the end. */
  readonly read: (fd: number, bytes: Uint8Array, start: number, length: number, position: number) => number;
  /** Writes at file offset `position`; gives the count written, which may be less than `length`. */
  readonly write: (fd: number, bytes: Uint8Array, start: number, length: number, position: number) => number;
  readonly fdatasync: (fd: number) => void;
  readonly fsync: (fd: number) => void;
  /** Makes entries created, renamed or removed in a directory durable. */
  readonly fsyncDirectory: (path: string) => void;
  readonly truncate: (fd: number, length: number) => void;
  readonly rename: (from: string, to: string) => void;
  readonly unlink: (path: string) => void;
  /** Null when nothing is there. */
  readonly stat: (path: string) => FileStatus | null;
  readonly statOpen: (fd: number) => FileStatus;
  /** Makes the directory and those above it that are missing. */
  readonly makeDirectory: (path: string) => void;
  /** The names in a directory, unsorted. */
  readonly list: (path: string) => string[];
}

function toStatus(stats: fs.Stats): FileStatus {
  return { size: stats.size, modifiedMs: stats.mtimeMs, isDirectory: stats.isDirectory() };
}

function fsyncDirectory(path: string): void {
  const fd = fs.openSync(path, 'r');
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

/** {@link FileSystem} on the machine's disks. */
export const nodeFileSystem: FileSystem = {
  open: (path, flags) => fs.openSync(path, flags, 0o644),
  close: (fd) => fs.closeSync(fd),
  read: (fd, bytes, start, length, position) => fs.readSync(fd, bytes, start, length, position),
  write: (fd, bytes, start, length, position) => fs.writeSync(fd, bytes, start, length, position),
  fdatasync: (fd) => fs.fdatasyncSync(fd),
  fsync: (fd) => fs.fsyncSync(fd),
  fsyncDirectory,
  truncate: (fd, length) => fs.ftruncateSync(fd, length),
  rename: (from, to) => fs.renameSync(from, to),
  unlink: (path) => fs.unlinkSync(path),
  stat: (path) => {
    const stats = fs.statSync(path, { throwIfNoEntry: false });
    return stats === undefined ? null : toStatus(stats);
  },
  statOpen: (fd) => toStatus(fs.fstatSync(fd)),
  makeDirectory: (path) => void fs.mkdirSync(path, { recursive: true }),
  list: (path) => fs.readdirSync(path),
};

/** Writes all of `bytes[start, start + length)`, over short writes. */
export function writeFully(
  fileSystem: FileSystem,
  fd: number,
  bytes: Uint8Array,
  start: number,
  length: number,
  position: number,
): void {
  let done = 0;
  while (done < length) {
    const written = fileSystem.write(fd, bytes, start + done, length - done, position + done);
    if (written <= 0) throw new Error(`write at offset ${position + done} wrote nothing`);
    done += written;
  }
}

/** Reads `length` bytes unless the file ends before; gives the count read. */
export function readFully(
  fileSystem: FileSystem,
  fd: number,
  bytes: Uint8Array,
  start: number,
  length: number,
  position: number,
): number {
  let done = 0;
  while (done < length) {
    const count = fileSystem.read(fd, bytes, start + done, length - done, position + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}

/** The whole of a small text file. */
export function readText(fileSystem: FileSystem, path: string, bytesMax = 65536): string {
  const fd = fileSystem.open(path, 'r');
  try {
    const bytes = Buffer.alloc(Math.min(bytesMax, fileSystem.statOpen(fd).size));
    return bytes.toString('utf8', 0, readFully(fileSystem, fd, bytes, 0, bytes.length, 0));
  } finally {
    fileSystem.close(fd);
  }
}

/** Puts `text` durably in the place of `path`: temporary file, fsync, rename, fsync of the directory. */
export function replaceText(fileSystem: FileSystem, path: string, text: string): void {
  const temporary = `${path}.tmp`;
  const bytes = Buffer.from(text, 'utf8');
  const fd = fileSystem.open(temporary, 'w');
  try {
    writeFully(fileSystem, fd, bytes, 0, bytes.length, 0);
    fileSystem.fsync(fd);
  } finally {
    fileSystem.close(fd);
  }
  fileSystem.rename(temporary, path);
  fileSystem.fsyncDirectory(nodePath.dirname(path));
}
