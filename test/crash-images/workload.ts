import { GrowingJuteWriter } from '../../src/jute/writer.ts';
import { OpCode } from '../../src/protocol/opcode.ts';
import type { Database } from '../../src/server/database.ts';
import { finishReplacement } from '../../src/storage/database-replacement.ts';
import { EpochFiles } from '../../src/storage/epoch-files.ts';
import { writeSnapshot } from '../../src/storage/snapshot-writer.ts';
import { LeaderRole } from '../sim/leader-role.ts';
import { keyOf } from '../sim/ledger.ts';
import type { ForwardedRequest } from '../sim/messages.ts';
import type { SimOptions } from '../sim/options.ts';
import { SimRandom } from '../sim/random.ts';
import { newDatabase } from '../sim/sim-database.ts';
import { SimStorage, snapshotOf } from '../sim/storage.ts';
import type { CrashDisk } from '../support/crash-disk.ts';
import { random } from '../support/random.ts';
import { type ClientRequest, OPEN, writeRequest } from '../txn/requests.ts';
import { between, type ChainTxn, extend, isBefore, type Promises, rootOf } from './chain.ts';
import { QUIET } from './image-check.ts';

const SESSION = { sessionHigh: 0x01000000, sessionLow: 1 } as const;
const WALL_MS = 1_700_000_000_000;

/**
 * What the storage code of a member of an ensemble is made to do over its life, at random and in every order that the
 * server allows: batches of txns, log files that end, fuzzy snapshots, purges, epochs, TRUNC, SNAP, kill -9. It knows at any
 * moment what must be on the disk.
 */
export class Workload {
  promises: Promises;
  disk: CrashDisk;
  readonly #options: SimOptions;
  readonly #random: SimRandom;
  readonly #root: ChainTxn;
  #storage: SimStorage;
  #epochs: EpochFiles;
  /** The tree at #tip, on which txns are made. */
  #ahead: Database;
  /** The tree at #applied, of which snapshots are taken; as the server's, it may hold more ({@link #isExact}). */
  #replica: Database;
  #isExact = true;
  #tip: ChainTxn;
  #applied: ChainTxn;
  /** No leader asks for less: after a start what is applied is more than what is known to be committed. */
  #committed: ChainTxn;
  /** Those on disk: the zxid that each is named by, and up to where it shows what came later. */
  #snapshots: { readonly named: ChainTxn; readonly shown: ChainTxn }[];
  #leader: LeaderRole | null = null;
  #cxid = 0;
  /** What is called at each change of the disk, whichever one it is. */
  readonly #onChange: () => void;

  constructor(disk: CrashDisk, seed: number, options: SimOptions, onChange: () => void) {
    this.disk = disk;
    this.#options = options;
    this.#random = new SimRandom(seed);
    this.#onChange = onChange;
    this.#ahead = emptyDatabase();
    this.#root = rootOf(this.#ahead);
    this.#tip = this.#applied = this.#committed = this.#root;
    this.#snapshots = [{ named: this.#root, shown: this.#root }];
    this.promises = {
      histories: [{ low: this.#root, high: this.#root }],
      acceptedEpoch: 0,
      currentEpoch: 0,
      shown: this.#root,
    };
    disk.onChange = onChange;
    this.#storage = new SimStorage(disk.fileSystem, options, QUIET);
    const { result } = this.#storage.recover();
    this.#replica = result.target;
    this.#storage.takeSnapshot(this.#replica);
    this.#epochs = this.#loadEpochs(0);
    this.#newEpoch();
  }

  /** One thing that a server does. */
  step(): void {
    if (this.#leader === null) {
      this.#enterEpoch();
      return;
    }
    const kind = this.#random.weighted({
      batch: 12,
      commit: 6,
      snapshot: 3,
      roll: 1,
      epoch: 2,
      restart: 1,
      powerLoss: 1,
    });
    switch (kind) {
      case 'batch':
        this.#batch();
        break;
      case 'commit':
        this.#commit(this.#random.below(this.#tip.depth - this.#applied.depth + 1));
        break;
      case 'snapshot':
        this.#snapshot();
        break;
      case 'roll':
        this.#storage.roll();
        this.#acknowledge();
        break;
      case 'epoch':
        this.#leader = null;
        break;
      case 'restart':
        this.#restart(this.disk);
        break;
      case 'powerLoss':
        this.#losePower();
        break;
      default:
        throw new Error(`unknown step ${kind satisfies never}`);
    }
  }

  // ── the log ──

  #batch(): void {
    const { leader } = { leader: this.#leader };
    if (leader === null) return;
    for (let left = this.#random.between(1, 6); left > 0; left--) {
      const request = this.#request();
      const { counter, entry } = leader.prepare(request, 1, 0, WALL_MS);
      const txn = extend(this.#tip, this.#ahead, leader.epoch, counter, entry);
      this.#append(txn);
      leader.applied(counter, 0);
    }
    if (this.#random.chance(0.8)) this.#sync();
  }

  /** DIFF: txns that others have made, and that this server lacks. */
  #log(...txns: ChainTxn[]): void {
    for (const txn of txns) {
      this.#storeCurrentEpoch(txn.epoch);
      extend(this.#tip, this.#ahead, txn.epoch, txn.counter, txn.entry);
      this.#append(txn);
    }
  }

  #append(txn: ChainTxn): void {
    this.#tip = txn;
    const [history] = this.promises.histories;
    if (history === undefined) throw new Error('no history');
    this.#promise({ histories: [{ low: history.low, high: txn }] });
    this.#storage.append(txn.epoch, txn.counter, txn.entry);
  }

  #sync(): void {
    this.#storage.sync();
    this.#acknowledge();
  }

  /** All of the log is durable: it is acknowledged. */
  #acknowledge(): void {
    this.#promise({ histories: [{ low: this.#tip, high: this.#tip }] });
  }

  #promise(changes: Partial<Promises>): void {
    this.promises = { ...this.promises, ...changes };
  }

  #request(): ForwardedRequest {
    const cxid = ++this.#cxid;
    if (this.#ahead.sessions.size === 0) {
      return { ...SESSION, cxid, opcode: OpCode.createSession, body: Uint8Array.of(0, 0, 0x75, 0x30) };
    }
    if (this.#random.chance(0.03))
      return { ...SESSION, cxid, opcode: OpCode.closeSession, body: new Uint8Array(0) };
    const writer = new GrowingJuteWriter();
    const request = this.#clientRequest();
    writeRequest(writer, request);
    return { ...SESSION, cxid, opcode: OpCode[request.type], body: writer.written().slice() };
  }

  #clientRequest(): ClientRequest {
    const random = this.#random;
    const path = random.chance(0.4) ? `/${random.below(3)}` : `/${random.below(3)}/${random.below(4)}`;
    const data = new Uint8Array(random.pick([0, 10, 100, 700, 3000])).fill(random.below(256));
    const kind = random.weighted({ create: 6, ephemeral: 3, setData: 5, delete: 4, multi: 2 });
    switch (kind) {
      case 'create':
        return { type: 'create2', path, data, acl: OPEN, flags: random.pick([0, 0, 2]) };
      case 'ephemeral':
        return { type: 'create', path, data, acl: OPEN, flags: 1 };
      case 'setData':
        return { type: 'setData', path, data, version: -1 };
      case 'delete':
        return { type: 'delete', path, version: -1 };
      case 'multi':
        return {
          type: 'multi',
          ops: [
            { type: 'create', path: `${path}-`, data, acl: OPEN, flags: 2 },
            { type: 'setData', path, data, version: -1 },
          ],
        };
    }
  }

  // ── the replica ──

  /** So many more txns are committed: by a quorum of others, if need be. */
  #commit(count: number): void {
    const txns = between(this.#applied, this.#tip).slice(0, count);
    for (const txn of txns) this.#apply(txn);
    // A start applies all that the log holds, committed or not.
    if (txns.length > 0 && !isBefore(this.#applied, this.#committed)) this.#committed = this.#applied;
    if (isBefore(this.promises.shown, this.#applied)) this.#isExact = true;
  }

  #apply(txn: ChainTxn): void {
    this.#replica.applyTxn(txn.entry, 0, txn.entry.length);
    this.#applied = txn;
  }

  /** Beside the service: what is applied meanwhile is in it or not, and the log file ends before it or behind it. */
  #snapshot(): void {
    const begun = snapshotOf(this.#replica);
    const named = this.#applied;
    const isAhead = !this.#isExact;
    const rollsFirst = this.#random.chance(0.5);
    if (rollsFirst) {
      this.#storage.roll();
      this.#acknowledge();
    }
    this.#commit(this.#random.below(this.#tip.depth - this.#applied.depth + 1));
    this.#show(named);
    const { fileSystem, directory } = this.#storage;
    writeSnapshot({ fileSystem, directory: directory.snapshotDirectory, ...begun, isAhead });
    if (!rollsFirst) {
      this.#storage.roll();
      this.#acknowledge();
    }
    if (this.#random.chance(0.6)) this.#storage.purge(this.#random.between(1, 3));
  }

  /** A snapshot is there that is named so, and may show all that is applied; the log need not hold even the former. */
  #show(named: ChainTxn): void {
    const { shown } = this.promises;
    const last = this.#isExact || isBefore(shown, this.#applied) ? this.#applied : shown;
    this.#snapshots.push({ named, shown: last });
    this.#promise({ shown: this.#lastShown() });
  }

  #lastShown(): ChainTxn {
    return this.#snapshots.reduce((last, { shown }) => (shown.depth > last.depth ? shown : last), this.#root);
  }

  // ── epochs ──

  #loadEpochs(lastEpoch: number): EpochFiles {
    const { fileSystem, directory } = this.#storage;
    return EpochFiles.load({ fileSystem, directory: directory.snapshotDirectory, lastEpoch, log: QUIET });
  }

  /** A new leader: what this server has is kept, cut, or replaced; then the epoch begins. */
  #enterEpoch(): void {
    this.#sync();
    const epoch = this.#epochs.acceptedEpoch + this.#random.between(1, 3);
    this.#epochs.storeAcceptedEpoch(epoch);
    this.#promise({ acceptedEpoch: epoch });
    const kind = this.#random.weighted({ keep: 2, truncate: 3, snapshot: 3 });
    if (this.#tip.depth < this.#committed.depth) this.#log(...between(this.#tip, this.#committed));
    else if (kind === 'truncate') this.#truncate();
    else if (kind === 'snapshot') this.#replace(epoch);
    this.#sync();
    if (this.#random.chance(0.2)) this.#restart(this.disk);
    if (this.#tip.depth >= this.#committed.depth) this.#newEpoch(epoch);
  }

  #newEpoch(epoch = 1): void {
    if (epoch > this.#epochs.acceptedEpoch) {
      this.#epochs.storeAcceptedEpoch(epoch);
      this.#promise({ acceptedEpoch: epoch });
    }
    this.#storeCurrentEpoch(epoch);
    this.#storage.openLog(this.#tip.epoch, this.#tip.counter);
    this.#commit(Number.POSITIVE_INFINITY);
    this.#committed = this.#tip;
    this.#isExact = true;
    this.#leader = new LeaderRole(epoch, this.#ahead, 1_000, 0);
  }

  #storeCurrentEpoch(epoch: number): void {
    if (epoch <= this.#epochs.currentEpoch) return;
    this.#epochs.storeCurrentEpoch(epoch);
    this.#promise({ currentEpoch: epoch });
  }

  /** TRUNC: of what is not committed some is cut off. */
  #truncate(): void {
    const kept = this.#random.below(this.#tip.depth - this.#committed.depth + 1);
    const end = between(this.#committed, this.#tip)[kept - 1] ?? this.#committed;
    const left = this.#snapshots.filter(({ named }) => isBefore(named, end));
    // What a snapshot shows beyond its name is committed.
    if (left.some(({ shown }) => !isBefore(shown, end))) return;
    this.#promise({ histories: [{ low: end, high: this.#tip }] });
    if (this.#storage.truncate(end.epoch, end.counter).kind !== 'done') {
      this.#acknowledge();
      return;
    }
    this.#tip = end;
    this.#acknowledge();
    this.#snapshots = left;
    this.#promise({ shown: this.#lastShown() });
    if (!isBefore(this.#applied, end)) {
      this.#isExact = this.#storage.rebuild(this.#replica);
      this.#applied = end;
    }
    this.#ahead = this.#databaseAt(end);
    this.#storage.openLog(end.epoch, end.counter);
  }

  /** SNAP: the tree of a leader whose history has parted somewhere, and who goes on while it is sent. */
  #replace(epochMax: number): void {
    this.#storage.closeLog();
    const common = this.#random.pick([
      this.#committed,
      this.#committed,
      ...between(this.#committed, this.#tip),
    ]);
    const leaderTree = this.#databaseAt(common);
    // Txns of an epoch that this server has logged itself would be the same ones.
    if (epochMax - 1 <= this.#tip.epoch) return;
    const epoch = this.#random.between(this.#tip.epoch + 1, epochMax - 1);
    const leader = new LeaderRole(epoch, leaderTree, 1_000, 0);
    const make = (last: ChainTxn): ChainTxn => {
      const { counter, entry } = leader.prepare(this.#foreignRequest(leaderTree), 1, 0, WALL_MS);
      const txn = extend(last, leaderTree, epoch, counter, entry);
      leader.applied(counter, 0);
      return txn;
    };
    let snapshotTxn = common;
    for (let left = this.#random.between(1, 8); left > 0; left--) snapshotTxn = make(snapshotTxn);
    const begun = snapshotOf(leaderTree);
    let shown = snapshotTxn;
    for (let left = this.#random.pick([0, 0, 1, 4]); left > 0; left--) shown = make(shown);
    this.#install(begun, snapshotTxn, shown);
  }

  #foreignRequest(tree: Database): ForwardedRequest {
    const own = this.#ahead;
    this.#ahead = tree;
    const request = this.#request();
    this.#ahead = own;
    return request;
  }

  /** `begun`: the snapshot of `at`, in which everything up to `shown` can be seen. */
  #install(begun: ReturnType<typeof snapshotOf>, at: ChainTxn, shown: ChainTxn): void {
    const { fileSystem, directory } = this.#storage;
    const [old] = this.promises.histories;
    if (old === undefined) throw new Error('no history');
    this.#promise({ histories: [old, { low: at, high: at }], shown });
    writeSnapshot({
      fileSystem,
      directory: directory.snapshotDirectory,
      ...begun,
      isAhead: true,
      replacesHistory: true,
    });
    finishReplacement(directory);
    this.#promise({ histories: [{ low: at, high: at }] });
    this.#tip = this.#applied = at;
    this.#committed = shown;
    this.#snapshots = [{ named: at, shown }];
    this.#storage.rebuild(this.#replica);
    this.#isExact = false;
    this.#ahead = this.#databaseAt(at);
    this.#storage.openLog(at.epoch, at.counter);
    if (this.#random.chance(0.3)) this.#restart(this.disk);
    if (this.#random.chance(0.3)) this.#snapshot();
    this.#storeCurrentEpoch(at.epoch);
    this.#log(...between(at, shown));
  }

  #databaseAt(txn: ChainTxn): Database {
    const database = emptyDatabase();
    for (const { entry } of between(this.#root, txn)) database.applyTxn(entry, 0, entry.length);
    return database;
  }

  // ── starts ──

  /** What is left is less than what a quorum had committed with this server's help: never; without it: it may be. */
  #losePower(): void {
    const dice = random(this.#random.below(0x7fffffff));
    this.#restart(this.disk.restarted({ inOrder: dice }));
  }

  /** The process is killed and started again on the same disk, or on what a power loss has left of it. */
  #restart(disk: CrashDisk): void {
    this.disk = disk;
    disk.onChange = this.#onChange;
    this.#storage = new SimStorage(disk.fileSystem, this.#options, QUIET);
    const { result } = this.#storage.recover();
    const key = keyOf(result.lastZxidHigh, result.lastZxidLow);
    let last: ChainTxn | null = this.#tip;
    while (last !== null && last.key !== key) last = last.previous;
    if (last === null) throw new Error('a start on the page cache finds what was never written');
    // The server votes with what it has found.
    this.#tip = last;
    this.#acknowledge();
    this.#epochs = this.#loadEpochs(result.lastZxidHigh);
    this.#promise({ currentEpoch: this.#epochs.currentEpoch });
    this.#replica = result.target;
    this.#applied = last;
    this.#isExact = result.isExact;
    this.#ahead = this.#databaseAt(last);
    this.#storage.openLog(last.epoch, last.counter);
    if (result.txnsReplayed > 0) this.#snapshot();
    this.#leader = null;
  }
}

function emptyDatabase(): Database {
  const database = newDatabase();
  database.startEmpty();
  return database;
}
