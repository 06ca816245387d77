import { CRASHES, DISK_ERRORS } from './faults.ts';
import type { Mutant } from './mutant.ts';

/** What a disk keeps: log, snapshots, epochs, and how they are read, cut, replaced and purged. */
export const STORAGE_MUTANTS: readonly Mutant[] = [
  {
    name: 'log-not-synced',
    what: 'the log is written, and not synced',
    seen: 'etcd 14370',
    edits: [
      {
        file: 'src/storage/txn-log-writer.js',
        find: 'this.#options.fileSystem.fdatasync(this.#fd);',
        replace: '',
      },
    ],
    finder: 'simulator',
    checks: ['the server ends'],
    seed: 1,
  },
  {
    name: 'log-error-swallowed',
    what: 'a server that cannot write its log goes on',
    seen: 'ZOOKEEPER-2247, fsyncgate',
    edits: [
      {
        file: 'src/storage/txn-log-writer.js',
        find: "throw this.#fail('sync', error);",
        replace: "if (error.code !== 'EIO') throw this.#fail('sync', error);",
      },
    ],
    finder: 'simulator',
    checks: ['identical prefix'],
    seed: 1,
    given: { faults: DISK_ERRORS },
  },
  {
    name: 'log-directory-not-synced',
    what: 'a new log file is synced, its directory not',
    seen: 'ZOOKEEPER-2003, ClickHouse 111339',
    edits: [
      {
        file: 'src/storage/txn-log-writer.js',
        find: 'this.#options.fileSystem.fsyncDirectory(this.#options.directory);',
        replace: '',
      },
    ],
    finder: 'simulator',
    checks: ['identical prefix'],
    seed: 1,
  },
  {
    name: 'epoch-directory-not-synced',
    what: 'an epoch file is replaced, and its directory not synced',
    seen: 'ZOOKEEPER-2003',
    edits: [
      {
        file: 'src/storage/file-system.js',
        find: 'fileSystem.fsyncDirectory(nodePath.dirname(path));',
        replace: '',
      },
    ],
    finder: 'simulator',
    checks: ['the server ends'],
    seed: 5,
  },
  {
    name: 'epoch-file-not-synced',
    what: 'an epoch file gets its name before its content is on disk',
    seen: 'ALICE, OSDI 14',
    edits: [
      {
        file: 'src/storage/file-system.js',
        find: 'fileSystem.fsync(fd);',
        replace: '',
      },
    ],
    finder: 'simulator',
    checks: ['the server ends'],
    seed: 1,
  },
  {
    name: 'page-cache-trusted',
    what: 'a log that a killed server left in the page cache is voted with, and not synced',
    seen: 'this server, simulator seeds 115, 173',
    edits: [{ file: 'src/storage/recovery.js', find: 'this.#syncLogs();', replace: '' }],
    finder: 'simulator',
    checks: ['durable on a quorum'],
    seed: 177,
  },
  {
    name: 'torn-tail-left',
    what: 'a half written record stays at the end of the log, and another log goes on behind it',
    seen: 'ZOOKEEPER-596, ClickHouse 75197',
    edits: [
      {
        file: 'src/storage/recovery.js',
        find: 'cutTornTails(directory.fileSystem, directory.logDirectory, tornTails, log);',
        replace: '',
      },
    ],
    finder: 'simulator',
    checks: ['the server ends'],
    seed: 23,
  },
  {
    name: 'truncate-error-swallowed',
    what: 'the log cannot be cut, and the server goes on as if it were',
    seen: 'ZOOKEEPER-3701',
    edits: [
      {
        file: 'src/storage/torn-tail.js',
        find: 'fileSystem.truncate(fd, length);',
        replace:
          'try { fileSystem.truncate(fd, length); } catch (error) { if (error.code !== "EIO") throw error; }',
      },
    ],
    finder: 'simulator',
    checks: ['identical digest'],
    seed: 62,
    given: { faults: CRASHES, cutErrors: 1 },
  },
  {
    name: 'trunc-one-too-far',
    what: 'TRUNC cuts the txn that it names, too',
    seen: 'ZOOKEEPER-1156, 1489',
    edits: [
      {
        file: 'src/storage/history-truncation.js',
        find: 'keepBytes: reader.recordEnd, ...last };',
        replace: 'keepBytes: reader.recordStart, ...last };',
      },
    ],
    finder: 'crash images',
    checks: ['acknowledged txns are there'],
    seed: 1,
  },
  {
    name: 'snapshot-outlives-trunc',
    what: 'TRUNC leaves a later snapshot, and a start brings back what was cut',
    seen: 'ZOOKEEPER-1489, 4837',
    edits: [
      {
        file: 'src/storage/history-truncation.js',
        find: 'for (const { path } of laterSnapshots)\n        fileSystem.unlink(path);',
        replace: '',
      },
    ],
    finder: 'crash images',
    checks: ['acknowledged txns are there'],
    seed: 1,
  },
  {
    name: 'snap-beside-old-history',
    what: "a leader's snapshot is put beside the old log instead of in its place",
    seen: 'ZOOKEEPER-1489, 4837',
    edits: [
      {
        file: 'src/storage/database-replacement.js',
        find: 'for (const { path } of [...directory.listLogs(), ...directory.listSnapshots()])\n        fileSystem.unlink(path);',
        replace: '',
      },
    ],
    finder: 'simulator',
    checks: ['durable on a quorum'],
    seed: 3,
    given: { faults: CRASHES, forceSnapshotSync: true },
  },
  {
    name: 'interrupted-snap-forgotten',
    what: 'a start does not finish the SNAP that a crash interrupted: what is left of the old history takes DIFFs',
    seen: 'ZOOKEEPER-2872, 3642',
    edits: [
      {
        file: 'src/storage/recovery.js',
        find: 'settleReplacement(directory, this.#options.entryBytesMax, log);',
        replace: '',
      },
    ],
    finder: 'crash images',
    checks: ['acknowledged txns are there'],
    seed: 3,
  },
  {
    name: 'snapshot-not-synced',
    what: 'a snapshot gets its name before its content is on disk; a purge takes what would replace it',
    seen: 'ZOOKEEPER-2325, 3056, 3231',
    edits: [
      { file: 'src/storage/snapshot-output.js', find: 'this.#fileSystem.fsync(this.#fd);', replace: '' },
    ],
    finder: 'simulator',
    checks: ['the server ends'],
    seed: 1,
    given: { purgeRetain: 1 },
  },
  {
    name: 'purge-of-needed-log',
    what: 'a purge removes the log that holds the first txns behind the oldest snapshot',
    seen: 'ZOOKEEPER-2574',
    edits: [
      {
        file: 'src/storage/purge.js',
        find: 'logs.slice(0, Math.max(0, before - 1));',
        replace: 'logs.slice(0, before);',
      },
    ],
    finder: 'simulator',
    checks: ['the server ends'],
    seed: 2,
    given: { purgeRetain: 1 },
  },
  {
    name: 'snapshot-without-sessions',
    what: 'sessions are lost with a restart; their ephemerals stay for ever',
    seen: 'ZOOKEEPER-1319, 1367',
    edits: [
      {
        file: 'src/storage/snapshot-body.js',
        find: 'const count = sessions.timeoutsMs.length;',
        replace: 'const count = 0;',
      },
    ],
    finder: 'simulator',
    checks: ['liveness'],
    seed: 2,
  },
  {
    name: 'fuzzy-snapshot-taken-for-exact',
    what: 'replay over a fuzzy snapshot expects the tree of its zxid',
    seen: 'ZOOKEEPER-3125, 3127',
    edits: [
      {
        file: 'src/server/database.js',
        find: 'this.#applier.isReplay = true;',
        replace: 'this.#applier.isReplay = false;',
      },
    ],
    finder: 'crash images',
    checks: ['recovery succeeds'],
    seed: 1,
  },
];
