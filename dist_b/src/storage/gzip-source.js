import { Worker } from 'node:worker_threads';
import { constants, gunzipSync } from 'node:zlib';
import { BlockingSleeper, createDoorbellMemory, Doorbell } from '../ring/doorbell.js';
import { createRingMemory, RingConsumer } from '../ring/ring.js';
import { readFully } from './file-system.js';
import { SnapshotError } from './snapshot-error.js';
/** A file up to so long is uncompressed at once, unless it becomes longer than {@link SMALL_CONTENT_BYTES}. */
const SMALL_FILE_BYTES = 1 << 20;
const SMALL_CONTENT_BYTES = 32 << 20;
const RING_BYTES = 1 << 20;
/** The cap on a wait for the doorbell. */
const WAIT_MS = 100;
/** A disk that gives nothing for so long, or a thread that did not start, ends the wait. */
const SILENCE_MS_MAX = 120_000;
/** The first byte of each record in that thread's ring. */
export const GunzipRecord = { data: 0, end: 1, damaged: 2, failed: 3 };
/**
 * Opens a gzipped snapshot. Node has no gunzip that is both synchronous and bounded in memory, so a large file is
 * uncompressed by a thread, beside the loading, and handed over through a ring.
 */
export function openGzip(fileSystem, path) {
    const small = readSmall(fileSystem, path);
    return small ?? new ThreadSource(fileSystem, path);
}
/** Null when the file or its content is too long for this. */
function readSmall(fileSystem, path) {
    const fd = fileSystem.open(path, 'r');
    let compressed;
    try {
        const { size } = fileSystem.statOpen(fd);
        if (size > SMALL_FILE_BYTES)
            return null;
        compressed = new Uint8Array(size);
        readFully(fileSystem, fd, compressed, 0, size, 0);
    }
    finally {
        fileSystem.close(fd);
    }
    try {
        const content = gunzipSync(compressed, { maxOutputLength: SMALL_CONTENT_BYTES });
        return new MemorySource(content, compressed.length);
    }
    catch (error) {
        const { code, message } = error;
        if (code === 'ERR_BUFFER_TOO_LARGE')
            return null;
        throw damaged(path, 0, message);
    }
}
class MemorySource {
    fileBytes;
    #content;
    #at = 0;
    constructor(content, fileBytes) {
        this.#content = content;
        this.fileBytes = fileBytes;
    }
    get fileBytesRead() {
        return this.fileBytes;
    }
    read(bytes, start, length) {
        const count = Math.min(length, this.#content.length - this.#at);
        bytes.set(this.#content.subarray(this.#at, this.#at + count), start);
        this.#at += count;
        return count;
    }
    close() { }
}
class ThreadSource {
    fileBytes;
    #path;
    #thread;
    #ring;
    #sleeper;
    #writerDoorbell;
    #progress;
    #hasMore = () => this.#ring.hasMore();
    /** What is left of the record at hand. */
    #at = 0;
    #left = 0;
    #atEnd = false;
    constructor(fileSystem, path) {
        this.#path = path;
        this.fileBytes = fileSystem.stat(path)?.size ?? 0;
        const data = {
            path,
            ring: createRingMemory(RING_BYTES, 1),
            readerDoorbell: createDoorbellMemory(),
            writerDoorbell: createDoorbellMemory(),
            progress: new SharedArrayBuffer(8),
        };
        this.#ring = new RingConsumer(data.ring, 0);
        this.#sleeper = new BlockingSleeper(data.readerDoorbell);
        this.#writerDoorbell = new Doorbell(data.writerDoorbell);
        this.#progress = new Float64Array(data.progress);
        const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
        this.#thread = new Worker(new URL(`../../workers/gunzip.${extension}`, import.meta.url), {
            workerData: data,
        });
        this.#thread.unref();
        // Main is blocked while it loads and could not hear of it: the thread reports through the ring.
        this.#thread.on('error', () => { });
    }
    get fileBytesRead() {
        return this.#progress[0];
    }
    read(bytes, start, length) {
        let done = 0;
        while (done < length) {
            if (this.#left === 0 && !this.#nextRecord())
                break;
            const count = Math.min(length - done, this.#left);
            bytes.set(this.#ring.bytes.subarray(this.#at, this.#at + count), start + done);
            this.#at += count;
            this.#left -= count;
            done += count;
        }
        return done;
    }
    close() {
        this.#thread.terminate().catch(() => { });
    }
    /** False at the end. */
    #nextRecord() {
        if (this.#atEnd)
            return false;
        this.#ring.release();
        this.#writerDoorbell.ring();
        this.#awaitRecord();
        const ring = this.#ring;
        const kind = ring.bytes[ring.start];
        this.#at = ring.start + 1;
        this.#left = ring.length - 1;
        if (kind === GunzipRecord.data)
            return true;
        const text = Buffer.from(ring.bytes.slice(this.#at, this.#at + this.#left)).toString();
        this.#left = 0;
        this.#atEnd = true;
        if (kind === GunzipRecord.damaged)
            throw damaged(this.#path, this.#progress[0], text);
        if (kind === GunzipRecord.failed)
            throw new Error(`${this.#path}: ${text}`);
        return false;
    }
    #awaitRecord() {
        const untilMs = performance.now() + SILENCE_MS_MAX;
        while (!this.#ring.next()) {
            this.#sleeper.sleep(this.#hasMore, WAIT_MS);
            if (performance.now() > untilMs && !this.#ring.hasMore()) {
                throw new Error(`${this.#path}: the thread that uncompresses it gave nothing for ${SILENCE_MS_MAX} ms`);
            }
        }
    }
}
function damaged(path, offset, found) {
    return new SnapshotError(path, offset, 'gzipped data', found);
}
/** Uncompressed bytes that the thread hands over at a time. */
export const GUNZIP_CHUNK_BYTES = 64 * 1024;
/** zlib's own errors are the file's, all others the disk's. */
export function isDamage(error) {
    return error.code !== undefined && error.code in constants;
}
