// Runs beside the writes: whatever it does under the reader lock keeps the writer waiting, so each hold copies a
// bounded number of znodes and bytes into memory; checksum and file are done without the lock.

import { GrowingJuteWriter } from '../jute/writer.ts';
import { type DataTreeReader, NO_ZNODE, OPEN_ACL } from '../replica/data-tree-reader.ts';
import type { ReaderLock } from '../replica/lock.ts';
import { TreeWalk } from '../replica/tree-walk.ts';
import { snapshotPaths } from './data-directory.ts';
import type { FileSystem } from './file-system.ts';
import {
  DIGEST_VERSION,
  OPEN_ACL_KEY_WORD,
  SNAPSHOT_DBID_WORD,
  SNAPSHOT_MAGIC,
  STAT_PERSISTED_BYTES,
} from './snapshot-format.ts';
import { SnapshotOutput } from './snapshot-output.ts';
import type { SnapshotCompression } from './snapshot-source.ts';
import { encodeFileHeader, FILE_HEADER_BYTES } from './txn-log-format.ts';

/** The sessions at some moment at or after the snapshot's zxid, as parallel arrays. */
export interface SnapshotSessions {
  readonly idsHigh: Int32Array;
  readonly idsLow: Int32Array;
  readonly timeoutsMs: Int32Array;
}

export interface SnapshotWriterOptions {
  readonly fileSystem: FileSystem;
  /** Where the file goes: `DataDirectory.snapshotDirectory`. */
  readonly directory: string;
  /** A quarantine (DataTree.beginQuarantine) must be open from before the call until after it. */
  readonly reader: DataTreeReader;
  /** The caller's place in the replica's reader lock. */
  readonly lock: Pick<ReaderLock, 'acquire' | 'release'>;
  /** The last zxid applied before the call: the file's name, and where replay begins. */
  readonly zxidHigh: number;
  readonly zxidLow: number;
  readonly sessions: SnapshotSessions;
  /** `zookeeper.digest.enabled`: adds the tree digest. */
  readonly digestEnabled: boolean;
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

const SLICE_ZNODES = 512;
const SLICE_BYTES = 256 * 1024;

/**
 * Writes a snapshot of a replica that goes on changing ("fuzzy", disk.md §5): what happened after the snapshot's zxid
 * may or may not be in it, replay from that zxid gives the same tree either way. The file gets its name only when it
 * is whole and durable. Throws the file system's errors, and then leaves no file.
 */
export function writeSnapshot(options: SnapshotWriterOptions): SnapshotResult {
  const startedMs = performance.now();
  const { fileSystem, directory, zxidHigh, zxidLow, compression = 'none' } = options;
  const { path, incompletePath } = snapshotPaths(directory, zxidHigh, zxidLow, compression);
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
  writeSessions(options.sessions, output);
  const keys = collectAcls(options);
  writeAclMap(keys, output);
  const znodes = writeZnodes(options, keys, output);
  writer.writeString('/');
  output.seal();
  if (options.digestEnabled) {
    writeZxidDigest(options, output);
    output.seal();
  }
  if (options.lastProcessedZxidEnabled) {
    writer.writeLongWords(options.zxidHigh, options.zxidLow);
    output.seal();
  }
  return znodes;
}

function writeSessions(sessions: SnapshotSessions, output: SnapshotOutput): void {
  const { writer } = output;
  const count = sessions.timeoutsMs.length;
  writer.writeInt(count);
  for (let i = 0; i < count; i++) {
    writer.writeLongWords(sessions.idsHigh[i], sessions.idsLow[i]);
    writer.writeInt(sessions.timeoutsMs[i]);
    if (writer.position >= SLICE_BYTES) output.flush();
  }
}

/** The ACLs of a snapshot: file keys 1, 2, … by ACL id, in the order of their serialised forms. */
interface SnapshotAcls {
  readonly keyById: Map<number, number>;
  readonly serialised: Uint8Array[];
  /**
   * The key of an ACL that lets nobody in. The map comes before the znodes in the file, and an ACL that comes into
   * use after the map was made is not in it. A znode found with such an ACL got it from a create or setACL later than
   * the snapshot's zxid, so replay sets it again, and this key only stands in for it until then. Should that replay
   * ever be missing, closed is the safe side.
   */
  readonly closedKey: number;
}

function collectAcls({ reader, lock }: SnapshotWriterOptions): SnapshotAcls {
  const keyById = new Map<number, number>();
  const serialised: Uint8Array[] = [];
  const walk = new TreeWalk(reader);
  const collectSlice = (): boolean => {
    for (let count = 0; count < SLICE_ZNODES; count++) {
      const ref = walk.next();
      if (ref === NO_ZNODE) return false;
      const aclRef = reader.aclRef(ref);
      if (aclRef === OPEN_ACL || keyById.has(reader.aclId(aclRef))) continue;
      const bytes = new Uint8Array(reader.aclLength(aclRef));
      reader.copyAcl(aclRef, bytes, 0);
      serialised.push(bytes);
      keyById.set(reader.aclId(aclRef), serialised.length);
    }
    return true;
  };
  while (underLock(lock, collectSlice));
  return { keyById, serialised, closedKey: serialised.length + 1 };
}

function underLock<T>(lock: SnapshotWriterOptions['lock'], work: () => T): T {
  lock.acquire(nothingElseToDo);
  try {
    return work();
  } finally {
    lock.release();
  }
}

function nothingElseToDo(): void {}

function writeAclMap(acls: SnapshotAcls, output: SnapshotOutput): void {
  const { writer } = output;
  writer.writeInt(acls.serialised.length + 1);
  acls.serialised.forEach((bytes, index) => {
    writer.writeLongWords(0, index + 1);
    writer.writeBytes(bytes, 0, bytes.length);
    if (writer.position >= SLICE_BYTES) output.flush();
  });
  writer.writeLongWords(0, acls.closedKey);
  const closed = closedAcl();
  writer.writeBytes(closed, 0, closed.length);
}

/** world:anyone without a permission. */
function closedAcl(): Uint8Array {
  const writer = new GrowingJuteWriter();
  writer.writeInt(1);
  writer.writeInt(0);
  writer.writeString('world');
  writer.writeString('anyone');
  return writer.written();
}

function writeZnodes(options: SnapshotWriterOptions, acls: SnapshotAcls, output: SnapshotOutput): number {
  const { reader, lock } = options;
  const { writer } = output;
  const walk = new TreeWalk(reader);
  let znodes = 0;
  const copySlice = (): boolean => {
    for (let count = 0; count < SLICE_ZNODES && writer.position < SLICE_BYTES; count++) {
      const ref = walk.next();
      if (ref === NO_ZNODE) return false;
      writeZnode(reader, ref, acls, writer);
      znodes++;
    }
    return true;
  };
  for (let more = true; more; output.flush()) more = underLock(lock, copySlice);
  return znodes;
}

function writeZnode(
  reader: DataTreeReader,
  ref: number,
  acls: SnapshotAcls,
  writer: GrowingJuteWriter,
): void {
  const pathLength = ref === reader.root ? 0 : reader.pathLength(ref);
  writer.writeInt(pathLength);
  const pathAt = writer.claim(pathLength);
  if (pathLength > 0) reader.copyPath(ref, writer.bytes, pathAt);
  const dataLength = reader.dataLength(ref);
  writer.writeInt(dataLength);
  if (dataLength > 0) {
    const dataAt = writer.claim(dataLength);
    reader.copyData(ref, writer.bytes, dataAt);
  }
  const aclRef = reader.aclRef(ref);
  if (aclRef === OPEN_ACL) writer.writeLongWords(OPEN_ACL_KEY_WORD, OPEN_ACL_KEY_WORD);
  else writer.writeLongWords(0, acls.keyById.get(reader.aclId(aclRef)) ?? acls.closedKey);
  const statAt = writer.claim(STAT_PERSISTED_BYTES);
  reader.writeStatPersisted(ref, writer.view, statAt);
}

/** The digest belongs to the zxid reached now, which may be later than the one in the file's name. */
function writeZxidDigest({ reader, lock }: SnapshotWriterOptions, { writer }: SnapshotOutput): void {
  underLock(lock, () => {
    writer.writeLongWords(reader.lastZxidHigh, reader.lastZxidLow);
    writer.writeInt(DIGEST_VERSION);
    writer.writeLongWords(reader.treeDigestHigh, reader.treeDigestLow);
  });
}
