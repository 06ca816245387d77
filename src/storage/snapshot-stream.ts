import { GrowingJuteWriter } from '../jute/writer.ts';
import { type SnapshotBodyOptions, snapshotBody } from './snapshot-body.ts';

/** `ustring "BenWasHere"`, which ends the tree in the stream behind SNAP (protocol/quorum.md §3). */
export const STREAM_SIGNATURE = 'BenWasHere';
/** Far above what one step writes: a slice of znodes, and one whole znode. */
const STEP_BYTES_MAX = 1 << 30;
const CHUNK_BYTES = 256 * 1024;

/**
 * The tree as it follows SNAP in a learner's stream: what {@link snapshotBody} writes, without header and checksums, and the
 * signature; in chunks, each in memory of its own.
 *
 * The tree may go on changing from one chunk to the next, as beside a snapshot file. Let Z be the zxid that SNAP names, which
 * the tree has when the first chunk is asked for or before, and E the one that it has at the last. What comes out holds all of Z,
 * and of each change in (Z, E] that concerns a znode either all or nothing. The learner gets every txn behind Z in order,
 * and applies them by the rules for replays (protocol/disk.md §6), which give the same tree whether a change was there
 * already or not; so it is right from E on, and not before. Up to E all is committed, as a leader applies nothing else; and
 * by UPTODATE, which is behind the learner's answer to the whole tree, the leader has sent the commit of every txn
 * that it had applied until then, E among them. So a learner may believe its tree, and its digest, from UPTODATE on.
 */
export function* snapshotStream(
  options: SnapshotBodyOptions,
): Generator<Uint8Array<ArrayBuffer>, void, void> {
  const writer = new GrowingJuteWriter(STEP_BYTES_MAX, 2 * CHUNK_BYTES);
  const body = snapshotBody(options, writer);
  while (body.next().done !== true) {
    if (writer.position >= CHUNK_BYTES) yield takeChunk(writer);
  }
  writer.writeString(STREAM_SIGNATURE);
  yield takeChunk(writer);
}

function takeChunk(writer: GrowingJuteWriter): Uint8Array<ArrayBuffer> {
  const chunk = new Uint8Array(writer.position);
  chunk.set(writer.written());
  writer.reset(writer.bytes, 0, writer.bytes.length);
  return chunk;
}
