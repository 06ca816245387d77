import type { History } from './history.ts';
import type { ConnectionId, ZabOutput } from './output.ts';
import { counterOf, zxidOf } from './zxid.ts';

/** The last zxid of a server without a valid database. */
export const NO_DATABASE = -1n;

type StateOutput = Pick<
  ZabOutput,
  'storeAcceptedEpoch' | 'storeCurrentEpoch' | 'append' | 'truncate' | 'receiveSnapshot' | 'commit'
>;

export interface RecoveredState {
  readonly output: StateOutput;
  readonly history: History;
  readonly acceptedEpoch: number;
  readonly currentEpoch: number;
  readonly isDatabaseValid: boolean;
}

/**
 * acceptedEpoch, currentEpoch, history and commit index of this server, as its core counts on them: everything that
 * was given to the disk counts, as the disk does it in this order (DurableState), and what promises it waits for it. The
 * only user of the durable outputs; asserts what must always hold: epochs rise, currentEpoch is not beyond acceptedEpoch,
 * no txn is of a later epoch than currentEpoch, zxids have no gaps, commits do not go back.
 */
export class LocalState {
  readonly history: History;
  acceptedEpoch: number;
  currentEpoch: number;
  /** False: the tree on disk and in memory is not whole; only a snapshot from a leader helps. */
  isDatabaseValid: boolean;
  readonly #output: StateOutput;
  #committedEpoch = 0;
  #committedCounter = 0;
  /** What the disk is at, for whom. */
  #replacing: {
    readonly connection: ConnectionId;
    readonly zxid: bigint;
    readonly isSnapshot: boolean;
  } | null = null;

  constructor(recovered: RecoveredState) {
    const { history, acceptedEpoch, currentEpoch } = recovered;
    if (acceptedEpoch < currentEpoch || acceptedEpoch < history.lastEpoch) {
      throw new Error(
        `acceptedEpoch ${acceptedEpoch} is older than currentEpoch ${currentEpoch} or the log, which ends at 0x${history.last.toString(16)}`,
      );
    }
    this.#output = recovered.output;
    this.history = history;
    this.acceptedEpoch = acceptedEpoch;
    this.currentEpoch = currentEpoch;
    this.isDatabaseValid = recovered.isDatabaseValid;
    this.#setCommitted(history.lastEpoch, history.lastCounter);
  }

  /** Whether log and replica are being cut or replaced: until then nobody knows where they end. */
  get isReplacing(): boolean {
    return this.#replacing !== null;
  }

  get lastLogged(): bigint {
    return this.isDatabaseValid ? this.history.last : NO_DATABASE;
  }

  get lastCommitted(): bigint {
    return this.isDatabaseValid ? zxidOf(this.#committedEpoch, this.#committedCounter) : NO_DATABASE;
  }

  /** After a crash between the end of a snapshot and the storing of its epoch. */
  completeRecovery(): void {
    if (this.isDatabaseValid) this.enterEpochOfLog(this.history.lastEpoch);
  }

  /**
   * The log goes on, or ends, with a txn of this epoch: then all of the history that the epoch began with is here. On disk the log
   * is never ahead of currentEpoch, but for the moment after a snapshot.
   */
  enterEpochOfLog(epoch: number): void {
    if (epoch > this.currentEpoch) this.enterEpoch(epoch);
  }

  /** The replica is not what the history says: nothing that is here counts any more, until a leader's snapshot is. */
  loseDatabase(): void {
    assert(this.#replacing === null, 'log and replica are being replaced');
    this.isDatabaseValid = false;
    this.history.reset(0n);
    this.#setCommitted(0, 0);
  }

  /** No leader of an earlier epoch will be followed. */
  acceptEpoch(epoch: number): void {
    assert(epoch > this.acceptedEpoch, `acceptedEpoch ${this.acceptedEpoch} cannot become ${epoch}`);
    this.acceptedEpoch = epoch;
    this.#output.storeAcceptedEpoch(epoch);
  }

  /** The history with which this epoch begins is complete here. Nothing is done if the epoch was entered before. */
  enterEpoch(epoch: number): void {
    if (epoch === this.currentEpoch) return;
    assert(
      epoch > this.currentEpoch && epoch <= this.acceptedEpoch,
      `currentEpoch ${this.currentEpoch} cannot become ${epoch} (acceptedEpoch ${this.acceptedEpoch})`,
    );
    this.currentEpoch = epoch;
    this.#output.storeCurrentEpoch(epoch);
  }

  /** Hot path, learner: the txn at hand goes into the log. */
  append(epoch: number, counter: number): void {
    assert(this.#canAppend(epoch), 'txns cannot be logged now');
    this.history.append(epoch, counter);
    this.#output.append(epoch, counter);
  }

  /** Hot path, leader: it has put these txns into its log. */
  proposed(epoch: number, first: number, last: number): void {
    assert(this.#canAppend(epoch), 'txns cannot be logged now');
    this.history.extend(epoch, first, last);
  }

  /** Hot path. Everything up to there is committed; nothing is done if that was known. */
  commit(epoch: number, counter: number): void {
    const low = counter >>> 0;
    if (epoch < this.#committedEpoch || (epoch === this.#committedEpoch && low <= this.#committedCounter))
      return;
    const { lastEpoch, lastCounter } = this.history;
    assert(
      epoch < lastEpoch || (epoch === lastEpoch && low <= lastCounter),
      'what is committed must be in the log',
    );
    this.#setCommitted(epoch, low);
    this.#output.commit(epoch, low);
  }

  truncate(connection: ConnectionId, zxid: bigint): void {
    this.#replace(connection, zxid, false);
    this.#output.truncate(connection, zxid);
  }

  receiveSnapshot(connection: ConnectionId, zxid: bigint): void {
    this.#replace(connection, zxid, true);
    this.#output.receiveSnapshot(connection, zxid);
  }

  /** The disk has answered the one or the other; false: log and replica are not what was asked for. */
  replaced(connection: ConnectionId, lastZxid: bigint): boolean {
    assert(
      this.#replacing?.connection === connection,
      `nothing was being replaced for connection ${connection}`,
    );
    const { zxid, isSnapshot } = this.#replacing;
    this.#replacing = null;
    if (lastZxid === NO_DATABASE) {
      this.isDatabaseValid = false;
      this.history.reset(0n);
      this.#setCommitted(0, 0);
      return false;
    }
    if (isSnapshot && lastZxid === zxid) this.history.reset(zxid);
    else if (!isSnapshot) this.history.truncate(lastZxid);
    else
      assert(
        lastZxid === this.lastLogged,
        `a snapshot for 0x${zxid.toString(16)} ended at 0x${lastZxid.toString(16)}`,
      );
    this.isDatabaseValid = true;
    if ((isSnapshot && lastZxid === zxid) || this.lastCommitted > lastZxid) {
      this.#setCommitted(this.history.lastEpoch, this.history.lastCounter);
    }
    // Apache names the start of an epoch, which no txn has: what is left ends with an earlier one.
    return lastZxid === zxid || (!isSnapshot && counterOf(zxid) === 0 && lastZxid < zxid);
  }

  #replace(connection: ConnectionId, zxid: bigint, isSnapshot: boolean): void {
    assert(this.#replacing === null, 'log and replica are being replaced already');
    this.#replacing = { connection, zxid, isSnapshot };
  }

  #canAppend(epoch: number): boolean {
    return this.#replacing === null && this.isDatabaseValid && epoch <= this.currentEpoch;
  }

  #setCommitted(epoch: number, counter: number): void {
    this.#committedEpoch = epoch;
    this.#committedCounter = counter;
  }
}

function assert(condition: boolean, text: string): asserts condition {
  if (!condition) throw new Error(text);
}
