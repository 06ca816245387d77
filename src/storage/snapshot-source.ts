import { type FileSystem, readFully } from './file-system.ts';
import { openGzip } from './gzip-source.ts';
import { SnappySource } from './snappy-source.ts';

/** How a snapshot's bytes are compressed, told by its file name. */
export type SnapshotCompression = 'none' | 'gz' | 'snappy';

/** A snapshot file, of whatever compression. */
export interface SnapshotFileName {
  readonly path: string;
  readonly compression: SnapshotCompression;
}

/** The uncompressed bytes of a snapshot file, in order. */
export interface SnapshotSource {
  /** The file's length. */
  readonly fileBytes: number;
  /** How much of the file was read: for progress. */
  readonly fileBytesRead: number;
  /** Fills `bytes[start, start + length)` from its start on; gives the count, 0 at the end only. Throws SnapshotError. */
  read(bytes: Uint8Array, start: number, length: number): number;
  close(): void;
}

/** Opens a snapshot by its extension (disk.md §4). Throws the file system's errors, and SnapshotError. */
export function openSnapshotSource(fileSystem: FileSystem, file: SnapshotFileName): SnapshotSource {
  switch (file.compression) {
    case 'none':
      return new PlainSource(fileSystem, file.path);
    case 'gz':
      return openGzip(fileSystem, file.path);
    case 'snappy':
      return new SnappySource(fileSystem, file.path);
  }
}

class PlainSource implements SnapshotSource {
  readonly fileBytes: number;
  fileBytesRead = 0;
  readonly #fileSystem: FileSystem;
  readonly #fd: number;

  constructor(fileSystem: FileSystem, path: string) {
    this.#fileSystem = fileSystem;
    this.#fd = fileSystem.open(path, 'r');
    this.fileBytes = fileSystem.statOpen(this.#fd).size;
  }

  read(bytes: Uint8Array, start: number, length: number): number {
    const count = readFully(this.#fileSystem, this.#fd, bytes, start, length, this.fileBytesRead);
    this.fileBytesRead += count;
    return count;
  }

  close(): void {
    this.#fileSystem.close(this.#fd);
  }
}
