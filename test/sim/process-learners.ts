import type { SendSource } from '../../src/quorum/send-queue.ts';
import { CatchUp, type CatchUpParts } from '../../src/server/catch-up.ts';
import type { SeeTxn } from '../../src/server/txn-cache.ts';
import type { LogSearch, ZxidWords } from '../../src/storage/log-range.ts';
import type { ConnectionId } from '../../src/zab/output.ts';
import { diskBytesMax } from '../../src/zab/sync-choice.ts';
import { zxidOf } from '../../src/zab/zxid.ts';
import { keyOf } from './ledger.ts';
import type { SimProcess } from './process.ts';
import type { QuorumConnection } from './quorum-connections.ts';
import { toKey } from './replica.ts';
import type { LogTxn } from './sim-log.ts';
import { type RecoveredTxn, SimStorage } from './storage.ts';
import { zxidText } from './trace.ts';

/** So many txns a learner takes at a time. */
const TXNS_PER_STEP = 3;
/** What a znode takes in a snapshot beside its path and data, about. */
const ZNODE_BYTES = 76;

/** What a simulated leader sends its learners, as `server/learners` does: first what each lacks, then txns and commits. */
export class ProcessLearners {
  readonly #process: SimProcess;
  /** From where on the log was found for learners, and is to be read for them. */
  readonly #searched = new Map<ConnectionId, bigint>();

  constructor(process: SimProcess) {
    this.#process = process;
  }

  /** The log behind this zxid is to be read for a learner; null for none. */
  get neededFrom(): bigint | null {
    let least: bigint | null = null;
    for (const base of this.#searched.values()) if (least === null || base < least) least = base;
    const { neededFrom } = this.#process.connections;
    return least === null || (neededFrom !== null && neededFrom < least) ? neededFrom : least;
  }

  // ── what a learner lacks ──

  sendHistory(connection: ConnectionId, after: bigint, upTo: bigint, committed: boolean): void {
    const { connections } = this.#process;
    const name = connections.nameOf(connection);
    this.#process.trace(
      `sends (${zxidText(after)}, ${zxidText(upTo)}]${committed ? '' : ', proposed,'} to ${name}`,
    );
    const link = connections.get(connection);
    if (link === undefined) return;
    const underWay = link.catchUp;
    const catchUp = underWay ?? this.#newCatchUp(link, after);
    link.catchUp = catchUp;
    if (committed) catchUp.commitUpTo(upTo);
    else catchUp.proposeUpTo(upTo);
    if (underWay === null) connections.sendSource(connection, catchUp);
  }

  #newCatchUp(link: QuorumConnection, after: bigint): CatchUp {
    return new CatchUp(
      {
        cache: this.#cache(),
        sources: { log: (from, upTo) => this.#logSource(link, zxidOfWords(from), zxidOfWords(upTo), after) },
        durable: () => BigInt(this.#process.replica.writtenKey),
        ready: () => {},
        failed: () => {},
        caughtUp: () => {
          link.catchUp = null;
        },
      },
      after,
    );
  }

  /** The txns in memory, as the server's cache shows them; some at a time. */
  #cache(): CatchUpParts['cache'] {
    const { replica, server } = this.#process;
    const { options } = server.world;
    return {
      get floor() {
        return replica.history.floor;
      },
      forEach: (from, upTo, see) => {
        if (from < replica.history.floor) throw new Error(`${zxidText(from)} is not in memory any more`);
        show(replica.log.between(toKey(from), toKey(upTo)), see);
      },
      forSome: (from, upTo, _bytesMax, see) => {
        const all = replica.log.between(toKey(from), toKey(upTo));
        const txns = options.streamStepMs === 0 ? all : all.slice(0, TXNS_PER_STEP);
        show(txns, see);
        const last = txns.at(-1);
        return last === undefined ? from : zxidOf(last.epoch, last.counter);
      },
    };
  }

  #logSource(link: QuorumConnection, first: bigint, last: bigint, after: bigint): SendSource {
    const process = this.#process;
    const { figures, options } = process.server.world;
    if (first !== after) figures.catchUpsFromDisk++;
    try {
      return logSource(this.#readLog(first, last), options.streamStepMs === 0);
    } catch (error) {
      // The log may begin behind a tree that was sent: then the learner begins anew.
      const { message } = error as Error;
      process.later(() => process.connections.fail(link.id, `what it was to get cannot be sent: ${message}`));
      return { fill: () => 'later', cancel: () => {} };
    }
  }

  /** What was in memory once is all on disk. */
  #readLog(after: bigint, upTo: bigint): RecoveredTxn[] {
    const { server, storage } = this.#process;
    server.world.figures.logsSent++;
    return storage.readLog(after, upTo);
  }

  sendSnapshot(connection: ConnectionId): void {
    const { connections, replica, server } = this.#process;
    const zxid = replica.appliedZxid;
    server.world.figures.snapshotsSent++;
    this.#process.trace(`sends a snapshot at ${zxidText(zxid)} to ${connections.nameOf(connection)}`);
    const link = connections.get(connection);
    if (link === undefined) return;
    connections.send(connection, { kind: 'packet', packet: { type: 'snap', zxid }, touched: [] });
    const file = SimStorage.snapshotBytes(replica.database);
    const pieces = piecesOf(file, Math.ceil(file.length / server.random.between(1, 4)));
    link.catchUp = this.#newCatchUp(link, zxid);
    const { line } = link;
    connections.sendSource(connection, {
      fill: () => {
        const bytes = pieces.shift();
        if (bytes !== undefined) line.now({ kind: 'snapshot', bytes, isLast: pieces.length === 0 });
        return pieces.length > 0 ? 'more' : 'end';
      },
      cancel: () => {},
    });
    connections.sendSource(connection, link.catchUp);
  }

  searchDisk(connection: ConnectionId, peerZxid: bigint): void {
    const { world, random } = this.#process.server;
    const found = this.#search(peerZxid);
    this.#process.trace(
      `searches its disk for ${zxidText(peerZxid)}: ${found.kind === 'none' ? found.why : 'found'}`,
    );
    if (found.kind !== 'none') {
      this.#searched.set(connection, zxidOf(found.base.zxidHigh, found.base.zxidLow));
    }
    // History goes on meanwhile.
    world.queue.after(random.pick([0.1, 1, 30]), () =>
      this.#process.turn(() => {
        const { peer } = this.#process;
        if (found.kind === 'none') peer.diskSearched(connection, found);
        else {
          const { zxidHigh, zxidLow } = found.base;
          peer.diskSearched(connection, { kind: 'found', base: zxidOf(zxidHigh, zxidLow) });
        }
        // By then it is read, or not wanted.
        this.#process.output(() => this.#searched.delete(connection));
      }),
    );
  }

  #search(peerZxid: bigint): LogSearch {
    const { server, replica, storage } = this.#process;
    const { tree } = replica.database;
    const bytesMax = diskBytesMax(
      server.world.options.snapshotSizeFactor,
      tree.dataBytes + ZNODE_BYTES * tree.znodeCount,
    );
    return bytesMax === null
      ? { kind: 'none', why: 'it is not to be sent' }
      : storage.searchLog(peerZxid, replica.history.floor, bytesMax);
  }

  // ── txns and commits as they come ──

  forwardProposals(connection: ConnectionId, first: number, last: number): void {
    const catchUp = this.#process.connections.get(connection)?.catchUp;
    if (catchUp != null) {
      catchUp.proposeUpTo(zxidOf(this.#epoch(), last));
      return;
    }
    for (const { epoch, counter, entry } of this.#ownTxns(first, last)) {
      this.#process.connections.send(connection, { kind: 'proposal', epoch, counter, entry });
    }
  }

  forwardCommits(connection: ConnectionId, first: number, last: number): void {
    const catchUp = this.#process.connections.get(connection)?.catchUp;
    if (catchUp != null) {
      catchUp.commitUpTo(zxidOf(this.#epoch(), last));
      return;
    }
    const { connections } = this.#process;
    for (const { epoch, counter } of this.#ownTxns(first, last)) {
      connections.send(connection, { kind: 'commit', epoch, counter });
      connections.sendAnswers(connection, counter >>> 0);
    }
  }

  forwardInforms(connection: ConnectionId, first: number, last: number): void {
    const catchUp = this.#process.connections.get(connection)?.catchUp;
    if (catchUp != null) {
      catchUp.commitUpTo(zxidOf(this.#epoch(), last));
      return;
    }
    const { connections } = this.#process;
    for (const { epoch, counter, entry } of this.#ownTxns(first, last)) {
      connections.send(connection, { kind: 'inform', epoch, counter, entry });
      connections.sendAnswers(connection, counter >>> 0);
    }
  }

  #ownTxns(first: number, last: number): LogTxn[] {
    const epoch = this.#epoch();
    const txns = this.#process.replica.log.between(keyOf(epoch, first) - 1, keyOf(epoch, last));
    if (txns.length === (last >>> 0) - (first >>> 0) + 1) return txns;
    throw new Error(`txns ${first} to ${last} of epoch ${epoch} are not all at hand`);
  }

  #epoch(): number {
    const { role } = this.#process;
    if (role.kind === 'looking') throw new Error('a server that looks for a leader forwards nothing');
    return role.epoch;
  }
}

function zxidOfWords({ zxidHigh, zxidLow }: ZxidWords): bigint {
  return zxidOf(zxidHigh, zxidLow);
}

function show(txns: readonly RecoveredTxn[], see: SeeTxn): void {
  for (const { epoch, counter, entry } of txns) see(epoch, counter, entry, 0, entry.length);
}

/** What was read of the log, as PROPOSAL and COMMIT. */
function logSource(txns: RecoveredTxn[], isAtOnce: boolean): SendSource {
  return {
    fill: (target) => {
      for (const { epoch, counter, entry } of txns.splice(0, isAtOnce ? txns.length : TXNS_PER_STEP)) {
        target.proposal(epoch, counter, entry, 0, entry.length);
        target.commits(epoch, counter, counter);
      }
      return txns.length > 0 ? 'more' : 'end';
    },
    cancel: () => {},
  };
}

function piecesOf(bytes: Uint8Array, pieceBytes: number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes) pieces.push(bytes.subarray(at, at + pieceBytes));
  return pieces;
}
