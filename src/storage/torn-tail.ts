import type { FileSystem } from './file-system.ts';
import type { StorageLog } from './storage-log.ts';
import type { TornTail } from './txn-log-reader.ts';

/**
 * Cuts unfinished records off the ends of log files, durably, with a log line each. A file without any record is
 * removed, so that a new log of that name can begin. Tails that nothing continues from are left as they are.
 */
export function cutTornTails(
  fileSystem: FileSystem,
  directory: string,
  tails: readonly TornTail[],
  log: StorageLog,
): void {
  let removed = false;
  for (const tail of tails) {
    const what = `${tail.path}: ends in an unfinished record at offset ${tail.keepBytes} (${tail.reason})`;
    if (!tail.continued) {
      log.warn(`${what}; left as it is, a later snapshot covers what follows`);
    } else if (tail.keepBytes === 0) {
      log.warn(`${tail.path}: removed, it was begun but holds no record (${tail.reason})`);
      fileSystem.unlink(tail.path);
      removed = true;
    } else {
      log.warn(`${what}, never acknowledged; cut off`);
      truncateFile(fileSystem, tail.path, tail.keepBytes);
    }
  }
  if (removed) fileSystem.fsyncDirectory(directory);
}

/** Cuts a file off at `length` bytes, durably. */
export function truncateFile(fileSystem: FileSystem, path: string, length: number): void {
  const fd = fileSystem.open(path, 'r+');
  try {
    fileSystem.truncate(fd, length);
    fileSystem.fsync(fd);
  } finally {
    fileSystem.close(fd);
  }
}
