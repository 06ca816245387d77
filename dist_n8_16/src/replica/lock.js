// Hot path: allocates nothing.
import { waitBlocked, wake } from '../ring/doorbell.js';
import { LOCK_STRIDE_BYTES } from './memory.js';
// The big-reader lock: one word for the writer, one for each reader, far apart, so that readers do not disturb each other.
// A side first raises its own word, then looks at the other's. All accesses are Atomics, hence in one order that all
// threads agree on: of a reader and a writer that come together, at least one sees the other. The reader gives way.
//
// A side that goes to sleep waiting for a word first turns it from RAISED to AWAITED; who lowers an AWAITED word wakes it.
// So nobody rings when nobody sleeps. Every sleep is capped all the same.
const LOWERED = 0;
const RAISED = 1;
const AWAITED = 2;
const STRIDE_WORDS = LOCK_STRIDE_BYTES / 4;
const WRITER = 0;
const WAIT_MS_MAX = 1;
/** Some microseconds: as long as a short batch of reads. */
const SPINS_MAX = 1000;
/** A reader that is in for so long is dead or stuck. */
const READER_STUCK_MS = 10_000;
/** Thrown by {@link WriterLock.acquire} when a reader does not leave. */
export class ReaderStuckError extends Error {
    name = 'ReaderStuckError';
    readerIndex;
    constructor(readerIndex, waitedMs) {
        super(`replica: reader ${readerIndex} has held the lock for about ${waitedMs} ms; ` +
            'if its thread has died, clear it, else restart the server');
        this.readerIndex = readerIndex;
    }
}
function readerWord(readerIndex) {
    return (1 + readerIndex) * STRIDE_WORDS;
}
function lower(words, index) {
    if (Atomics.exchange(words, index, LOWERED) === AWAITED)
        wake(words, index);
}
/** Sleeps until a word was lowered, or 1 ms. */
function waitWhileRaised(words, index) {
    if (Atomics.compareExchange(words, index, RAISED, AWAITED) !== LOWERED)
        waitBlocked(words, index, AWAITED, WAIT_MS_MAX);
}
/** One reading thread's side of the lock. Not re-entrant. Hold it for a batch of reads, and for nothing that can block. */
export class ReaderLock {
    #words;
    #own;
    #isHeld = false;
    /** @param readerIndex - from 0, below `readersMax`; each thread has its own. @throws RangeError */
    constructor(memory, readerIndex) {
        this.#words = new Int32Array(memory.lock);
        this.#own = readerWord(readerIndex);
        if (readerIndex < 0 || this.#own >= this.#words.length)
            throw new RangeError(`replica: no lock word for reader ${readerIndex}`);
    }
    /** Takes the lock unless the writer is in or announced; never blocks. */
    tryAcquire() {
        if (this.#isHeld)
            throw new Error('replica: reader lock is held already');
        Atomics.store(this.#words, this.#own, RAISED);
        if (Atomics.load(this.#words, WRITER) !== LOWERED) {
            lower(this.#words, this.#own);
            return false;
        }
        this.#isHeld = true;
        return true;
    }
    /**
     * Takes the lock, blocking while the writer is in.
     * @param whileWaiting - called before each sleep (of 1 ms at most), without the lock: does what the writer may wait for.
     */
    acquire(whileWaiting) {
        while (!this.tryAcquire()) {
            whileWaiting();
            waitWhileRaised(this.#words, WRITER);
        }
    }
    /** Lets go. */
    release() {
        if (!this.#isHeld)
            throw new Error('replica: reader lock is not held');
        this.#isHeld = false;
        lower(this.#words, this.#own);
    }
}
/** The writer's side of the lock: main has the only one. Not re-entrant. Hold it for a batch of commits. */
export class WriterLock {
    #words;
    #readerStuckMs;
    /** @param readerStuckMs - after how long {@link acquire} gives a reader up */
    constructor(memory, readerStuckMs = READER_STUCK_MS) {
        this.#words = new Int32Array(memory.lock);
        this.#readerStuckMs = readerStuckMs;
    }
    /**
     * Keeps new readers out and waits for those that are in: spins for some microseconds, then blocks.
     * @throws ReaderStuckError after `readerStuckMs`, without the lock: a thread's death cannot be seen while blocked here.
     */
    acquire() {
        if (Atomics.compareExchange(this.#words, WRITER, LOWERED, RAISED) !== LOWERED)
            throw new Error('replica: writer lock is held already');
        for (let word = STRIDE_WORDS; word < this.#words.length; word += STRIDE_WORDS) {
            if (Atomics.load(this.#words, word) !== LOWERED)
                this.#awaitReader(word);
        }
    }
    #awaitReader(word) {
        for (let spin = 0; spin < SPINS_MAX; spin++) {
            if (Atomics.load(this.#words, word) === LOWERED)
                return;
        }
        // No clock here: each wait takes about its cap unless the reader leaves.
        for (let waitedMs = 0; waitedMs < this.#readerStuckMs; waitedMs += WAIT_MS_MAX) {
            if (Atomics.load(this.#words, word) === LOWERED)
                return;
            waitWhileRaised(this.#words, word);
        }
        lower(this.#words, WRITER);
        throw new ReaderStuckError(word / STRIDE_WORDS - 1, this.#readerStuckMs);
    }
    /** Lets go, and wakes readers that sleep. */
    release() {
        if (Atomics.load(this.#words, WRITER) === LOWERED)
            throw new Error('replica: writer lock is not held');
        lower(this.#words, WRITER);
    }
    /** Lowers the word of a reader whose thread has ended, perhaps while it was in. Before its index is given again. */
    clearReader(readerIndex) {
        lower(this.#words, readerWord(readerIndex));
    }
}
