// Hot path: a txn is copied once, from the packet that brought it into the log ring; what is queued leaves in batches.

import { HoldReason } from '../quorum/quorum-input.ts';
import { type DurableActs, DurableState } from '../zab/durable-state.ts';
import type { History } from '../zab/history.ts';
import type { ConnectionId, ZabOutput } from '../zab/output.ts';
import type { DurablePacket } from '../zab/packet.ts';
import type { QuorumPeer } from '../zab/quorum-peer.ts';
import { Zxid, zxidOf } from '../zab/zxid.ts';
import type { CoreInputs } from './core-inputs.ts';
import type { HistoryReplacement } from './history-replacement.ts';
import type { LogAppender } from './log-appender.ts';
import type { MemberConnections } from './member-connections.ts';
import type { MemberRole } from './member-role.ts';
import type { TxnCache } from './txn-cache.ts';

/** What the member keeps on disk. */
export interface MemberHistoryDisk {
  readonly acceptedEpoch: number;
  readonly currentEpoch: number;
  readonly storeAcceptedEpoch: (epoch: number) => void;
  readonly storeCurrentEpoch: (epoch: number) => void;
  readonly history: History;
  readonly cache: TxnCache;
  readonly appender: LogAppender;
  readonly replacement: HistoryReplacement;
}

export interface MemberHistoryParts extends MemberHistoryDisk {
  readonly peer: QuorumPeer;
  readonly inputs: CoreInputs;
  readonly connections: MemberConnections;
  readonly role: Pick<MemberRole, 'abandonClients'>;
  /** Up to where txns are applied, or may be. */
  readonly committed: Zxid;
  /** As leader: the core has said who gets the proposals of this batch. */
  readonly onProposed: () => void;
}

type DurableOutput = Pick<
  ZabOutput,
  | 'append'
  | 'storeAcceptedEpoch'
  | 'storeCurrentEpoch'
  | 'truncate'
  | 'receiveSnapshot'
  | 'sendAfterSync'
  | 'acknowledgeAfterSync'
>;

/**
 * A member's own copy of the history: txns on their way through the log ring to the disk, its two epochs, and what becomes of
 * all this when a leader has it cut or replaced. The order of these acts, and what may be said when, is
 * {@link DurableState}'s; here they are carried out, and the core hears of their end.
 */
export class MemberHistory implements DurableOutput {
  readonly #parts: MemberHistoryParts;
  readonly #durableState: DurableState;
  /** The durable zxid that the core knows of. */
  readonly #durableZxid = new Zxid(-1, -1);
  /** The log ring holds txns that the order of durable acts does not allow to the disk yet. */
  #isLogHeld = false;
  /** As leader: the last counter that the core knows of as proposed. */
  #proposedCounter = 0;
  /** The txn that is being handed in. */
  #incoming: Uint8Array | null = null;
  #incomingStart = 0;
  #incomingLength = 0;

  constructor(parts: MemberHistoryParts) {
    this.#parts = parts;
    this.#durableState = new DurableState(this.#acts(), parts.acceptedEpoch, parts.currentEpoch);
  }

  /** Up to here the own log is on disk, as far as the core knows. */
  get durableUpTo(): bigint {
    return zxidOf(this.#durableZxid.epoch, this.#durableZxid.counter);
  }

  /** What the cache has dropped cannot be sent any more, and the core must not count on it. */
  dropForgotten(): void {
    const { cache, history } = this.#parts;
    const { floor } = cache;
    // While the history is being replaced the cache is ahead of it.
    if (floor > history.floor && history.contains(floor)) history.dropUpTo(floor);
  }

  // ── towards the disk ──

  /**
   * A txn of the leader's, `bytes[start, start + length)`: `input` hands it in, and the bytes are at hand while the core finds out
   * whether it is to be appended.
   */
  takeTxn(bytes: Uint8Array, start: number, length: number, input: () => void): void {
    this.#incoming = bytes;
    this.#incomingStart = start;
    this.#incomingLength = length;
    this.#parts.inputs.take(input);
    this.#incoming = null;
  }

  append(epoch: number, counter: number): void {
    const bytes = this.#incoming;
    if (bytes === null) throw new Error('a txn is to be appended, and none is at hand');
    this.#isLogHeld = true;
    this.#parts.appender.appendForeign(epoch, counter, bytes, this.#incomingStart, this.#incomingLength);
    this.#durableState.append(epoch, counter);
  }

  /** Hot path: called in each turn of main's loop with how far the own log is durable. */
  durable(epoch: number, counter: number): void {
    if (this.#durableZxid.compare(epoch, counter) === 0) return;
    this.#durableZxid.set(epoch, counter);
    this.#parts.inputs.openTurn();
    this.#durableState.durable(epoch, counter);
    this.#parts.peer.durable(epoch, counter);
    this.publishIfIdle();
  }

  /** A leader's txns wait for the disk to be free: what gathers meanwhile is one batch. */
  publishIfIdle(): void {
    const { appender, peer } = this.#parts;
    if (!appender.hasUnpublished) return;
    if (
      peer.isLeading &&
      appender.lastPublished.compare(this.#durableZxid.epoch, this.#durableZxid.counter) > 0
    )
      return;
    this.publish();
  }

  /** Shows the log worker and the learners what was queued. */
  publish(): void {
    if (this.#isLogHeld) return;
    const { appender, peer, inputs } = this.#parts;
    // With the time the leading may end, and what is queued is forgotten: log and core must not see a part of it each.
    if (peer.isLeading && appender.hasUnpublished) inputs.openTurn();
    appender.publish();
    if (peer.isLeading) this.#propose(appender.lastProposed);
  }

  #propose({ epoch, counter }: Zxid): void {
    const { peer, onProposed } = this.#parts;
    if (peer.role.kind !== 'leading' || epoch !== peer.role.epoch || counter === this.#proposedCounter)
      return;
    this.#durableState.append(epoch, counter);
    peer.proposed(epoch, counter);
    this.#proposedCounter = counter;
    onProposed();
  }

  // ── a leader's epoch ──

  /** This server leads now and proposes nothing yet. */
  beginEpoch(): void {
    this.#proposedCounter = 0;
  }

  /** Txns that were made and not shown to log and learners yet: no history has them, and none may get them later. */
  forgetUnproposed(): void {
    const { appender, cache, history } = this.#parts;
    appender.forgetUnpublished(history.lastEpoch, history.lastCounter);
    cache.truncate(history.last);
  }

  // ── the order of durable acts ──

  sendAfterSync(connection: ConnectionId, packet: DurablePacket): void {
    this.#durableState.sendAfterSync(connection, packet);
  }

  acknowledgeAfterSync(connection: ConnectionId, first: number, last: number): void {
    this.#durableState.acknowledgeAfterSync(connection, first, last);
  }

  /** The connection is gone: nothing more is sent to it. */
  closed(connection: ConnectionId): void {
    this.#durableState.closed(connection);
  }

  storeAcceptedEpoch(epoch: number): void {
    this.publish();
    this.#durableState.storeAcceptedEpoch(epoch);
  }

  storeCurrentEpoch(epoch: number): void {
    this.publish();
    this.#durableState.storeCurrentEpoch(epoch);
  }

  truncate(connection: ConnectionId, zxid: bigint): void {
    this.publish();
    this.#durableState.truncate(connection, zxid);
  }

  receiveSnapshot(connection: ConnectionId, zxid: bigint): void {
    this.publish();
    this.#durableState.receiveSnapshot(connection, zxid);
  }

  /** The acts themselves, in the order that {@link DurableState} allows. */
  #acts(): DurableActs {
    const { connections, inputs, peer } = this.#parts;
    return {
      append: () => {
        this.#isLogHeld = false;
      },
      storeAcceptedEpoch: (epoch) => {
        this.#parts.storeAcceptedEpoch(epoch);
        inputs.later(() => {
          this.#durableState.acceptedEpochStored(epoch);
          peer.acceptedEpochStored(epoch);
        });
      },
      storeCurrentEpoch: (epoch) => {
        this.#parts.storeCurrentEpoch(epoch);
        inputs.later(() => {
          this.#durableState.currentEpochStored(epoch);
          peer.currentEpochStored(epoch);
        });
      },
      truncate: (connection, zxid) => this.#truncate(connection, zxid),
      receiveSnapshot: (connection, zxid) => this.#receiveSnapshot(connection, zxid),
      send: (connection, packet) => connections.get(connection)?.send(packet),
      acknowledge: (connection, epoch, first, last) =>
        connections.get(connection)?.outgoing.acknowledgements(epoch, first, last),
    };
  }

  #truncate(connection: ConnectionId, zxid: bigint): void {
    const { role, history, replacement, committed } = this.#parts;
    role.abandonClients('the log is cut');
    const last = history.preceding(zxid) ?? zxid;
    this.#replace(connection, replacement.truncate(last, committed));
  }

  #receiveSnapshot(connection: ConnectionId, zxid: bigint): void {
    const { role, connections, replacement, committed, peer } = this.#parts;
    role.abandonClients('a snapshot of the leader takes the place of the data here');
    const link = connections.get(connection);
    this.#replace(
      connection,
      link === undefined || link.isClosed
        ? Promise.resolve(null)
        : replacement.receive(link, zxid, committed, peer.lastLogged >= 0n),
    );
  }

  /** `outcome`: the last zxid of the history as it is then; null: nothing was changed. */
  #replace(connection: ConnectionId, outcome: Promise<bigint | null>): void {
    const { connections, inputs, peer, history } = this.#parts;
    outcome.then(
      (last) =>
        inputs.take(() => {
          this.#durableZxid.set(-1, -1);
          this.#durableState.historyReplaced(connection);
          peer.historyReplaced(connection, last ?? history.last);
          connections.get(connection)?.release(HoldReason.history);
        }),
      (error: Error) => inputs.fail(error),
    );
  }
}
