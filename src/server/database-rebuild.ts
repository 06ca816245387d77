import type { WriterLock } from '../replica/lock.ts';
import { type RecoveryOptions, type RecoveryResult, recover } from '../storage/recovery.ts';
import type { Database } from './database.ts';

/**
 * Fills a database anew from disk, in the same memory, after its history there was cut below what is applied. Readers wait
 * meanwhile, and so does the calling thread: about as long as a start takes. Afterwards the database is exactly what a
 * restart would make of the disk. Throws what recovery throws: the server must end then.
 */
export function rebuildDatabase<Rebuilt extends Database>(
  database: Rebuilt,
  lock: Pick<WriterLock, 'acquire' | 'release'>,
  options: Omit<RecoveryOptions<Rebuilt>, 'newTarget'>,
): RecoveryResult<Rebuilt> {
  const newTarget = (): Rebuilt => {
    database.clear();
    return database;
  };
  lock.acquire();
  try {
    return recover({ ...options, newTarget });
  } finally {
    lock.release();
  }
}
