import { AddWatchMode, OpCode, WatcherType } from '../../../src/protocol/opcode.ts';
import type { RecordedConnection } from '../recording.ts';
import { ephemeral, onSession, onZnode, type WireCase } from './wire-case.ts';

const { exists, getData, getChildren, getChildren2, addWatch, checkWatches, removeWatches } = OpCode;
const { persistent, persistentRecursive } = AddWatchMode;

/** Everything that can happen to the znode at the path. */
async function life(a: RecordedConnection, path: string): Promise<void> {
  await a.create(path);
  await a.setData(path);
  await a.create(`${path}/child`);
  await a.setData(`${path}/child`);
  await a.delete(`${path}/child`);
  await a.delete(path);
}

const eventCases: readonly WireCase[] = [
  onSession('watch-exists', 'NodeCreated, NodeDataChanged, NodeDeleted by exists.', async (a, path) => {
    await a.read(exists, path, true);
    await a.create(path);
    await a.read(exists, path, true);
    await a.setData(path);
    await a.read(exists, path, true);
    await a.delete(path);
  }),
  onZnode('watch-get-data', 'NodeDataChanged, once; NodeDeleted.', async (a, path) => {
    await a.read(getData, path, true);
    await a.setData(path);
    await a.setData(path);
    await a.read(getData, path, true);
    await a.delete(path);
    // A failed read sets none.
    await a.read(getData, path, true);
    await a.create(path);
  }),
  onZnode(
    'watch-get-children',
    'NodeChildrenChanged by creation and deletion, NodeDeleted.',
    async (a, path) => {
      await a.read(getChildren, path, true);
      await a.create(`${path}/a`);
      await a.read(getChildren2, path, true);
      await a.setData(`${path}/a`);
      await a.delete(`${path}/a`);
      await a.read(getChildren, path, true);
      await a.delete(path);
    },
  ),
  onZnode('watch-both', 'Data and children watched: one NodeDeleted.', async (a, path) => {
    await a.read(getData, path, true);
    await a.read(getChildren, path, true);
    await a.delete(path);
  }),
  onZnode('watch-set-acl', 'A change of the ACL is no event.', async (a, path) => {
    await a.read(getData, path, true);
    await a.setACL(path, [{ perms: 31, scheme: 'world', id: 'anyone' }]);
    await a.setData(path);
  }),
  onZnode('watch-other-session', 'A write by another session.', async (a, path, recording) => {
    const b = await recording.session('b');
    await a.read(getData, path, true);
    b.send(OpCode.setData, (writer) => {
      writer.writeString(path);
      writer.writeBuffer(Buffer.from('by b'));
      writer.writeInt(-1);
    });
    await a.event();
    await b.reply();
    await b.close();
  }),
  onZnode(
    'watch-close-session',
    'The end of a session deletes its ephemerals.',
    async (a, path, recording) => {
      const b = await recording.session('b');
      await b.create(`${path}/e`, { flags: ephemeral });
      await a.read(exists, `${path}/e`, true);
      await a.read(getChildren, path, true);
      b.send(OpCode.closeSession, () => {});
      await a.event();
      await a.event();
      await b.reply();
      await b.closed();
    },
  ),
  onZnode('watch-multi', 'The events of a multi, in the order of its operations.', async (a, path) => {
    await a.create(`${path}/gone`);
    await a.read(getData, path, true);
    await a.read(exists, `${path}/new`, true);
    await a.read(getData, `${path}/gone`, true);
    await a.multi([
      { type: 'create', path: `${path}/new` },
      { type: 'setData', path, data: null },
      { type: 'delete', path: `${path}/gone` },
    ]);
  }),
];

const addedCases: readonly WireCase[] = [
  onSession('add-watch-persistent', 'A persistent watch through the life of a znode.', async (a, path) => {
    await a.pathAndInt(addWatch, path, persistent);
    await life(a, path);
  }),
  onSession('add-watch-recursive', 'A recursive watch through the life of a znode.', async (a, path) => {
    await a.pathAndInt(addWatch, path, persistentRecursive);
    await life(a, path);
  }),
  onZnode('add-watch-bad-mode', 'A mode that there is not.', (a, path) => a.pathAndInt(addWatch, path, 2)),
  ...(
    [
      ['children', getChildren, WatcherType.children],
      ['data', getData, WatcherType.data],
      ['any', getData, WatcherType.any],
    ] as const
  ).map(([name, read, type]) =>
    onZnode(
      `remove-watches-${name}`,
      'Found, removed, found no more; the event does not come.',
      async (a, path) => {
        await a.pathAndInt(removeWatches, path, type);
        await a.read(read, path, true);
        await a.pathAndInt(checkWatches, path, type);
        await a.pathAndInt(removeWatches, path, type);
        await a.pathAndInt(checkWatches, path, type);
        await a.setData(path);
        await a.create(`${path}/child`);
      },
    ),
  ),
  onZnode('remove-watches-persistent-any', 'Any means persistent watches, too.', async (a, path) => {
    await a.pathAndInt(addWatch, path, persistent);
    await a.pathAndInt(checkWatches, path, WatcherType.any);
    await a.pathAndInt(removeWatches, path, WatcherType.any);
    await a.setData(path);
  }),
  onZnode('remove-watches-bad-type', 'A type that there is not.', async (a, path) => {
    await a.pathAndInt(checkWatches, path, 9);
    await a.pathAndInt(removeWatches, path, 9);
  }),
];

/** Catching up: `b` is the same session on a new connection, which has seen nothing since the zxid. */
const setWatchesCases: readonly WireCase[] = (['setWatches', 'setWatches2'] as const).map((op) => ({
  name: op === 'setWatches' ? 'set-watches' : 'set-watches2',
  about: 'A client that comes back: what has happened is told, what has not is watched.',
  config: [],
  async play(recording, path) {
    const a = await recording.session('a');
    for (const name of ['', '/same', '/changed', '/gone', '/parent']) await a.create(path + name);
    const seen = a.lastZxid;
    await a.setData(`${path}/changed`);
    await a.delete(`${path}/gone`);
    await a.create(`${path}/new`);
    await a.create(`${path}/parent/child`);
    const b = await recording.open('b');
    await b.connect({ session: a.session, lastZxidSeen: seen });
    await a.closed();
    const lists = {
      data: [`${path}/same`, `${path}/changed`, `${path}/gone`],
      exist: [`${path}/new`, `${path}/later`],
      child: [`${path}/parent`, `${path}/same`, `${path}/gone`],
    };
    const lasting = { persistent: [`${path}/lasting`], persistentRecursive: [`${path}/deep`] };
    await b.setWatches(seen, op === 'setWatches2' ? { ...lists, ...lasting } : lists, OpCode[op]);
    await b.setData(`${path}/same`);
    await b.create(`${path}/later`);
    await b.create(`${path}/same/child`);
    await b.create(`${path}/lasting`);
    await b.create(`${path}/deep`);
    await b.create(`${path}/deep/deeper`);
    await b.close();
  },
}));

/** protocol/client.md §8. */
export const watchCases: readonly WireCase[] = [...eventCases, ...addedCases, ...setWatchesCases];
