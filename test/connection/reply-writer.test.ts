import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { ClientConnection } from '../../src/connection/client-connection.ts';
import { ReplyBufferPool } from '../../src/connection/reply-buffer.ts';
import { REPLY_HEAD_BYTES, ReplyWriter } from '../../src/connection/reply-writer.ts';
import { type FakeSocket, fakeConnection } from './fake-connection.ts';

function newWriter(outputBytesMax = 1 << 20) {
  const overflown: ClientConnection[] = [];
  const ended: ClientConnection[] = [];
  const writer = new ReplyWriter(
    outputBytesMax,
    (connection) => {
      overflown.push(connection);
      connection.state = 'closed';
    },
    (connection) => ended.push(connection),
  );
  return { writer, overflown, ended };
}

/** Writes a reply whose body is `length` times the low byte of its xid. */
function reply(writer: ReplyWriter, connection: ClientConnection, xid: number, length: number): void {
  const buffer = writer.head(connection, xid, 0, xid, 0, length);
  buffer.bytes.fill(xid, buffer.position, buffer.position + length);
  buffer.position += length;
}

/** The replies in a socket's output; fails unless they are whole and their bodies what {@link reply} wrote. */
function repliesIn(socket: FakeSocket): { xid: number; length: number }[] {
  const { output } = socket;
  const found: { xid: number; length: number }[] = [];
  for (let at = 0; at < output.length; ) {
    const length = output.readInt32BE(at) + 4 - REPLY_HEAD_BYTES;
    const xid = output.readInt32BE(at + 4);
    assert.equal(output.readInt32BE(at + 12), xid, 'zxid');
    const body = output.subarray(at + REPLY_HEAD_BYTES, at + REPLY_HEAD_BYTES + length);
    assert.ok(body.equals(Buffer.alloc(length, xid)), `the body of ${xid}`);
    found.push({ xid, length });
    at += REPLY_HEAD_BYTES + length;
  }
  return found;
}

describe('ReplyWriter', () => {
  it('writes a batch of replies with one write, at flush', () => {
    const { writer } = newWriter();
    const { connection, socket } = fakeConnection();
    for (let xid = 1; xid <= 10; xid++) reply(writer, connection, xid, 100);
    assert.equal(socket.written.length, 0);
    writer.flush();
    assert.equal(socket.written.length, 1);
    assert.deepEqual(
      repliesIn(socket).map(({ xid }) => xid),
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    );
    assert.equal(connection.packetsSent, 10);
    assert.equal(writer.bytesWritten, 10 * 120);
    writer.flush();
    assert.equal(socket.written.length, 1);
  });

  it('keeps every byte, in order, over connections that take at once and others that do not', () => {
    const action = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ to: fc.nat(2), length: fc.constantFrom(0, 1, 50, 5_000, 40_000, 100_000) }),
      },
      { weight: 2, arbitrary: fc.constant('flush' as const) },
      { weight: 2, arbitrary: fc.record({ taken: fc.nat(2) }) },
      { weight: 1, arbitrary: fc.record({ stuck: fc.nat(2), takes: fc.boolean() }) },
    );
    const property = fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const { writer, overflown } = newWriter(1 << 30);
      const ends = [fakeConnection(), fakeConnection(), fakeConnection()];
      const expected: { xid: number; length: number }[][] = [[], [], []];
      let xid = 0;
      for (const each of actions) {
        if (each === 'flush') writer.flush();
        else if ('to' in each) {
          reply(writer, ends[each.to].connection, ++xid, each.length);
          expected[each.to].push({ xid, length: each.length });
        } else if ('taken' in each) ends[each.taken].socket.take();
        else ends[each.stuck].socket.takesAtOnce = each.takes;
      }
      writer.flush();
      for (const [i, { socket }] of ends.entries()) {
        socket.take();
        assert.deepEqual(repliesIn(socket), expected[i]);
      }
      assert.deepEqual(overflown, []);
    });
    fc.assert(property, { numRuns: 200 });
  });

  it('uses a buffer again only when the socket has taken all of it', () => {
    const { writer } = newWriter();
    const slow = fakeConnection();
    const fast = fakeConnection();
    slow.socket.takesAtOnce = false;
    reply(writer, slow.connection, 1, 200);
    writer.flush();
    const held = slow.socket.pending[0].buffer;
    for (let xid = 2; xid < 10; xid++) {
      reply(writer, fast.connection, xid, 200);
      assert.notEqual(fast.connection.reply?.bytes.buffer, held);
      writer.flush();
    }
    slow.socket.take();
    assert.deepEqual(repliesIn(slow.socket), [{ xid: 1, length: 200 }]);
    // Those of the fast connection all went through one buffer.
    const first = newWriter();
    reply(first.writer, fast.connection, 1, 10);
    const used = fast.connection.reply?.bytes;
    first.writer.flush();
    reply(first.writer, slow.connection, 1, 10);
    assert.equal(slow.connection.reply?.bytes, used);
  });

  it('reports a connection with too much unread, and drops what is written to it from then on', () => {
    const { writer, overflown } = newWriter(100_000);
    const { connection, socket } = fakeConnection();
    socket.takesAtOnce = false;
    for (let xid = 1; xid <= 3; xid++) {
      reply(writer, connection, xid, 40_000);
      writer.flush();
    }
    assert.deepEqual(overflown, [connection]);
    reply(writer, connection, 4, 10);
    writer.flush();
    assert.equal(overflown.length, 1);
    assert.equal(connection.reply, null);
    assert.equal(socket.pending.length, 3);
  });

  it('ends a connection that is to be closed, behind its replies, once', () => {
    const { writer, ended } = newWriter();
    const { connection, socket } = fakeConnection();
    reply(writer, connection, 1, 10);
    connection.closesAfterFlush = true;
    writer.flush();
    assert.deepEqual(ended, [connection]);
    assert.equal(repliesIn(socket).length, 1);
    const silent = fakeConnection();
    silent.connection.closesAfterFlush = true;
    writer.room(silent.connection, 0);
    writer.flush();
    assert.deepEqual(ended, [connection, silent.connection]);
    assert.equal(silent.socket.written.length, 0);
    writer.flush();
    assert.equal(ended.length, 2);
  });
});

describe('ReplyBufferPool', () => {
  it('gives large buffers for large replies, and does not keep them', () => {
    const pool = new ReplyBufferPool();
    const large = pool.take(1 << 20);
    assert.equal(large.bytes.length, 1 << 20);
    pool.give(large);
    assert.notEqual(pool.take(10), large);
  });

  it('gives a buffer back empty, and keeps so many at most', () => {
    const pool = new ReplyBufferPool();
    const buffers = Array.from({ length: 100 }, () => pool.take(1));
    for (const buffer of buffers) {
      buffer.position = 77;
      pool.give(buffer);
    }
    const again = Array.from({ length: 100 }, () => pool.take(1));
    assert.ok(again.every(({ position }) => position === 0));
    assert.ok(again.every((buffer) => buffers.includes(buffer)));
    assert.notEqual(new Set(again).size, 1);
  });

  it('gives small buffers for small replies when many are out, and large ones again later', () => {
    const pool = new ReplyBufferPool();
    const buffers = Array.from({ length: 1000 }, () => pool.take(100));
    const large = buffers.filter(({ bytes }) => bytes.length === 64 * 1024);
    assert.equal(large.length, 64);
    assert.ok(buffers.every((buffer) => large.includes(buffer) || buffer.bytes.length === 4096));
    assert.ok(pool.take(5000).bytes.length >= 5000);
    for (const buffer of large) pool.forget(buffer);
    assert.equal(pool.take(100).bytes.length, 64 * 1024);
  });
});
