// Hot path: txns are taken where they stand in the packet that brought them; COMMITs come in runs.

import type { HostAddress } from '../quorum/host-address.ts';
import { LeaderDialler, type LeaderDiallerOptions, type LeaderSink } from '../quorum/leader-connection.ts';
import type { PacketBatch } from '../quorum/packet-batch.ts';
import { PacketError } from '../quorum/packet-error.ts';
import type { QuorumConnection } from '../quorum/quorum-connection.ts';
import { HoldReason } from '../quorum/quorum-input.ts';
import { TxnHeader } from '../txn/txn-layout.ts';
import { unknownType } from '../txn/txn-type.ts';
import type { Ensemble } from '../zab/ensemble.ts';
import type { ConnectionId } from '../zab/output.ts';
import type { QuorumPeer } from '../zab/quorum-peer.ts';
import type { CoreInputs } from './core-inputs.ts';
import type { LearnerRequests } from './learner-requests.ts';
import type { LogAppender } from './log-appender.ts';
import type { MemberConnections } from './member-connections.ts';
import type { MemberHistory } from './member-history.ts';
import type { MemberRole } from './member-role.ts';

export interface LeaderLinkParts {
  readonly dialler: Omit<LeaderDiallerOptions, 'onLeader' | 'onUnreachable'>;
  readonly ensemble: Ensemble;
  readonly peer: QuorumPeer;
  readonly inputs: CoreInputs;
  readonly connections: MemberConnections;
  readonly ownHistory: Pick<MemberHistory, 'takeTxn' | 'publish'>;
  readonly appender: LogAppender;
  readonly learnerRequests: LearnerRequests;
  readonly role: Pick<MemberRole, 'abandonClients'>;
  /** When each session was heard of last, as pings tell the leader. */
  readonly touchTable: Int32Array;
}

/**
 * A learner's connection to its leader: dials it, and takes what it sends. Packets of the protocol go to the core, txns into the own
 * history, answers to the requests that this server has sent on for its clients.
 */
export class LeaderLink {
  readonly #parts: LeaderLinkParts;
  readonly #dialler: LeaderDialler;
  #connection: QuorumConnection | null = null;

  constructor(parts: LeaderLinkParts) {
    this.#parts = parts;
    const { peer, inputs } = parts;
    this.#dialler = new LeaderDialler({
      ...parts.dialler,
      onLeader: (connection, leader) => this.#connected(connection, leader),
      onUnreachable: (leader, reason) => inputs.take(() => peer.leaderUnreachable(leader, reason)),
    });
  }

  /** Connects to this server; the core hears what comes of it. */
  dial(leader: number): void {
    const server = this.#parts.ensemble.servers.get(leader);
    if (server === undefined) throw new Error(`server ${leader} is to be followed, but is not known`);
    const addresses: HostAddress[] = server.addresses.map(({ host, quorumPort }) => ({
      host,
      port: quorumPort,
    }));
    this.#dialler.dial(leader, addresses);
  }

  /** What is being dialled is not wanted any more. */
  cancelDial(): void {
    this.#dialler.cancel();
  }

  /** Packets for the leader; null while there is none. */
  get outgoing(): PacketBatch | null {
    return this.#connection === null ? null : this.#connection.outgoing;
  }

  /** Whether this is the connection to the leader. */
  is(connection: QuorumConnection): boolean {
    return connection === this.#connection;
  }

  /** Answers the leader's PING, with the sessions that were heard of here. */
  ping(zxid: bigint): void {
    const { learnerRequests, touchTable } = this.#parts;
    if (this.#connection !== null) learnerRequests.ping(this.#connection.outgoing, zxid, touchTable);
  }

  /** There is room in the log ring again. */
  releaseForRoom(): void {
    this.#connection?.release(HoldReason.room);
  }

  forget(connection: ConnectionId): void {
    if (this.#connection?.id === connection) this.#connection = null;
  }

  close(reason: string): void {
    this.#dialler.cancel();
    this.#connection?.close(reason);
  }

  #connected(connection: QuorumConnection, leader: number): LeaderSink {
    const { peer, inputs, connections, learnerRequests, appender } = this.#parts;
    const { id } = connection;
    const { heard, received, closed } = connections.add(connection);
    this.#connection = connection;
    inputs.take(() => peer.leaderConnected(id, leader));
    return {
      heard,
      closed,
      received,
      proposal: (epoch, counter, bytes, start, length) => {
        this.#txn(connection, bytes, start, length, () => peer.proposal(id, epoch, counter));
      },
      inform: (epoch, counter, bytes, start, length) => {
        this.#txn(connection, bytes, start, length, () => peer.informed(id, epoch, counter));
      },
      committed: (epoch, first, last) =>
        inputs.take(() => {
          for (let counter = first; ; counter++) {
            peer.committed(id, epoch, counter);
            if (counter >>> 0 === last >>> 0) break;
          }
        }),
      revalidated: (high, low, isValid) => {
        if (peer.isServing) learnerRequests.revalidated(high, low, isValid);
      },
      synced: () => {
        if (peer.isServing) learnerRequests.synced();
        if (!appender.hasRoom()) this.#awaitRoom(connection);
      },
    };
  }

  #txn(
    connection: QuorumConnection,
    bytes: Uint8Array,
    start: number,
    length: number,
    input: () => void,
  ): void {
    const { ownHistory, appender } = this.#parts;
    checkTxn(bytes, start, length);
    ownHistory.takeTxn(bytes, start, length, input);
    if (!appender.hasRoom()) this.#awaitRoom(connection);
  }

  /** The log ring is full: nothing more is taken from the leader until something was applied and written. */
  #awaitRoom(connection: QuorumConnection): void {
    const { peer, inputs, ownHistory, role } = this.#parts;
    connection.hold(HoldReason.room);
    ownHistory.publish();
    if (peer.isServing) return;
    role.abandonClients('the leader sends more than can be held back');
    inputs.take(() => peer.roomNeeded());
  }
}

/** What cannot be applied must not be logged either: this server would never start again. */
function checkTxn(bytes: Uint8Array, start: number, length: number): void {
  if (length < TxnHeader.bytes) throw new PacketError(`a txn of ${length} bytes, which has no header`);
  const type = unknownType(bytes, start, start + length);
  if (type === null) return;
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, TxnHeader.bytes);
  const zxid = view.getBigUint64(TxnHeader.zxid).toString(16);
  throw new PacketError(
    `txn 0x${zxid} of type ${type}, which this version does not know: it cannot follow this leader before it is replaced by a ` +
      'newer version, or an older one leads',
  );
}
