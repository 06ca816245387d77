import { PARTINGS } from './faults.ts';
import type { Mutant } from './mutant.ts';

/** What clients see: the tree, sessions, ephemerals, watches, the order of replies. */
export const CLIENT_MUTANTS: readonly Mutant[] = [
  {
    name: 'half-multi',
    what: 'of a failed multi what stands before the failure is done',
    seen: 'ZOOKEEPER-3127',
    edits: [
      {
        file: 'src/txn/apply.js',
        find: 'if (failedAt < 0)\n',
        replace: 'if (failedAt < 0 || (i < failedAt && type !== -1))\n',
      },
    ],
    finder: 'simulator',
    checks: ['the server ends'],
    seed: 2,
  },
  {
    name: 'ephemeral-outlives-session',
    what: 'an ephemeral whose create was under way when its session was closed stays for ever',
    seen: 'ZOOKEEPER-2355, 1367',
    edits: [
      {
        file: 'src/txn/closing-session.js',
        find: 'for (const change of changes.ephemeralsOf(session.idHigh, session.idLow)) {',
        replace: 'for (const change of []) {',
      },
      {
        file: 'src/txn/apply.js',
        find: 'for (const path of left)\n            this.#deletePath(path, 0, path.length);',
        replace: '',
      },
    ],
    finder: 'simulator',
    checks: ['ephemerals'],
    seed: 7,
  },
  {
    name: 'session-open-after-close',
    what: 'a session that is being closed can still create ephemerals',
    seen: 'no issue known',
    edits: [{ file: 'src/txn/prep.js', find: 'session.isClosing = true;', replace: '' }],
    finder: 'simulator',
    checks: ['ephemerals'],
    seed: 7,
  },
  {
    name: 'session-made-again',
    what: 'a client that shows the id of an expired session gets a new one, silently',
    seen: 'ClickHouse 116690',
    edits: [
      {
        file: 'src/session/leader-sessions.js',
        find: 'if (session === undefined || session.isClosing || !session.isCommitted)\n            return Revalidation.refused;',
        replace:
          'if (session === undefined) { this.#tracker.add(idHigh, idLow, timeoutMs, nowMs).owner = owner; return Revalidation.moved; }',
      },
    ],
    finder: 'simulator',
    checks: ['ephemerals'],
    seed: 13,
  },
  {
    name: 'moved-session-obeyed',
    what: 'what a session had sent through another server is done behind what it has done since',
    seen: 'no issue known',
    edits: [
      {
        file: 'src/session/leader-sessions.js',
        find: 'if (session.owner === owner || session.isClosing)',
        replace: 'if (owner >= 0)',
      },
    ],
    finder: 'simulator',
    checks: ['session order'],
    seed: 842,
    given: { faults: PARTINGS },
  },
  {
    name: 'heartbeats-of-learners-lost',
    what: 'the leader expires sessions that other servers have heard of',
    seen: 'no issue known',
    edits: [
      {
        file: 'src/session/leader-sessions.js',
        find: 'session.connectionTimeoutMs = timeoutMs;\n        this.#tracker.touch(session, nowMs);\n    }\n}',
        replace: '}\n}',
      },
    ],
    finder: 'simulator',
    checks: ['sessions live'],
    seed: 3,
  },
  {
    name: 'write-proposed-twice',
    what: 'after a change of the leader a write is sent again although the history holds it',
    seen: 'this server, simulator seed 1946',
    edits: [
      {
        file: 'src/server/session-writes.js',
        find: 'if (write.isSync || !isLogged(write))',
        replace: 'if (write !== null)',
      },
    ],
    finder: 'simulator',
    checks: ['session order'],
    seed: 1160,
    given: { faults: PARTINGS, voters: 3, observers: 0, clients: 6, diskDelayMs: 5 },
  },
  {
    name: 'sync-overtaken',
    what: 'a sync is overtaken by the write behind it when the leader changes',
    seen: 'this server, simulator seed 175',
    edits: [
      {
        file: 'src/server/session-writes.js',
        find: 'this.syncsBefore.push(writes[i]);',
        replace: '{}',
      },
    ],
    finder: 'simulator',
    checks: ['FIFO'],
    seed: 2,
    given: { faults: PARTINGS },
  },
  {
    name: 'watch-after-reply',
    what: 'a watch fires after a reply that shows the change',
    seen: 'ZOOKEEPER-1412, etcd 18089',
    edits: [
      {
        file: 'src/connection/watch-events.js',
        find: '    fire(change) {',
        replace:
          '    late = null;\n    fire(change) { const { late } = this; this.late = { ...change, bytes: new Uint8Array(change.bytes) }; if (late !== null) this.fireLate(late); }\n    fireLate(change) {',
      },
    ],
    finder: 'simulator',
    checks: ['watch before data'],
    seed: 1,
  },
  {
    name: 'watch-lost-at-reconnect',
    what: 'a change between two connections does not fire the watch that is set again',
    seen: 'ZOOKEEPER-1412, etcd 19179',
    edits: [
      {
        file: 'src/connection/set-watches.js',
        find: 'return compareLongs(high, low, seenHigh, seenLow) > 0;',
        replace: 'return compareLongs(high, low, seenHigh, seenLow) < -1;',
      },
    ],
    finder: 'simulator',
    checks: ['watch before data'],
    seed: 15,
  },
  {
    name: 'child-watch-of-deleted',
    what: 'the children watch of a znode that is deleted never fires',
    seen: 'ZOOKEEPER-3144',
    edits: [
      {
        file: 'src/connection/watch-events.js',
        find: 'this.#notifyAll(this.#childWatches, hash, EventType.nodeDeleted, change, notified);',
        replace: '',
      },
    ],
    finder: 'simulator',
    checks: ['watch before data'],
    seed: 2,
  },
];
