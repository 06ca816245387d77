import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Connection } from '../../src/client/connection.ts';
import * as operations from '../../src/client/operations.ts';
import { Request } from '../../src/client/request.ts';
import { RequestChannel } from '../../src/client/request-channel.ts';
import { WatchRegistry } from '../../src/client/watch-registry.ts';
import { OpCode, Xid } from '../../src/protocol/opcode.ts';
import { replyFrame } from '../support/fake-server.ts';
import { delay } from '../support/server-process.ts';

function openChannel(): { channel: RequestChannel; receive(frame: Uint8Array): void } {
  const channel = new RequestChannel(
    { requestTimeoutMs: 0, requestsInFlightMax: 10, requestsWaitingMax: 10, requestBytesMax: 1000 },
    new WatchRegistry(),
    { onNotification() {}, onAuthReply() {}, waitCause: () => undefined },
  );
  // As much of a connection as a channel uses.
  const connection = { isWritable: true, write: () => true };
  channel.attach(connection as unknown as Connection, performance.now());
  channel.open();
  return { channel, receive: (frame) => channel.onFrame(frame, 0, frame.length) };
}

/** Lets a tick end and the clock go on. Gives a time before what comes then. */
async function later(): Promise<number> {
  await delay(5);
  return performance.now();
}

test('the answer to the first of two pings tells nothing of the second', async () => {
  const { channel, receive } = openChannel();
  const ping = () => channel.sendFrame(Xid.ping, OpCode.ping, () => {});
  ping();
  const secondAt = await later();
  ping();
  await later();
  receive(replyFrame(Xid.ping));
  assert.ok(channel.answeredSentAtMs < secondAt, 'the server has seen the first, not yet the second');
  receive(replyFrame(Xid.ping));
  assert.ok(channel.answeredSentAtMs >= secondAt);
});

test('an answer that a ping has overtaken takes nothing back', async () => {
  const { channel, receive } = openChannel();
  const request = channel.submit(new Request(operations.sync, '/', '/', ''), {});
  const pingAt = await later();
  channel.sendFrame(Xid.ping, OpCode.ping, () => {});
  await later();
  receive(replyFrame(Xid.ping));
  receive(replyFrame(1, Uint8Array.of(0, 0, 0, 1, 0x2f)));
  await request;
  assert.ok(channel.answeredSentAtMs >= pingAt);
});
