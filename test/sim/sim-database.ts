import { Database } from '../../src/server/database.ts';
import type { PrepOptions } from '../../src/txn/prep.ts';

/** How the simulated servers make and apply txns. */
export const SIM_TXN_OPTIONS: PrepOptions = {
  skipAcl: false,
  digestEnabled: true,
  closeSessionTxnEnabled: true,
  extendedTypesEnabled: false,
  reconfigEnabled: false,
};

/** Enough for the few hundred znodes of a run; small, since there are many servers and each starts often. */
const MEMORY_BYTES = 512 * 1024;

/** An empty database. */
export function newDatabase(): Database {
  return new Database(
    { memoryBytesMax: MEMORY_BYTES, readersMax: 1, hashSeed: 7, segmentBytes: 64 * 1024 },
    SIM_TXN_OPTIONS,
  );
}
