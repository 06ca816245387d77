import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GrowingJuteWriter } from '../../src/jute/writer.ts';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { correctMultiReply } from '../../src/server/local-sessions.ts';

/** The results of a multi that failed, as they are answered. */
function failed(...errors: number[]): Uint8Array {
  const writer = new GrowingJuteWriter();
  for (const error of errors) {
    writer.writeInt(-1);
    writer.writeBoolean(false);
    writer.writeInt(error);
    writer.writeInt(error);
  }
  writer.writeInt(-1);
  writer.writeBoolean(true);
  writer.writeInt(-1);
  return writer.written().slice();
}

const { SESSIONEXPIRED, EPHEMERALONLOCALSESSION, RUNTIMEINCONSISTENCY, NONODE } = ErrorCode;

test('what a leader does not know of another server’s session is set right', () => {
  const reply = failed(0, 0, SESSIONEXPIRED, RUNTIMEINCONSISTENCY);
  correctMultiReply(reply, reply.length);
  assert.deepEqual(reply, failed(0, 0, EPHEMERALONLOCALSESSION, RUNTIMEINCONSISTENCY));
});

test('other errors, and other replies, stay as they are', () => {
  const others = [
    failed(NONODE, RUNTIMEINCONSISTENCY),
    failed(),
    new Uint8Array(0),
    Uint8Array.of(0, 0, 0, 2, 0x2f, 0x61),
    // A create that was done: type 1, not an error.
    Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0x90),
  ];
  for (const other of others) {
    const reply = other.slice();
    correctMultiReply(reply, reply.length);
    assert.deepEqual(reply, other);
  }
});
