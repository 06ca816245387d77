import nodePath from 'node:path';
import { DataDirectoryError } from './data-directory-error.js';
import { readText, writeFully } from './file-system.js';
import { isRunning, ownIdentity } from './process-identity.js';
/** The lock's file name; Apache ignores it. */
export const LOCK_FILE = 'menagerie.lock';
/**
 * Keeps a second server off a data directory. The lock is a file that names its owner; Node has no `flock`, so a
 * file left by a killed server is told from a live one's by pid, start time and boot.
 */
export class DirectoryLock {
    #fileSystem;
    #path;
    #content;
    constructor(fileSystem, path, content) {
        this.#fileSystem = fileSystem;
        this.#path = path;
        this.#content = content;
    }
    /** Takes the lock of `directory`, over a stale one too. Throws {@link DataDirectoryError} when it is in use. */
    static acquire(fileSystem, directory, log) {
        const path = nodePath.join(directory, LOCK_FILE);
        const content = `${JSON.stringify(ownIdentity())}\n`;
        for (let attempt = 0; attempt < 10; attempt++) {
            if (tryCreate(fileSystem, path, content))
                return new DirectoryLock(fileSystem, path, content);
            removeIfStale(fileSystem, directory, path, log);
        }
        throw new DataDirectoryError(`${path}: cannot take the lock, other processes keep taking it; try again`);
    }
    /** Gives the lock up. A lock that another took meanwhile stays. */
    release() {
        try {
            if (readText(this.#fileSystem, this.#path) === this.#content)
                this.#fileSystem.unlink(this.#path);
        }
        catch (error) {
            if (error.code !== 'ENOENT')
                throw error;
        }
    }
}
function tryCreate(fileSystem, path, content) {
    let fd;
    try {
        fd = fileSystem.open(path, 'wx');
    }
    catch (error) {
        const { code, message } = error;
        if (code === 'EEXIST')
            return false;
        throw new DataDirectoryError(`${nodePath.dirname(path)}: cannot write here (${message}); make the directory writable for this user`);
    }
    try {
        const bytes = Buffer.from(content);
        writeFully(fileSystem, fd, bytes, 0, bytes.length, 0);
    }
    finally {
        fileSystem.close(fd);
    }
    return true;
}
/**
 * Moves a stale lock aside before removing it, and looks at what was moved: of two servers that find the same stale
 * lock only one moves it, and one that moved another's fresh lock instead puts it back and gives way.
 */
function removeIfStale(fileSystem, directory, path, log) {
    const found = readLock(fileSystem, path);
    if (found === null)
        return;
    const owner = parseOwner(found);
    if (owner !== null && isRunning(owner))
        throw inUse(directory, path, owner.pid);
    const aside = `${path}.${process.pid}`;
    try {
        fileSystem.rename(path, aside);
    }
    catch (error) {
        if (error.code === 'ENOENT')
            return;
        throw new DataDirectoryError(`${path}: cannot replace the lock of a dead server: ${error.message}`);
    }
    const moved = readLock(fileSystem, aside);
    if (moved !== null && moved !== found) {
        fileSystem.rename(aside, path);
        throw inUse(directory, path, parseOwner(moved)?.pid ?? 0);
    }
    fileSystem.unlink(aside);
    log.info(`${path}: took over the lock of process ${owner?.pid ?? 'unknown'}, which no longer runs`);
}
function inUse(directory, path, pid) {
    return new DataDirectoryError(`${directory}: in use by the server with pid ${pid} (${path}); stop that server or choose another dataDir`);
}
function readLock(fileSystem, path) {
    try {
        return readText(fileSystem, path);
    }
    catch (error) {
        if (error.code === 'ENOENT')
            return null;
        throw new DataDirectoryError(`${path}: cannot read the lock: ${error.message}`);
    }
}
/** Null for a lock that a crash left empty or half written: nobody runs behind it. */
function parseOwner(text) {
    try {
        const value = JSON.parse(text);
        if (typeof value !== 'object' || value === null)
            return null;
        const { pid, started, boot } = value;
        if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 0)
            return null;
        return { pid, started: String(started ?? ''), boot: String(boot ?? '') };
    }
    catch {
        return null;
    }
}
