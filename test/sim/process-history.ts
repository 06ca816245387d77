import { EpochFiles } from '../../src/storage/epoch-files.ts';
import { type DurableActs, DurableState } from '../../src/zab/durable-state.ts';
import type { ConnectionId } from '../../src/zab/output.ts';
import { counterOf, epochOf } from '../../src/zab/zxid.ts';
import { DiskQueue } from './disk-queue.ts';
import { keyOf, keyText } from './ledger.ts';
import type { SimProcess } from './process.ts';
import { toKey } from './replica.ts';
import { type SimStorage, snapshotOf } from './storage.ts';
import { zxidText } from './trace.ts';

/** Calls that cutting a log makes. */
const CUT_CALLS = ['truncate', 'truncate', 'fsync', 'unlink', 'fsyncDirectory'] as const;

/**
 * A simulated server's own copy of the history: what it writes, when that is on disk, and what becomes of it when a leader has it
 * cut or replaced; and its snapshots. What `server/member-history` and the log worker are in a server.
 */
export class ProcessHistory {
  readonly acceptedEpoch: number;
  readonly currentEpoch: number;
  readonly durable: DurableState;
  readonly #process: SimProcess;
  readonly #storage: SimStorage;
  readonly #epochs: EpochFiles;
  readonly #disk: DiskQueue;
  /** The log ends there, as zxidHigh and zxidLow at the start. */
  #appendUpTo: number;
  #txnsSinceSnapshot = 0;
  #nextSnapshotAt: number;

  /** The storage is recovered, up to this zxid. */
  constructor(process: SimProcess, lastZxidHigh: number, lastZxidLow: number) {
    this.#process = process;
    const { server, storage } = process;
    const { options, queue } = server.world;
    this.#storage = storage;
    this.#epochs = EpochFiles.load({
      fileSystem: storage.fileSystem,
      directory: storage.directory.snapshotDirectory,
      lastEpoch: lastZxidHigh,
      log: process.log,
    });
    const { acceptedEpoch, currentEpoch } = this.#epochs;
    this.acceptedEpoch = acceptedEpoch;
    this.currentEpoch = currentEpoch;
    storage.openLog(lastZxidHigh, lastZxidLow);
    this.#appendUpTo = keyOf(lastZxidHigh, lastZxidLow);
    server.recovered(this.#appendUpTo);
    process.trace(`recovered up to ${keyText(this.#appendUpTo)}, epochs ${acceptedEpoch} ${currentEpoch}`);
    this.durable = new DurableState(this.#acts(), acceptedEpoch, currentEpoch);
    this.#disk = new DiskQueue(queue, server.random, options.diskDelayMs, (act) => process.turn(act));
    this.#nextSnapshotAt = this.#snapshotDistance();
  }

  /** Nothing is written any more. */
  stop(): void {
    this.#disk.stop();
  }

  #acts(): DurableActs {
    const process = this.#process;
    const { world } = process.server;
    return {
      append: (epoch, counter) => {
        this.#appendUpTo = keyOf(epoch, counter);
        this.#disk.appendsWait(() => this.#writeLog());
      },
      storeAcceptedEpoch: (epoch) =>
        this.#disk.add(() => {
          if (!world.breaks('forgets epochs')) this.#epochs.storeAcceptedEpoch(epoch);
          this.durable.acceptedEpochStored(epoch);
          process.peer.acceptedEpochStored(epoch);
        }),
      storeCurrentEpoch: (epoch) =>
        this.#disk.add(() => {
          if (!world.breaks('forgets epochs')) this.#epochs.storeCurrentEpoch(epoch);
          this.durable.currentEpochStored(epoch);
          process.peer.currentEpochStored(epoch);
        }),
      truncate: (connection, zxid) => this.#disk.add(() => this.#truncate(connection, zxid)),
      receiveSnapshot: (connection, zxid) => this.#disk.add(() => this.#install(connection, zxid)),
      send: (connection, packet) => process.sendPacket(connection, packet),
      acknowledge: (connection, epoch, first, last) => {
        for (let counter = first; counter <= last; counter++) {
          process.connections.send(connection, { kind: 'ack', epoch, counter: counter | 0 });
        }
      },
    };
  }

  #writeLog(): void {
    const { server, replica, peer } = this.#process;
    const txns = replica.log.between(replica.writtenKey, this.#appendUpTo);
    const last = txns.at(-1);
    if (last === undefined) return;
    for (const { epoch, counter, entry } of txns) this.#storage.append(epoch, counter, entry);
    this.#storage.sync();
    replica.writtenKey = last.key;
    if (!server.world.breaks('acknowledges unsynced txns')) server.durableKey = last.key;
    this.durable.durable(last.epoch, last.counter);
    peer.durable(last.epoch, last.counter);
  }

  // ── another history ──

  #truncate(connection: ConnectionId, zxid: bigint): void {
    const { replica, server } = this.#process;
    const { history } = replica;
    const last = history.preceding(zxid) ?? zxid;
    server.world.figures.truncations++;
    // From the first byte on that goes, nothing behind counts as durable.
    const { durableKey } = server;
    server.durableKey = Math.min(durableKey, toKey(last));
    const { cutErrors } = server.world.options;
    const fails = server.world.hasFaults && cutErrors > 0 && server.random.chance(cutErrors);
    if (fails) server.failNext(server.random.pick(CUT_CALLS));
    const outcome = this.#storage.truncate(epochOf(last), counterOf(last));
    server.failNext(null);
    if (outcome.kind === 'impossible') {
      this.#process.trace(`cannot cut its log at ${zxidText(last)}: ${outcome.reason}`);
      server.world.figures.impossibleCuts++;
      server.durableKey = durableKey;
      this.#storage.openLog(history.lastEpoch, history.lastCounter);
      this.#replaced(connection, outcome.isDamaged ? -1n : history.last);
      return;
    }
    this.#process.trace(`cuts its log at ${zxidText(last)}`);
    replica.log.truncate(toKey(last));
    if (toKey(last) < replica.appliedKey) this.#rebuild();
    this.#storage.openLog(epochOf(last), counterOf(last));
    replica.writtenKey = this.#appendUpTo = toKey(last);
    this.#replaced(connection, last);
  }

  /** The tree was ahead of what is left: it is made again of what is on disk. */
  #rebuild(): void {
    const { replica, clients } = this.#process;
    const { database } = replica;
    replica.use(database, this.#storage.rebuild(database));
    clients.replicaReplaced('the log was cut behind what was applied');
  }

  #install(connection: ConnectionId, zxid: bigint): void {
    const process = this.#process;
    const pieces: Uint8Array[] = [];
    process.connections.takeSnapshot(connection, {
      piece: (bytes, isLast) => {
        pieces.push(bytes);
        if (isLast) this.#installed(connection, zxid, Buffer.concat(pieces));
      },
      brokeOff: () => {
        process.trace(`the snapshot broke off after ${pieces.length} pieces`);
        process.server.world.figures.snapshotsBroken += Math.sign(pieces.length);
        this.#replaced(connection, process.replica.history.last);
      },
    });
  }

  #installed(connection: ConnectionId, zxid: bigint, file: Uint8Array): void {
    const { server, replica, clients } = this.#process;
    const { database } = replica;
    // Until the new database has taken over, nothing is there for certain.
    server.durableKey = 0;
    replica.use(database, this.#storage.install(file, epochOf(zxid), counterOf(zxid), database));
    replica.log.clear();
    this.#storage.openLog(epochOf(zxid), counterOf(zxid));
    replica.writtenKey = this.#appendUpTo = server.durableKey = toKey(zxid);
    clients.replicaReplaced('a snapshot took the place of the history');
    this.#process.trace(`has the snapshot at ${zxidText(zxid)}`);
    this.#replaced(connection, zxid);
  }

  #replaced(connection: ConnectionId, last: bigint): void {
    const process = this.#process;
    this.durable.historyReplaced(connection);
    process.peer.historyReplaced(connection, last);
    // What the connection has sent meanwhile comes behind the outputs of this.
    process.output(() => process.later(() => process.connections.release(connection)));
  }

  // ── snapshots ──

  /** A txn was applied. */
  applied(): void {
    this.#txnsSinceSnapshot++;
  }

  #snapshotDistance(): number {
    const { world, random } = this.#process.server;
    const { snapCount } = world.options;
    return random.between(snapCount >> 1, snapCount);
  }

  /** Takes a snapshot if enough was applied since the last one. */
  snapshotIfDue(): void {
    if (this.#txnsSinceSnapshot < this.#nextSnapshotAt) return;
    this.#txnsSinceSnapshot = 0;
    this.#nextSnapshotAt = this.#snapshotDistance();
    this.snapshot();
  }

  /** Takes a snapshot, beside the service, and purges what it makes superfluous. */
  snapshot(): void {
    const { server, replica, learners } = this.#process;
    const { options, figures } = server.world;
    figures.snapshots++;
    const { database } = replica;
    const isAhead = !replica.isExact;
    const begun = options.fuzzySnapshots ? { ...snapshotOf(database), isAhead } : undefined;
    this.#disk.add(() => {
      // Something has replaced the tree meanwhile: the server would have waited with that.
      if (begun !== undefined && begun.generation !== database.tree.generation) return;
      this.#process.trace(`takes a snapshot at ${keyText(replica.appliedKey)}`);
      this.#storage.takeSnapshot(database, begun);
      if (options.purgeRetain > 0)
        figures.purged += this.#storage.purge(options.purgeRetain, learners.neededFrom);
    });
  }
}
