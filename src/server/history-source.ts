import type { ZxidWords } from '../storage/log-range.ts';
import { counterOf, epochOf } from '../zab/zxid.ts';
import type { LearnerSource, LearnerSourceEvents, LearnerSources, SourceTarget } from './learner-sources.ts';
import type { TxnCache } from './txn-cache.ts';

/** About how much is written at a time. */
const STEP_BYTES = 256 * 1024;

/**
 * Committed txns on their way to a learner, each as PROPOSAL and COMMIT: from the log on disk as long as they are not in
 * memory any more, then from memory, as the learner takes them. So a learner that is far behind costs no memory of its own,
 * however long it takes.
 */
export class HistorySource implements LearnerSource {
  readonly #cache: TxnCache;
  readonly #sources: Pick<LearnerSources, 'log'>;
  readonly #upTo: bigint;
  readonly #events: LearnerSourceEvents;
  /** Everything up to here was given. */
  #at: bigint;
  /** What comes from disk now, up to where. */
  #disk: { readonly source: LearnerSource; readonly upTo: bigint } | null = null;

  /** The txns in (after, upTo]: `after` is one of the history, all of it up to `upTo` is committed. */
  constructor(
    cache: TxnCache,
    sources: Pick<LearnerSources, 'log'>,
    after: bigint,
    upTo: bigint,
    events: LearnerSourceEvents,
  ) {
    this.#cache = cache;
    this.#sources = sources;
    this.#at = after;
    this.#upTo = upTo;
    this.#events = events;
  }

  fill(target: SourceTarget): 'more' | 'later' | 'end' {
    if (this.#disk === null && this.#at < this.#cache.floor && this.#at < this.#upTo) this.#openDisk();
    if (this.#disk !== null) return this.#fillFromDisk(this.#disk, target);
    if (this.#at >= this.#upTo) return 'end';
    const last = this.#cache.forSome(
      this.#at,
      this.#upTo,
      STEP_BYTES,
      (epoch, counter, bytes, start, length) => {
        target.proposal(epoch, counter, bytes, start, length);
        target.commits(epoch, counter, counter);
      },
    );
    if (last === this.#at) return 'end';
    this.#at = last;
    return 'more';
  }

  /** What has left the memory was written long ago: the log's ring is shorter. */
  #openDisk(): void {
    const { floor } = this.#cache;
    const upTo = floor < this.#upTo ? floor : this.#upTo;
    this.#disk = { source: this.#sources.log(wordsOf(this.#at), wordsOf(upTo), this.#events), upTo };
  }

  #fillFromDisk(
    disk: { readonly source: LearnerSource; readonly upTo: bigint },
    target: SourceTarget,
  ): 'more' | 'later' {
    const outcome = disk.source.fill(target);
    if (outcome !== 'end') return outcome;
    this.#at = disk.upTo;
    this.#disk = null;
    return 'more';
  }

  cancel(): void {
    this.#disk?.source.cancel();
  }
}

/** A zxid in the form that storage takes. */
export function wordsOf(zxid: bigint): ZxidWords {
  return { zxidHigh: epochOf(zxid), zxidLow: counterOf(zxid) };
}
