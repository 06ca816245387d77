// Hot path: one locked addition per request sent to main and one per answer; a sum over the workers per request.
/** Bytes of shared memory for {@link RequestLimits}. */
export function requestCountsBytes(workers) {
    return workers * 4;
}
/**
 * How many requests main may have in hand (protocol/features.md §2.2), over all workers. Reads are answered where they
 * come in and never wait for main, so only what is forwarded counts: writes, syncs, closeSessions.
 */
export class RequestLimits {
    /** One word a worker: its requests that main has not answered. */
    #counts;
    #worker;
    #outstandingMax;
    #inProcessMax;
    constructor(memory, worker, options) {
        this.#counts = new Int32Array(memory);
        this.#worker = worker;
        this.#outstandingMax = options.outstandingMax;
        this.#inProcessMax = options.inProcessMax > 0 ? options.inProcessMax : Number.POSITIVE_INFINITY;
    }
    /** Requests of all workers that main has not answered. */
    get inProcess() {
        const counts = this.#counts;
        let sum = 0;
        for (let i = 0; i < counts.length; i++)
            sum += Atomics.load(counts, i);
        return sum;
    }
    /** Whether request_throttle_max_requests are in process: whoever it is has to wait. */
    get isFull() {
        return this.#inProcessMax !== Number.POSITIVE_INFINITY && this.inProcess >= this.#inProcessMax;
    }
    /** Whether this connection may have one more, as far as globalOutstandingLimit goes. */
    admits(connection) {
        return connection.outstanding === 0 || this.inProcess < this.#outstandingMax;
    }
    forwarded() {
        Atomics.add(this.#counts, this.#worker, 1);
    }
    /** So many were answered, or nobody waits for their answers any more. */
    settled(requests) {
        Atomics.sub(this.#counts, this.#worker, requests);
    }
}
