import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  BadArgumentsError,
  BadVersionError,
  ConnectError,
  creatorAcl,
  digestId,
  InvalidAclError,
  InvalidPathError,
  NoAuthError,
  NoChildrenForEphemeralsError,
  NodeExistsError,
  NoNodeError,
  NotEmptyError,
  openAcl,
  Permission,
  ReconfigDisabledError,
  TooLargeError,
  UnimplementedError,
  type WatchEvent,
  ZooKeeper,
  type ZooKeeperError,
} from '../../src/client/index.ts';
import { bytes, onBothServers, text } from '../support/client-servers.ts';

onBothServers('client: operations', { config: ['extendedTypesEnabled=true'] }, (subject) => {
  test('create, read, write, delete, with Stats', async () => {
    const zk = await subject.connect();
    const path = subject.freshPath();
    assert.equal(await zk.create(path, bytes('one')), path);
    const { data, stat } = await zk.getData(path);
    assert.equal(text(data), 'one');
    assert.equal(stat.dataLength, 3);
    assert.equal(typeof stat.czxid, 'bigint');
    assert.ok(Math.abs(stat.ctime - Date.now()) < 60_000);
    const written = await zk.setData(path, bytes('two'), 0);
    assert.equal(written.version, 1);
    assert.ok(written.mzxid > stat.mzxid);
    assert.deepEqual(await zk.exists(path), written);
    assert.equal(await zk.exists(`${path}/none`), null);
    await assert.rejects(zk.setData(path, bytes('x'), 0), BadVersionError);
    await zk.create(`${path}/b`, null);
    await zk.create(`${path}/a`);
    assert.equal((await zk.getData(`${path}/b`)).data, null);
    assert.deepEqual((await zk.getData(`${path}/a`)).data, new Uint8Array(0));
    assert.deepEqual((await zk.getChildren(path)).sort(), ['a', 'b']);
    const listed = await zk.getChildrenWithStat(path);
    assert.deepEqual([listed.children.sort(), listed.stat.numChildren], [['a', 'b'], 2]);
    assert.equal(await zk.getAllChildrenNumber(path), 2);
    await assert.rejects(zk.delete(path), NotEmptyError);
    await assert.rejects(zk.delete(`${path}/a`, 7), BadVersionError);
    await zk.delete(`${path}/a`, 0);
    await assert.rejects(zk.delete(`${path}/a`), NoNodeError);
    await zk.sync(path);
    assert.ok(zk.lastZxid >= written.mzxid);
  });

  test('every create mode', async () => {
    const zk = await subject.connect();
    const path = await zk.create(subject.freshPath());
    assert.equal(
      await zk.create(`${path}/s-`, null, { mode: 'persistentSequential' }),
      `${path}/s-0000000000`,
    );
    assert.equal(await zk.create(`${path}/`, null, { mode: 'persistentSequential' }), `${path}/0000000001`);
    const made = await zk.createWithStat(`${path}/e`, bytes('e'), { mode: 'ephemeral' });
    assert.equal(made.stat.ephemeralOwner, zk.sessionId);
    const both = await zk.createWithStat(`${path}/es-`, null, { mode: 'ephemeralSequential' });
    assert.equal(both.path, `${path}/es-0000000003`);
    assert.deepEqual((await zk.getEphemerals(path)).sort(), [`${path}/e`, `${path}/es-0000000003`]);
    await assert.rejects(zk.create(`${path}/e/c`), NoChildrenForEphemeralsError);
    assert.equal(await zk.create(`${path}/c`, null, { mode: 'container' }), `${path}/c`);
    assert.equal((await zk.createWithStat(`${path}/c2`, null, { mode: 'container' })).stat.version, 0);
    assert.equal(
      await zk.create(`${path}/t`, null, { mode: 'persistentWithTtl', ttlMs: 60_000 }),
      `${path}/t`,
    );
    const ttl = await zk.createWithStat(`${path}/ts-`, null, {
      mode: 'persistentSequentialWithTtl',
      ttlMs: 60_000,
    });
    assert.equal(ttl.path, `${path}/ts-0000000007`);
    await assert.rejects(zk.create(`${path}/c`), NodeExistsError);
  });

  test('a session that ends takes its ephemerals with it', async () => {
    const [one, two] = [await subject.connect(), await subject.connect()];
    const path = subject.freshPath();
    await one.create(path, null, { mode: 'ephemeral' });
    assert.equal((await two.exists(path))?.ephemeralOwner, one.sessionId);
    await one.close();
    await two.sync();
    assert.equal(await two.exists(path), null);
  });

  test('transactions', async () => {
    const zk = await subject.connect();
    const path = subject.freshPath();
    const results = await zk
      .transaction()
      .create(path, bytes('1'))
      .create(`${path}/s-`, null, { mode: 'ephemeralSequential' })
      .setData(path, bytes('2'), 0)
      .check(path, 1)
      .delete(`${path}/s-0000000000`)
      .commit();
    assert.deepEqual(
      results.map(({ type }) => type),
      ['create', 'create', 'setData', 'check', 'delete'],
    );
    assert.ok(results[1].type === 'create' && results[1].path === `${path}/s-0000000000`);
    assert.ok(results[2].type === 'setData' && results[2].stat.version === 1);
    const failed = zk.transaction().create(`${path}/x`).check(path, 9).delete(path).commit();
    await assert.rejects(failed, (error: unknown) => {
      assert.ok(error instanceof BadVersionError);
      assert.equal(error.path, path);
      assert.deepEqual(error.transaction, { index: 1, codes: [0, -103, -2] });
      return true;
    });
    assert.equal(await zk.exists(`${path}/x`), null);
    assert.deepEqual(await zk.transaction().commit(), []);
    await assert.rejects(zk.transaction().create(path).create('bad').commit(), InvalidPathError);
    const mixed = await zk.transaction().create(`${path}/c`, null, { mode: 'container' }).commit();
    assert.ok(mixed[0].type === 'create' && mixed[0].stat?.version === 0);
  });

  test('multiRead', async () => {
    const zk = await subject.connect();
    const path = await zk.create(subject.freshPath(), bytes('data'));
    await zk.create(`${path}/c`);
    const results = await zk.multiRead().getData(path).getChildren(path).getData(`${path}/none`).commit();
    assert.ok(results[0].type === 'getData' && text(results[0].data) === 'data');
    assert.deepEqual(results[1], { type: 'getChildren', children: ['c'] });
    assert.ok(results[2].type === 'error' && results[2].error instanceof NoNodeError);
    assert.equal(results[2].error.path, `${path}/none`);
  });

  test('ACLs and authentication, over a reconnect', async () => {
    const proxy = await subject.proxy();
    const zk = await subject.connect({ address: proxy.address });
    const other = await subject.connect();
    await zk.addAuth('digest', 'user:pass');
    const path = await zk.create(subject.freshPath(), bytes('secret'), { acls: creatorAcl });
    const { acls, stat } = await zk.getAcl(path);
    const expected = [{ permissions: Permission.all, scheme: 'digest', id: digestId('user', 'pass') }];
    assert.deepEqual([acls, stat.aversion], [expected, 0]);
    await assert.rejects(other.getData(path), NoAuthError);
    proxy.cut();
    await zk.exists('/').catch(() => {});
    assert.equal(text((await zk.getData(path)).data), 'secret', 'authenticated on the new connection');
    assert.equal((await zk.setAcl(path, openAcl, 0)).aversion, 1);
    assert.equal(text((await other.getData(path)).data), 'secret');
    assert.deepEqual(await zk.whoAmI(), [
      { scheme: 'ip', user: '127.0.0.1' },
      { scheme: 'digest', user: 'user' },
    ]);
  });

  test('a credential that the server refuses ends the session with the reason', async () => {
    const zk = await subject.connect();
    await assert.rejects(zk.addAuth('nonsense', 'x'), { name: 'AuthFailedError' });
    assert.equal(zk.state, 'authFailed');
    await assert.rejects(zk.exists('/'), { name: 'AuthFailedError', outcome: 'not-sent' });
  });

  test('a chroot', async () => {
    const [plain, chroot] = [await subject.connect(), subject.freshPath()];
    await plain.create(chroot);
    const zk = await subject.connect({ chroot });
    assert.equal(await zk.create('/a', bytes('x')), '/a');
    assert.equal(await zk.create('/s-', null, { mode: 'ephemeralSequential' }), '/s-0000000001');
    assert.equal(await zk.create('/', null, { mode: 'persistentSequential' }), '/0000000002');
    assert.deepEqual((await zk.getChildren('/')).sort(), ['0000000002', 'a', 's-0000000001']);
    assert.deepEqual(await zk.getEphemerals('/'), ['/s-0000000001']);
    assert.notEqual(await plain.exists(`${chroot}/a`), null);
    const results = await zk.transaction().create('/t').delete('/t').commit();
    assert.ok(results[0].type === 'create' && results[0].path === '/t');
    let heard: (event: WatchEvent) => void = () => {};
    const event = new Promise<WatchEvent>((resolve) => {
      heard = resolve;
    });
    await zk.getData('/a', { watch: heard });
    await plain.setData(`${chroot}/a`, bytes('y'));
    assert.equal((await event).path, '/a');
    await zk.deleteRecursive('/');
    assert.deepEqual(await plain.getChildren(chroot), []);
    assert.ok((await zk.getConfig()).stat.czxid >= 0n, 'the configuration lies outside of the chroot');
  });

  test('recursive helpers', async () => {
    const zk = await subject.connect();
    const root = subject.freshPath();
    assert.equal(await zk.createRecursive(`${root}/a/b/c`, bytes('deep')), `${root}/a/b/c`);
    await assert.rejects(zk.createRecursive(`${root}/a/b/c`), NodeExistsError);
    await zk.ensurePath(`${root}/a/b/c/d`);
    await zk.ensurePath(`${root}/a/b/c/d`);
    await Promise.all(Array.from({ length: 2500 }, (_, i) => zk.create(`${root}/a/n${i}`)));
    const listed = await zk.listRecursive(root);
    assert.equal(listed.length, 2505);
    assert.deepEqual(listed.slice(0, 5), [
      root,
      `${root}/a`,
      `${root}/a/b`,
      `${root}/a/b/c`,
      `${root}/a/b/c/d`,
    ]);
    // Others add and delete meanwhile.
    const other = await subject.connect();
    const adding = other.create(`${root}/a/b/late`).catch(() => {});
    const deleting = other.delete(`${root}/a/n7`).catch(() => {});
    await zk.deleteRecursive(root);
    await Promise.all([adding, deleting]);
    assert.equal(await zk.exists(root), null);
    await assert.rejects(zk.deleteRecursive(root), NoNodeError);
  });

  test('what a server would refuse is refused here, with the reason', async () => {
    const zk = await subject.connect();
    const sentBefore = zk.lastZxid;
    const cases: [Promise<unknown>, typeof ZooKeeperError, RegExp][] = [
      [zk.getData(''), InvalidPathError, /the path is empty/],
      [zk.create('a'), InvalidPathError, /create a: the path does not start with/],
      [zk.setData('/a/', null), InvalidPathError, /ends with/],
      [zk.delete('/'), InvalidPathError, /the root cannot be deleted/],
      [zk.exists('/a/./b'), InvalidPathError, /relative/],
      [zk.create('/a', null, { acls: [] }), InvalidAclError, /at least one entry/],
      [
        zk.setAcl('/a', [{ permissions: 31, scheme: 'world', id: 'x' }]),
        InvalidAclError,
        /only the id 'anyone'/,
      ],
      [zk.setAcl('/a', [{ permissions: 31, scheme: 'digest', id: 'x' }]), InvalidAclError, /user:base64/],
      [
        zk.setAcl('/a', [{ permissions: 31, scheme: 'ip', id: '300.1.1.1' }]),
        InvalidAclError,
        /no IP address/,
      ],
      [zk.create('/a', null, { mode: 'persistentWithTtl' }), BadArgumentsError, /ttlMs must be/],
      [zk.create('/a', null, { ttlMs: 5 }), BadArgumentsError, /takes no ttlMs/],
      [zk.create('/a', 'text' as unknown as Uint8Array), BadArgumentsError, /data must be a Uint8Array/],
      [zk.create('/a', new Uint8Array(2 ** 20)), TooLargeError, /jute.maxbuffer/],
    ];
    for (const [call, Class, reason] of cases) {
      await assert.rejects(call, (error: unknown) => {
        assert.ok(error instanceof Class, `${error} is a ${Class.name}`);
        assert.match(error.message, reason);
        assert.equal(error.outcome, 'not-sent');
        return true;
      });
    }
    assert.equal(zk.lastZxid, sentBefore);
    await zk.exists('/');
  });

  test('reconfig is refused with a typed error, the configuration can be read', async () => {
    const zk = await subject.connect();
    const refused = zk.reconfig({ leaving: '1' });
    await assert.rejects(
      refused,
      (error) => error instanceof ReconfigDisabledError || error instanceof UnimplementedError,
    );
    assert.ok((await zk.getConfig()).stat);
  });

  test('many requests at once are answered in order, with few in flight', async () => {
    const zk = await subject.connect({ requestsInFlightMax: 7 });
    const path = await zk.create(subject.freshPath());
    const order: number[] = [];
    const calls = Array.from({ length: 500 }, async (_, i) => {
      const stat = await zk.setData(path, bytes(String(i)));
      order.push(i);
      return stat.version;
    });
    assert.deepEqual(
      await Promise.all(calls),
      Array.from({ length: 500 }, (_, i) => i + 1),
    );
    assert.deepEqual(
      order,
      Array.from({ length: 500 }, (_, i) => i),
    );
    assert.equal(text((await zk.getData(path)).data), '499');
  });

  test('large values and long lists of children', async () => {
    const zk = await subject.connect();
    const path = await zk.create(subject.freshPath(), new Uint8Array(1_000_000).fill(7));
    const reads = await Promise.all(Array.from({ length: 8 }, () => zk.getData(path)));
    for (const { data } of reads) assert.ok(data?.length === 1_000_000 && data.every((byte) => byte === 7));
    await Promise.all(
      Array.from({ length: 3000 }, (_, i) => zk.create(`${path}/child-with-a-long-name-${i}`)),
    );
    assert.equal((await zk.getChildren(path)).length, 3000);
  });

  test('a value that was read stays as it is', async () => {
    const zk = await subject.connect();
    const path = await zk.create(subject.freshPath(), bytes('first value'));
    const { data } = await zk.getData(path);
    for (let i = 0; i < 200; i++) await zk.setData(path, bytes(`other value ${i}`));
    await Promise.all(Array.from({ length: 2000 }, () => zk.getData(path)));
    assert.equal(text(data), 'first value');
  });

  test('options that make no sense', async () => {
    assert.throws(() => new ZooKeeper(subject.address, { sessionTimeoutMs: 0 }), BadArgumentsError);
    assert.throws(() => new ZooKeeper(subject.address, { requestsInFlightMax: 1.5 }), BadArgumentsError);
    const closed = new ZooKeeper(subject.address);
    await closed.close();
    await assert.rejects(closed.connected(), ConnectError);
    await assert.rejects(closed.exists('/'), { name: 'ClosedError' });
  });
});
