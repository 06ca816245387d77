import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NoNodeError, NoWatcherError, type WatchEvent } from '../../src/client/index.ts';
import { bytes, onBothServers, stateOf, until } from '../support/client-servers.ts';

const seen = (events: readonly WatchEvent[]) => events.map(({ type, path }) => `${type} ${path}`);

onBothServers('client: watches', {}, (subject) => {
  test('one-shot watches fire once, before the reply that shows the change', async () => {
    const zk = await subject.connect();
    const path = subject.freshPath();
    const events: WatchEvent[] = [];
    const watch = (event: WatchEvent) => events.push(event);
    assert.equal(await zk.exists(path, { watch }), null);
    await zk.create(path);
    assert.deepEqual(seen(events.splice(0)), [`NodeCreated ${path}`]);
    await zk.getData(path, { watch });
    await zk.setData(path, bytes('x'));
    await zk.setData(path, bytes('y'));
    assert.deepEqual(seen(events.splice(0)), [`NodeDataChanged ${path}`]);
    await zk.getChildren(path, { watch });
    await zk.create(`${path}/a`);
    await zk.create(`${path}/b`);
    assert.deepEqual(seen(events.splice(0)), [`NodeChildrenChanged ${path}`]);
    await zk.exists(`${path}/a`, { watch });
    await zk.getData(`${path}/a`, { watch });
    await zk.getChildrenWithStat(`${path}/a`, { watch });
    await zk.delete(`${path}/a`);
    // One listener, one event, however many tables it stood in.
    assert.deepEqual(seen(events), [`NodeDeleted ${path}/a`]);
  });

  test('a read that fails leaves no watch', async () => {
    const zk = await subject.connect();
    const path = subject.freshPath();
    const events: WatchEvent[] = [];
    await assert.rejects(zk.getData(path, { watch: (event) => events.push(event) }), NoNodeError);
    await zk.create(path);
    assert.deepEqual(events, []);
  });

  test('persistent watches as callbacks and as iterables', async () => {
    const [zk, other] = [await subject.connect(), await subject.connect()];
    const path = await zk.create(subject.freshPath());
    const called: WatchEvent[] = [];
    const watch = await zk.watch(path, { onEvent: (event) => called.push(event) });
    // Of two modes at one path a 3.8 server keeps only the later: another session.
    const third = await subject.connect();
    const tree = await third.watch(path, { mode: 'recursive' });
    await other.setData(path, bytes('1'));
    await other.setData(path, bytes('2'));
    await other.create(`${path}/a`);
    await other.create(`${path}/a/b`);
    await other.delete(`${path}/a/b`);
    await zk.sync();
    assert.deepEqual(seen(called), [
      `NodeDataChanged ${path}`,
      `NodeDataChanged ${path}`,
      `NodeChildrenChanged ${path}`,
    ]);
    const iterated: WatchEvent[] = [];
    for await (const event of tree) {
      iterated.push(event);
      if (event.type === 'NodeDeleted') break;
    }
    assert.deepEqual(seen(iterated), [
      `NodeDataChanged ${path}`,
      `NodeDataChanged ${path}`,
      `NodeCreated ${path}/a`,
      `NodeCreated ${path}/a/b`,
      `NodeDeleted ${path}/a/b`,
    ]);
    await watch.close();
    await other.setData(path, bytes('3'));
    await zk.sync();
    assert.equal(called.length, 3);
  });

  test('closing one of two watches at a path leaves the other', async () => {
    const zk = await subject.connect();
    const path = await zk.create(subject.freshPath());
    const [a, b]: WatchEvent[][] = [[], []];
    const first = await zk.watch(path, { onEvent: (event) => a.push(event) });
    await zk.watch(path, { mode: 'recursive', onEvent: (event) => b.push(event) });
    const once: WatchEvent[] = [];
    await zk.getData(path, { watch: (event) => once.push(event) });
    await first.close();
    await zk.setData(path, bytes('1'));
    assert.deepEqual([a.length, b.length, once.length], [0, 1, 1]);
  });

  test('removeWatches tells the listeners', async () => {
    const zk = await subject.connect();
    const path = await zk.create(subject.freshPath());
    const events: WatchEvent[] = [];
    const watch = (event: WatchEvent) => events.push(event);
    await assert.rejects(zk.removeWatches(path), NoWatcherError);
    await zk.getData(path, { watch });
    await zk.getChildren(path, { watch });
    await zk.removeWatches(path, 'children');
    assert.deepEqual(seen(events.splice(0)), [`ChildWatchRemoved ${path}`]);
    await zk.create(`${path}/a`);
    assert.deepEqual(events, []);
    await zk.removeWatches(path, 'any');
    assert.deepEqual(seen(events.splice(0)), [`DataWatchRemoved ${path}`]);
    await zk.setData(path, null);
    assert.deepEqual(events, []);
  });

  test('a lost connection: one-shot watches catch up, persistent ones are told', async () => {
    const proxy = await subject.proxy();
    const [zk, other] = [await subject.connect({ address: proxy.address }), await subject.connect()];
    const path = await zk.create(subject.freshPath());
    await zk.create(`${path}/kept`);
    await zk.create(`${path}/gone`);
    const events: WatchEvent[] = [];
    const watch = (event: WatchEvent) => events.push(event);
    await zk.getData(path, { watch });
    await zk.getChildren(`${path}/kept`, { watch });
    await zk.exists(`${path}/new`, { watch });
    await zk.getData(`${path}/gone`, { watch });
    await zk.getData(`${path}/kept`, { watch });
    const told: WatchEvent[] = [];
    await zk.watch(path, { mode: 'recursive', onEvent: (event) => told.push(event) });
    proxy.refuse();
    await stateOf(zk, 'suspended');
    await other.setData(path, bytes('x'));
    await other.create(`${path}/new`);
    await other.delete(`${path}/gone`);
    await other.create(`${path}/kept/child`);
    proxy.pass();
    await zk.connected();
    await zk.exists(path);
    assert.deepEqual(seen(events).sort(), [
      `NodeChildrenChanged ${path}/kept`,
      `NodeCreated ${path}/new`,
      `NodeDataChanged ${path}`,
      `NodeDeleted ${path}/gone`,
    ]);
    assert.deepEqual(
      told.slice(0, 2).map(({ type, state }) => `${type} ${state}`),
      ['None Disconnected', 'None SyncConnected'],
    );
    // What did not fire is still set, on the new connection.
    events.length = 0;
    told.length = 0;
    await other.setData(`${path}/kept`, bytes('y'));
    await zk.sync();
    assert.deepEqual(seen(events), [`NodeDataChanged ${path}/kept`]);
    assert.deepEqual(seen(told), [`NodeDataChanged ${path}/kept`]);
  });

  test('so many watches that they need several frames', async () => {
    const proxy = await subject.proxy();
    const zk = await subject.connect({ address: proxy.address });
    const path = await zk.create(subject.freshPath());
    let fired = 0;
    const name = 'n'.repeat(200);
    const paths = Array.from({ length: 4000 }, (_, i) => `${path}/${name}${i}`);
    await Promise.all(paths.map((each) => zk.exists(each, { watch: () => fired++ })));
    proxy.cut();
    await stateOf(zk, 'suspended');
    await zk.connected();
    await Promise.all(paths.map((each) => zk.create(each)));
    await until('all watches have fired', () => fired === paths.length);
  });

  test('the end of the session ends iterations, and tells one-shot watches', async () => {
    const zk = await subject.connect();
    const path = await zk.create(subject.freshPath());
    const events: WatchEvent[] = [];
    await zk.getData(path, { watch: (event) => events.push(event) });
    const watch = await zk.watch(path);
    const iterated = (async () => {
      const all: WatchEvent[] = [];
      for await (const event of watch) all.push(event);
      return all;
    })();
    await zk.close();
    assert.deepEqual(
      (await iterated).map(({ state }) => state),
      ['Closed'],
    );
    assert.deepEqual(
      events.map(({ type, state }) => `${type} ${state}`),
      ['None Closed'],
    );
  });
});
