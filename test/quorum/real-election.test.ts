import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { ElectionPort } from '../../src/quorum/election-port.ts';
import { Ensemble } from '../../src/zab/ensemble.ts';
import { FastLeaderElection } from '../../src/zab/fast-leader-election.ts';
import { until } from '../connection/until.ts';
import { freePort } from '../support/server-process.ts';
import { RecordedLog } from './recorded-log.ts';

/** A server's election: the core's algorithm on real sockets. */
class Elector {
  readonly sid: number;
  readonly port: ElectionPort;
  readonly election: FastLeaderElection;
  readonly log = new RecordedLog();
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(sid: number, ensemble: Ensemble) {
    this.sid = sid;
    const servers = [...ensemble.servers.values()].map(
      (server) =>
        [
          server.sid,
          {
            addresses: server.addresses.map(({ host, electionPort }) => ({ host, port: electionPort })),
            isVoter: ensemble.isVoter(server.sid),
          },
        ] as const,
    );
    this.port = new ElectionPort({
      sid,
      servers: new Map(servers),
      listen: [{ host: '127.0.0.1', port: ensemble.servers.get(sid)?.addresses[0].electionPort ?? 0 }],
      bindRetries: 0,
      connectTimeoutMs: 5000,
      handshakeTimeoutMs: 5000,
      multiAddress: false,
      log: this.log,
      events: {
        notification: (from, notification) =>
          this.#act(() => this.election.notification(from, notification, performance.now())),
        voterReachable: (other) => this.#act(() => this.election.voterReachable(other, performance.now())),
        voterUnreachable: (other) =>
          this.#act(() => this.election.voterUnreachable(other, performance.now())),
      },
    });
    this.election = new FastLeaderElection({
      sid,
      ensemble,
      isObserver: !ensemble.isVoter(sid),
      minNotificationIntervalMs: 200,
      maxNotificationIntervalMs: 60_000,
      output: {
        notify: (other, notification) => this.port.notify(other, notification),
        reconnectElection: (sids) => this.port.reconnect(sids),
        report: () => {},
      },
    });
    electors.add(this);
  }

  get leader(): number | null {
    return this.election.result?.leader ?? null;
  }

  /** Looks for a leader. */
  look(zxid = 0n): void {
    this.#act(() => this.election.start(performance.now(), { leader: this.sid, zxid, peerEpoch: 0 }));
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.port.close();
    electors.delete(this);
  }

  #act(act: () => void): void {
    act();
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#isClosed || this.election.nextDeadlineMs === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(
      () => this.#act(() => this.election.advance(performance.now())),
      Math.max(0, this.election.nextDeadlineMs - performance.now()),
    );
  }
}

const electors = new Set<Elector>();
afterEach(() => {
  for (const elector of electors) elector.close();
});

async function newEnsemble(voters: number, observers = 0): Promise<Ensemble> {
  const lines: string[] = [];
  for (let sid = 1; sid <= voters + observers; sid++) {
    const role = sid <= voters ? 'participant' : 'observer';
    lines.push(`server.${sid}=127.0.0.1:${await freePort()}:${await freePort()}:${role}`);
  }
  return Ensemble.parse([...lines, 'version=0'].join('\n'));
}

test('five voters and an observer elect one leader; when it ends, another at once', async (t) => {
  const ensemble = await newEnsemble(5, 1);
  const all = [...ensemble.servers.keys()].map((sid) => new Elector(sid, ensemble));
  await Promise.all(all.map(({ port }) => port.open()));
  for (const elector of all) elector.look(elector.sid === 3 ? 9n : 1n);
  await until(() => all.every(({ leader }) => leader === 3), 'the one with the most is elected');

  const took: number[] = [];
  let left = all;
  for (const next of [5, 4]) {
    const gone = left.find(({ sid }) => sid === left[0].leader);
    assert.ok(gone !== undefined);
    left = left.filter((elector) => elector !== gone);
    const startedMs = performance.now();
    gone.close();
    for (const elector of left) elector.look(1n);
    await until(() => left.every(({ leader }) => leader === next), `server ${next} is elected`);
    took.push(Math.round(performance.now() - startedMs));
  }
  t.diagnostic(`without the leader it took ${took.join(' and ')} ms`);

  // One that comes back learns who leads.
  const again = new Elector(3, ensemble);
  await again.port.open();
  again.look(9n);
  await until(() => again.leader === 4, 'it follows, however much it has');
});

test('three voters of which one never comes', async () => {
  const ensemble = await newEnsemble(3);
  const two = [1, 2].map((sid) => new Elector(sid, ensemble));
  await Promise.all(two.map(({ port }) => port.open()));
  for (const elector of two) elector.look();
  await until(() => two.every(({ leader }) => leader === 2), 'the two elect one of them');
});
