import { PacketBatch } from '../quorum/packet-batch.ts';
import { SendBufferPool } from '../quorum/send-buffer.ts';
import type { LoggedTxn } from '../storage/log-range.ts';

/** How long a chunk is, about. */
const CHUNK_BYTES = 256 * 1024;

/**
 * Committed txns as a leader sends them to a learner that is behind, each as PROPOSAL and COMMIT (protocol/quorum.md §4.2); in
 * chunks, each in memory of its own. Whoever reads the log makes them, so that main has nothing to do but to send them.
 */
export function* logPackets(txns: Iterable<LoggedTxn>): Generator<Uint8Array<ArrayBuffer>, void, void> {
  const batch = new PacketBatch(new SendBufferPool());
  let bytes = 0;
  for (const { zxidHigh, zxidLow, bytes: source, entryStart, entryEnd } of txns) {
    const length = entryEnd - entryStart;
    batch.proposal(zxidHigh, zxidLow, source, entryStart, length);
    batch.commits(zxidHigh, zxidLow, zxidLow);
    bytes += length;
    if (bytes < CHUNK_BYTES) continue;
    yield takeChunk(batch);
    bytes = 0;
  }
  if (bytes > 0) yield takeChunk(batch);
}

function takeChunk(batch: PacketBatch): Uint8Array<ArrayBuffer> {
  let length = 0;
  batch.forEachSegment(({ start, end }) => {
    length += end - start;
  });
  const chunk = new Uint8Array(length);
  let at = 0;
  batch.drain(({ buffer, start, end }) => {
    chunk.set(buffer.bytes.subarray(start, end), at);
    at += end - start;
    buffer.release();
  });
  return chunk;
}
