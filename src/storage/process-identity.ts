import fs from 'node:fs';

/** Tells a process from every other one, also from a later one with the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, in clock ticks since boot; '' where the system does not say. */
  readonly started: string;
  /** Which boot of which machine; '' where the system does not say. */
  readonly boot: string;
}

function readOrEmpty(path: string): string {
  try {
    return fs.readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function bootId(): string {
  return readOrEmpty('/proc/sys/kernel/random/boot_id').trim();
}

/** Field 22 of /proc/<pid>/stat; the name in field 2 may hold spaces and brackets, so count from its end. */
function startedTicks(pid: number): string {
  const stat = readOrEmpty(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

/** That of this process. */
export function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, started: startedTicks(process.pid), boot: bootId() };
}

/** Whether that very process still runs, as far as the system tells; a doubt counts as running. */
export function isRunning(identity: ProcessIdentity): boolean {
  if (identity.boot !== '' && identity.boot !== bootId()) return false;
  try {
    process.kill(identity.pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  const started = startedTicks(identity.pid);
  return started === '' || identity.started === '' || started === identity.started;
}
