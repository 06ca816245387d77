/**
 * Spares the server a rush of clients: a token bucket for ConnectRequests and, if asked for, a chance to be dropped that
 * grows while the bucket is empty (Apache's BlueThrottle). Who gets no token is disconnected and tries again.
 */
export class ConnectionThrottle {
    /** 0 to 1 */
    dropProbability = 0;
    #options;
    #random;
    #tokens;
    #filledMs;
    #frozenMs;
    /** `random` gives numbers from 0 up to 1. */
    constructor(options, nowMs, random) {
        this.#options = options;
        this.#random = random;
        this.#tokens = options.tokens;
        this.#filledMs = nowMs;
        this.#frozenMs = nowMs;
    }
    /** Tokens that are missing. */
    get deficit() {
        return this.#options.tokens - this.#tokens;
    }
    /** Whether a client may have a new session, or its old one again; takes the tokens for it. */
    admits(isNew, nowMs) {
        const { tokens, fillTimeMs, fillCount, freezeTimeMs } = this.#options;
        if (tokens === 0)
            return true;
        const sinceMs = nowMs - this.#filledMs;
        if (sinceMs > fillTimeMs) {
            this.#tokens = Math.min(tokens, this.#tokens + Math.round((sinceMs * fillCount) / fillTimeMs));
            this.#filledMs = nowMs;
        }
        if (freezeTimeMs !== -1 && !this.#survives(nowMs))
            return false;
        const needed = isNew ? this.#options.newSessionTokens : this.#options.renewedSessionTokens;
        if (this.#tokens < needed)
            return false;
        this.#tokens -= needed;
        return true;
    }
    #survives(nowMs) {
        const { tokens, freezeTimeMs, dropIncrease, dropDecrease, decreaseRatio } = this.#options;
        if (nowMs - this.#frozenMs > freezeTimeMs) {
            this.#frozenMs = nowMs;
            if (this.deficit === tokens)
                this.dropProbability = Math.min(1, this.dropProbability + dropIncrease);
            else if (this.deficit <= Math.round(tokens * decreaseRatio)) {
                this.dropProbability = Math.max(0, this.dropProbability - dropDecrease);
            }
        }
        return this.#random() >= this.dropProbability;
    }
}
