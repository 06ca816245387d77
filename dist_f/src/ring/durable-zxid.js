// Hot path: one write per synced batch, one read per wake-up of main.
const VERSION = 0;
const HIGH = 1;
const LOW = 2;
export const DURABLE_ZXID_BYTES = 64;
/** A write takes well below a microsecond, unless its thread is interrupted or ends half-way. */
const TRIES_MAX = 1000;
/**
 * The zxid up to which the log worker has everything on disk. Two words that change together: a sequence lock keeps a
 * reader from taking the epoch of one zxid with the counter of another. One writer.
 */
export class DurableZxid {
    high = 0;
    low = 0;
    #words;
    constructor(memory) {
        this.#words = new Int32Array(memory);
    }
    /** Announces a zxid. The version is odd while the words change. */
    write(high, low) {
        Atomics.add(this.#words, VERSION, 1);
        Atomics.store(this.#words, HIGH, high);
        Atomics.store(this.#words, LOW, low);
        Atomics.add(this.#words, VERSION, 1);
    }
    /**
     * Takes the present zxid into {@link high} and {@link low}. They stay what they were when the writer is stuck half-way:
     * an older zxid is durable too, and the writer rings when it is through.
     */
    read() {
        const words = this.#words;
        for (let tries = 0; tries < TRIES_MAX; tries++) {
            const version = Atomics.load(words, VERSION);
            if ((version & 1) !== 0)
                continue;
            const high = Atomics.load(words, HIGH);
            const low = Atomics.load(words, LOW);
            if (Atomics.load(words, VERSION) !== version)
                continue;
            this.high = high;
            this.low = low;
            return;
        }
    }
}
