import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { assertSameTrees, EnsembleProcesses, TICK_MS } from '../support/ensemble-processes.ts';
import { WireClient } from '../support/wire-client.ts';
import { ok } from '../support/wire-connection.ts';
import { asText, Flag, text } from '../support/wire-records.ts';

/** All of these share one ensemble: its servers all run, and serve, between two tests. */
let ensemble: EnsembleProcesses;
const open = new Set<WireClient>();

before(async () => {
  ensemble = await EnsembleProcesses.start({ voters: 3 });
});

after(async () => {
  await Promise.all([...open].map((client) => client.disconnect()));
  await ensemble.dispose();
});

async function connect(sid: number, timeoutMs = 20 * TICK_MS): Promise<WireClient> {
  const client = await WireClient.connect({ port: ensemble.port(sid), timeoutMs });
  open.add(client);
  return client;
}

/** The session of `old`, taken up at this server. */
async function takeUp(old: WireClient, sid: number): Promise<WireClient> {
  const { sessionId, password } = old.session;
  const client = await WireClient.connect({
    port: ensemble.port(sid),
    sessionId,
    password,
    timeoutMs: 20 * TICK_MS,
  });
  open.add(client);
  return client;
}

test('one server leads and two follow; status words say so', async () => {
  const leader = await ensemble.settled();
  for (const [sid, mode] of await ensemble.modes()) {
    assert.equal(mode, sid === leader ? 'leader' : 'follower');
    assert.match(await ensemble.word(sid, 'ruok'), /imok/);
  }
});

test('a write through each server is seen through each other after sync', async () => {
  const clients = await Promise.all(ensemble.sids.map((sid) => connect(sid)));
  for (const [i, writer] of clients.entries()) {
    ok(await writer.create(`/through-${i}`, text(`data ${i}`)));
    for (const reader of clients) {
      ok(await reader.sync('/'));
      assert.equal(asText(ok(await reader.getData(`/through-${i}`)).data), `data ${i}`);
    }
  }
  await Promise.all(clients.map((client) => client.leave()));
});

test('sequential names are given out once, through whichever server', async () => {
  const clients = await Promise.all(ensemble.sids.map((sid) => connect(sid)));
  ok(await clients[0].create('/sequence'));
  const replies = clients.flatMap((client) =>
    client.batch(() =>
      Array.from({ length: 30 }, () => client.create('/sequence/n-', null, Flag.sequential)),
    ),
  );
  const names = (await Promise.all(replies)).map((reply) => ok(reply));
  assert.equal(new Set(names).size, 90);
  assert.deepEqual(
    [...names].sort(),
    Array.from({ length: 90 }, (_, i) => `/sequence/n-${String(i).padStart(10, '0')}`),
  );
  await Promise.all(clients.map((client) => client.leave()));
});

test('a multi through a follower is done as a whole or not at all', async () => {
  const client = await connect(await ensemble.aFollower());
  const created = ok(
    await client.multi([
      { type: 'create', path: '/multi' },
      { type: 'create', path: '/multi/a' },
      { type: 'setData', path: '/multi', data: text('x') },
    ]),
  );
  assert.deepEqual(
    created.map(({ err }) => err),
    [0, 0, 0],
  );
  const refused = ok(
    await client.multi([
      { type: 'create', path: '/multi/b' },
      { type: 'check', path: '/missing' },
    ]),
  );
  assert.equal(refused[1].err, ErrorCode.NONODE);
  assert.deepEqual(ok(await client.getChildren('/multi')), ['a']);
  await client.leave();
});

test('ephemerals go with their session, whether it is closed or expires, at every server', async () => {
  const [closing, expiring] = [await connect(await ensemble.aFollower()), await connect(2, 2 * TICK_MS)];
  ok(await closing.create('/closing', null, Flag.ephemeral));
  ok(await expiring.create('/expiring', null, Flag.ephemeral));
  const watchers = await Promise.all(ensemble.sids.map((sid) => connect(sid)));
  for (const watcher of watchers) {
    ok(await watcher.sync('/'));
    assert.equal(ok(await watcher.exists('/closing', true)).ephemeralOwner, closing.session.sessionId);
    assert.equal(ok(await watcher.exists('/expiring', true)).ephemeralOwner, expiring.session.sessionId);
  }
  ok(await closing.closeSession());
  await expiring.disconnect();
  for (const watcher of watchers) {
    const paths = (await watcher.waitForNotifications(2)).map(({ path }) => path);
    assert.deepEqual(paths.sort(), ['/closing', '/expiring']);
  }
  await Promise.all(watchers.map((client) => client.leave()));
});

test('a session that is heard of at a follower only does not expire', async () => {
  const client = await connect(await ensemble.aFollower(), 2 * TICK_MS);
  ok(await client.create('/heard', null, Flag.ephemeral));
  const until = Date.now() + 6 * TICK_MS;
  await ensemble.until('three timeouts have passed', async () => {
    await client.ping();
    return Date.now() > until ? true : null;
  });
  assert.equal(ok(await client.exists('/heard')).ephemeralOwner, client.session.sessionId);
  await client.leave();
});

test('a watch at one server fires for a write through another, before its data is seen', async () => {
  const [watcher, writer] = [await connect(1), await connect(2)];
  ok(await writer.create('/watched', text('old')));
  ok(await watcher.sync('/'));
  ok(await watcher.getData('/watched', true));
  ok(await writer.setData('/watched', text('new')));
  ok(await watcher.sync('/'));
  assert.equal(asText(ok(await watcher.getData('/watched')).data), 'new');
  const kinds = watcher.log.map((event) => event.kind);
  assert.ok(kinds.indexOf('notification') < kinds.lastIndexOf('reply'), 'the event came first');
  assert.equal(watcher.notifications.length, 1);
  await Promise.all([watcher, writer].map((client) => client.leave()));
});

test('a session moves to another server with its ephemerals; the connection that is left over is closed', async () => {
  for (const [from, to] of [
    [1, 2],
    [2, 3],
    [3, 1],
  ]) {
    const old = await connect(from);
    ok(await old.create('/moving', null, Flag.ephemeral));
    const moved = await takeUp(old, to);
    assert.equal(moved.session.sessionId, old.session.sessionId);
    ok(await moved.setData('/moving', text(`at ${to}`)));
    // A write through the left-over is refused, or its connection is closed already; it is never done.
    const late = await old.setData('/moving', text('late')).then(
      ({ err }) => err,
      () => ErrorCode.CONNECTIONLOSS,
    );
    assert.ok(late === ErrorCode.SESSIONMOVED || late === ErrorCode.CONNECTIONLOSS, `error ${late}`);
    await old.waitForClose();
    ok(await moved.sync('/'));
    const { data, stat } = ok(await moved.getData('/moving'));
    assert.equal(asText(data), `at ${to}`);
    assert.equal(stat.ephemeralOwner, moved.session.sessionId);
    ok(await moved.closeSession());
  }
});

test('a session with a wrong password, or none that is known, is refused at every server', async () => {
  for (const sid of ensemble.sids) {
    const client = await connect(1);
    const { sessionId } = client.session;
    const port = ensemble.port(sid);
    const stranger = await WireClient.connect({ port, sessionId, password: new Uint8Array(16) });
    assert.equal(stranger.session.timeoutMs, 0);
    await stranger.disconnect();
    await client.leave();
  }
});

test('a follower that was killed comes back with what it has missed', async () => {
  const [follower, other] = await ensemble.followers();
  const writer = await connect(other);
  await ensemble.kill9(follower);
  for (let i = 0; i < 20; i++) ok(await writer.create(`/missed-${i}`, text('x')));
  const snapshots = snapshotsSent();
  await ensemble.restart(follower);
  await assertSameTrees(ensemble);
  assert.equal(snapshotsSent(), snapshots, 'a few txns need no snapshot');
  await writer.leave();
});

test('a follower whose data is gone gets a snapshot', async () => {
  const follower = await ensemble.aFollower();
  await ensemble.kill9(follower);
  await ensemble.wipe(follower);
  const snapshots = snapshotsSent();
  await ensemble.restart(follower);
  await assertSameTrees(ensemble);
  assert.equal(snapshotsSent(), snapshots + 1);
});

test('a leader killed: clients of the followers keep session and connection, and what is in flight is done once', async () => {
  const leader = await ensemble.settled();
  const [one, two] = await ensemble.followers();
  const clients = [await connect(one), await connect(two)];
  ok(await clients[0].create('/counted', text('0')));
  for (const client of clients) ok(await client.sync('/'));
  const writes = clients.flatMap((client) =>
    Array.from({ length: 200 }, () => client.setData('/counted', text('1'))),
  );
  await writes[0];
  await ensemble.kill9(leader);
  const stats = (await Promise.all(writes)).map((reply) => ok(reply));
  const versions = stats.map(({ version }) => version).sort((a, b) => a - b);
  assert.deepEqual(
    versions,
    Array.from({ length: 400 }, (_, i) => i + 1),
  );
  for (const client of clients) assert.ok(!client.isClosed);
  await ensemble.restart(leader);
  await assertSameTrees(ensemble);
  await Promise.all(clients.map((client) => client.leave()));
});

test('a new leader whose first request is a sync goes on', async () => {
  const leader = await ensemble.settled();
  const clients = await Promise.all((await ensemble.followers()).map((sid) => connect(sid)));
  for (const client of clients) ok(await client.sync('/'));
  await ensemble.kill9(leader);
  const followers = ensemble.sids.filter((sid) => sid !== leader);
  const next = await ensemble.settled(followers);
  // Taking a session up is no txn; opening one is.
  const client = await takeUp(clients[0], next);
  ok(await client.sync('/'));
  ok(await client.sync('/'));
  ok(await client.create('/behind-the-sync'));
  await ensemble.restart(leader);
  await Promise.all([client, clients[1]].map((one) => one.leave()));
});

test('a tail that only the old leader has is cut when it comes back', async () => {
  const leader = await ensemble.settled();
  const followers = await ensemble.followers();
  const client = await connect(leader);
  ok(await client.create('/agreed'));
  ensemble.pause(...followers);
  const lost = client.batch(() => [0, 1, 2].map((i) => client.create(`/diverged-${i}`, text('never'))));
  // The leader's own disk has them; the followers' sockets do, unread.
  await ensemble.until('the leader has logged it', async () =>
    (await logOf(leader)).includes('/diverged-2') ? true : null,
  );
  await ensemble.kill9(leader);
  await ensemble.kill9(...followers);
  for (const reply of lost) await assert.rejects(reply);
  await ensemble.restart(...followers);
  const writer = await connect(followers[0]);
  ok(await writer.create('/instead'));
  await ensemble.restart(leader);
  const reader = await connect(leader);
  ok(await reader.sync('/'));
  for (let i = 0; i < 3; i++) assert.equal((await reader.exists(`/diverged-${i}`)).err, ErrorCode.NONODE);
  ok(await reader.exists('/agreed'));
  ok(await reader.exists('/instead'));
  await assertSameTrees(ensemble);
  await Promise.all([reader, writer].map((one) => one.leave()));
});

test('without a quorum nobody is served, and status words say so; with it the sessions go on', async () => {
  const leader = await ensemble.settled();
  const followers = await ensemble.followers();
  const client = await connect(leader);
  ok(await client.create('/survivor', null, Flag.ephemeral));
  await ensemble.kill9(...followers);
  await client.waitForClose();
  const text = await ensemble.until('the leader gives up', async () => {
    const answer = await ensemble.word(leader, 'srvr');
    return answer.includes('Mode') ? null : answer;
  });
  assert.equal(text, 'This ZooKeeper instance is not currently serving requests\n');
  await ensemble.restart(...followers);
  const again = await takeUp(client, followers[0]);
  assert.equal(again.session.sessionId, client.session.sessionId);
  ok(await again.sync('/'));
  assert.equal(ok(await again.exists('/survivor')).ephemeralOwner, again.session.sessionId);
  await again.leave();
});

test('all killed and started again: nothing acknowledged is lost', async () => {
  const clients = await Promise.all(ensemble.sids.map((sid) => connect(sid)));
  const paths: string[] = [];
  const work = clients.map(async (client, i) => {
    for (let n = 0; ; n++) {
      const reply = await client.create(`/all-${i}-${n}`, text('x')).catch(() => null);
      if (reply === null) return;
      ok(reply);
      paths.push(`/all-${i}-${n}`);
    }
  });
  await ensemble.until('there is load', async () => (paths.length > 100 ? true : null));
  await ensemble.kill9(...ensemble.sids);
  await Promise.all(work);
  await ensemble.restart(...ensemble.sids);
  const reader = await connect(1);
  ok(await reader.sync('/'));
  for (const path of paths) ok(await reader.exists(path));
  await assertSameTrees(ensemble);
  await reader.leave();
});

test('SIGTERM ends a server of each role within 2 seconds', async () => {
  const leader = await ensemble.settled();
  for (const sid of [await ensemble.aFollower(), leader]) {
    const startedAt = Date.now();
    const { code } = await ensemble.server(sid).stop();
    assert.equal(code, 0);
    assert.ok(Date.now() - startedAt < 2000, `server ${sid} took ${Date.now() - startedAt} ms`);
    await ensemble.restart(sid);
  }
});

function snapshotsSent(): number {
  return ensemble.sids.reduce(
    (sum, sid) => sum + ensemble.server(sid).output.split('gets a snapshot').length - 1,
    0,
  );
}

async function logOf(sid: number): Promise<string> {
  const directory = `${ensemble.server(sid).dataDir}/version-2`;
  const names = (await readdir(directory)).filter((name) => name.startsWith('log.'));
  return (await Promise.all(names.map((name) => readFile(`${directory}/${name}`, 'latin1')))).join('');
}
