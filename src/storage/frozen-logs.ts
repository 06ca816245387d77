import nodePath from 'node:path';
import type { FileStatus, FileSystem } from './file-system.ts';
import { FileWindow } from './file-window.ts';

/** What a log's name begins with; everything else is shown as it is. */
const LOG = /^log\./;

/**
 * Shows the logs of a directory as they are now, though a server goes on writing them. Read piece by piece, a log that grows has an
 * end that was still empty when it was read, and records behind it that were there when the reader looked further: to a reader
 * that is damage. So each log ends here where its last byte stands now. It is written from front to back: what lies before
 * that byte is there already. Logs that begin later are not shown.
 */
export function frozenLogs(real: FileSystem, directory: string): FileSystem {
  const sizes = new Map<string, number>();
  for (const name of real.stat(directory) === null ? [] : real.list(directory)) {
    const path = nodePath.join(directory, name);
    if (LOG.test(name)) sizes.set(path, writtenBytes(real, path));
  }
  const opened = new Map<number, number>();
  const shown = (status: FileStatus, size: number | undefined): FileStatus =>
    size === undefined ? status : { ...status, size };
  return {
    ...real,
    open: (path, flags) => {
      const fd = real.open(path, flags);
      const size = sizes.get(path);
      if (size !== undefined) opened.set(fd, size);
      return fd;
    },
    close: (fd) => {
      opened.delete(fd);
      real.close(fd);
    },
    read: (fd, bytes, start, length, position) => {
      const left = (opened.get(fd) ?? Number.POSITIVE_INFINITY) - position;
      return left <= 0 ? 0 : real.read(fd, bytes, start, Math.min(length, left), position);
    },
    stat: (path) => {
      const status = real.stat(path);
      return status === null ? null : shown(status, sizes.get(path));
    },
    statOpen: (fd) => shown(real.statOpen(fd), opened.get(fd)),
    list: (path) => {
      const names = real.list(path);
      if (path !== directory) return names;
      return names.filter((name) => !LOG.test(name) || sizes.has(nodePath.join(path, name)));
    },
  };
}

function writtenBytes(fileSystem: FileSystem, path: string): number {
  const window = new FileWindow(fileSystem, path);
  try {
    return window.lastNonZero(0) + 1;
  } finally {
    window.close();
  }
}
