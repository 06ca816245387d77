import type { QuorumVerifier } from './quorum-verifier.ts';
import { Zxid } from './zxid.ts';

/**
 * Counts a leader's acknowledgements. They are cumulative: a server that has acknowledged a zxid has everything up to
 * it on disk. Commits follow zxid order by construction, since what is committed is a prefix of the proposals (ZAB,
 * broadcast phase; protocol/quorum.md §5). A standalone server is its own quorum.
 */
export class Acknowledgements {
  /** Everything up to here is committed. */
  readonly committed: Zxid;
  readonly #quorum: QuorumVerifier;
  readonly #acknowledged = new Map<number, Zxid>();
  readonly #behind = new Set<number>();

  constructor(quorum: QuorumVerifier, epoch: number, counter: number) {
    this.#quorum = quorum;
    this.committed = new Zxid(epoch, counter);
  }

  /** Server `sid` has everything up to this zxid on disk. True when that commits more than before. */
  acknowledge(sid: number, epoch: number, counter: number): boolean {
    const zxid = this.#acknowledged.get(sid);
    if (zxid === undefined) this.#acknowledged.set(sid, new Zxid(epoch, counter));
    else if (zxid.compare(epoch, counter) >= 0) return false;
    else zxid.set(epoch, counter);
    return this.#commit();
  }

  /** What this server acknowledged no longer counts: it may cut its log before it is synchronised again. */
  forget(sid: number): void {
    this.#acknowledged.delete(sid);
  }

  #commit(): boolean {
    let moved = false;
    for (const candidate of this.#acknowledged.values()) {
      if (this.committed.compare(candidate.epoch, candidate.counter) >= 0) continue;
      const behind = this.#behind;
      behind.clear();
      for (const [sid, zxid] of this.#acknowledged) {
        if (zxid.compare(candidate.epoch, candidate.counter) >= 0) behind.add(sid);
      }
      if (!this.#quorum.containsQuorum(behind)) continue;
      this.committed.set(candidate.epoch, candidate.counter);
      moved = true;
    }
    return moved;
  }
}
