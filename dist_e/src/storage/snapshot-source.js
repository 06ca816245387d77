import { readFully } from './file-system.js';
import { openGzip } from './gzip-source.js';
import { SnappySource } from './snappy-source.js';
/** Opens a snapshot by its extension (disk.md §4). Throws the file system's errors, and SnapshotError. */
export function openSnapshotSource(fileSystem, file) {
    switch (file.compression) {
        case 'none':
            return new PlainSource(fileSystem, file.path);
        case 'gz':
            return openGzip(fileSystem, file.path);
        case 'snappy':
            return new SnappySource(fileSystem, file.path);
    }
}
class PlainSource {
    fileBytes;
    fileBytesRead = 0;
    #fileSystem;
    #fd;
    constructor(fileSystem, path) {
        this.#fileSystem = fileSystem;
        this.#fd = fileSystem.open(path, 'r');
        this.fileBytes = fileSystem.statOpen(this.#fd).size;
    }
    read(bytes, start, length) {
        const count = readFully(this.#fileSystem, this.#fd, bytes, start, length, this.fileBytesRead);
        this.fileBytesRead += count;
        return count;
    }
    close() {
        this.#fileSystem.close(this.#fd);
    }
}
