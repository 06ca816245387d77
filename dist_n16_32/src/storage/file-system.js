import fs from 'node:fs';
import nodePath from 'node:path';
function toStatus(stats) {
    return { size: stats.size, modifiedMs: stats.mtimeMs, isDirectory: stats.isDirectory() };
}
function fsyncDirectory(path) {
    const fd = fs.openSync(path, 'r');
    try {
        fs.fsyncSync(fd);
    }
    finally {
        fs.closeSync(fd);
    }
}
/** {@link FileSystem} on the machine's disks. */
export const nodeFileSystem = {
    open: (path, flags) => fs.openSync(path, flags, 0o644),
    close: (fd) => fs.closeSync(fd),
    read: (fd, bytes, start, length, position) => fs.readSync(fd, bytes, start, length, position),
    write: (fd, bytes, start, length, position) => fs.writeSync(fd, bytes, start, length, position),
    fdatasync: (fd) => fs.fdatasyncSync(fd),
    fsync: (fd) => fs.fsyncSync(fd),
    fsyncDirectory,
    truncate: (fd, length) => fs.ftruncateSync(fd, length),
    rename: (from, to) => fs.renameSync(from, to),
    unlink: (path) => fs.unlinkSync(path),
    stat: (path) => {
        const stats = fs.statSync(path, { throwIfNoEntry: false });
        return stats === undefined ? null : toStatus(stats);
    },
    statOpen: (fd) => toStatus(fs.fstatSync(fd)),
    makeDirectory: (path) => void fs.mkdirSync(path, { recursive: true }),
    list: (path) => fs.readdirSync(path),
};
/** Writes all of `bytes[start, start + length)`, over short writes. */
export function writeFully(fileSystem, fd, bytes, start, length, position) {
    let done = 0;
    while (done < length) {
        const written = fileSystem.write(fd, bytes, start + done, length - done, position + done);
        if (written <= 0)
            throw new Error(`write at offset ${position + done} wrote nothing`);
        done += written;
    }
}
/** Reads `length` bytes unless the file ends before; gives the count read. */
export function readFully(fileSystem, fd, bytes, start, length, position) {
    let done = 0;
    while (done < length) {
        const count = fileSystem.read(fd, bytes, start + done, length - done, position + done);
        if (count === 0)
            break;
        done += count;
    }
    return done;
}
/** The whole of a small text file. */
export function readText(fileSystem, path, bytesMax = 65536) {
    const fd = fileSystem.open(path, 'r');
    try {
        const bytes = Buffer.alloc(Math.min(bytesMax, fileSystem.statOpen(fd).size));
        return bytes.toString('utf8', 0, readFully(fileSystem, fd, bytes, 0, bytes.length, 0));
    }
    finally {
        fileSystem.close(fd);
    }
}
/** Puts `text` durably in the place of `path`: temporary file, fsync, rename, fsync of the directory. */
export function replaceText(fileSystem, path, text) {
    const temporary = `${path}.tmp`;
    const bytes = Buffer.from(text, 'utf8');
    const fd = fileSystem.open(temporary, 'w');
    try {
        writeFully(fileSystem, fd, bytes, 0, bytes.length, 0);
        fileSystem.fsync(fd);
    }
    finally {
        fileSystem.close(fd);
    }
    fileSystem.rename(temporary, path);
    fileSystem.fsyncDirectory(nodePath.dirname(path));
}
