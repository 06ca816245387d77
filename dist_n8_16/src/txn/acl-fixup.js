import { GrowingJuteWriter } from '../jute/writer.js';
import { isValidAclId, OPEN_ACL_BYTES, readAcls, writeAcls, } from '../protocol/acl.js';
/** Schemes whose identities stand for a proven user, and so may replace `auth` in an ACL (protocol/client.md §9.1). */
const AUTHENTICATED_SCHEMES = new Set(['digest', 'sasl', 'x509']);
/**
 * Reads the ACL list of a create or setACL request and gives the list that will be stored, serialised, or null when
 * the request must be refused with INVALIDACL: Apache's `fixupACL` (protocol/client.md §9.2). `aclBytesMax` bounds
 * what expanding `auth` may make of it.
 */
export function fixUpAcls(reader, identities, aclBytesMax) {
    if (takesOpenList(reader))
        return OPEN_ACL_BYTES;
    const requested = readAcls(reader);
    if (requested === null)
        return null;
    const fixed = [];
    for (const acl of withoutDuplicates(requested)) {
        if (acl.scheme === null || acl.id === null)
            return null;
        if (acl.scheme === 'world' && acl.id === 'anyone') {
            fixed.push(acl);
        }
        else if (acl.scheme === 'auth') {
            const proven = identities.filter((identity) => AUTHENTICATED_SCHEMES.has(identity.scheme));
            if (proven.length === 0)
                return null;
            for (const { scheme, id } of proven)
                fixed.push({ permissions: acl.permissions, scheme, id });
        }
        else if (isValidAclId(acl.scheme, acl.id)) {
            fixed.push(acl);
        }
        else {
            return null;
        }
    }
    if (fixed.length === 0)
        return null;
    const writer = new GrowingJuteWriter(aclBytesMax);
    writeAcls(writer, fixed);
    return writer.written();
}
/** Nearly every client sends this one list: told by its bytes, without decoding. */
function takesOpenList(reader) {
    const open = OPEN_ACL_BYTES;
    if (reader.remaining < open.length)
        return false;
    for (let i = 0; i < open.length; i++)
        if (reader.bytes[reader.position + i] !== open[i])
            return false;
    reader.skip(open.length);
    return true;
}
function withoutDuplicates(acls) {
    const seen = new Set();
    return acls.filter((acl) => {
        const key = `${acl.permissions}\u0000${acl.scheme}\u0000${acl.id}`;
        return !seen.has(key) && seen.add(key);
    });
}
