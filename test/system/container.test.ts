import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { EventType, OpCode } from '../../src/protocol/opcode.ts';
import { conformance, type Subject } from '../support/conformance.ts';
import { delay, type ServerOptions } from '../support/server-process.ts';
import type { WireClient } from '../support/wire-client.ts';
import { nothing, ok } from '../support/wire-connection.ts';
import { Flag, text } from '../support/wire-records.ts';

const { BADARGUMENTS, UNIMPLEMENTED, NONODE, NODEEXISTS, NOTEMPTY, BADVERSION } = ErrorCode;
const TTL_MAX = 0xff_ffff_ffffn;

const CHECK_INTERVAL_MS = 100;

/** Menagerie reads the manager's keys from zoo.cfg too, Apache from -D alone. */
function withManager(neverUsedMs: number, ...config: string[]): ServerOptions {
  const keys = {
    'znode.container.checkIntervalMs': CHECK_INTERVAL_MS,
    'znode.container.maxNeverUsedIntervalMs': neverUsedMs,
  };
  const pairs = Object.entries(keys).map(([key, value]) => `${key}=${value}`);
  return {
    config: [...pairs, ...config],
    env: { JAVA_TOOL_OPTIONS: pairs.map((pair) => `-D${pair}`).join(' ') },
  };
}

async function waitUntilGone(client: WireClient, path: string): Promise<void> {
  const deadline = Date.now() + 10_000;
  while ((await client.exists(path)).err !== NONODE) {
    if (Date.now() > deadline) throw new Error(`${path} is still there`);
    await delay(10);
  }
}

/** Searches for znodes to delete have gone by: a container made now, used and emptied, was found by a later one. */
async function managerHasPassed(client: WireClient, subject: Subject): Promise<void> {
  for (let round = 0; round < 2; round++) {
    const path = subject.freshPath();
    ok(await client.createContainer(path));
    ok(await client.create(`${path}/c`));
    ok(await client.delete(`${path}/c`));
    await waitUntilGone(client, path);
  }
}

conformance('containers', withManager(0), (subject) => {
  test('is created like another znode, and its Stat shows no owner', async () => {
    const client = await subject.connect();
    const path = subject.freshPath();
    const reply = await client.createContainer(path, text('data'));
    assert.equal(reply.rest, 0);
    const created = ok(reply);
    assert.equal(created.path, path);
    assert.equal(created.stat.ephemeralOwner, 0n);
    assert.deepEqual(ok(await client.exists(path)), created.stat);
    assert.deepEqual(Buffer.from(ok(await client.getData(path)).data ?? []), text('data'));
    assert.equal((await client.createContainer(path)).err, NODEEXISTS);
    assert.equal((await client.createContainer(`${path}/no/such`)).err, NONODE);
    assert.equal((await client.createContainer(path, null, 7)).err, BADARGUMENTS);
  });

  test('lives until it has had a child and has none again, then goes with its events', async () => {
    const client = await subject.connect();
    const path = subject.freshPath();
    ok(await client.create(path));
    ok(await client.createContainer(`${path}/unused`));
    ok(await client.createContainer(`${path}/used`));
    ok(await client.create(`${path}/used/c`));
    ok(await client.create(`${path}/used/d`, null, Flag.ephemeral));
    await managerHasPassed(client, subject);
    assert.deepEqual(ok(await client.getChildren(path, true)).sort(), ['unused', 'used']);
    ok(await client.getData(`${path}/used`, true));
    ok(await client.delete(`${path}/used/c`));
    ok(await client.delete(`${path}/used/d`));
    await client.waitForNotifications(2);
    assert.deepEqual(
      client.notifications.map((event) => [event.type, event.path]),
      [
        [EventType.nodeDeleted, `${path}/used`],
        [EventType.nodeChildrenChanged, path],
      ],
    );
    assert.deepEqual(ok(await client.getChildren(path)), ['unused']);
    const { stat } = ok(await client.getData(path));
    assert.equal(stat.numChildren, 1);
    assert.equal(stat.cversion, 3, 'two creations and a deletion');
  });

  test('containers in containers go one by one', async () => {
    const client = await subject.connect();
    const path = subject.freshPath();
    for (const below of ['', '/a', '/a/b']) ok(await client.createContainer(path + below));
    ok(await client.create(`${path}/a/b/c`));
    ok(await client.delete(`${path}/a/b/c`));
    await waitUntilGone(client, path);
  });

  const ways: [string, (client: WireClient, path: string) => Promise<{ err: number }>, boolean][] = [
    ['create', (client, path) => client.create(path, null, Flag.container), false],
    ['create2', (client, path) => client.create2(path, null, Flag.container), false],
    ['createContainer with flags 0', (client, path) => client.createContainer(path, null, 0), true],
    ['create in a multi', (client, path) => client.multi([{ type: 'create', path, flags: 4 }]), true],
    ['create2 in a multi', (client, path) => client.multi([{ type: 'create2', path, flags: 4 }]), true],
    [
      'createContainer in a multi',
      (client, path) => client.multi([{ type: 'createContainer', path, flags: 4 }]),
      true,
    ],
    [
      'createContainer with flags 0 in a multi',
      (client, path) => client.multi([{ type: 'createContainer', path, flags: 0 }]),
      false,
    ],
  ];
  for (const [name, make, isContainer] of ways) {
    test(`${name} makes ${isContainer ? 'a container' : 'a persistent znode'}`, async () => {
      const client = await subject.connect();
      const path = subject.freshPath();
      assert.equal((await make(client, path)).err, 0);
      ok(await client.create(`${path}/c`));
      ok(await client.delete(`${path}/c`));
      if (isContainer) {
        await waitUntilGone(client, path);
      } else {
        await managerHasPassed(client, subject);
        assert.equal(ok(await client.exists(path)).ephemeralOwner, 0n);
      }
    });
  }

  test('createContainer with the sequential flag gets a sequence number', async () => {
    const client = await subject.connect();
    const path = subject.freshPath();
    ok(await client.create(path));
    const { path: made } = ok(await client.createContainer(`${path}/s`, null, Flag.sequential));
    assert.equal(made, `${path}/s0000000000`);
  });

  test('in a multi the result is that of create2', async () => {
    const client = await subject.connect();
    const path = subject.freshPath();
    const [result] = ok(await client.multi([{ type: 'createContainer', path, flags: 4 }]));
    assert.equal(result.type, OpCode.create2);
    assert.equal(result.path, path);
    assert.deepEqual(result.stat, ok(await client.exists(path)));
  });

  test('TTL is not implemented while extendedTypesEnabled is false', async () => {
    const client = await subject.connect();
    const path = subject.freshPath();
    assert.equal((await client.createTTL(path, 1000n)).err, UNIMPLEMENTED);
    assert.equal((await client.createTTL(path, 1000n, Flag.ttlSequential)).err, UNIMPLEMENTED);
    assert.equal((await client.create(path, null, Flag.ttl)).err, UNIMPLEMENTED);
    assert.equal((await client.create2(path, null, Flag.ttlSequential)).err, UNIMPLEMENTED);
    const [result] = ok(await client.multi([{ type: 'createTTL', path, flags: 5, ttlMs: 1000n }]));
    assert.deepEqual(result, { type: -1, err: UNIMPLEMENTED });
    assert.equal((await client.exists(path)).err, NONODE);
  });
});

conformance('containers that nobody ever uses', withManager(300), (subject) => {
  test('go when maxNeverUsedIntervalMs is over', async () => {
    const client = await subject.connect();
    const path = subject.freshPath();
    ok(await client.createContainer(path));
    const usedPath = subject.freshPath();
    ok(await client.createContainer(usedPath));
    ok(await client.create(`${usedPath}/c`));
    await waitUntilGone(client, path);
    assert.equal((await client.exists(usedPath)).err, 0);
  });
});

conformance('TTL znodes', withManager(0, 'extendedTypesEnabled=true'), (subject) => {
  test('go when they were not changed for their time and have no children', async () => {
    const client = await subject.connect();
    const path = subject.freshPath();
    ok(await client.create(path));
    const reply = await client.createTTL(`${path}/short`, 50n);
    assert.equal(reply.rest, 0);
    const { path: made, stat } = ok(reply);
    assert.equal(made, `${path}/short`);
    assert.equal(stat.ephemeralOwner, 0n);
    ok(await client.createTTL(`${path}/long`, TTL_MAX));
    // Together, so that the child is there before the parent's time is over.
    const parent = client.createTTL(`${path}/parent`, 50n);
    ok(await client.create(`${path}/parent/c`));
    ok(await parent);
    await waitUntilGone(client, `${path}/short`);
    await managerHasPassed(client, subject);
    assert.deepEqual(ok(await client.getChildren(path)).sort(), ['long', 'parent']);
    ok(await client.delete(`${path}/parent/c`));
    await waitUntilGone(client, `${path}/parent`);
  });

  test('a change of data begins the time anew', async () => {
    const client = await subject.connect();
    const path = subject.freshPath();
    ok(await client.createTTL(path, 1500n));
    const until = Date.now() + 2500;
    while (Date.now() < until) {
      ok(await client.setData(path, text('still here')));
      await delay(100);
    }
    await waitUntilGone(client, path);
  });

  test('sequential ones', async () => {
    const client = await subject.connect();
    const path = subject.freshPath();
    ok(await client.create(path));
    const { path: made } = ok(await client.createTTL(`${path}/s`, 60_000n, Flag.ttlSequential));
    assert.equal(made, `${path}/s0000000000`);
  });

  for (const ttlMs of [0n, -1n, -2n, TTL_MAX + 1n, 2n ** 62n]) {
    test(`a TTL of ${ttlMs} ms is refused`, async () => {
      const client = await subject.connect();
      assert.equal((await client.createTTL(subject.freshPath(), ttlMs)).err, BADARGUMENTS);
    });
  }

  test('create and create2 cannot give a TTL, other flags cannot have one', async () => {
    const client = await subject.connect();
    const path = subject.freshPath();
    assert.equal((await client.create(path, null, Flag.ttl)).err, BADARGUMENTS);
    assert.equal((await client.create2(path, null, Flag.ttlSequential)).err, BADARGUMENTS);
    for (const flags of [0, 1, 2, 3, 4]) {
      assert.equal((await client.createTTL(path, 1000n, flags)).err, BADARGUMENTS, `flags ${flags}`);
    }
    assert.equal((await client.exists(path)).err, NONODE);
  });

  test('in a multi', async () => {
    const client = await subject.connect();
    const path = subject.freshPath();
    const [result] = ok(await client.multi([{ type: 'createTTL', path, flags: Flag.ttl, ttlMs: 50n }]));
    assert.equal(result.type, OpCode.create2);
    assert.equal(result.path, path);
    await waitUntilGone(client, path);
  });
});

conformance('after a restart', withManager(0, 'extendedTypesEnabled=true'), (subject) => {
  test('the manager goes on with what is on disk, from the log and from a snapshot', async () => {
    const client = await subject.connect();
    const path = subject.freshPath();
    ok(await client.create(path));
    ok(await client.createContainer(`${path}/container`));
    ok(await client.create(`${path}/container/c`));
    ok(await client.createTTL(`${path}/ttl`, 2_000n));
    ok(await client.createTTL(`${path}/long`, TTL_MAX));
    for (let restart = 0; restart < 2; restart++) {
      await subject.server.stop();
      await subject.server.start();
    }
    const back = await subject.connect();
    for (const name of ['container', 'long']) {
      assert.equal(ok(await back.exists(`${path}/${name}`)).ephemeralOwner, 0n, name);
    }
    await waitUntilGone(back, `${path}/ttl`);
    ok(await back.delete(`${path}/container/c`));
    await waitUntilGone(back, `${path}/container`);
    assert.deepEqual(ok(await back.getChildren(path)), ['long']);
  });
});

conformance('deleteContainer by a client', {}, (subject) => {
  const WHY_NOT_38 = '3.8 takes header and body together for the path, and so refuses every one';
  const deleteContainer = (client: WireClient, path: string) =>
    client.request(OpCode.deleteContainer, (writer) => writer.writeString(path), nothing);

  test('the checks, in their order', async (context) => {
    if (subject.since39(false, true)) return context.skip(WHY_NOT_38);
    const client = await subject.connect();
    const path = subject.freshPath();
    ok(await client.create(path));
    ok(await client.create(`${path}/e`, null, Flag.ephemeral));
    ok(await client.createContainer(`${path}/c`));
    ok(await client.create(`${path}/p`));
    const cases: [string, number][] = [
      ['', BADARGUMENTS],
      ['no slash', BADARGUMENTS],
      ['/a\0b', BADARGUMENTS],
      ['/', BADARGUMENTS],
      ['/zookeeper', BADARGUMENTS],
      ['/zookeeper/quota', BADARGUMENTS],
      ['/zookeeper/config', BADARGUMENTS],
      [`${path}/no`, NONODE],
      [path, NOTEMPTY],
      [`${path}/e`, BADVERSION],
    ];
    for (const [bad, err] of cases) {
      const reply = await deleteContainer(client, bad);
      assert.deepEqual([reply.err, reply.rest], [err, 0], JSON.stringify(bad));
    }
    const reply = await deleteContainer(client, `${path}/c`);
    assert.deepEqual([reply.err, reply.rest], [0, 0]);
    ok(await deleteContainer(client, `${path}/p`));
    assert.deepEqual(ok(await client.getChildren(path)), ['e']);
  });

  test('needs the permission to delete, which Apache does not ask for', async (context) => {
    if (subject.since39(false, true)) return context.skip(WHY_NOT_38);
    const [client, owner] = [await subject.connect(), await subject.connect()];
    ok(await owner.auth('digest', text('owner:secret')));
    const path = subject.freshPath();
    ok(await owner.create(path, null, 0, [{ perms: 31, scheme: 'auth', id: '' }]));
    ok(await owner.createContainer(`${path}/c`));
    assert.equal((await deleteContainer(client, `${path}/c`)).err, ErrorCode.NOAUTH);
    ok(await deleteContainer(owner, `${path}/c`));
  });
});

for (const [enabled, err] of [
  ['false', ErrorCode.RECONFIGDISABLED],
  ['true', ErrorCode.UNIMPLEMENTED],
] as const) {
  conformance(
    `reconfig on a standalone server, reconfigEnabled=${enabled}`,
    { config: [`reconfigEnabled=${enabled}`] },
    (subject) => {
      test(`is refused with ${err}`, async () => {
        const client = await subject.connect();
        const reply = await client.request(
          OpCode.reconfig,
          (writer) => {
            writer.writeString('server.2=localhost:1:2:participant;3');
            writer.writeString(null);
            writer.writeString(null);
            writer.writeLong(-1n);
          },
          nothing,
        );
        assert.deepEqual([reply.err, reply.rest], [err, 0]);
        assert.equal((await client.requestBytes(OpCode.reconfig, text('?'))).err, ErrorCode.MARSHALLINGERROR);
        const { data, stat } = ok(await client.getData('/zookeeper/config'));
        assert.deepEqual([data, stat.version, stat.aversion], [new Uint8Array(0), 0, -1]);
      });
    },
  );
}
