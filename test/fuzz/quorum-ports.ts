import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ElectionPort } from '../../src/quorum/election-port.ts';
import { encodeInitialMessage } from '../../src/quorum/initial-message.ts';
import { encodeNotification } from '../../src/quorum/notification-codec.ts';
import { PeerState } from '../../src/zab/peer-state.ts';
import { until } from '../connection/until.ts';
import { closeAll, introduction, Leader, limits, oneMore } from '../quorum/quorum-connections.ts';
import { encoded } from '../quorum/recorded-packets.ts';
import { type Random, random } from '../support/random.ts';
import { freePort } from '../support/server-process.ts';
import { mutate } from './frame-generator.ts';

export interface PortFuzzOptions {
  readonly connections: number;
  readonly seed?: number;
  readonly progress?: (line: string) => void;
}

const AT_ONCE = 20;
const NO_IDENTITIES = Uint8Array.of(255, 255, 255, 255);
const notification = {
  vote: { leader: 1, zxid: 1n, peerEpoch: 1 },
  round: 1,
  state: PeerState.looking,
  version: 2,
  config: 'version=0',
} as const;

/**
 * Harmed connections to a quorum port and an election port. Each has to end, nothing may be left of it, and servers that
 * keep to the protocol must not notice. Throws with the seed otherwise.
 */
export async function fuzzQuorumPorts(
  options: PortFuzzOptions,
): Promise<{ seed: number; connections: number }> {
  const { seed } = random(options.seed);
  const ports = [await freePort(), await freePort()];
  const servers = new Map(
    ports.map((port, i) => [i + 1, { addresses: [{ host: '127.0.0.1', port }], isVoter: true }]),
  );
  const changes: string[] = [];
  let heard = 0;
  const elections = [1, 2].map(
    (sid) =>
      new ElectionPort({
        sid,
        servers,
        listen: [{ host: '127.0.0.1', port: ports[sid - 1] }],
        bindRetries: 0,
        connectTimeoutMs: 5000,
        handshakeTimeoutMs: 5000,
        multiAddress: false,
        log: { info: () => {}, warn: () => {} },
        events: {
          notification: (from) => {
            if (from <= 2) heard++;
          },
          voterReachable: (other) => changes.push(`${sid}+${other}`),
          voterUnreachable: (other) => changes.push(`${sid}-${other}`),
        },
      }),
  );
  try {
    await Promise.all(elections.map((port) => port.open()));
    await until(() => changes.filter((change) => change.includes('+')).length === 2, 'the two are connected');
    changes.length = 0;
    const leader = await Leader.open({ limits: { ...limits, initTimeoutMs: 20_000 } });
    // The leader says nothing to it, however long this takes.
    const healthy = await oneMore(leader, { limits: { ...limits, initTimeoutMs: 2 ** 30 } });
    const buffers = leader.port.buffersInUse;
    for (let sent = 0; sent < options.connections; sent += AT_ONCE) {
      await Promise.all(
        Array.from({ length: AT_ONCE }, async (_, i) => {
          const draw = random(seed + sent + i);
          if (draw.below(2) === 0) await sendAll(leader.port.port, quorumBytes(draw));
          else await sendAll(ports[draw.below(2)], electionBytes(draw));
        }),
      );
      const lines = healthy.toLearner.lines.length;
      healthy.toLeader.connection.send({ type: 'ping', zxid: BigInt(sent) });
      const before = heard;
      elections[sent % 2].notify(2 - (sent % 2), notification);
      await until(() => healthy.toLearner.lines.length > lines, 'a ping comes through');
      await until(() => heard > before, 'a notification comes through');
      // Of those that had introduced themselves the learners' sides are kept by the test alone.
      leader.learners.splice(1);
      if ((sent + AT_ONCE) % 1000 === 0) options.progress?.(`${sent + AT_ONCE} of ${options.connections}`);
    }
    await until(() => leader.port.connections.size === 1, 'no connection is left');
    if (leader.port.buffersInUse > buffers) throw new Error(`${leader.port.buffersInUse} buffers are left`);
    if (changes.length > 0) throw new Error(`servers have lost each other: ${changes.join()}`);
    return { seed, connections: options.connections };
  } catch (error) {
    throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
  } finally {
    for (const port of elections) port.close();
    closeAll();
  }
}

function quorumBytes(draw: Random): Uint8Array {
  const body = Uint8Array.from({ length: 100 }, () => draw.below(256));
  const parts = [encoded((batch) => batch.packet({ ...introduction, sid: 3 }))];
  for (let i = draw.below(5); i > 0; i--) {
    parts.push(
      encoded((batch) => {
        batch.request(1, 2, i, 1, body, 0, draw.below(100), NO_IDENTITIES, 0, 4);
        batch.acknowledgements(1, 1, 1 + draw.below(10));
      }),
    );
  }
  return mutate(draw, Uint8Array.from(Buffer.concat(parts)));
}

function electionBytes(draw: Random): Uint8Array {
  const initial = encodeInitialMessage(100 + draw.below(50), [{ host: '127.0.0.1', port: 1 }], false);
  const frames = Array.from({ length: draw.below(4) }, () => encodeNotification(notification));
  return mutate(draw, Uint8Array.from(Buffer.concat([initial, ...frames])));
}

/** Sends the bytes in pieces, ends its side and waits until the port has closed too. */
function sendAll(port: number, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => {
      const middle = bytes.length >> 1;
      socket.write(bytes.subarray(0, middle));
      setImmediate(() => socket.end(bytes.subarray(middle)));
    });
    socket.setNoDelay(true);
    socket.setTimeout(20_000, () => socket.destroy(new Error('the port does not close a connection')));
    socket.resume();
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error);
    });
    socket.on('close', () => resolve());
  });
}

const HELP = `Makes harmed connections to the ports between servers, beside healthy ones.

  node dist/test/fuzz/quorum-ports.js [--connections N] [--seed N]

  --connections N  how many (20000)
  --seed N         the seed of a run that is to be repeated (a new one)
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      connections: { type: 'string', default: '20000' },
      seed: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const seed = values.seed === undefined ? {} : { seed: Number(values.seed) };
  const progress = (line: string) => console.log(line);
  console.log(await fuzzQuorumPorts({ connections: Number(values.connections), progress, ...seed }));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
