/** Words of the table of counts; addresses share one by their hash, which at worst refuses a connection too many. */
const WORDS = 1 << 18;
/** Bytes of shared memory for {@link AddressCounts}. */
export const ADDRESS_COUNTS_BYTES = (WORDS + 1) * 4;
/** Counts connections over all connection workers: per client address (maxClientCnxns) and in all (maxCnxns). */
export class AddressCounts {
    #counts;
    constructor(memory) {
        this.#counts = new Int32Array(memory);
    }
    /** Counts one more connection and gives how many there are now. */
    add(address) {
        Atomics.add(this.#counts, WORDS, 1);
        return Atomics.add(this.#counts, wordOf(address), 1) + 1;
    }
    /** Connections from all addresses. */
    get total() {
        return Atomics.load(this.#counts, WORDS);
    }
    remove(address) {
        Atomics.sub(this.#counts, WORDS, 1);
        Atomics.sub(this.#counts, wordOf(address), 1);
    }
}
function wordOf(address) {
    let hash = 0x811c9dc5;
    for (let i = 0; i < address.length; i++)
        hash = Math.imul(hash ^ address.charCodeAt(i), 0x01000193);
    return (hash ^ (hash >>> 15)) & (WORDS - 1);
}
