import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GrowingJuteWriter } from '../../src/jute/writer.ts';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { OpCode } from '../../src/protocol/opcode.ts';
import { OPEN, writeRequest } from '../txn/requests.ts';
import { LeaderRole } from './leader-role.ts';
import { keyOf, Ledger, sessionText } from './ledger.ts';
import { newDatabase } from './sim-database.ts';

const SESSION = sessionText(0, 7);

/** A ledger, and entries as a leader makes them. */
class Fixture {
  isDurable = true;
  readonly ledger = new Ledger(() => this.isDurable);
  readonly #leader: LeaderRole;
  #previousKey = 0;

  constructor() {
    const database = newDatabase();
    database.startEmpty();
    this.#leader = new LeaderRole(1, database, 100, 0);
    const body = new Uint8Array([0, 0, 16, 0]);
    this.propose(OpCode.createSession, 0, body);
  }

  entry(opcode: number, cxid: number, body: Uint8Array): { counter: number; entry: Uint8Array } {
    return this.#leader.prepare({ sessionHigh: 0, sessionLow: 7, cxid, opcode, body }, 1, 0, 0);
  }

  propose(opcode: number, cxid: number, body: Uint8Array): number {
    const { counter, entry } = this.entry(opcode, cxid, body);
    this.ledger.proposed(1, 1, counter, this.#previousKey, entry);
    this.#previousKey = keyOf(1, counter);
    return counter;
  }

  create(cxid: number, path: string, flags = 0): number {
    const writer = new GrowingJuteWriter();
    writeRequest(writer, { type: 'create', path, data: Buffer.from('x'), acl: OPEN, flags });
    return this.propose(OpCode.create, cxid, writer.written().slice());
  }

  committed(counter: number): void {
    this.ledger.committed(1, 1, counter);
  }
}

test('what is committed is one line, extended by whoever commits first', () => {
  const fixture = new Fixture();
  const last = fixture.create(1, '/a');
  fixture.committed(last);
  fixture.committed(1);
  assert.equal(fixture.ledger.chain.length, 2);
  assert.equal(fixture.ledger.znodes.at('/a', keyOf(1, last)).exists, true);
  assert.equal(fixture.ledger.znodes.at('/a', keyOf(1, 1)).exists, false);
});

test('a txn that nobody made, made twice, or behind a gap is not let pass', () => {
  const fixture = new Fixture();
  const { ledger } = fixture;
  const { entry } = fixture.entry(OpCode.closeSession, 0, new Uint8Array(0));
  assert.throws(() => ledger.committed(1, 1, 9), /identical prefix/);
  assert.throws(() => ledger.proposed(1, 1, 1, 0, entry), /one leader per epoch.*second time/);
  assert.throws(() => ledger.proposed(2, 1, 2, keyOf(1, 1), entry), /one leader per epoch.*both lead/);
  assert.throws(() => ledger.proposed(1, 1, 3, keyOf(1, 1), entry), /zxid continuity/);
  assert.throws(() => ledger.proposed(2, 2, 2, keyOf(1, 1), entry), /zxid continuity/);
  assert.throws(() => ledger.proposed(2, 3, 1, keyOf(1, 77), entry), /nobody made/);
});

test('two logs that part cannot both be committed', () => {
  const fixture = new Fixture();
  const { ledger } = fixture;
  const own = fixture.create(1, '/a');
  const { entry } = fixture.entry(OpCode.closeSession, 0, new Uint8Array(0));
  ledger.proposed(2, 2, 1, keyOf(1, 1), entry);
  fixture.committed(own);
  assert.throws(() => ledger.committed(2, 2, 1), /identical prefix.*does not hold 1\.2/);
});

test('a commit without a quorum of disks is noticed', () => {
  const fixture = new Fixture();
  fixture.isDurable = false;
  assert.throws(() => fixture.committed(1), /durable on a quorum/);
});

test('a write done twice, or in another order than its session sent it, is noticed', () => {
  for (const [first, second, message] of [
    [2, 2, /session order.*done twice/],
    [2, 1, /session order.*comes after cxid 2/],
  ] as const) {
    const fixture = new Fixture();
    fixture.create(first, '/a');
    const last = fixture.create(second, '/b');
    assert.throws(() => fixture.committed(last), message);
  }
});

test('an answer must be that of the txn that was committed', () => {
  const fixture = new Fixture();
  const { ledger } = fixture;
  const last = fixture.create(1, '/a');
  const key = keyOf(1, last);
  assert.throws(() => ledger.acknowledged('c', SESSION, 1, key, ErrorCode.OK), /not committed/);
  fixture.committed(last);
  ledger.acknowledged('c', SESSION, 1, key, ErrorCode.OK);
  assert.throws(() => ledger.acknowledged('c', SESSION, 1, key, ErrorCode.NONODE), /acknowledged writes/);
  assert.throws(() => ledger.acknowledged('c', SESSION, 2, key, ErrorCode.OK), /acknowledged writes/);
  assert.throws(() => ledger.acknowledged('c', 'another', 1, key, ErrorCode.OK), /acknowledged writes/);
});

test('a replica that is another one is noticed', () => {
  const fixture = new Fixture();
  const { ledger } = fixture;
  const last = fixture.create(1, '/a');
  fixture.committed(1);
  assert.throws(() => ledger.compare(2, keyOf(1, last), '0:0'), /not committed/);
  ledger.compare(2, keyOf(1, 1), ledger.chain[0].digest);
  assert.throws(() => ledger.compare(2, keyOf(1, 1), '0:0'), /identical digest/);
});

test('ephemerals that outlive their session are noticed', () => {
  const fixture = new Fixture();
  const last = fixture.create(1, '/e', 1);
  const made = fixture.ledger.get(keyOf(1, 1));
  assert.ok(made !== undefined);
  // As if the session had never been made: its createSession is another session's.
  made.entry[7] = 8;
  assert.throws(() => fixture.committed(last), /sessions: .*never made|ephemerals/);
});
