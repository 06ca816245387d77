export interface ConnectionThrottleOptions {
  /** connection_throttle_tokens: size of the bucket, 0 for no limit. */
  readonly tokens: number;
  /** connection_throttle_fill_time */
  readonly fillTimeMs: number;
  /** connection_throttle_fill_count: tokens added in each fill time. */
  readonly fillCount: number;
  /** connection_throttle_freeze_time: between two changes of the chance to be dropped; -1 to drop by tokens only. */
  readonly freezeTimeMs: number;
  readonly dropIncrease: number;
  readonly dropDecrease: number;
  /** connection_throttle_decrease_ratio: the chance falls while no more than this part of the bucket is missing. */
  readonly decreaseRatio: number;
  /** Tokens that a new session takes, and one that comes back. */
  readonly newSessionTokens: number;
  readonly renewedSessionTokens: number;
}

/**
 * Spares the server a rush of clients: a token bucket for ConnectRequests and, if asked for, a chance to be dropped that
 * grows while the bucket is empty (Apache's BlueThrottle). Who gets no token is disconnected and tries again.
 */
export class ConnectionThrottle {
  /** 0 to 1 */
  dropProbability = 0;
  readonly #options: ConnectionThrottleOptions;
  readonly #random: () => number;
  #tokens: number;
  #filledMs: number;
  #frozenMs: number;

  /** `random` gives numbers from 0 up to 1. */
  constructor(options: ConnectionThrottleOptions, nowMs: number, random: () => number) {
    this.#options = options;
    this.#random = random;
    this.#tokens = options.tokens;
    this.#filledMs = nowMs;
    this.#frozenMs = nowMs;
  }

  /** Tokens that are missing. */
  get deficit(): number {
    return this.#options.tokens - this.#tokens;
  }

  /** Whether a client may have a new session, or its old one again; takes the tokens for it. */
  admits(isNew: boolean, nowMs: number): boolean {
    const { tokens, fillTimeMs, fillCount, freezeTimeMs } = this.#options;
    if (tokens === 0) return true;
    const sinceMs = nowMs - this.#filledMs;
    if (sinceMs > fillTimeMs) {
      this.#tokens = Math.min(tokens, this.#tokens + Math.round((sinceMs * fillCount) / fillTimeMs));
      this.#filledMs = nowMs;
    }
    if (freezeTimeMs !== -1 && !this.#survives(nowMs)) return false;
    const needed = isNew ? this.#options.newSessionTokens : this.#options.renewedSessionTokens;
    if (this.#tokens < needed) return false;
    this.#tokens -= needed;
    return true;
  }

  #survives(nowMs: number): boolean {
    const { tokens, freezeTimeMs, dropIncrease, dropDecrease, decreaseRatio } = this.#options;
    if (nowMs - this.#frozenMs > freezeTimeMs) {
      this.#frozenMs = nowMs;
      if (this.deficit === tokens) this.dropProbability = Math.min(1, this.dropProbability + dropIncrease);
      else if (this.deficit <= Math.round(tokens * decreaseRatio)) {
        this.dropProbability = Math.max(0, this.dropProbability - dropDecrease);
      }
    }
    return this.#random() >= this.dropProbability;
  }
}
