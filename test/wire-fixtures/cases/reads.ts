import { OpCode } from '../../../src/protocol/opcode.ts';
import type { Acl } from '../../support/wire-records.ts';
import { ephemeral, nobody, onSession, onZnode, type WireCase } from './wire-case.ts';

const MARSHALLINGERROR = -5;
const NOAUTH = -102;
const digest: Acl = { perms: 31, scheme: 'digest', id: 'user:smGaoVKd/cQkjm7b88GyorAUz20=' };

/** A path that is not there, and one that may not be read. */
function failingReads(name: string, type: number): WireCase[] {
  return [
    onZnode(`${name}-no-node`, 'Nothing there; reads do not look at the form of a path.', async (a, path) => {
      for (const missing of [`${path}/x`, 'noslash', '//']) await a.read(type, missing);
    }),
    onZnode(`${name}-no-auth`, 'The znode must grant READ.', async (a, path) => {
      await a.setACL(path, nobody);
      await a.read(type, path);
      // Before 3.9.2 exists told everybody.
      if (type === OpCode.exists) a.since39(NOAUTH);
    }),
  ];
}

/** protocol/client.md §4 and §6: what leaves the tree as it is. */
export const readCases: readonly WireCase[] = [
  onZnode('exists-success', 'A znode, the root by its path, a system znode.', async (a, path) => {
    await a.read(OpCode.exists, path);
    await a.read(OpCode.exists, '/zookeeper');
    await a.read(OpCode.exists, '/zookeeper/config');
  }),
  onZnode('exists-nul', 'A NUL in the path.', (a, path) => a.read(OpCode.exists, `${path}\u0000`)),
  ...failingReads('exists', OpCode.exists),
  onZnode(
    'get-data-success',
    'Data, none, null; the configuration of a standalone server.',
    async (a, path) => {
      await a.create(`${path}/empty`, { data: new Uint8Array(0) });
      await a.create(`${path}/null`, { data: null });
      await a.create(`${path}/e`, { flags: ephemeral });
      for (const below of ['', '/empty', '/null', '/e']) await a.read(OpCode.getData, path + below);
      await a.read(OpCode.getData, '/zookeeper/config');
    },
  ),
  ...failingReads('get-data', OpCode.getData),
  onZnode('get-children-success', 'One child, and none.', async (a, path) => {
    await a.create(`${path}/a`);
    await a.read(OpCode.getChildren, path);
    await a.read(OpCode.getChildren, `${path}/a`);
    await a.read(OpCode.getChildren, '/zookeeper/config');
  }),
  ...failingReads('get-children', OpCode.getChildren),
  onZnode('get-children2-success', 'One child, and none; deletions count in cversion.', async (a, path) => {
    await a.create(`${path}/a`);
    await a.create(`${path}/b`);
    await a.delete(`${path}/a`);
    await a.read(OpCode.getChildren2, path);
    await a.read(OpCode.getChildren2, `${path}/b`);
  }),
  ...failingReads('get-children2', OpCode.getChildren2),
  onZnode('get-acl-success', 'The ACL and the Stat.', async (a, path) => {
    await a.path(OpCode.getACL, path);
    await a.path(OpCode.getACL, '/zookeeper/config');
  }),
  onZnode('get-acl-masked', 'Who may only read sees no digests; ADMIN alone sees all.', async (a, path) => {
    await a.setACL(path, [{ perms: 1, scheme: 'world', id: 'anyone' }, digest]);
    await a.path(OpCode.getACL, path);
    await a.auth('digest', 'user:pass');
    await a.path(OpCode.getACL, path);
  }),
  onZnode('get-acl-no-node', 'Nothing there.', (a, path) => a.path(OpCode.getACL, `${path}/x`)),
  onZnode('get-acl-no-auth', 'Neither READ nor ADMIN.', async (a, path) => {
    await a.setACL(path, nobody);
    await a.path(OpCode.getACL, path);
  }),
  onZnode('get-ephemerals', 'Those of the session, by the beginning of their paths.', async (a, path) => {
    await a.path(OpCode.getEphemerals, path);
    await a.create(`${path}/e`, { flags: ephemeral });
    for (const prefix of [path, '/', '', null, `${path}/f`, path.slice(0, 3)])
      await a.path(OpCode.getEphemerals, prefix);
  }),
  onZnode('get-all-children-number', 'All below, at whatever depth.', async (a, path) => {
    for (const below of ['/a', '/a/b', '/a/b/c', '/d']) await a.create(path + below);
    for (const below of ['', '/a', '/d', '/none']) await a.path(OpCode.getAllChildrenNumber, path + below);
  }),
  onZnode('get-all-children-number-no-auth', 'The znode must grant READ.', async (a, path) => {
    await a.setACL(path, nobody);
    await a.path(OpCode.getAllChildrenNumber, path);
  }),
  onZnode('multi-read', 'Results and errors side by side.', async (a, path) => {
    await a.create(`${path}/a`, { data: null });
    await a.create(`${path}/closed`, { acl: nobody });
    await a.multiRead([
      { type: 'getData', path },
      { type: 'getData', path: `${path}/none` },
      { type: 'getChildren', path: `${path}/a` },
      { type: 'getData', path: `${path}/a` },
      { type: 'getChildren', path: `${path}/closed` },
      { type: 'getData', path: `${path}/closed` },
    ]);
    await a.multiRead([]);
  }),
  onSession(
    'multi-read-write',
    'A write in a multiRead: an error, and behind it an empty result.',
    async (a, path) => {
      await a.request(OpCode.multiRead, (writer) => {
        writer.writeInt(OpCode.delete);
        writer.writeBoolean(false);
        writer.writeInt(-1);
        writer.writeString(path);
        writer.writeInt(-1);
        writer.writeInt(-1);
        writer.writeBoolean(true);
        writer.writeInt(-1);
      });
      a.otherwiseHere(MARSHALLINGERROR);
    },
  ),
];
