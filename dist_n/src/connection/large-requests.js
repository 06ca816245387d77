// Hot path: while the limit is off, as it is by default, a frame costs one comparison.
/** Bytes of shared memory for {@link LargeRequests}. */
export const LARGE_REQUESTS_BYTES = 4;
/**
 * Bounds the memory that large requests take together, over all workers (largeRequestMaxBytes,
 * protocol/features.md §2.2). A request counts from when its length is known until it is answered.
 */
export class LargeRequests {
    /** Longer frames are large. */
    #thresholdBytes;
    #bytesMax;
    #bytes;
    /** `thresholdBytes` 0: the limit is off. */
    constructor(memory, thresholdBytes, bytesMax) {
        this.#bytes = new Int32Array(memory);
        this.#thresholdBytes = thresholdBytes > 0 ? thresholdBytes : Number.POSITIVE_INFINITY;
        this.#bytesMax = bytesMax;
    }
    /** To be asked of the frame at the head of the input, as often as one likes; false: it is one too many. */
    admits(connection, frameBytes) {
        if (frameBytes <= this.#thresholdBytes || connection.largeFrameBytes > 0)
            return true;
        const total = Atomics.add(this.#bytes, 0, frameBytes) + frameBytes;
        if (total > this.#bytesMax) {
            Atomics.sub(this.#bytes, 0, frameBytes);
            return false;
        }
        connection.largeFrameBytes = frameBytes;
        return true;
    }
    /** The large frame at the head of the input was dealt with: answered, or forwarded to main. */
    dealtWith(connection, isForwarded) {
        const bytes = connection.largeFrameBytes;
        connection.largeFrameBytes = 0;
        if (isForwarded)
            connection.largeRequests.push({ bytes, answersLeft: connection.outstanding });
        else
            Atomics.sub(this.#bytes, 0, bytes);
    }
    /** One of the connection's requests was answered. */
    answered(connection) {
        const requests = connection.largeRequests;
        for (const request of requests)
            request.answersLeft--;
        while (requests.length > 0 && requests[0].answersLeft === 0) {
            Atomics.sub(this.#bytes, 0, requests[0].bytes);
            requests.shift();
        }
    }
    /** The connection is gone. */
    closed(connection) {
        let bytes = connection.largeFrameBytes;
        for (const request of connection.largeRequests)
            bytes += request.bytes;
        connection.largeFrameBytes = 0;
        connection.largeRequests.length = 0;
        if (bytes > 0)
            Atomics.sub(this.#bytes, 0, bytes);
    }
}
