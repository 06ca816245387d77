import type { FileSystem } from './file-system.ts';
import type { StorageLog } from './storage-log.ts';

/** Calls that can be made to fail. `fsyncDirectory` and `truncate` are as final as the rest. */
export const FAULT_KINDS = [
  'open',
  'read',
  'write',
  'fdatasync',
  'fsync',
  'fsyncDirectory',
  'truncate',
  'rename',
  'unlink',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** The `nth` call (from 1) of a kind, and every one after it, fails with the system error `code`. */
export interface InjectedFault {
  readonly kind: FaultKind;
  readonly nth: number;
  readonly code: string;
}

/** The environment variable that {@link faultsFromEnvironment} reads. */
const FAULT_VARIABLE = 'MENAGERIE_TEST_FAULT';

/**
 * A file system that behaves like `inner` until the fault strikes. It goes on failing from there, as a broken disk
 * would: a caller that retries must not get away with it.
 */
export function withFault(inner: FileSystem, fault: InjectedFault): FileSystem {
  let calls = 0;
  const strike = (kind: FaultKind): void => {
    if (kind !== fault.kind || ++calls < fault.nth) return;
    throw Object.assign(new Error(`${fault.code}: injected fault, ${kind} call ${calls}`), {
      code: fault.code,
      syscall: kind,
    });
  };
  const guard =
    <A extends unknown[], R>(kind: FaultKind, call: (...args: A) => R) =>
    (...args: A): R => {
      strike(kind);
      return call(...args);
    };
  return {
    ...inner,
    open: guard('open', inner.open),
    read: guard('read', inner.read),
    write: guard('write', inner.write),
    fdatasync: guard('fdatasync', inner.fdatasync),
    fsync: guard('fsync', inner.fsync),
    fsyncDirectory: guard('fsyncDirectory', inner.fsyncDirectory),
    truncate: guard('truncate', inner.truncate),
    rename: guard('rename', inner.rename),
    unlink: guard('unlink', inner.unlink),
  };
}

/**
 * For crash tests of a whole server process: `MENAGERIE_TEST_FAULT=fdatasync:5:EIO` gives a file system whose fifth
 * `fdatasync` fails; unset gives `fileSystem` back. A value that does not parse throws, since a test whose fault is
 * ignored proves nothing.
 */
export function faultsFromEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  fileSystem: FileSystem,
  log: StorageLog,
): FileSystem {
  const text = environment[FAULT_VARIABLE];
  if (text === undefined || text === '') return fileSystem;
  const match = /^([a-zA-Z]+):([1-9][0-9]{0,8}):([A-Z0-9]+)$/.exec(text);
  const kind = FAULT_KINDS.find((name) => name === match?.[1]);
  if (match === null || kind === undefined) {
    throw new Error(
      `${FAULT_VARIABLE}=${text}: expected <kind>:<nth>:<errno> with kind one of ${FAULT_KINDS.join(', ')}`,
    );
  }
  const fault = { kind, nth: Number(match[2]), code: match[3] };
  log.warn(
    `${FAULT_VARIABLE}=${text}: this process will fail its ${kind} calls on purpose; unset it outside tests`,
  );
  return withFault(fileSystem, fault);
}
