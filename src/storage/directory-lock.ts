import nodePath from 'node:path';
import { DataDirectoryError } from './data-directory-error.ts';
import { type FileSystem, readText, writeFully } from './file-system.ts';
import { isRunning, ownIdentity, type ProcessIdentity } from './process-identity.ts';
import type { StorageLog } from './storage-log.ts';

/** The lock's file name; Apache ignores it. */
export const LOCK_FILE = 'menagerie.lock';

/**
 * Keeps a second server off a data directory. The lock is a file that names its owner; Node has no `flock`, so a
 * file left by a killed server is told from a live one's by pid, start time and boot.
 */
export class DirectoryLock {
  readonly #fileSystem: FileSystem;
  readonly #path: string;
  readonly #content: string;

  private constructor(fileSystem: FileSystem, path: string, content: string) {
    this.#fileSystem = fileSystem;
    this.#path = path;
    this.#content = content;
  }

  /** Takes the lock of `directory`, over a stale one too. Throws {@link DataDirectoryError} when it is in use. */
  static acquire(fileSystem: FileSystem, directory: string, log: StorageLog): DirectoryLock {
    const path = nodePath.join(directory, LOCK_FILE);
    const content = `${JSON.stringify(ownIdentity())}\n`;
    for (let attempt = 0; attempt < 10; attempt++) {
      if (tryCreate(fileSystem, path, content)) return new DirectoryLock(fileSystem, path, content);
      removeIfStale(fileSystem, directory, path, log);
    }
    throw new DataDirectoryError(`${path}: cannot take the lock, other processes keep taking it; try again`);
  }

  /** The pid of the server that holds the lock of `directory`; null when none does that runs. Changes nothing. */
  static holder(fileSystem: FileSystem, directory: string): number | null {
    const found = readLock(fileSystem, nodePath.join(directory, LOCK_FILE));
    const owner = found === null ? null : parseOwner(found);
    return owner !== null && isRunning(owner) ? owner.pid : null;
  }

  /** Gives the lock up. A lock that another took meanwhile stays. */
  release(): void {
    try {
      if (readText(this.#fileSystem, this.#path) === this.#content) this.#fileSystem.unlink(this.#path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}

function tryCreate(fileSystem: FileSystem, path: string, content: string): boolean {
  let fd: number;
  try {
    fd = fileSystem.open(path, 'wx');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    throw new DataDirectoryError(
      `${nodePath.dirname(path)}: cannot write here (${message}); make the directory writable for this user`,
    );
  }
  try {
    const bytes = Buffer.from(content);
    writeFully(fileSystem, fd, bytes, 0, bytes.length, 0);
  } finally {
    fileSystem.close(fd);
  }
  return true;
}

/**
 * Moves a stale lock aside before removing it, and looks at what was moved: of two servers that find the same stale
 * lock only one moves it, and one that moved another's fresh lock instead puts it back and gives way.
 */
function removeIfStale(fileSystem: FileSystem, directory: string, path: string, log: StorageLog): void {
  const found = readLock(fileSystem, path);
  if (found === null) return;
  const owner = parseOwner(found);
  if (owner !== null && isRunning(owner)) throw inUse(directory, path, owner.pid);
  const aside = `${path}.${process.pid}`;
  try {
    fileSystem.rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw new DataDirectoryError(
      `${path}: cannot replace the lock of a dead server: ${(error as Error).message}`,
    );
  }
  const moved = readLock(fileSystem, aside);
  if (moved !== null && moved !== found) {
    fileSystem.rename(aside, path);
    throw inUse(directory, path, parseOwner(moved)?.pid ?? 0);
  }
  fileSystem.unlink(aside);
  log.info(`${path}: took over the lock of process ${owner?.pid ?? 'unknown'}, which no longer runs`);
}

function inUse(directory: string, path: string, pid: number): DataDirectoryError {
  return new DataDirectoryError(
    `${directory}: in use by the server with pid ${pid} (${path}); stop that server or choose another dataDir`,
  );
}

function readLock(fileSystem: FileSystem, path: string): string | null {
  try {
    return readText(fileSystem, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new DataDirectoryError(`${path}: cannot read the lock: ${(error as Error).message}`);
  }
}

/** Null for a lock that a crash left empty or half written: nobody runs behind it. */
function parseOwner(text: string): ProcessIdentity | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return null;
    const { pid, started, boot } = value as Record<string, unknown>;
    if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 0) return null;
    return { pid, started: String(started ?? ''), boot: String(boot ?? '') };
  } catch {
    return null;
  }
}
