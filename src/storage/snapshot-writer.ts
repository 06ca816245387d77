// Runs beside the writes: checksum and file are done without the replica's lock.

import { snapshotPaths } from './data-directory.ts';
import { replacementPath } from './database-replacement.ts';
import type { FileSystem } from './file-system.ts';
import { onTree, type SnapshotBodyOptions, snapshotBody } from './snapshot-body.ts';
import { DIGEST_VERSION, SNAPSHOT_DBID_WORD, SNAPSHOT_MAGIC } from './snapshot-format.ts';
import { SnapshotOutput } from './snapshot-output.ts';
import type { SnapshotCompression } from './snapshot-source.ts';
import { encodeFileHeader, FILE_HEADER_BYTES } from './txn-log-format.ts';

export interface SnapshotWriterOptions extends SnapshotBodyOptions {
  readonly fileSystem: FileSystem;
  /** Where the file goes: `DataDirectory.snapshotDirectory`. */
  readonly directory: string;
  /** The last zxid applied before the call: the file's name, and where replay begins. */
  readonly zxidHigh: number;
  readonly zxidLow: number;
  /** `zookeeper.digest.enabled`: adds the tree digest. */
  readonly digestEnabled: boolean;
  /**
   * The tree came from a leader that went on meanwhile, and may hold changes later than its zxid: its digest is that of no
   * zxid. Stands in the file as "no digest", as in Apache's first snapshot.
   */
  readonly isAhead?: boolean;
  /** It is to take the place of everything on disk (database-replacement.ts): named so that it cannot be taken for one of many. */
  readonly replacesHistory?: boolean;
  /** `zookeeper.serializeLastProcessedZxid.enabled`: adds the zxid at the end (3.9). */
  readonly lastProcessedZxidEnabled: boolean;
  /** `zookeeper.snapshot.compression.method`; 'none' if not given. */
  readonly compression?: SnapshotCompression;
}

export interface SnapshotResult {
  readonly path: string;
  /** The file's length. */
  readonly bytes: number;
  readonly znodes: number;
  readonly durationMs: number;
}

/**
 * Writes a snapshot of a replica that goes on changing ("fuzzy", disk.md §5): what happened after the snapshot's zxid
 * may or may not be in it, replay from that zxid gives the same tree either way. The file gets its name only when it
 * is whole and durable. Throws the file system's errors and TreeReplacedError, and then leaves no file.
 */
export function writeSnapshot(given: SnapshotWriterOptions): SnapshotResult {
  const startedMs = performance.now();
  const options = { ...given, generation: given.generation ?? given.reader.generation };
  const { fileSystem, directory, zxidHigh, zxidLow, compression = 'none' } = options;
  const { path: snapshotPath, incompletePath } = snapshotPaths(directory, zxidHigh, zxidLow, compression);
  const path = options.replacesHistory === true ? replacementPath(snapshotPath) : snapshotPath;
  const output = new SnapshotOutput(fileSystem, incompletePath, compression);
  let znodes: number;
  try {
    try {
      znodes = writeContent(options, output);
      output.finish();
    } finally {
      output.close();
    }
    fileSystem.rename(incompletePath, path);
  } catch (error) {
    removeQuietly(fileSystem, incompletePath);
    throw error;
  }
  fileSystem.fsyncDirectory(directory);
  return { path, bytes: output.bytesWritten, znodes, durationMs: performance.now() - startedMs };
}

function removeQuietly(fileSystem: FileSystem, path: string): void {
  try {
    fileSystem.unlink(path);
  } catch {
    // The error that brought us here says more; the next start removes the file.
  }
}

function writeContent(options: SnapshotWriterOptions, output: SnapshotOutput): number {
  const { writer } = output;
  encodeFileHeader(writer.view, writer.claim(FILE_HEADER_BYTES), SNAPSHOT_MAGIC, SNAPSHOT_DBID_WORD);
  const body = snapshotBody(options, writer);
  let step = body.next();
  for (; step.done !== true; step = body.next()) output.flush();
  output.seal();
  if (options.digestEnabled) {
    writeZxidDigest(options, output);
    output.seal();
  }
  if (options.lastProcessedZxidEnabled) {
    writer.writeLongWords(options.zxidHigh, options.zxidLow);
    output.seal();
  }
  return step.value;
}

/** The digest belongs to the zxid reached now, which may be later than the one in the file's name. */
function writeZxidDigest(options: SnapshotWriterOptions, { writer }: SnapshotOutput): void {
  const { reader, isAhead = false } = options;
  onTree(options, () => {
    writer.writeLongWords(isAhead ? 0 : reader.lastZxidHigh, isAhead ? 0 : reader.lastZxidLow);
    writer.writeInt(DIGEST_VERSION);
    writer.writeLongWords(isAhead ? 0 : reader.treeDigestHigh, isAhead ? 0 : reader.treeDigestLow);
  });
}
