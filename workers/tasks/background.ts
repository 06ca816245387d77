import { setPriority } from 'node:os';

const NICE = 5;

/**
 * Lets requests go first where processors are short: the task's thread gets a lower priority, and keeps it, for such tasks
 * are all that it ever does. On Linux alone is that a thread's matter, elsewhere it would be the whole server's. (Measured on
 * two cores, p99.9 of writes during a snapshot of a million znodes: 15 ms instead of 22.)
 */
export function yieldToRequests(): void {
  if (process.platform !== 'linux') return;
  try {
    setPriority(0, NICE);
  } catch {
    // Forbidden here: the task then competes like everybody.
  }
}
