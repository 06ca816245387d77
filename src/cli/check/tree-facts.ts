import { JuteReader } from '../../jute/reader.ts';
import { readAcls } from '../../protocol/acl.ts';
import type { DataTree } from '../../replica/data-tree.ts';
import { NO_ZNODE, OPEN_ACL } from '../../replica/data-tree-reader.ts';
import { TreeWalk } from '../../replica/tree-walk.ts';
import type { Database } from '../../server/database.ts';
import { TTL_OWNER_HIGH } from '../../txn/ephemeral-owners.ts';

/** Schemes whose identities a client of this server can have. */
const SCHEMES_BUILT: ReadonlySet<string> = new Set(['world', 'digest', 'ip', 'super']);
const CONFIG_PATH = Buffer.from('/zookeeper/config');
const CONFIG_BYTES_MAX = 1 << 20;

/** Znodes by the scheme in their ACL, for schemes that nobody can have here. */
export function foreignSchemes(tree: DataTree): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  const schemesOfAcl = new Map<number, readonly string[]>();
  const walk = new TreeWalk(tree);
  for (let ref = walk.next(); ref !== NO_ZNODE; ref = walk.next()) {
    const aclRef = tree.aclRef(ref);
    if (aclRef === OPEN_ACL) continue;
    let schemes = schemesOfAcl.get(aclRef);
    if (schemes === undefined) {
      schemes = foreignSchemesOf(tree, aclRef);
      schemesOfAcl.set(aclRef, schemes);
    }
    for (const scheme of schemes) found.set(scheme, (found.get(scheme) ?? 0) + 1);
  }
  return found;
}

function foreignSchemesOf(tree: DataTree, aclRef: number): string[] {
  const bytes = new Uint8Array(tree.aclLength(aclRef));
  tree.copyAcl(aclRef, bytes, 0);
  const acls = readAcls(new JuteReader(bytes)) ?? [];
  const schemes = acls.map(({ scheme }) => scheme ?? 'null').filter((scheme) => !SCHEMES_BUILT.has(scheme));
  return [...new Set(schemes)];
}

/** Ephemerals by what is wrong with their owner. */
export interface OwnerFacts {
  /** Of a session that is not there any more. */
  readonly orphans: number;
  /** Whose owner is that of a TTL znode, and which are taken for ephemerals as extended types are off. */
  readonly ttlLike: number;
}

/** Counts ephemerals whose owner is none that lives. */
export function ownerFacts({ ephemerals, sessions }: Database): OwnerFacts {
  let orphans = 0;
  let ttlLike = 0;
  ephemerals.forEachOwner((high, low) => {
    const count = ephemerals.of(high, low).size;
    if (high >>> 24 === TTL_OWNER_HIGH >>> 24) ttlLike += count;
    else if (sessions.get(high, low) === undefined) orphans += count;
  });
  return { orphans, ttlLike };
}

/** The version of the ensemble's configuration that the data holds, null where it was never changed by reconfig. */
export function configVersion(tree: DataTree): string | null {
  const ref = tree.find(CONFIG_PATH, 0, CONFIG_PATH.length);
  if (ref === NO_ZNODE) return null;
  const length = tree.dataLength(ref);
  if (length <= 0 || length > CONFIG_BYTES_MAX) return null;
  const bytes = new Uint8Array(length);
  tree.copyData(ref, bytes, 0);
  const version = /^version=([0-9a-fA-F]+)$/m.exec(Buffer.from(bytes).toString('utf8'))?.[1] ?? '0';
  return /^0+$/.test(version) ? null : version;
}
