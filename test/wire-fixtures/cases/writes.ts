import { OpCode } from '../../../src/protocol/opcode.ts';
import { type Acl, openAcl, readOnlyAcl } from '../../support/wire-records.ts';
import type { CreateOptions } from '../recording.ts';
import {
  container,
  ephemeral,
  ephemeralSequential,
  nobody,
  onSession,
  onZnode,
  sequential,
  ttl,
  ttlSequential,
  type WireCase,
} from './wire-case.ts';

const extended = ['extendedTypesEnabled=true'];

/** The same requests as create and as create2. */
function bothCreates(
  name: string,
  about: string,
  requests: (path: string) => readonly (readonly [string | null, CreateOptions?])[],
): WireCase[] {
  return (['create', 'create2'] as const).map((op) =>
    onZnode(`${op}-${name}`, `${op}: ${about}`, async (a, path) => {
      for (const [at, options] of requests(path)) await a.create(at, options, OpCode[op]);
    }),
  );
}

const badAcls: readonly (readonly Acl[] | null)[] = [
  null,
  [],
  [{ perms: 31, scheme: 'world', id: 'nobody' }],
  [{ perms: 31, scheme: 'nosuch', id: 'x' }],
  [{ perms: 31, scheme: 'auth', id: '' }],
  [{ perms: 31, scheme: 'digest', id: 'nocolon' }],
  [{ perms: 31, scheme: 'ip', id: '1.2.3' }],
  [{ perms: 31, scheme: 'super', id: '' }],
];

const createCases: readonly WireCase[] = [
  ...bothCreates('success', 'persistent znodes with data, with none, and with null.', (path) => [
    [`${path}/a`],
    [`${path}/a/b`, { data: new Uint8Array(0) }],
    [`${path}/a/c`, { data: null }],
  ]),
  ...bothCreates('ephemeral', 'a znode of the session.', (path) => [[`${path}/e`, { flags: ephemeral }]]),
  ...bothCreates('sequential', 'the numbers count all creations below the parent.', (path) => [
    [`${path}/s-`, { flags: sequential }],
    [`${path}/plain`],
    [`${path}/`, { flags: ephemeralSequential }],
    [`${path}/s-`, { flags: sequential }],
  ]),
  ...bothCreates('container-flag', 'the flag of containers here makes a persistent znode.', (path) => [
    [`${path}/c`, { flags: container }],
  ]),
  ...bothCreates('exists', 'what is there is not made again.', (path) => [[path], ['/zookeeper']]),
  ...bothCreates('no-parent', 'a parent is not made along.', (path) => [[`${path}/no/such`]]),
  ...bothCreates('below-ephemeral', 'ephemerals have no children.', (path) => [
    [`${path}/e`, { flags: ephemeral }],
    [`${path}/e/child`],
  ]),
  ...bothCreates('bad-flags', 'flags that mean nothing.', (path) => [
    [`${path}/x`, { flags: 7 }],
    [`${path}/x`, { flags: -1 }],
  ]),
  ...bothCreates('bad-path', 'paths that are none.', (path) => [
    ['noslash'],
    [''],
    [`${path}/`],
    [`${path}//x`],
    [`${path}/.`],
    [`${path}/../x`],
    [`${path}/a\u0001b`],
    [`${path}/\u0000`],
    ['/'],
  ]),
  ...bothCreates('bad-acl', 'ACLs that cannot be.', (path) => badAcls.map((acl) => [`${path}/x`, { acl }])),
  ...bothCreates('acl-twice', 'the same entry twice is one.', (path) => [
    [`${path}/x`, { acl: [...openAcl, ...openAcl] }],
  ]),
  ...bothCreates('no-auth', 'the parent must grant CREATE.', (path) => [
    [`${path}/closed`, { acl: readOnlyAcl }],
    [`${path}/closed/x`],
  ]),
  ...bothCreates('ttl-flags', 'TTL flags without a TTL, where TTLs are off.', (path) => [
    [`${path}/t`, { flags: ttl }],
    [`${path}/t`, { flags: ttlSequential }],
  ]),
  onZnode('create-container-success', 'A container, a child of it, a sequential one.', async (a, path) => {
    await a.create(`${path}/c`, { flags: container }, OpCode.createContainer);
    await a.create(`${path}/c/child`);
    await a.create(`${path}/c`, { flags: container }, OpCode.createContainer);
    await a.create(`${path}/s-`, { flags: sequential }, OpCode.createContainer);
    await a.create(`${path}/no/such`, { flags: container }, OpCode.createContainer);
    await a.create(`${path}/x`, { flags: 9 }, OpCode.createContainer);
    await a.read(OpCode.exists, `${path}/c`);
  }),
  onZnode('create-ttl-off', 'TTL znodes where they are not enabled.', async (a, path) => {
    await a.create(`${path}/t`, { flags: ttl, ttlMs: 1000n }, OpCode.createTTL);
    await a.create(`${path}/t`, { flags: ttlSequential, ttlMs: 1000n }, OpCode.createTTL);
  }),
  onZnode(
    'create-ttl-success',
    'TTL znodes: their Stat shows no owner.',
    async (a, path) => {
      await a.create(`${path}/t`, { flags: ttl, ttlMs: 0xff_ffff_ffffn }, OpCode.createTTL);
      await a.create(`${path}/s-`, { flags: ttlSequential, ttlMs: 3_600_000n }, OpCode.createTTL);
      await a.read(OpCode.exists, `${path}/t`);
      await a.create(`${path}/t/child`);
      await a.create(`${path}/t`, { flags: ttl, ttlMs: 1000n }, OpCode.createTTL);
    },
    extended,
  ),
  onZnode(
    'create-ttl-bad',
    'TTLs that are none, and a TTL where there can be none.',
    async (a, path) => {
      for (const ttlMs of [0n, -1n, 0x100_0000_0000n]) {
        await a.create(`${path}/t`, { flags: ttl, ttlMs }, OpCode.createTTL);
      }
      await a.create(`${path}/t`, { flags: 0, ttlMs: 1000n }, OpCode.createTTL);
      await a.create(`${path}/t`, { flags: ttl });
      await a.create(`${path}/t`, { flags: ttl }, OpCode.create2);
    },
    extended,
  ),
];

const otherWriteCases: readonly WireCase[] = [
  onZnode('delete-success', 'Any version, and the right one.', async (a, path) => {
    await a.create(`${path}/a`);
    await a.create(`${path}/b`);
    await a.delete(`${path}/a`);
    await a.delete(`${path}/b`, 0);
    await a.read(OpCode.exists, path);
  }),
  onZnode('delete-bad-version', 'Another version.', (a, path) => a.delete(path, 3)),
  onZnode('delete-no-node', 'Nothing there, and no parent either.', async (a, path) => {
    await a.delete(`${path}/x`);
    await a.delete(`${path}/x/y`);
  }),
  onZnode('delete-not-empty', 'A znode with a child.', async (a, path) => {
    await a.create(`${path}/a`);
    await a.delete(path);
  }),
  onZnode('delete-bad-path', 'What may not be deleted.', async (a) => {
    for (const path of ['/', '/zookeeper', '/zookeeper/quota', '/zookeeper/config', 'noslash', ''])
      await a.delete(path);
  }),
  onZnode('delete-no-auth', 'The parent must grant DELETE.', async (a, path) => {
    await a.create(`${path}/p`);
    await a.create(`${path}/p/c`);
    await a.setACL(`${path}/p`, readOnlyAcl);
    await a.delete(`${path}/p/c`);
  }),
  onZnode('set-data-success', 'Any version, the right one, no data, null.', async (a, path) => {
    await a.setData(path);
    await a.setData(path, Buffer.from('third'), 1);
    await a.setData(path, new Uint8Array(0));
    await a.setData(path, null);
  }),
  onZnode('set-data-bad-version', 'Another version.', (a, path) => a.setData(path, null, 1)),
  onZnode('set-data-no-node', 'Nothing there.', (a, path) => a.setData(`${path}/x`)),
  onZnode('set-data-bad-path', 'Paths that are none.', async (a, path) => {
    for (const bad of ['', 'noslash', `${path}/`, `${path}//x`, `${path}/.`]) await a.setData(bad);
  }),
  onZnode('set-data-no-auth', 'The znode must grant WRITE.', async (a, path) => {
    await a.setACL(path, readOnlyAcl);
    await a.setData(path);
  }),
  onZnode('set-acl-success', 'The version of ACLs is one of its own.', async (a, path) => {
    await a.setACL(path, [{ perms: 31, scheme: 'world', id: 'anyone' }, ...nobody]);
    await a.setACL(path, openAcl, 1);
    await a.path(OpCode.getACL, path);
  }),
  onZnode('set-acl-auth', 'The scheme auth stands for who the connection is.', async (a, path) => {
    await a.auth('digest', 'user:pass');
    await a.setACL(path, [{ perms: 31, scheme: 'auth', id: 'ignored' }]);
    await a.path(OpCode.getACL, path);
    await a.setData(path);
  }),
  onZnode('set-acl-bad-version', 'Another version.', (a, path) => a.setACL(path, openAcl, 4)),
  onZnode('set-acl-no-node', 'Nothing there.', (a, path) => a.setACL(`${path}/x`, openAcl)),
  onZnode('set-acl-bad-path', 'A path that is none.', (a, path) => a.setACL(`${path}/`, openAcl)),
  onZnode('set-acl-bad-acl', 'ACLs that cannot be.', async (a, path) => {
    for (const acl of badAcls) await a.setACL(path, acl);
  }),
  onZnode('set-acl-no-auth', 'The znode must grant ADMIN.', async (a, path) => {
    await a.setACL(path, readOnlyAcl);
    await a.setACL(path, openAcl);
  }),
  onZnode('sync', 'The path comes back, whether it is there or not.', async (a, path) => {
    await a.path(OpCode.sync, path);
    await a.path(OpCode.sync, `${path}/no/such`);
  }),
];

/** A quota as zkCli's setquota makes it. */
async function setQuota(
  a: Parameters<Parameters<typeof onZnode>[2]>[0],
  path: string,
  limits: string,
): Promise<void> {
  await a.create(`/zookeeper/quota${path}`, { data: null });
  await a.create(`/zookeeper/quota${path}/zookeeper_limits`, { data: Buffer.from(limits) });
  await a.create(`/zookeeper/quota${path}/zookeeper_stats`, { data: Buffer.from('count=0,bytes=0') });
}

const quotaCases: readonly WireCase[] = [
  onZnode('quota-stats', 'The stats follow what happens.', async (a, path) => {
    await setQuota(a, path, 'count=-1,bytes=-1');
    const stats = `/zookeeper/quota${path}/zookeeper_stats`;
    await a.read(OpCode.getData, stats);
    await a.create(`${path}/a`);
    await a.read(OpCode.getData, stats);
    await a.setData(`${path}/a`, null);
    await a.read(OpCode.getData, stats);
    await a.delete(`${path}/a`);
    await a.read(OpCode.getData, stats);
  }),
  onZnode(
    'quota-enforced',
    'Hard limits refuse; soft ones do not.',
    async (a, path) => {
      await setQuota(a, path, 'count=1,bytes=-1=;byteHardLimit=20;countHardLimit=3');
      await a.create(`${path}/a`);
      await a.create(`${path}/b`);
      await a.create(`${path}/c`);
      await a.setData(`${path}/b`, Buffer.from('far more than twenty bytes'));
      await a.delete(`${path}/b`);
      await a.create(`${path}/c`);
    },
    ['enforceQuota=true'],
  ),
];

/** protocol/client.md §4 and §6: what changes the tree. */
export const writeCases: readonly WireCase[] = [
  ...createCases,
  ...otherWriteCases,
  ...quotaCases,
  onSession('close-session', 'The ephemerals of a session go with it.', async (a, path, recording) => {
    await a.create(path);
    const b = await recording.session('b');
    await b.create(`${path}/e`, { flags: ephemeral });
    await b.close();
    await a.read(OpCode.getChildren2, path);
  }),
];
