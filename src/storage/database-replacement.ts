import nodePath from 'node:path';
import type { DataDirectory } from './data-directory.ts';
import { replaceText } from './file-system.ts';

/** Says that what is on disk is not to be used; Apache does not know it. */
const MARKER_FILE = 'menagerie.replacing';
const MARKER_TEXT =
  'This server is getting a new database from its leader. Logs and snapshots beside this file belong to the old one, or are\n' +
  'not complete: while this file is there, the server has no vote, and begins with an empty database to be filled by the leader.\n';

/**
 * Whether a database was to be replaced by a leader's and is not yet: what is on disk must not be used, and the server must
 * not vote.
 */
export function isReplacementUnfinished({ fileSystem, snapshotDirectory }: DataDirectory): boolean {
  return fileSystem.stat(nodePath.join(snapshotDirectory, MARKER_FILE)) !== null;
}

/**
 * Declares, durably, the database on disk invalid: before the first byte of a leader's snapshot is taken (ZOOKEEPER-2872,
 * -3642). Throws the file system's errors.
 */
export function beginReplacement(directory: DataDirectory): void {
  if (isReplacementUnfinished(directory)) return;
  replaceText(directory.fileSystem, nodePath.join(directory.snapshotDirectory, MARKER_FILE), MARKER_TEXT);
}

/**
 * The new database is on disk, as the snapshot at `snapshotPath`, whole and durable, and no log behind it yet. Removes all
 * other snapshots and all logs, durably: neither the old log's tail nor its past must ever be joined with the new snapshot,
 * nor must a start fall back to an older one, as the txns between are in no log here. Then, last, the database is valid
 * again. Nobody may write logs or snapshots meanwhile. The promises in the epoch files stay. Throws the file system's errors.
 */
export function finishReplacement(directory: DataDirectory, snapshotPath: string): void {
  const { fileSystem, snapshotDirectory, logDirectory } = directory;
  const snapshots = directory.listSnapshots();
  if (!snapshots.some(({ path }) => path === snapshotPath)) {
    throw new Error(`${snapshotPath}: not there, and it was to be the new database`);
  }
  for (const { path } of directory.listLogs()) fileSystem.unlink(path);
  for (const { path } of snapshots) if (path !== snapshotPath) fileSystem.unlink(path);
  for (const path of new Set([logDirectory, snapshotDirectory])) fileSystem.fsyncDirectory(path);
  if (!isReplacementUnfinished(directory)) return;
  fileSystem.unlink(nodePath.join(snapshotDirectory, MARKER_FILE));
  fileSystem.fsyncDirectory(snapshotDirectory);
}
