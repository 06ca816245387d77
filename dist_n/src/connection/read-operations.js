// Hot path: a read goes from the frame's bytes to the replica and into the reply buffer; it allocates nothing. Every
// function here is called under the reader lock.
import { JuteError } from '../jute/reader.js';
import { GrowingJuteWriter } from '../jute/writer.js';
import { OPEN_ACL_BYTES, writeAcls } from '../protocol/acl.js';
import { ErrorCode } from '../protocol/error-code.js';
import { OpCode, Permission } from '../protocol/opcode.js';
import { hasNul } from '../protocol/path.js';
import { NO_ZNODE, OPEN_ACL } from '../replica/data-tree-reader.js';
import { childNamesBytes, writeChildNames } from './children-cache.js';
const STAT_BYTES = 68;
/** Answers reads from the replica: exists, getData, getACL, getChildren, getChildren2 and getAllChildrenNumber (protocol/client.md §6). */
export class ReadOperations {
    #tree;
    #access;
    #replies;
    #dataWatches;
    #childWatches;
    #childrenCache;
    constructor(tree, access, replies, dataWatches, childWatches, childrenCache) {
        this.#tree = tree;
        this.#access = access;
        this.#replies = replies;
        this.#dataWatches = dataWatches;
        this.#childWatches = childWatches;
        this.#childrenCache = childrenCache;
    }
    /** Reads the request's body and answers it. Throws JuteError when the body is cut short. */
    answer(connection, xid, opcode, reader) {
        const pathLength = reader.readSpan();
        const pathStart = reader.spanStart;
        const hasWatchFlag = opcode !== OpCode.getACL && opcode !== OpCode.getAllChildrenNumber;
        const wantsWatch = hasWatchFlag && reader.readBoolean();
        const { bytes } = reader;
        if (pathLength < 0)
            throw new JuteError('a read needs a path');
        if (opcode === OpCode.exists && hasNul(bytes, pathStart, pathLength)) {
            this.#fail(connection, xid, ErrorCode.BADARGUMENTS);
            return;
        }
        const hash = this.#tree.hashPath(bytes, pathStart, pathLength);
        const ref = this.#tree.findHashed(hash, bytes, pathStart, pathLength);
        const error = this.#check(connection, opcode, ref);
        const table = opcode === OpCode.getData || opcode === OpCode.exists ? this.#dataWatches : this.#childWatches;
        const registers = error === ErrorCode.OK || (error === ErrorCode.NONODE && opcode === OpCode.exists);
        if (wantsWatch && registers && pathLength > 0)
            table.add(hash, bytes, pathStart, pathLength, connection);
        if (error === ErrorCode.OK)
            this.#succeed(connection, xid, opcode, ref);
        else
            this.#fail(connection, xid, error);
    }
    #check(connection, opcode, ref) {
        if (ref === NO_ZNODE)
            return ErrorCode.NONODE;
        const permissions = opcode === OpCode.getACL ? Permission.read | Permission.admin : Permission.read;
        const isAllowed = this.#access.allows(this.#tree.aclRef(ref), permissions, connection.identities);
        return isAllowed ? ErrorCode.OK : ErrorCode.NOAUTH;
    }
    #fail(connection, xid, error) {
        const tree = this.#tree;
        this.#replies.head(connection, xid, tree.lastZxidHigh, tree.lastZxidLow, error, 0);
    }
    #succeed(connection, xid, opcode, ref) {
        switch (opcode) {
            case OpCode.getData:
                this.#getData(connection, xid, ref);
                break;
            case OpCode.exists:
                this.#exists(connection, xid, ref);
                break;
            case OpCode.getChildren:
                this.#getChildren(connection, xid, ref, false);
                break;
            case OpCode.getChildren2:
                this.#getChildren(connection, xid, ref, true);
                break;
            case OpCode.getACL:
                this.#getAcl(connection, xid, ref);
                break;
            case OpCode.getAllChildrenNumber:
                this.#getAllChildrenNumber(connection, xid, ref);
                break;
            default:
                throw new Error(`opcode ${opcode} is not a read`);
        }
    }
    #getData(connection, xid, ref) {
        const tree = this.#tree;
        const dataLength = tree.dataLength(ref);
        const copied = Math.max(dataLength, 0);
        const body = 4 + copied + STAT_BYTES;
        const reply = this.#replies.head(connection, xid, tree.lastZxidHigh, tree.lastZxidLow, 0, body);
        const at = reply.position;
        reply.view.setInt32(at, dataLength);
        if (copied > 0)
            tree.copyData(ref, reply.bytes, at + 4);
        tree.writeStat(ref, reply.view, at + 4 + copied);
        reply.position = at + body;
    }
    #exists(connection, xid, ref) {
        const tree = this.#tree;
        const reply = this.#replies.head(connection, xid, tree.lastZxidHigh, tree.lastZxidLow, 0, STAT_BYTES);
        tree.writeStat(ref, reply.view, reply.position);
        reply.position += STAT_BYTES;
    }
    #getChildren(connection, xid, ref, withStat) {
        const tree = this.#tree;
        const names = this.#childrenCache.names(ref);
        const namesBytes = names === null ? childNamesBytes(tree, ref) : names.length;
        const body = namesBytes + (withStat ? STAT_BYTES : 0);
        const reply = this.#replies.head(connection, xid, tree.lastZxidHigh, tree.lastZxidLow, 0, body);
        const at = reply.position;
        if (names === null)
            writeChildNames(tree, ref, reply.bytes, reply.view, at);
        else
            reply.bytes.set(names, at);
        if (withStat)
            tree.writeStat(ref, reply.view, at + namesBytes);
        reply.position = at + body;
    }
    /** All descendants, exact at the reply's zxid: each znode keeps their number, so that nobody need count them. */
    #getAllChildrenNumber(connection, xid, ref) {
        const tree = this.#tree;
        const reply = this.#replies.head(connection, xid, tree.lastZxidHigh, tree.lastZxidLow, 0, 4);
        reply.view.setInt32(reply.position, tree.descendantCount(ref));
        reply.position += 4;
    }
    /** Without ADMIN permission the hashes of digest ids are hidden (protocol/client.md §6). Off the hot path. */
    #getAcl(connection, xid, ref) {
        const tree = this.#tree;
        const aclRef = tree.aclRef(ref);
        let list = OPEN_ACL_BYTES;
        if (aclRef !== OPEN_ACL) {
            const acls = this.#access.acls(aclRef);
            const isAdmin = this.#access.allows(aclRef, Permission.admin, connection.identities);
            const writer = new GrowingJuteWriter();
            writeAcls(writer, isAdmin ? acls : acls.map(withHiddenDigest));
            list = writer.written();
        }
        const body = list.length + STAT_BYTES;
        const reply = this.#replies.head(connection, xid, tree.lastZxidHigh, tree.lastZxidLow, 0, body);
        reply.bytes.set(list, reply.position);
        tree.writeStat(ref, reply.view, reply.position + list.length);
        reply.position += body;
    }
}
function withHiddenDigest(acl) {
    if (acl.scheme !== 'digest' || acl.id === null)
        return acl;
    return { ...acl, id: `${acl.id.split(':', 1)[0]}:x` };
}
