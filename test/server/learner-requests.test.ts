import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GrowingJuteWriter } from '../../src/jute/writer.ts';
import type { Identity } from '../../src/protocol/acl.ts';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { OpCode } from '../../src/protocol/opcode.ts';
import type { PacketBatch } from '../../src/quorum/packet-batch.ts';
import { ClientSessions } from '../../src/server/client-sessions.ts';
import type { CommitPublisher } from '../../src/server/commit-publisher.ts';
import { LearnerRequests } from '../../src/server/learner-requests.ts';
import { NO_LOCAL_SESSIONS } from '../../src/server/local-sessions.ts';
import type { LogAppender } from '../../src/server/log-appender.ts';
import { monotonicMs } from '../../src/session/monotonic-clock.ts';
import { SessionIds } from '../../src/session/session-ids.ts';
import { SessionTracker } from '../../src/session/session-tracker.ts';
import type { TxnApplier } from '../../src/txn/apply.ts';
import { writeRequest } from '../txn/requests.ts';

const EPOCH = 2;
const LOGGED = 100;
const WORKER = 0;
/** The session that most tests open first, on connection 1. */
const OPENED = { high: 0x05000000, low: 0 };
const someone: readonly Identity[] = [{ scheme: 'world', id: 'anyone' }];

/** A learner's requests between clients, whom it answers through `told`, and a leader, who gets what is in `asked`. */
class Learner {
  readonly touchTable = new Int32Array(256);
  readonly asked: string[] = [];
  readonly told: string[] = [];
  readonly sessions: ClientSessions;
  readonly requests: LearnerRequests;
  hasLeader = true;

  constructor(sessionsMax = 8, localSessions = NO_LOCAL_SESSIONS) {
    const { told, asked, touchTable } = this;
    const publisher: Pick<
      CommitPublisher,
      'reply' | 'closeConnection' | 'sessionSettled' | 'publish' | 'ring'
    > = {
      reply: (_worker, connection, xid, _high, low, error, body, bytes) =>
        void told.push(
          `reply ${connection}/${xid} at ${low}, error ${error}: ${Buffer.from(body.subarray(0, bytes))}`,
        ),
      closeConnection: (_worker, connection) => void told.push(`close ${connection}`),
      sessionSettled: (_worker, connection, high, low, timeoutMs) =>
        void told.push(`settled ${connection}: ${(high >>> 0).toString(16)}.${low}, ${timeoutMs} ms`),
      publish: () => {},
      ring: () => {},
    };
    const batch: Pick<PacketBatch, 'request' | 'revalidate'> = {
      request: (_high, low, cxid, opcode, source, start, length, identities, from, identitiesLength) => {
        const body = Buffer.from(source.subarray(start, start + length));
        const text = opcode === OpCode.createSession ? body.readInt32BE(0) : body;
        const who = Buffer.from(identities.subarray(from, from + identitiesLength));
        asked.push(
          `${opcode} of ${low}/${cxid}: ${text}${who.includes('anyone') ? ' by anyone' : ''} (${identitiesLength})`,
        );
      },
      revalidate: (_high, low, timeoutMs) => void asked.push(`revalidate ${low}, ${timeoutMs} ms`),
    };
    const mark: LogAppender['mark'] = (_worker, connection, xid, opcode) =>
      void told.push(`mark ${connection}/${xid}, ${opcode}`);
    const tracker = new SessionTracker({ tickTimeMs: 1000, sessionsMax, touchTable }, monotonicMs());
    this.sessions = new ClientSessions({
      tracker,
      ids: new SessionIds(5, 0),
      publisher: publisher as unknown as CommitPublisher,
      workers: 1,
      complain: (problem) => void told.push(`complaint: ${problem}`),
    });
    this.requests = new LearnerRequests({
      sessions: this.sessions,
      localSessions,
      publisher: publisher as unknown as CommitPublisher,
      appender: { mark } as unknown as LogAppender,
      toLeader: () => (this.hasLeader ? (batch as unknown as PacketBatch) : null),
      answerMark: (_worker, connection, xid, opcode) =>
        void told.push(`answer mark ${connection}/${xid}, ${opcode}`),
      lastLogged: () => ({ epoch: EPOCH, counter: LOGGED }),
    });
    this.sessions.onDetached = ({ idHigh, idLow }) => this.requests.writes.detached(idHigh, idLow);
  }

  /** With a session that the leader has made, and nothing in the books. */
  static withSession(): Learner {
    const learner = new Learner();
    learner.requests.openSession(WORKER, 1, 4000, someone);
    learner.applied(0, LOGGED + 1);
    learner.take();
    return learner;
  }

  /** The client of connection 1 sends something. */
  send(xid: number, opcode: number, text: string): void {
    const known = this.sessions.find(WORKER, 1);
    assert.ok(known !== undefined);
    const bytes = Buffer.from(`<${text}>`);
    this.requests.request(known, WORKER, 1, xid, opcode, bytes, 1, bytes.length - 1);
  }

  /** A txn of the opened session is applied. */
  applied(cxid: number, counter: number, error = 0, reply = ''): void {
    const applier = { sessionHigh: OPENED.high, sessionLow: OPENED.low, error } as TxnApplier;
    this.requests.applied(applier, cxid, EPOCH, counter, Buffer.from(reply), reply.length);
  }

  /** What was asked and told since the last call. */
  take(): { asked: string[]; told: string[] } {
    return { asked: this.asked.splice(0), told: this.told.splice(0) };
  }
}

test('a new session goes to the leader as createSession, and is answered when its txn is applied', () => {
  const learner = new Learner();
  learner.requests.openSession(WORKER, 1, 4000, someone);
  assert.deepEqual(learner.take(), { asked: [`${OpCode.createSession} of 0/0: 4000 (4)`], told: [] });
  assert.ok(learner.requests.isAwaited);
  learner.applied(0, LOGGED + 1);
  assert.deepEqual(learner.take(), { asked: [], told: ['settled 1: 5000000.0, 4000 ms'] });
  assert.ok(!learner.requests.isAwaited);
});

test('a session that the leader refuses to make, and one too many', () => {
  const learner = new Learner(1);
  learner.requests.openSession(WORKER, 1, 4000, someone);
  learner.requests.openSession(WORKER, 2, 4000, someone);
  assert.deepEqual(learner.take().told, [
    'complaint: a new session was refused: menagerie.sessionsMax=1 sessions are open',
    'close 2',
  ]);
  learner.applied(0, LOGGED + 1, ErrorCode.SYSTEMERROR);
  assert.deepEqual(learner.take().told, ['close 1']);
  assert.equal(learner.sessions.tracker.size, 0);
});

test('a write goes to the leader with body and identities, and is answered by its txn', () => {
  const learner = Learner.withSession();
  learner.send(7, OpCode.setData, 'body');
  learner.send(8, OpCode.delete, 'other');
  const identitiesBytes = 4 + 4 + 'world'.length + 4 + 'anyone'.length;
  assert.deepEqual(learner.take(), {
    asked: [
      `${OpCode.setData} of 0/7: body by anyone (${identitiesBytes})`,
      `${OpCode.delete} of 0/8: other by anyone (${identitiesBytes})`,
    ],
    told: [],
  });
  learner.applied(7, LOGGED + 2, 0, 'stat');
  learner.applied(8, LOGGED + 3, ErrorCode.NONODE);
  assert.deepEqual(learner.take().told, [
    `reply 1/7 at ${LOGGED + 2}, error 0: stat`,
    `reply 1/8 at ${LOGGED + 3}, error ${ErrorCode.NONODE}: `,
  ]);
});

test('a sync is marked in the log when the leader has answered; what a session owns is asked as a sync', () => {
  const learner = Learner.withSession();
  learner.send(1, OpCode.sync, '/a');
  learner.send(2, OpCode.getEphemerals, '/');
  assert.deepEqual(
    learner.take().asked.map((line) => line.split(' by ')[0]),
    [`${OpCode.sync} of 0/1: /a`, `${OpCode.sync} of 0/2: /`],
  );
  learner.requests.synced();
  assert.deepEqual(learner.take().told, [`mark 1/1, ${OpCode.sync}`]);
  learner.requests.synced();
  assert.deepEqual(learner.take().told, [`mark 1/2, ${OpCode.getEphemerals}`]);
  learner.requests.synced();
  assert.deepEqual(learner.take().told, []);
});

test('a sync is answered before the write behind it, though the leader has not said so', () => {
  const learner = Learner.withSession();
  learner.send(1, OpCode.sync, '/a');
  learner.send(2, OpCode.setData, '/b');
  learner.take();
  learner.applied(2, LOGGED + 2, 0, 'stat');
  const { told } = learner.take();
  assert.ok(told.length >= 2, told.join());
  assert.match(told[0], /1\/1\b/);
  assert.equal(told.at(-1), `reply 1/2 at ${LOGGED + 2}, error 0: stat`);
  assert.equal(told.filter((line) => line.includes('1/1')).length, 1, `answered once: ${told.join('; ')}`);
});

test('a client that comes back waits for the leader’s word on its session', () => {
  const learner = new Learner();
  learner.requests.attachSession(WORKER, 3, 1, 77, 6000, someone);
  learner.requests.attachSession(WORKER, 4, 1, 78, 6000, someone);
  assert.deepEqual(learner.take(), {
    asked: ['revalidate 77, 6000 ms', 'revalidate 78, 6000 ms'],
    told: [],
  });
  learner.requests.revalidated(1, 78, false);
  assert.deepEqual(learner.take().told, ['settled 4: 0.0, 0 ms'], 'session expired');
  learner.requests.revalidated(1, 77, true);
  assert.deepEqual(learner.take().told, ['settled 3: 1.77, 6000 ms']);
  assert.ok(learner.requests.writes.isAttached(1, 77));
  learner.requests.revalidated(1, 77, true);
  assert.deepEqual(learner.take().told, [], 'nobody waits for this one');
});

test('a txn of the session that came through another server closes the connection here', () => {
  const learner = Learner.withSession();
  const known = learner.sessions.find(WORKER, 1);
  assert.ok(known !== undefined);
  learner.applied(9, LOGGED + 2);
  assert.deepEqual(learner.take().told, ['close 1']);
  learner.requests.request(known, WORKER, 1, 10, OpCode.setData, Buffer.from('late'), 0, 4);
  assert.deepEqual(learner.take(), { asked: [], told: [] }, 'what was on its way is dropped');
});

test('without a leader nothing is taken up', () => {
  const learner = new Learner();
  assert.ok(learner.requests.hasRoom());
  learner.hasLeader = false;
  assert.ok(!learner.requests.hasRoom());
});

test('a new leader is asked again for what the history does not hold, in order', () => {
  const learner = Learner.withSession();
  learner.send(1, OpCode.setData, 'logged');
  learner.send(2, OpCode.setData, 'lost');
  learner.send(3, OpCode.sync, '/');
  learner.requests.attachSession(WORKER, 3, 1, 77, 6000, someone);
  learner.take();
  learner.requests.serveAgain((_high, _low, cxid) => cxid === 1);
  const { asked, told } = learner.take();
  assert.deepEqual(
    asked.map((line) => line.split(' by ')[0]),
    [`${OpCode.setData} of 0/2: lost`, `${OpCode.sync} of 0/3: /`, 'revalidate 77, 6000 ms'],
  );
  assert.deepEqual(told, []);
  learner.applied(1, LOGGED + 2);
  assert.deepEqual(learner.take().told, [`reply 1/1 at ${LOGGED + 2}, error 0: `]);
});

test('an observer cannot know what the history holds: whoever waits for a write is disconnected', () => {
  const learner = Learner.withSession();
  learner.send(1, OpCode.setData, 'in doubt');
  learner.take();
  learner.requests.serveAgain(null);
  assert.deepEqual(learner.take(), { asked: [], told: ['close 1'] });
  assert.ok(!learner.requests.isAwaited);
});

test('an observer’s client that waits for a sync alone stays', () => {
  const learner = Learner.withSession();
  learner.send(1, OpCode.sync, '/');
  learner.take();
  learner.requests.serveAgain(null);
  const { asked, told } = learner.take();
  assert.equal(asked.length, 1);
  assert.deepEqual(told, []);
});

test('who becomes the leader takes over what waits', () => {
  const learner = Learner.withSession();
  learner.send(4, OpCode.setData, 'mine');
  learner.requests.attachSession(WORKER, 3, 1, 77, 6000, someone);
  assert.deepEqual(
    learner.requests.takeUnanswered().map(({ cxid, request }) => [cxid, `${Buffer.from(request.body)}`]),
    [[4, 'mine']],
  );
  assert.deepEqual(
    learner.requests.takeAttaching().map(({ idLow }) => idLow),
    [77],
  );
  assert.deepEqual(learner.requests.takeAttaching(), []);
  learner.requests.forget();
  assert.ok(!learner.requests.isAwaited);
});

test('a ping tells the leader of the sessions that were heard of since the last one', () => {
  const learner = Learner.withSession();
  const pings: string[] = [];
  const batch: Pick<PacketBatch, 'pingWithTouches'> = {
    pingWithTouches: (zxid, touches, count) =>
      void pings.push(`${zxid}: ${[...touches.subarray(0, 3 * count)].join(' ')}`),
  };
  const ping = () => {
    learner.requests.ping(batch as unknown as PacketBatch, 9n, learner.touchTable);
    return pings.pop();
  };
  const all = `9: ${OPENED.high} ${OPENED.low} 4000`;
  assert.equal(ping(), all);
  learner.touchTable[0] = Math.floor(monotonicMs()) - 5000;
  assert.equal(ping(), '9: ');
  learner.touchTable[0] = Math.floor(monotonicMs()) + 1;
  assert.equal(ping(), all);
  learner.touchTable[0] = Math.floor(monotonicMs()) - 5000;
  learner.requests.serveAgain(() => false);
  assert.equal(ping(), all, 'a new leader knows nothing');
});

test('a ping has room for any number of sessions', () => {
  const learner = new Learner(200);
  for (let connection = 1; connection <= 150; connection++)
    learner.requests.openSession(WORKER, connection, 4000, someone);
  let told = 0;
  const batch: Pick<PacketBatch, 'pingWithTouches'> = {
    pingWithTouches: (_zxid, touches, count) => {
      const ids = new Set<number>();
      for (let i = 0; i < count; i++) ids.add(touches[3 * i + 1]);
      told = ids.size;
    },
  };
  learner.requests.ping(batch as unknown as PacketBatch, 9n, learner.touchTable);
  assert.equal(told, 150);
});

const LOCAL = { isEnabled: true, isUpgradingEnabled: false };
const UPGRADED = { isEnabled: true, isUpgradingEnabled: true };

function ephemeral(): Uint8Array {
  const writer = new GrowingJuteWriter();
  writeRequest(writer, { type: 'create', path: '/e', data: null, acl: [], flags: 1 });
  return writer.written().slice();
}

test('a local session is opened, taken up, closed and kept from the leader here', () => {
  const learner = new Learner(8, LOCAL);
  learner.requests.openSession(WORKER, 1, 4000, someone);
  assert.deepEqual(learner.take(), { asked: [], told: ['settled 1: 5000000.0, 4000 ms'] });
  learner.requests.attachSession(WORKER, 2, OPENED.high, OPENED.low, 6000, someone);
  assert.deepEqual(learner.take(), { asked: [], told: ['close 1', 'settled 2: 5000000.0, 6000 ms'] });
  const known = learner.sessions.find(WORKER, 2);
  assert.ok(known !== undefined);
  const pinged: number[] = [];
  const batch: Pick<PacketBatch, 'pingWithTouches'> = {
    pingWithTouches: (_zxid, _touches, count) => void pinged.push(count),
  };
  learner.requests.ping(batch as unknown as PacketBatch, 9n, learner.touchTable);
  assert.deepEqual(pinged, [0]);
  learner.requests.request(known, WORKER, 2, 1, OpCode.closeSession, new Uint8Array(0), 0, 0);
  assert.deepEqual(learner.take(), { asked: [], told: [`answer mark 2/1, ${OpCode.closeSession}`] });
  learner.requests.attachSession(WORKER, 3, OPENED.high, OPENED.low, 6000, someone);
  assert.deepEqual(learner.take().asked, ['revalidate 0, 6000 ms'], 'it has ended here');
});

test('a local session is closed behind its writes', () => {
  const learner = new Learner(8, LOCAL);
  learner.requests.openSession(WORKER, 1, 4000, someone);
  learner.send(1, OpCode.setData, 'x');
  learner.send(2, OpCode.closeSession, '');
  assert.deepEqual(
    learner.take().asked.map((line) => line.split(':')[0]),
    [`${OpCode.setData} of 0/1`, `${OpCode.sync} of 0/2`],
  );
  learner.applied(1, LOGGED + 1);
  learner.requests.synced();
  assert.deepEqual(learner.take().told.slice(-2), [
    `reply 1/1 at ${LOGGED + 1}, error 0: `,
    `mark 1/2, ${OpCode.closeSession}`,
  ]);
});

test('an ephemeral makes a local session the ensemble’s: createSession goes first, and nobody is answered twice', () => {
  const learner = new Learner(8, UPGRADED);
  learner.requests.openSession(WORKER, 1, 4000, someone);
  learner.take();
  const known = learner.sessions.find(WORKER, 1);
  assert.ok(known !== undefined);
  const body = ephemeral();
  learner.requests.request(known, WORKER, 1, 1, OpCode.create, body, 0, body.length);
  assert.deepEqual(
    learner.take().asked.map((line) => line.split(':')[0]),
    [`${OpCode.createSession} of 0/0`, `${OpCode.create} of 0/1`],
  );
  learner.applied(0, LOGGED + 1);
  assert.deepEqual(learner.take().told, []);
  learner.applied(1, LOGGED + 2, 0, '/e');
  assert.deepEqual(learner.take().told, [`reply 1/1 at ${LOGGED + 2}, error 0: /e`]);
  learner.requests.request(known, WORKER, 1, 2, OpCode.create, body, 0, body.length);
  assert.equal(learner.take().asked.length, 1, 'once');
  // A client that comes back meanwhile: the leader is to say.
  learner.requests.attachSession(WORKER, 3, OPENED.high, OPENED.low, 6000, someone);
  assert.deepEqual(learner.take().asked, ['revalidate 0, 6000 ms']);
});

test('an ephemeral that may not make it so is refused in its place; the leader knows no better than "expired"', () => {
  const learner = new Learner(8, LOCAL);
  learner.requests.openSession(WORKER, 1, 4000, someone);
  const known = learner.sessions.find(WORKER, 1);
  assert.ok(known !== undefined);
  learner.take();
  const body = ephemeral();
  learner.requests.request(known, WORKER, 1, 1, OpCode.create, body, 0, body.length);
  learner.send(2, OpCode.setData, 'x');
  assert.equal(learner.take().asked.length, 2);
  learner.applied(1, LOGGED + 1, ErrorCode.SESSIONEXPIRED);
  learner.applied(2, LOGGED + 2, ErrorCode.SESSIONEXPIRED);
  assert.deepEqual(learner.take().told, [
    `reply 1/1 at ${LOGGED + 1}, error ${ErrorCode.EPHEMERALONLOCALSESSION}: `,
    `reply 1/2 at ${LOGGED + 2}, error ${ErrorCode.SESSIONEXPIRED}: `,
  ]);
});
