// Hot path: an open list costs one comparison, any other a look-up by its id.
import { JuteReader } from '../jute/reader.js';
import { aclsAllow, readAcls } from '../protocol/acl.js';
import { OPEN_ACL } from '../replica/data-tree-reader.js';
const DECODED_LISTS_MAX = 4096;
/**
 * Decides whether a connection may do something to a znode (protocol/client.md §9.4). One per thread: it keeps decoded
 * ACL lists by their id, which the replica never uses twice.
 */
export class AccessControl {
    #tree;
    #skipAcl;
    #decoded = new Map();
    #reader = new JuteReader();
    constructor(tree, skipAcl) {
        this.#tree = tree;
        this.#skipAcl = skipAcl;
    }
    /** Whether the list grants any of `permissions` to any of `identities`. */
    allows(aclRef, permissions, identities) {
        if (aclRef === OPEN_ACL || this.#skipAcl)
            return true;
        const list = this.#list(aclRef);
        return (list.worldPermissions & permissions) !== 0 || aclsAllow(list.acls, permissions, identities);
    }
    /** The decoded list. */
    acls(aclRef) {
        return this.#list(aclRef).acls;
    }
    /** Whether everybody may do one of `permissions`. */
    allowsWorld(aclRef, permissions) {
        return aclRef === OPEN_ACL || this.#skipAcl || (this.#list(aclRef).worldPermissions & permissions) !== 0;
    }
    #list(aclRef) {
        const id = this.#tree.aclId(aclRef);
        const known = this.#decoded.get(id);
        if (known !== undefined)
            return known;
        const bytes = new Uint8Array(this.#tree.aclLength(aclRef));
        this.#tree.copyAcl(aclRef, bytes, 0);
        this.#reader.reset(bytes, 0, bytes.length);
        const acls = readAcls(this.#reader) ?? [];
        let worldPermissions = acls.length === 0 ? -1 : 0;
        for (const acl of acls) {
            if (acl.scheme === 'world' && acl.id === 'anyone')
                worldPermissions |= acl.permissions;
        }
        if (this.#decoded.size >= DECODED_LISTS_MAX)
            this.#decoded.clear();
        const list = { worldPermissions, acls };
        this.#decoded.set(id, list);
        return list;
    }
}
