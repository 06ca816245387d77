import assert from 'node:assert/strict';
import { connect, createServer, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterEach, describe, test } from 'node:test';
import { ElectionPort, type ElectionPortOptions } from '../../src/quorum/election-port.ts';
import { encodeInitialMessage } from '../../src/quorum/initial-message.ts';
import { PortError } from '../../src/quorum/listeners.ts';
import { NameLookup } from '../../src/quorum/name-lookup.ts';
import { encodeNotification } from '../../src/quorum/notification-codec.ts';
import { PeerState } from '../../src/zab/peer-state.ts';
import type { Notification } from '../../src/zab/vote.ts';
import { settle, until } from '../connection/until.ts';
import { freePort } from '../support/server-process.ts';
import { RecordedLog } from './recorded-log.ts';

function vote(round: number, config = ''): Notification {
  return {
    vote: { leader: 1, zxid: 7n, peerEpoch: 1 },
    round,
    state: PeerState.looking,
    version: 2,
    config,
  };
}

/** An election port with everything that it has told. */
class Server {
  readonly log = new RecordedLog();
  /** `sid:round` of each notification. */
  readonly heard: string[] = [];
  /** `+sid` and `-sid`, as servers became reachable and unreachable. */
  readonly changes: string[] = [];
  readonly port: ElectionPort;
  readonly sid: number;

  constructor(sid: number, ports: ReadonlyMap<number, number>, more: Partial<ElectionPortOptions> = {}) {
    this.sid = sid;
    const host = '127.0.0.1';
    const servers = new Map(
      [...ports].map(([key, port]) => [key, { addresses: [{ host, port }], isVoter: true }]),
    );
    this.port = new ElectionPort({
      sid,
      servers,
      listen: [{ host, port: ports.get(sid) ?? 0 }],
      bindRetries: 0,
      connectTimeoutMs: 5000,
      handshakeTimeoutMs: 5000,
      multiAddress: false,
      reconnectMaxMs: 50,
      log: this.log,
      events: {
        notification: (from, notification) => this.heard.push(`${from}:${notification.round}`),
        voterReachable: (key) => this.changes.push(`+${key}`),
        voterUnreachable: (key) => this.changes.push(`-${key}`),
      },
      ...more,
    });
    opened.push(this.port);
  }

  /** The servers that are connected, as it was told. */
  get reachable(): number[] {
    const state = new Map(this.changes.map((change) => [Number(change.slice(1)), change[0]]));
    return [...state].filter(([, sign]) => sign === '+').map(([sid]) => sid);
  }
}

const opened: ElectionPort[] = [];
const sockets: Socket[] = [];
afterEach(() => {
  for (const port of opened.splice(0)) port.close();
  for (const socket of sockets.splice(0)) socket.destroy();
});

async function freePorts(...sids: number[]): Promise<Map<number, number>> {
  const ports = new Map<number, number>();
  for (const sid of sids) {
    let port = await freePort();
    while ([...ports.values()].includes(port)) port = await freePort();
    ports.set(sid, port);
  }
  return ports;
}

async function startAll(ports: ReadonlyMap<number, number>): Promise<Server[]> {
  const servers = [...ports.keys()].map((sid) => new Server(sid, ports));
  await Promise.all(servers.map(({ port }) => port.open()));
  for (const server of servers) {
    await until(() => server.reachable.length === ports.size - 1, `${server.sid} has connected to all`);
  }
  return servers;
}

/** A connection of the test's own, that remembers what it got. */
async function dialRaw(
  port: number,
  host = '127.0.0.1',
): Promise<{ socket: Socket; received: () => Buffer; ended: () => boolean }> {
  const socket = connect({ port, host });
  sockets.push(socket);
  let received = Buffer.alloc(0);
  let ended = false;
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    ended = true;
  });
  await new Promise((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  return { socket, received: () => received, ended: () => ended };
}

function initialMessage(sid: number, port = 1): Buffer {
  return encodeInitialMessage(sid, [{ host: '127.0.0.1', port }], false);
}

describe('election port', () => {
  test('five servers that start at once are connected, each pair once, and stay so', async () => {
    const servers = await startAll(await freePorts(1, 2, 3, 4, 5));
    await settle(100);
    const changes = servers.map((server) => server.changes.length);
    for (const server of servers) {
      for (const other of servers) if (other !== server) server.port.notify(other.sid, vote(server.sid * 10));
    }
    for (const server of servers) {
      const expected = servers.filter((other) => other !== server).map(({ sid }) => `${sid}:${sid * 10}`);
      await until(() => server.heard.length >= 4, `${server.sid} hears of all`);
      assert.deepEqual(server.heard.sort(), expected.sort());
    }
    assert.deepEqual(
      servers.map((server) => server.changes.length),
      changes,
      'no connection was lost',
    );
  });

  test('the end of a server is noticed; when it is back it gets what has not left, and nothing twice', async () => {
    const ports = await freePorts(1, 2);
    for (const restarted of [1, 2]) {
      const [first, second] = await startAll(ports);
      const [stays, goes] = restarted === 1 ? [second, first] : [first, second];
      stays.port.notify(goes.sid, vote(1));
      await until(() => goes.heard.includes(`${stays.sid}:1`), 'the message has come');
      goes.port.close();
      await until(() => stays.reachable.length === 0, 'its end is noticed');
      const again = new Server(goes.sid, ports);
      await again.port.open();
      await until(() => stays.reachable.length === 1 && again.reachable.length === 1, 'it is back');
      await settle();
      assert.deepEqual(again.heard, [], 'what it said before may no longer be so');
      again.port.close();
      await until(() => stays.reachable.length === 0, 'its end is noticed');
      stays.port.notify(goes.sid, vote(2));
      stays.port.notify(goes.sid, vote(3));
      const third = new Server(goes.sid, ports);
      await third.port.open();
      await until(() => third.heard.length > 0, 'what could not leave comes');
      assert.deepEqual(third.heard, [`${stays.sid}:3`]);
      stays.port.close();
      third.port.close();
    }
  });

  test('a server that cannot be reached is told once; a message makes another attempt at once', async () => {
    const ports = await freePorts(1, 2);
    const server = new Server(1, ports, { reconnectMaxMs: 3_600_000, reconnectMinMs: 1 });
    await server.port.open();
    await until(() => server.changes.length > 0, 'it is told');
    assert.deepEqual(server.changes, ['-2']);
    // The pauses between attempts have grown so long by now that only the message can be the cause.
    await new Promise((resolve) => setTimeout(resolve, 1100));
    assert.deepEqual(server.changes, ['-2']);
    assert.equal(
      server.log.matching(/no election connection with server 2: 127.0.0.1:\d+: ECONNREFUSED/).length,
      1,
    );
    let dialled = 0;
    const other = createServer((socket) => {
      dialled++;
      socket.destroy();
    });
    await new Promise<void>((resolve) =>
      other.listen({ port: ports.get(2), host: '127.0.0.1' }, () => resolve()),
    );
    server.port.notify(2, vote(1));
    await until(() => dialled > 0, 'it is dialled', 800);
    other.close();
  });

  test('a server that closes each connection without a word is told of a few times, then dialled after growing pauses', async () => {
    const ports = await freePorts(1, 2);
    const dialledMs: number[] = [];
    const other = createServer((socket) => {
      dialledMs.push(performance.now());
      socket.on('error', () => {});
      socket.destroy();
    });
    await new Promise<void>((resolve) =>
      other.listen({ port: ports.get(1), host: '127.0.0.1' }, () => resolve()),
    );
    try {
      const server = new Server(2, ports, { reconnectMinMs: 10, reconnectMaxMs: 3_600_000 });
      await server.port.open();
      // Whoever looks for a leader wants to be heard at once, and asks for connections again and again.
      const asking = setInterval(() => {
        server.port.notify(1, vote(1));
        server.port.reconnect([1]);
      }, 1);
      await until(() => dialledMs.length === 8, 'it is dialled');
      clearInterval(asking);
      assert.deepEqual(server.changes, ['+1', '-1', '+1', '-1', '+1', '-1']);
      assert.equal(
        server.log.matching(/it closes each connection without a word, as one does that demands SASL/).length,
        1,
      );
      assert.ok(dialledMs[7] - dialledMs[6] > 100, `${dialledMs.map(Math.round)}`);
    } finally {
      other.close();
    }
  });

  test('the lower of two only calls to be called back', async () => {
    const ports = await freePorts(1, 2);
    const server = new Server(1, ports);
    const calls: Buffer[] = [];
    const other = createServer((socket) => {
      socket.on('data', (chunk: Buffer) => calls.push(chunk));
      socket.on('error', () => {});
    });
    await new Promise<void>((resolve) =>
      other.listen({ port: ports.get(2), host: '127.0.0.1' }, () => resolve()),
    );
    await server.port.open();
    await until(() => calls.length > 0, 'it calls');
    assert.deepEqual(Buffer.concat(calls), initialMessage(1, ports.get(1)));
    assert.deepEqual(server.changes, [], 'a call alone is no connection');
    const back = await dialRaw(server.port.port);
    back.socket.write(initialMessage(2, ports.get(2)));
    await until(() => server.reachable.includes(2), 'called back');
    other.close();
  });

  test('a call of the lower makes the higher give up the old connection and dial where the lower says it is', async () => {
    const ports = await freePorts(1, 2);
    const server = new Server(2, ports, { reconnectMaxMs: 3_600_000, reconnectMinMs: 3_600_000 });
    await server.port.open();
    const told: Buffer[] = [];
    const lower = createServer((socket) => {
      socket.on('data', (chunk: Buffer) => told.push(chunk));
      socket.on('error', () => {});
    });
    await new Promise<void>((resolve) => lower.listen({ port: 0, host: '127.0.0.1' }, () => resolve()));
    const address = lower.address();
    assert.ok(typeof address === 'object' && address !== null);
    const call = await dialRaw(server.port.port);
    call.socket.write(initialMessage(1, address.port));
    await until(call.ended, 'the call is ended');
    await until(() => server.reachable.includes(1), 'it has dialled');
    await until(() => told.length > 0, 'it has said who it is');
    assert.deepEqual(told[0], initialMessage(2, ports.get(2)));
    lower.close();
  });

  test('a call that crosses a connection just made does not end it', async () => {
    const ports = await freePorts(1, 2);
    const [lower, higher] = await startAll(ports);
    const changes = lower.changes.length;
    const call = await dialRaw(higher.port.port);
    call.socket.write(initialMessage(1, ports.get(1)));
    await until(call.ended, 'the call is ended');
    await settle(50);
    assert.equal(lower.changes.length, changes);
  });

  test('who has called waits to be called back, whatever there is to say meanwhile', async () => {
    const ports = await freePorts(1, 2);
    const server = new Server(1, ports);
    let calls = 0;
    const other = createServer((socket) => {
      calls++;
      socket.resume();
      socket.on('error', () => {});
    });
    await new Promise<void>((resolve) =>
      other.listen({ port: ports.get(2), host: '127.0.0.1' }, () => resolve()),
    );
    await server.port.open();
    await until(() => calls === 1, 'it calls');
    for (let round = 0; round < 20; round++) {
      server.port.notify(2, vote(round));
      await settle(3);
    }
    assert.equal(calls, 1);
    other.close();
  });

  test('a message that has not left is replaced by a newer one', async () => {
    const ports = await freePorts(1, 2);
    const server = new Server(1, ports);
    await server.port.open();
    const peer = await dialRaw(server.port.port);
    peer.socket.pause();
    peer.socket.write(initialMessage(2));
    await until(() => server.reachable.includes(2), 'connected');
    const config = 'x'.repeat(400_000);
    for (let round = 1; round <= 1000; round++) {
      server.port.notify(2, vote(round, config));
      if (round % 100 === 0) await settle(1);
    }
    peer.socket.resume();
    const frame = encodeNotification(vote(1000, config));
    await until(() => peer.received().subarray(-frame.length).equals(frame), 'the last one comes');
    assert.ok(
      peer.received().length < 100 * frame.length,
      `${peer.received().length / frame.length} messages came`,
    );
  });

  test('everything byte by byte', async () => {
    const ports = await freePorts(1, 2);
    const server = new Server(1, ports);
    await server.port.open();
    const peer = await dialRaw(server.port.port);
    peer.socket.setNoDelay(true);
    const bytes = Buffer.concat([
      initialMessage(2),
      encodeNotification(vote(5, 'abc')),
      encodeNotification(vote(6)),
    ]);
    for (const byte of bytes) {
      peer.socket.write(Uint8Array.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => server.heard.length === 2, 'both messages have come');
    assert.deepEqual(server.heard, ['2:5', '2:6']);
  });

  test('messages that came with the introduction are heard', async () => {
    const server = new Server(1, await freePorts(1, 2));
    await server.port.open();
    const peer = await dialRaw(server.port.port);
    peer.socket.write(
      Buffer.concat([initialMessage(2), encodeNotification(vote(5)), encodeNotification(vote(6))]),
    );
    await until(() => server.heard.length === 2, 'both messages have come');
  });

  test('strangers are turned away with one line each', async () => {
    const [server] = await startAll(await freePorts(1, 2));
    const cases: [Buffer | string, RegExp][] = [
      ['GET / HTTP/1.1\r\nHost: x\r\n\r\n', /is an HTTP client; the connection is closed/],
      [Buffer.from('1603010200010001fc0303', 'hex'), /is a TLS client/],
      [Buffer.from('0000002c000000000000000000000000', 'hex'), /is a ZooKeeper client/],
      [Buffer.alloc(100, 0xee), /no server of ours: unknown version/],
      [initialMessage(1), /says that it is server 1, as this one is: myid must differ/],
    ];
    for (const [bytes, line] of cases) {
      const stranger = await dialRaw(server.port.port);
      stranger.socket.write(bytes);
      await until(stranger.ended, `${line} is cut off`);
      assert.equal(server.log.matching(line).length, 1, server.log.lines.join('\n'));
    }
    assert.deepEqual(server.reachable, [2], 'nobody else has noticed');
  });

  test('nonsense in a message is ignored, in a length it ends the connection', async () => {
    const server = new Server(1, await freePorts(1, 2));
    await server.port.open();
    const peer = await dialRaw(server.port.port);
    const short = Buffer.from('0000000300000000000000', 'hex').subarray(0, 7);
    peer.socket.write(Buffer.concat([initialMessage(2), short, encodeNotification(vote(5))]));
    await until(() => server.heard.length === 1, 'what is right is heard');
    assert.equal(server.log.matching(/a message of server 2 is ignored: 3 bytes/).length, 1);
    peer.socket.write(Buffer.from('7fffffff', 'hex'));
    await until(peer.ended, 'it is cut off');
    assert.equal(
      server.log.matching(/connection of server 2 is closed: it has sent a message of 2147483647 bytes/)
        .length,
      1,
    );
    await until(() => server.changes.at(-1) === '-2', 'and unreachable');
  });

  test('who says nothing has to go, and many of them at once keep nobody out', async () => {
    const ports = await freePorts(1, 2);
    const server = new Server(1, ports, { handshakeTimeoutMs: 3000 });
    await server.port.open();
    const startedMs = performance.now();
    const silent = await Promise.all(Array.from({ length: 300 }, () => dialRaw(server.port.port)));
    await until(() => silent.filter(({ ended }) => !ended()).length <= 128, 'the oldest have to go');
    assert.ok(performance.now() - startedMs < 2500, 'before their time is over');
    const peer = await dialRaw(server.port.port);
    peer.socket.write(initialMessage(2));
    await until(() => server.reachable.includes(2), 'a server is let in');
    await until(() => silent.every(({ ended }) => ended()), 'the silent have to go');
    assert.ok(!peer.ended(), 'the server stays');
    assert.ok(server.log.matching(/has sent 0 bytes in 3000 ms/).length > 0);
  });

  test('servers that are not configured are served, but not too many', async () => {
    const server = new Server(1, await freePorts(1, 2));
    await server.port.open();
    const peers = await Promise.all(Array.from({ length: 40 }, () => dialRaw(server.port.port)));
    for (const [i, peer] of peers.entries()) {
      peer.socket.write(Buffer.concat([initialMessage(100 + i), encodeNotification(vote(i))]));
    }
    await until(() => peers.filter(({ ended }) => ended()).length === 8, 'the last are turned away');
    assert.equal(server.log.matching(/not in the configuration, and too many/).length, 8);
    const accepted = peers.findIndex(({ ended }) => !ended());
    await until(() => server.heard.includes(`${100 + accepted}:${accepted}`), 'it is heard');
    server.port.notify(100 + accepted, vote(77));
    await until(() => peers[accepted].received().length > 0, 'and answered');
    for (const peer of peers) peer.socket.destroy();
    await settle();
    const late = await dialRaw(server.port.port);
    late.socket.write(Buffer.concat([initialMessage(200), encodeNotification(vote(1))]));
    await until(() => server.heard.includes('200:1'), 'there is room again');
    assert.deepEqual(
      server.changes.filter((change) => change !== '-2'),
      [],
      'the core hears only of its own',
    );
  });

  test('a dead name in the list does not stop the others', async () => {
    const ports = await freePorts(1, 2, 3);
    const neverAnswered: string[] = [];
    const names = new NameLookup((host) => {
      neverAnswered.push(host);
      return new Promise(() => {});
    });
    const addresses = (sid: number) => [
      { host: sid === 3 ? 'dead.example' : '127.0.0.1', port: ports.get(sid) ?? 0 },
    ];
    const servers = new Map([1, 2, 3].map((sid) => [sid, { addresses: addresses(sid), isVoter: true }]));
    const [first, second] = [1, 2].map(
      (sid) => new Server(sid, ports, { servers, names, connectTimeoutMs: 50 }),
    );
    await Promise.all([first.port.open(), second.port.open()]);
    await until(
      () => first.reachable.includes(2) && second.reachable.includes(1),
      'the living are connected',
    );
    await until(() => first.changes.includes('-3'), 'the dead is told');
    assert.equal(new Set(neverAnswered).size, 1);
    await settle(100);
    assert.equal(neverAnswered.length, 1, 'one question at a time, however many attempts');
  });

  test('a name is resolved anew at each attempt', async () => {
    const ports = await freePorts(1, 2);
    let answer = '127.0.0.9';
    const names = new NameLookup(async () => [answer]);
    const servers = new Map([
      [1, { addresses: [{ host: 'one.example', port: ports.get(1) ?? 0 }], isVoter: true }],
      [2, { addresses: [{ host: '127.0.0.1', port: ports.get(2) ?? 0 }], isVoter: true }],
    ]);
    const higher = new Server(2, ports, { servers, names });
    await higher.port.open();
    await until(() => higher.changes.includes('-1'), 'nobody is there');
    const lower = new Server(1, ports, { servers: new Map([...servers].filter(([sid]) => sid === 1)) });
    await lower.port.open();
    answer = '127.0.0.1';
    await until(() => higher.reachable.includes(1), 'it is found where it is now');
  });

  const hasIpv6 = Object.values(networkInterfaces()).some((list) =>
    list?.some(({ address }) => address === '::1'),
  );
  test('over IPv6', { skip: hasIpv6 ? false : 'this machine has no ::1' }, async () => {
    const ports = await freePorts(1, 2);
    const servers = new Map(
      [...ports].map(([sid, port]) => [sid, { addresses: [{ host: '::1', port }], isVoter: true }]),
    );
    const both = [1, 2].map(
      (sid) => new Server(sid, ports, { servers, listen: [{ host: '::1', port: ports.get(sid) ?? 0 }] }),
    );
    await Promise.all(both.map(({ port }) => port.open()));
    await until(() => both.every(({ reachable }) => reachable.length === 1), 'connected');
  });

  test('a port that is in use, and an address of another machine', async () => {
    const ports = await freePorts(1, 2);
    const server = new Server(1, ports);
    await server.port.open();
    await assert.rejects(
      new Server(1, ports).port.open(),
      (error: Error) =>
        error instanceof PortError &&
        /election port 127.0.0.1:\d+ cannot be opened: it is in use/.test(error.message),
    );
    const foreign = new Server(1, ports, { listen: [{ host: '192.0.2.1', port: 0 }] });
    await assert.rejects(foreign.port.open(), /no address of this machine; correct/);
  });
});
