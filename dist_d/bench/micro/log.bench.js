import { encodeRecord, RECORD_OVERHEAD_BYTES } from '../../src/storage/txn-log-format.js';
import { addBatch, BATCH } from './timed-batch.js';
/** Registers the encoding of log records, Adler-32 included, out of shared memory as in the log ring. */
export function logBenchmarks(bench) {
    for (const bytes of [100, 1100, 10_000]) {
        const entry = new Uint8Array(new SharedArrayBuffer(bytes));
        for (let i = 0; i < bytes; i++)
            entry[i] = i * 31;
        const target = new Uint8Array(BATCH * (bytes + RECORD_OVERHEAD_BYTES));
        const view = new DataView(target.buffer);
        addBatch(bench, `log: record of ${bytes} bytes with its checksum`, () => {
            let at = 0;
            for (let i = 0; i < BATCH; i++)
                at = encodeRecord(target, view, at, entry, 0, bytes);
            if (at !== target.length)
                throw new Error('the records have another length');
        });
    }
}
