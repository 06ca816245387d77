import type { FileSystem } from '../../src/storage/file-system.ts';
import { type InjectedFault, withFault } from '../../src/storage/injected-faults.ts';

function systemError(code: string, syscall: string): Error {
  return Object.assign(new Error(`${code}: injected fault, ${syscall}`), { code, syscall });
}

/** Writes at most `bytesMax` bytes per call, as a signal or a nearly full disk makes a kernel do. */
export function withShortWrites(inner: FileSystem, bytesMax: number): FileSystem {
  return {
    ...inner,
    write: (fd, bytes, start, length, position) =>
      inner.write(fd, bytes, start, Math.min(length, bytesMax), position),
  };
}

/** A disk with room for `bytes` more: the write that passes it is cut short, the next fails with ENOSPC. */
export function withRoomFor(inner: FileSystem, bytes: number): FileSystem {
  let left = bytes;
  return {
    ...inner,
    write: (fd, source, start, length, position) => {
      if (left <= 0) throw systemError('ENOSPC', 'write');
      const written = inner.write(fd, source, start, Math.min(length, left), position);
      left -= written;
      return written;
    },
  };
}

/** The file system with one fault: `kind`'s `nth` call and all later ones fail with `code`. */
export function withFaultAt(
  inner: FileSystem,
  kind: InjectedFault['kind'],
  nth: number,
  code = 'EIO',
): FileSystem {
  return withFault(inner, { kind, nth, code });
}

/** Counts calls by kind, so that a test can strike each of them in turn. */
export function counting(inner: FileSystem): { fileSystem: FileSystem; counts: Map<string, number> } {
  const counts = new Map<string, number>();
  const entries = Object.entries(inner).map(([kind, call]) => [
    kind,
    (...args: unknown[]) => {
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
      return (call as (...args: unknown[]) => unknown)(...args);
    },
  ]);
  return { fileSystem: Object.fromEntries(entries) as FileSystem, counts };
}
