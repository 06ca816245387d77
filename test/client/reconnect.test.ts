import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  AbortError,
  ClosedError,
  type ConnectionLossError,
  OverloadedError,
  SessionExpiredError,
  TimeoutError,
  type ZooKeeper,
} from '../../src/client/index.ts';
import { bytes, expire, onBothServers, stateOf, text, until } from '../support/client-servers.ts';

/** What became of a call: `ok`, or the error's name and outcome. */
async function fate(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'ok';
  } catch (error) {
    const { name, outcome } = error as ConnectionLossError;
    return `${name} ${outcome}`;
  }
}

onBothServers(
  'client: lost connections',
  { config: ['tickTime=200', 'minSessionTimeout=400', 'maxSessionTimeout=60000'] },
  (subject) => {
    test('the session outlives a cut; calls are told whether they were sent', async () => {
      const proxy = await subject.proxy();
      const zk = await subject.connect({ address: proxy.address, requestsInFlightMax: 2 });
      const [path, id] = [await zk.create(subject.freshPath(), bytes('0')), zk.sessionId];
      const states: string[] = [];
      zk.on('state', (state) => states.push(state));
      proxy.swallowReplies();
      const calls = Array.from({ length: 4 }, (_, i) => fate(zk.setData(path, bytes(String(i + 1)))));
      await until('the sent writes are done', async () => {
        const other = await subject.connect();
        return (await other.exists(path))?.version === 2;
      });
      proxy.pass();
      proxy.cut();
      assert.deepEqual(await Promise.all(calls), [
        'ConnectionLossError unknown',
        'ConnectionLossError unknown',
        'ConnectionLossError not-sent',
        'ConnectionLossError not-sent',
      ]);
      // What was told not to be sent was not; what is asked now waits for the next connection.
      const { data, stat } = await zk.getData(path);
      assert.deepEqual([text(data), stat.version], ['2', 2]);
      assert.equal(zk.sessionId, id);
      assert.deepEqual(states, ['suspended', 'connected']);
    });

    test('ephemerals stay over a cut', async () => {
      const proxy = await subject.proxy();
      const zk = await subject.connect({ address: proxy.address });
      const path = await zk.create(subject.freshPath(), null, { mode: 'ephemeral' });
      for (let i = 0; i < 10; i++) {
        proxy.cut();
        await stateOf(zk, 'suspended');
        await zk.connected();
      }
      assert.equal((await zk.exists(path))?.ephemeralOwner, zk.sessionId);
    });

    test('a call made while nothing is connected waits, up to its limit', async () => {
      const proxy = await subject.proxy();
      const zk = await subject.connect({ address: proxy.address });
      proxy.refuse();
      await stateOf(zk, 'suspended');
      const startedAt = performance.now();
      await assert.rejects(zk.exists('/', { timeoutMs: 150 }), (error: unknown) => {
        assert.ok(error instanceof TimeoutError);
        assert.equal(error.outcome, 'not-sent');
        return true;
      });
      assert.ok(performance.now() - startedAt < 2_000);
      const patient = zk.exists('/');
      proxy.pass();
      assert.ok(await patient);
    });

    test('time limits and AbortSignals of calls under way', async () => {
      const proxy = await subject.proxy();
      const zk = await subject.connect({ address: proxy.address, sessionTimeoutMs: 4000 });
      const path = await zk.create(subject.freshPath());
      proxy.stall();
      const controller = new AbortController();
      const aborted = zk.setData(path, bytes('x'), -1, { signal: controller.signal });
      await assert.rejects(zk.getData(path, { timeoutMs: 50 }), (error: unknown) => {
        assert.ok(error instanceof TimeoutError);
        assert.deepEqual([error.outcome, error.operation, error.path], ['unknown', 'getData', path]);
        return true;
      });
      controller.abort(new Error('no longer wanted'));
      await assert.rejects(aborted, (error: unknown) => {
        assert.ok(error instanceof AbortError && error.cause instanceof Error);
        assert.deepEqual([error.outcome, error.cause.message], ['unknown', 'no longer wanted']);
        return true;
      });
      await assert.rejects(zk.exists('/', { signal: AbortSignal.abort() }), {
        name: 'AbortError',
        outcome: 'not-sent',
      });
      proxy.pass();
      // The late replies belong to the calls that gave up, not to these.
      assert.equal((await zk.getData(path)).stat.version, 1);
      assert.deepEqual(await zk.getChildren(path), []);
    });

    test('too many waiting calls are refused', async () => {
      const proxy = await subject.proxy();
      const zk = await subject.connect({ address: proxy.address, requestsWaitingMax: 3 });
      proxy.refuse();
      await stateOf(zk, 'suspended');
      const calls = Array.from({ length: 5 }, () => zk.exists('/'));
      const refused = await Promise.allSettled(calls.slice(3));
      for (const result of refused)
        assert.ok(result.status === 'rejected' && result.reason instanceof OverloadedError);
      proxy.pass();
      for (const stat of await Promise.all(calls.slice(0, 3))) assert.ok(stat);
    });

    test('a server that falls silent is left in time, and the session lives', async () => {
      const proxy = await subject.proxy();
      const zk = await subject.connect({ address: proxy.address, sessionTimeoutMs: 3000 });
      const path = await zk.create(subject.freshPath(), null, { mode: 'ephemeral' });
      proxy.stall();
      const startedAt = performance.now();
      await stateOf(zk, 'suspended');
      const silentMs = performance.now() - startedAt;
      assert.ok(silentMs < 2_700, `left after ${silentMs} ms of 3000`);
      proxy.cut();
      proxy.pass();
      await zk.connected();
      assert.ok(await zk.exists(path));
    });

    test('pings keep an idle session', async () => {
      const zk = await subject.connect({ sessionTimeoutMs: 600 });
      const path = await zk.create(subject.freshPath(), null, { mode: 'ephemeral' });
      const states: string[] = [];
      zk.on('state', (state) => states.push(state));
      const lease = zk.leaseEndsAtMs;
      await until('three time-outs have passed', () => performance.now() > lease + 1_800);
      assert.ok(zk.leaseEndsAtMs > lease + 1_200);
      assert.deepEqual(states, []);
      assert.ok(await zk.exists(path));
    });

    test('an expired session is final', async () => {
      const proxy = await subject.proxy();
      const zk = await subject.connect({ address: proxy.address });
      await zk.create(subject.freshPath(), null, { mode: 'ephemeral' });
      const expired = stateOf(zk, 'expired');
      await expire(zk, subject.address);
      await expired;
      await assert.rejects(
        zk.exists('/'),
        (error: unknown) => error instanceof SessionExpiredError && error.outcome === 'not-sent',
      );
      await assert.rejects(zk.connected(), /the session is expired/);
      await zk.close();
    });

    test('a session that was away for too long has expired, and waiting calls are told', async () => {
      const proxy = await subject.proxy();
      const zk = await subject.connect({ address: proxy.address, sessionTimeoutMs: 500 });
      const path = await zk.create(subject.freshPath(), null, { mode: 'ephemeral' });
      proxy.refuse();
      await stateOf(zk, 'suspended');
      const waiting = fate(zk.exists(path));
      const lease = zk.leaseEndsAtMs;
      const other = await subject.connect();
      await until('the ephemeral has gone', async () => {
        await other.sync();
        return (await other.exists(path)) === null;
      });
      assert.ok(performance.now() >= lease, 'the servers waited at least as long as the lease says');
      proxy.pass();
      assert.equal(await waiting, 'SessionExpiredError not-sent');
      assert.equal(zk.state, 'expired');
    });

    test('close: what was asked before is answered, what is asked later is refused', async () => {
      const zk = await subject.connect();
      const path = subject.freshPath();
      const before = Promise.all(
        Array.from({ length: 50 }, (_, i) => (i === 0 ? zk.create(path) : zk.setData(path, null))),
      );
      const closed = zk.close();
      const after = fate(zk.exists(path));
      assert.equal((await before).length, 50);
      await closed;
      assert.equal(await after, 'ClosedError not-sent');
      await assert.rejects(zk.getData(path), ClosedError);
      assert.equal(zk.state, 'closed');
      await zk.close();
    });

    test('close while nothing is connected, and while connecting', async () => {
      const proxy = await subject.proxy();
      const zk = await subject.connect({ address: proxy.address });
      proxy.refuse();
      await stateOf(zk, 'suspended');
      const waiting = fate(zk.exists('/'));
      await zk.close();
      assert.equal(await waiting, 'ClosedError not-sent');
    });

    test('a session can be taken up by another client', async () => {
      const proxy = await subject.proxy();
      const one = await subject.connect({ address: proxy.address });
      const path = await one.create(subject.freshPath(), null, { mode: 'ephemeral' });
      const session = { id: one.sessionId, password: one.sessionPassword };
      proxy.refuse();
      const two: ZooKeeper = await subject.connect({ session });
      assert.equal(two.sessionId, session.id);
      assert.equal((await two.exists(path))?.ephemeralOwner, two.sessionId);
      await assert.rejects(
        subject.connect({ session: { id: session.id, password: new Uint8Array(16) } }),
        /expired/,
      );
    });

    test('the server is killed and started again', async () => {
      const zk = await subject.connect({ sessionTimeoutMs: 60_000 });
      const path = await zk.create(subject.freshPath(), bytes('kept'));
      const own = await zk.create(subject.freshPath(), null, { mode: 'ephemeral' });
      await subject.server.kill9();
      await stateOf(zk, 'suspended');
      const read = zk.getData(path);
      await subject.server.start();
      assert.equal(text((await read).data), 'kept');
      assert.ok(await zk.exists(own));
    });
  },
);
