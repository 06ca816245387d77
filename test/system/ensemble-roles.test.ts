import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertSameTrees, EnsembleProcesses } from '../support/ensemble-processes.ts';
import { WireClient } from '../support/wire-client.ts';
import { ok } from '../support/wire-connection.ts';
import { asText, Flag, text } from '../support/wire-records.ts';

const KIB_256 = 256 * 1024;

test('an observer, and a leader that serves nobody', async (t) => {
  const config = ['leaderServes=no'];
  const ensemble = await EnsembleProcesses.start({ voters: 3, observers: 1, config });
  const observer = 4;
  const connect = (sid: number): Promise<WireClient> => WireClient.connect({ port: ensemble.port(sid) });
  try {
    const leader = await ensemble.settled();

    await t.test(
      'the observer says that it is one, serves reads, writes, watches and ephemerals',
      async () => {
        assert.equal(await ensemble.mode(observer), 'observer');
        const [client, other] = [await connect(observer), await connect(await ensemble.aFollower())];
        ok(await client.create('/observed', text('by 4'), Flag.ephemeral));
        ok(await other.sync('/'));
        assert.equal(asText(ok(await other.getData('/observed')).data), 'by 4');
        assert.notEqual((await client.exists('/other', true)).err, 0);
        ok(await other.create('/other'));
        assert.equal((await client.waitForNotifications(1))[0].path, '/other');
        ok(await client.closeSession());
        ok(await other.sync('/'));
        assert.notEqual((await other.exists('/observed')).err, 0);
        await other.leave();
      },
    );

    await t.test('the leader takes no clients, and says that it leads', async () => {
      assert.equal(await ensemble.mode(leader), 'leader');
      await assert.rejects(connect(leader));
    });

    await t.test('a member says that it serves clients when it does, and not before', async () => {
      for (const sid of ensemble.sids) {
        const { output, port } = ensemble.server(sid);
        const at = output.indexOf(`serves clients on port ${port}`);
        if (sid === leader) assert.equal(at, -1, output);
        else assert.ok(at > output.search(/(following|observing) server/), output);
      }
    });

    await t.test('an observer counts for no quorum', async () => {
      const followers = await ensemble.followers();
      await ensemble.kill9(...followers);
      await ensemble.until('nobody serves', async () => {
        const modes = [await ensemble.mode(leader), await ensemble.mode(observer)];
        return modes.every((mode) => mode === null) ? true : null;
      });
      await ensemble.restart(...followers);
      await ensemble.settled();
    });

    await t.test('each role ends cleanly when it is asked to', async () => {
      const last = await ensemble.settled();
      const follower = await ensemble.aFollower();
      const client = await connect(observer);
      // Each ends by itself after two seconds at the latest, and not with 0 then.
      for (const sid of [observer, follower, last]) {
        assert.deepEqual(await ensemble.server(sid).stop(), { code: 0, signal: null }, ensemble.outputs());
      }
      await client.waitForClose();
      // Without a quorum, in the middle of an election.
      const [left] = ensemble.sids.filter((sid) => ensemble.server(sid).isRunning);
      assert.deepEqual(await ensemble.server(left).stop(), { code: 0, signal: null }, ensemble.outputs());
    });
  } finally {
    await ensemble.dispose();
  }
});

test('a follower behind further than the cache of txns gets a snapshot', async () => {
  const config = ['menagerie.committedLogMb=1', 'menagerie.logRingKb=8192'];
  const ensemble = await EnsembleProcesses.start({ voters: 3, config });
  try {
    const leader = await ensemble.settled();
    const follower = await ensemble.aFollower();
    const client = await WireClient.connect({ port: ensemble.port(leader) });
    ok(await client.create('/big'));
    await ensemble.kill9(follower);
    for (let i = 0; i < 60; i++) ok(await client.setData('/big', new Uint8Array(KIB_256).fill(i)));
    await ensemble.restart(follower);
    await assertSameTrees(ensemble);
    const { output } = ensemble.server(leader);
    assert.match(output, new RegExp(`follower ${follower} gets a snapshot`));
    await client.leave();
  } finally {
    await ensemble.dispose();
  }
});
