import { CRASHES } from './faults.ts';
import type { Mutant } from './mutant.ts';

/** What a server acknowledges, promises and takes for committed: elections, epochs, learner synchronisation, broadcast. */
export const SYNCHRONISATION_MUTANTS: readonly Mutant[] = [
  {
    name: 'ack-before-sync',
    what: 'a txn is acknowledged before it is on disk',
    seen: 'etcd 14370, ZOOKEEPER-4646',
    edits: [
      {
        file: 'src/zab/durable-state.js',
        find: 'if (tail === undefined) {',
        replace: 'if (tail !== null) {',
      },
    ],
    finder: 'simulator',
    checks: ['durable on a quorum'],
    seed: 1,
  },
  {
    name: 'newleader-ack-before-history',
    what: 'NEWLEADER is acknowledged before the history that it vouches for is on disk',
    seen: 'ZOOKEEPER-3911, 4646',
    edits: [
      {
        file: 'src/zab/durable-state.js',
        find: "this.#queue.push({ kind: 'send', connection, packet });",
        replace:
          "if (packet.type === 'newLeaderAck') return this.#acts.send(connection, packet); this.#queue.push({ kind: 'send', connection, packet });",
      },
    ],
    finder: 'simulator',
    checks: ['durable on a quorum'],
    seed: 9,
  },
  {
    name: 'epoch-before-history',
    what: 'currentEpoch is stored before the history that it vouches for: a crash between the two, and the next election is won without it',
    seen: 'ZOOKEEPER-4643',
    edits: [
      {
        file: 'src/zab/learner.js',
        find: "this.#enter('synchronising', nowMs);",
        replace: "this.#enter('synchronising', nowMs); this.#state.enterEpochOfLog(this.#epoch);",
      },
    ],
    finder: 'simulator',
    checks: ['identical prefix'],
    seed: 9,
    given: { faults: CRASHES },
  },
  {
    name: 'epoch-of-log-not-entered',
    what: 'txns of an epoch that the learner was absent from are logged without entering it',
    seen: 'this server, simulator seed 16',
    edits: [
      {
        file: 'src/zab/learner.js',
        find: 'this.#state.enterEpochOfLog(epoch);\n        this.#state.append',
        replace: 'this.#state.append',
      },
    ],
    finder: 'simulator',
    checks: ['the server ends'],
    seed: 1,
  },
  {
    name: 'election-without-zxid',
    what: 'the longest history does not win an election, and its leader does not look whether a follower is ahead',
    seen: 'ZOOKEEPER-596, 1154',
    edits: [
      {
        file: 'src/zab/vote-order.js',
        find: 'if (a.zxid !== b.zxid)\n        return a.zxid > b.zxid;',
        replace: '',
      },
      {
        file: 'src/zab/leader.js',
        find: 'if (this.#isAhead(currentEpoch, lastZxid)) {',
        replace: 'if (false) {',
      },
    ],
    finder: 'simulator',
    checks: ['identical prefix'],
    seed: 9,
  },
  {
    name: 'tail-shown-before-quorum',
    what: 'what a leader was elected with is applied before a quorum has it, and stays in the tree when it is not',
    seen: 'ZOOKEEPER-2845',
    edits: [
      {
        file: 'src/zab/learner.js',
        find: 'if (epoch === this.#epoch || this.#commitsEarly)',
        replace: 'if (epoch >= 0)',
      },
    ],
    finder: 'simulator',
    checks: ['durable on a quorum'],
    seed: 1,
  },
  {
    name: 'diff-from-uncommitted',
    what: 'DIFF carries txns that are not committed as if they were',
    seen: 'ZOOKEEPER-2846',
    edits: [
      {
        file: 'src/zab/leader.js',
        find: "return this.#phase === 'serving' ? this.#state.lastCommitted : this.#elected;",
        replace: 'return this.#state.history.last;',
      },
    ],
    finder: 'simulator',
    checks: ['durable on a quorum'],
    seed: 5,
  },
  {
    name: 'serves-without-quorum',
    what: 'a leader serves before a quorum has acknowledged NEWLEADER',
    seen: 'no issue known',
    edits: [
      {
        file: 'src/zab/leader.js',
        find: "if (this.#phase !== 'newLeaderAcks' || !this.#hasQuorum())",
        replace: "if (this.#phase !== 'newLeaderAcks')",
      },
    ],
    finder: 'simulator',
    checks: ['durable on a quorum'],
    seed: 1,
  },
  {
    name: 'wrong-min-committed-log',
    what: 'the oldest txn in memory is taken for the one behind the learner, who gets a DIFF with a gap',
    seen: 'ZOOKEEPER-3526, 4352',
    edits: [
      {
        file: 'src/zab/sync-choice.js',
        find: "if (disk === null)\n        return { kind: 'searchDisk' };",
        replace: "return { kind: 'diff', after: history.floor };",
      },
    ],
    finder: 'simulator',
    checks: ['liveness'],
    seed: 1,
  },
  {
    name: 'hole-in-committed-log',
    what: 'proposals between NEWLEADER and UPTODATE are counted, and never logged',
    seen: 'ZOOKEEPER-4925, 4394',
    edits: [
      {
        file: 'src/zab/learner.js',
        find: 'this.#state.append(epoch, counter);',
        replace:
          "if (this.#stage === 'awaitingUpToDate') this.#state.history.append(epoch, counter); else this.#state.append(epoch, counter);",
      },
    ],
    finder: 'simulator',
    checks: ['the server ends'],
    seed: 1,
  },
  {
    name: 'observer-drops-txns',
    what: 'an observer drops what comes between the begin of its synchronisation and UPTODATE',
    seen: 'ZOOKEEPER-1551',
    edits: [
      {
        file: 'src/zab/learner.js',
        find: "if (this.#options.isObserver && this.#stage !== 'synchronising')",
        replace: 'if (this.#options.isObserver)',
        times: 2,
      },
    ],
    finder: 'simulator',
    checks: ['liveness'],
    seed: 3,
  },
];
