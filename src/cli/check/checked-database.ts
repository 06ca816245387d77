import { OpCode } from '../../protocol/opcode.ts';
import { Database } from '../../server/database.ts';
import { TxnHeader } from '../../txn/txn-layout.ts';

type DigestCheck = ReturnType<Database['applyTxn']>;

/** A database as a start makes it, that counts what goes through it on the way. */
export class CheckedDatabase extends Database {
  /** Replayed transactions by type. */
  readonly txnsByType = new Map<number, number>();
  /** How many of them name the tree's digest. */
  digestsCompared = 0;
  /** The last one's wall clock, null without any. */
  lastTxnMs: number | null = null;

  override applyTxn(bytes: Uint8Array, start: number, end: number): DigestCheck {
    if (end - start >= TxnHeader.bytes) this.#count(new DataView(bytes.buffer, bytes.byteOffset + start));
    const check = super.applyTxn(bytes, start, end);
    if (check !== 'absent') this.digestsCompared++;
    return check;
  }

  #count(view: DataView): void {
    const type = view.getInt32(TxnHeader.type);
    this.txnsByType.set(type, (this.txnsByType.get(type) ?? 0) + 1);
    this.lastTxnMs = Number(view.getBigInt64(TxnHeader.time));
  }

  /** Whether a transaction tells that TTL znodes were made. */
  get hasTtlTxns(): boolean {
    return this.txnsByType.has(OpCode.createTTL);
  }

  /** Whether the ensemble was changed while it ran. */
  get hasReconfig(): boolean {
    return this.txnsByType.has(OpCode.reconfig);
  }
}
