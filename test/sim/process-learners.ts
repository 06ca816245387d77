import type { LogSearch } from '../../src/storage/log-range.ts';
import type { ConnectionId } from '../../src/zab/output.ts';
import { diskBytesMax } from '../../src/zab/sync-choice.ts';
import { zxidOf } from '../../src/zab/zxid.ts';
import { keyOf } from './ledger.ts';
import type { SimProcess } from './process.ts';
import { toKey } from './replica.ts';
import type { LogTxn } from './sim-log.ts';
import { type RecoveredTxn, SimStorage } from './storage.ts';
import { zxidText } from './trace.ts';

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
    return least;
  }

  // ── what a learner lacks ──

  sendHistory(connection: ConnectionId, after: bigint, upTo: bigint, committed: boolean): void {
    const { connections, replica } = this.#process;
    const name = connections.nameOf(connection);
    this.#process.trace(
      `sends (${zxidText(after)}, ${zxidText(upTo)}]${committed ? '' : ', proposed,'} to ${name}`,
    );
    const { floor } = replica.history;
    const fromDisk = after < floor ? this.#readLog(after, floor < upTo ? floor : upTo) : [];
    const fromMemory = replica.log.between(Math.max(toKey(after), toKey(floor)), toKey(upTo));
    for (const { epoch, counter, entry } of [...fromDisk, ...fromMemory]) {
      connections.send(connection, { kind: 'proposal', epoch, counter, entry });
      if (committed) connections.send(connection, { kind: 'commit', epoch, counter });
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
    connections.send(connection, { kind: 'packet', packet: { type: 'snap', zxid }, touched: [] });
    const file = SimStorage.snapshotBytes(replica.database);
    const pieceBytes = Math.ceil(file.length / server.random.between(1, 4));
    for (let at = 0; at < file.length; at += pieceBytes) {
      const bytes = file.subarray(at, at + pieceBytes);
      connections.send(connection, { kind: 'snapshot', bytes, isLast: at + pieceBytes >= file.length });
    }
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
    for (const { epoch, counter, entry } of this.#ownTxns(first, last)) {
      this.#process.connections.send(connection, { kind: 'proposal', epoch, counter, entry });
    }
  }

  forwardCommits(connection: ConnectionId, first: number, last: number): void {
    const { connections } = this.#process;
    for (const { epoch, counter } of this.#ownTxns(first, last)) {
      connections.send(connection, { kind: 'commit', epoch, counter });
      connections.sendAnswers(connection, counter >>> 0);
    }
  }

  forwardInforms(connection: ConnectionId, first: number, last: number): void {
    const { connections } = this.#process;
    for (const { epoch, counter, entry } of this.#ownTxns(first, last)) {
      connections.send(connection, { kind: 'inform', epoch, counter, entry });
      connections.sendAnswers(connection, counter >>> 0);
    }
  }

  #ownTxns(first: number, last: number): LogTxn[] {
    const { role, replica } = this.#process;
    if (role.kind === 'looking') throw new Error('a server that looks for a leader forwards nothing');
    const { epoch } = role;
    const txns = replica.log.between(keyOf(epoch, first) - 1, keyOf(epoch, last));
    if (txns.length === (last >>> 0) - (first >>> 0) + 1) return txns;
    throw new Error(`txns ${first} to ${last} of epoch ${epoch} are not all at hand`);
  }
}
