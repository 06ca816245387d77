import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
const FILE_HEADER_BYTES = 16;
/** The newest transaction log below a dataDir, and its name. */
export function newestLog(dataDir) {
    const directory = join(dataDir, 'version-2');
    const logs = readdirSync(directory).filter((name) => /^log\.[0-9a-f]+$/.test(name));
    const zxid = (name) => Number.parseInt(name.slice('log.'.length), 16);
    const name = logs.sort((a, b) => zxid(a) - zxid(b)).at(-1);
    if (name === undefined)
        throw new Error(`no log in ${directory}`);
    return { name, bytes: readFileSync(join(directory, name)) };
}
/** The whole records of a log, read without the code that is under test. */
export function logRecords(bytes) {
    const records = [];
    for (let start = FILE_HEADER_BYTES; start + 12 < bytes.length;) {
        const length = bytes.readInt32BE(start + 8);
        if (length === 0)
            break;
        const end = start + 12 + length + 1;
        if (bytes[end - 1] !== 0x42)
            throw new Error(`no end marker at ${end - 1}`);
        records.push({ start, end, zxid: bytes.readBigInt64BE(start + 12 + 12) });
        start = end;
    }
    return records;
}
