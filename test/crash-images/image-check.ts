import { CorruptLogError } from '../../src/storage/corrupt-log-error.ts';
import { EpochFiles } from '../../src/storage/epoch-files.ts';
import type { StorageLog } from '../../src/storage/storage-log.ts';
import { digestText, keyOf, keyText } from '../sim/ledger.ts';
import type { SimOptions } from '../sim/options.ts';
import { SimStorage } from '../sim/storage.ts';
import { Violation } from '../sim/violation.ts';
import type { CrashDisk } from '../support/crash-disk.ts';
import { between, type ChainTxn, findIn, isBefore, type Promises, rangeText } from './chain.ts';

/** What became of an image. */
export type ImageOutcome =
  /** The server starts with all that was promised. */
  | 'recovered'
  /** The same, and a snapshot shows more than the log: the leader has the rest (RecoveryResult.isExact). */
  | 'recovered, ahead'
  /**
   * A block of the last, unsynced batch was lost while a later one survived. Nothing in the format tells this from a synced block
   * that was damaged later: the server does not start, and says where it found that.
   */
  | 'refused for a hole';

export const QUIET: StorageLog = { info: () => {}, warn: () => {} };

/** Starts a server's storage on the disk, and compares with what was promised. Throws {@link Violation}. */
export function checkImage(image: CrashDisk, promises: Promises, options: SimOptions): ImageOutcome {
  let storage: SimStorage;
  let recovered: ReturnType<SimStorage['recover']>;
  try {
    storage = new SimStorage(image.fileSystem, options, QUIET);
    recovered = storage.recover();
  } catch (error) {
    if (error instanceof CorruptLogError && image.holes.has(error.damage.path)) return 'refused for a hole';
    throw violationOf('recovery succeeds', error);
  }
  const { lastZxidHigh, lastZxidLow, isExact, target } = recovered.result;
  const last = findIn(promises.histories, keyOf(lastZxidHigh, lastZxidLow));
  if (last === null) {
    const allowed = promises.histories.map(rangeText).join(' or ');
    throw new Violation(
      'acknowledged txns are there',
      `the start ends at ${keyText(keyOf(lastZxidHigh, lastZxidLow))} instead of ${allowed}`,
    );
  }
  checkEpochs(storage, lastZxidHigh, promises);
  const { tree } = target;
  if (isExact) {
    const digest = digestText(tree.treeDigestHigh, tree.treeDigestLow);
    if (digest === last.digest) return 'recovered';
    throw new Violation('tree digest', `at ${keyText(last.key)} it is ${digest} instead of ${last.digest}`);
  }
  // Error txns carry no digest: behind what the snapshot shows, nothing may have said that the tree is right again.
  checkCatchesUp(recovered, last, isBefore(promises.shown, last) ? last : promises.shown);
  return 'recovered, ahead';
}

function checkEpochs(storage: SimStorage, lastEpoch: number, promises: Promises): void {
  const { fileSystem, directory } = storage;
  let epochs: EpochFiles;
  try {
    epochs = EpochFiles.load({ fileSystem, directory: directory.snapshotDirectory, lastEpoch, log: QUIET });
  } catch (error) {
    throw violationOf('recovery succeeds', error);
  }
  for (const kind of ['acceptedEpoch', 'currentEpoch'] as const) {
    if (epochs[kind] >= promises[kind]) continue;
    throw new Violation('epochs do not go back', `${kind} is ${epochs[kind]} instead of ${promises[kind]}`);
  }
}

/** The txns that the leader sends bring the tree to where it is right again. */
function checkCatchesUp(
  { result }: ReturnType<SimStorage['recover']>,
  last: ChainTxn,
  shown: ChainTxn,
): void {
  const { target } = result;
  if (!isBefore(last, shown)) {
    throw new Violation('tree digest', `nothing tells what the tree at ${keyText(last.key)} is`);
  }
  try {
    for (const { entry } of between(last, shown)) target.applyTxn(entry, 0, entry.length);
  } catch (error) {
    throw violationOf('tree digest', error);
  }
  const { tree } = target;
  const digest = digestText(tree.treeDigestHigh, tree.treeDigestLow);
  if (digest === shown.digest) return;
  throw new Violation(
    'tree digest',
    `brought from ${keyText(last.key)} to ${keyText(shown.key)} it is ${digest} instead of ${shown.digest}`,
  );
}

/** What the server says when it ends, as a finding. */
export function violationOf(check: string, error: unknown): Violation {
  if (error instanceof Violation) return error;
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new Violation(check, text);
}
