import { crc32 } from 'node:zlib';
import { GrowingJuteWriter } from '../../src/jute/writer.js';
import { OpCode } from '../../src/protocol/opcode.js';
import { opcodeOf, writeAclList, writeMultiHeader, } from './requests.js';
import { timeOf } from './txn-machine.js';
class Refusal extends Error {
    code;
    constructor(code) {
        super(`refused with ${code}`);
        this.code = code;
    }
}
const AUTHENTICATED = ['digest', 'sasl', 'x509'];
/**
 * ZooKeeper's semantics (protocol/client.md §4-§7, §9) once more, as plainly as can be: a map of paths, every request
 * carried out at once. It shares no code with prep and apply but the serialisation of primitives.
 */
export class ZookeeperModel {
    znodes = new Map();
    #skipAcl;
    #zxid = 0n;
    #time = 0n;
    constructor(skipAcl = false) {
        this.#skipAcl = skipAcl;
        const open = [[31, 'world', 'anyone']];
        const zero = {
            czxid: 0n,
            mzxid: 0n,
            pzxid: 0n,
            ctime: 0n,
            mtime: 0n,
            version: 0,
            cversion: 0,
            owner: 0n,
        };
        for (const path of ['/', '/zookeeper', '/zookeeper/quota']) {
            this.znodes.set(path, { ...zero, data: Buffer.alloc(0), acl: open, aversion: 0 });
        }
        this.znodes.set('/zookeeper/config', {
            ...zero,
            data: Buffer.alloc(0),
            acl: [[1, 'world', 'anyone']],
            aversion: -1,
        });
    }
    children(path) {
        const prefix = path === '/' ? '/' : `${path}/`;
        return [...this.znodes.keys()].filter((other) => other !== '/' && other.startsWith(prefix) && !other.includes('/', prefix.length));
    }
    ephemerals(session) {
        return [...this.znodes].filter(([, znode]) => znode.owner === session).map(([path]) => path);
    }
    /** The digest by its definition (disk.md §7), from scratch. */
    digest() {
        let sum = 0n;
        for (const [path, znode] of this.znodes) {
            if (path.startsWith('/zookeeper/'))
                continue;
            const stat = new GrowingJuteWriter();
            for (const long of [znode.czxid, znode.mzxid, znode.pzxid, znode.ctime, znode.mtime])
                stat.writeLong(long);
            for (const int of [znode.version, znode.cversion, znode.aversion])
                stat.writeInt(int);
            stat.writeLong(znode.owner);
            const input = [Buffer.from(path === '/' ? '' : path), znode.data ?? Buffer.alloc(0), stat.written()];
            sum += BigInt(crc32(Buffer.concat(input)));
        }
        return BigInt.asUintN(64, sum);
    }
    closeSession(session, zxidHigh, zxid) {
        this.#begin(zxidHigh, zxid);
        const paths = this.ephemerals(session.id);
        for (const path of paths)
            this.#remove(path);
        return paths.sort();
    }
    /** Carries out a client's request at this zxid. */
    request(request, session, identities, zxidHigh, zxid) {
        this.#begin(zxidHigh, zxid);
        const txn = new GrowingJuteWriter();
        const reply = new GrowingJuteWriter();
        if (request.type === 'multi')
            return this.#multi(request.ops, session, identities, txn, reply);
        try {
            this.#op(request, session, identities, txn, reply);
            return { error: 0, txn: txn.written(), reply: reply.written() };
        }
        catch (error) {
            if (!(error instanceof Refusal))
                throw error;
            txn.position = 0;
            txn.writeInt(error.code);
            return { error: error.code, txn: txn.written(), reply: new Uint8Array(0) };
        }
    }
    #begin(zxidHigh, zxid) {
        this.#zxid = (BigInt(zxidHigh) << 32n) | BigInt(zxid);
        this.#time = BigInt(timeOf(zxid));
    }
    #multi(ops, session, identities, txn, reply) {
        if (ops.some((op) => 'flags' in op && (op.flags < 0 || op.flags > 6))) {
            txn.writeInt(-5);
            return { error: -5, txn: txn.written(), reply: reply.written() };
        }
        const before = structuredClone(this.znodes);
        txn.writeInt(ops.length);
        let failure = 0;
        const errors = [];
        for (const op of ops) {
            const body = new GrowingJuteWriter();
            const result = new GrowingJuteWriter();
            try {
                if (failure !== 0)
                    throw new Refusal(-2);
                const makesContainer = 'flags' in op && op.flags === 4;
                if (makesContainer)
                    this.#create(op, session, identities, body, result, true);
                else
                    this.#op(op, session, identities, body, result);
                txn.writeInt(makesContainer ? OpCode.createContainer : opcodeOf(op.type));
                txn.writeBuffer(body.written());
                writeMultiHeader(reply, makesContainer ? OpCode.create2 : opcodeOf(op.type), false, 0);
                reply.writeBytes(result.written(), 0, result.position);
                errors.push(0);
            }
            catch (error) {
                if (!(error instanceof Refusal))
                    throw error;
                failure ||= error.code;
                errors.push(error.code);
                txn.writeInt(-1);
                txn.writeInt(4);
                txn.writeInt(error.code);
            }
        }
        if (failure !== 0) {
            this.znodes = new Map([...before].map(([path, znode]) => [path, restored(znode)]));
            reply.position = 0;
            for (const error of errors) {
                writeMultiHeader(reply, -1, false, error);
                reply.writeInt(error);
            }
        }
        writeMultiHeader(reply, -1, true, -1);
        return { error: 0, txn: txn.written(), reply: reply.written() };
    }
    #op(op, session, identities, txn, reply) {
        switch (op.type) {
            case 'create':
            case 'create2':
                this.#create(op, session, identities, txn, reply);
                break;
            case 'delete': {
                refuseIf(session.isClosing, -112);
                refuseIf(!op.path.includes('/') || op.path.includes('\0'), -8);
                refuseIf(['/', '/zookeeper', '/zookeeper/quota', '/zookeeper/config'].includes(op.path), -8);
                const parent = this.#find(parentOf(op.path));
                this.#allow(parent, 8, identities);
                const znode = this.#find(op.path);
                refuseIf(op.version !== -1 && op.version !== znode.version, -103);
                refuseIf(this.children(op.path).length > 0, -111);
                this.#remove(op.path);
                txn.writeString(op.path);
                break;
            }
            case 'setData': {
                refuseIf(session.isClosing, -112);
                refuseIf(!isValid(op.path), -8);
                const znode = this.#find(op.path);
                this.#allow(znode, 2, identities);
                refuseIf(op.version !== -1 && op.version !== znode.version, -103);
                znode.data = op.data === null ? null : Buffer.from(op.data);
                znode.version = following(znode.version);
                znode.mzxid = this.#zxid;
                znode.mtime = this.#time;
                txn.writeString(op.path);
                txn.writeBuffer(op.data);
                txn.writeInt(znode.version);
                this.#writeStat(op.path, reply);
                break;
            }
            case 'setACL': {
                refuseIf(session.isClosing, -112);
                refuseIf(!isValid(op.path), -8);
                const acl = fixUp(op.acl, identities);
                const znode = this.#find(op.path);
                this.#allow(znode, 16, identities);
                refuseIf(op.version !== -1 && op.version !== znode.aversion, -103);
                znode.acl = acl;
                znode.aversion = following(znode.aversion);
                txn.writeString(op.path);
                writeAclList(txn, acl);
                txn.writeInt(znode.aversion);
                this.#writeStat(op.path, reply);
                break;
            }
            case 'check': {
                refuseIf(session.isClosing, -112);
                refuseIf(!isValid(op.path), -8);
                const znode = this.#find(op.path);
                this.#allow(znode, 1, identities);
                refuseIf(op.version !== -1 && op.version !== znode.version, -103);
                txn.writeString(op.path);
                txn.writeInt(following(znode.version));
                break;
            }
        }
    }
    #create(op, session, identities, txn, reply, makesContainer = false) {
        refuseIf(op.flags < 0 || op.flags > 6, -8);
        // TTLs need extended types.
        refuseIf(op.flags >= 5, -6);
        refuseIf(session.isClosing, -112);
        refuseIf(!op.path.includes('/') || op.path.includes('\0'), -8);
        const acl = fixUp(op.acl, identities);
        const parentPath = parentOf(op.path);
        const parent = this.#find(parentPath);
        this.#allow(parent, 4, identities);
        const path = op.flags === 2 || op.flags === 3 ? op.path + javaPadded(parent.cversion) : op.path;
        refuseIf(!isValid(path), -8);
        refuseIf(this.znodes.has(path), -110);
        refuseIf(isEphemeral(parent), -108);
        parent.cversion = (parent.cversion + 1) | 0;
        parent.pzxid = this.#zxid;
        const [zxid, time] = [this.#zxid, this.#time];
        const owner = makesContainer ? CONTAINER_OWNER : op.flags % 2 === 1 ? session.id : 0n;
        this.znodes.set(path, {
            ...{ data: op.data === null ? null : Buffer.from(op.data), acl, owner },
            ...{ czxid: zxid, mzxid: zxid, pzxid: zxid, ctime: time, mtime: time },
            ...{ version: 0, cversion: 0, aversion: 0 },
        });
        txn.writeString(path);
        txn.writeBuffer(op.data);
        writeAclList(txn, acl);
        if (!makesContainer)
            txn.writeBoolean(owner !== 0n);
        txn.writeInt(parent.cversion);
        reply.writeString(path);
        if (op.type === 'create2' || makesContainer)
            this.#writeStat(path, reply);
    }
    #remove(path) {
        this.znodes.delete(path);
        const parent = this.#find(parentOf(path));
        parent.pzxid = this.#zxid;
    }
    #find(path) {
        const znode = this.znodes.get(path);
        if (znode === undefined)
            throw new Refusal(-101);
        return znode;
    }
    #allow(znode, permission, identities) {
        if (this.#skipAcl || identities.some(({ scheme }) => scheme === 'super'))
            return;
        const allowed = znode.acl.some(([permissions, scheme, id]) => (permissions & permission) !== 0 &&
            ((scheme === 'world' && id === 'anyone') ||
                identities.some((identity) => identity.scheme === scheme && identity.id === id)));
        refuseIf(!allowed, -102);
    }
    /** The Stat that clients see (protocol/client.md §1.1). */
    #writeStat(path, writer) {
        const znode = this.#find(path);
        const children = this.children(path).length;
        for (const long of [znode.czxid, znode.mzxid, znode.ctime, znode.mtime])
            writer.writeLong(long);
        for (const int of [znode.version, (znode.cversion * 2 - children) | 0, znode.aversion])
            writer.writeInt(int);
        writer.writeLong(isEphemeral(znode) ? znode.owner : 0n);
        writer.writeInt(znode.data?.length ?? 0);
        writer.writeInt(children);
        writer.writeLong(znode.pzxid);
    }
}
/** What stands in a container's ephemeralOwner (protocol/client.md §11). */
const CONTAINER_OWNER = -(2n ** 63n);
export function isEphemeral({ owner }) {
    return owner !== 0n && owner !== CONTAINER_OWNER;
}
/** structuredClone makes plain arrays of bytes of Buffers. */
function restored(znode) {
    return { ...znode, data: znode.data === null ? null : Buffer.from(znode.data) };
}
function refuseIf(condition, code) {
    if (condition)
        throw new Refusal(code);
}
function parentOf(path) {
    const slash = path.lastIndexOf('/');
    return slash === 0 ? '/' : path.slice(0, slash);
}
function isValid(path) {
    if (path === '/')
        return true;
    if (!path.startsWith('/') || path.endsWith('/'))
        return false;
    const components = path.slice(1).split('/');
    return (components.every((name) => !['', '.', '..'].includes(name)) &&
        [...path].every((unit) => unit >= ' ' && unit !== '\x7f'));
}
/** A version may not become -1, which stands for any. */
function following(version) {
    const next = (version + 1) | 0;
    return next === -1 ? 0 : next;
}
/** Java's `%010d`. */
export function javaPadded(value) {
    return value < 0 ? `-${String(-value).padStart(9, '0')}` : String(value).padStart(10, '0');
}
/** `fixupACL` (protocol/client.md §9.2) for the schemes that the tests use. */
export function fixUp(acl, identities) {
    const fixed = [];
    const seen = new Set();
    for (const [permissions, scheme, id] of acl ?? []) {
        const key = JSON.stringify([permissions, scheme, id]);
        if (seen.has(key))
            continue;
        seen.add(key);
        if (scheme === null || id === null)
            throw new Refusal(-114);
        if (scheme === 'auth') {
            const proven = identities.filter((identity) => AUTHENTICATED.includes(identity.scheme));
            refuseIf(proven.length === 0, -114);
            for (const identity of proven)
                fixed.push([permissions, identity.scheme, identity.id]);
        }
        else {
            const isDigest = scheme === 'digest' && /^[^:]*:[^:]+$/.test(id);
            refuseIf(!(scheme === 'world' && id === 'anyone') && !isDigest, -114);
            fixed.push([permissions, scheme, id]);
        }
    }
    refuseIf(fixed.length === 0, -114);
    return fixed;
}
