import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { afterEach, describe, test } from 'node:test';
import { encodeInitialMessage } from '../../src/quorum/initial-message.ts';
import { NameLookup } from '../../src/quorum/name-lookup.ts';
import { PacketError } from '../../src/quorum/packet-error.ts';
import { HoldReason, type TreeSink } from '../../src/quorum/quorum-input.ts';
import type { SendSource } from '../../src/quorum/send-queue.ts';
import { settle, until } from '../connection/until.ts';
import { freePort } from '../support/server-process.ts';
import {
  closeAll,
  connectedPair,
  introduction,
  Leader,
  Learner,
  limits,
  oneMore,
  rawSocket,
} from './quorum-connections.ts';
import { encoded } from './recorded-packets.ts';

afterEach(closeAll);

const txn = Uint8Array.from({ length: 5000 }, (_, i) => i);
const address = (port: number, host = '127.0.0.1') => ({ host, port });

describe('a leader and its learners', () => {
  test('hear each other', async () => {
    const { toLearner, toLeader } = await connectedPair();
    assert.equal(toLearner.lines[0].includes('"sid":2'), true);
    toLearner.connection.send({ type: 'leaderInfo', epoch: 2 });
    await until(() => toLeader.lines.length === 1, 'LEADERINFO comes');
    toLeader.connection.send({ type: 'ackEpoch', lastZxid: 5n, currentEpoch: 1 });
    toLearner.connection.send({ type: 'diff', zxid: 5n });
    toLearner.connection.outgoing.proposal(1, 5, txn, 0, 3);
    toLearner.connection.outgoing.commits(1, 5, 5);
    toLearner.connection.send({ type: 'newLeader', epoch: 2, config: '' });
    await until(() => toLeader.lines.length === 5, 'all comes');
    assert.deepEqual(toLeader.lines.slice(1, 4), [
      '{"type":"diff","zxid":"0x5"}',
      'proposal 1:5 000102',
      'commit 1:5',
    ]);
    toLeader.connection.send({ type: 'newLeaderAck', epoch: 2 });
    toLeader.connection.outgoing.acknowledgements(2, 1, 3);
    await until(() => toLearner.lines.length === 6, 'all comes');
    assert.deepEqual(toLearner.lines.slice(2), [
      '{"type":"newLeaderAck","epoch":2}',
      'ack 2:1',
      'ack 2:2',
      'ack 2:3',
    ]);
    assert.notEqual(toLearner.connection.id, toLeader.connection.id);
  });

  test('one write a turn: what is queued in one comes together', async () => {
    const { leader, toLearner, toLeader } = await connectedPair();
    const before = toLeader.heardCount;
    for (let i = 1; i <= 100; i++) {
      leader.port.shared.proposal(2, i, txn, 0, 10);
      leader.port.sendShared([toLearner.connection]);
      toLearner.connection.outgoing.commits(2, i, i);
    }
    await until(() => toLeader.lines.length === 200, 'all comes');
    assert.deepEqual(
      toLeader.lines.map((line) => line.split(' ').slice(0, 2).join(' ')),
      Array.from({ length: 100 }, (_, i) => [`proposal 2:${i + 1}`, `commit 2:${i + 1}`]).flat(),
    );
    assert.equal(toLeader.heardCount - before, 1);
  });

  test('what several get is the same for all, whatever each gets besides', async () => {
    const { leader, toLearner, toLeader } = await connectedPair();
    const more = [await oneMore(leader), await oneMore(leader)];
    const all = [toLearner, ...more.map((pair) => pair.toLearner)];
    for (let i = 1; i <= 300; i++) {
      leader.port.shared.proposal(2, i, txn, 0, txn.length);
      all[i % 3].connection.send({ type: 'ping', zxid: BigInt(i) });
      leader.port.sendShared(all.map(({ connection }) => connection));
      if (i % 50 === 0) await settle(1);
    }
    const heard = [toLeader, ...more.map((pair) => pair.toLeader)];
    for (const [place, side] of heard.entries()) {
      await until(() => side.lines.length === 400, `learner ${place} gets all`);
      const expected: string[] = [];
      for (let i = 1; i <= 300; i++) {
        if (i % 3 === place) expected.push(JSON.stringify({ type: 'ping', zxid: `0x${i.toString(16)}` }));
        expected.push(`proposal 2:${i} ${Buffer.from(txn).toString('hex')}`);
      }
      assert.deepEqual(side.lines, expected);
    }
    await until(() => leader.port.buffersInUse <= 4, 'buffers come back, but for those that are written to');
  });

  test('everything byte by byte', async () => {
    const leader = await Leader.open();
    const socket = await rawSocket(leader.port.port);
    socket.setNoDelay(true);
    const bytes = encoded((batch) => {
      batch.packet(introduction);
      batch.acknowledgements(1, 1, 2);
      batch.request(1, 2, 3, 4, txn, 0, 30, Uint8Array.of(255, 255, 255, 255), 0, 4);
    });
    for (const byte of bytes) {
      socket.write(Uint8Array.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => leader.learners[0]?.lines.length === 4, 'all comes');
  });
});

describe('the end of a connection', () => {
  test('close: what was sent before leaves, what comes is not handed over', async () => {
    const { toLearner, toLeader, leader } = await connectedPair();
    for (let i = 1; i <= 500; i++) toLearner.connection.outgoing.proposal(2, i, txn, 0, txn.length);
    toLearner.connection.close('it is behind');
    toLearner.connection.send({ type: 'ping', zxid: 1n });
    toLeader.connection.outgoing.acknowledgements(2, 1, 500);
    await until(() => toLeader.closedReasons.length === 1, 'the learner notices');
    assert.equal(toLeader.lines.length, 500);
    assert.deepEqual(toLeader.closedReasons, ['closed by the other side']);
    await until(() => toLearner.closedReasons.length === 1, 'the leader is told');
    assert.deepEqual(toLearner.closedReasons, ['it is behind']);
    assert.equal(toLearner.lines.length, 1);
    assert.equal(
      leader.log.matching(/quorum connection with 127.0.0.1:\d+ has ended: it is behind/).length,
      1,
    );
    await until(() => leader.port.connections.size === 0, 'it is forgotten');
  });

  test('close from within: not even the next packet of the chunk is handed over', async () => {
    const { toLearner, toLeader } = await connectedPair();
    toLearner.onLine = (line) => {
      if (line === 'revalidate 1/2 3') toLearner.connection.close('enough');
    };
    for (let i = 0; i < 3; i++) toLeader.connection.outgoing.revalidate(1, 2, 3);
    await until(() => toLearner.closedReasons.length === 1, 'it ends');
    assert.equal(toLearner.lines.length, 2);
  });

  test('a learner that talks nonsense is cut off with one line', async () => {
    const { toLearner, toLeader, leader } = await connectedPair();
    const other = await oneMore(leader);
    toLeader.connection.outgoing.raw(Uint8Array.of(0x47, 0x45, 0x54, 0x20));
    await until(() => toLearner.closedReasons.length === 1, 'it is cut off');
    assert.match(toLearner.closedReasons[0], /it has sent type 1195725856 is no packet/);
    assert.equal(leader.log.matching(/has ended: it has sent/).length, 1);
    other.toLeader.connection.send({ type: 'ping', zxid: 1n });
    await until(() => other.toLearner.lines.length === 2, 'others go on');
  });

  test('a reset connection is noticed at once', async () => {
    const leader = await Leader.open();
    const socket = await rawSocket(leader.port.port);
    socket.write(encoded((batch) => batch.packet(introduction)));
    await until(() => leader.learners.length === 1, 'it is known');
    socket.resetAndDestroy();
    await until(() => leader.learners[0].closedReasons.length === 1, 'it is noticed', 1000);
  });

  test('strangers are named, and those who say nothing are bounded', async () => {
    const leader = await Leader.open({ limits: { ...limits, initTimeoutMs: 200 } });
    const election = encodeInitialMessage(2, [{ host: 'zk2', port: 3888 }], false);
    const cases: [Buffer | string, RegExp][] = [
      ['GET /metrics HTTP/1.1\r\n\r\n', /is an HTTP client; the connection is closed/],
      [Buffer.from('1603010200010001fc0303', 'hex'), /is a TLS client/],
      [
        Buffer.from('0000002d000000000000000000000000', 'hex'),
        /is a ZooKeeper client: clients belong on clientPort/,
      ],
      [election, /election message: the ports in its server lines seem to be swapped/],
      [Buffer.from('0000000b000000010000000000001000', 'hex'), /no learner: FOLLOWERINFO with 4096 bytes/],
      [Buffer.from('00000001', 'hex'), /no learner: REQUEST is no packet/],
    ];
    for (const [bytes, line] of cases) {
      const socket = await rawSocket(leader.port.port);
      socket.resume();
      const ended = new Promise((resolve) => socket.once('close', resolve));
      socket.write(bytes);
      await ended;
      assert.equal(leader.log.matching(line).length, 1, leader.log.lines.join('\n'));
    }
    let open = 200;
    for (let i = 0; i < 200; i++) {
      const socket = await rawSocket(leader.port.port);
      socket.resume();
      socket.once('close', () => open--);
    }
    await until(() => open <= 128, 'the oldest have gone');
    await until(() => open === 0, 'all have gone');
    assert.equal(leader.learners.length, 0, 'nobody was taken for a learner');
  });

  test('no more connections than can be', async () => {
    const leader = await Leader.open({ connectionsMax: 1 });
    const { toLeader } = await oneMore(leader);
    const socket = await rawSocket(leader.port.port);
    socket.resume();
    await new Promise((resolve) => socket.once('close', resolve));
    assert.equal(leader.log.matching(/one more than the 1 connections/).length, 1);
    assert.ok(!toLeader.connection.isClosed);
  });

  test('silence: until the learner is in step, and from then on', async () => {
    const times = { ...limits, initTimeoutMs: 1200, syncTimeoutMs: 600 };
    const { toLearner, toLeader, leader } = await connectedPair({ limits: times });
    const startedMs = performance.now();
    // The other way round the learner bears it.
    // What the system takes for a silent learner is no sign of life.
    const pings = setInterval(() => toLearner.connection.send({ type: 'ping', zxid: 1n }), 50);
    await until(() => toLearner.closedReasons.length === 1, 'silence before it is in step');
    clearInterval(pings);
    assert.match(toLearner.closedReasons[0], /nothing was heard for 1200 ms/);
    assert.ok(performance.now() - startedMs > 1000);
    assert.ok(toLeader.connection.isClosed || toLeader.closedReasons.length <= 1);

    const inStep = await oneMore(leader);
    inStep.toLeader.connection.send({ type: 'newLeaderAck', epoch: 1 });
    for (let i = 0; i < 10; i++) {
      await new Promise((resolve) => setTimeout(resolve, 80));
      inStep.toLeader.connection.send({ type: 'ping', zxid: 1n });
    }
    assert.deepEqual(inStep.toLearner.closedReasons, [], 'who pings stays');
    await until(() => inStep.toLearner.closedReasons.length === 1, 'silence when in step');
    assert.match(inStep.toLearner.closedReasons[0], /nothing was heard for 600 ms/);
  });
});

describe('what a slow side does', () => {
  test('a learner that does not read is cut off; the others lose nothing', async () => {
    const queueMax = 4 * 1024 * 1024;
    const { leader, toLearner, toLeader } = await connectedPair({
      limits: { ...limits, sendQueueBytesMax: queueMax },
    });
    const socket = await rawSocket(leader.port.port);
    socket.pause();
    socket.write(encoded((batch) => batch.packet(introduction)));
    await until(() => leader.learners.length === 2, 'the slow one is known');
    const slow = leader.learners[1];
    const both = [toLearner.connection, slow.connection];
    let sent = 0;
    while (slow.closedReasons.length === 0) {
      assert.ok(++sent < 100_000, 'it is never cut off');
      leader.port.shared.proposal(2, sent, txn, 0, txn.length);
      leader.port.sendShared(both);
      assert.ok(
        slow.connection.waitingBytes <= queueMax + 200 * txn.length,
        `${slow.connection.waitingBytes} wait`,
      );
      if (sent % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    assert.match(slow.closedReasons[0], /bytes wait for it, 4194304 may \(menagerie.learnerQueueMb\)/);
    assert.equal(leader.log.matching(/^slow learner: .*is too slow and is cut off/).length, 1);
    await until(() => toLeader.lines.length === sent, 'the other gets all');
    await until(() => leader.port.buffersInUse <= 2, 'its memory is given back');
  });

  test('packets that wait are counted with what it costs to keep them', async () => {
    const leader = await Leader.open({ limits: { ...limits, sendQueueBytesMax: 1024 * 1024 } });
    const socket = await rawSocket(leader.port.port);
    socket.pause();
    socket.write(encoded((batch) => batch.packet(introduction)));
    await until(() => leader.learners.length === 1, 'it is known');
    const [slow] = leader.learners;
    slow.connection.sendSource(new Chunks(Infinity));
    let sent = 0;
    while (slow.closedReasons.length === 0) {
      assert.ok(++sent < 20_000, 'it is never cut off');
      leader.port.shared.commits(2, sent, sent);
      leader.port.sendShared([slow.connection]);
      if (sent % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  });

  test('small packets that wait do not hold a buffer each', async () => {
    const leader = await Leader.open();
    const socket = await rawSocket(leader.port.port);
    socket.pause();
    socket.write(encoded((batch) => batch.packet(introduction)));
    await until(() => leader.learners.length === 1, 'it is known');
    const { connection } = leader.learners[0];
    connection.sendSource(new Chunks(Infinity));
    await settle(20);
    const before = leader.port.buffersInUse;
    for (let i = 1; i <= 2000; i++) {
      leader.port.shared.commits(2, i, i);
      leader.port.sendShared([connection]);
      connection.outgoing.commits(2, i, i);
      if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    assert.ok(leader.port.buffersInUse - before <= 8, `${leader.port.buffersInUse - before} buffers more`);
  });

  test('a leader without room takes nothing, and then all in order', async () => {
    const { toLearner, toLeader } = await connectedPair();
    toLearner.onLine = (line) => {
      if (line.startsWith('request 0/1 ')) toLearner.connection.hold(HoldReason.room);
    };
    const count = 3000;
    const none = Uint8Array.of(255, 255, 255, 255);
    for (let i = 1; i <= count; i++) {
      toLeader.connection.outgoing.request(0, i, i, 1, txn, 0, 2000, none, 0, 4);
      if (i % 100 === 0) await settle(1);
    }
    await settle(20);
    assert.equal(toLearner.lines.length, 2, 'nothing behind the first request');
    assert.ok(toLeader.connection.waitingBytes > 0, 'the rest waits at the sender');
    toLearner.connection.release(HoldReason.room);
    assert.equal(toLearner.lines.length, 2, 'nothing from within the call');
    await until(() => toLearner.lines.length === count + 1, 'all come');
    assert.deepEqual(
      toLearner.lines.slice(1).map((line) => line.split(' ')[2]),
      Array.from({ length: count }, (_, i) => String(i + 1)),
    );
  });
});

/** Gives `chunks` × 100,000 bytes, now and then nothing. */
class Chunks implements SendSource {
  isCancelled = false;
  ready: () => void = () => {};
  #left: number;
  #calls = 0;

  constructor(chunks: number) {
    this.#left = chunks;
  }

  fill(batch: Parameters<SendSource['fill']>[0]): 'more' | 'later' | 'end' {
    if (this.#left === 0) return 'end';
    if (++this.#calls % 3 === 0) {
      setImmediate(() => this.ready());
      return 'later';
    }
    this.#left--;
    batch.raw(new Uint8Array(100_000).fill(this.#left));
    return 'more';
  }

  cancel(): void {
    this.isCancelled = true;
  }
}

/** Takes a tree of so many bytes. */
class Tree implements TreeSink {
  bytes = Buffer.alloc(0);
  readonly #length: number;

  constructor(length: number) {
    this.#length = length;
  }

  get isComplete(): boolean {
    return this.bytes.length === this.#length;
  }

  write(bytes: Uint8Array, start: number, end: number): number {
    const taken = Math.min(end - start, this.#length - this.bytes.length);
    this.bytes = Buffer.concat([this.bytes, bytes.subarray(start, start + taken)]);
    return start + taken;
  }
}

describe('another history', () => {
  test('behind TRUNC packets wait until it is done', async () => {
    const { toLearner, toLeader } = await connectedPair();
    toLearner.connection.send({ type: 'trunc', zxid: 7n });
    toLearner.connection.outgoing.proposal(1, 8, txn, 0, 1);
    toLearner.connection.send({ type: 'upToDate' });
    await until(() => toLeader.lines.length > 0, 'TRUNC comes');
    toLearner.connection.outgoing.commits(1, 8, 8);
    await settle();
    assert.deepEqual(toLeader.lines, ['{"type":"trunc","zxid":"0x7"}']);
    toLeader.connection.release(HoldReason.history);
    await until(() => toLeader.lines.length === 4, 'the rest comes');
    assert.deepEqual(toLeader.lines.slice(1), ['proposal 1:8 00', '{"type":"upToDate"}', 'commit 1:8']);
  });

  test('behind SNAP a tree comes, then packets wait until it is stored', async () => {
    const { toLearner, toLeader } = await connectedPair();
    const source = new Chunks(40);
    source.ready = () => toLearner.connection.sourceReady();
    toLearner.connection.send({ type: 'snap', zxid: 7n });
    toLearner.connection.sendSource(source);
    toLearner.connection.outgoing.proposal(1, 8, txn, 0, 1);
    toLearner.connection.send({ type: 'newLeader', epoch: 2, config: '' });
    await until(() => toLeader.lines.length > 0, 'SNAP comes');
    await settle();
    assert.deepEqual(toLeader.lines, ['{"type":"snap","zxid":"0x7"}']);
    const tree = new Tree(4_000_000);
    toLeader.connection.receiveTree(tree);
    await until(() => tree.isComplete, 'the tree comes');
    for (let i = 0; i < 40; i++)
      assert.ok(tree.bytes.subarray(i * 100_000, (i + 1) * 100_000).every((byte) => byte === 39 - i));
    await settle();
    assert.equal(toLeader.lines.length, 1, 'packets wait');
    toLeader.connection.release(HoldReason.history);
    await until(() => toLeader.lines.length === 3, 'they come');
    assert.equal(source.isCancelled, false);
  });

  test('a tree that cannot be ends the connection; a source is told', async () => {
    const { toLearner, toLeader } = await connectedPair();
    const source = new Chunks(Infinity);
    source.ready = () => toLearner.connection.sourceReady();
    toLearner.connection.send({ type: 'snap', zxid: 7n });
    toLearner.connection.sendSource(source);
    await until(() => toLeader.lines.length > 0, 'SNAP comes');
    toLeader.connection.receiveTree({
      isComplete: false,
      write: () => {
        throw new PacketError('a znode without a parent');
      },
    });
    await until(() => toLeader.closedReasons.length === 1, 'it ends');
    assert.deepEqual(toLeader.closedReasons, ['it has sent a znode without a parent']);
    await until(() => source.isCancelled, 'the source is told');
  });

  test('a connection that is closed amid a tree ends there: what is behind must not come', async () => {
    const { leader, toLearner, toLeader } = await connectedPair();
    const source = new Chunks(Infinity);
    source.ready = () => toLearner.connection.sourceReady();
    toLearner.connection.send({ type: 'snap', zxid: 7n });
    toLearner.connection.sendSource(source);
    toLearner.connection.send({ type: 'upToDate' });
    await until(() => toLeader.lines.length > 0, 'SNAP comes');
    toLeader.connection.receiveTree({ isComplete: false, write: (_bytes, _start, end) => end });
    toLearner.connection.close('it leads no more');
    assert.equal(source.isCancelled, true);
    await until(() => toLeader.closedReasons.length === 1, 'it ends');
    assert.deepEqual(toLeader.lines, ['{"type":"snap","zxid":"0x7"}']);
    await until(() => leader.port.buffersInUse <= 1, 'buffers come back');
  });

  test('who takes a long tree slowly is alive', async () => {
    const times = { ...limits, initTimeoutMs: 800 };
    const leader = await Leader.open({ limits: times });
    const socket = await rawSocket(leader.port.port);
    socket.pause();
    socket.write(encoded((batch) => batch.packet(introduction)));
    await until(() => leader.learners.length === 1, 'it is known');
    const [side] = leader.learners;
    const source = new Chunks(Infinity);
    source.ready = () => side.connection.sourceReady();
    side.connection.sendSource(source);
    const before = side.heardCount;
    for (let i = 0; i < 20; i++) {
      await new Promise((resolve) => setTimeout(resolve, 80));
      // Enough that the sender's system has room again.
      for (let bytes = 0; bytes < 4_000_000; ) {
        const chunk: Buffer | null = socket.read();
        if (chunk === null) await new Promise((resolve) => socket.once('readable', resolve));
        else bytes += chunk.length;
      }
    }
    assert.deepEqual(side.closedReasons, []);
    assert.ok(side.heardCount > before);
    await until(() => side.closedReasons.length === 1, 'who takes nothing any more is not');
    assert.match(side.closedReasons[0], /nothing was heard for 800 ms/);
  });
});

describe('dialling the leader', () => {
  test('it may begin to listen a moment later', async () => {
    const port = await freePort();
    const learner = new Learner();
    learner.dialler.dial(1, [address(port)]);
    await settle(10);
    const leader = await Leader.open({ listen: [address(port)] });
    await until(() => learner.leaders.length === 1, 'it answers');
    learner.leaders[0].connection.send(introduction);
    await until(() => leader.learners.length === 1, 'the learner is there');
    assert.deepEqual(learner.unreachable, []);
  });

  test('it may not answer at all', async () => {
    const port = await freePort();
    const learner = new Learner();
    const startedMs = performance.now();
    learner.dialler.dial(3, [address(port)]);
    await until(() => learner.unreachable.length === 1, 'it is given up');
    assert.deepEqual(learner.unreachable, [`3: 127.0.0.1:${port}: ECONNREFUSED`]);
    assert.ok(performance.now() - startedMs < 2000);
  });

  test('no answer is waited for longer than the limit', async () => {
    const names = new NameLookup(() => new Promise(() => {}));
    const learner = new Learner({ connectLimitMs: 100, names });
    learner.dialler.dial(3, [address(1, 'dead.example')]);
    await until(() => learner.unreachable.length === 1, 'it is given up', 1000);
    assert.match(learner.unreachable[0], /3: no answer within \d+ ms/);
  });

  test('a newer attempt makes an older one void', async () => {
    const port = await freePort();
    const learner = new Learner();
    learner.dialler.dial(3, [address(port)]);
    const leader = await Leader.open();
    learner.dialler.dial(1, [address(leader.port.port)]);
    await until(() => learner.leaders.length === 1, 'it answers');
    await settle(50);
    assert.deepEqual(learner.unreachable, []);
    learner.dialler.dial(3, [address(port)]);
    learner.dialler.cancel();
    await settle(300);
    assert.deepEqual(learner.unreachable, []);
    assert.ok(!learner.leaders[0].connection.isClosed, 'a connection is not touched');
  });

  test('several addresses at once: the first that answers is taken, the others are let go', async () => {
    const names = new NameLookup((host) =>
      host === 'dead.example'
        ? new Promise(() => {})
        : Promise.reject(Object.assign(new Error(), { code: 'ENOTFOUND' })),
    );
    const leader = await Leader.open();
    let accepted = 0;
    let ended = 0;
    const second = createServer((socket) => {
      accepted++;
      socket.resume();
      socket.on('close', () => ended++);
      socket.on('error', () => {});
    });
    await new Promise<void>((resolve) => second.listen({ port: 0, host: '127.0.0.1' }, () => resolve()));
    const secondAddress = second.address();
    assert.ok(typeof secondAddress === 'object' && secondAddress !== null);
    const learner = new Learner({ names });
    learner.dialler.dial(1, [
      address(1, 'dead.example'),
      address(2, 'gone.example'),
      address(leader.port.port),
      address(secondAddress.port),
    ]);
    await until(() => learner.leaders.length === 1, 'it answers');
    await until(() => accepted === ended || accepted === 0, 'the other is let go');
    await settle();
    assert.equal(learner.leaders.length, 1);
    second.close();
  });
});
