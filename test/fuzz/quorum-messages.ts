import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { writeIdentities } from '../../src/protocol/acl.ts';
import { ElectionFrames } from '../../src/quorum/election-frames.ts';
import { decodeInitialMessage, encodeInitialMessage } from '../../src/quorum/initial-message.ts';
import { decodeNotification, encodeNotification } from '../../src/quorum/notification-codec.ts';
import type { PacketBatch } from '../../src/quorum/packet-batch.ts';
import { PacketError } from '../../src/quorum/packet-error.ts';
import type { PacketStream } from '../../src/quorum/packet-stream.ts';
import { describeStranger } from '../../src/quorum/stranger.ts';
import { encoded, Recorder, streamFromLeader, streamFromLearner } from '../quorum/recorded-packets.ts';
import { type Random, random } from '../support/random.ts';
import { encode } from '../support/wire-records.ts';
import { mutate } from './frame-generator.ts';

export interface QuorumFuzzOptions {
  readonly inputs: number;
  readonly seed?: number;
  readonly progress?: (line: string) => void;
}

/**
 * Gives harmed messages to everything that decodes what other servers send. Nothing but PacketError may be thrown, and
 * the outcome may not depend on how the stream was cut. Throws with seed and input otherwise.
 */
export function fuzzQuorumMessages(options: QuorumFuzzOptions): { seed: number; accepted: number } {
  const { seed } = random(options.seed);
  let accepted = 0;
  for (let input = 0; input < options.inputs; input++) {
    const draw = random(seed + input);
    try {
      accepted += fuzzStream(draw, streamFromLeader, leaderBytes(draw));
      accepted += fuzzStream(draw, streamFromLearner, learnerBytes(draw));
      fuzzElection(draw);
    } catch (error) {
      throw new Error(`seed ${seed}, input ${input}: ${(error as Error).stack}`, { cause: error });
    }
    if ((input + 1) % 100_000 === 0)
      options.progress?.(`${input + 1} of ${options.inputs}, ${accepted} packets`);
  }
  return { seed, accepted };
}

/** Gives how many packets were taken. */
function fuzzStream(draw: Random, open: (recorder: Recorder) => PacketStream, bytes: Buffer): number {
  const whole = outcome(open, bytes, () => bytes.length);
  const single = outcome(open, bytes, () => 1);
  const cut = outcome(open, bytes, () => 1 + draw.below(40));
  const expected = whole.join('\n');
  if (single.join('\n') !== expected || cut.join('\n') !== expected) {
    throw new Error(`cut otherwise, ${bytes.toString('hex')} gives\n${expected}\nand\n${single.join('\n')}`);
  }
  return whole.length - 1;
}

function outcome(open: (recorder: Recorder) => PacketStream, bytes: Buffer, step: () => number): string[] {
  const recorder = new Recorder();
  const stream = open(recorder);
  try {
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + step());
      // Memory of its own: what is read beyond the end is told by the bytes that stand there.
      const memory = Buffer.alloc(end - at + 16, 0x7f);
      bytes.copy(memory, 8, at, end);
      stream.read(memory, 8, 8 + end - at);
      at = end;
    }
    recorder.lines.push('all taken');
  } catch (error) {
    if (!(error instanceof PacketError)) throw error;
    recorder.lines.push(error.message);
  }
  return recorder.lines;
}

function leaderBytes(draw: Random): Buffer {
  const txn = Uint8Array.from({ length: 200 }, () => draw.below(256));
  const epoch = draw.below(3);
  return harmed(draw, 8, (batch) => {
    const counter = draw.below(4) === 0 ? -1 : 1 + draw.below(100);
    switch (draw.below(9)) {
      case 0:
        batch.commits(epoch, counter, counter + draw.below(5));
        break;
      case 1:
        batch.inform(epoch, counter, txn, 0, draw.below(100));
        break;
      case 2:
        batch.sync();
        break;
      case 3:
        batch.revalidated(draw.below(10), draw.below(10), draw.below(2) === 0);
        break;
      case 4:
        batch.packet({ type: 'newLeader', epoch, config: 'server.1=h:1:2:participant\nversion=0' });
        break;
      case 5:
        batch.packet({ type: 'leaderInfo', epoch });
        break;
      case 6:
        batch.packet({ type: 'ping', zxid: BigInt(counter) });
        break;
      case 7:
        batch.packet({ type: 'trunc', zxid: BigInt(counter) });
        break;
      default:
        batch.proposal(epoch, counter, txn, 0, 1 + draw.below(199));
        break;
    }
  });
}

function learnerBytes(draw: Random): Buffer {
  const body = Uint8Array.from({ length: 200 }, () => draw.below(256));
  const ids = Array.from({ length: draw.below(3) }, () => ({ scheme: 'ip', id: '127.0.0.1' }));
  const identities = encode((writer) => writeIdentities(writer, ids));
  const introduction = encoded((batch) =>
    batch.packet({
      type: 'learnerInfo',
      isObserver: draw.below(2) === 0,
      acceptedEpoch: 1,
      sid: 1,
      configVersion: 0n,
    }),
  );
  const packets = harmed(draw, 8, (batch) => {
    const counter = 1 + draw.below(100);
    switch (draw.below(6)) {
      case 0:
        batch.acknowledgements(1, counter, counter + draw.below(5));
        break;
      case 1:
        batch.pingWithTouches(
          5n,
          Int32Array.from({ length: 9 }, () => draw.below(99)),
          draw.below(4),
        );
        break;
      case 2:
        batch.revalidate(1, counter, 4000);
        break;
      case 3:
        batch.packet({ type: 'ackEpoch', lastZxid: BigInt(counter), currentEpoch: draw.below(3) - 1 });
        break;
      case 4:
        batch.packet({ type: 'newLeaderAck', epoch: draw.below(3) });
        break;
      default:
        batch.request(1, counter, 7, 1, body, 0, draw.below(200), identities, 0, identities.length);
        break;
    }
  });
  // Left whole as a rule: otherwise hardly anything would get further than it.
  return Buffer.concat([draw.below(8) === 0 ? mutate(draw, introduction) : introduction, packets]);
}

/** Up to so many packets, one in four of them harmed. */
function harmed(draw: Random, packetsMax: number, write: (batch: PacketBatch) => void): Buffer {
  const packets = Array.from({ length: 1 + draw.below(packetsMax) }, () => {
    const packet = encoded(write);
    return draw.below(4) === 0 ? mutate(draw, packet) : packet;
  });
  return Buffer.concat(packets);
}

function fuzzElection(draw: Random): void {
  const addresses = [
    { host: 'zk1', port: 3888 },
    { host: '::1', port: 1 },
  ];
  const initial = Buffer.from(
    mutate(draw, encodeInitialMessage(draw.below(9), addresses, draw.below(2) === 0)),
  );
  const decoded = decodeInitialMessage(initial);
  if (decoded.kind === 'message' && decoded.length > initial.length)
    throw new Error('longer than what there is');
  describeStranger(draw.below(2) === 0 ? 'quorum' : 'election', initial);
  const vote = { leader: draw.below(9), zxid: BigInt(draw.below(1000)), peerEpoch: draw.below(5) };
  const notification = { vote, round: draw.below(99), state: 0, version: 2, config: 'version=0' } as const;
  const frame = encodeNotification(notification);
  decodeNotification(Buffer.from(mutate(draw, frame.subarray(4))));
  const stream = Buffer.from(mutate(draw, Buffer.concat([frame, frame])));
  const whole = framesOf(stream, stream.length);
  const single = framesOf(stream, 1);
  if (whole !== single)
    throw new Error(`cut otherwise, ${stream.toString('hex')} gives ${whole} and ${single}`);
}

function framesOf(bytes: Buffer, step: number): string {
  const found: string[] = [];
  const frames = new ElectionFrames((frame) => found.push(frame.toString('hex')));
  try {
    for (let at = 0; at < bytes.length; at += step) frames.read(bytes.subarray(at, at + step));
  } catch (error) {
    if (!(error instanceof PacketError)) throw error;
    found.push(error.message);
  }
  return found.join();
}

const HELP = `Gives harmed packets, notifications and initial messages to the decoders of what other servers send.

  node dist/test/fuzz/quorum-messages.js [--inputs N] [--seed N]

  --inputs N  streams of each kind (1000000)
  --seed N    the seed of a run that is to be repeated (a new one)
`;

function main(): void {
  const { values } = parseArgs({
    options: {
      inputs: { type: 'string', default: '1000000' },
      seed: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const seed = values.seed === undefined ? {} : { seed: Number(values.seed) };
  console.log(
    fuzzQuorumMessages({ inputs: Number(values.inputs), progress: (line) => console.log(line), ...seed }),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
