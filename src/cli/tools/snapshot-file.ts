import nodePath from 'node:path';
import { nodeFileSystem } from '../../storage/file-system.ts';
import { SnapshotError } from '../../storage/snapshot-error.ts';
import type { SnapshotInput } from '../../storage/snapshot-input.ts';
import { type ScannedSnapshot, type SnapshotSink, scanSnapshot } from '../../storage/snapshot-scan.ts';
import type { SnapshotFileName } from '../../storage/snapshot-source.ts';
import { parseZxidHex } from '../../storage/zxid.ts';
import { Progress } from './progress.ts';
import { ToolError } from './tool.ts';

/** jute.maxbuffer and its extrasize may be 64 MiB each. */
const ENTRY_BYTES_MAX = 128 * 1024 * 1024;

export const NO_SINK: SnapshotSink = { session: () => {}, acl: () => {}, znode: () => {}, end: () => {} };

/** Reads a snapshot of any compression, with progress on stderr. Throws {@link ToolError} (exit code 1) for damage. */
export function readSnapshotFile(path: string, sink: SnapshotSink): ScannedSnapshot {
  const name = nodePath.basename(path);
  const progress = new Progress(name);
  try {
    return scanSnapshot(
      {
        fileSystem: nodeFileSystem,
        file: snapshotFile(path),
        entryBytesMax: ENTRY_BYTES_MAX,
        onProgress: (done, total) => progress.report(done, total),
      },
      sink,
    );
  } catch (error) {
    if (error instanceof SnapshotError) throw new ToolError(error.message, 1);
    throw error;
  }
}

function snapshotFile(path: string): SnapshotFileName {
  const extension = nodePath.extname(path);
  return { path, compression: extension === '.gz' ? 'gz' : extension === '.snappy' ? 'snappy' : 'none' };
}

/** The zxid in a snapshot's name; -1 for any other name, as in Apache. */
export function zxidInName(path: string): { high: number; low: number } {
  const [kind, hex] = nodePath.basename(path).split('.');
  const zxid = kind === 'snapshot' && hex !== undefined ? parseZxidHex(hex) : null;
  return zxid ?? { high: -1, low: -1 };
}

/** A znode's path, `""` for the root. */
export function pathText(input: SnapshotInput, at: number, length: number): string {
  return Buffer.from(input.bytes.buffer, input.bytes.byteOffset + at, length).toString('utf8');
}
