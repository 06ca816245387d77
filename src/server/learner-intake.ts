// Hot path: requests of learners are handed over where they stand in the packet that brought them.

import { JuteReader } from '../jute/reader.ts';
import { readIdentities } from '../protocol/acl.ts';
import { OpCode } from '../protocol/opcode.ts';
import type { QuorumConnection } from '../quorum/quorum-connection.ts';
import type { LearnerSink } from '../quorum/quorum-port.ts';
import { Revalidation } from '../session/leader-sessions.ts';
import type { QuorumPeer } from '../zab/quorum-peer.ts';
import type { Zxid } from '../zab/zxid.ts';
import type { CoreInputs } from './core-inputs.ts';
import type { LeaderRequests } from './leader-requests.ts';
import type { LearnerLink } from './learner-link.ts';
import type { Learners } from './learners.ts';
import type { LogAppender } from './log-appender.ts';
import type { MemberConnections } from './member-connections.ts';
import type { MemberHistory } from './member-history.ts';
import type { MemberRole } from './member-role.ts';

export interface LearnerIntakeParts {
  readonly peer: QuorumPeer;
  readonly inputs: CoreInputs;
  readonly connections: MemberConnections;
  readonly learners: Learners;
  readonly ownHistory: Pick<MemberHistory, 'publish'>;
  readonly appender: LogAppender;
  readonly leaderRequests: LeaderRequests;
  readonly role: Pick<MemberRole, 'revalidate' | 'heard'>;
  readonly committed: Zxid;
}

/**
 * Takes what learners send to their leader: packets of the protocol go to the core, what their clients want (REQUEST, sync,
 * REVALIDATE, pings of sessions) to whom it concerns. To learners this is what `request-intake` is to own clients.
 */
export class LearnerIntake {
  readonly #parts: LearnerIntakeParts;
  readonly #reader = new JuteReader();

  constructor(parts: LearnerIntakeParts) {
    this.#parts = parts;
  }

  /** Somebody has connected to the quorum port; gives who takes what comes. */
  connected(connection: QuorumConnection): LearnerSink {
    const { peer, inputs, connections, learners, role } = this.#parts;
    const { id } = connection;
    const { heard, received, closed } = connections.add(connection);
    const link = learners.add(connection);
    inputs.take(() => peer.learnerConnected(id));
    return {
      heard,
      closed,
      received: (packet) => {
        if (packet.type === 'learnerInfo') link.sid = packet.sid;
        received(packet);
      },
      acknowledged: (epoch, _first, last) => inputs.take(() => peer.acknowledged(id, epoch, last)),
      request: (high, low, cxid, opcode, bytes, start, length, identitiesStart, identitiesLength) => {
        if (!this.#leadsNow()) return;
        this.#requested(
          link,
          high,
          low,
          cxid,
          opcode,
          bytes,
          start,
          length,
          identitiesStart,
          identitiesLength,
        );
      },
      revalidate: (high, low, timeoutMs) => {
        if (!this.#leadsNow()) return;
        this.#revalidate(link, high, low, timeoutMs);
      },
      touched: (high, low, timeoutMs) => {
        if (peer.isLeading) role.heard(high, low, timeoutMs);
      },
    };
  }

  /** The core is told the time first: it may end the leading. */
  #leadsNow(): boolean {
    const { peer, inputs } = this.#parts;
    if (inputs.isStopped) return false;
    inputs.openTurn();
    return peer.isLeading;
  }

  #requested(
    link: LearnerLink,
    high: number,
    low: number,
    cxid: number,
    opcode: number,
    bytes: Uint8Array,
    start: number,
    length: number,
    identitiesStart: number,
    identitiesLength: number,
  ): void {
    const { leaderRequests, inputs } = this.#parts;
    try {
      if (opcode === OpCode.sync) {
        this.#syncRequested(link);
      } else {
        this.#reader.reset(bytes, identitiesStart, identitiesStart + identitiesLength);
        const identities = identitiesLength > 4 ? readIdentities(this.#reader) : [];
        leaderRequests.forwarded(link.sid, high, low, cxid, opcode, identities, bytes, start, start + length);
      }
    } catch (error) {
      inputs.fail(error);
    }
    this.#holdWithoutRoom();
  }

  #syncRequested(link: LearnerLink): void {
    const { appender, committed } = this.#parts;
    const { epoch, counter } = appender.lastProposed;
    if (committed.compare(epoch, counter) >= 0 || counter === 0) link.connection.outgoing.sync();
    else link.syncBehind(counter >>> 0);
  }

  /** A client of the learner wants its session back. */
  #revalidate(link: LearnerLink, high: number, low: number, timeoutMs: number): void {
    const { role, appender, inputs } = this.#parts;
    try {
      const outcome = role.revalidate(high, low, timeoutMs, link.sid);
      if (outcome === Revalidation.moved) {
        link.revalidatedBehind(appender.lastProposed.counter >>> 0, high, low);
      } else {
        link.connection.outgoing.revalidated(high, low, outcome === Revalidation.kept);
      }
    } catch (error) {
      inputs.fail(error);
    }
    this.#holdWithoutRoom();
  }

  #holdWithoutRoom(): void {
    const { appender, ownHistory, learners } = this.#parts;
    if (appender.hasRoom()) return;
    ownHistory.publish();
    learners.holdForRoom();
  }
}
