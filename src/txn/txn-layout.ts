import type { JuteWriter } from '../jute/writer.ts';
import { DIGEST_VERSION } from './digest.ts';

/** Offsets in TxnHeader, which begins every log entry (protocol/disk.md §3). */
export const TxnHeader = { session: 0, cxid: 8, zxid: 12, time: 20, type: 28, bytes: 32 } as const;

/** Bytes of TxnDigest, which ends an entry: int version, long tree digest. */
export const TXN_DIGEST_BYTES = 12;

/** Writes a TxnDigest: the tree's digest after the txn, as a high and a low word. */
export function writeTxnDigest(writer: JuteWriter, high: number, low: number): void {
  writer.writeInt(DIGEST_VERSION);
  writer.writeLongWords(high, low);
}

/** Flags of CreateRequest (protocol/client.md §4.1). */
export const CreateFlag = {
  persistent: 0,
  ephemeral: 1,
  persistentSequential: 2,
  ephemeralSequential: 3,
  container: 4,
  persistentWithTtl: 5,
  persistentSequentialWithTtl: 6,
} as const;
