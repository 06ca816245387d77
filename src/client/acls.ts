import { createHash } from 'node:crypto';
import { type Acl, isValidAclId } from '../protocol/acl.ts';
import { Permission } from '../protocol/opcode.ts';

export { type Acl, Permission };

/** Everybody may do everything: what a create takes if no ACL is given. */
export const openAcl: readonly Acl[] = [{ permissions: Permission.all, scheme: 'world', id: 'anyone' }];
/** Everybody may read. */
export const readAcl: readonly Acl[] = [{ permissions: Permission.read, scheme: 'world', id: 'anyone' }];
/** Whoever the client has authenticated as (addAuth) may do everything. */
export const creatorAcl: readonly Acl[] = [{ permissions: Permission.all, scheme: 'auth', id: '' }];

/** The id that stands in a digest ACL for a user and a password: `user:base64(SHA1(user:password))`. */
export function digestId(user: string, password: string): string {
  return `${user}:${createHash('sha1').update(`${user}:${password}`).digest('base64')}`;
}

/** Why a server would refuse the list (protocol/client.md §9.2), or null. Schemes that only a server knows are left to it. */
export function aclProblem(acls: readonly Acl[]): string | null {
  if (acls.length === 0) return 'an ACL needs at least one entry';
  for (const { permissions, scheme, id } of acls) {
    if (!Number.isInteger(permissions)) return `permissions must be a whole number, not ${permissions}`;
    if (typeof scheme !== 'string' || typeof id !== 'string') return 'an entry needs a scheme and an id';
    if (scheme === 'world' && id !== 'anyone')
      return `the scheme world has only the id 'anyone', not '${id}'`;
    if (scheme === 'super' || scheme === 'ensemble' || scheme === '')
      return `the scheme '${scheme}' cannot stand in an ACL`;
    if (scheme === 'digest' && !isValidAclId(scheme, id))
      return `a digest id is user:base64(SHA1(user:password)), not '${id}'`;
    if (scheme === 'ip' && !isValidAclId(scheme, id)) return `'${id}' is no IP address with optional /bits`;
  }
  return null;
}
