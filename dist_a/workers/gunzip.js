// Uncompresses one gzipped snapshot for a thread that loads it and is blocked meanwhile (src/storage/gzip-source.ts).
import { createReadStream } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { createGunzip } from 'node:zlib';
import { BlockingSleeper, Doorbell } from '../src/ring/doorbell.js';
import { RingProducer } from '../src/ring/ring.js';
import { GUNZIP_CHUNK_BYTES, GunzipRecord, isDamage } from '../src/storage/gzip-source.js';
/** The cap on a wait for the doorbell. */
const WAIT_MS = 100;
const data = workerData;
const ring = new RingProducer(data.ring);
const reader = new Doorbell(data.readerDoorbell);
const sleeper = new BlockingSleeper(data.writerDoorbell);
const progress = new Float64Array(data.progress);
/** Blocks until there is room: whoever loads takes what is there. */
function put(kind, bytes) {
    const length = 1 + bytes.length;
    let at = ring.reserve(length);
    while (at < 0) {
        sleeper.sleep(() => ring.reserve(length) >= 0, WAIT_MS);
        at = ring.reserve(length);
    }
    ring.bytes[at] = kind;
    ring.bytes.set(bytes, at + 1);
    ring.commit(length);
    ring.publish();
    reader.ring();
}
const file = createReadStream(data.path, { highWaterMark: 256 * 1024 });
const gunzip = createGunzip({ chunkSize: GUNZIP_CHUNK_BYTES });
file.on('error', (error) => put(GunzipRecord.failed, Buffer.from(error.message)));
gunzip.on('error', (error) => {
    put(isDamage(error) ? GunzipRecord.damaged : GunzipRecord.failed, Buffer.from(error.message));
    file.destroy();
});
gunzip.on('data', (chunk) => {
    progress[0] = file.bytesRead;
    put(GunzipRecord.data, chunk);
});
gunzip.on('end', () => put(GunzipRecord.end, new Uint8Array(0)));
file.pipe(gunzip);
