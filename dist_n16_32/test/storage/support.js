import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import zlib from 'node:zlib';
import { GrowingJuteWriter } from '../../src/jute/writer.js';
import { lowWord } from '../../src/protocol/long.js';
import { DataTree } from '../../src/replica/data-tree.js';
import { DataDirectory } from '../../src/storage/data-directory.js';
import { nodeFileSystem } from '../../src/storage/file-system.js';
import { TxnLogWriter } from '../../src/storage/txn-log-writer.js';
/** Collects log lines instead of printing them. */
export class LogLines {
    lines = [];
    info(message) {
        this.lines.push(message);
    }
    warn(message) {
        this.lines.push(`WARN ${message}`);
    }
}
export function temporaryDirectory(test) {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'menagerie-storage-'));
    test.after(() => fs.rmSync(directory, { recursive: true, force: true }));
    return directory;
}
export function openDataDirectory(test, dataDir, fileSystem = nodeFileSystem) {
    const directory = DataDirectory.open({
        dataDir,
        dataLogDir: dataDir,
        autocreate: true,
        fileSystem,
        log: new LogLines(),
    });
    test.after(() => directory.release());
    return directory;
}
/** The repository's test directory, also from the compiled tests, which lie one or two levels deeper. */
export function sourcesDirectory() {
    let directory = path.dirname(fileURLToPath(import.meta.url));
    while (!fs.existsSync(path.join(directory, 'package.json')))
        directory = path.dirname(directory);
    return path.join(directory, 'test');
}
function fixturesDirectory() {
    return path.join(sourcesDirectory(), 'fixtures');
}
/** Unpacks the files of a real Apache server into `<dataDir>/version-2`. */
export function unpackApacheData(dataDir) {
    const source = path.join(fixturesDirectory(), 'apache-3.8');
    const target = path.join(dataDir, 'version-2');
    fs.mkdirSync(target, { recursive: true });
    for (const name of fs.readdirSync(source)) {
        if (!name.endsWith('.gz'))
            continue;
        const bytes = zlib.gunzipSync(fs.readFileSync(path.join(source, name)));
        fs.writeFileSync(path.join(target, name.slice(0, -3)), bytes);
    }
}
/** What a client of that server saw at the end, by path. */
export function expectedApacheData() {
    return JSON.parse(fs.readFileSync(path.join(fixturesDirectory(), 'apache-3.8', 'expected.json'), 'utf8'));
}
/** A log entry: TxnHeader and body. The default type -1 with an empty body is short and enough for the log's tests. */
export function makeEntry({ zxid, type = -1, session = 7n, body = new Uint8Array(4), }) {
    const writer = new GrowingJuteWriter();
    writer.writeLong(session);
    writer.writeInt(1);
    writer.writeLong(zxid);
    writer.writeLong(1700000000000n);
    writer.writeInt(type);
    writer.writeBytes(body, 0, body.length);
    return writer.written().slice();
}
export function highOf(zxid) {
    return Number(BigInt.asIntN(32, zxid >> 32n));
}
export function lowOf(zxid) {
    return Number(BigInt.asIntN(32, zxid));
}
export function toZxid(high, low) {
    return (BigInt(high) << 32n) | BigInt(low >>> 0);
}
export function newLogWriter(directory, changes = {}) {
    return new TxnLogWriter({
        fileSystem: nodeFileSystem,
        directory,
        log: new LogLines(),
        preallocationBytes: 0,
        fileBytesMax: -1,
        forceSync: true,
        syncWarningMs: 60_000,
        lastZxidHigh: 0,
        lastZxidLow: 0,
        ...changes,
    });
}
export function appendEntry(writer, entry, zxid) {
    writer.append(entry, 0, entry.length, highOf(zxid), lowOf(zxid));
}
/** Writes a log with these zxids, each entry `bodyBytes` long behind its header. */
export function writeLog(directory, zxids, bodyBytes = 4) {
    const writer = newLogWriter(directory, {
        forceSync: false,
        lastZxidHigh: highOf(zxids[0] - 1n),
        lastZxidLow: lowOf(zxids[0] - 1n),
    });
    for (const zxid of zxids) {
        appendEntry(writer, makeEntry({ zxid, body: new Uint8Array(bodyBytes).fill(Number(zxid & 0x7fn)) }), zxid);
    }
    writer.sync();
    const { path: logFile } = writer;
    writer.close();
    return logFile;
}
export function newTree(memoryBytesMax = 16 << 20) {
    return DataTree.create({ memoryBytesMax, readersMax: 2, hashSeed: 12345, segmentBytes: 1 << 17 });
}
/** Adds a znode the plain way; gives its reference. */
export function addZnode(tree, znodePath, data, acl = null, zxid = 1, owner = 0n) {
    const bytes = Buffer.from(znodePath);
    const slash = bytes.lastIndexOf('/');
    const parent = tree.find(bytes, 0, slash);
    return tree.createZnode(parent, bytes, slash + 1, bytes.length - slash - 1, tree.hashPath(bytes, 0, bytes.length), data ?? new Uint8Array(0), 0, data === null ? -1 : data.length, acl === null ? 0 : tree.internAcl(acl, 0, acl.length), highOf(owner), lowOf(owner), 0, lowWord(zxid), 0, lowWord(1000 + zxid));
}
/** One vector<ACL> as bytes. */
export function serialiseAcl(entries) {
    const writer = new GrowingJuteWriter();
    writer.writeInt(entries.length);
    for (const [perms, scheme, id] of entries) {
        writer.writeInt(perms);
        writer.writeString(scheme);
        writer.writeString(id);
    }
    return writer.written().slice();
}
/** A snapshot's path with the compression that its extension tells. */
export function snapshotFile(file) {
    const extension = path.extname(file);
    const compression = extension === '.gz' ? 'gz' : extension === '.snappy' ? 'snappy' : 'none';
    return { path: file, compression };
}
export const ignoreZnode = () => { };
