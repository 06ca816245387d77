import type { DataTree } from '../replica/data-tree.ts';
import type { EphemeralOwners } from './ephemeral-owners.ts';
import type { PendingChanges } from './pending-changes.ts';
import type { PrepSession } from './prep-request.ts';

/**
 * The paths of every ephemeral that the session will own once all outstanding txns are applied: those in the tree that no
 * outstanding txn deletes, and those that an outstanding txn creates.
 */
export function ephemeralsToClose(
  session: PrepSession,
  tree: DataTree,
  ephemerals: EphemeralOwners,
  changes: PendingChanges,
): Uint8Array[] {
  const paths: Uint8Array[] = [];
  const seen = new Set<string>();
  for (const ref of ephemerals.of(session.idHigh, session.idLow)) {
    const path = new Uint8Array(tree.pathLength(ref));
    tree.copyPath(ref, path, 0);
    // An outstanding txn may have deleted it, and another one may have made somebody else's znode in its place.
    const change = changes.find(path, 0, path.length);
    if (change === null || change.ownerHigh !== session.idHigh || change.ownerLow !== session.idLow) continue;
    paths.push(path);
    seen.add(Buffer.from(path).toString('latin1'));
  }
  for (const change of changes.ephemeralsOf(session.idHigh, session.idLow)) {
    const path = change.path.slice(0, change.pathLength);
    if (!seen.has(Buffer.from(path).toString('latin1'))) paths.push(path);
  }
  return paths;
}
