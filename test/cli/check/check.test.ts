import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { adler32 } from '../../../src/storage/adler32.ts';
import {
  addZnode,
  newTree,
  serialiseAcl,
  temporaryDirectory,
  unpackApacheData,
} from '../../storage/support.ts';
import { snapshotTree } from '../../storage/tree-snapshot.ts';
import { apacheMissing, freePort, ServerProcess } from '../../support/server-process.ts';
import type { Outcome } from '../../support/tool-run.ts';
import { recordOffsets, spoil } from '../tools/logs.ts';
import { picture, script, tool } from '../tools/support.ts';

interface Place {
  readonly root: string;
  readonly files: string;
  readonly config: string;
}

/** A zoo.cfg and a data directory, with Apache's files unless told otherwise. */
async function place(context: TestContext, lines: readonly string[] = [], hasData = true): Promise<Place> {
  const root = temporaryDirectory(context);
  const data = path.join(root, 'data');
  fs.mkdirSync(data);
  if (hasData) unpackApacheData(data);
  const config = path.join(root, 'zoo.cfg');
  const all = [`dataDir=${data}`, `clientPort=${await freePort()}`, 'tickTime=2000', ...lines];
  fs.writeFileSync(config, `${all.join('\n')}\n`);
  return { root, files: path.join(data, 'version-2'), config };
}

/** Checks, and that nothing on disk was changed by it. */
function check({ root, config }: Place, ...options: readonly string[]): Outcome {
  const before = picture(root);
  const outcome = tool('zk-server', ['check', ...options, config]);
  assert.deepEqual(picture(root), before);
  return outcome;
}

/** The lines behind `in the way`. */
function blockers({ code, stdout, stderr }: Outcome): string[] {
  assert.equal(code, 1, stdout + stderr);
  return stdout.split('not ready, in the way:\n')[1]?.trimEnd().split('\n') ?? [];
}

function ownSnapshot(
  directory: string,
  fill: (tree: ReturnType<typeof newTree>) => void,
  megabytes = 16,
): void {
  const tree = newTree(megabytes << 20);
  fill(tree);
  snapshotTree(tree, directory, { digestEnabled: false });
}

test("Apache's data directory is described, found ready and left as it is", async (context) => {
  const here = await place(context, ['autopurge.purgeInterval=0', 'admin.enableServer=false']);
  const before = picture(here.root);
  const { code, stdout } = script('zkServer.sh', ['check', here.config]);
  assert.equal(code, 0, stdout);
  assert.deepEqual(picture(here.root), before);
  assert.match(stdout, /written by +Apache ZooKeeper 3\.6 to 3\.8 .*snapshot\.1c/);
  assert.match(stdout, /zxid +0x1d, epoch 0\n/);
  assert.match(stdout, /znodes +16, /);
  assert.match(stdout, /sessions +2\n/);
  assert.match(stdout, /ephemerals +1; 0 containers/);
  assert.match(stdout, /ACLs +3 beside/);
  assert.match(stdout, /digest +the tree is what was written\n/);
  assert.match(stdout, /memory +[\d.]+ KiB for the tree, 1 % of/);
  assert.match(stdout, /start +about \d+ ms/);
  assert.ok(stdout.endsWith('\nready\n'), stdout);
});

test('an empty and a missing directory are ready, and stay so', async (context) => {
  const empty = await place(context, [], false);
  assert.match(check(empty).stdout, /there is no data, a start begins with an empty tree[\s\S]*ready\n$/);
  fs.rmdirSync(path.join(empty.root, 'data'));
  assert.match(check(empty).stdout, /ready\n$/);
  fs.appendFileSync(empty.config, 'datadir.autocreate=false\n');
  assert.match(blockers(check(empty)).join(), /data\/version-2: missing, and datadir\.autocreate is false/);
});

test('all errors of a configuration are listed, and the data is looked at all the same', async (context) => {
  const members = [1, 2, 3].map((sid) => `server.${sid}=127.0.0.1:${40000 + sid}:${41000 + sid}`);
  const here = await place(context, [
    ...members,
    ...['initLimit=ten', 'syncLimit=5', 'secureClientPort=2281', 'quorum.auth.enableSasl=true'],
    ...['dynamicConfigFile=/etc/zoo.dynamic', 'reconfigEnabled=true', 'ssl.keyStore.location=/etc/key'],
    'clientPort=70000',
  ]);
  const outcome = check(here);
  const found = blockers(outcome);
  for (const expected of [
    /myid: no such file/,
    /zoo\.cfg:7: initLimit=ten: must be a whole number/,
    /zoo\.cfg:9: secureClientPort=2281: TLS is not built yet/,
    /zoo\.cfg:10: quorum\.auth\.enableSasl=true: SASL between servers/,
    /zoo\.cfg:11: dynamicConfigFile/,
    /zoo\.cfg:14: clientPort=70000: must be a whole number from 0 to 65535/,
  ]) {
    assert.ok(
      found.some((line) => expected.test(line)),
      `${expected} in\n${found.join('\n')}`,
    );
  }
  assert.match(outcome.stdout, /znodes +16, /);
  assert.doesNotMatch(outcome.stdout, /client port/);
});

test("a member's number and epochs must fit", async (context) => {
  const ports = [await freePort(), await freePort()];
  const here = await place(context, [
    `server.1=127.0.0.1:${ports[0]}:${ports[1]}`,
    ...['server.2=127.0.0.1:2:3', 'server.3=127.0.0.1:4:5', 'initLimit=10', 'syncLimit=5'],
    ...['reconfigEnabled=true', 'ssl.keyStore.location=/etc/key'],
  ]);
  const myid = path.join(here.root, 'data', 'myid');
  fs.writeFileSync(myid, '7\n');
  assert.match(blockers(check(here)).join(), /myid: 7: there is no line server\.7/);
  fs.writeFileSync(myid, '1\n');
  fs.writeFileSync(path.join(here.files, 'acceptedEpoch'), '3');
  fs.writeFileSync(path.join(here.files, 'currentEpoch'), '3');
  const ready = check(here);
  assert.equal(ready.code, 0, ready.stdout);
  assert.match(ready.stdout, /server\.1 of 3, participant/);
  assert.match(ready.stdout, /epochs +accepted 3, current 3/);
  assert.match(
    ready.stdout,
    /reconfig is not built yet[\s\S]*ssl\.keyStore\.location=.*TLS is not built yet/,
  );
  fs.writeFileSync(path.join(here.files, 'acceptedEpoch'), '2');
  assert.match(blockers(check(here)).join(), /acceptedEpoch is 2 and currentEpoch 3/);
});

test('a torn tail is said and left, damage and a missing log are in the way', async (context) => {
  const here = await place(context);
  const log = path.join(here.files, 'log.1d');
  const offsets = recordOffsets(log);
  const whole = fs.readFileSync(log);
  fs.writeFileSync(log, whole.subarray(0, offsets[1] - 3));
  const torn = check(here);
  assert.equal(torn.code, 0, torn.stdout);
  assert.match(torn.stdout, /a start would say: .*log\.1d: .*no record/);
  fs.writeFileSync(log, whole);
  const second = path.join(here.files, 'log.15');
  spoil(second, recordOffsets(second)[1] + 20, (byte) => byte ^ 4);
  fs.renameSync(path.join(here.files, 'snapshot.1c'), path.join(here.root, 'aside'));
  assert.match(blockers(check(here)).join(), /log\.15: damaged at offset/);
  fs.rmSync(path.join(here.files, 'snapshot.0'));
  fs.rmSync(path.join(here.files, 'snapshot.14'));
  fs.writeFileSync(path.join(here.files, 'snapshot.1c'), 'no snapshot');
  assert.match(blockers(check(here)).join(), /none of 1 snapshots can be loaded/);
});

test('a digest that differs is in the way', async (context) => {
  const here = await place(context);
  const log = path.join(here.files, 'log.15');
  const [start, end] = recordOffsets(log);
  const bytes = fs.readFileSync(log);
  // The end of the first entry is its digest; its checksum is made right again.
  bytes[end - 2] ^= 1;
  bytes.writeUInt32BE(adler32(bytes, start + 12, end - 1), start + 4);
  fs.writeFileSync(log, bytes);
  fs.rmSync(path.join(here.files, 'snapshot.1c'));
  assert.match(blockers(check(here)).join(), /cannot be replayed: tree digest after zxid 0x15 is/);
});

test('TTL znodes without extended types, and ACLs of schemes that are not built', async (context) => {
  const here = await place(context, [], false);
  fs.mkdirSync(here.files);
  ownSnapshot(here.files, (tree) => {
    addZnode(tree, '/ttl', null, null, 1, -(1n << 56n) + 5000n);
    addZnode(tree, '/kerberos', null, serialiseAcl([[31, 'sasl', 'joe']]), 1);
    addZnode(tree, '/also', null, serialiseAcl([[31, 'sasl', 'joe']]), 1);
    addZnode(tree, '/container', null, null, 1, -(1n << 63n));
    addZnode(tree, '/orphan', null, null, 1, 77n);
  });
  const outcome = check(here);
  assert.match(outcome.stdout, /written by +Menagerie/);
  assert.match(outcome.stdout, /1 containers, 0 with a TTL/);
  assert.match(outcome.stdout, /1 ephemerals are of sessions that have ended/);
  const found = blockers(outcome);
  assert.equal(found.length, 2, found.join('\n'));
  assert.match(found.join('\n'), /1 znodes have a TTL, and extendedTypesEnabled is not true/);
  assert.match(found.join('\n'), /2 znodes have an ACL of scheme "sasl"/);
  fs.appendFileSync(here.config, 'extendedTypesEnabled=true\n');
  const extended = check(here);
  assert.match(extended.stdout, /1 containers, 1 with a TTL/);
  assert.equal(blockers(extended).length, 1);
});

test('a tree that does not fit says how much it takes', async (context) => {
  const here = await place(context, ['menagerie.replicaMemoryMb=16'], false);
  fs.mkdirSync(here.files);
  ownSnapshot(
    here.files,
    (tree) => {
      for (let i = 0; i < 40; i++) addZnode(tree, `/big${i}`, Buffer.alloc(100_000), null, 1);
      for (let i = 0; i < 20; i++) addZnode(tree, `/bigger${i}`, Buffer.alloc(120_000), null, 1);
      for (let i = 0; i < 100; i++) addZnode(tree, `/more${i}`, Buffer.alloc(124_000), null, 1);
    },
    64,
  );
  const [problem] = blockers(check(here));
  assert.match(
    problem,
    /the tree takes 18\.\d MiB, more than menagerie\.replicaMemoryMb: set it to 2\d or more/,
  );
});

test('a new database from a leader that was not settled is seen, and not settled', async (context) => {
  const here = await place(context);
  fs.copyFileSync(path.join(here.files, 'snapshot.14'), path.join(here.files, 'replacement-snapshot.14'));
  const { code, stdout } = check(here);
  assert.equal(code, 0, stdout);
  assert.match(stdout, /zxid +0x14,/);
});

for (const kind of ['menagerie', 'apache'] as const) {
  const skip = kind === 'apache' ? (apacheMissing() ?? false) : false;
  test(`a server of ${kind} that runs on the data is in the way, unless it is expected`, {
    skip,
  }, async (context) => {
    const server = await ServerProcess.prepare(kind);
    context.after(() => server.dispose());
    await server.start();
    const options = [server.configFile];
    const outcome = tool('zk-server', ['check', ...options]);
    const found = blockers(outcome).join('\n');
    assert.match(found, /client port .* is in use by another process/);
    if (kind === 'menagerie') assert.match(found, new RegExp(`the process with pid ${server.pid} `));
    const expected = tool('zk-server', ['check', '--while-running', ...options]);
    assert.equal(expected.code, 0, expected.stdout);
    assert.match(expected.stdout, /expected: --while-running[\s\S]*ready\n$/);
    assert.ok(server.isRunning);
  });
}
