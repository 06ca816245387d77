import type { ConnectionEvents, QuorumConnection } from '../quorum/quorum-connection.ts';
import type { ConnectionId } from '../zab/output.ts';
import type { ReceivedPacket } from '../zab/packet.ts';
import type { QuorumPeer } from '../zab/quorum-peer.ts';
import type { CoreInputs } from './core-inputs.ts';

export interface MemberConnectionsParts {
  readonly peer: QuorumPeer;
  readonly inputs: CoreInputs;
  /** The connection is gone, or given up: nothing is sent to it or taken from it any more. */
  readonly onGone: (connection: QuorumConnection) => void;
}

/** What the core is told of every connection, whichever side it is of. */
export interface CommonInputs extends ConnectionEvents {
  received(packet: ReceivedPacket): void;
}

/**
 * The connections of the quorum port, those of learners and that of the leader, by the numbers by which the core knows them. A
 * number whose connection is gone is nobody's: what the core still sends there is dropped.
 */
export class MemberConnections {
  readonly #parts: MemberConnectionsParts;
  readonly #byId = new Map<ConnectionId, QuorumConnection>();
  #next = 1;

  constructor(parts: MemberConnectionsParts) {
    this.#parts = parts;
  }

  /** A number that no connection has had. */
  nextId(): ConnectionId {
    return this.#next++;
  }

  get(id: ConnectionId): QuorumConnection | undefined {
    return this.#byId.get(id);
  }

  /** From now on the core may name the connection, and is told what comes of it. */
  add(connection: QuorumConnection): CommonInputs {
    const { id } = connection;
    const { inputs, peer } = this.#parts;
    this.#byId.set(id, connection);
    return {
      heard: () => inputs.take(() => peer.heard(id)),
      received: (packet) => inputs.takeForSync(() => peer.received(id, packet)),
      closed: (reason) => {
        if (this.#forget(id) !== undefined) inputs.take(() => peer.connectionClosed(id, reason));
      },
    };
  }

  /** The core gives the connection up. */
  close(id: ConnectionId, reason: string): void {
    this.#forget(id)?.close(reason);
  }

  #forget(id: ConnectionId): QuorumConnection | undefined {
    const connection = this.#byId.get(id);
    if (connection === undefined) return undefined;
    this.#byId.delete(id);
    this.#parts.onGone(connection);
    return connection;
  }
}
