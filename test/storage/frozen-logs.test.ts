import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FileSystem, nodeFileSystem } from '../../src/storage/file-system.ts';
import { frozenLogs } from '../../src/storage/frozen-logs.ts';
import { TxnLogReader } from '../../src/storage/txn-log-reader.ts';
import { appendEntry, makeEntry, newLogWriter, openDataDirectory, temporaryDirectory } from './support.ts';

const ENTRY_BYTES_MAX = 1 << 20;
/** More than is read at a time. */
const PREALLOCATION_BYTES = 2 << 20;

test('a log that grows while it is read ends where it ended before; without that it seems damaged', (context) => {
  const directory = openDataDirectory(context, temporaryDirectory(context));
  const { logDirectory } = directory;
  const writer = newLogWriter(logDirectory, {
    preallocationBytes: PREALLOCATION_BYTES,
    lastZxidHigh: 0,
    lastZxidLow: 0,
  });
  let zxid = 0n;
  const append = (): void => {
    zxid++;
    appendEntry(writer, makeEntry({ zxid, type: -10, session: 7n, body: Buffer.from([0, 0, 0, 9]) }), zxid);
    writer.sync();
  };
  for (let i = 0; i < 5; i++) append();
  /** A server writes two more txns after each read. */
  const growing: FileSystem = {
    ...nodeFileSystem,
    read: (...read) => {
      const count = nodeFileSystem.read(...read);
      append();
      append();
      return count;
    },
  };
  const lastRead = (fileSystem: FileSystem): number => {
    const reader = new TxnLogReader({
      ...{ fileSystem, files: directory.listLogs(), fromHigh: 0, fromLow: 1, entryBytesMax: ENTRY_BYTES_MAX },
    });
    try {
      while (reader.next());
      return reader.zxidLow;
    } finally {
      reader.close();
    }
  };
  assert.throws(() => lastRead(growing), { name: 'CorruptLogError' });
  const frozen = frozenLogs(growing, logDirectory);
  assert.ok(lastRead(frozen) >= 5);
  assert.deepEqual(
    frozen.list(logDirectory).filter((name) => name.startsWith('log.')),
    ['log.1'],
  );
  writer.close();
});
