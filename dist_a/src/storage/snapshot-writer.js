// Runs beside the writes: whatever it does under the reader lock keeps the writer waiting, so each hold copies a
// bounded number of znodes and bytes into memory; checksum and file are done without the lock.
import { GrowingJuteWriter } from '../jute/writer.js';
import { NO_ZNODE, OPEN_ACL } from '../replica/data-tree-reader.js';
import { TreeWalk } from '../replica/tree-walk.js';
import { snapshotPaths } from './data-directory.js';
import { DIGEST_VERSION, OPEN_ACL_KEY_WORD, SNAPSHOT_DBID_WORD, SNAPSHOT_MAGIC, STAT_PERSISTED_BYTES, } from './snapshot-format.js';
import { SnapshotOutput } from './snapshot-output.js';
import { encodeFileHeader, FILE_HEADER_BYTES } from './txn-log-format.js';
const SLICE_ZNODES = 512;
const SLICE_BYTES = 256 * 1024;
/**
 * Writes a snapshot of a replica that goes on changing ("fuzzy", disk.md §5): what happened after the snapshot's zxid
 * may or may not be in it, replay from that zxid gives the same tree either way. The file gets its name only when it
 * is whole and durable. Throws the file system's errors, and then leaves no file.
 */
export function writeSnapshot(options) {
    const startedMs = performance.now();
    const { fileSystem, directory, zxidHigh, zxidLow, compression = 'none' } = options;
    const { path, incompletePath } = snapshotPaths(directory, zxidHigh, zxidLow, compression);
    const output = new SnapshotOutput(fileSystem, incompletePath, compression);
    let znodes;
    try {
        try {
            znodes = writeContent(options, output);
            output.finish();
        }
        finally {
            output.close();
        }
        fileSystem.rename(incompletePath, path);
    }
    catch (error) {
        removeQuietly(fileSystem, incompletePath);
        throw error;
    }
    fileSystem.fsyncDirectory(directory);
    return { path, bytes: output.bytesWritten, znodes, durationMs: performance.now() - startedMs };
}
function removeQuietly(fileSystem, path) {
    try {
        fileSystem.unlink(path);
    }
    catch {
        // The error that brought us here says more; the next start removes the file.
    }
}
function writeContent(options, output) {
    const { writer } = output;
    encodeFileHeader(writer.view, writer.claim(FILE_HEADER_BYTES), SNAPSHOT_MAGIC, SNAPSHOT_DBID_WORD);
    writeSessions(options.sessions, output);
    const keys = collectAcls(options);
    writeAclMap(keys, output);
    const znodes = writeZnodes(options, keys, output);
    writer.writeString('/');
    output.seal();
    if (options.digestEnabled) {
        writeZxidDigest(options, output);
        output.seal();
    }
    if (options.lastProcessedZxidEnabled) {
        writer.writeLongWords(options.zxidHigh, options.zxidLow);
        output.seal();
    }
    return znodes;
}
function writeSessions(sessions, output) {
    const { writer } = output;
    const count = sessions.timeoutsMs.length;
    writer.writeInt(count);
    for (let i = 0; i < count; i++) {
        writer.writeLongWords(sessions.idsHigh[i], sessions.idsLow[i]);
        writer.writeInt(sessions.timeoutsMs[i]);
        if (writer.position >= SLICE_BYTES)
            output.flush();
    }
}
function collectAcls({ reader, lock }) {
    const keyById = new Map();
    const serialised = [];
    const walk = new TreeWalk(reader);
    const collectSlice = () => {
        for (let count = 0; count < SLICE_ZNODES; count++) {
            const ref = walk.next();
            if (ref === NO_ZNODE)
                return false;
            const aclRef = reader.aclRef(ref);
            if (aclRef === OPEN_ACL || keyById.has(reader.aclId(aclRef)))
                continue;
            const bytes = new Uint8Array(reader.aclLength(aclRef));
            reader.copyAcl(aclRef, bytes, 0);
            serialised.push(bytes);
            keyById.set(reader.aclId(aclRef), serialised.length);
        }
        return true;
    };
    while (underLock(lock, collectSlice))
        ;
    return { keyById, serialised, closedKey: serialised.length + 1 };
}
function underLock(lock, work) {
    lock.acquire(nothingElseToDo);
    try {
        return work();
    }
    finally {
        lock.release();
    }
}
function nothingElseToDo() { }
function writeAclMap(acls, output) {
    const { writer } = output;
    writer.writeInt(acls.serialised.length + 1);
    acls.serialised.forEach((bytes, index) => {
        writer.writeLongWords(0, index + 1);
        writer.writeBytes(bytes, 0, bytes.length);
        if (writer.position >= SLICE_BYTES)
            output.flush();
    });
    writer.writeLongWords(0, acls.closedKey);
    const closed = closedAcl();
    writer.writeBytes(closed, 0, closed.length);
}
/** world:anyone without a permission. */
function closedAcl() {
    const writer = new GrowingJuteWriter();
    writer.writeInt(1);
    writer.writeInt(0);
    writer.writeString('world');
    writer.writeString('anyone');
    return writer.written();
}
function writeZnodes(options, acls, output) {
    const { reader, lock } = options;
    const { writer } = output;
    const walk = new TreeWalk(reader);
    let znodes = 0;
    const copySlice = () => {
        for (let count = 0; count < SLICE_ZNODES && writer.position < SLICE_BYTES; count++) {
            const ref = walk.next();
            if (ref === NO_ZNODE)
                return false;
            writeZnode(reader, ref, acls, writer);
            znodes++;
        }
        return true;
    };
    for (let more = true; more; output.flush())
        more = underLock(lock, copySlice);
    return znodes;
}
function writeZnode(reader, ref, acls, writer) {
    const pathLength = ref === reader.root ? 0 : reader.pathLength(ref);
    writer.writeInt(pathLength);
    const pathAt = writer.claim(pathLength);
    if (pathLength > 0)
        reader.copyPath(ref, writer.bytes, pathAt);
    const dataLength = reader.dataLength(ref);
    writer.writeInt(dataLength);
    if (dataLength > 0) {
        const dataAt = writer.claim(dataLength);
        reader.copyData(ref, writer.bytes, dataAt);
    }
    const aclRef = reader.aclRef(ref);
    if (aclRef === OPEN_ACL)
        writer.writeLongWords(OPEN_ACL_KEY_WORD, OPEN_ACL_KEY_WORD);
    else
        writer.writeLongWords(0, acls.keyById.get(reader.aclId(aclRef)) ?? acls.closedKey);
    const statAt = writer.claim(STAT_PERSISTED_BYTES);
    reader.writeStatPersisted(ref, writer.view, statAt);
}
/** The digest belongs to the zxid reached now, which may be later than the one in the file's name. */
function writeZxidDigest({ reader, lock }, { writer }) {
    underLock(lock, () => {
        writer.writeLongWords(reader.lastZxidHigh, reader.lastZxidLow);
        writer.writeInt(DIGEST_VERSION);
        writer.writeLongWords(reader.treeDigestHigh, reader.treeDigestLow);
    });
}
