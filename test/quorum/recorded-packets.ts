import { JuteReader } from '../../src/jute/reader.ts';
import { readIdentities } from '../../src/protocol/acl.ts';
import { LeaderPackets, limitsForLeader } from '../../src/quorum/leader-packets.ts';
import {
  LearnerPackets,
  limitsForLearner,
  limitsForStranger,
  type PacketSizes,
} from '../../src/quorum/learner-packets.ts';
import { PacketBatch } from '../../src/quorum/packet-batch.ts';
import { PacketStream } from '../../src/quorum/packet-stream.ts';
import { SendBufferPool } from '../../src/quorum/send-buffer.ts';
import type { ReceivedPacket } from '../../src/zab/packet.ts';

export const sizes: PacketSizes = {
  packetBytesMax: 10_000,
  sessionsMax: 1000,
  identitiesMax: 100,
  identitiesBytesMax: 5000,
};

/** Everything that a stream hands over, a line each; runs as the packets that they consist of. */
export class Recorder {
  readonly lines: string[] = [];

  received(packet: ReceivedPacket): void {
    this.record(
      JSON.stringify(packet, (_, value: unknown) =>
        typeof value === 'bigint' ? `0x${value.toString(16)}` : value,
      ),
    );
  }

  acknowledged(epoch: number, first: number, last: number): void {
    this.#run('ack', epoch, first, last);
  }

  committed(epoch: number, first: number, last: number): void {
    this.#run('commit', epoch, first, last);
  }

  proposal(epoch: number, counter: number, bytes: Uint8Array, start: number, length: number): void {
    this.record(`proposal ${epoch}:${counter} ${hex(bytes, start, length)}`);
  }

  inform(epoch: number, counter: number, bytes: Uint8Array, start: number, length: number): void {
    this.record(`inform ${epoch}:${counter} ${hex(bytes, start, length)}`);
  }

  request(
    sessionHigh: number,
    sessionLow: number,
    cxid: number,
    opcode: number,
    bytes: Uint8Array,
    start: number,
    length: number,
    identitiesStart: number,
    identitiesLength: number,
  ): void {
    const reader = new JuteReader(bytes);
    reader.reset(bytes, identitiesStart, identitiesStart + identitiesLength);
    let identities: string;
    try {
      identities = readIdentities(reader)
        .map(({ scheme, id }) => `${scheme}:${id}`)
        .join(',');
    } catch {
      identities = 'bad identities';
    }
    const session = `${sessionHigh}/${sessionLow}`;
    this.record(`request ${session} ${cxid} ${opcode} ${hex(bytes, start, length)} [${identities}]`);
  }

  revalidate(sessionHigh: number, sessionLow: number, timeoutMs: number): void {
    this.record(`revalidate ${sessionHigh}/${sessionLow} ${timeoutMs}`);
  }

  revalidated(sessionHigh: number, sessionLow: number, isValid: boolean): void {
    this.record(`revalidated ${sessionHigh}/${sessionLow} ${isValid}`);
  }

  touched(sessionHigh: number, sessionLow: number, timeoutMs: number): void {
    this.record(`touched ${sessionHigh}/${sessionLow} ${timeoutMs}`);
  }

  synced(): void {
    this.record('synced');
  }

  protected record(line: string): void {
    this.lines.push(line);
  }

  #run(what: string, epoch: number, first: number, last: number): void {
    const count = (last - first) >>> 0;
    for (let i = 0; i <= count; i++) this.record(`${what} ${epoch}:${(first + i) >>> 0}`);
  }
}

/** A stream as a leader reads it. */
export function streamFromLearner(recorder: Recorder): PacketStream {
  const packets = new LearnerPackets(recorder, {
    introduced: () => {
      stream.limits = limitsForLearner(sizes);
    },
    inStep: () => {},
  });
  const stream = new PacketStream(limitsForStranger(), packets);
  return stream;
}

/** A stream as a learner reads it; it goes on behind TRUNC and SNAP. */
export function streamFromLeader(recorder: Recorder): PacketStream {
  return new PacketStream(limitsForLeader(sizes), new LeaderPackets(recorder, () => {}));
}

/** The bytes of what `write` puts into a batch. */
export function encoded(write: (batch: PacketBatch) => void): Buffer {
  const pool = new SendBufferPool();
  const batch = new PacketBatch(pool);
  write(batch);
  const parts: Buffer[] = [];
  batch.forEachSegment(({ buffer, start, end }) =>
    parts.push(Buffer.from(buffer.bytes.subarray(start, end))),
  );
  batch.clear();
  if (pool.inUse !== 0) throw new Error(`${pool.inUse} send buffers were not given back`);
  return Buffer.concat(parts);
}

function hex(bytes: Uint8Array, start: number, length: number): string {
  return Buffer.from(bytes.subarray(start, start + length)).toString('hex');
}
