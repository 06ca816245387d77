import { SnapshotError } from './snapshot-error.ts';
import { looksComplete, type SnapshotScanOptions, type SnapshotSink, scanSnapshot } from './snapshot-scan.ts';
import type { SnapshotFileName } from './snapshot-source.ts';

const IGNORE: SnapshotSink = { session: () => {}, acl: () => {}, znode: () => {}, end: () => {} };

/**
 * Reads a snapshot to its end and gives what is wrong with it, null for nothing. `entryBytesMax`: `jute.maxbuffer` +
 * `jute.maxbuffer.extrasize`. Throws the file system's errors.
 */
export function snapshotDamage(
  options: Omit<SnapshotScanOptions, 'file'>,
  file: SnapshotFileName,
): string | null {
  if (!looksComplete(options.fileSystem, file)) return `${file.path}: not finished when its server stopped`;
  try {
    scanSnapshot({ ...options, file }, IGNORE);
    return null;
  } catch (error) {
    if (error instanceof SnapshotError) return error.message;
    throw error;
  }
}
