// Runs beside the writes: whatever it does under the reader lock keeps the writer waiting, so each hold copies a
// bounded number of znodes and bytes into memory.

import { GrowingJuteWriter } from '../jute/writer.ts';
import { type DataTreeReader, NO_ZNODE, OPEN_ACL } from '../replica/data-tree-reader.ts';
import type { ReaderLock } from '../replica/lock.ts';
import { TreeWalk } from '../replica/tree-walk.ts';
import { OPEN_ACL_KEY_WORD, STAT_PERSISTED_BYTES } from './snapshot-format.ts';

/** The sessions at some moment at or after the snapshot's zxid, as parallel arrays. */
export interface SnapshotSessions {
  readonly idsHigh: Int32Array;
  readonly idsLow: Int32Array;
  readonly timeoutsMs: Int32Array;
}

export interface SnapshotBodyOptions {
  /** A quarantine (DataTree.beginQuarantine) must be open from before the first step until after the last. */
  readonly reader: DataTreeReader;
  /** The caller's place in the replica's reader lock. */
  readonly lock: Pick<ReaderLock, 'acquire' | 'release'>;
  readonly sessions: SnapshotSessions;
  /** That of the tree that is meant: if it is cleared meanwhile, what was begun is worth nothing. That of now, if not given. */
  readonly generation?: number;
}

/** The tree was replaced while a snapshot of it was made. */
export class TreeReplacedError extends Error {
  override readonly name = 'TreeReplacedError';

  constructor() {
    super('the tree was replaced while a snapshot of it was made; the snapshot is given up');
  }
}

const SLICE_ZNODES = 512;
const SLICE_BYTES = 256 * 1024;

/**
 * Writes what a file and the stream to a learner have in common (disk.md §4, steps 2 to 5): sessions, ACL map, znodes, end
 * mark. Each `next` writes some more into `writer`, which the caller empties before the next; returns the number of znodes.
 * The tree may change meanwhile. Throws {@link TreeReplacedError}.
 */
export function* snapshotBody(
  options: SnapshotBodyOptions,
  writer: GrowingJuteWriter,
): Generator<void, number, void> {
  const { reader } = options;
  const fixed = { ...options, generation: options.generation ?? reader.generation };
  yield* writeSessions(options.sessions, writer);
  const acls = collectAcls(fixed);
  yield* writeAclMap(acls, writer);
  const znodes = yield* writeZnodes(fixed, acls, writer);
  writer.writeString('/');
  return znodes;
}

/** Runs `work` under the reader lock, on the tree that is meant. */
export function onTree<T>({ reader, lock, generation }: SnapshotBodyOptions, work: () => T): T {
  lock.acquire(nothingElseToDo);
  try {
    if (generation !== undefined && reader.generation !== generation) throw new TreeReplacedError();
    return work();
  } finally {
    lock.release();
  }
}

function nothingElseToDo(): void {}

function* writeSessions(sessions: SnapshotSessions, writer: GrowingJuteWriter): Generator<void, void, void> {
  const count = sessions.timeoutsMs.length;
  writer.writeInt(count);
  for (let i = 0; i < count; i++) {
    writer.writeLongWords(sessions.idsHigh[i], sessions.idsLow[i]);
    writer.writeInt(sessions.timeoutsMs[i]);
    if (writer.position >= SLICE_BYTES) yield;
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

function collectAcls(options: SnapshotBodyOptions): SnapshotAcls {
  const { reader } = options;
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
  while (onTree(options, collectSlice));
  return { keyById, serialised, closedKey: serialised.length + 1 };
}

function* writeAclMap(acls: SnapshotAcls, writer: GrowingJuteWriter): Generator<void, void, void> {
  writer.writeInt(acls.serialised.length + 1);
  for (const [index, bytes] of acls.serialised.entries()) {
    writer.writeLongWords(0, index + 1);
    writer.writeBytes(bytes, 0, bytes.length);
    if (writer.position >= SLICE_BYTES) yield;
  }
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

function* writeZnodes(
  options: SnapshotBodyOptions,
  acls: SnapshotAcls,
  writer: GrowingJuteWriter,
): Generator<void, number, void> {
  const { reader } = options;
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
  while (onTree(options, copySlice)) yield;
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
