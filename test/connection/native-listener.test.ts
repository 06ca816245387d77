import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, it, mock } from 'node:test';
import { NativeListener } from '../../src/connection/native-listener.ts';
import { settle, until } from './until.ts';

afterEach(() => mock.restoreAll());

/** Hides the listening handle's method, or the handle altogether. */
function hide(handle: object | null): void {
  const get = Reflect.get;
  mock.method(Reflect, 'get', (target: object, key: PropertyKey) =>
    key === '_handle' ? handle : get(target, key),
  );
}

/** Collects what the sockets of a listener receive. */
async function listen() {
  const received: string[] = [];
  const from: string[] = [];
  let sockets = 0;
  let ended = 0;
  const listener = new NativeListener<{ index: number; socket: Socket }>({
    accepted: (socket, address, port) => {
      from.push(`${address}:${port}`);
      return { index: sockets++, socket };
    },
    received: ({ index, socket }, length, buffer) => {
      received[index] = (received[index] ?? '') + Buffer.from(buffer.subarray(0, length)).toString('latin1');
      if (received[index].endsWith('?')) socket.write('yes');
      if (received[index].endsWith('stop')) socket.pause();
      if (received[index].endsWith('bye')) socket.destroy();
    },
    closed: () => ended++,
  });
  await listener.listen({ port: 0, host: '127.0.0.1' });
  return { listener, received, from, ended: () => ended };
}

describe('NativeListener', { timeout: 30_000 }, () => {
  for (const [way, hidden] of [
    ['the shared buffer', undefined],
    ['data events, without onconnection', { fd: 5 }],
    ['data events, without a handle', null],
  ] as const) {
    it(`accepts, reads, writes, pauses and ends sockets by ${way}`, async () => {
      if (hidden !== undefined) hide(hidden);
      const { listener, received, from, ended } = await listen();
      assert.equal(listener.usesOnRead, hidden === undefined);
      assert.equal(listener.descriptor, hidden === undefined ? listener.descriptor : (hidden?.fd ?? -1));
      mock.restoreAll();
      const clients = [0, 1, 2].map(() => connect({ port: listener.port, host: '127.0.0.1' }));
      for (const [i, client] of clients.entries()) {
        await until(() => !client.connecting, 'connected');
        client.write(`client ${i}`);
        await until(() => received.length === i + 1, 'the socket');
        assert.equal(from[i], `127.0.0.1:${client.localPort}`);
      }
      clients[0].write(' are you there?');
      const [answer] = await once(clients[0], 'data');
      assert.equal(`${answer}`, 'yes');
      clients[1].write(' stop');
      await until(() => received[1].endsWith('stop'), 'stop');
      clients[1].write(' more');
      await settle();
      assert.ok(received[1].endsWith('stop'), 'nothing is read while paused');
      clients[1].destroy();
      clients[2].write('x'.repeat(300_000));
      await until(() => received[2].length === 8 + 300_000, 'all of it');
      clients[2].end('bye');
      await until(() => ended() >= 1, 'the end');
      clients[0].end();
      await until(() => ended() >= 2, 'the end of file');
      listener.close();
    });
  }

  it('gives sockets nothing of their own to listen with: there may be very many', async () => {
    const accepted: Socket[] = [];
    const received: number[] = [];
    const listener = new NativeListener<number>({
      accepted: (socket) => accepted.push(socket) - 1,
      received: (client) => received.push(client),
      closed: () => {},
    });
    await listener.listen({ port: 0, host: '127.0.0.1' });
    const clients: Socket[] = [];
    // Each has sent something before the next one comes: from the first one is learnt how Node calls back.
    for (let i = 0; i < 3; i++) {
      clients.push(connect({ port: listener.port, host: '127.0.0.1' }));
      clients[i].write('x');
      await until(() => received.length === i + 1, 'a byte');
    }
    assert.deepEqual(received, [0, 1, 2]);
    for (const event of ['error', 'close']) {
      const [first, ...others] = accepted.map((socket) => socket.listeners(event));
      for (const listeners of others) assert.deepEqual(listeners, first, event);
    }
    const callbacks = accepted.map((socket) => {
      const key = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'kBufferCb');
      return key === undefined ? null : Reflect.get(socket, key);
    });
    assert.equal(callbacks[1], callbacks[2]);
    for (const client of clients) client.destroy();
    listener.close();
  });

  it('rejects where the port is taken', async () => {
    const other = createServer().listen({ port: 0, host: '127.0.0.1' });
    await once(other, 'listening');
    const address = other.address();
    assert.ok(address !== null && typeof address === 'object');
    const listener = new NativeListener({ accepted: () => null, received: () => {}, closed: () => {} });
    await assert.rejects(listener.listen({ port: address.port, host: '127.0.0.1' }), { code: 'EADDRINUSE' });
    other.close();
  });
});
