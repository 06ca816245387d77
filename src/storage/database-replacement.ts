import nodePath from 'node:path';
import type { DataDirectory, SnapshotFile } from './data-directory.ts';
import { RecoveryError } from './recovery-error.ts';
import { snapshotDamage } from './snapshot-damage.ts';
import type { StorageLog } from './storage-log.ts';

/** Begins the name of a snapshot that is to take the place of everything on disk, in whose way nothing is any more. */
const REPLACEMENT_PREFIX = 'replacement-';

/** Where a leader's snapshot lies, whole and durable, until it has taken the place of what was there. */
export function replacementPath(snapshotPath: string): string {
  return nodePath.join(
    nodePath.dirname(snapshotPath),
    `${REPLACEMENT_PREFIX}${nodePath.basename(snapshotPath)}`,
  );
}

/**
 * A leader's database, stored whole as a snapshot of the name that {@link replacementPath} gives (SnapshotWriterOptions.
 * replacesHistory), takes the place of what is on disk: removes all other snapshots and all logs, durably, for neither the
 * old log's tail nor its past must ever be joined with the new snapshot, nor must a start fall back to an older one, as the
 * txns between are in no log here. Nobody may write logs or snapshots meanwhile. The promises in the epoch files stay. Gives
 * the snapshot's path. Throws the file system's errors.
 *
 * Until that snapshot has its name the old database is the valid one; from then on it is the new one, and a start finishes
 * what was begun ({@link settleReplacement}). So a snapshot that breaks off, be it by a power loss of the whole ensemble,
 * costs no server its vote (ZOOKEEPER-2872 and -3642 are about what happens without any care).
 */
export function finishReplacement(directory: DataDirectory): string {
  const { fileSystem, snapshotDirectory, logDirectory } = directory;
  const replacement = findReplacement(directory);
  if (replacement === null)
    throw new Error(`${snapshotDirectory}: nothing is there that could be the new database`);
  // Its name may be known to the page cache alone.
  fileSystem.fsyncDirectory(snapshotDirectory);
  for (const { path } of [...directory.listLogs(), ...directory.listSnapshots()]) fileSystem.unlink(path);
  for (const path of new Set([logDirectory, snapshotDirectory])) fileSystem.fsyncDirectory(path);
  fileSystem.rename(replacement.storedAt, replacement.file.path);
  fileSystem.fsyncDirectory(snapshotDirectory);
  return replacement.file.path;
}

/**
 * At a start: finishes what {@link finishReplacement} had begun when the server ended. Throws RecoveryError when the new
 * database is damaged; then nothing is changed.
 */
export function settleReplacement(directory: DataDirectory, entryBytesMax: number, log: StorageLog): void {
  const replacement = findReplacement(directory);
  if (replacement === null) return;
  const { storedAt, file } = replacement;
  const { fileSystem } = directory;
  const damage = snapshotDamage({ fileSystem, entryBytesMax }, { ...file, path: storedAt });
  if (damage !== null) {
    throw new RecoveryError(
      `${storedAt}: the database that was got from the leader is damaged: ${damage}. Move the version-2 directories away and ` +
        'let the server copy its data from the leader again',
    );
  }
  finishReplacement(directory);
  log.info(
    `${file.path}: took the place of the older database, as the leader had asked when the server ended`,
  );
}

interface Replacement {
  readonly storedAt: string;
  /** As it will be called. */
  readonly file: SnapshotFile;
}

function findReplacement(directory: DataDirectory): Replacement | null {
  const file = directory.listSnapshots(REPLACEMENT_PREFIX).at(-1);
  if (file === undefined) return null;
  const name = file.name.slice(REPLACEMENT_PREFIX.length);
  const path = nodePath.join(directory.snapshotDirectory, name);
  return { storedAt: file.path, file: { ...file, name, path } };
}
