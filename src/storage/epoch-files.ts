import nodePath from 'node:path';
import { DataDirectoryError } from './data-directory-error.ts';
import { type FileSystem, readText, replaceText } from './file-system.ts';
import type { StorageLog } from './storage-log.ts';

const ACCEPTED_EPOCH_FILE = 'acceptedEpoch';
const CURRENT_EPOCH_FILE = 'currentEpoch';
/** An epoch is the high word of a zxid. */
const EPOCH_MAX = 0x7fffffff;

export interface EpochFilesOptions {
  readonly fileSystem: FileSystem;
  /** `DataDirectory.snapshotDirectory`: where Apache has them. */
  readonly directory: string;
  /** The epoch of the last zxid that was recovered. */
  readonly lastEpoch: number;
  readonly log: StorageLog;
}

/**
 * The two promises that a member of an ensemble keeps over restarts (disk.md §8): `acceptedEpoch`, below which it follows
 * no leader any more, and `currentEpoch`, that of the last leader whose whole history it has taken over. Each store is
 * atomic and durable when it returns, and in memory only from then on (ZOOKEEPER-2307).
 */
export class EpochFiles {
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  #acceptedEpoch = 0;
  #currentEpoch = 0;

  private constructor({ fileSystem, directory }: EpochFilesOptions) {
    this.#fileSystem = fileSystem;
    this.#directory = directory;
  }

  /**
   * Reads both files; one that is missing begins with the epoch of the last zxid, as in Apache. Throws
   * {@link DataDirectoryError} where they contradict each other or the log.
   */
  static load(options: EpochFilesOptions): EpochFiles {
    const files = new EpochFiles(options);
    files.#load(options.lastEpoch, options.log);
    return files;
  }

  get acceptedEpoch(): number {
    return this.#acceptedEpoch;
  }

  get currentEpoch(): number {
    return this.#currentEpoch;
  }

  /** Promises to follow no leader of an earlier epoch. */
  storeAcceptedEpoch(epoch: number): void {
    if (epoch < this.#acceptedEpoch || epoch > EPOCH_MAX) {
      throw new Error(`acceptedEpoch cannot go from ${this.#acceptedEpoch} to ${epoch}`);
    }
    replaceText(this.#fileSystem, this.#path(ACCEPTED_EPOCH_FILE), `${epoch}`);
    this.#acceptedEpoch = epoch;
  }

  /** The whole history of this epoch's leader, as it began the epoch, is on disk: to be called only then. */
  storeCurrentEpoch(epoch: number): void {
    if (epoch < this.#currentEpoch || epoch > this.#acceptedEpoch) {
      throw new Error(
        `currentEpoch cannot go from ${this.#currentEpoch} to ${epoch}, acceptedEpoch is ${this.#acceptedEpoch}`,
      );
    }
    replaceText(this.#fileSystem, this.#path(CURRENT_EPOCH_FILE), `${epoch}`);
    this.#currentEpoch = epoch;
  }

  #path(name: string): string {
    return nodePath.join(this.#directory, name);
  }

  #load(lastEpoch: number, log: StorageLog): void {
    // A process that was killed behind a rename, before the directory's sync, has left a promise that only memory holds.
    this.#fileSystem.fsyncDirectory(this.#directory);
    // Missing files are made in this order, so that a crash between the two leaves no currentEpoch without a promise.
    const accepted = this.#read(ACCEPTED_EPOCH_FILE);
    const current = this.#read(CURRENT_EPOCH_FILE);
    this.#acceptedEpoch = accepted ?? lastEpoch;
    this.#currentEpoch = current ?? lastEpoch;
    this.#checkOrder(lastEpoch);
    if (accepted === null) this.storeAcceptedEpoch(this.#acceptedEpoch);
    if (current === null) this.storeCurrentEpoch(this.#currentEpoch);
    if (this.#currentEpoch < lastEpoch) this.#catchUp(lastEpoch, log);
  }

  #checkOrder(lastEpoch: number): void {
    const accepted = this.#acceptedEpoch;
    if (accepted < this.#currentEpoch) {
      throw this.#refusal(
        `acceptedEpoch is ${accepted} and currentEpoch ${this.#currentEpoch}, but nobody follows a leader before accepting its epoch`,
      );
    }
    if (accepted < lastEpoch) {
      throw this.#refusal(`the log ends in epoch ${lastEpoch}, but acceptedEpoch is ${accepted}`);
    }
  }

  /**
   * The server ended between the first txn of a new epoch in its log and the note that it has joined it (Apache tells this
   * by a left-over currentEpoch.tmp, and refuses to start without). A leader sends its whole history before its first own
   * txn, and the log is written in order and only after the promise: so that history is complete here.
   */
  #catchUp(lastEpoch: number, log: StorageLog): void {
    log.info(
      `${this.#path(CURRENT_EPOCH_FILE)}: ${lastEpoch} instead of ${this.#currentEpoch}, as the log has transactions of that epoch`,
    );
    this.storeCurrentEpoch(lastEpoch);
  }

  /** Null when the file is missing. */
  #read(name: string): number | null {
    const path = this.#path(name);
    if (this.#fileSystem.stat(path) === null) return null;
    const line = readText(this.#fileSystem, path).split('\n', 1)[0].trim();
    const epoch = /^\d{1,10}$/.test(line) ? Number(line) : Number.NaN;
    if (epoch <= EPOCH_MAX) return epoch;
    throw new DataDirectoryError(
      `${path}: "${line.slice(0, 40)}" is not an epoch (a number from 0 to ${EPOCH_MAX}); restore this file, or move the ` +
        'version-2 directories away and let the server copy its data from the leader',
    );
  }

  #refusal(what: string): DataDirectoryError {
    return new DataDirectoryError(
      `${this.#directory}: ${what}: these files are not of one moment. Restore all of a backup, or move the version-2 ` +
        'directories away and let the server copy its data from the leader',
    );
  }
}
