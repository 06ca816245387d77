import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { test } from 'node:test';
import { ConnectError, ConnectionLossError, ZooKeeper } from '../../src/client/index.ts';
import { stateOf, until } from '../support/client-servers.ts';
import { freePort } from '../support/server-process.ts';

async function serve(
  onSocket: (socket: Socket) => void,
  server: Server = createServer(),
): Promise<{ address: string; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    onSocket(socket);
  });
  server.listen({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function failsToConnect(address: string, reason: RegExp, connectTimeoutMs = 700): Promise<void> {
  const startedAt = performance.now();
  await assert.rejects(
    ZooKeeper.connect(address, { connectTimeoutMs, sessionTimeoutMs: 600 }),
    (error: unknown) => {
      assert.ok(error instanceof ConnectError);
      assert.match(error.message, reason);
      assert.match(error.failures.join('\n'), reason);
      return true;
    },
  );
  assert.ok(performance.now() - startedAt < connectTimeoutMs + 2_000);
}

test('nobody listens', async () => {
  const port = await freePort();
  await failsToConnect(`127.0.0.1:${port}`, /ECONNREFUSED/);
});

test('a name that does not exist', async () => {
  await failsToConnect('no-such-host.invalid:2181', /no-such-host\.invalid/, 3_000);
});

test('an HTTP server', async () => {
  const http = await serve(() => {}, createHttpServer());
  await failsToConnect(
    http.address,
    /answers with HTTP \('HTTP\/1\.1 400 Bad Request'\): this is no ZooKeeper server/,
  );
  await http.close();
});

test('a port that wants TLS', async () => {
  // What OpenSSL answers to bytes that are no ClientHello.
  const tls = await serve((socket) =>
    socket.once('data', () => socket.end(Buffer.from([0x15, 3, 1, 0, 2, 2, 70]))),
  );
  await failsToConnect(tls.address, /the port wants TLS/);
  await tls.close();
});

test('a server that accepts and says nothing', async () => {
  const silent = await serve(() => {});
  await failsToConnect(silent.address, /did not answer the ConnectRequest within 600 ms/, 1_500);
  await silent.close();
});

test('a server that closes', async () => {
  const closing = await serve((socket) => socket.once('data', () => socket.end()));
  await failsToConnect(closing.address, /the server closed the connection/);
  await closing.close();
});

test('a ConnectResponse that is none, and one that is too long', async () => {
  for (const [hex, reason] of [
    ['00000004ffffffff', /a frame that is too short/],
    [`00000026${'ff'.repeat(38)}`, /answers the ConnectRequest with/],
    [`0000001000000000${'00'.repeat(8)}ffffff89`, /it is read-only/],
    ['7fffffff', /a frame of 2147483647 bytes/],
  ] as const) {
    const odd = await serve((socket) => socket.once('data', () => socket.write(Buffer.from(hex, 'hex'))));
    await failsToConnect(odd.address, reason);
    await odd.close();
  }
});

const accepted = `00000025${'00000000'}${'00000bb8'}${'0100000000000001'}${'00000010'}${'11'.repeat(16)}00`;

/** A server that opens sessions and answers every further frame with what `answer` gives. */
async function fakeServer(answer: (frame: Buffer) => string | null) {
  return await serve((socket) => {
    let isOpen = false;
    socket.on('data', (chunk) => {
      if (!isOpen) {
        isOpen = true;
        socket.write(Buffer.from(accepted, 'hex'));
        return;
      }
      const hex = answer(chunk);
      if (hex !== null) socket.write(Buffer.from(hex, 'hex'));
    });
  });
}

const frame = (body: string) => `${(body.length / 2).toString(16).padStart(8, '0')}${body}`;
const header = (xid: string, err = '00000000') => `${xid}${'0000000000000001'}${err}`;

test('replies that are out of order, cut or garbage break the connection and tell the call', async () => {
  const cases: [string, string, RegExp][] = [
    ['the reply to another request', frame(header('00000007')), /answers request 7 where 1 is due/],
    ['a reply that is cut', frame(`${header('00000001')}0000`), /answers exists with what cannot be read/],
    ['a header that is cut', frame('00000001'), /a reply of 4 bytes/],
    ['an event of no known type', frame(`${header('ffffffff')}0000004d0000000300000001`), /./],
    ['an answer to no authentication', frame(header('fffffffc')), /authentication that was not asked/],
    ['a frame that is too long', '7fffffff', /a frame of 2147483647 bytes/],
  ];
  for (const [what, reply, reason] of cases) {
    const server = await fakeServer((sent) => (sent.readInt32BE(4) > 0 ? reply : null));
    const zk = await ZooKeeper.connect(server.address);
    const reasons: string[] = [];
    zk.on('attemptFailed', (_, error) => reasons.push(error.message));
    await assert.rejects(zk.exists('/'), (error: unknown) => {
      assert.ok(error instanceof Error);
      assert.match(String((error.cause as Error | undefined)?.message ?? error.message), reason, what);
      assert.equal((error as ConnectionLossError).outcome, 'unknown', what);
      return true;
    });
    await until(`the connection is given up: ${what}`, () => reasons.length > 0);
    assert.match(reasons[0], reason);
    await zk.close();
    await server.close();
  }
});

test('a getData whose value claims to be longer than its frame', async () => {
  const server = await fakeServer((sent) =>
    sent.readInt32BE(4) > 0 ? frame(`${header('00000001')}00ffffff61`) : null,
  );
  const zk = await ZooKeeper.connect(server.address);
  await assert.rejects(zk.getData('/'), /the reply cannot be read/);
  await zk.close();
  await server.close();
});

test('an ordinary reply after the wrong one is not taken for it', async () => {
  // The server answers the first request never and the second at once: nothing may be resolved by it.
  let asked = 0;
  const server = await fakeServer(() => (++asked === 1 ? null : frame(header('00000002'))));
  const zk = await ZooKeeper.connect(server.address);
  const first = zk.sync('/');
  await until('it is sent', () => asked === 1);
  const second = zk.sync('/');
  for (const call of [first, second]) {
    await assert.rejects(
      call,
      (error: unknown) => error instanceof ConnectionLossError && error.outcome === 'unknown',
    );
  }
  await zk.close();
  await server.close();
});

test('servers that cannot be used are left for one that can, and a server that always drops us is not hammered', async () => {
  let tries = 0;
  const dropping = await serve((socket) => {
    tries++;
    socket.once('data', () => {
      socket.write(Buffer.from(accepted, 'hex'));
      socket.end();
    });
  });
  const zk = new ZooKeeper(dropping.address);
  await stateOf(zk, 'suspended');
  const startedAt = performance.now();
  await until('some attempts were made', () => tries >= 4);
  assert.ok(performance.now() - startedAt >= 120, 'attempts are spaced');
  await zk.close();
  await dropping.close();
});

test('close in each phase leaves nothing behind', async () => {
  const silent = await serve(() => {});
  const port = await freePort();
  for (const address of [silent.address, `127.0.0.1:${port}`, 'no-such-host.invalid:1']) {
    const zk = new ZooKeeper(address);
    const call = zk.exists('/');
    await Promise.all([assert.rejects(call, { name: 'ClosedError', outcome: 'not-sent' }), zk.close()]);
    assert.equal(zk.state, 'closed');
  }
  await silent.close();
});
