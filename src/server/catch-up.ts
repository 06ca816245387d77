import type { SendSource, SourceTarget } from '../quorum/send-queue.ts';
import type { ZxidWords } from '../storage/log-range.ts';
import { counterOf, epochOf } from '../zab/zxid.ts';
import type { LearnerSources, SourceEvents } from './learner-sources.ts';
import type { TxnCache } from './txn-cache.ts';

/** About how much is written at a time. */
const STEP_BYTES = 256 * 1024;

export interface CatchUpParts extends SourceEvents {
  readonly cache: Pick<TxnCache, 'floor' | 'forEach' | 'forSome'>;
  readonly sources: Pick<LearnerSources, 'log'>;
  /** Up to here the log is on disk. */
  readonly durable: () => bigint;
  /** All was given: what is proposed or committed from now on is to be sent as it comes, behind that. */
  caughtUp(): void;
}

/**
 * A learner on its way into step: txns as PROPOSAL and COMMIT, from the log on disk as long as they are not in memory any more,
 * then from memory, as the learner takes them. What is proposed and committed meanwhile only moves its end, so that a
 * learner costs no memory of its own however far behind it is and however long it takes (or the tree before it does).
 */
export class CatchUp implements SendSource {
  readonly #parts: CatchUpParts;
  /** Everything up to here was given. */
  #at: bigint;
  #committed: bigint;
  #proposed: bigint;
  /** What comes from disk now, up to where. */
  #disk: { readonly source: SendSource; readonly upTo: bigint } | null = null;

  /** The learner has everything up to `after`, which is committed. */
  constructor(parts: CatchUpParts, after: bigint) {
    this.#parts = parts;
    this.#at = after;
    this.#committed = after;
    this.#proposed = after;
  }

  /** The learner has been given what is up to here: the log behind it is needed. */
  get at(): bigint {
    return this.#at;
  }

  /** Everything up to there is committed. */
  commitUpTo(zxid: bigint): void {
    if (zxid > this.#committed) this.#committed = zxid;
    this.proposeUpTo(zxid);
  }

  /** Everything up to there is proposed; it is in memory as long as it is not committed. */
  proposeUpTo(zxid: bigint): void {
    if (zxid > this.#proposed) this.#proposed = zxid;
  }

  fill(target: SourceTarget): 'more' | 'later' | 'end' {
    if (this.#disk !== null) return this.#fillFromDisk(this.#disk, target);
    if (this.#at < this.#committed) return this.#fillCommitted(target);
    this.#parts.cache.forEach(this.#at, this.#proposed, (epoch, counter, bytes, start, length) =>
      target.proposal(epoch, counter, bytes, start, length),
    );
    this.#parts.caughtUp();
    return 'end';
  }

  #fillCommitted(target: SourceTarget): 'more' | 'later' {
    const { cache } = this.#parts;
    if (this.#at < cache.floor) {
      this.#openDisk(cache.floor);
      return 'more';
    }
    const last = cache.forSome(
      this.#at,
      this.#committed,
      STEP_BYTES,
      (epoch, counter, bytes, start, length) => {
        target.proposal(epoch, counter, bytes, start, length);
        target.commits(epoch, counter, counter);
      },
    );
    if (last === this.#at) throw new Error(`nothing behind 0x${last.toString(16)} is in memory`);
    this.#at = last;
    return 'more';
  }

  /**
   * What has left the memory was written long ago, as the log's ring is shorter. Not only that is read: until it is, the memory
   * has forgotten more.
   */
  #openDisk(floor: bigint): void {
    const { sources, durable } = this.#parts;
    const onDisk = max(floor, durable());
    const upTo = onDisk < this.#committed ? onDisk : this.#committed;
    this.#disk = { source: sources.log(wordsOf(this.#at), wordsOf(upTo), this.#parts), upTo };
  }

  #fillFromDisk(
    { source, upTo }: { readonly source: SendSource; readonly upTo: bigint },
    target: SourceTarget,
  ): 'more' | 'later' {
    const outcome = source.fill(target);
    if (outcome !== 'end') return outcome;
    this.#at = upTo;
    this.#disk = null;
    return 'more';
  }

  cancel(): void {
    this.#disk?.source.cancel();
  }
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

/** A zxid in the form that storage takes. */
export function wordsOf(zxid: bigint): ZxidWords {
  return { zxidHigh: epochOf(zxid), zxidLow: counterOf(zxid) };
}
