import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type WatchEvent, ZooKeeper } from '../../src/client/index.ts';
import { GrowingJuteWriter } from '../../src/jute/writer.ts';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { OpCode } from '../../src/protocol/opcode.ts';
import { stateOf, until } from '../support/client-servers.ts';
import { eventFrame, type FakeRequest, FakeServer, replyFrame, statBytes } from '../support/fake-server.ts';

const NODE_DELETED = 2;

async function started(context: TestContext, onRequest: (request: FakeRequest) => void): Promise<FakeServer> {
  const server = await FakeServer.start(onRequest);
  context.after(async () => await server.close());
  return server;
}

async function connected(context: TestContext, server: FakeServer): Promise<ZooKeeper> {
  const zk = await ZooKeeper.connect(server.address);
  context.after(async () => await zk.close());
  return zk;
}

function dataBytes(value: string, czxid: bigint): Uint8Array {
  const writer = new GrowingJuteWriter();
  writer.writeBuffer(Buffer.from(value));
  const stat = statBytes(czxid);
  writer.writeBytes(stat, 0, stat.length);
  return writer.written();
}

function namesBytes(...names: readonly string[]): Uint8Array {
  const writer = new GrowingJuteWriter();
  writer.writeInt(names.length);
  for (const name of names) writer.writeString(name);
  return writer.written();
}

/** Answers what is not the matter of a test: pings, closing, watches. */
function answerOther({ xid, type, connection }: FakeRequest): void {
  connection.send(replyFrame(xid, type === OpCode.addWatch ? new Uint8Array(4) : undefined));
  if (type === OpCode.closeSession) connection.cut();
}

test('a reply and the event behind it, which came in one piece, are seen in this order', async (context) => {
  const server = await started(context, (request) => {
    const { xid, type, connection } = request;
    if (type !== OpCode.getData) return answerOther(request);
    connection.send(replyFrame(xid, dataBytes('x', 5n)), eventFrame(NODE_DELETED, '/a'));
  });
  const zk = await connected(context, server);
  const seen: string[] = [];
  const event = new Promise<WatchEvent>((resolve) => {
    const watch = (heard: WatchEvent) => {
      seen.push(heard.type);
      resolve(heard);
    };
    void zk.getData('/a', { watch }).then(() => seen.push('data'));
  });
  await event;
  assert.deepEqual(seen, ['data', 'NodeDeleted']);
});

test('an event and the reply behind it are seen in this order', async (context) => {
  const server = await started(context, (request) => {
    const { xid, type, connection } = request;
    if (type === OpCode.getData) connection.send(replyFrame(xid, dataBytes('x', 5n)));
    else if (type === OpCode.delete) connection.send(eventFrame(NODE_DELETED, '/a'), replyFrame(xid));
    else answerOther(request);
  });
  const zk = await connected(context, server);
  const seen: string[] = [];
  await zk.getData('/a', { watch: ({ type }) => seen.push(type) });
  await zk.delete('/a').then(() => seen.push('deleted'));
  assert.deepEqual(seen, ['NodeDeleted', 'deleted']);
});

test('cache: a znode that is deleted right behind its reply does not stay', async (context) => {
  const server = await started(context, (request) => {
    const { xid, type, body, connection } = request;
    if (type === OpCode.getChildren) {
      connection.send(replyFrame(xid, body.readString() === '/' ? namesBytes('a') : namesBytes()));
    } else if (type === OpCode.getData) {
      const path = body.readString() ?? '';
      const reply = replyFrame(xid, dataBytes('x', 5n));
      connection.send(...(path === '/a' ? [reply, eventFrame(NODE_DELETED, path)] : [reply]));
    } else answerOther(request);
  });
  const zk = await connected(context, server);
  const cache = await zk.cache('/');
  assert.equal(cache.isCurrent, true);
  assert.deepEqual([cache.get('/a'), cache.size], [undefined, 1]);
});

test('a listener that throws costs neither the others nor the iteration their events', async (context) => {
  let asked: FakeRequest | null = null;
  const server = await started(context, (request) => {
    if (request.type === OpCode.sync) asked = request;
    else answerOther(request);
  });
  const zk = await connected(context, server);
  const mistakes: string[] = [];
  const onMistake = (error: Error) => mistakes.push(error.message);
  const before = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', onMistake);
  context.after(() => {
    process.off('uncaughtException', onMistake);
    for (const listener of before) process.on('uncaughtException', listener);
  });
  const heard: string[] = [];
  const watch = await zk.watch('/a', {
    onEvent: () => {
      throw new Error('mine');
    },
  });
  await zk.watch('/a', { onEvent: ({ type }) => heard.push(type) });
  const first = watch[Symbol.asyncIterator]().next();
  void zk.sync('/').catch(() => {});
  await until('the request is there', () => asked !== null);
  (asked as FakeRequest | null)?.connection.send(eventFrame(NODE_DELETED, '/a'));
  assert.equal((await first).value?.type, 'NodeDeleted');
  await until('the mistake surfaces', () => mistakes.length === 1);
  assert.deepEqual([heard, mistakes], [['NodeDeleted'], ['mine']]);
});

test('several iterations of one watch all wake up', async (context) => {
  const server = await started(context, answerOther);
  const zk = await connected(context, server);
  const watch = await zk.watch('/a');
  const ends = [watch[Symbol.asyncIterator](), watch[Symbol.asyncIterator]()].map((each) => each.next());
  await watch.close();
  assert.deepEqual(
    (await Promise.all(ends)).map(({ done }) => done),
    [true, true],
  );
});

test('a server without setWatches2: one-shot watches go on, persistent ones are told that they end', async (context) => {
  let connections = 0;
  const set: number[] = [];
  const server = await started(context, (request) => {
    const { xid, type, connection } = request;
    if (type === OpCode.setWatches || type === OpCode.setWatches2) set.push(type);
    if (type === OpCode.setWatches2) {
      // As Apache 3.5 has it.
      connection.send(replyFrame(xid, undefined, ErrorCode.UNIMPLEMENTED));
      connection.cut();
    } else if (type === OpCode.getData) connection.send(replyFrame(xid, dataBytes('x', 5n)));
    else if (type === OpCode.sync) {
      connections++;
      connection.cut();
    } else answerOther(request);
  });
  const zk = await connected(context, server);
  const once: WatchEvent[] = [];
  await zk.getData('/a', { watch: (event) => once.push(event) });
  const events: string[] = [];
  await zk.watch('/a', { mode: 'recursive', onEvent: ({ type, path }) => events.push(`${type} ${path}`) });
  await assert.rejects(zk.sync('/'), { name: 'ConnectionLossError' });
  await until('the watch has ended', () => events.at(-1) === 'PersistentWatchRemoved /a');
  await stateOf(zk, 'connected');
  await zk.getData('/b');
  await until('the other is set again', () => set.at(-1) === OpCode.setWatches);
  assert.deepEqual([connections, once], [1, []]);
});

test('closing a persistent watch does not take one that is being set at the same path', async (context) => {
  let heldBack: FakeRequest | null = null;
  const removed: number[] = [];
  const server = await started(context, (request) => {
    const { xid, type, body, connection } = request;
    if (type === OpCode.getData) heldBack = request;
    else if (type === OpCode.removeWatches) {
      body.readString();
      removed.push(body.readInt());
      // As servers before 3.9, which know only what takes the other watches as well.
      connection.send(replyFrame(xid, undefined, ErrorCode.MARSHALLINGERROR));
    } else answerOther(request);
  });
  const zk = await connected(context, server);
  const watch = await zk.watch('/a');
  const closed = watch.close();
  const read = zk.getData('/a', { watch() {} });
  await closed;
  await until('the read is there', () => heldBack !== null);
  (heldBack as FakeRequest | null)?.connection.send(replyFrame(2 + 1, dataBytes('x', 5n)));
  await read;
  assert.deepEqual(removed, [4], 'only the persistent one was named');
});

test('a watch that was taken back is not called, nor one whose read is answered afterwards', async (context) => {
  let asked: FakeRequest | null = null;
  const server = await started(context, (request) => {
    const { xid, type, connection } = request;
    if (type === OpCode.sync) asked = request;
    else if (type === OpCode.getData) connection.send(replyFrame(xid, dataBytes('x', 5n)));
    else answerOther(request);
  });
  const zk = await connected(context, server);
  const [controller, heard]: [AbortController, string[]] = [new AbortController(), []];
  const watchSignal = controller.signal;
  await zk.getData('/a', { watch: () => heard.push('read before'), watchSignal });
  await zk.getData('/a', { watch: () => heard.push('another') });
  const late = zk.getData('/a', { watch: () => heard.push('read behind'), watchSignal });
  controller.abort();
  await late;
  const synced = zk.sync('/');
  await until('the request is there', () => asked !== null);
  const { xid, connection } = asked as unknown as FakeRequest;
  connection.send(eventFrame(NODE_DELETED, '/a'), replyFrame(xid, Uint8Array.of(0, 0, 0, 1, 0x2f)));
  await synced;
  assert.deepEqual(heard, ['another']);
});
