import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { EnsembleProcesses, TICK_MS } from '../support/ensemble-processes.ts';
import { WireClient } from '../support/wire-client.ts';
import { ok } from '../support/wire-connection.ts';
import { Flag, text } from '../support/wire-records.ts';

const LONG_MS = 20 * TICK_MS;

let ensemble: EnsembleProcesses;
let open: WireClient[] = [];

async function connect(sid: number, timeoutMs = LONG_MS): Promise<WireClient> {
  const client = await WireClient.connect({ port: ensemble.port(sid), timeoutMs });
  open.push(client);
  return client;
}

/** The session of `old` as this server gives it back: one that it does not know has the timeout 0. */
async function takeUp(old: WireClient, sid: number): Promise<WireClient> {
  const { sessionId, password } = old.session;
  const client = await WireClient.connect({
    ...{ port: ensemble.port(sid), sessionId, password, timeoutMs: LONG_MS },
  });
  open.push(client);
  return client;
}

async function metric(sid: number, name: string): Promise<number> {
  const answer = await ensemble.word(sid, 'mntr');
  return Number(new RegExp(`^${name}\t(\\d+)$`, 'm').exec(answer)?.[1] ?? Number.NaN);
}

async function zxidOf(sid: number): Promise<bigint> {
  return BigInt(/^Zxid: (0x[0-9a-f]+)$/m.exec(await ensemble.word(sid, 'srvr'))?.[1] ?? -1);
}

function startBefore(options: Parameters<typeof EnsembleProcesses.start>[0]): void {
  before(async () => {
    ensemble = await EnsembleProcesses.start(options);
  });
  after(async () => {
    await Promise.all(open.map((client) => client.disconnect()));
    open = [];
    await ensemble.dispose();
  });
}

describe('local sessions that may be upgraded', { timeout: 240_000 }, () => {
  startBefore({
    voters: 3,
    observers: 1,
    config: ['localSessionsEnabled=true', 'localSessionsUpgradingEnabled=true'],
  });

  test('are opened, used and closed without a txn of their own, at leader, follower and observer', async () => {
    for (const sid of ensemble.sids) {
      const client = await connect(sid);
      // The first txn of an epoch; a follower may have to hear of it yet.
      ok(await client.create(`/first-by-${sid}`));
      const before = await zxidOf(sid);
      await (await connect(sid)).leave();
      ok(await client.ping());
      assert.equal(await zxidOf(sid), before);
      assert.equal(await metric(sid, 'zk_local_sessions'), 1);
      assert.equal(await metric(sid, 'zk_global_sessions'), 0);
      ok(await client.create(`/by-${sid}`, text('a')));
      const [set, got, closed] = client.batch(() => [
        client.setData(`/by-${sid}`, text('b')),
        client.getData(`/by-${sid}`),
        client.closeSession(),
      ]);
      ok(await set);
      assert.equal(Buffer.from(ok(await got).data ?? []).toString(), 'b');
      ok(await closed);
      await client.waitForClose();
      assert.equal(await zxidOf(sid), before + 2n);
      assert.equal(await metric(sid, 'zk_local_sessions'), 0);
    }
  });

  test('can be taken up again where they were opened, and nowhere else', async () => {
    for (const sid of ensemble.sids) {
      const first = await connect(sid);
      const again = await takeUp(first, sid);
      assert.equal(again.session.sessionId, first.session.sessionId);
      await first.waitForClose();
      for (const other of ensemble.sids) {
        if (other === sid) continue;
        assert.equal((await takeUp(again, other)).session.timeoutMs, 0, `of server ${sid} at ${other}`);
      }
      ok(await again.ping());
      await again.leave();
      assert.equal((await takeUp(again, sid)).session.timeoutMs, 0, 'it has been closed');
    }
  });

  test('become the whole ensemble’s with their first ephemeral, and are taken up anywhere then', async () => {
    for (const sid of ensemble.sids) {
      const client = await connect(sid);
      const path = `/ephemeral-${sid}`;
      // All at once: what is sent behind the create must not overtake the upgrade.
      const replies = client.batch(() => [
        client.create(`/persistent-${sid}`),
        client.create(path, null, Flag.ephemeral),
        client.setData(path, text('x')),
        client.delete(`/persistent-${sid}`),
      ]);
      for (const reply of replies) ok<unknown>(await reply);
      assert.equal(ok(await client.exists(path)).ephemeralOwner, client.session.sessionId);
      assert.equal(await metric(sid, 'zk_local_sessions'), 0);
      assert.equal(await metric(sid, 'zk_global_sessions'), 1);
      const other = ensemble.sids.find((one) => one !== sid) ?? 0;
      const moved = await takeUp(client, other);
      assert.equal(moved.session.sessionId, client.session.sessionId);
      ok(await moved.create(`${path}-too`, null, Flag.ephemeral));
      ok(await moved.closeSession());
      const reader = await connect(sid);
      ok(await reader.sync('/'));
      assert.equal((await reader.exists(path)).err, ErrorCode.NONODE);
      assert.equal((await reader.exists(`${path}-too`)).err, ErrorCode.NONODE);
      await reader.leave();
    }
  });

  test('become so within a multi, and not by what creates no ephemeral', async () => {
    const sid = await ensemble.aFollower();
    const client = await connect(sid);
    ok(
      await client.multi([
        { type: 'create', path: '/multi' },
        { type: 'setData', path: '/multi', data: text('1') },
      ]),
    );
    assert.equal(await metric(sid, 'zk_local_sessions'), 1);
    const results = ok(
      await client.multi([
        { type: 'check', path: '/multi' },
        { type: 'create', path: '/multi/e', flags: Flag.ephemeralSequential },
      ]),
    );
    assert.deepEqual(
      results.map(({ err }) => err),
      [0, 0].slice(0, results.length),
    );
    assert.equal(await metric(sid, 'zk_local_sessions'), 0);
    assert.equal(ok(await client.getChildren('/multi')).length, 1);
    await client.leave();
  });

  test('end by themselves when nothing is heard of them, at each server', async () => {
    const clients = await Promise.all(ensemble.sids.map((sid) => connect(sid, 2 * TICK_MS)));
    const kept = await connect(1, 2 * TICK_MS);
    const pings = setInterval(() => void kept.ping(), TICK_MS / 2);
    await Promise.all(clients.map((client) => client.waitForClose()));
    for (const [i, client] of clients.entries()) {
      assert.equal((await takeUp(client, ensemble.sids[i])).session.timeoutMs, 0);
    }
    clearInterval(pings);
    ok(await kept.create('/kept'));
    await kept.leave();
  });

  test('are shown apart by dump', async () => {
    const leader = await ensemble.settled();
    const follower = await ensemble.aFollower();
    for (const sid of [leader, follower]) {
      const client = await connect(sid);
      const id = `0x${client.session.sessionId.toString(16)}`;
      const dump = await ensemble.word(sid, 'dump');
      const [local, global] = dump.split('\nGlobal Session');
      assert.match(local, /^SessionTracker dump:\nLocal Session Sets \(\d+\)\/\(1\):\n/);
      assert.ok(local.includes(id), dump);
      assert.match(global, sid === leader ? /^ Sets \(0\)\/\(0\):\n/ : /^s\(0\):\n/);
      await client.leave();
    }
  });

  test('stay with a surviving follower when the leader is killed, connection and all', async () => {
    const leader = await ensemble.settled();
    const survivors = ensemble.sids.filter((sid) => sid !== leader);
    const clients = await Promise.all(survivors.map((sid) => connect(sid)));
    const [upgraded] = clients;
    await ensemble.kill9(leader);
    // Asked while there is no leader: done when there is one.
    ok(await upgraded.create('/upgraded-meanwhile', null, Flag.ephemeral));
    await ensemble.until('others serve', async () =>
      [...(await ensemble.modes(survivors)).values()].every((mode) => mode !== null) ? true : null,
    );
    for (const [i, client] of clients.entries()) {
      ok(await client.create(`/after-${i}`, null, i === 0 ? Flag.ephemeral : 0));
      assert.ok(!client.isClosed);
    }
    await Promise.all(clients.map((client) => client.leave()));
    await ensemble.restart(leader);
    assert.equal((await takeUp(clients[1], survivors[1])).session.timeoutMs, 0, 'it has been closed');
  });
});

describe('local sessions that may not be upgraded', { timeout: 120_000 }, () => {
  startBefore({ voters: 2, config: ['localSessionsEnabled=true'] });

  test('own no ephemerals, be it in a multi; everything else is done', async () => {
    for (const sid of ensemble.sids) {
      const client = await connect(sid);
      const refused = ErrorCode.EPHEMERALONLOCALSESSION;
      ok(await client.create(`/p-${sid}`));
      assert.equal((await client.create(`/p-${sid}/e`, null, Flag.ephemeral)).err, refused);
      assert.equal((await client.create2(`/p-${sid}/e`, null, Flag.ephemeralSequential)).err, refused);
      const results = ok(
        await client.multi([
          { type: 'setData', path: `/p-${sid}`, data: text('lost') },
          { type: 'create', path: `/p-${sid}/e`, flags: Flag.ephemeral },
          { type: 'delete', path: `/p-${sid}` },
        ]),
      );
      assert.deepEqual(
        results.map(({ err }) => err),
        [0, refused, ErrorCode.RUNTIMEINCONSISTENCY],
      );
      assert.equal(ok(await client.getData(`/p-${sid}`)).data?.length, 0);
      assert.deepEqual(ok(await client.getChildren(`/p-${sid}`)), []);
      assert.equal(await metric(sid, 'zk_local_sessions'), 1);
      await client.leave();
    }
  });
});
