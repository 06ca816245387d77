import { connect, type Socket } from 'node:net';
import { LeaderDialler, type LeaderDiallerOptions } from '../../src/quorum/leader-connection.ts';
import type { QuorumConnection, QuorumConnectionLimits } from '../../src/quorum/quorum-connection.ts';
import { QuorumPort, type QuorumPortOptions } from '../../src/quorum/quorum-port.ts';
import { until } from '../connection/until.ts';
import { RecordedLog } from './recorded-log.ts';
import { Recorder, sizes } from './recorded-packets.ts';

export const limits: QuorumConnectionLimits = {
  sendQueueBytesMax: 8 * 1024 * 1024,
  initTimeoutMs: 10_000,
  syncTimeoutMs: 10_000,
};

const cleanups: (() => void)[] = [];

/** Closes everything that was opened here; for afterEach. */
export function closeAll(): void {
  for (const cleanup of cleanups.splice(0)) cleanup();
}

/** One side of a quorum connection and all that came to it. */
export class Side extends Recorder {
  readonly connection: QuorumConnection;
  /** Chunks that came. */
  heardCount = 0;
  closedReasons: string[] = [];
  /** Called with each line before it is recorded. */
  onLine: (line: string) => void = () => {};

  constructor(connection: QuorumConnection) {
    super();
    this.connection = connection;
  }

  protected override record(line: string): void {
    this.onLine(line);
    super.record(line);
  }

  heard(): void {
    this.heardCount++;
  }

  closed(reason: string): void {
    this.closedReasons.push(reason);
  }
}

let connections = 0;
const nextConnection = () => ++connections;

/** A leader's port on a free port, with those who come. */
export class Leader {
  readonly log = new RecordedLog();
  readonly learners: Side[] = [];
  readonly port: QuorumPort;
  onLearner: (side: Side) => void = () => {};

  constructor(more: Partial<QuorumPortOptions> = {}) {
    this.port = new QuorumPort({
      listen: [{ host: '127.0.0.1', port: 0 }],
      bindRetries: 0,
      limits,
      sizes,
      log: this.log,
      nextConnection,
      onLearner: (connection) => {
        const side = new Side(connection);
        this.learners.push(side);
        this.onLearner(side);
        return side;
      },
      ...more,
    });
    cleanups.push(() => this.port.close('the test is over'));
  }

  static async open(more: Partial<QuorumPortOptions> = {}): Promise<Leader> {
    const leader = new Leader(more);
    await leader.port.open();
    return leader;
  }
}

/** A learner's dialler, with what it has got. */
export class Learner {
  readonly log = new RecordedLog();
  readonly leaders: Side[] = [];
  readonly unreachable: string[] = [];
  readonly dialler: LeaderDialler;

  constructor(more: Partial<LeaderDiallerOptions> = {}) {
    this.dialler = new LeaderDialler({
      limits,
      sizes,
      log: this.log,
      nextConnection,
      connectLimitMs: 5000,
      retryDelayMs: 20,
      onLeader: (connection) => {
        const side = new Side(connection);
        this.leaders.push(side);
        return side;
      },
      onUnreachable: (leader, reason) => this.unreachable.push(`${leader}: ${reason}`),
      ...more,
    });
    cleanups.push(() => {
      this.dialler.cancel();
      for (const { connection } of this.leaders) connection.close('the test is over');
    });
  }
}

export const introduction = {
  type: 'learnerInfo',
  isObserver: false,
  acceptedEpoch: 1,
  sid: 2,
  configVersion: 0n,
} as const;

/** A leader and a learner that has introduced itself; the sides that they have of their connection. */
export async function connectedPair(
  leaderMore: Partial<QuorumPortOptions> = {},
  learnerMore: Partial<LeaderDiallerOptions> = {},
): Promise<{ leader: Leader; toLearner: Side; toLeader: Side }> {
  const leader = await Leader.open(leaderMore);
  const { toLearner, toLeader } = await oneMore(leader, learnerMore);
  return { leader, toLearner, toLeader };
}

/** One more learner of a leader. */
export async function oneMore(
  leader: Leader,
  learnerMore: Partial<LeaderDiallerOptions> = {},
): Promise<{ toLearner: Side; toLeader: Side }> {
  const before = leader.learners.length;
  const learner = new Learner(learnerMore);
  learner.dialler.dial(1, [{ host: '127.0.0.1', port: leader.port.port }]);
  await until(() => learner.leaders.length === 1, 'the leader answers');
  learner.leaders[0].connection.send(introduction);
  await until(() => leader.learners[before]?.lines.length === 1, 'the learner is known');
  return { toLearner: leader.learners[before], toLeader: learner.leaders[0] };
}

/** A socket of the test's own. */
export async function rawSocket(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' });
  cleanups.push(() => socket.destroy());
  socket.on('error', () => {});
  await new Promise((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  return socket;
}
