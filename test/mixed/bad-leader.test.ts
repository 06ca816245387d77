import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { ElectionPort } from '../../src/quorum/election-port.ts';
import { PacketType } from '../../src/quorum/packet-type.ts';
import { PeerState } from '../../src/zab/peer-state.ts';
import { until } from '../connection/until.ts';
import { RecordedLog } from '../quorum/recorded-log.ts';
import { fourLetterWord } from '../support/four-letter-word.ts';
import { freePort, ServerProcess } from '../support/server-process.ts';
import { encode } from '../support/wire-records.ts';

const PATIENCE_MS = 40_000;
const OURS = 1;
const FAKE = 2;

/** What it answers to a packet of ours, by that packet's type. */
type Behaviour = Partial<Record<number, readonly Uint8Array[]>>;

/** A leader that says what it is told to say, and our server, which follows it. */
class BadLeader {
  /** Asked for each connection. */
  behaviour: () => Behaviour;
  connections = 0;
  readonly ours: ServerProcess;
  readonly #election: ElectionPort;
  readonly #quorum: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(
    behaviour: () => Behaviour,
    ours: ServerProcess,
    quorumPort: number,
    electionPorts: ReadonlyMap<number, number>,
  ) {
    this.behaviour = behaviour;
    this.ours = ours;
    const servers = [...electionPorts].map(
      ([sid, port]) => [sid, { addresses: [{ host: '127.0.0.1', port }], isVoter: true }] as const,
    );
    this.#election = new ElectionPort({
      sid: FAKE,
      servers: new Map(servers),
      listen: [{ host: '127.0.0.1', port: electionPorts.get(FAKE) ?? 0 }],
      bindRetries: 0,
      connectTimeoutMs: 5000,
      handshakeTimeoutMs: 10_000,
      multiAddress: false,
      log: new RecordedLog(),
      events: {
        notification: (from, { round, state }) => {
          if (state !== PeerState.looking) return;
          const vote = { leader: FAKE, zxid: 0xf_0000_0000n, peerEpoch: 15 };
          this.#election.notify(from, { vote, round, state: PeerState.looking, version: 2, config: '' });
        },
        voterReachable: () => {},
        voterUnreachable: () => {},
      },
    });
    this.#quorum = createServer((socket) => this.#serve(socket));
    this.#quorum.listen({ port: quorumPort, host: '127.0.0.1' });
  }

  static async start(behaviour: () => Behaviour): Promise<BadLeader> {
    const ports = new Set<number>();
    while (ports.size < 4) ports.add(await freePort());
    const [quorum1, election1, quorum2, election2] = ports;
    const lines = [
      `server.1=127.0.0.1:${quorum1}:${election1}`,
      `server.2=127.0.0.1:${quorum2}:${election2}`,
    ];
    const ours = await ServerProcess.prepare('menagerie', {
      config: ['tickTime=500', 'initLimit=20', 'syncLimit=10', 'menagerie.replicaMemoryMb=64', ...lines],
    });
    await writeFile(join(ours.dataDir, 'myid'), `${OURS}\n`);
    const electionPorts = new Map([
      [OURS, election1],
      [FAKE, election2],
    ]);
    const leader = new BadLeader(behaviour, ours, quorum2, electionPorts);
    await leader.#election.open();
    ours.launch();
    return leader;
  }

  /** Waits until our server says so. */
  async untilSaid(complaint: RegExp): Promise<void> {
    const isSaid = (): boolean => complaint.test(this.ours.output) || !this.ours.isRunning;
    await until(isSaid, `${complaint}`, PATIENCE_MS).catch((error: Error) => {
      throw new Error(`${error.message}\n${this.ours.output}`);
    });
    assert.ok(this.ours.isRunning, this.ours.output);
  }

  status(): Promise<string> {
    return fourLetterWord(this.ours.port, 'srvr', 2000).catch(() => '');
  }

  async dispose(): Promise<void> {
    this.#election.close();
    this.#quorum.close();
    for (const socket of this.#sockets) socket.destroy();
    await this.ours.dispose();
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    this.connections++;
    const behaviour = this.behaviour();
    socket.on('error', () => {});
    socket.once('close', () => this.#sockets.delete(socket));
    socket.on('data', (chunk: Buffer) => {
      for (const bytes of behaviour[chunk.readInt32BE(0)] ?? []) socket.write(bytes);
    });
  }
}

function packet(type: number, zxid: bigint, data: Uint8Array | null = null): Uint8Array {
  return encode((writer) => {
    writer.writeInt(type);
    writer.writeLong(zxid);
    writer.writeBuffer(data);
    writer.writeInt(-1);
  });
}

/** LEADERINFO of an epoch, in a version of the protocol. */
function leaderInfo(epoch: bigint, version = 0x10000): Uint8Array {
  return packet(
    PacketType.leaderInfo,
    epoch << 32n,
    encode((writer) => writer.writeInt(version)),
  );
}

function txn(zxid: bigint, type: number, body: Uint8Array): Uint8Array {
  return encode((writer) => {
    writer.writeLong(0x0200000000000001n);
    writer.writeInt(1);
    writer.writeLong(zxid);
    writer.writeLong(1_700_000_000_000n);
    writer.writeInt(type);
    writer.writeBytes(body, 0, body.length);
  });
}

const MULTI = 14;
const { followerInfo, ackEpoch, ack, newLeader, diff, snap, upToDate, proposal } = PacketType;

/** All as it should be; `more` follows UPTODATE. */
function proper(epoch: bigint, ...more: readonly Uint8Array[]): Behaviour {
  let isFirst = true;
  return {
    [followerInfo]: [leaderInfo(epoch)],
    [ackEpoch]: [packet(diff, 0n), packet(newLeader, epoch << 32n)],
    // The second ACK answers UPTODATE.
    get [ack]() {
      const answer = isFirst ? [packet(upToDate, -1n), ...more] : [];
      isFirst = false;
      return answer;
    },
  };
}

const int = (value: number): Uint8Array => encode((writer) => writer.writeInt(value));
const ZXID = 0x2_0000_0001n;

const cases: readonly { what: string; behaviour: () => Behaviour; complaint: RegExp }[] = [
  {
    what: 'an older protocol',
    behaviour: () => ({ [followerInfo]: [leaderInfo(2n, 1)] }),
    complaint: /the leader speaks protocol 0x1; 0x10000 \(ZooKeeper 3\.4\) is the oldest/,
  },
  {
    what: 'a protocol from before a leader said its epoch',
    behaviour: () => ({ [followerInfo]: [packet(newLeader, 2n << 32n)] }),
    complaint: /it begins with NEWLEADER, as leaders older than ZooKeeper 3\.4 do/,
  },
  {
    what: 'a snapshot with records of another kind',
    behaviour: () => {
      const strange = encode((writer) => {
        writer.writeInt(0);
        writer.writeInt(0);
        writer.writeString('no path of a znode');
        for (let i = 0; i < 40; i++) writer.writeInt(0x7f7f7f7f);
      });
      return { [followerInfo]: [leaderInfo(2n)], [ackEpoch]: [packet(snap, 0x1_0000_0005n), strange] };
    },
    complaint: /it has sent the snapshot from 127\.0\.0\.1:\d+: /,
  },
  {
    what: 'a txn of an unknown type',
    behaviour: () => proper(2n, packet(proposal, ZXID, txn(ZXID, 99, int(0)))),
    complaint: /it has sent txn 0x200000001 of type 99, which this version does not know/,
  },
  {
    what: 'a multi with a part of an unknown type',
    behaviour: () => {
      const parts = Buffer.concat([int(1), int(98), int(4), int(0)]);
      return proper(2n, packet(proposal, ZXID, txn(ZXID, MULTI, parts)));
    },
    complaint: /it has sent txn 0x200000001 of type 98, which this version does not know/,
  },
];

for (const { what, behaviour, complaint } of cases) {
  test(`a leader with ${what} is named, changes nothing, and a better one is followed`, async (context) => {
    const leader = await BadLeader.start(behaviour);
    context.after(() => leader.dispose());
    await leader.untilSaid(complaint);
    let isBetter = false;
    leader.behaviour = () => {
      isBetter = true;
      return proper(5n);
    };
    const deadline = Date.now() + PATIENCE_MS;
    let status = '';
    while (!isBetter || !status.includes('Mode: follower')) {
      assert.ok(leader.ours.isRunning && Date.now() < deadline, leader.ours.output);
      status = await leader.status();
    }
    assert.match(status, /^Zxid: 0x(0|500000000)$/m);
    const { output } = leader.ours;
    assert.doesNotMatch(output, / (ERROR|FATAL): /);
    const said = output.split('\n').filter((line) => complaint.test(line));
    assert.ok(said.length <= 2 * leader.connections, said.join('\n'));
  });
}
