import { Database } from '../../server/database.ts';
import { TxnHeader } from '../../txn/txn-layout.ts';

type DigestCheck = ReturnType<Database['applyTxn']>;

/** A database as a start makes it, that counts what goes through it on the way. */
export class CheckedDatabase extends Database {
  /** How many replayed transactions name the tree's digest. */
  digestsCompared = 0;
  /** The last one's wall clock, null without any. */
  lastTxnMs: number | null = null;

  override applyTxn(bytes: Uint8Array, start: number, end: number): DigestCheck {
    if (end - start >= TxnHeader.bytes) {
      const view = new DataView(bytes.buffer, bytes.byteOffset + start);
      this.lastTxnMs = Number(view.getBigInt64(TxnHeader.time));
    }
    const check = super.applyTxn(bytes, start, end);
    if (check !== 'absent') this.digestsCompared++;
    return check;
  }
}
