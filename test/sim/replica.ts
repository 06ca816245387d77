import { GrowingJuteWriter } from '../../src/jute/writer.ts';
import type { ZnodeChange } from '../../src/ring/record-kind.ts';
import type { Database } from '../../src/server/database.ts';
import { TxnApplier } from '../../src/txn/apply.ts';
import { History } from '../../src/zab/history.ts';
import { zxidOf } from '../../src/zab/zxid.ts';
import { digestText, keyOf, keyText, type Ledger, type ZxidKey } from './ledger.ts';
import { newDatabase, SIM_TXN_OPTIONS } from './sim-database.ts';
import { type LogTxn, SimLog } from './sim-log.ts';
import type { RecoveredState } from './storage.ts';

/** What applying means to the rest of the process. */
export interface ReplicaOwner {
  readonly sid: number;
  readonly ledger: Ledger;
  znodeChanged(
    change: ZnodeChange,
    bytes: Uint8Array,
    start: number,
    length: number,
    applier: TxnApplier,
  ): void;
  sessionCreated(idHigh: number, idLow: number): void;
  sessionClosed(idHigh: number, idLow: number): void;
  /** A txn is whole; `reply` is the body of the answer to whoever asked for it. */
  applied(txn: LogTxn, applier: TxnApplier, reply: Uint8Array): void;
}

export function toKey(zxid: bigint): ZxidKey {
  return Number(zxid);
}

/** A server's log in memory and the tree: what is known, and how much of it is applied. */
export class SimReplica {
  database: Database = newDatabase();
  readonly log = new SimLog();
  history = new History(0n);
  /** The tree is that of this zxid. */
  appliedKey: ZxidKey = 0;
  /** The log file ends here. */
  writtenKey: ZxidKey = 0;
  readonly #owner: ReplicaOwner;
  readonly #keptTxns: number;
  readonly #reply = new GrowingJuteWriter();
  #applier!: TxnApplier;
  #isExact = true;

  constructor(owner: ReplicaOwner, keptTxns: number) {
    this.#owner = owner;
    this.#keptTxns = keptTxns;
  }

  get appliedZxid(): bigint {
    const { lastZxidHigh, lastZxidLow } = this.database.tree;
    return zxidOf(lastZxidHigh, lastZxidLow);
  }

  /** Begins with what recovery has found. The log in memory is filled again, history is new. */
  recovered({ result, txns }: RecoveredState): void {
    this.use(result.target, result.isExact);
    const { snapshot } = result;
    this.history = new History(snapshot === null ? 0n : zxidOf(snapshot.zxidHigh, snapshot.zxidLow));
    this.log.clear();
    this.writtenKey = this.appliedKey;
    for (const { epoch, counter, entry } of txns) {
      this.history.append(epoch, counter);
      this.log.append(epoch, counter, entry);
    }
    this.forget();
  }

  /** This is the tree from now on; {@link isExact}. */
  use(database: Database, isExact: boolean): void {
    this.database = database;
    const { tree, ephemerals, sessions } = database;
    this.appliedKey = keyOf(tree.lastZxidHigh, tree.lastZxidLow);
    const owner = this.#owner;
    this.#applier = new TxnApplier(
      tree,
      ephemerals,
      {
        znodeChanged: (change, bytes, start, length) =>
          owner.znodeChanged(change, bytes, start, length, this.#applier),
        sessionCreated: (high, low, timeoutMs) => {
          sessions.set(high, low, { idHigh: high, idLow: low, timeoutMs });
          owner.sessionCreated(high, low);
        },
        sessionClosed: (high, low) => {
          sessions.delete(high, low);
          owner.sessionClosed(high, low);
        },
      },
      SIM_TXN_OPTIONS,
    );
    this.isExact = isExact;
  }

  /**
   * Whether the tree is that of its zxid (RecoveryResult.isExact). If not, it holds some of what is in no log here; what the leader
   * sends is applied as in a replay, until the server serves.
   */
  get isExact(): boolean {
    return this.#isExact;
  }

  set isExact(isExact: boolean) {
    this.#isExact = isExact;
    this.#applier.isReplay = !isExact;
    this.#applier.verifiesDigest = isExact;
  }

  /** Everything up to this zxid is committed: it is applied. */
  commit(epoch: number, counter: number): void {
    const { ledger, sid } = this.#owner;
    ledger.committed(sid, epoch, counter);
    const upTo = keyOf(epoch, counter);
    if (upTo <= this.appliedKey) return;
    const txns = this.log.between(this.appliedKey, upTo);
    if (counter !== 0 && txns.at(-1)?.key !== upTo) {
      throw new Error(
        `${keyText(upTo)} is committed, but the log ends with ${keyText(this.log.last?.key ?? 0)}`,
      );
    }
    for (const txn of txns) this.#apply(txn);
    this.forget();
  }

  #apply(txn: LogTxn): void {
    const { tree } = this.database;
    this.#reply.position = 0;
    this.#applier.apply(txn.entry, 0, txn.entry.length, this.#reply);
    this.appliedKey = txn.key;
    if (this.#isExact) {
      const digest = digestText(tree.treeDigestHigh, tree.treeDigestLow);
      this.#owner.ledger.compare(this.#owner.sid, txn.key, digest);
    }
    this.#owner.applied(txn, this.#applier, this.#reply.written());
  }

  /** Keeps of what is applied, and in the log file, the newest part in memory. */
  forget(): void {
    const forgotten = this.log.forget(this.#keptTxns, Math.min(this.appliedKey, this.writtenKey));
    if (forgotten !== null) this.history.dropUpTo(zxidOf(forgotten.epoch, forgotten.counter));
  }
}
