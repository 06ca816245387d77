import { withFault } from '../../src/storage/injected-faults.js';
function systemError(code, syscall) {
    return Object.assign(new Error(`${code}: injected fault, ${syscall}`), { code, syscall });
}
/** Writes at most `bytesMax` bytes per call, as a signal or a nearly full disk makes a kernel do. */
export function withShortWrites(inner, bytesMax) {
    return {
        ...inner,
        write: (fd, bytes, start, length, position) => inner.write(fd, bytes, start, Math.min(length, bytesMax), position),
    };
}
/** A disk with room for `bytes` more: the write that passes it is cut short, the next fails with ENOSPC. */
export function withRoomFor(inner, bytes) {
    let left = bytes;
    return {
        ...inner,
        write: (fd, source, start, length, position) => {
            if (left <= 0)
                throw systemError('ENOSPC', 'write');
            const written = inner.write(fd, source, start, Math.min(length, left), position);
            left -= written;
            return written;
        },
    };
}
/** The file system with one fault: `kind`'s `nth` call and all later ones fail with `code`. */
export function withFaultAt(inner, kind, nth, code = 'EIO') {
    return withFault(inner, { kind, nth, code });
}
/** Counts calls by kind, so that a test can strike each of them in turn. */
export function counting(inner) {
    const counts = new Map();
    const entries = Object.entries(inner).map(([kind, call]) => [
        kind,
        (...args) => {
            counts.set(kind, (counts.get(kind) ?? 0) + 1);
            return call(...args);
        },
    ]);
    return { fileSystem: Object.fromEntries(entries), counts };
}
/** Files in memory, for readers that are run on thousands of variants of a file. What it does not hold, `inner` has. */
export function withFiles(inner, files) {
    const open = [];
    const firstFd = 1 << 20;
    const status = (content) => ({
        size: content.length,
        modifiedMs: 0,
        isDirectory: false,
    });
    return {
        ...inner,
        open: (path, flags) => {
            const content = files.get(path);
            if (content === undefined)
                return inner.open(path, flags);
            return firstFd + open.push(content) - 1;
        },
        close: (fd) => (fd < firstFd ? inner.close(fd) : undefined),
        read: (fd, bytes, start, length, position) => {
            if (fd < firstFd)
                return inner.read(fd, bytes, start, length, position);
            const piece = open[fd - firstFd].subarray(position, position + length);
            bytes.set(piece, start);
            return piece.length;
        },
        statOpen: (fd) => (fd < firstFd ? inner.statOpen(fd) : status(open[fd - firstFd])),
        stat: (path) => {
            const content = files.get(path);
            return content === undefined ? inner.stat(path) : status(content);
        },
    };
}
