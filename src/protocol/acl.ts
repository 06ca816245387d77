import { JuteError, type JuteReader } from '../jute/reader.ts';
import type { JuteWriter } from '../jute/writer.ts';
import { addressInPrefix, prefixBits } from './ip-address.ts';
import { Permission } from './opcode.ts';

/** Who a connection is, under one scheme (protocol/client.md §1.1, §9). */
export interface Identity {
  readonly scheme: string;
  readonly id: string;
}

export interface Acl {
  readonly permissions: number;
  readonly scheme: string | null;
  readonly id: string | null;
}

/** Reads vector<ACL>; null when the vector is null. */
export function readAcls(reader: JuteReader): Acl[] | null {
  const count = reader.readCount(12);
  if (count < 0) return null;
  const acls: Acl[] = [];
  for (let i = 0; i < count; i++) {
    const permissions = reader.readInt();
    acls.push({ permissions, scheme: reader.readString(), id: reader.readString() });
  }
  return acls;
}

/** Writes vector<ACL>. */
export function writeAcls(writer: JuteWriter, acls: readonly Acl[]): void {
  writer.writeInt(acls.length);
  for (const acl of acls) {
    writer.writeInt(acl.permissions);
    writer.writeString(acl.scheme);
    writer.writeString(acl.id);
  }
}

/** Reads vector<Id>, as {@link writeIdentities} wrote it between our own threads. */
export function readIdentities(reader: JuteReader): Identity[] {
  const count = reader.readCount(8);
  const identities: Identity[] = [];
  for (let i = 0; i < count; i++) {
    const scheme = reader.readString();
    const id = reader.readString();
    if (scheme === null || id === null) throw new JuteError('an identity needs a scheme and an id');
    identities.push({ scheme, id });
  }
  return identities;
}

/** Writes vector<Id>. */
export function writeIdentities(writer: JuteWriter, identities: readonly Identity[]): void {
  writer.writeInt(identities.length);
  for (const { scheme, id } of identities) {
    writer.writeString(scheme);
    writer.writeString(id);
  }
}

/** vector<ACL> with world:anyone and all permissions: the list that most znodes have. */
export const OPEN_ACL_BYTES: Uint8Array = Uint8Array.from([
  0,
  0,
  0,
  1,
  0,
  0,
  0,
  Permission.all,
  0,
  0,
  0,
  5,
  0x77,
  0x6f,
  0x72,
  0x6c,
  0x64,
  0,
  0,
  0,
  6,
  0x61,
  0x6e,
  0x79,
  0x6f,
  0x6e,
  0x65,
]);

/** Whether a list grants any of `permissions` to one of `identities` (protocol/client.md §9.4). */
export function aclsAllow(
  acls: readonly Acl[],
  permissions: number,
  identities: readonly Identity[],
): boolean {
  if (acls.length === 0) return true;
  for (const identity of identities) if (identity.scheme === 'super') return true;
  for (const acl of acls) {
    if ((acl.permissions & permissions) === 0) continue;
    if (acl.scheme === 'world' && acl.id === 'anyone') return true;
    for (const identity of identities) if (identityMatches(identity, acl)) return true;
  }
  return false;
}

function identityMatches(identity: Identity, acl: Acl): boolean {
  if (identity.scheme !== acl.scheme || acl.id === null) return false;
  return acl.scheme === 'ip' ? addressInPrefix(identity.id, acl.id) : identity.id === acl.id;
}

/** Whether `id` may stand in an ACL under `scheme`, for the schemes that have a provider (protocol/client.md §9.1). */
export function isValidAclId(scheme: string, id: string): boolean {
  switch (scheme) {
    case 'digest': {
      const parts = id.split(':');
      while (parts.length > 0 && parts.at(-1) === '') parts.pop();
      return parts.length === 2;
    }
    case 'ip':
      return prefixBits(id) >= 0;
    default:
      return false;
  }
}
