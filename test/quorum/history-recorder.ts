import assert from 'node:assert/strict';
import { type LeaderPacketSink, LeaderPackets, limitsForLeader } from '../../src/quorum/leader-packets.ts';
import { PacketStream } from '../../src/quorum/packet-stream.ts';
import type { SourceTarget } from '../../src/quorum/send-queue.ts';
import { toZxid } from '../storage/support.ts';

const ENTRY_BYTES_MAX = 1 << 20;

/** What a learner makes of a history that is sent to it, encoded or not: txns, each followed by its COMMIT, if it has one. */
export class HistoryRecorder implements SourceTarget {
  readonly zxids: bigint[] = [];
  readonly entries: Buffer[] = [];
  readonly committed: bigint[] = [];
  readonly #stream: PacketStream;

  constructor() {
    const unexpected = (): void => assert.fail('a history has proposals and commits only');
    const sink: LeaderPacketSink = {
      received: unexpected,
      inform: unexpected,
      revalidated: unexpected,
      synced: unexpected,
      proposal: (...txn) => this.proposal(...txn),
      committed: (...commits) => this.commits(...commits),
    };
    const sizes = {
      packetBytesMax: ENTRY_BYTES_MAX,
      sessionsMax: 0,
      identitiesMax: 0,
      identitiesBytesMax: 0,
    };
    this.#stream = new PacketStream(limitsForLeader(sizes), new LeaderPackets(sink, unexpected));
  }

  proposal(epoch: number, counter: number, source: Uint8Array, start: number, length: number): void {
    const entry = Buffer.from(source.slice(start, start + length));
    const zxid = toZxid(epoch, counter);
    assert.equal(entry.readBigInt64BE(12), zxid, 'the zxid in the txn');
    this.zxids.push(zxid);
    this.entries.push(entry);
  }

  commits(epoch: number, first: number, last: number): void {
    assert.equal(first, last, 'each COMMIT follows its PROPOSAL');
    this.committed.push(toZxid(epoch, last));
    assert.equal(this.committed.at(-1), this.zxids.at(-1), 'it is that of the txn before it');
  }

  raw(bytes: Uint8Array): void {
    this.read(bytes);
  }

  /** Whole packets. */
  read(bytes: Uint8Array): void {
    assert.equal(this.#stream.read(bytes, 0, bytes.length), bytes.length);
  }
}
