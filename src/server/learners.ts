// Hot path: proposals and commits go to each learner in runs; proposals are encoded once for all of them.

import type { QuorumConnection } from '../quorum/quorum-connection.ts';
import { HoldReason } from '../quorum/quorum-input.ts';
import type { QuorumPort } from '../quorum/quorum-port.ts';
import type { ConnectionId, ZabOutput } from '../zab/output.ts';
import type { QuorumPeer } from '../zab/quorum-peer.ts';
import { diskBytesMax } from '../zab/sync-choice.ts';
import { type Zxid, zxidOf } from '../zab/zxid.ts';
import { CatchUp, wordsOf } from './catch-up.ts';
import type { CoreInputs } from './core-inputs.ts';
import { LearnerLink } from './learner-link.ts';
import type { LearnerSources, SourceEvents } from './learner-sources.ts';
import type { MemberHistory } from './member-history.ts';
import type { MemberRole } from './member-role.ts';
import type { TxnCache } from './txn-cache.ts';

export interface LearnersParts {
  readonly peer: QuorumPeer;
  readonly inputs: CoreInputs;
  readonly port: Pick<QuorumPort, 'shared' | 'sendShared'>;
  readonly ownHistory: Pick<MemberHistory, 'durableUpTo'>;
  readonly role: Pick<MemberRole, 'applyCommitted' | 'isDiverged'>;
  readonly committed: Zxid;
  readonly cache: TxnCache;
  readonly sources: LearnerSources;
  readonly snapshotSizeFactor: number;
  /** About how long a snapshot of the tree as it is now would be. */
  readonly snapshotBytes: () => number;
  /**
   * How long the log may be searched for a learner. Nothing can be said to it between ACKEPOCH and DIFF, TRUNC or SNAP, and it bears
   * silence for initLimit.
   */
  readonly searchMsMax: number;
}

type LeaderOutput = Pick<
  ZabOutput,
  'sendHistory' | 'sendSnapshot' | 'searchDisk' | 'forwardProposals' | 'forwardCommits' | 'forwardInforms'
>;

/**
 * A leader's learners, and what it sends them: first what each lacks (`catch-up`, `learner-sources`), then txns and commits as
 * they come. What to send to whom the core decides (`zab/leader`, `zab/sync-choice`).
 */
export class Learners implements LeaderOutput {
  readonly #parts: LearnersParts;
  readonly #links = new Map<ConnectionId, LearnerLink>();
  /** Learners that get the batch of proposals that is being made. */
  readonly #sharing: QuorumConnection[] = [];
  #isBatchMade = false;

  constructor(parts: LearnersParts) {
    this.#parts = parts;
  }

  /** Somebody has connected to the quorum port; the core will say what becomes of it. */
  add(connection: QuorumConnection): LearnerLink {
    const link = new LearnerLink(connection);
    this.#links.set(connection.id, link);
    return link;
  }

  forget(connection: ConnectionId): void {
    this.#links.delete(connection);
  }

  /** Those that have said who they are. */
  get sids(): number[] {
    return [...this.#links.values()].map(({ sid }) => sid).filter((sid) => sid >= 0);
  }

  /** Syncs of learners that wait for what was proposed before them. */
  get pendingSyncs(): number {
    let syncs = 0;
    for (const link of this.#links.values()) syncs += link.pendingSyncs;
    return syncs;
  }

  /** The log behind this zxid is being sent to a learner, or will be; null while none is. */
  get neededFrom(): bigint | null {
    let least: bigint | null = null;
    for (const { catchUp } of this.#links.values()) {
      if (catchUp !== null && (least === null || catchUp.at < least)) least = catchUp.at;
    }
    return least;
  }

  /** Nothing more can be proposed: learners wait, all of them, for each may ask next. */
  holdForRoom(): void {
    for (const { connection } of this.#links.values()) connection.hold(HoldReason.room);
  }

  releaseForRoom(): void {
    for (const { connection } of this.#links.values()) connection.release(HoldReason.room);
  }

  // ── what a learner lacks ──

  sendHistory(connection: ConnectionId, after: bigint, upTo: bigint, committed: boolean): void {
    const link = this.#links.get(connection);
    if (link === undefined) return;
    const catchUp = link.catchUp ?? this.#catchUp(link, after);
    if (committed) catchUp.commitUpTo(upTo);
    else catchUp.proposeUpTo(upTo);
  }

  /** From here on nothing goes to the learner but behind what it lacks. */
  #catchUp(link: LearnerLink, after: bigint): CatchUp {
    const { cache, sources, ownHistory } = this.#parts;
    const parts = {
      cache,
      sources,
      durable: () => ownHistory.durableUpTo,
      ...sourceEvents(link.connection),
      caughtUp: () => {
        link.catchUp = null;
      },
    };
    const catchUp = new CatchUp(parts, after);
    link.catchUp = catchUp;
    link.connection.sendSource(catchUp);
    return catchUp;
  }

  sendSnapshot(connection: ConnectionId): void {
    const link = this.#links.get(connection);
    if (link === undefined) return;
    const { role, committed, sources } = this.#parts;
    const zxid = role.applyCommitted(committed);
    if (role.isDiverged) return;
    link.connection.send({ type: 'snap', zxid });
    link.connection.sendSource(sources.tree(sourceEvents(link.connection)));
    this.#catchUp(link, zxid);
  }

  searchDisk(connection: ConnectionId, peerZxid: bigint): void {
    const { peer, inputs, cache, sources, snapshotSizeFactor, snapshotBytes, searchMsMax } = this.#parts;
    const bytesMax = diskBytesMax(snapshotSizeFactor, snapshotBytes());
    if (bytesMax === null) {
      const why = 'snapshotSizeFactor keeps the log on disk from being sent';
      inputs.later(() => peer.diskSearched(connection, { kind: 'none', why }));
      return;
    }
    // The memory may have forgotten more by the time of the answer.
    const search = sources.searchLog(wordsOf(peerZxid), wordsOf(cache.floor), bytesMax, searchMsMax);
    void search.then((found) =>
      inputs.takeForSync(() => {
        if (found.kind === 'none') peer.diskSearched(connection, found);
        else {
          const base = zxidOf(found.base.zxidHigh, found.base.zxidLow);
          peer.diskSearched(connection, { kind: 'found', base });
        }
      }),
    );
  }

  // ── txns and commits as they come ──

  forwardProposals(connection: ConnectionId, first: number, last: number): void {
    const link = this.#links.get(connection);
    const { role } = this.#parts.peer;
    if (link === undefined || role.kind !== 'leading') return;
    const { epoch } = role;
    if (link.catchUp !== null) {
      link.catchUp.proposeUpTo(zxidOf(epoch, last));
      return;
    }
    if (!this.#isBatchMade) {
      this.#isBatchMade = true;
      const batch = this.#parts.port.shared;
      this.#parts.cache.forEach(
        zxidOf(epoch, first - 1),
        zxidOf(epoch, last),
        (_epoch, counter, bytes, start, length) => batch.proposal(epoch, counter, bytes, start, length),
      );
    }
    this.#sharing.push(link.connection);
  }

  /** Sends the batch of proposals to all for whom {@link forwardProposals} was called. */
  shareProposals(): void {
    if (this.#isBatchMade) this.#parts.port.sendShared(this.#sharing);
    this.#isBatchMade = false;
    this.#sharing.length = 0;
  }

  forwardCommits(connection: ConnectionId, first: number, last: number): void {
    const link = this.#links.get(connection);
    const { role } = this.#parts.peer;
    if (link === undefined || role.kind !== 'leading') return;
    if (link.catchUp !== null) link.catchUp.commitUpTo(zxidOf(role.epoch, last));
    else link.commits(role.epoch, first >>> 0, last >>> 0);
  }

  forwardInforms(connection: ConnectionId, first: number, last: number): void {
    const link = this.#links.get(connection);
    const { role } = this.#parts.peer;
    if (link === undefined || role.kind !== 'leading') return;
    const { epoch } = role;
    if (link.catchUp !== null) {
      link.catchUp.commitUpTo(zxidOf(epoch, last));
      return;
    }
    this.#parts.cache.forEach(
      zxidOf(epoch, first - 1),
      zxidOf(epoch, last),
      (_epoch, counter, bytes, start, length) => link.inform(epoch, counter >>> 0, bytes, start, length),
    );
  }
}

/** What a source's learner hears of it. */
function sourceEvents(link: QuorumConnection): SourceEvents {
  return {
    ready: () => link.sourceReady(),
    failed: (reason) => link.close(`what it was to get cannot be sent: ${reason}`),
  };
}
