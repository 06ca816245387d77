import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { EventType, OpCode } from '../../src/protocol/opcode.ts';
import { ZnodeChange } from '../../src/ring/record-kind.ts';
import { newDatabase } from './sim-database.ts';
import { WatchBook } from './watch-book.ts';
import { ZnodeHistory } from './znode-history.ts';

/** A client's watches over a history of changes of /a. */
function make(): { book: WatchBook; change: (key: number, change: ZnodeChange) => void } {
  const database = newDatabase();
  database.startEmpty();
  const znodes = new ZnodeHistory(database.tree);
  const change = (key: number, kind: ZnodeChange): void => {
    znodes.changed(kind, Buffer.from('/a'), 0, 2);
    znodes.record(key);
  };
  return { book: new WatchBook('client', znodes), change };
}

test('a watch fires before its client sees what fired it', () => {
  const { book, change } = make();
  book.added(OpCode.exists, '/a', 10, ErrorCode.NONODE);
  book.check(11);
  change(12, ZnodeChange.created);
  book.check(11);
  assert.throws(() => book.check(12), /watch before data/);
  book.fired(EventType.nodeCreated, '/a', 12);
  book.check(12);
});

test('it fires once, and not for nothing', () => {
  const { book, change } = make();
  assert.throws(() => book.fired(EventType.nodeDataChanged, '/a', 12), /without a watch/);
  book.added(OpCode.getData, '/a', 10, ErrorCode.OK);
  assert.throws(() => book.fired(EventType.nodeDataChanged, '/a', 12), /nothing had happened/);
  change(12, ZnodeChange.dataChanged);
  book.fired(EventType.nodeDataChanged, '/a', 12);
  assert.throws(() => book.fired(EventType.nodeDataChanged, '/a', 12), /without a watch/);
});

test('an event must be that of the first change', () => {
  const { book, change } = make();
  book.added(OpCode.getData, '/a', 10, ErrorCode.OK);
  change(12, ZnodeChange.dataChanged);
  change(13, ZnodeChange.dataChanged);
  assert.throws(() => book.fired(EventType.nodeDataChanged, '/a', 13), /first change/);
});

test('a watch that is set again on another server has fired if there was something to tell', () => {
  const { book, change } = make();
  book.added(OpCode.getData, '/a', 10, ErrorCode.OK);
  change(12, ZnodeChange.deleted);
  assert.ok(book.setWatchesBody(10) !== null);
  book.check(12);
  assert.throws(() => book.registered(12), /watch before data/);
  book.fired(EventType.nodeDeleted, '/a', -1);
  book.registered(12);
  assert.equal(book.size, 0);
});

test('a deletion fires data and child watch of a znode as one', () => {
  const { book, change } = make();
  book.added(OpCode.getData, '/a', 10, ErrorCode.OK);
  book.added(OpCode.getChildren2, '/a', 10, ErrorCode.OK);
  change(12, ZnodeChange.deleted);
  book.fired(EventType.nodeDeleted, '/a', 12);
  book.check(12);
  assert.equal(book.size, 0);
});
