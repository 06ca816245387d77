import type { Bench } from 'tinybench';
import { LeaderPackets, limitsForLeader } from '../../src/quorum/leader-packets.ts';
import { LearnerPackets, limitsForLearner } from '../../src/quorum/learner-packets.ts';
import { PacketBatch } from '../../src/quorum/packet-batch.ts';
import { PacketStream } from '../../src/quorum/packet-stream.ts';
import { SendBufferPool } from '../../src/quorum/send-buffer.ts';
import { addBatch, BATCH } from './timed-batch.ts';

const SIZES = {
  packetBytesMax: 2_000_000,
  sessionsMax: 100_000,
  identitiesMax: 1000,
  identitiesBytesMax: 65_536,
};
const NO_IDENTITIES = Uint8Array.of(255, 255, 255, 255);
/** A setData of 1 KiB: header, path, data, digest. */
const ENTRY_BYTES = 1024 + 100;

/** Counts what it is given. */
class Counter {
  packets = 0;

  proposal(): void {
    this.packets++;
  }

  request(): void {
    this.packets++;
  }

  committed(_epoch: number, first: number, last: number): void {
    this.packets += last - first + 1;
  }

  acknowledged(_epoch: number, first: number, last: number): void {
    this.packets += last - first + 1;
  }

  readonly received = (): void => {};
  readonly inform = this.received;
  readonly revalidate = this.received;
  readonly revalidated = this.received;
  readonly touched = this.received;
  readonly synced = this.received;
}

/** Registers what packets between servers cost: each step is what one packet takes in a run of many. */
export function quorumBenchmarks(bench: Bench): void {
  const log = new Uint8Array(new SharedArrayBuffer(BATCH * ENTRY_BYTES + 8)).fill(7);
  const batch = new PacketBatch(new SendBufferPool());
  const counter = new Counter();
  const progress = { introduced: () => {}, inStep: () => {} };
  const fromLeader = new PacketStream(limitsForLeader(SIZES), new LeaderPackets(counter, () => {}));
  const fromLearner = new PacketStream(limitsForLearner(SIZES), new LearnerPackets(counter, progress));

  const add = (name: string, write: (batch: PacketBatch) => void, stream: PacketStream): void => {
    addBatch(bench, `quorum: write ${name}`, () => {
      write(batch);
      batch.forget();
    });
    const parts: Buffer[] = [];
    write(batch);
    batch.forEachSegment(({ buffer, start, end }) =>
      parts.push(Buffer.from(buffer.bytes.subarray(start, end))),
    );
    batch.forget();
    const bytes = Buffer.concat(parts);
    addBatch(bench, `quorum: read ${name}`, () => {
      const before = counter.packets;
      stream.read(bytes, 0, bytes.length);
      if (counter.packets - before !== BATCH) throw new Error(`${name} was read wrongly`);
    });
  };

  const proposals = (to: PacketBatch) => {
    for (let i = 0; i < BATCH; i++) to.proposal(1, i + 1, log, i * ENTRY_BYTES, ENTRY_BYTES);
  };
  add('PROPOSAL of 1 KiB', proposals, fromLeader);
  add('COMMIT', (to) => to.commits(1, 1, BATCH), fromLeader);
  add('ACK', (to) => to.acknowledgements(1, 1, BATCH), fromLearner);
  const requests = (to: PacketBatch) => {
    for (let i = 0; i < BATCH; i++) to.request(1, 2, i, 5, log, i * ENTRY_BYTES, 1060, NO_IDENTITIES, 0, 4);
  };
  add('REQUEST of 1 KiB', requests, fromLearner);
}
