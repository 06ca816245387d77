import nodePath from 'node:path';
import { compareLongs } from '../protocol/long.ts';
import { DataDirectoryError } from './data-directory-error.ts';
import { DirectoryLock } from './directory-lock.ts';
import type { FileSystem } from './file-system.ts';
import type { SnapshotCompression } from './snapshot-source.ts';
import type { StorageLog } from './storage-log.ts';
import { parseZxidHex, zxidHex } from './zxid.ts';

/** The subdirectory that holds files of Apache's second (and only living) format. */
export const VERSION_DIRECTORY = 'version-2';
/** Begins the name of a snapshot that is being written: Apache and {@link DataDirectory} pass over it. */
const INCOMPLETE_PREFIX = 'incomplete-';

/** A log or snapshot file; its zxid is the one in its name. */
export interface DataFile {
  readonly path: string;
  readonly name: string;
  readonly zxidHigh: number;
  readonly zxidLow: number;
}

export interface SnapshotFile extends DataFile {
  readonly compression: SnapshotCompression;
}

export interface DataDirectoryOptions {
  readonly dataDir: string;
  /** The same as `dataDir` unless configured. */
  readonly dataLogDir: string;
  /** `zookeeper.datadir.autocreate`: false refuses a missing version-2 directory. */
  readonly autocreate: boolean;
  readonly fileSystem: FileSystem;
  readonly log: StorageLog;
}

/** The `version-2` directories of one server: which files are there, and whose they are (disk.md §1). */
export class DataDirectory {
  /** `<dataDir>/version-2` */
  readonly snapshotDirectory: string;
  /** `<dataLogDir>/version-2` */
  readonly logDirectory: string;
  readonly fileSystem: FileSystem;
  readonly #locks: DirectoryLock[] = [];

  private constructor(options: Pick<DataDirectoryOptions, 'dataDir' | 'dataLogDir' | 'fileSystem'>) {
    this.fileSystem = options.fileSystem;
    this.snapshotDirectory = nodePath.resolve(options.dataDir, VERSION_DIRECTORY);
    this.logDirectory = nodePath.resolve(options.dataLogDir, VERSION_DIRECTORY);
  }

  /**
   * Makes the directories where they are missing, locks them against other servers and removes what an interrupted
   * snapshot left. Throws {@link DataDirectoryError}; call {@link release} at the end.
   */
  static open(options: DataDirectoryOptions): DataDirectory {
    const directory = new DataDirectory(options);
    for (const path of directory.#directories()) ensureDirectory(options, path);
    try {
      for (const path of directory.#directories()) {
        directory.#locks.push(DirectoryLock.acquire(options.fileSystem, path, options.log));
      }
      directory.#refuseMixedFiles();
      directory.#removeIncomplete(options.log);
    } catch (error) {
      directory.release();
      throw error;
    }
    return directory;
  }

  /**
   * The directories as they are: nothing is made, locked or removed. For whoever only looks, with a file system that
   * writes nothing. Throws {@link DataDirectoryError} for files in the wrong one.
   */
  static inspect(
    options: Pick<DataDirectoryOptions, 'dataDir' | 'dataLogDir' | 'fileSystem'>,
  ): DataDirectory {
    const directory = new DataDirectory(options);
    directory.#refuseMixedFiles();
    return directory;
  }

  /** Lets another server have the directory. */
  release(): void {
    for (const lock of this.#locks.splice(0)) lock.release();
  }

  /** Log files, oldest first. */
  listLogs(): DataFile[] {
    return listLogs(this.fileSystem, this.logDirectory);
  }

  /** Snapshot files, oldest first, valid or not; those with `prefix` in front of their names. */
  listSnapshots(prefix = ''): SnapshotFile[] {
    return listSnapshots(this.fileSystem, this.snapshotDirectory, prefix);
  }

  logPath(zxidHigh: number, zxidLow: number): string {
    return logPath(this.logDirectory, zxidHigh, zxidLow);
  }

  #directories(): string[] {
    return [...new Set([this.snapshotDirectory, this.logDirectory])];
  }

  /** Files in the wrong place mean that dataDir and dataLogDir were swapped or changed: half the history is elsewhere. */
  #refuseMixedFiles(): void {
    if (this.snapshotDirectory === this.logDirectory) return;
    const refuse = (directory: string, prefix: 'log' | 'snapshot', key: string): void => {
      const found = listDataFiles(this.fileSystem, directory, prefix)[0];
      if (found === undefined) return;
      throw new DataDirectoryError(
        `${found.file.path}: a ${prefix} file in the directory of ${key === 'dataDir' ? 'dataLogDir' : 'dataDir'}; ` +
          `move all ${prefix}.* files to ${key}/${VERSION_DIRECTORY} or correct ${key} in zoo.cfg`,
      );
    };
    refuse(this.logDirectory, 'snapshot', 'dataDir');
    refuse(this.snapshotDirectory, 'log', 'dataLogDir');
  }

  #removeIncomplete(log: StorageLog): void {
    for (const name of this.fileSystem.list(this.snapshotDirectory)) {
      if (!name.startsWith(`${INCOMPLETE_PREFIX}snapshot.`)) continue;
      this.fileSystem.unlink(nodePath.join(this.snapshotDirectory, name));
      log.info(`${name}: removed, the server stopped while it wrote this snapshot`);
    }
  }
}

/** Log files in a `version-2` directory, oldest first. */
export function listLogs(fileSystem: FileSystem, directory: string): DataFile[] {
  return listDataFiles(fileSystem, directory, 'log').map(({ file }) => file);
}

/** Snapshot files in a `version-2` directory, oldest first, valid or not; those with `prefix` in front of their names. */
export function listSnapshots(fileSystem: FileSystem, directory: string, prefix = ''): SnapshotFile[] {
  return listDataFiles(fileSystem, directory, 'snapshot', prefix).map(({ file, extension }) => ({
    ...file,
    compression: extension === '' ? 'none' : extension,
  }));
}

/** Where the log that begins with this zxid lies in `directory`. */
export function logPath(directory: string, zxidHigh: number, zxidLow: number): string {
  return nodePath.join(directory, `log.${zxidHex(zxidHigh, zxidLow)}`);
}

/** Where a snapshot lies in `directory` when it is whole, and where it is written before. */
export function snapshotPaths(
  directory: string,
  zxidHigh: number,
  zxidLow: number,
  compression: SnapshotCompression = 'none',
): { path: string; incompletePath: string } {
  const extension = compression === 'none' ? '' : `.${compression}`;
  const name = `snapshot.${zxidHex(zxidHigh, zxidLow)}${extension}`;
  return {
    path: nodePath.join(directory, name),
    incompletePath: nodePath.join(directory, `${INCOMPLETE_PREFIX}${name}`),
  };
}

interface ListedFile {
  readonly file: DataFile;
  readonly extension: '' | 'gz' | 'snappy';
}

/**
 * Apache takes `log.5.bak` for a log and `snapshot.5.old` for a snapshot; nobody who names a file so means that, so
 * only the extensions that mean something pass here.
 */
function listDataFiles(
  fileSystem: FileSystem,
  directory: string,
  kind: 'log' | 'snapshot',
  prefix = '',
): ListedFile[] {
  const found: ListedFile[] = [];
  for (const name of fileSystem.list(directory)) {
    const [first, hex, extension = '', ...rest] = name.split('.');
    if (first !== `${prefix}${kind}` || hex === undefined || rest.length > 0) continue;
    if (extension !== '' && (kind === 'log' || (extension !== 'gz' && extension !== 'snappy'))) continue;
    const zxid = parseZxidHex(hex);
    if (zxid === null || name.endsWith('.')) continue;
    found.push({
      file: { path: nodePath.join(directory, name), name, zxidHigh: zxid.high, zxidLow: zxid.low },
      extension,
    });
  }
  return found.sort((a, b) => compareLongs(a.file.zxidHigh, a.file.zxidLow, b.file.zxidHigh, b.file.zxidLow));
}

function ensureDirectory(options: DataDirectoryOptions, path: string): void {
  try {
    const status = options.fileSystem.stat(path);
    if (status?.isDirectory) return;
    if (status !== null) throw new DataDirectoryError(`${path}: not a directory; move that file away`);
    if (!options.autocreate) {
      throw new DataDirectoryError(
        `${path}: missing, and datadir.autocreate is false; create it, or correct dataDir or dataLogDir in zoo.cfg`,
      );
    }
    options.fileSystem.makeDirectory(path);
    options.fileSystem.fsyncDirectory(nodePath.dirname(path));
  } catch (error) {
    if (error instanceof DataDirectoryError) throw error;
    throw new DataDirectoryError(
      `${path}: cannot use this directory (${(error as Error).message}); check dataDir, dataLogDir and their permissions`,
    );
  }
}
