import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { OpCode } from '../../src/protocol/opcode.ts';
import { type ClientRequest, OPEN, opcodeOf, writeRequest } from '../txn/requests.ts';
import { type Announcement, MainStages } from './main-stages.ts';

function create(path: string, flags = 0, acl = OPEN): ClientRequest {
  return { type: 'create', path, data: null, acl, flags };
}

function ask(main: MainStages, id: number, xid: number, request: ClientRequest): void {
  main.request(id, xid, opcodeOf(request.type), (writer) => writeRequest(writer, request));
}

/** The announcements in short. */
function brief(all: readonly Announcement[]): string[] {
  return all.map(inShort);
}

function inShort(each: Announcement): string {
  switch (each.kind) {
    case 'event':
      return `event ${each.change} ${each.path}`;
    case 'reply':
      return `reply ${each.connection}/${each.xid}: ${each.error}`;
    case 'settled':
      return `settled ${each.connection}: ${each.timeoutMs}`;
    case 'close':
      return `close ${each.connection}`;
  }
}

function sessionOf(main: MainStages, id: bigint) {
  const session = main.tracker.get(Number(BigInt.asIntN(32, id >> 32n)), Number(BigInt.asIntN(32, id)));
  assert.ok(session);
  return session;
}

describe('main, from requests to announcements', () => {
  it('announces nothing before it is durable', () => {
    const main = new MainStages();
    main.open(1);
    ask(main, 1, 1, create('/a'));
    main.take();
    main.commit();
    assert.deepEqual(main.announcements(), []);
    assert.deepEqual(main.writeLog(), [OpCode.create]);
    main.commit();
    assert.deepEqual(brief(main.announcements()), ['reply 1/1: 0']);
  });

  it('answers in order, failures too, each with its zxid', () => {
    const main = new MainStages();
    main.open(1);
    main.open(2);
    ask(main, 1, 1, create('/a'));
    ask(main, 2, 1, create('/a'));
    ask(main, 1, 2, { type: 'delete', path: '/none', version: -1 });
    ask(main, 1, 3, { type: 'multi', ops: [] });
    const replies = main.run();
    assert.deepEqual(brief(replies), [
      'reply 1/1: 0',
      `reply 2/1: ${ErrorCode.NODEEXISTS}`,
      `reply 1/2: ${ErrorCode.NONODE}`,
      'reply 1/3: 0',
    ]);
    assert.deepEqual(
      replies.map((each) => each.kind === 'reply' && each.zxid),
      [3, 4, 5, 6],
    );
    assert.equal(main.database.tree.lastZxidLow, 6);
  });

  it('tells of changes only while somebody watches, and before the reply', () => {
    const main = new MainStages();
    main.open(1);
    ask(main, 1, 1, create('/unseen'));
    main.run();
    main.watchCounts[0] = 1;
    ask(main, 1, 2, create('/a'));
    ask(main, 1, 3, create('/a/b', 0, [[1, 'world', 'anyone']]));
    ask(main, 1, 4, create('/a/c', 0, [[2, 'world', 'anyone']]));
    ask(main, 1, 5, {
      type: 'multi',
      ops: [
        { type: 'setData', path: '/a', data: null, version: -1 },
        { type: 'delete', path: '/a/b', version: -1 },
      ],
    });
    ask(main, 1, 6, { type: 'setACL', path: '/a', acl: OPEN, version: -1 });
    const all = main.run();
    assert.deepEqual(brief(all), [
      'event 1 /a',
      'reply 1/2: 0',
      'event 1 /a/b',
      'reply 1/3: 0',
      'event 1 /a/c',
      'reply 1/4: 0',
      'event 3 /a',
      'event 2 /a/b',
      'reply 1/5: 0',
      'reply 1/6: 0',
    ]);
    // Lists go along where they keep somebody out.
    const withLists = all.filter((each) => each.kind === 'event' && each.listsAcls);
    assert.deepEqual(brief(withLists), ['event 1 /a/c']);
  });

  it('answers sync behind everything before it, with the zxid reached, and the path', () => {
    const main = new MainStages();
    main.open(1);
    ask(main, 1, 1, create('/a'));
    main.request(1, 2, OpCode.sync, (writer) => writer.writeString('/some/path'));
    ask(main, 1, 3, create('/b'));
    main.take();
    main.commit();
    assert.deepEqual(main.announcements(), []);
    main.writeLog();
    main.commit();
    const all = main.announcements();
    assert.deepEqual(brief(all), ['reply 1/1: 0', 'reply 1/2: 0', 'reply 1/3: 0']);
    const sync = all[1];
    assert.ok(sync.kind === 'reply');
    assert.equal(sync.zxid, 2);
    assert.equal(sync.body.toString(), '\0\0\0\x0a/some/path');
    // With nothing before it there is nothing to wait for.
    main.request(1, 4, OpCode.sync, (writer) => writer.writeString(null));
    main.take();
    main.commit();
    assert.deepEqual(brief(main.announcements()), ['reply 1/4: 0']);
  });

  it('checks with the identities that a connection has when it asks', () => {
    const main = new MainStages();
    const ann = { scheme: 'digest', id: 'ann:x' };
    main.open(1);
    ask(main, 1, 1, create('/a', 0, [[31, 'auth', '']]));
    main.authenticate(1, [ann]);
    ask(main, 1, 2, create('/a', 0, [[31, 'auth', '']]));
    main.authenticate(77, [ann]);
    assert.deepEqual(brief(main.run()), [`reply 1/1: ${ErrorCode.INVALIDACL}`, 'reply 1/2: 0']);
  });

  it('leaves requests where they are while the log is full, and loses none', () => {
    const main = new MainStages({ logRingBytes: 8192, entryBytesMax: 2000 });
    main.open(1);
    for (let xid = 1; xid <= 100; xid++) ask(main, 1, xid, create(`/n${xid}`));
    const replies: string[] = [];
    let rounds = 0;
    while (replies.length < 100) {
      assert.ok(++rounds < 50);
      replies.push(...brief(main.run()));
    }
    assert.ok(rounds > 1, 'the log was never full');
    assert.deepEqual(
      replies,
      Array.from({ length: 100 }, (_, i) => `reply 1/${i + 1}: 0`),
    );
  });

  it('goes on in the next epoch where a counter has run out', () => {
    const main = new MainStages({ lastZxid: [4, -2] });
    main.open(1);
    ask(main, 1, 1, create('/a'));
    ask(main, 1, 2, create('/b'));
    const zxids = main.run().map((each) => each.kind === 'reply' && each.zxid);
    assert.deepEqual(zxids, [5 * 2 ** 32 + 1, 5 * 2 ** 32 + 2]);
  });
});

describe('sessions on main', () => {
  it('are opened by a txn, and settled when it is applied', () => {
    const main = new MainStages();
    main.connect(7, 0n, 4000);
    main.take();
    assert.deepEqual(main.announcements(), []);
    assert.deepEqual(main.writeLog(), [OpCode.createSession]);
    main.commit();
    const [settled] = main.announcements();
    assert.ok(settled.kind === 'settled');
    assert.deepEqual([settled.connection, settled.timeoutMs], [7, 4000]);
    assert.equal(sessionOf(main, settled.session).isCommitted, true);
  });

  it('move to the connection that attaches them, and the one before is closed first', () => {
    const main = new MainStages();
    const id = main.open(1);
    main.connect(2, id, 3000);
    assert.deepEqual(brief(main.run()), ['close 1', 'settled 2: 3000']);
    assert.equal(sessionOf(main, id).connectionTimeoutMs, 3000);
    // The end of the old connection is no end of the session's.
    main.disconnect(1);
    main.run();
    assert.deepEqual(sessionOf(main, id).connection, { worker: 0, connection: 2 });
    main.disconnect(2);
    main.run();
    assert.equal(sessionOf(main, id).connection, null);
  });

  it('are given back, in an ensemble, when it is history that they were connected elsewhere before', () => {
    const main = new MainStages({ isMember: true });
    const id = main.open(1);
    main.connect(2, id, 3000);
    assert.deepEqual(brief(main.run()), ['close 1', 'settled 2: 3000'], 'it was here before');
    sessionOf(main, id).owner = 3;
    main.connect(4, id);
    main.take();
    assert.deepEqual(brief(main.announcements()), ['close 2']);
    main.writeLog();
    main.commit();
    assert.deepEqual(brief(main.announcements()), ['settled 4: 1000']);
    assert.equal(sessionOf(main, id).owner, 1);
    ask(main, 4, 1, create('/after'));
    assert.deepEqual(brief(main.run()), ['reply 4/1: 0']);
    // Its session may end before that.
    sessionOf(main, id).owner = 3;
    main.connect(5, id);
    main.take();
    main.requests.closeSession(sessionOf(main, id));
    assert.deepEqual(brief(main.run()), ['close 4', 'settled 5: 1000', 'close 5']);
  });

  it('that are local take no txn, and end by a mark', () => {
    const localSessions = { isEnabled: true, isUpgradingEnabled: true };
    const main = new MainStages({ isMember: true, localSessions });
    main.connect(1);
    main.take();
    assert.deepEqual(brief(main.announcements()), ['settled 1: 1000']);
    ask(main, 1, 1, create('/p'));
    const [session] = main.tracker.values();
    assert.equal(session.isLocal, true);
    ask(main, 1, 2, create('/e', 1));
    assert.equal(brief(main.run()).length, 2, 'not settled again');
    assert.deepEqual([session.isLocal, session.isCommitted], [false, true]);
    main.connect(2);
    main.take();
    main.request(2, 1, OpCode.closeSession);
    ask(main, 2, 2, create('/late'));
    assert.deepEqual(brief(main.run()), ['settled 2: 1000', 'reply 2/1: 0', 'close 2', 'reply 2/2: -112']);
    assert.equal(main.tracker.size, 1);
  });

  it('lose their connection to an attempt with a wrong password, and stay', () => {
    const main = new MainStages();
    const id = main.open(1);
    main.connectWithWrongPassword(2, id);
    main.connectWithWrongPassword(3, 99n);
    assert.deepEqual(brief(main.run()), ['close 1', 'settled 2: 0', 'settled 3: 0']);
    main.connect(4, id);
    assert.deepEqual(brief(main.run()), ['settled 4: 1000']);
  });

  it('cannot be attached before they are committed, while they close, or when they are gone', () => {
    const main = new MainStages();
    main.connect(1);
    main.take();
    const [opening] = main.tracker.values();
    const id = (BigInt(opening.idHigh) << 32n) | BigInt(opening.idLow >>> 0);
    main.connect(2, id);
    assert.deepEqual(brief(main.run()), ['close 1', 'settled 2: 0', 'settled 1: 1000']);
    main.requests.closeSession(sessionOf(main, id));
    main.take();
    main.connect(3, id);
    assert.deepEqual(brief(main.run()), ['settled 3: 0']);
    main.connect(4, id);
    assert.deepEqual(brief(main.run()), ['settled 4: 0']);
  });

  it('are closed by their client: the reply, then the end of the connection', () => {
    const main = new MainStages();
    main.open(1);
    main.watchCounts[0] = 1;
    ask(main, 1, 1, create('/e', 1));
    main.request(1, 2, OpCode.closeSession);
    ask(main, 1, 3, create('/late'));
    assert.deepEqual(brief(main.run()), [
      'event 1 /e',
      'reply 1/1: 0',
      'event 2 /e',
      'reply 1/2: 0',
      'close 1',
      `reply 1/3: ${ErrorCode.SESSIONEXPIRED}`,
    ]);
    assert.equal(main.tracker.size, 0);
  });

  it('are closed once when they expire, even if their client closes them at the same time', () => {
    const main = new MainStages();
    const id = main.open(1);
    ask(main, 1, 1, create('/e', 1));
    main.run();
    main.requests.closeSession(sessionOf(main, id));
    main.requests.closeSession(sessionOf(main, id));
    main.request(1, 2, OpCode.closeSession);
    main.take();
    assert.deepEqual(main.writeLog(), [OpCode.closeSession, OpCode.closeSession]);
    main.commit();
    assert.deepEqual(brief(main.announcements()), ['close 1', 'reply 1/2: 0']);
    assert.equal(main.database.ephemerals.count, 0);
  });

  it('are refused beyond their number, and the next one gets the room of one that closes', () => {
    const main = new MainStages({ sessionsMax: 2 });
    const first = main.open(1);
    main.open(2);
    main.connect(3);
    assert.deepEqual(brief(main.run()), ['close 3']);
    assert.match(main.complaints[0], /menagerie\.sessionsMax=2/);
    main.requests.closeSession(sessionOf(main, first));
    main.run();
    main.open(4);
  });

  it('outlive the worker that held their connections', () => {
    const main = new MainStages();
    const ids = [main.open(1), main.open(2)];
    main.sessions.workerDied(0);
    ask(main, 1, 1, create('/a'));
    assert.deepEqual(main.run(), []);
    main.connect(1, ids[1]);
    assert.deepEqual(brief(main.run()), ['settled 1: 1000']);
  });
});
