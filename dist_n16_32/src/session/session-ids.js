/** Ids that mean something else: a session still to be made, the owner of a container (Apache skips it too). */
const RESERVED_IDS = [0n, 0x8000000000000000n];
/**
 * Makes session ids: the server's id in the top byte, a clock in the middle 40 bits, a counter from 0 below
 * (protocol/client.md §2). The clock is the wall clock, not Apache's monotonic one, which begins anew at each boot and
 * might give an id again whose (deterministic) password an old client still holds; for the same reason ids go on above
 * every known one.
 */
export class SessionIds {
    #next;
    constructor(serverId, wallClockMs) {
        const clock = BigInt.asUintN(64, BigInt(wallClockMs) << 24n) >> 8n;
        this.#next = clock | (BigInt(serverId & 0xff) << 56n);
    }
    /** Never gives this id, nor one below it of the same server, again. */
    seen(high, low) {
        const id = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
        if (id >> 56n === this.#next >> 56n && id >= this.#next)
            this.#next = id + 1n;
    }
    /** A new id as a high and a low word. */
    next() {
        if (RESERVED_IDS.includes(this.#next))
            this.#next++;
        const id = this.#next++;
        return { high: Number(BigInt.asIntN(32, id >> 32n)), low: Number(BigInt.asIntN(32, id)) };
    }
}
