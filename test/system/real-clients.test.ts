import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { EventType } from '../../src/protocol/opcode.ts';
import { runCommand } from '../support/command.ts';
import { conformance } from '../support/conformance.ts';
import {
  called,
  loadNodeZooKeeperClient,
  type NodeStat,
  type WatchEvent,
} from '../support/node-zookeeper-client.ts';
import { apacheClassPath, apacheMissing } from '../support/server-process.ts';
import { withCut } from '../support/tcp-proxy.ts';

const zxid = '0x[0-9a-f]+';
const stat = (version: number, aclVersion: number, length: number, children: number) =>
  new RegExp(
    `cZxid = ${zxid}\nctime = .*\nmZxid = ${zxid}\nmtime = .*\npZxid = ${zxid}\ncversion = \\d+\n` +
      `dataVersion = ${version}\naclVersion = ${aclVersion}\nephemeralOwner = 0x0\ndataLength = ${length}\nnumChildren = ${children}\n`,
  );

/** What is typed into Apache's command line, and what it must print for it, in this order. */
const cliScript: [string, (string | RegExp)?][] = [
  ['create /cli one', 'Created /cli\n'],
  ['create /cli/a', 'Created /cli/a\n'],
  ['create -e /cli/eph temp', 'Created /cli/eph\n'],
  ['create -s /cli/seq- x', 'Created /cli/seq-0000000002\n'],
  ['create -s -e /cli/se- x', 'Created /cli/se-0000000003\n'],
  ['ls /', /\[(\S+, )*cli, (\S+, )*zookeeper\]\n/],
  ['ls /cli', '[a, eph, se-0000000003, seq-0000000002]\n'],
  ['ls -s /cli', stat(0, 0, 3, 4)],
  ['ls -R /cli', '/cli\n/cli/a\n/cli/eph\n/cli/se-0000000003\n/cli/seq-0000000002\n'],
  ['get /cli', 'one\n'],
  ['get -s /cli', stat(0, 0, 3, 4)],
  ['set /cli two'],
  ['set -s /cli three', stat(2, 0, 5, 4)],
  ['set -v 0 /cli four', 'version No is not valid : /cli'],
  ['set -s -v 2 /cli four', stat(3, 0, 4, 4)],
  ['stat /cli', stat(3, 0, 4, 4)],
  ['get -w /cli', 'four\n'],
  ['set /cli five'],
  ['getAcl /cli', "'world,'anyone\n: cdrwa\n"],
  ['getAcl -s /cli', stat(4, 0, 4, 4)],
  ['addauth digest user:pass'],
  ['create /cli/secret x auth::cdrwa', 'Created /cli/secret\n'],
  ['getAcl /cli/secret', "'digest,'user:smGaoVKd/cQkjm7b88GyorAUz20=\n: cdrwa\n"],
  ['setAcl -s /cli/a world:anyone:ra', stat(0, 1, 0, 0)],
  ['getAcl /cli/a', "'world,'anyone\n: ra\n"],
  ['create /cli/a/b', 'Insufficient permission : /cli/a/b'],
  ['set /cli/a x', 'Insufficient permission : /cli/a'],
  ['create /cli/a', 'Node already exists: /cli/a'],
  ['create /cli/eph/child', 'Ephemerals cannot have children: /cli/eph/child'],
  ['get /missing', 'Node does not exist: /missing'],
  ['delete /cli', 'Node not empty: /cli'],
  ['delete -v 5 /cli/a', 'version No is not valid : /cli/a'],
  ['delete -v 0 /cli/a'],
  ['sync /', 'Sync is OK\n'],
  ['ls -w /cli', '[eph, se-0000000003, secret, seq-0000000002]\n'],
  ['create /cli/new', 'Created /cli/new\n'],
  ['stat -w /cli/new', stat(0, 0, 0, 0)],
  ['deleteall /cli'],
  ['stat /cli', 'Node does not exist: /cli'],
  ['history', '- deleteall /cli\n'],
  ['printwatches off'],
  ['quit'],
];

/** Checks that each expectation stands in the output behind the one before it. */
function inOrder(output: string, script: typeof cliScript): void {
  let at = 0;
  for (const [command, expected] of script) {
    if (expected === undefined) continue;
    const rest = output.slice(at);
    const match = typeof expected === 'string' ? rest.indexOf(expected) : rest.search(expected);
    assert.ok(match >= 0, `after "${command}" no ${expected} in:\n${rest}\n\nAll output:\n${output}`);
    at += match + 1;
  }
}

function zooKeeperMain(port: number, args: readonly string[], input = ''): ReturnType<typeof runCommand> {
  // Both streams into one pipe, so that they stay in order.
  const java = ['/usr/bin/java', '-Xmx128m', '-XX:TieredStopAtLevel=1', '-Dlog4j.defaultInitOverride=true'];
  const main = [
    '-cp',
    apacheClassPath(),
    'org.apache.zookeeper.ZooKeeperMain',
    '-server',
    `127.0.0.1:${port}`,
  ];
  return runCommand('/bin/sh', ['-c', 'exec "$@" 2>&1', 'sh', ...java, ...main, ...args], { input });
}

conformance("Apache's command line (org.apache.zookeeper.ZooKeeperMain)", {}, (subject) => {
  const skip = apacheMissing() ?? false;

  test(`a script of ${cliScript.length} commands`, { skip }, async () => {
    const input = `${cliScript.map(([command]) => command).join('\n')}\n`;
    const { code, output } = await zooKeeperMain(subject.port, [], input);
    assert.equal(code, 0, output);
    inOrder(output, cliScript);
    for (const event of [
      'NodeDataChanged path:/cli\n',
      'NodeChildrenChanged path:/cli\n',
      'NodeDeleted path:/cli/new\n',
    ]) {
      assert.ok(
        output.includes(`WatchedEvent state:SyncConnected type:${event}`),
        `no event ${event} in:\n${output}`,
      );
    }
    const left = await subject.connect();
    assert.equal((await left.exists('/cli')).err, -101);
  });

  test('one command on the command line, and its exit code', { skip }, async () => {
    const created = await zooKeeperMain(subject.port, ['create', '/once', 'over']);
    assert.equal(created.code, 0, created.output);
    const read = await zooKeeperMain(subject.port, ['get', '/once']);
    assert.match(read.output, /\nover\n/);
    const failed = await zooKeeperMain(subject.port, ['get', '/never']);
    assert.equal(failed.code, 1, failed.output);
  });
});

const PYTHON = '/usr/bin/python3';

async function kazooMissing(): Promise<string | false> {
  if (!existsSync(PYTHON)) return `no ${PYTHON}`;
  const { code } = await runCommand(PYTHON, ['-c', 'import kazoo']);
  return code === 0 ? false : 'no kazoo (Debian package python3-kazoo)';
}

const noKazoo = await kazooMissing();

conformance('kazoo', {}, (subject) => {
  // Built code lies in a directory that has no Python files: the script is taken from the sources.
  const script = [2, 3, 4]
    .map((levels) =>
      fileURLToPath(new URL(`${'../'.repeat(levels)}test/system/kazoo_work.py`, import.meta.url)),
    )
    .find((path) => existsSync(path));
  for (const part of [
    'crud',
    'acls',
    'transactions',
    'watches',
    'recipes',
    'barriers',
    'locks',
    'queues',
    'trees',
  ]) {
    test(part, { skip: noKazoo }, async () => {
      assert.ok(script, 'kazoo_work.py is in the sources');
      const { code, output } = await runCommand(PYTHON, [script, part, String(subject.port)]);
      assert.equal(code, 0, output);
      assert.match(output, /^done$/m);
    });
  }

  test('a cut connection: lock, party and watches live on', { skip: noKazoo }, async () => {
    assert.ok(script, 'kazoo_work.py is in the sources');
    await withCut(subject.port, async (port, onOutput) => {
      const { code, output } = await runCommand(PYTHON, [script, 'cut', String(port)], { onOutput });
      assert.equal(code, 0, output);
      assert.match(output, /^done$/m);
    });
  });

  test('its session outlives a kill -9 of the server', { skip: noKazoo }, async () => {
    assert.ok(script, 'kazoo_work.py is in the sources');
    let restarted: Promise<void> | null = null;
    const onOutput = (output: string) => {
      if (restarted === null && output.includes('kill me')) {
        restarted = subject.server.kill9().then(() => subject.server.start());
      }
    };
    const { code, output } = await runCommand(PYTHON, [script, 'restart', String(subject.port)], {
      onOutput,
    });
    await restarted;
    assert.equal(code, 0, output);
    assert.match(output, /^done$/m);
  });
});

conformance('npm node-zookeeper-client', {}, (subject) => {
  const loaded = loadNodeZooKeeperClient();
  const skip = typeof loaded === 'string' ? loaded : false;

  async function session() {
    if (typeof loaded === 'string') throw new Error(loaded);
    const client = loaded.createClient(`127.0.0.1:${subject.port}`, { sessionTimeout: 10_000 });
    const connected = new Promise<void>((resolve) => client.once('connected', resolve));
    client.connect();
    await connected;
    return { client, zookeeper: loaded };
  }

  test('create, read, write, delete', { skip }, async () => {
    const { client, zookeeper } = await session();
    const path = subject.freshPath();
    const { PERSISTENT, EPHEMERAL, EPHEMERAL_SEQUENTIAL } = zookeeper.CreateMode;
    assert.equal(
      await called<string>((done) => client.create(path, Buffer.from('one'), PERSISTENT, done)),
      path,
    );
    await called<string>((done) => client.create(`${path}/e`, Buffer.from('e'), EPHEMERAL, done));
    const name = await called<string>((done) =>
      client.create(`${path}/s-`, Buffer.from('s'), EPHEMERAL_SEQUENTIAL, done),
    );
    assert.equal(name, `${path}/s-0000000001`);
    assert.equal((await called<Buffer>((done) => client.getData(path, null, done))).toString(), 'one');
    assert.equal(
      (await called<NodeStat>((done) => client.setData(path, Buffer.from('two'), 0, done))).version,
      1,
    );
    await assert.rejects(
      called<NodeStat>((done) => client.setData(path, Buffer.from('three'), 0, done)),
      /BAD_VERSION/,
    );
    assert.deepEqual((await called<string[]>((done) => client.getChildren(path, null, done))).sort(), [
      'e',
      's-0000000001',
    ]);
    assert.equal(await called((done) => client.exists(`${path}/missing`, null, done)), null);
    await assert.rejects(
      called<void>((done) => client.remove(path, -1, done)),
      /NOT_EMPTY/,
    );
    assert.equal(await called<string>((done) => client.mkdirp(`${path}/a/b`, done)), `${path}/a/b`);
    await called<void>((done) => client.remove(`${path}/a/b`, 0, done));
    // One level deep: this version of the client lists no deeper.
    await called<void>((done) => client.removeRecursive(path, -1, done));
    assert.equal(await called((done) => client.exists(path, null, done)), null);
    client.close();
  });

  test('watches', { skip }, async () => {
    const [{ client }, other] = [await session(), await session()];
    const path = subject.freshPath();
    const next = (set: (watcher: (event: WatchEvent) => void) => void) =>
      new Promise<[number, string]>((resolve) => set((event) => resolve([event.getType(), event.getPath()])));
    const appears = next((watcher) => client.exists(path, watcher, () => {}));
    await called((done) => client.exists(path, null, done));
    await called<string>((done) => other.client.create(path, Buffer.from('x'), 0, done));
    assert.deepEqual(await appears, [EventType.nodeCreated, path]);
    const changes = next((watcher) => client.getData(path, watcher, () => {}));
    const grows = next((watcher) => client.getChildren(path, watcher, () => {}));
    await called((done) => client.exists(path, null, done));
    await called<NodeStat>((done) => other.client.setData(path, Buffer.from('y'), -1, done));
    await called<string>((done) => other.client.create(`${path}/c`, Buffer.from('c'), 0, done));
    assert.deepEqual(await changes, [EventType.nodeDataChanged, path]);
    assert.deepEqual(await grows, [EventType.nodeChildrenChanged, path]);
    client.close();
    other.client.close();
  });

  test('transactions', { skip }, async () => {
    const { client } = await session();
    const path = subject.freshPath();
    const results = await called<unknown[]>((done) =>
      client
        .transaction()
        .create(path, Buffer.from('1'))
        .create(`${path}/a`, Buffer.from('2'))
        .setData(path, Buffer.from('3'), 0)
        .check(path, 1)
        .remove(`${path}/a`, 0)
        .commit(done),
    );
    assert.equal(results.length, 5);
    const failed = client.transaction().setData(path, Buffer.from('4')).check(path, 7).remove(path);
    await assert.rejects(
      called<unknown[]>((done) => failed.commit(done)),
      /BAD_VERSION/,
    );
    assert.equal((await called<Buffer>((done) => client.getData(path, null, done))).toString(), '3');
    client.close();
  });

  test('ACLs and digest authentication', { skip }, async () => {
    const [{ client, zookeeper }, other] = [await session(), await session()];
    client.addAuthInfo('digest', Buffer.from('user:pass'));
    const path = subject.freshPath();
    const acls = [new zookeeper.ACL(zookeeper.Permission.ALL, new zookeeper.Id('auth', ''))];
    await called<string>((done) => client.create(path, Buffer.from('secret'), acls, 0, done));
    const stored = await called<{ permission: number; id: { scheme: string; id: string } }[]>((done) =>
      client.getACL(path, done),
    );
    assert.deepEqual(
      stored.map(({ permission, id }) => [permission, id.scheme, id.id]),
      [[31, 'digest', 'user:smGaoVKd/cQkjm7b88GyorAUz20=']],
    );
    await assert.rejects(
      called<Buffer>((done) => other.client.getData(path, null, done)),
      /NO_AUTH/,
    );
    other.client.addAuthInfo('digest', Buffer.from('user:pass'));
    assert.equal(
      (await called<Buffer>((done) => other.client.getData(path, null, done))).toString(),
      'secret',
    );
    const open = await called<NodeStat>((done) =>
      client.setACL(path, zookeeper.ACL.OPEN_ACL_UNSAFE, 0, done),
    );
    assert.equal(open.aversion, 1);
    client.close();
    other.client.close();
  });
});
