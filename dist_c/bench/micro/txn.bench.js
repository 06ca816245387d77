import { GrowingJuteWriter, JuteWriter } from '../../src/jute/writer.js';
import { OpCode } from '../../src/protocol/opcode.js';
import { DataTree } from '../../src/replica/data-tree.js';
import { TxnApplier } from '../../src/txn/apply.js';
import { EphemeralOwners } from '../../src/txn/ephemeral-owners.js';
import { Prep } from '../../src/txn/prep.js';
import { Zxid } from '../../src/zab/zxid.js';
import { bytesOf, writeCreate, writeDelete, writeSetData } from './requests.js';
import { addBatch, BATCH } from './timed-batch.js';
const KIBIBYTE = new Uint8Array(1024).fill(7);
const ENTRY_BYTES_MAX = 2048;
const OPTIONS = {
    skipAcl: false,
    digestEnabled: true,
    closeSessionTxnEnabled: true,
    extendedTypesEnabled: false,
    reconfigEnabled: false,
};
const NO_EFFECTS = {
    znodeChanged: () => { },
    sessionCreated: () => { },
    sessionClosed: () => { },
};
function batchOf(opcode, body) {
    const bodies = Array.from({ length: BATCH }, (_, i) => bytesOf((writer) => body(writer, i)));
    return { opcode, bodies };
}
const setsData = batchOf(OpCode.setData, (writer, i) => writeSetData(writer, `/bench/node-${i}`, KIBIBYTE));
const creates = batchOf(OpCode.create, (writer, i) => writeCreate(writer, `/bench/node-${i}`, KIBIBYTE));
const deletes = batchOf(OpCode.delete, (writer, i) => writeDelete(writer, `/bench/node-${i}`));
/** A tree with prep and apply over it. Entries lie in shared memory, as in the log ring. */
class Scene {
    #tree = DataTree.create({ memoryBytesMax: 64 * 1024 * 1024, readersMax: 1, hashSeed: 42 });
    #ephemerals = new EphemeralOwners();
    #prep = new Prep(this.#tree, this.#ephemerals, OPTIONS);
    #applier = new TxnApplier(this.#tree, this.#ephemerals, NO_EFFECTS, OPTIONS);
    #entries = new Uint8Array(new SharedArrayBuffer(BATCH * ENTRY_BYTES_MAX));
    #writer = new JuteWriter(this.#entries);
    #reply = new GrowingJuteWriter();
    #zxid = new Zxid(1, 0);
    #ends = [];
    #zxidsLow = [];
    #admittedBytes = [];
    #request = {
        opcode: 0,
        cxid: 1,
        session: { idHigh: 1, idLow: 1, isClosing: false },
        identities: [{ scheme: 'ip', id: '127.0.0.1' }],
        bytes: KIBIBYTE,
        start: 0,
        end: 0,
        zxidHigh: 0,
        zxidLow: 0,
        timeHigh: 400,
        timeLow: 1,
    };
    constructor() {
        const parent = bytesOf((writer) => writeCreate(writer, '/bench', new Uint8Array(0)));
        this.run({ opcode: OpCode.create, bodies: [parent] });
    }
    prepare({ opcode, bodies }) {
        const request = this.#request;
        request.opcode = opcode;
        for (let i = 0; i < bodies.length; i++) {
            this.#zxid.advance();
            request.bytes = bodies[i];
            request.end = bodies[i].length;
            request.zxidHigh = this.#zxid.epoch;
            request.zxidLow = this.#zxid.counter;
            this.#writer.reset(this.#entries, i * ENTRY_BYTES_MAX, (i + 1) * ENTRY_BYTES_MAX);
            this.#prep.prepare(request, this.#writer);
            if (this.#prep.error !== 0)
                throw new Error(`the request was refused: error ${this.#prep.error}`);
            this.#ends[i] = this.#writer.position;
            this.#zxidsLow[i] = request.zxidLow;
            this.#admittedBytes[i] = this.#prep.admittedBytes;
        }
        this.#ends.length = bodies.length;
    }
    apply() {
        for (let i = 0; i < this.#ends.length; i++) {
            this.#reply.position = 0;
            this.#applier.apply(this.#entries, i * ENTRY_BYTES_MAX, this.#ends[i], this.#reply);
        }
    }
    /** Tells prep that the prepared txns are applied. */
    settle() {
        for (let i = 0; i < this.#ends.length; i++)
            this.#prep.applied(this.#zxidsLow[i], this.#admittedBytes[i]);
    }
    run(batch) {
        this.prepare(batch);
        this.apply();
        this.settle();
    }
    applyAndSettle() {
        this.apply();
        this.settle();
    }
}
/** Registers prep and apply, tree digest included: what main does for each write. */
export function txnBenchmarks(bench) {
    const kinds = [
        { name: 'create of 1 KiB', batch: creates, before: null, after: deletes },
        { name: 'delete', batch: deletes, before: creates, after: null },
        { name: 'setData of 1 KiB', batch: setsData, before: creates, after: deletes },
    ];
    for (const { name, batch, before, after } of kinds) {
        const scene = new Scene();
        const runBefore = () => {
            if (before !== null)
                scene.run(before);
        };
        const runAfter = () => {
            if (after !== null)
                scene.run(after);
        };
        addBatch(bench, `prep: ${name}`, () => scene.prepare(batch), {
            before: runBefore,
            after: () => {
                scene.applyAndSettle();
                runAfter();
            },
        });
        addBatch(bench, `apply: ${name}, with its reply`, () => scene.apply(), {
            before: () => {
                runBefore();
                scene.prepare(batch);
            },
            after: () => {
                scene.settle();
                runAfter();
            },
        });
    }
}
