import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, test } from 'node:test';
import { ElectionPort } from '../../src/quorum/election-port.ts';
import type { QuorumConnection } from '../../src/quorum/quorum-connection.ts';
import { PeerState } from '../../src/zab/peer-state.ts';
import type { Notification } from '../../src/zab/vote.ts';
import { until } from '../connection/until.ts';
import { fourLetterWord } from '../support/four-letter-word.ts';
import { apacheMissing, freePort, ServerProcess } from '../support/server-process.ts';
import { encode } from '../support/wire-records.ts';
import { closeAll, Leader, Learner, type Side } from './quorum-connections.ts';
import { RecordedLog } from './recorded-log.ts';

const PATIENCE_MS = 60_000;
const CREATE_SESSION = -10;
const SYNC = 9;
const NO_IDENTITIES = Uint8Array.of(255, 255, 255, 255);

/** An ensemble of an Apache server and of this process, which speaks through the ports alone. */
class Pair {
  readonly ownSid: number;
  readonly apacheSid: number;
  readonly apache: ServerProcess;
  readonly election: ElectionPort;
  readonly log = new RecordedLog();
  readonly heard: Notification[] = [];
  readonly quorumPorts: ReadonlyMap<number, number>;

  private constructor(
    ownSid: number,
    apache: ServerProcess,
    quorumPorts: ReadonlyMap<number, number>,
    electionPorts: ReadonlyMap<number, number>,
  ) {
    this.ownSid = ownSid;
    this.apacheSid = 3 - ownSid;
    this.apache = apache;
    this.quorumPorts = quorumPorts;
    const servers = [...electionPorts].map(
      ([sid, port]) => [sid, { addresses: [{ host: '127.0.0.1', port }], isVoter: true }] as const,
    );
    this.election = new ElectionPort({
      sid: ownSid,
      servers: new Map(servers),
      listen: [{ host: '127.0.0.1', port: electionPorts.get(ownSid) ?? 0 }],
      bindRetries: 0,
      connectTimeoutMs: 5000,
      handshakeTimeoutMs: 10_000,
      multiAddress: false,
      log: this.log,
      events: {
        notification: (from, notification) => {
          assert.equal(from, this.apacheSid);
          this.heard.push(notification);
        },
        voterReachable: () => {},
        voterUnreachable: () => {},
      },
    });
    pairs.push(this);
  }

  static async start(ownSid: number): Promise<Pair> {
    const ports: number[] = [];
    while (ports.length < 4) {
      const port = await freePort();
      if (!ports.includes(port)) ports.push(port);
    }
    const quorumPorts = new Map([1, 2].map((sid) => [sid, ports[sid - 1]]));
    const electionPorts = new Map([1, 2].map((sid) => [sid, ports[sid + 1]]));
    const lines = [1, 2].map(
      (sid) => `server.${sid}=127.0.0.1:${quorumPorts.get(sid)}:${electionPorts.get(sid)}`,
    );
    const apache = await ServerProcess.prepare('apache', {
      config: ['initLimit=10', 'syncLimit=5', ...lines],
    });
    await writeFile(join(apache.dataDir, 'myid'), `${3 - ownSid}\n`);
    const pair = new Pair(ownSid, apache, quorumPorts, electionPorts);
    await pair.election.open();
    apache.launch();
    return pair;
  }

  /** Tells Apache a vote of ours, again now and then as a server that looks for a leader does, until it is answered so. */
  async tellUntil(
    notification: Omit<Notification, 'version' | 'config'>,
    isAnswer: (n: Notification) => boolean,
  ): Promise<Notification> {
    const config = this.heard.at(-1)?.config ?? '';
    const tell = () => this.election.notify(this.apacheSid, { ...notification, version: 2, config });
    tell();
    const timer = setInterval(tell, 500);
    try {
      await until(() => this.heard.some(isAnswer), this.#inVain('an answer'), PATIENCE_MS);
    } finally {
      clearInterval(timer);
    }
    const answer = this.heard.find(isAnswer);
    assert.ok(answer !== undefined);
    return answer;
  }

  #inVain(what: string): string {
    return `${what}; heard ${this.heard.map(({ vote, state }) => `${vote?.leader}/${state}`).join()}`;
  }

  /** Waits for a word's answer, since Apache serves a moment after it has been told so. */
  async mode(): Promise<string> {
    let mode = '';
    const deadline = Date.now() + PATIENCE_MS;
    while (mode === '' && Date.now() < deadline) {
      const status = await fourLetterWord(this.apache.port, 'srvr', 2000).catch(() => '');
      mode = /Mode: (\w+)/.exec(status)?.[1] ?? '';
    }
    return mode;
  }
}

const pairs: Pair[] = [];
afterEach(async () => {
  closeAll();
  for (const { election, apache } of pairs.splice(0)) {
    election.close();
    await apache.dispose();
  }
});

/** Waits for the line at `index`. */
async function line(side: Side, index: number, pair: Pair): Promise<string> {
  await until(
    () => side.lines.length > index || side.closedReasons.length > 0,
    `line ${index}`,
    PATIENCE_MS,
  ).catch((error: Error) => {
    throw new Error(`${error.message}\n${side.lines.join('\n')}\n${pair.apache.output.slice(-3000)}`);
  });
  assert.ok(
    side.lines.length > index,
    `closed: ${side.closedReasons[0]}\n${pair.apache.output.slice(-3000)}`,
  );
  return side.lines[index];
}

/** Answers each PING of a leader, which would give us up otherwise. */
function answerPings(side: Side, connection: QuorumConnection): void {
  side.onLine = (text) => {
    if (text.includes('"ping"')) connection.outgoing.pingWithTouches(1n, Int32Array.of(0, 1, 10_000), 0);
  };
}

describe('with a real Apache server', { skip: apacheMissing() ?? false, timeout: 180_000 }, () => {
  test('it leads, this side follows', async () => {
    const pair = await Pair.start(1);
    const { apacheSid, quorumPorts } = pair;
    await until(() => pair.heard.length > 0, 'its vote', PATIENCE_MS);
    const [first] = pair.heard;
    assert.deepEqual(first.vote, { leader: 2, zxid: 0n, peerEpoch: 0 });
    assert.equal(first.state, PeerState.looking);
    assert.equal(first.version, 2);
    assert.match(first.config, /^server\.1=127\.0\.0\.1:\d+:\d+:participant\n.*\nversion=0$/s);
    const vote = { leader: apacheSid, zxid: 0n, peerEpoch: 0 };
    await pair.tellUntil(
      { vote, round: first.round, state: PeerState.looking },
      ({ state }) => state === PeerState.leading,
    );

    const learner = new Learner({ connectLimitMs: 20_000, retryDelayMs: 100 });
    learner.dialler.dial(apacheSid, [{ host: '127.0.0.1', port: quorumPorts.get(apacheSid) ?? 0 }]);
    await until(() => learner.leaders.length === 1, 'its quorum port answers', PATIENCE_MS);
    const [side] = learner.leaders;
    const { connection } = side;
    connection.send({ type: 'learnerInfo', isObserver: false, acceptedEpoch: 0, sid: 1, configVersion: 0n });
    assert.equal(await line(side, 0, pair), '{"type":"leaderInfo","epoch":1}');
    connection.send({ type: 'ackEpoch', lastZxid: 0n, currentEpoch: 0 });
    assert.equal(await line(side, 1, pair), '{"type":"diff","zxid":"0x0"}');
    assert.match(await line(side, 2, pair), /^\{"type":"newLeader","epoch":1,"config":"server\.1=/);
    connection.send({ type: 'newLeaderAck', epoch: 1 });
    assert.equal(await line(side, 3, pair), '{"type":"upToDate"}');
    connection.send({ type: 'newLeaderAck', epoch: 1 });

    answerPings(side, connection);
    const withoutPings = () => side.lines.filter((text) => !text.includes('"ping"'));
    const next = async (index: number) => {
      await until(() => withoutPings().length > index, `line ${index}`, PATIENCE_MS);
      return withoutPings()[index];
    };
    const timeout = encode((writer) => writer.writeInt(10_000));
    connection.outgoing.request(0x01000000, 77, 0, CREATE_SESSION, timeout, 0, 4, NO_IDENTITIES, 0, 4);
    // TxnHeader: session, cxid, zxid, time, type.
    assert.match(
      await next(4),
      /^proposal 1:1 010000000000004d000000000000000100000001[0-9a-f]{16}fffffff600002710/,
    );
    connection.outgoing.acknowledgements(1, 1, 1);
    assert.equal(await next(5), 'commit 1:1');
    const path = encode((writer) => writer.writeString('/'));
    connection.outgoing.request(0x01000000, 77, 1, SYNC, path, 0, path.length, NO_IDENTITIES, 0, 4);
    assert.equal(await next(6), 'synced');
    connection.outgoing.revalidate(0x01000000, 77, 10_000);
    assert.equal(await next(7), `revalidated ${0x01000000}/77 true`);
    connection.outgoing.revalidate(0x01000000, 78, 10_000);
    assert.equal(await next(8), `revalidated ${0x01000000}/78 false`);
    await until(
      () => side.lines.filter((text) => text.includes('"ping"')).length >= 2,
      'it pings',
      PATIENCE_MS,
    );
    assert.equal(await pair.mode(), 'leader');
    assert.deepEqual(side.closedReasons, []);

    // Asked by a server that looks for a leader, it answers with what has been decided.
    pair.heard.length = 0;
    const ownVote = { leader: 1, zxid: 0n, peerEpoch: 0 };
    const answer = await pair.tellUntil({ vote: ownVote, round: 1, state: PeerState.looking }, () => true);
    assert.equal(answer.state, PeerState.leading);
    assert.deepEqual(answer.vote, { leader: apacheSid, zxid: 0n, peerEpoch: 1 });
  });

  test('this side leads, it follows', async () => {
    const pair = await Pair.start(2);
    const quorumPort = pair.quorumPorts.get(2) ?? 0;
    const leader = await Leader.open({ listen: [{ host: '127.0.0.1', port: quorumPort }] });
    await until(() => pair.heard.length > 0, 'its vote', PATIENCE_MS);
    const [first] = pair.heard;
    const vote = { leader: 2, zxid: 0n, peerEpoch: 0 };
    await pair.tellUntil({ vote, round: first.round, state: PeerState.looking }, (n) => n.vote?.leader === 2);

    await until(() => leader.learners.length > 0, 'it dials us', PATIENCE_MS);
    const [side] = leader.learners;
    const { connection } = side;
    assert.equal(
      await line(side, 0, pair),
      '{"type":"learnerInfo","isObserver":false,"acceptedEpoch":0,"sid":1,"protocolVersion":65536,"configVersion":"0x0"}',
    );
    connection.send({ type: 'leaderInfo', epoch: 1 });
    assert.equal(await line(side, 1, pair), '{"type":"ackEpoch","lastZxid":"0x0","currentEpoch":0}');
    connection.send({ type: 'diff', zxid: 0n });
    connection.send({ type: 'newLeader', epoch: 1, config: '' });
    assert.equal(await line(side, 2, pair), '{"type":"newLeaderAck","epoch":1}');
    connection.send({ type: 'upToDate' });
    assert.equal(await line(side, 3, pair), '{"type":"newLeaderAck","epoch":1}');

    // Txns that change nothing: errors.
    for (let i = 1; i <= 200; i++) {
      const entry = encode((writer) => {
        writer.writeLong(0x0200000000000001n);
        writer.writeInt(i);
        writer.writeLong((1n << 32n) | BigInt(i));
        writer.writeLong(1_700_000_000_000n);
        writer.writeInt(-1);
        writer.writeInt(-101);
      });
      leader.port.shared.proposal(1, i, entry, 0, entry.length);
    }
    leader.port.sendShared([connection]);
    assert.equal(await line(side, 203, pair), 'ack 1:200');
    assert.deepEqual(
      side.lines.slice(4),
      Array.from({ length: 200 }, (_, i) => `ack 1:${i + 1}`),
    );
    leader.port.shared.commits(1, 1, 200);
    leader.port.sendShared([connection]);
    connection.send({ type: 'ping', zxid: 0x1_0000_00c8n });
    assert.equal(await line(side, 204, pair), '{"type":"ping","zxid":"0x1000000c8"}');
    assert.equal(await pair.mode(), 'follower');
    assert.match(await fourLetterWord(pair.apache.port, 'srvr', 2000), /Zxid: 0x1000000c8/);
    assert.deepEqual(side.closedReasons, []);
  });
});
