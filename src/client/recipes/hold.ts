import { ErrorCode } from '../../protocol/error-code.ts';
import { ZooKeeperError } from '../errors.ts';
import { orAborted, withinLimits } from '../limits.ts';
import { isFinal, type SessionState } from '../session-state.ts';
import type { ZooKeeper } from '../zookeeper.ts';
import type { QueuePlace } from './queue-place.ts';
import { repeated, type WaitOptions, watchIfThere } from './retry.ts';

/** Why something held is held no longer; the reason of {@link Hold.signal}. */
export class LostError extends ZooKeeperError {
  constructor(reason: string, path: string) {
    super(ErrorCode.SESSIONEXPIRED, reason, { path });
  }
}

/**
 * Something that one client holds: a lock, a leadership, a permit of a semaphore.
 *
 * Guarantee: until `signal` fires, or {@link isHeld} is false, no other client holds it, provided that clocks run equally fast.
 * `signal` fires with a {@link LostError} when the session is over, when the connection was lost for so long that the servers may
 * have expired the session (its lease has run out), and when somebody deleted the znode. A suspended session whose lease has not
 * run out still holds. A process that stalls cannot be told in time: what it writes elsewhere should carry `token`, and the
 * receiver should refuse a token smaller than one that it has seen.
 */
export class Hold {
  /** Grows from holder to holder. */
  readonly token: bigint;
  readonly path: string;
  readonly #place: QueuePlace;
  readonly #client: ZooKeeper;
  readonly #controller = new AbortController();
  /** Fires when it is released or lost: nothing is watched any longer. */
  readonly #over = new AbortController();
  #timer: NodeJS.Timeout | null = null;
  #isReleased = false;

  constructor(place: QueuePlace) {
    this.#place = place;
    this.#client = place.client;
    this.path = place.path;
    this.token = place.czxid;
    this.#client.on('state', this.#onState);
    this.#onState(this.#client.state);
    void this.#watchOwn();
  }

  /** Fires when it is lost; not when it is released. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether it is held now; looks at the clock, so that a process that was stalled is told before its timers are. */
  get isHeld(): boolean {
    if (this.#isReleased || this.#controller.signal.aborted) return false;
    return performance.now() < this.#client.leaseEndsAtMs;
  }

  /** Throws {@link LostError} unless it is held. */
  assertHeld(): void {
    if (this.isHeld) return;
    throw (
      this.#controller.signal.reason ??
      new LostError(this.#isReleased ? 'released' : 'the lease has run out', this.path)
    );
  }

  /**
   * Gives it up. Resolves when others can have it, or when the session is over; without a connection that may take long: a
   * limit ends the wait, and it is given up all the same when a server is found.
   */
  async release(options: WaitOptions = {}): Promise<void> {
    this.#stop();
    this.#isReleased = true;
    // Begun before the limits are looked at.
    const left = this.#place.leave();
    left.catch(() => {});
    await withinLimits('release', this.path, options, (signal) => orAborted(left, signal));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  readonly #onState = (state: SessionState): void => {
    if (isFinal(state)) {
      this.#lose(`the session is ${state}`);
    } else if (state === 'suspended') {
      const leftMs = this.#client.leaseEndsAtMs - performance.now();
      this.#timer = setTimeout(
        () => {
          this.#lose('the connection was lost for so long that the session may have expired');
        },
        Math.max(0, Math.floor(leftMs)),
      );
    } else if (this.#timer !== null) {
      clearTimeout(this.#timer);
      this.#timer = null;
    }
  };

  async #watchOwn(): Promise<void> {
    const watching = { watch: () => void this.#watchOwn(), watchSignal: this.#over.signal };
    try {
      const isThere = await repeated(async () => {
        if (this.#over.signal.aborted) return true;
        return await watchIfThere(this.#client, this.path, watching);
      });
      if (!isThere) this.#lose('somebody deleted its znode');
    } catch {
      // The session is over, which the state tells.
    }
  }

  #lose(reason: string): void {
    if (this.#isReleased || this.#controller.signal.aborted) return;
    this.#stop();
    // If the session lives on after all, its znode must not keep others waiting.
    if (!isFinal(this.#client.state)) void this.#place.leave().catch(() => {});
    this.#controller.abort(new LostError(reason, this.path));
  }

  #stop(): void {
    this.#over.abort();
    this.#client.off('state', this.#onState);
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
