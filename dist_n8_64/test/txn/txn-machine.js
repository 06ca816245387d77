import { GrowingJuteWriter, JuteWriter } from '../../src/jute/writer.js';
import { highWord, lowWord } from '../../src/protocol/long.js';
import { OpCode } from '../../src/protocol/opcode.js';
import { Database } from '../../src/server/database.js';
import { TxnApplier } from '../../src/txn/apply.js';
import { TreeDigest, znodeDigest } from '../../src/txn/digest.js';
import { Prep } from '../../src/txn/prep.js';
export function newSession(id) {
    const idHigh = Number(BigInt.asIntN(32, id >> 32n));
    return { id, idHigh, idLow: Number(BigInt.asIntN(32, id)), isClosing: false };
}
const DEFAULTS = {
    skipAcl: false,
    digestEnabled: true,
    closeSessionTxnEnabled: true,
    extendedTypesEnabled: false,
    reconfigEnabled: false,
};
export const TIME_BASE = 1_700_000_000_000;
/** Prep and apply as main runs them, with the log between them: txns wait in it until the test applies them. */
export class TxnMachine {
    database;
    prep;
    applier;
    /** Made and not yet applied. */
    outstanding = [];
    /** All that were made. */
    log = [];
    sessions = new Map();
    changes = [];
    #zxid;
    #entryBytesMax;
    #epoch;
    constructor(options = {}) {
        const all = { ...DEFAULTS, ...options };
        this.#entryBytesMax = options.entryBytesMax ?? 1 << 16;
        this.#epoch = 3;
        this.database = newDatabase(all);
        this.database.startEmpty();
        this.#zxid = 0;
        const { tree, ephemerals } = this.database;
        if (options.rootCversion !== undefined)
            setRootCversion(tree, options.rootCversion);
        this.prep = new Prep(tree, ephemerals, all);
        const effects = {
            znodeChanged: (change, path, start, length) => {
                this.changes.push(`${change} ${Buffer.from(path.subarray(start, start + length))}`);
            },
            sessionCreated: (high, low, timeoutMs) => this.sessions.set(toId(high, low), timeoutMs),
            sessionClosed: (high, low) => this.sessions.delete(toId(high, low)),
        };
        this.applier = new TxnApplier(tree, ephemerals, effects, all);
    }
    get tree() {
        return this.database.tree;
    }
    /** Counter of the zxid given out last. */
    get zxid() {
        return this.#zxid;
    }
    get zxidHigh() {
        return this.#epoch;
    }
    /** Makes a txn of a request; it waits until {@link applyNext}. */
    make(opcode, session, body, identities = [], entryBytesMax = this.#entryBytesMax) {
        const request = new GrowingJuteWriter();
        request.writeInt(0x2f2f2f2f);
        const start = request.position;
        body(request);
        const bytes = request.written().slice();
        // In the middle of memory, as in the ring; what lies around must not be touched.
        const window = new Uint8Array(new SharedArrayBuffer(entryBytesMax + 64)).fill(0x5a);
        const writer = new JuteWriter(window);
        writer.reset(window, 32, 32 + entryBytesMax);
        const zxid = ++this.#zxid;
        const timeMs = timeOf(zxid);
        this.prep.prepare({
            opcode,
            cxid: zxid * 3,
            session,
            identities,
            bytes,
            start,
            end: bytes.length,
            zxidHigh: this.#epoch,
            zxidLow: zxid,
            timeHigh: highWord(timeMs),
            timeLow: lowWord(timeMs),
        }, writer);
        if (writer.end !== 32 + entryBytesMax)
            throw new Error('prep left another window');
        for (let i = 0; i < 32; i++) {
            if (window[i] !== 0x5a || window[window.length - 1 - i] !== 0x5a)
                throw new Error('wrote outside its window');
        }
        const made = {
            zxid,
            error: this.prep.error,
            entry: window.slice(32, writer.position),
            admittedBytes: this.prep.admittedBytes,
            contentCrc: this.prep.hasContentCrc ? this.prep.contentCrc : null,
        };
        this.outstanding.push(made);
        this.log.push(made);
        return made;
    }
    /** Applies the oldest txn that waits. */
    applyNext() {
        const txn = this.outstanding.shift();
        if (txn === undefined)
            throw new Error('nothing waits');
        const reply = new GrowingJuteWriter();
        const shared = new Uint8Array(new SharedArrayBuffer(txn.entry.length));
        shared.set(txn.entry);
        this.applier.contentCrc = txn.contentCrc ?? 0;
        this.applier.hasContentCrc = txn.contentCrc !== null;
        this.applier.apply(shared, 0, shared.length, reply);
        this.prep.applied(txn.zxid, txn.admittedBytes);
        return { error: this.applier.error, reply: reply.written().slice() };
    }
    applyAll() {
        while (this.outstanding.length > 0)
            this.applyNext();
    }
    /** Makes and applies; throws unless the txn succeeds. */
    run(opcode, session, body) {
        this.applyAll();
        const made = this.make(opcode, session, body);
        if (made.error !== 0)
            throw new Error(`txn ${made.zxid} failed with ${made.error}`);
        return this.applyNext();
    }
    openSession(id) {
        const session = newSession(id);
        this.make(OpCode.createSession, session, (writer) => writer.writeInt(30_000));
        return session;
    }
}
export function newDatabase(options = {}) {
    return new Database({ memoryBytesMax: 8 << 20, readersMax: 2, hashSeed: 99, segmentBytes: 1 << 20, ...options.replica }, { ...DEFAULTS, ...options });
}
function setRootCversion(tree, cversion) {
    const { root } = tree;
    const digest = new TreeDigest();
    digest.set(tree.treeDigestHigh, tree.treeDigestLow);
    digest.subtract(tree.digest(root));
    tree.setCversion(root, cversion);
    tree.setDigest(root, znodeDigest(tree, root));
    digest.add(tree.digest(root));
    tree.setTreeDigest(digest.high, digest.low);
}
export function timeOf(zxid) {
    return TIME_BASE + zxid * 7;
}
function toId(high, low) {
    return BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low >>> 0));
}
